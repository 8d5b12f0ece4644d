//! Questions that a pass asks of a graph, answered from indices made once.

use std::collections::{HashMap, HashSet};

use super::edit::work;
use crate::graph::{Dim, Graph, Node, Tensor, ValueId};

/// A graph with its constants and the makers and readers of its values.
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

    /// Index and node of the operation `op_type` that makes `value`.
    pub fn made_by(&self, value: Option<ValueId>, op_type: &str) -> Option<(usize, &'a Node)> {
        self.maker(value).filter(|(_, node)| node.is(op_type))
    }

    /// Index and node of the operation that makes `value`.
    pub fn maker(&self, value: Option<ValueId>) -> Option<(usize, &'a Node)> {
        let index = *self.producers.get(&value?)?;
        Some((index, &self.graph.nodes[index]))
    }

    /// How often a value is read by what an output needs, graph outputs included.
    pub fn uses(&self, value: ValueId) -> usize {
        self.uses.get(&value).copied().unwrap_or(0)
    }

    /// The constant at an input, when it is one.
    pub fn constant(&self, value: Option<ValueId>) -> Option<&Tensor> {
        self.constants.get(&value?)
    }

    /// The constant number at an input, in a shape of at most `rank` ones: it makes nothing of that rank larger.
    pub fn scalar(&self, value: Option<ValueId>, rank: usize) -> Option<f32> {
        self.constant(value).filter(|tensor| tensor.shape().len() <= rank)?.scalar_f32()
    }

    /// Rank of an input, when known.
    pub fn rank(&self, value: Option<ValueId>) -> Option<usize> {
        self.graph.rank(value?)
    }

    /// Shape of an input, when known.
    pub fn shape(&self, value: Option<ValueId>) -> Option<&'a [Dim]> {
        self.graph.value(value?).shape.as_deref()
    }

    /// Length of an axis of a value, when fixed.
    pub fn length(&self, value: Option<ValueId>, axis: usize) -> Option<usize> {
        self.graph.value(value?).shape.as_ref()?.get(axis)?.known()
    }
}

/// Whether two shapes are known to be the same: two unknown dimensions may differ.
pub(super) fn same_shape(a: &[Dim], b: &[Dim]) -> bool {
    a == b && !a.contains(&Dim::Unknown)
}

/// What some output needs: the outputs, all that is read on the way to them, and what describes the quantisation of that.
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

/// For each value, how often it is read by nodes that some output needs, counting each graph output and each quantisation
/// parameter as one reading.
///
/// What a pass left behind, or what was dead from the start, reads nothing that matters.
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
