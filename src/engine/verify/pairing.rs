//! Correspondence of the values of two graphs, and the cuts of a graph at which all crossing values can be compared.

use std::collections::{HashMap, HashSet};

use gnet_core::graph::{Attribute, Graph, Node, Tensor, ValueId};
use gnet_core::words::{counted, one_or};

/// The values of two graphs that are meant to be equal.
#[derive(Debug)]
pub(super) struct Pairing {
    values: HashMap<ValueId, ValueId>,
    /// For each node of the reference, by index, the index of its partner.
    nodes: HashMap<usize, usize>,
}

impl Pairing {
    /// Pairs the nodes of two graphs.
    ///
    /// Nodes with the same names are partners. If no name is shared, graphs with the same sequence of operations are
    /// paired by position. If the graphs have other nodes besides, a pair only counts if both perform the same
    /// operation and the same operations read the result: a `Conv` that has absorbed a `BatchNormalization` produces
    /// other values than the one before it, under the same name.
    pub(super) fn of(reference: &Graph, other: &Graph, outputs: &[(ValueId, ValueId)]) -> Self {
        let nodes = paired_nodes(reference, other);
        let whole = nodes.len() == reference.nodes.len() && nodes.len() == other.nodes.len();
        let (here, there) = (readers(reference), readers(other));
        let mut values = HashMap::new();
        for (a, b) in &nodes {
            let (a, b) = (&reference.nodes[*a], &other.nodes[*b]);
            for (a_out, b_out) in a.outputs.iter().zip(&b.outputs) {
                let (Some(a_out), Some(b_out)) = (a_out, b_out) else { continue };
                let alike = || a.op_type == b.op_type && here.get(a_out) == there.get(b_out);
                if whole || alike() {
                    values.insert(*a_out, *b_out);
                }
            }
        }
        values.extend(outputs.iter().copied());
        Self { values, nodes }
    }

    pub(super) fn partner(&self, id: ValueId) -> Option<(ValueId, ValueId)> {
        self.values.get(&id).map(|other| (id, *other))
    }

    pub(super) fn node(&self, index: usize) -> Option<usize> {
        self.nodes.get(&index).copied()
    }
}

fn paired_nodes(reference: &Graph, other: &Graph) -> HashMap<usize, usize> {
    let there = names(other);
    let by_name: HashMap<usize, usize> =
        names(reference).into_iter().filter_map(|(name, i)| Some((i, *there.get(name)?))).collect();
    let operations = |graph: &Graph| graph.nodes.iter().map(|node| node.op_type.clone()).collect::<Vec<_>>();
    if by_name.is_empty() && operations(reference) == operations(other) {
        return (0..reference.nodes.len()).map(|i| (i, i)).collect();
    }
    by_name
}

fn names(graph: &Graph) -> HashMap<&str, usize> {
    graph.nodes.iter().enumerate().map(|(i, node)| (graph.node_name(node), i)).collect()
}

/// Returns the operations that read each value, sorted; the graph's end counts as one.
fn readers(graph: &Graph) -> HashMap<ValueId, Vec<&str>> {
    let mut readers: HashMap<ValueId, Vec<&str>> = HashMap::new();
    for node in &graph.nodes {
        for id in node.reads() {
            readers.entry(id).or_default().push(&node.op_type);
        }
    }
    for id in &graph.outputs {
        readers.entry(*id).or_default().push("");
    }
    readers.values_mut().for_each(|operations| operations.sort_unstable());
    readers
}

/// A position between two nodes, and the values that cross it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// Number of nodes before it.
    pub(super) position: usize,
    /// Values that nodes before it produce and nodes after it, or the outputs, read; in order of production.
    pub(super) values: Vec<ValueId>,
}

