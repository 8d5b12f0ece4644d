//! Nodes of `f32` results that are added to a copy of a graph.

use gnet_core::graph::{DType, Graph, Node, Tensor, ValueId};

pub(super) struct Added<'a> {
    graph: &'a mut Graph,
    name: String,
    pub(super) nodes: Vec<Node>,
}

impl<'a> Added<'a> {
    pub(super) fn new(graph: &'a mut Graph, name: String) -> Self {
        Self { graph, name, nodes: Vec::new() }
    }

    pub(super) fn value(&mut self, what: &str) -> ValueId {
        self.graph.add_value(format!("{}:{what}", self.name), Some(DType::F32), None)
    }

    pub(super) fn constant(&mut self, tensor: Tensor) -> ValueId {
        let name = format!("{}:constant{}", self.name, self.nodes.len());
        self.graph.add_initializer(name, tensor)
    }

    pub(super) fn node(&mut self, op: &str, inputs: &[ValueId]) -> ValueId {
        self.like(&Node::new("", op, inputs.to_vec(), vec![]))
    }

    /// Adds a copy of a node with one output and returns its result.
    pub(super) fn like(&mut self, node: &Node) -> ValueId {
        let number = self.nodes.len().to_string();
        let made = self.value(&number);
        self.nodes.push(Node { name: format!("{}:{number}", self.name), outputs: vec![Some(made)], ..node.clone() });
        made
    }

    /// Returns the nodes, of which the last makes `outputs`.
    pub(super) fn ending_in(mut self, outputs: Vec<Option<ValueId>>) -> Option<Vec<Node>> {
        self.nodes.last_mut()?.outputs = outputs;
        Some(self.nodes)
    }
}
