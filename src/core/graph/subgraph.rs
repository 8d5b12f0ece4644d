//! A graph inside a node: a branch of `If`, the body of `Loop` or `Scan`.

use std::collections::HashMap;

use super::{Graph, ValueId};

/// A graph that may read values of the enclosing graph.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subgraph {
    /// The branch or body, with its own value IDs.
    pub graph: Graph,
    /// Values it reads from the enclosing graph.
    ///
    /// A captured value goes by its outer name; its inner name is only the one it had when the file was read.
    pub captures: Vec<Capture>,
}

/// One value that a subgraph reads from the enclosing graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// ID in the enclosing graph.
    pub outer: ValueId,
    /// ID in the subgraph.
    pub inner: ValueId,
}

impl Subgraph {
    /// Makes it capture `to(id)` in place of `id`. Two captures of what is now one value become one value inside.
    pub(super) fn redirect_captures(&mut self, to: &dyn Fn(ValueId) -> ValueId) {
        if self.captures.iter().all(|capture| to(capture.outer) == capture.outer) {
            return;
        }
        let (mut kept, mut gone) = (HashMap::new(), HashMap::new());
        // A value that was captured under its own ID stays unchanged inside, whichever others become equal to it.
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
    /// Returns this graph and every graph inside its nodes, outer before inner.
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