/// Returns the cuts of a graph whose values all have partners, without the one after the last node.
///
/// If all values of such a cut agree, everything after it computes from the same numbers: the cause of a difference is
/// after it, in whichever branch.
pub(super) fn cuts(graph: &Graph, pairing: &Pairing) -> Vec<Cut> {
    let mut last_read: HashMap<ValueId, usize> = HashMap::new();
    for (i, node) in graph.nodes.iter().enumerate() {
        last_read.extend(node.reads().map(|id| (id, i)));
    }
    last_read.extend(graph.outputs.iter().map(|id| (*id, usize::MAX)));
    let mut live: Vec<ValueId> = Vec::new();
    let mut cuts = Vec::new();
    for (i, node) in graph.nodes.iter().enumerate() {
        live.extend(node.makes());
        live.retain(|id| last_read.get(id).is_some_and(|last| *last > i));
        let behind_the_last = i + 1 == graph.nodes.len();
        if !behind_the_last && !live.is_empty() && live.iter().all(|id| pairing.partner(*id).is_some()) {
            cuts.push(Cut { position: i + 1, values: live.clone() });
        }
    }
    cuts
}

/// Lists the differences between what two paired nodes are given: operation, attributes, constants, inputs.
pub(super) fn differences(reference: (&Graph, &Node), other: (&Graph, &Node), pairing: &Pairing) -> Vec<String> {
    let ((graph, node), (other_graph, other_node)) = (reference, other);
    let mut found = Vec::new();
    if node.op_type != other_node.op_type {
        found.push(format!("operation {} against {}", node.op_type, other_node.op_type));
    }
    let names: HashSet<&String> = node.attributes.keys().chain(other_node.attributes.keys()).collect();
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort();
    for name in names {
        let (a, b) = (node.attributes.get(name), other_node.attributes.get(name));
        if a != b {
            found.push(format!("attribute {name}: {} against {}", attribute_text(a), attribute_text(b)));
        }
    }
    for place in 0..node.inputs.len().max(other_node.inputs.len()) {
        let (a, b) = (node.input(place), other_node.input(place));
        let constant = |graph: &'_ Graph, id: Option<ValueId>| id.and_then(|id| graph.initializer(id).cloned());
        let called =
            |graph: &Graph, id: Option<ValueId>| id.map_or("nothing".to_owned(), |id| graph.value(id).name.clone());
        match (constant(graph, a), constant(other_graph, b)) {
            (Some(x), Some(y)) if x == y => {}
            (Some(x), Some(y)) => found.push(format!("{}: {}", called(graph, a), tensor_difference(&x, &y))),
            (None, None) => {
                let other_wire = a.and_then(|a| pairing.partner(a)).map(|(_, other)| other);
                if other_wire.is_some() && other_wire != b {
                    found.push(format!("input {place}: {} against {}", called(graph, a), called(other_graph, b)));
                }
            }
            _ => found.push(format!("input {place}: {} against {}", called(graph, a), called(other_graph, b))),
        }
    }
    found
}

fn attribute_text(attribute: Option<&Attribute>) -> String {
    match attribute {
        None => "none".to_owned(),
        Some(Attribute::Int(value)) => value.to_string(),
        Some(Attribute::Float(value)) => value.to_string(),
        Some(Attribute::String(value)) => format!("{value:?}"),
        Some(Attribute::Tensor(value)) => format!("{value:?}"),
        Some(Attribute::Ints(values)) => format!("{values:?}"),
        Some(Attribute::Floats(values)) => format!("{values:?}"),
        Some(Attribute::Strings(values)) => format!("{values:?}"),
        Some(Attribute::Graph(body)) => format!("a subgraph of {}", counted(body.graph.nodes.len(), "node")),
        Some(Attribute::Graphs(bodies)) => counted(bodies.len(), "subgraph"),
        Some(Attribute::Opaque(kept)) => format!("{kept:?}"),
    }
}

