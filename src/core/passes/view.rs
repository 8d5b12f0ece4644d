//! Queries of passes about a graph, answered from indices that are built once.

use std::collections::{HashMap, HashSet};

use super::edit::work;
use crate::graph::{Dim, Graph, Node, Tensor, ValueId};

/// A graph with its constants and the producers and readers of its values.
pub(super) struct View<'a> {
    pub graph: &'a Graph,
    producers: HashMap<ValueId, usize>,
    uses: HashMap<ValueId, usize>,
    constants: HashMap<ValueId, Tensor>,
}

impl<'a> View<'a> {
    pub fn new(graph: &'a Graph) -> Self {
        Self { graph, producers: graph.producers(), uses: live_uses(graph), constants: graph.constants() }
    }

    /// Returns index and node of the operation `op_type` that produces `value`.
    pub fn made_by(&self, value: Option<ValueId>, op_type: &str) -> Option<(usize, &'a Node)> {
        self.maker(value).filter(|(_, node)| node.is(op_type))
    }

    pub fn maker(&self, value: Option<ValueId>) -> Option<(usize, &'a Node)> {
        let index = *self.producers.get(&value?)?;
        Some((index, &self.graph.nodes[index]))
    }

    /// Returns the number of live reads of a value, including graph outputs.
    pub fn uses(&self, value: ValueId) -> usize {
        self.uses.get(&value).copied().unwrap_or(0)
    }

    pub fn constant(&self, value: Option<ValueId>) -> Option<&Tensor> {
        self.constants.get(&value?)
    }

    /// Returns the constant number at an input, in a shape of at most `rank` ones: it does not enlarge anything of that
    /// rank by broadcasting.
    pub fn scalar(&self, value: Option<ValueId>, rank: usize) -> Option<f32> {
        self.constant(value).filter(|tensor| tensor.shape().len() <= rank)?.scalar_f32()
    }

    pub fn shape(&self, value: Option<ValueId>) -> Option<&'a [Dim]> {
        self.graph.value(value?).shape.as_deref()
    }
}

/// Returns `true` if two shapes are known to be the same: two unknown dimensions may differ.
pub(super) fn same_shape(a: &[Dim], b: &[Dim]) -> bool {
    a == b && !a.contains(&Dim::Unknown)
}

/// Returns the live values: the outputs, everything that is read to compute them, and the values that describe their
/// quantisation.
pub(super) fn needed(graph: &Graph) -> HashSet<ValueId> {
    let producers = graph.producers();
    let mut described: HashMap<ValueId, Vec<ValueId>> = HashMap::new();
    for annotation in &graph.annotations {
        let parameters = annotation.parameters.iter().map(|(_, id)| *id);
        described.entry(annotation.value).or_default().extend(parameters);
    }
    let mut needed = HashSet::new();
    let mut visited = HashSet::new();
    let mut left = graph.outputs.clone();
    while let Some(id) = left.pop() {
        work(1);
        if !needed.insert(id) {
            continue;
        }
        left.extend(described.get(&id).into_iter().flatten());
        if let Some(index) = producers.get(&id).copied().filter(|index| visited.insert(*index)) {
            left.extend(graph.nodes[index].reads());
        }
    }
    needed
}

/// Returns how often each value is read by live nodes, counting each graph output and each quantisation parameter as
/// one read.
///
/// Reads by nodes that a pass left behind, or that were dead from the start, do not count.
pub(super) fn live_uses(graph: &Graph) -> HashMap<ValueId, usize> {
    work(graph.nodes.len());
    let needed = needed(graph);
    let live = graph.nodes.iter().filter(|node| node.makes().any(|id| needed.contains(&id)));
    let described = graph.annotations.iter().filter(|annotation| needed.contains(&annotation.value));
    let parameters = described.flat_map(|annotation| annotation.parameters.iter().map(|(_, id)| *id));
    let mut uses = HashMap::new();
    for id in live.flat_map(Node::reads).chain(graph.outputs.iter().copied()).chain(parameters) {
        *uses.entry(id).or_insert(0) += 1;
    }
    uses
}
