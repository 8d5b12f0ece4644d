//! Roles of each operator's constants and attributes: weights, other learned numbers, or nothing learned.
//!
//! An operator that is in no row of the table has no roles: the meaning of its constants is unknown, and they are never
//! assumed to be nothing.

use crate::graph::{Attribute, Node};
use crate::operators::Role;

/// Returns the attributes of a node that hold learned numbers, by name: an empty list if it is known that none does,
/// `None` if unknown.
pub(super) fn attributes(node: &Node) -> Option<&'static [(&'static str, Role)]> {
    let operator = node.operator()?;
    (!operator.attributes.is_empty() || operator.role(0).is_some()).then_some(operator.attributes)
}

/// Returns the number of learned numbers in an attribute of the node. In a tree only decision nodes have a threshold.
pub(super) fn learned_elements(node: &Node, name: &str) -> u64 {
    let elements = match node.attributes.get(name) {
        Some(Attribute::Floats(values)) => values.len(),
        Some(Attribute::Tensor(tensor)) => tensor.len(),
        _ => 0,
    };
    let leaves = match node.attributes.get("nodes_modes") {
        Some(Attribute::Strings(modes)) if name.starts_with("nodes_values") => {
            modes.iter().filter(|mode| *mode == "LEAF").count()
        }
        _ => 0,
    };
    elements.saturating_sub(leaves) as u64
}

/// Returns `true` if an attribute holds more numbers than a kernel's shape, a padding or a permutation has, or bytes
/// that may hold them.
pub(super) fn may_hold_weights(attribute: &Attribute) -> bool {
    /// The pads of an image in three dimensions with batch and channels are this many.
    const SIZES: usize = 10;
    /// Names and equations are shorter.
    const TEXT: usize = 4096;
    match attribute {
        Attribute::Floats(values) => values.len() > 1,
        Attribute::Tensor(tensor) => tensor.len() > 1,
        Attribute::Ints(values) => values.len() > SIZES,
        Attribute::String(text) => text.len() > TEXT,
        Attribute::Strings(texts) => texts.iter().map(String::len).sum::<usize>() > TEXT,
        Attribute::Opaque(bytes) => bytes.len() > TEXT,
        Attribute::Int(_) | Attribute::Float(_) | Attribute::Graph(_) | Attribute::Graphs(_) => false,
    }
}
