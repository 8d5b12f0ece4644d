//! Merges nodes that compute the same from the same inputs.
//!
//! Assumes, and checks: the same operation of ONNX's own domain, the same inputs, attributes that are equal bit for bit
//! (`-0.0` is not `0.0`), the same outputs used, and a deterministic operation: nothing random, no Dropout, no
//! subgraph. Shapes and element types are not needed. Ensures: readers of the later node read the earlier one, in
//! branches and bodies too; an output of the graph keeps its producer. Exact: the results are the same bit for bit.

use std::collections::{HashMap, HashSet};

use super::Rewrites;
use super::edit::{Aliases, work};
use crate::graph::{Attribute, Graph, Node, Tensor, ValueId};

/// Returns `true` if a node gives different results each time, or may: a `Dropout` does if it may be in training mode.
#[doc(hidden)]
pub fn draws_lots(node: &Node) -> bool {
    let random = node.operator().is_some_and(|operator| operator.random);
    random || node.is("Dropout") && node.input(2).is_some()
}

pub(super) fn eliminate(graph: &mut Graph) -> Rewrites {
    let mut rewrites = Rewrites::default();
    let uses = super::view::live_uses(graph);
    let outputs: HashSet<ValueId> = graph.outputs.iter().copied().collect();
    let mut seen: HashMap<Key, usize> = HashMap::new();
    let mut aliases = Aliases::default();
    for index in 0..graph.nodes.len() {
        aliases.apply_to(&mut graph.nodes[index]);
        let node = &graph.nodes[index];
        let unread = !node.makes().any(|id| uses.contains_key(&id));
        if !node.is(&node.op_type) || draws_lots(node) || node.is("Dropout") || unread {
            continue;
        }
        let Some(key) = key(node) else { continue };
        work(1);
        let first = *seen.entry(key).or_insert(index);
        if first != index && !node.makes().any(|id| outputs.contains(&id)) {
            rewrites.applied.push(graph.node_name(node).to_owned());
            let pairs: Vec<_> = graph.nodes[first].makes().zip(node.makes()).collect();
            pairs.into_iter().for_each(|(kept, gone)| aliases.replace(gone, kept));
        }
    }
    aliases.apply(graph);
    rewrites
}

/// The operation of a node, its inputs, which of its outputs it makes, and its attributes.
type Key = (String, Vec<Option<ValueId>>, Vec<bool>, Vec<(String, Exact)>);

/// An attribute, the same only where every bit is.
#[derive(PartialEq, Eq, Hash)]
enum Exact {
    Int(i64),
    Ints(Vec<i64>),
    Float(u32),
    Floats(Vec<u32>),
    String(String),
    Strings(Vec<String>),
    Tensor(Tensor),
}

/// Returns a key that nodes share which compute the same; `None` for a node with an attribute that is never equal.
fn key(node: &Node) -> Option<Key> {
    let exact = |value: &Attribute| {
        Some(match value.clone() {
            Attribute::Int(value) => Exact::Int(value),
            Attribute::Ints(values) => Exact::Ints(values),
            Attribute::Float(value) => Exact::Float(value.to_bits()),
            Attribute::Floats(values) => Exact::Floats(values.into_iter().map(f32::to_bits).collect()),
            Attribute::String(value) => Exact::String(value),
            Attribute::Strings(values) => Exact::Strings(values),
            Attribute::Tensor(value) => Exact::Tensor(value),
            Attribute::Graph(_) | Attribute::Graphs(_) | Attribute::Opaque(_) => return None,
        })
    };
    let attributes = node.attributes.iter().map(|(name, value)| Some((name.clone(), exact(value)?)));
    let made = node.outputs.iter().map(Option::is_some).collect();
    Some((node.op_type.clone(), node.inputs.clone(), made, attributes.collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_chains_become_one_and_what_differs_in_a_bit_stays() {
        let mut g = Graph::new("g");
        let x = g.add_value("x", None, None);
        let mut ends = Vec::new();
        for (i, (op, alpha)) in [
            ("LeakyRelu", 0.0),
            ("LeakyRelu", 0.0),
            ("LeakyRelu", -0.0),
            ("RandomNormalLike", 0.0),
            ("RandomNormalLike", 0.0),
        ]
        .into_iter()
        .enumerate()
        {
            let [middle, end] = ["m", "e"].map(|n| g.add_value(format!("{n}{i}"), None, None));
            let mut node = Node::new(format!("a{i}"), op, vec![x], vec![middle]);
            node.set("alpha", alpha);
            g.nodes.extend([node, Node::new(format!("b{i}"), "Neg", vec![middle], vec![end])]);
            ends.push(end);
        }
        let y = g.add_value("y", None, None);
        g.nodes.push(Node::new("sum", "Sum", ends.clone(), vec![y]));
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        assert_eq!(eliminate(&mut g).applied, ["a1", "b1"]);
        let read: Vec<_> = g.nodes[10].reads().collect();
        assert_eq!(read, [ends[0], ends[0], ends[2], ends[3], ends[4]]);
        assert!(eliminate(&mut g).applied.is_empty(), "what nothing reads any more is not merged again");
    }

    #[test]
    fn two_outputs_keep_their_nodes() {
        let mut g = Graph::new("g");
        let [x, y, z] = ["x", "y", "z"].map(|n| g.add_value(n, None, None));
        g.nodes = vec![Node::new("a", "Relu", vec![x], vec![y]), Node::new("b", "Relu", vec![x], vec![z])];
        (g.inputs, g.outputs) = (vec![x], vec![y, z]);
        assert!(eliminate(&mut g).applied.is_empty());
    }
}
