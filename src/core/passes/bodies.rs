//! A pass on every graph of a model: the outermost one, and the branches and bodies inside its nodes.
//!
//! A subgraph is a graph like any other to a pass, for three reasons. Its inputs and outputs are an interface that no pass
//! touches. What it captures is made by no node of it, so that a pass takes it for an input. And what a pass removes, renames
//! or replaces in the graph around is replaced in the captures too ([`Graph::redirect_reads`]). Beside that a pass may know
//! the constants among the captures ([`Scope::captured`]), whose elements are the same in every iteration of a loop; it may
//! not count on being their only reader.
//!
//! What a node inside is called in a record is `NODE.ATTRIBUTE/NAME`, after the node and attribute that it lies in. The
//! functions of a file are kept as bytes and stay as they are.

use std::collections::{HashMap, HashSet};

use super::Rewrites;
use crate::Result;
use crate::graph::{Attribute, Graph, Subgraph, Tensor, ValueId};

/// Which graph a pass looks at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The bodies, then the graph around them: for a pass that makes bodies read less.
    InsideOut,
    /// The graph, then its bodies: for a pass that makes constants, which bodies capture.
    OutsideIn,
}

/// What a pass is told of the model around a graph.
pub(super) struct Scope<'a> {
    /// Version of ONNX's operator set.
    pub opset: i64,
    /// The constants that the graph captures, by their numbers inside.
    pub captured: &'a HashMap<ValueId, Tensor>,
}

type Run<'a> = &'a mut dyn FnMut(&mut Graph, &Scope) -> Result<Rewrites>;

/// Runs a pass on a graph and on every graph inside it.
pub(super) fn each(
    graph: &mut Graph,
    opset: i64,
    order: Order,
    mut run: impl FnMut(&mut Graph, &Scope) -> Result<Rewrites>,
) -> Result<Rewrites> {
    Walk { opset, order, run: &mut run }.graph(graph, &HashMap::new())
}

struct Walk<'a> {
    opset: i64,
    order: Order,
    run: Run<'a>,
}

impl Walk<'_> {
    fn graph(&mut self, graph: &mut Graph, captured: &HashMap<ValueId, Tensor>) -> Result<Rewrites> {
        let mut log = Rewrites::default();
        if self.order == Order::InsideOut {
            self.bodies(graph, captured, &mut log)?;
        }
        let own = (self.run)(graph, &Scope { opset: self.opset, captured })?;
        log.applied.extend(own.applied);
        log.refused.extend(own.refused);
        if self.order == Order::OutsideIn {
            self.bodies(graph, captured, &mut log)?;
        }
        Ok(log)
    }

    fn bodies(&mut self, graph: &mut Graph, captured: &HashMap<ValueId, Tensor>, log: &mut Rewrites) -> Result<()> {
        let nested = |index: &usize| graph.nodes[*index].subgraphs().next().is_some();
        let nested: Vec<usize> = (0..graph.nodes.len()).filter(nested).collect();
        if nested.is_empty() {
            return Ok(());
        }
        let mut constants = graph.constants();
        constants.extend(captured.iter().map(|(id, tensor)| (*id, tensor.clone())));
        for index in nested {
            let name = graph.node_name(&graph.nodes[index]).to_owned();
            let mut attributes = std::mem::take(&mut graph.nodes[index].attributes);
            let walked = attributes.iter_mut().try_for_each(|(attribute, value)| -> Result<()> {
                let bodies = match value {
                    Attribute::Graph(body) => std::slice::from_mut(body.as_mut()),
                    Attribute::Graphs(bodies) => bodies,
                    _ => return Ok(()),
                };
                bodies.iter_mut().try_for_each(|body| {
                    let inner = self.body(body, graph, &constants)?;
                    let place = |inside: String| format!("{name}.{attribute}/{inside}");
                    log.applied.extend(inner.applied.into_iter().map(place));
                    let refused = inner.refused.into_iter();
                    log.refused.extend(refused.map(|refusal| super::Refusal { node: place(refusal.node), ..refusal }));
                    Ok(())
                })
            });
            graph.nodes[index].attributes = attributes;
            walked?;
        }
        Ok(())
    }

    fn body(&mut self, body: &mut Subgraph, around: &Graph, constants: &HashMap<ValueId, Tensor>) -> Result<Rewrites> {
        let mut captured = HashMap::new();
        for capture in &body.captures {
            captured.extend(constants.get(&capture.outer).map(|tensor| (capture.inner, tensor.clone())));
            let (outside, inside) = (around.value(capture.outer), body.graph.value_mut(capture.inner));
            inside.dtype = inside.dtype.or(outside.dtype);
            inside.shape = inside.shape.take().or_else(|| outside.shape.clone());
        }
        let log = self.graph(&mut body.graph, &captured)?;
        drop_unread(body);
        Ok(log)
    }
}

/// Captures that nothing inside reads any more go: then nothing outside has to make them.
fn drop_unread(body: &mut Subgraph) {
    let graph = &body.graph;
    let described = graph.annotations.iter().flat_map(|annotation| {
        annotation.parameters.iter().map(|(_, id)| *id).chain(std::iter::once(annotation.value))
    });
    let reads = graph.nodes.iter().flat_map(|node| node.reads()).chain(graph.outputs.iter().copied());
    let read: HashSet<ValueId> = reads.chain(described).collect();
    body.captures.retain(|capture| read.contains(&capture.inner));
}