fn tensor_difference(a: &Tensor, b: &Tensor) -> String {
    if (a.dtype(), a.shape()) != (b.dtype(), b.shape()) {
        return format!("{a:?} against {b:?}");
    }
    let (Some(x), Some(y)) = (a.to_f32(), b.to_f32()) else { return "other values".to_owned() };
    let count = x.iter().zip(&y).filter(|(x, y)| x.to_bits() != y.to_bits()).count();
    let largest = x.iter().zip(&y).map(|(x, y)| (x - y).abs()).fold(0_f32, f32::max);
    format!("{count} of {} {}, by up to {largest:.2e}", counted(x.len(), "value"), one_or(count, "differs", "differ"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::graph::DType;

    /// Builds x -> a -> (b, c) -> d (concat); c reads the constant w.
    fn diamond(prefix: &str) -> Graph {
        let mut graph = Graph::new("g");
        let [x, a, b, c, d] =
            ["x", "a", "b", "c", "d"].map(|name| graph.add_value(format!("{prefix}{name}"), Some(DType::F32), None));
        let w = graph.add_initializer(format!("{prefix}w"), Tensor::from_f32(vec![2], &[1.0, 2.0]).unwrap());
        let node = |name: &str, op, inputs, output| Node::new(format!("{prefix}n{name}"), op, inputs, vec![output]);
        graph.nodes = vec![
            node("a", "Relu", vec![x], a),
            node("b", "Tanh", vec![a], b),
            node("c", "Mul", vec![a, w], c),
            node("d", "Concat", vec![b, c], d),
        ];
        (graph.inputs, graph.outputs) = (vec![x], vec![d]);
        graph
    }

    fn id(graph: &Graph, name: &str) -> ValueId {
        graph.find(name).unwrap()
    }

    fn pair(a: &Graph, b: &Graph) -> Pairing {
        Pairing::of(a, b, &[(a.outputs[0], b.outputs[0])])
    }

    #[test]
    fn a_cut_holds_every_wire_that_crosses_it() {
        let graph = diamond("");
        let cuts = cuts(&graph, &pair(&graph, &graph));
        let named: Vec<_> = cuts
            .iter()
            .map(|cut| (cut.position, cut.values.iter().map(|id| graph.value(*id).name.as_str()).collect::<String>()))
            .collect();
        assert_eq!(named, [(1, "a".to_owned()), (2, "ab".into()), (3, "bc".into())]);
    }

    #[test]
    fn nodes_pair_by_name_whatever_their_order_and_by_place_without_shared_names() {
        let graph = diamond("");
        let mut turned = diamond("");
        turned.nodes.swap(1, 2);
        let pairing = pair(&graph, &turned);
        assert_eq!((pairing.node(1), pairing.node(2)), (Some(2), Some(1)));
        assert_eq!(pairing.partner(id(&graph, "b")).unwrap().1, id(&turned, "b"));
        let foreign = diamond("q_");
        let pairing = pair(&graph, &foreign);
        assert_eq!(pairing.partner(id(&graph, "c")).unwrap().1, id(&foreign, "q_c"));
        let mut other = diamond("q_");
        other.nodes[1].op_type = "Abs".into();
        assert!(pair(&graph, &other).partner(id(&graph, "c")).is_none(), "no name and no place is shared");
    }

    #[test]
    fn a_value_that_other_operations_read_is_no_pair_in_a_graph_of_other_nodes() {
        let graph = diamond("");
        let mut longer = diamond("");
        // An Abs between a and its readers: `a` has other readers than in the first graph.
        let a = id(&longer, "a");
        let between = longer.add_value("between", None, None);
        longer.nodes.insert(1, Node::new("abs", "Abs", vec![a], vec![between]));
        longer.nodes[2].inputs[0] = Some(between);
        longer.nodes[3].inputs[0] = Some(between);
        let pairing = pair(&graph, &longer);
        assert!(pairing.partner(id(&graph, "a")).is_none());
        assert!(pairing.partner(id(&graph, "b")).is_some() && pairing.partner(id(&graph, "c")).is_some());
        let positions: Vec<usize> = cuts(&graph, &pairing).iter().map(|cut| cut.position).collect();
        assert_eq!(positions, [3], "only there all wires have partners");
    }

    #[test]
    fn what_differs_between_two_nodes_is_said() {
        let graph = diamond("");
        let mut other = diamond("");
        let w = id(&other, "w");
        other.set_initializer(w, Tensor::from_f32(vec![2], &[1.0, 2.5]).unwrap());
        other.nodes[3].set("axis", 1);
        other.nodes[3].inputs.swap(0, 1);
        let pairing = pair(&graph, &other);
        let said = |i: usize| differences((&graph, &graph.nodes[i]), (&other, &other.nodes[i]), &pairing);
        assert_eq!(said(2), ["w: 1 of 2 values differs, by up to 5.00e-1"]);
        assert_eq!(said(3), ["attribute axis: none against 1", "input 0: b against c", "input 1: c against b"]);
        assert!(said(1).is_empty());
    }
}
