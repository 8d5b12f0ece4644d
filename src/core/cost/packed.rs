//! Number of quantised weights that are packed into bytes.

use super::sizes::{Counted, product};
use crate::graph::{DType, Graph, Node};
use crate::operators::{Column, Operator, Role, operators};
use crate::words::counted;

/// The weights that a constant of `stored` elements at `position` of the node holds. Operators of ONNX Runtime keep them in
/// bytes, padded to whole blocks.
pub(super) fn weights(graph: &Graph, node: &Node, position: usize, dtype: DType, stored: u64) -> Counted<u64> {
    let Some((operator, rule)) = node.operator().and_then(|operator| Some((operator, RULES.of(operator)?))) else {
        return Ok(stored);
    };
    let role = if operator.weights.is_empty() { Role::Parameter } else { Role::Weight };
    match operator.role(position) == Some(role) {
        true => rule(&Packed { graph, node, operator, position, dtype, stored }),
        false => Ok(stored),
    }
}

/// The rules of the operators whose weights, or whose table where they have none, lie several in a byte.
static RULES: Column<fn(&Packed) -> Counted<u64>> = Column(operators!(packed));

struct Packed<'a> {
    graph: &'a Graph,
    node: &'a Node,
    operator: &'static Operator,
    position: usize,
    dtype: DType,
    stored: u64,
}

impl Packed<'_> {
    fn place(&self) -> usize {
        self.operator.weights.iter().position(|position| *position == self.position).unwrap_or(0)
    }
}

fn matrix(packed: &Packed, columns: &str) -> Counted<u64> {
    product(&[size(packed.node, "K")?, size(packed.node, columns)?])
}

fn heads(packed: &Packed) -> Counted<u64> {
    matrix(packed, if packed.place() == 0 { "Nq" } else { "Nkv" })
}

/// A matrix whose shape the next operand states.
fn stated(packed: &Packed) -> Counted<u64> {
    let sizes = packed.node.input(packed.position + 1).and_then(|id| packed.graph.initializer(id)?.to_i64());
    let sizes = sizes.and_then(|sizes| sizes.iter().map(|size| u64::try_from(*size).ok()).collect::<Option<Vec<_>>>());
    product(&sizes.ok_or("the shape of its matrix is not known")?)
}

/// A table whose bits an attribute states.
fn table(packed: &Packed) -> Counted<u64> {
    bits(packed, packed.node.int("bits").unwrap_or(4))
}

fn experts(packed: &Packed) -> Counted<u64> {
    let layer = packed.node.int(&format!("fc{}_expert_weight_bits", packed.place() + 1));
    bits(packed, layer.or(packed.node.int("expert_weight_bits")).unwrap_or(4))
}

/// Bytes hold as many weights as fit; a type of less than a byte counts its own elements.
fn bits(packed: &Packed, bits: i64) -> Counted<u64> {
    match (packed.dtype, bits) {
        (DType::U8 | DType::I8, 1 | 2 | 4) => product(&[packed.stored, (8 / bits) as u64]),
        (_, 1..=8) => Ok(packed.stored),
        _ => Err(format!("weights of {} are not known", counted(bits, "bit"))),
    }
}

pub(super) fn size(node: &Node, name: &str) -> Counted<u64> {
    let size = node.int(name).and_then(|size| u64::try_from(size).ok());
    size.ok_or_else(|| format!("its attribute {name} is no size"))
}
