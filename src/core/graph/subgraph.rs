//! A graph inside a node: a branch of `If`, the body of `Loop` or `Scan`.

use std::collections::HashMap;

use super::{Graph, ValueId};

/// A graph that may read values of the graph around it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subgraph {
    /// The branch or body, with values numbered on its own.
    pub graph: Graph,
    /// What it reads of the graph around it.
    ///
    /// A captured value goes by the name it has outside; its name inside is only what it was called when it was read.
    pub captures: Vec<Capture>,
}

/// One value that a subgraph reads of the graph around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// Its number in the graph around.
    pub outer: ValueId,
    /// Its number in the subgraph.
    pub inner: ValueId,
}

impl Subgraph {
    /// Captures `to(id)` wherever it captures `id`. Two captures of what is one value now become one value inside.
    pub(super) fn redirect_captures(&mut self, to: &dyn Fn(ValueId) -> ValueId) {
        if self.captures.iter().all(|capture| to(capture.outer) == capture.outer) {
            return;
        }
        let (mut kept, mut gone) = (HashMap::new(), HashMap::new());
        // What was captured under its own number stays what it is inside, whatever comes to be the same.
        self.captures.sort_by_key(|capture| to(capture.outer) != capture.outer);
        for capture in &mut self.captures {
            capture.outer = to(capture.outer);
            let inner = *kept.entry(capture.outer).or_insert(capture.inner);
            if inner != capture.inner {
                gone.insert(capture.inner, inner);
            }
        }
        if gone.is_empty() {
            return;
        }
        let inside = |id: ValueId| gone.get(&id).copied().unwrap_or(id);
        self.captures.retain(|capture| !gone.contains_key(&capture.inner));
        self.graph.redirect_reads(&inside);
        self.graph.outputs.iter_mut().for_each(|id| *id = inside(*id));
    }
}

impl Graph {
    /// This graph and every graph inside its nodes, the outer before the inner.
    pub fn with_subgraphs(&self) -> Vec<&Graph> {
        let mut all = vec![self];
        let mut next = 0;
        while let Some(graph) = all.get(next).copied() {
            all.extend(graph.nodes.iter().flat_map(|node| node.subgraphs().map(|body| &body.graph)));
            next += 1;
        }
        all
    }
}
