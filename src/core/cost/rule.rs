//! Rules for counting MACs, one for each kind of product.

use super::einsum;
use super::sizes::{Counted, Sizes, product, too_large};
use crate::graph::{Node, ValueId};
use crate::operators::Operator;

/// One node, with the sizes of its inputs and outputs.
pub(super) struct Rule<'a> {
    pub sizes: &'a Sizes<'a>,
    pub node: &'a Node,
    pub operator: &'static Operator,
}

impl Rule<'_> {
    fn dims(&self, id: Option<ValueId>, what: &str) -> Counted<Vec<u64>> {
        id.map_or_else(|| Err(format!("it has no {what}")), |id| self.sizes.dims(id))
    }

    pub fn operand(&self, index: usize) -> Counted<Vec<u64>> {
        self.dims(self.node.input(index), &format!("operand {index}"))
    }

    /// Returns the sizes of an operand with rows and columns, or channels and positions.
    pub fn of_rank_2(&self, index: usize) -> Counted<Vec<u64>> {
        self.operand(index).and_then(of_rank_2)
    }

    fn output(&self) -> Counted<Vec<u64>> {
        self.dims(self.node.output(), "output")
    }

    fn flag(&self, name: &str) -> bool {
        self.node.int(name).unwrap_or(0) != 0
    }

    /// The operands that are weights, of those that are there.
    pub fn weights(&self) -> impl Iterator<Item = usize> {
        self.operator.weights.iter().copied().filter(|position| self.node.input(*position).is_some())
    }
}

/// Counts a convolution: each output element is computed from one kernel window, one filter over the group's
/// channels.
pub(super) fn convolution(rule: &Rule) -> Counted<u64> {
    let made = of_rank_2(rule.output()?)?;
    let kernel = rule.operator.weights.first().ok_or("its kernel is not known")?;
    times(&made, &rule.of_rank_2(*kernel)?[1..])
}

/// Counts a transposed convolution: each input element is spread over one kernel window.
pub(super) fn transposed_convolution(rule: &Rule) -> Counted<u64> {
    times(&rule.of_rank_2(0)?, &rule.of_rank_2(1)?[1..])
}

/// Counts a matrix product: each output element is one row of the first operand, of length K, times one column.
pub(super) fn gemm(rule: &Rule) -> Counted<u64> {
    let k = usize::from(!rule.flag("transA"));
    times(&rule.output()?, &rule.of_rank_2(0)?[k..=k])
}

pub(super) fn matrix_product(rule: &Rule) -> Counted<u64> {
    let first = rule.operand(0)?;
    times(&rule.output()?, &first[first.len().saturating_sub(1)..])
}

pub(super) fn fused_matrix_product(rule: &Rule) -> Counted<u64> {
    if rule.flag("transBatchA") || rule.flag("transBatchB") {
        return Err("gnet has no rule for its transposed batches".to_owned());
    }
    let first = rule.of_rank_2(0)?;
    let k = first.len() - if rule.flag("transA") { 2 } else { 1 };
    times(&rule.output()?, &first[k..=k])
}

/// Counts an Einsum: every combination of the indices of two operands is one product.
pub(super) fn einsum(rule: &Rule) -> Counted<u64> {
    let equation = rule.node.text("equation").ok_or("it has no equation")?;
    let operands = (0..rule.node.inputs.len()).map(|i| rule.operand(i)).collect::<Counted<Vec<_>>>()?;
    einsum::macs(equation, &operands)
}

/// Counts a recurrent layer: at each step each item is multiplied by the matrices of the input and of the state, in
/// each direction.
pub(super) fn recurrent(rule: &Rule) -> Counted<u64> {
    let x = rule.operand(0)?;
    let [steps, items, _] = x[..] else { return Err("its input has not three dimensions".to_owned()) };
    let matrices = product(&rule.operand(1)?)?.checked_add(product(&rule.operand(2)?)?).ok_or_else(too_large)?;
    product(&[steps, items, matrices])
}

/// Counts attention. Scores: each element of the queries is multiplied with each key. Mixing: each element of the
/// result sums over each value. Past keys and values count; a mask saves nothing.
pub(super) fn attention(rule: &Rule) -> Counted<u64> {
    let keys = |index: usize| -> Counted<u64> {
        let dims = rule.of_rank_2(index)?;
        Ok(dims[dims.len() - 2])
    };
    let past = if rule.node.input(4).is_some() { keys(4)? } else { 0 };
    let keys = keys(1)?.checked_add(past).ok_or_else(too_large)?;
    let both = product(&rule.operand(0)?)?.checked_add(product(&rule.output()?)?).ok_or_else(too_large)?;
    product(&[keys, both])
}

pub(super) fn of_rank_2(dims: Vec<u64>) -> Counted<Vec<u64>> {
    if dims.len() < 2 { Err("an operand or its output has fewer than two dimensions".to_owned()) } else { Ok(dims) }
}

pub(super) fn times(a: &[u64], b: &[u64]) -> Counted<u64> {
    product(&[product(a)?, product(b)?])
}
