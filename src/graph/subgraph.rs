//! A graph inside a node: a branch of `If`, the body of `Loop` or `Scan`.

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
    /// Captures `new` wherever it captures `old`. A value that it captures already stays one value inside.
    pub(super) fn replace_captures(&mut self, old: ValueId, new: ValueId) {
        let captured = self.captures.iter().position(|capture| capture.outer == new);
        match (self.captures.iter().position(|capture| capture.outer == old), captured) {
            (None, _) => {}
            (Some(gone), Some(stays)) if gone != stays => {
                let (gone_inside, stays_inside) = (self.captures[gone].inner, self.captures[stays].inner);
                self.graph.replace_reads(gone_inside, stays_inside);
                let outputs = self.graph.outputs.iter_mut().filter(|id| **id == gone_inside);
                outputs.for_each(|id| *id = stays_inside);
                self.captures.remove(gone);
            }
            (Some(place), _) => self.captures[place].outer = new,
        }
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
