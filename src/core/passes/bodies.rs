//! Applying a pass to every graph of a model: the outermost one, and the branches and bodies inside its nodes.
//!
//! A pass can treat a subgraph like any other graph, for three reasons. Its inputs and outputs are an interface that no
//! pass touches. Its captured values are not produced by any of its nodes, so that a pass takes them for inputs. And
//! whatever a pass removes, renames or replaces in the enclosing graph is replaced in the captures too
//! ([`Graph::redirect_reads`]). In addition, a pass may know the constants among the captures ([`Scope::captured`]),
//! whose elements are the same in every iteration of a loop; it must not assume that it is their only reader.
//!
//! The record names a node inside as `NODE.ATTRIBUTE/NAME`, after the node and attribute that contain it. The functions
//! of a file are kept as bytes and are not rewritten.

use std::collections::{HashMap, HashSet};

use super::Rewrites;
use crate::graph::{Graph, Subgraph, Tensor, ValueId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The bodies, then the enclosing graph: for a pass that makes bodies read less.
    InsideOut,
    /// The graph, then its bodies: for a pass that creates constants, which bodies capture.
    OutsideIn,
}

/// Facts about the model around a graph.
pub(super) struct Scope<'a> {
    pub opset: i64,
    /// Captured constants, by their IDs inside.
    pub captured: &'a HashMap<ValueId, Tensor>,
}

impl Scope<'_> {
    /// Returns the constants that a graph holds or captures.
    pub fn constants(&self, graph: &Graph) -> HashMap<ValueId, Tensor> {
        let mut constants = graph.constants();
        constants.extend(self.captured.iter().map(|(id, tensor)| (*id, tensor.clone())));
        constants
    }
}

type Rewrite<'a> = &'a mut dyn FnMut(&mut Graph, &Scope) -> Rewrites;

pub(super) fn each(
    graph: &mut Graph,
    opset: i64,
    order: Order,
    mut run: impl FnMut(&mut Graph, &Scope) -> Rewrites,
) -> Rewrites {
    Walk { opset, order, run: &mut run }.graph(graph, &HashMap::new())
}

struct Walk<'a> {
    opset: i64,
    order: Order,
    run: Rewrite<'a>,
}

impl Walk<'_> {
    fn graph(&mut self, graph: &mut Graph, captured: &HashMap<ValueId, Tensor>) -> Rewrites {
        let mut log = Rewrites::default();
        if self.order == Order::InsideOut {
            self.bodies(graph, captured, &mut log);
        }
        let own = (self.run)(graph, &Scope { opset: self.opset, captured });
        log.applied.extend(own.applied);
        log.refused.extend(own.refused);
        if self.order == Order::OutsideIn {
            self.bodies(graph, captured, &mut log);
        }
        log
    }

    fn bodies(&mut self, graph: &mut Graph, captured: &HashMap<ValueId, Tensor>, log: &mut Rewrites) {
        let nested = |index: &usize| graph.nodes[*index].subgraphs().next().is_some();
        let nested: Vec<usize> = (0..graph.nodes.len()).filter(nested).collect();
        if nested.is_empty() {
            return;
        }
        let constants = Scope { opset: self.opset, captured }.constants(graph);
        for index in nested {
            let name = graph.node_name(&graph.nodes[index]).to_owned();
            let mut attributes = std::mem::take(&mut graph.nodes[index].attributes);
            for (attribute, value) in &mut attributes {
                for body in value.bodies_mut() {
                    let inner = self.body(body, graph, &constants);
                    let place = |inside: String| format!("{name}.{attribute}/{inside}");
                    log.applied.extend(inner.applied.into_iter().map(place));
                    let refused = inner.refused.into_iter();
                    log.refused.extend(refused.map(|refusal| super::Refusal { node: place(refusal.node), ..refusal }));
                }
            }
            graph.nodes[index].attributes = attributes;
        }
    }

    fn body(&mut self, body: &mut Subgraph, around: &Graph, constants: &HashMap<ValueId, Tensor>) -> Rewrites {
        let mut captured = HashMap::new();
        for capture in &body.captures {
            captured.extend(constants.get(&capture.outer).map(|tensor| (capture.inner, tensor.clone())));
            let (outside, inside) = (around.value(capture.outer), body.graph.value_mut(capture.inner));
            inside.dtype = inside.dtype.or(outside.dtype);
            inside.shape = inside.shape.take().or_else(|| outside.shape.clone());
        }
        let log = self.graph(&mut body.graph, &captured);
        drop_unread(body);
        log
    }
}

/// Drops captures that nothing inside reads any more: the outer graph then need not produce them.
fn drop_unread(body: &mut Subgraph) {
    let graph = &body.graph;
    let described = graph.annotations.iter().flat_map(|annotation| {
        annotation.parameters.iter().map(|(_, id)| *id).chain(std::iter::once(annotation.value))
    });
    let reads = graph.nodes.iter().flat_map(|node| node.reads()).chain(graph.outputs.iter().copied());
    let read: HashSet<ValueId> = reads.chain(described).collect();
    body.captures.retain(|capture| read.contains(&capture.inner));
}
