//! For each node of one graph its counterpart in the other.
//!
//! The content of a node is its operation, attributes and constants. The criteria are applied in this order, each to
//! the remaining nodes: the same name and content; the same content with its own weights, wherever it is; the same
//! content on the same data; the same name and operation; the same operation on the same data; the same operation
//! producing a value of the same name; the same content anywhere; the same name. So a node keeps its counterpart
//! through a new name, a change of its weights, or a change around it, but hardly through all three; and if names are
//! only numbers, which shift when a node is added, content takes precedence over names.

use std::collections::{HashMap, HashSet, VecDeque};

use super::print;
use crate::graph::{Graph, Node, Tensor, ValueId};

#[derive(Debug, Default)]
pub struct Pairs {
    /// For each node of the first graph, its counterpart in the second.
    pub of_a: Vec<Option<usize>>,
    /// For each node of the second graph, its counterpart in the first.
    pub of_b: Vec<Option<usize>>,
    /// For each value of the second graph that is an input or produced by a node, its counterpart in the first.
    pub values: HashMap<ValueId, ValueId>,
}

/// Values that a node reads, with the index of the input.
type Data = Vec<(usize, ValueId)>;

/// A graph with facts that are looked up repeatedly.
pub struct Known<'a> {
    pub graph: &'a Graph,
    constants: HashMap<ValueId, Tensor>,
}

impl<'a> Known<'a> {
    /// Prepares a graph. Constants are the initializers, the outputs of `Constant` nodes, and in a graph inside a node
    /// those that it has `captured`.
    pub fn new(graph: &'a Graph, captured: impl IntoIterator<Item = (ValueId, Tensor)>) -> Self {
        let mut constants = graph.constants();
        constants.extend(graph.initializers().map(|(id, tensor)| (id, tensor.clone())));
        constants.extend(captured);
        Self { graph, constants }
    }

    pub fn constant(&self, id: ValueId) -> Option<&Tensor> {
        self.constants.get(&id)
    }

    /// Returns the inputs of a node that are not constants, with their indices.
    fn data(&self, node: &Node) -> Data {
        let inputs = node.inputs.iter().enumerate().filter_map(|(place, id)| Some((place, (*id)?)));
        inputs.filter(|(_, id)| !self.constants.contains_key(id)).collect()
    }

    /// Returns `true` if a node reads a constant of several numbers, which are unlikely to be shared by chance.
    fn has_weights(&self, node: &Node) -> bool {
        let constants = node.inputs.iter().flatten().filter_map(|id| self.constants.get(id));
        constants.into_iter().any(|tensor| tensor.dtype().is_float() && tensor.len() > 1)
    }

    fn content(&self, node: &Node) -> String {
        let mut text = print::operation(node);
        for (name, value) in &node.attributes {
            text.push_str(&format!(" {name:?}={}", print::attribute(value)));
        }
        for (place, id) in node.inputs.iter().enumerate() {
            let tensor = id.and_then(|id| self.constants.get(&id));
            if let Some(tensor) = tensor {
                text.push_str(&format!(" {place}:{:016x}", print::content(tensor)));
            }
        }
        text
    }
}

struct Pairing<'a> {
    a: &'a Known<'a>,
    b: &'a Known<'a>,
    pairs: Pairs,
    content: [Vec<String>; 2],
}

/// Pairs the nodes of two graphs, given the inputs of the second with their counterparts in the first.
pub fn pair(a: &Known, b: &Known, values: HashMap<ValueId, ValueId>) -> Pairs {
    let (nodes_a, nodes_b) = (a.graph.nodes.len(), b.graph.nodes.len());
    let pairs = Pairs { of_a: vec![None; nodes_a], of_b: vec![None; nodes_b], values };
    let content = [a, b].map(|known| known.graph.nodes.iter().map(|node| known.content(node)).collect());
    let mut pairing = Pairing { a, b, pairs, content };
    let name = |known: &Known, node: &Node| Some(known.graph.node_name(node).to_owned()).filter(|n| !n.is_empty());
    let makes = |known: &Known, node: &Node| Some(known.graph.value(node.output()?).name.clone());
    pairing.by_key(|known, node, content| Some((name(known, node)?, content.to_owned())));
    pairing.by_key(|known, node, content| known.has_weights(node).then(|| content.to_owned()));
    pairing.by_data(true);
    pairing.by_key(|known, node, _| Some((name(known, node)?, print::operation(node))));
    pairing.by_data(true);
    pairing.by_data(false);
    pairing.by_key(|known, node, _| Some((makes(known, node)?, print::operation(node))));
    pairing.by_content();
    pairing.by_data(true);
    pairing.by_data(false);
    pairing.by_key(|known, node, _| name(known, node));
    pairing.pairs
}

