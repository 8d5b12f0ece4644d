//! Comparison of two graphs, and of the graphs inside their paired nodes.
//!
//! For a subgraph, the counterpart of a captured value is that of the value outside: another value, or a constant.
//! Names of a subgraph's inputs and outputs are not significant; their order is.

use std::collections::{HashMap, HashSet};

use super::pair::{self, Known, Pairs};
use crate::graph::{Graph, Subgraph, ValueId};

/// Two graphs with the facts known about them.
pub struct Level<'a> {
    pub known: [Known<'a>; 2],
    pub pairs: Pairs,
    /// Prefix of names in the record: the node and attribute that contain the graph.
    pub place: [String; 2],
    captured: [HashSet<ValueId>; 2],
}

impl<'a> Level<'a> {
    pub fn outermost(a: &'a Graph, b: &'a Graph) -> Self {
        let known = [a, b].map(|graph| Known::new(graph, None));
        let pairs = pair::pair(&known[0], &known[1], pair::ends(a, b));
        Self { known, pairs, place: Default::default(), captured: Default::default() }
    }

    pub fn inside(&self, bodies: [&'a Subgraph; 2], place: [String; 2]) -> Self {
        let [a, b] = bodies;
        let inner = |side: usize| {
            let captured = bodies[side].captures.iter();
            let constants = captured.filter_map(|c| Some((c.inner, self.known[side].constant(c.outer)?.clone())));
            Known::new(&bodies[side].graph, constants)
        };
        let known = [inner(0), inner(1)];
        let seen: HashMap<ValueId, ValueId> = a.captures.iter().map(|c| (c.outer, c.inner)).collect();
        let given: HashMap<&str, ValueId> = a
            .captures
            .iter()
            .filter(|c| self.a().is_given(c.outer))
            .map(|c| (self.a().value(c.outer).name.as_str(), c.inner))
            .collect();
        let counterpart = |outer: ValueId| match self.pairs.values.get(&outer) {
            Some(of_a) => seen.get(of_a).copied(),
            None if self.b().is_given(outer) => given.get(self.b().value(outer).name.as_str()).copied(),
            None => None,
        };
        let captures = b.captures.iter().filter(|c| known[1].constant(c.inner).is_none());
        let mut values: HashMap<ValueId, ValueId> =
            captures.filter_map(|c| Some((c.inner, counterpart(c.outer)?))).collect();
        values.extend(b.graph.inputs.iter().copied().zip(a.graph.inputs.iter().copied()));
        let pairs = pair::pair(&known[0], &known[1], values);
        let captured = bodies.map(|body| body.captures.iter().map(|c| c.inner).collect());
        Self { known, pairs, place, captured }
    }

    pub fn a(&self) -> &'a Graph {
        self.known[0].graph
    }

    pub fn b(&self) -> &'a Graph {
        self.known[1].graph
    }

    /// Returns `true` if both are constants captured from the enclosing graph, where they are compared.
    pub fn both_captured(&self, a: ValueId, b: ValueId) -> bool {
        self.captured[0].contains(&a) && self.captured[1].contains(&b)
    }
}
