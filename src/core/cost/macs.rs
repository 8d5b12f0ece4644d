//! MACs of one node: selection of the rule that counts them.

use super::products::{coefficients, columns, experts, grouped_attention, multi_head_attention, projected_attention};
use super::rule::{
    Rule, attention, convolution, einsum, fused_matrix_product, gemm, matrix_product, recurrent, transposed_convolution,
};
use super::sizes::{Counted, Sizes};
use crate::graph::Node;
use crate::operators::{Column, operators};

static RULES: Column<fn(&Rule) -> Counted<u64>> = Column(operators!(macs));

/// Counts the MACs of a node for the whole batch, or says why they cannot be counted.
pub(super) fn macs(sizes: &Sizes, node: &Node) -> Counted<u64> {
    let operator = node.operator();
    if let Some((operator, rule)) = operator.and_then(|operator| Some((operator, RULES.of(operator)?))) {
        return rule(&Rule { sizes, node, operator });
    }
    // What its subgraphs cost is counted with their own nodes.
    if operator.is_some_and(|operator| operator.without_products) || only_runs_subgraphs(node) {
        return Ok(0);
    }
    match (node.domain.as_str(), &node.op_type) {
        ("" | "ai.onnx", op) => Err(format!("gnet has no rule for the operation {op}")),
        (domain, op) => Err(format!("gnet has no rule for the operation {op} of {domain}")),
    }
}

pub(super) fn only_runs_subgraphs(node: &Node) -> bool {
    node.operator().is_some_and(|operator| operator.control.is_some()) && node.subgraphs().next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::{Domain, all};

    /// An operator that gains a rule leaves this list, and a row without one has to be put on it.
    #[test]
    fn what_has_no_rule_is_known() {
        let own = all().filter(|operator| operator.domain == Domain::Onnx && operator.control.is_none());
        let unknown = own.filter(|operator| RULES.of(operator).is_none() && !operator.without_products);
        let names: Vec<_> = unknown.map(|operator| operator.name).collect();
        assert_eq!(names, ["LinearAttention"]);
    }
}