/// Pairs inputs of the same name, and the rest in order.
pub fn ends(a: &Graph, b: &Graph) -> HashMap<ValueId, ValueId> {
    let by_name: HashMap<&str, ValueId> = a.inputs.iter().map(|id| (a.value(*id).name.as_str(), *id)).collect();
    let mut values: HashMap<ValueId, ValueId> =
        b.inputs.iter().filter_map(|id| Some((*id, *by_name.get(b.value(*id).name.as_str())?))).collect();
    let taken: HashSet<ValueId> = values.values().copied().collect();
    let left_a: Vec<ValueId> = a.inputs.iter().copied().filter(|id| !taken.contains(id)).collect();
    let left_b: Vec<ValueId> = b.inputs.iter().copied().filter(|id| !values.contains_key(id)).collect();
    values.extend(left_b.into_iter().zip(left_a));
    values
}

impl Pairing<'_> {
    fn join(&mut self, a: usize, b: usize) {
        (self.pairs.of_a[a], self.pairs.of_b[b]) = (Some(b), Some(a));
        let (node_a, node_b) = (&self.a.graph.nodes[a], &self.b.graph.nodes[b]);
        for (made_a, made_b) in node_a.outputs.iter().zip(&node_b.outputs) {
            if let (Some(made_a), Some(made_b)) = (made_a, made_b) {
                self.pairs.values.insert(*made_b, *made_a);
            }
        }
    }

    /// Returns the nodes of the first (0) or second graph that have no counterpart yet.
    fn left(&self, side: usize) -> Vec<usize> {
        let of = [&self.pairs.of_a, &self.pairs.of_b][side];
        (0..of.len()).filter(|i| of[*i].is_none()).collect()
    }

    /// Pairs nodes by a key (of graph, node and content) that exactly one node on each side has.
    fn by_key<K: Eq + std::hash::Hash>(&mut self, key: impl Fn(&Known, &Node, &str) -> Option<K>) {
        let mut nodes: HashMap<K, [Vec<usize>; 2]> = HashMap::new();
        for (side, known) in [self.a, self.b].into_iter().enumerate() {
            for i in self.left(side) {
                if let Some(key) = key(known, &known.graph.nodes[i], &self.content[side][i]) {
                    nodes.entry(key).or_default()[side].push(i);
                }
            }
        }
        for places in nodes.into_values() {
            if let [[a], [b]] = [&places[0][..], &places[1][..]] {
                self.join(*a, *b);
            }
        }
    }

    /// Pairs nodes of equal content wherever they are, in order.
    fn by_content(&mut self) {
        let mut places: HashMap<String, VecDeque<usize>> = HashMap::new();
        for i in self.left(0) {
            places.entry(self.content[0][i].clone()).or_default().push_back(i);
        }
        for b in self.left(1) {
            if let Some(a) = places.get_mut(&self.content[1][b]).and_then(VecDeque::pop_front) {
                self.join(a, b);
            }
        }
    }

    /// Pairs nodes of the same content (`exact`) or operation on the same data. Each pair makes more data known to be
    /// the same, so one walk along the graph finds whole chains.
    fn by_data(&mut self, exact: bool) {
        let mut places: HashMap<(String, Data), VecDeque<usize>> = HashMap::new();
        for a in self.left(0) {
            let key = (self.what(0, a, exact), self.a.data(&self.a.graph.nodes[a]));
            places.entry(key).or_default().push_back(a);
        }
        for b in self.left(1) {
            let data = self.b.data(&self.b.graph.nodes[b]);
            let mapped: Option<Data> =
                data.iter().map(|(place, id)| Some((*place, *self.pairs.values.get(id)?))).collect();
            // A node that reads no data is equal to any node of the same content, which tells nothing.
            let Some(mapped) = mapped.filter(|mapped| !mapped.is_empty()) else { continue };
            let key = (self.what(1, b, exact), mapped);
            if let Some(a) = places.get_mut(&key).and_then(VecDeque::pop_front) {
                self.join(a, b);
            }
        }
    }

    fn what(&self, side: usize, index: usize, exact: bool) -> String {
        match exact {
            true => self.content[side][index].clone(),
            false => print::operation(&[self.a, self.b][side].graph.nodes[index]),
        }
    }
}
