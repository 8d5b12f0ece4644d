//! MACs of one node: selection of the rule that counts them.

use super::operators::{makes_no_product, only_runs_subgraphs, own};
use super::products;
use super::rule::Rule;
use super::sizes::{Counted, Sizes};
use crate::graph::Node;

/// Counts the MACs of a node for the whole batch, or says why they cannot be counted.
pub(super) fn macs(sizes: &Sizes, node: &Node) -> Counted<u64> {
    let rule = Rule { sizes, node };
    let name = (if own(node) { "" } else { node.domain.as_str() }, node.op_type.as_str());
    let further = match name.0 {
        "com.microsoft" => products::microsoft(&rule),
        "ai.onnx.ml" => products::ml(&rule),
        _ => None,
    };
    if let Some(counted) = further {
        return counted;
    }
    match name {
        ("", "Conv" | "ConvInteger" | "DeformConv" | "CausalConvWithState") => rule.convolution(1),
        ("", "QLinearConv") => rule.convolution(3),
        ("", "ConvTranspose") => rule.transposed_convolution(),
        ("", "Gemm") => rule.gemm(),
        ("", "MatMul" | "MatMulInteger" | "QLinearMatMul") => rule.matrix_product(),
        ("", "Einsum") => rule.einsum(),
        ("", "RNN" | "GRU" | "LSTM") => rule.recurrent(),
        ("", "Attention") | ("ai.onnx.preview", "FlexAttention") => rule.attention(),
        // The cost of its subgraphs is counted with their own nodes.
        _ if makes_no_product(node) || only_runs_subgraphs(node) => Ok(0),
        ("", op) => Err(format!("gnet has no rule for the operation {op}")),
        (domain, op) => Err(format!("gnet has no rule for the operation {op} of {domain}")),
    }
}
