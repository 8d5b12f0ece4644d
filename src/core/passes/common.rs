//! Merges nodes that compute the same from the same inputs.
//!
//! Assumes, and checks: the same operation of ONNX's own domain, the same inputs, attributes that are equal bit for bit
//! (`-0.0` is not `0.0`), the same outputs used, and a deterministic operation: nothing random, no Dropout, no
//! subgraph. Shapes and element types are not needed. Ensures: readers of the later node read the earlier one, in
//! branches and bodies too; an output of the graph keeps its producer. Exact: the results are the same bit for bit.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Rewrites;
use super::edit::{Aliases, work};
use crate::Result;
use crate::graph::{Attribute, Graph, Node, ValueId};

/// Operations whose results differ from run to run.
const RANDOM: [&str; 6] =
    ["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"];

/// Returns `true` if a node gives different results each time, or may: a `Dropout` does if it may be in training mode.
pub fn draws_lots(node: &Node) -> bool {
    RANDOM.iter().any(|op| node.is(op)) || node.is("Dropout") && node.input(2).is_some()
}

pub(super) fn eliminate(graph: &mut Graph) -> Result<Rewrites> {
    let mut rewrites = Rewrites::default();
    let uses = super::view::live_uses(graph);
    let outputs: HashSet<ValueId> = graph.outputs.iter().copied().collect();
    let mut seen: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut aliases = Aliases::default();
    for index in 0..graph.nodes.len() {
        aliases.apply_to(&mut graph.nodes[index]);
        let node = &graph.nodes[index];
        let unread = !node.makes().any(|id| uses.contains_key(&id));
        if !node.is(&node.op_type) || draws_lots(node) || node.is("Dropout") || unread {
            continue;
        }
        let Some(hash) = hash(node) else { continue };
        let known = seen.entry(hash).or_default();
        let equal = |first: &usize| {
            work(1);
            same(&graph.nodes[*first], node)
        };
        match known.iter().copied().find(equal) {
            Some(_) if node.makes().any(|id| outputs.contains(&id)) => {}
            Some(first) => {
                rewrites.applied.push(graph.node_name(node).to_owned());
                let pairs: Vec<_> = graph.nodes[first].makes().zip(node.makes()).collect();
                pairs.into_iter().for_each(|(kept, gone)| aliases.replace(gone, kept));
            }
            None => known.push(index),
        }
    }
    aliases.apply(graph);
    Ok(rewrites)
}

/// Computes a hash that equal nodes share; `None` for a node with an attribute that is never equal.
fn hash(node: &Node) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    (&node.op_type, &node.inputs).hash(&mut hasher);
    for (name, value) in &node.attributes {
        name.hash(&mut hasher);
        match value {
            Attribute::Int(value) => value.hash(&mut hasher),
            Attribute::Ints(values) => values.hash(&mut hasher),
            Attribute::Float(value) => value.to_bits().hash(&mut hasher),
            Attribute::Floats(values) => values.iter().for_each(|value| value.to_bits().hash(&mut hasher)),
            Attribute::String(value) => value.hash(&mut hasher),
            Attribute::Strings(values) => values.hash(&mut hasher),
            Attribute::Tensor(value) => (value.dtype(), value.shape(), value.bytes()).hash(&mut hasher),
            Attribute::Graph(_) | Attribute::Graphs(_) | Attribute::Opaque(_) => return None,
        }
    }
    Some(hasher.finish())
}

/// Returns `true` if two nodes are the same operation with the same inputs and attributes.
fn same(a: &Node, b: &Node) -> bool {
    let present = |node: &Node| node.outputs.iter().map(Option::is_some).collect::<Vec<_>>();
    a.op_type == b.op_type
        && a.inputs == b.inputs
        && present(a) == present(b)
        && a.attributes.len() == b.attributes.len()
        && a.attributes.iter().zip(&b.attributes).all(|((n, v), (m, w))| n == m && same_attribute(v, w))
}

fn same_attribute(a: &Attribute, b: &Attribute) -> bool {
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    match (a, b) {
        (Attribute::Float(x), Attribute::Float(y)) => x.to_bits() == y.to_bits(),
        (Attribute::Floats(x), Attribute::Floats(y)) => bits(x) == bits(y),
        (Attribute::Int(_), _) | (Attribute::Ints(_), _) | (Attribute::Tensor(_), _) => a == b,
        (Attribute::String(_), _) | (Attribute::Strings(_), _) => a == b,
        _ => false,
    }
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
        assert_eq!(eliminate(&mut g).unwrap().applied, ["a1", "b1"]);
        let read: Vec<_> = g.nodes[10].reads().collect();
        assert_eq!(read, [ends[0], ends[0], ends[2], ends[3], ends[4]]);
        assert!(eliminate(&mut g).unwrap().applied.is_empty(), "what nothing reads any more is not merged again");
    }

    #[test]
    fn two_outputs_keep_their_nodes() {
        let mut g = Graph::new("g");
        let [x, y, z] = ["x", "y", "z"].map(|n| g.add_value(n, None, None));
        g.nodes = vec![Node::new("a", "Relu", vec![x], vec![y]), Node::new("b", "Relu", vec![x], vec![z])];
        (g.inputs, g.outputs) = (vec![x], vec![y, z]);
        assert!(eliminate(&mut g).unwrap().applied.is_empty());
    }
}
