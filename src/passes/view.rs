//! Questions that a pass asks of a graph, answered from indices made once.

use std::collections::HashMap;

use crate::graph::{Graph, Node, Tensor, ValueId};

/// A graph with the makers and readers of its values.
pub(super) struct View<'a> {
    graph: &'a Graph,
    producers: HashMap<ValueId, usize>,
    uses: HashMap<ValueId, usize>,
}

impl<'a> View<'a> {
    pub fn new(graph: &'a Graph) -> Self {
        Self { graph, producers: graph.producers(), uses: graph.uses() }
    }

    /// Index and node of the operation `op_type` that makes `value`.
    pub fn made_by(&self, value: Option<ValueId>, op_type: &str) -> Option<(usize, &'a Node)> {
        let index = *self.producers.get(&value?)?;
        let node = &self.graph.nodes[index];
        node.is(op_type).then_some((index, node))
    }

    /// How often a value is read, graph outputs included.
    pub fn uses(&self, value: ValueId) -> usize {
        self.uses.get(&value).copied().unwrap_or(0)
    }

    /// The constant at an input, when it is one.
    pub fn constant(&self, value: Option<ValueId>) -> Option<&'a Tensor> {
        self.graph.initializer(value?)
    }

    /// The constant number at an input.
    pub fn scalar(&self, value: Option<ValueId>) -> Option<f32> {
        self.constant(value)?.scalar_f32()
    }

    /// Rank of an input, when known.
    pub fn rank(&self, value: Option<ValueId>) -> Option<usize> {
        self.graph.rank(value?)
    }

    /// Length of an axis of a value, when fixed.
    pub fn length(&self, value: Option<ValueId>, axis: usize) -> Option<usize> {
        self.graph.value(value?).shape.as_ref()?.get(axis)?.known()
    }
}
