//! Number of quantised weights that are packed into bytes.

use super::operators::microsoft;
use super::sizes::{Counted, product};
use crate::graph::{DType, Graph, Node};
use crate::words::counted;

/// Returns the number of weights in a constant of `stored` elements at `position` of the node. Operations of ONNX
/// Runtime pack them into bytes, padded to whole blocks.
pub(super) fn weights(graph: &Graph, node: &Node, position: usize, dtype: DType, stored: u64) -> Counted<u64> {
    if !microsoft(node) {
        return Ok(stored);
    }
    match (node.op_type.as_str(), position) {
        ("MatMulNBits" | "MatMulBnb4", 1) | ("MatMulNBitsMlp", 3 | 6) => matrix(node, "K", "N"),
        ("MatMulNBitsQkv", 3) => matrix(node, "K", "Nq"),
        ("MatMulNBitsQkv", 6 | 9) => matrix(node, "K", "Nkv"),
        ("MatMulFpQ4", 1) => {
            let sizes = node.input(2).and_then(|id| graph.initializer(id)?.to_i64());
            let sizes =
                sizes.and_then(|sizes| sizes.iter().map(|size| u64::try_from(*size).ok()).collect::<Option<Vec<_>>>());
            product(&sizes.ok_or("the shape of its matrix is not known")?)
        }
        ("MatMulBlockQuantizedFp4Weight", 1) => unpacked(dtype, stored, 4),
        ("GatherBlockQuantized", 0) => unpacked(dtype, stored, node.int("bits").unwrap_or(4)),
        ("QMoE", 2) => unpacked(dtype, stored, expert_bits(node, "fc1_expert_weight_bits")),
        ("QMoE", 5) => unpacked(dtype, stored, expert_bits(node, "fc2_expert_weight_bits")),
        ("QMoE", 8) => unpacked(dtype, stored, expert_bits(node, "fc3_expert_weight_bits")),
        _ => Ok(stored),
    }
}

/// Returns the size of a matrix given by attributes.
fn matrix(node: &Node, rows: &str, columns: &str) -> Counted<u64> {
    product(&[size(node, rows)?, size(node, columns)?])
}

/// Returns a size given by an attribute.
pub(super) fn size(node: &Node, name: &str) -> Counted<u64> {
    let size = node.int(name).and_then(|size| u64::try_from(size).ok());
    size.ok_or_else(|| format!("its attribute {name} is no size"))
}

fn expert_bits(node: &Node, name: &str) -> i64 {
    node.int(name).or(node.int("expert_weight_bits")).unwrap_or(4)
}

/// Returns the number of weights: bytes hold as many as fit; a type of less than a byte counts its own elements.
fn unpacked(dtype: DType, stored: u64, bits: i64) -> Counted<u64> {
    match (dtype, bits) {
        (DType::U8 | DType::I8, 1 | 2 | 4) => product(&[stored, (8 / bits) as u64]),
        (_, 1..=8) => Ok(stored),
        _ => Err(format!("weights of {} are not known", counted(bits, "bit"))),
    }
}
