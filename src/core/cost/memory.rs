//! Activation memory by liveness, and the bytes that each node moves.
//!
//! Nodes run in the order of the file. A value takes memory from the node that produces it to its last reader; an input
//! from the start, an output to the end. Nothing is computed in place, and only a [view](Operator::view) shares memory. An
//! additional output of a node that nothing reads, such as the mask of a Dropout, is not computed.

use std::collections::{HashMap, HashSet};

use super::constants::Constants;
use super::macs::only_runs_subgraphs;
use super::sizes::{Counted, Sizes, bytes_of};
use crate::graph::{Graph, Node, ValueId};
use crate::operators::Operator;

/// Values that a node of the graph reads or that are outputs.
#[derive(Debug)]
pub(super) struct Wanted(HashSet<ValueId>);

impl Wanted {
    pub fn of(graph: &Graph) -> Self {
        Self(graph.nodes.iter().flat_map(Node::reads).chain(graph.outputs.iter().copied()).collect())
    }

    fn made(&self, node: &Node) -> impl Iterator<Item = ValueId> {
        node.makes().filter(move |id| Some(*id) == node.output() || self.0.contains(id))
    }
}

/// Counts bytes read and written by a node, for the whole batch.
pub(super) fn traffic(sizes: &Sizes, constants: &Constants, wanted: &Wanted, node: &Node) -> Counted<(u64, u64)> {
    // The nodes of a subgraph read and write there.
    let is = |fact: fn(&Operator) -> bool| node.operator().is_some_and(fact);
    if is(|operator| operator.view) || only_runs_subgraphs(node) {
        return Ok((0, 0));
    }
    let written = sum(wanted.made(node).map(|id| sizes.bytes(id)))?;
    if is(|operator| operator.of_shape) {
        return Ok((0, written));
    }
    let mut seen = HashSet::new();
    let distinct =
        node.inputs.iter().enumerate().filter_map(|(i, id)| Some((i, (*id)?))).filter(|(_, id)| seen.insert(*id));
    let read = sum(distinct.map(|(position, id)| match position {
        0 if is(|operator| operator.selection) => Ok(written),
        _ => bytes(sizes, constants, id),
    }))?;
    Ok((read, written))
}

/// Returns the size of a value in bytes; that of a constant even if the file states no shape for it.
pub(super) fn bytes(sizes: &Sizes, constants: &Constants, id: ValueId) -> Counted<u64> {
    sizes.bytes(id).or_else(|reason| {
        let constant = constants.get(id).ok_or_else(|| reason.clone())?;
        let (Some(dtype), Some(elements)) = (constant.dtype, constant.elements) else { return Err(reason) };
        bytes_of(dtype, elements)
    })
}

fn sum(mut terms: impl Iterator<Item = Counted<u64>>) -> Counted<u64> {
    terms.try_fold(0u64, |sum, term| Ok(sum.saturating_add(term?)))
}

#[derive(Debug, Default)]
pub(super) struct Live {
    /// Bytes while the node of this index runs; 0 for one that produces constants.
    pub at: Vec<u64>,
    /// Inputs of unknown size, with the reason.
    pub unknown: Vec<(ValueId, String)>,
}

impl Live {
    /// Computes liveness. Unknown sizes count as zero: the caller names them.
    pub fn of(sizes: &Sizes, constants: &Constants, wanted: &Wanted) -> Self {
        let graph = sizes.graph();
        let mut memory = Memory::new(sizes, constants, wanted);
        let mut unknown = Vec::new();
        for id in &graph.inputs {
            match sizes.bytes(*id) {
                Ok(bytes) => memory.take(*id, bytes),
                Err(reason) => unknown.push((*id, reason)),
            }
        }
        let at = graph.nodes.iter().enumerate().map(|(index, node)| memory.run(index, node)).collect();
        Self { at, unknown }
    }
}

struct Memory<'a> {
    sizes: &'a Sizes<'a>,
    constants: &'a Constants,
    wanted: &'a Wanted,
    /// The value that each view refers to.
    shown: HashMap<ValueId, ValueId>,
    /// For each node, the values that nothing reads after it.
    ends: Vec<Vec<ValueId>>,
    taken: HashMap<ValueId, u64>,
    in_use: u64,
}

impl<'a> Memory<'a> {
    fn new(sizes: &'a Sizes, constants: &'a Constants, wanted: &'a Wanted) -> Self {
        let graph = sizes.graph();
        let mut shown: HashMap<ValueId, ValueId> = HashMap::new();
        let mut last: HashMap<ValueId, usize> = HashMap::new();
        let whole = |shown: &HashMap<_, _>, id| shown.get(&id).copied().unwrap_or(id);
        for (index, node) in graph.nodes.iter().enumerate() {
            let is_view = node.operator().is_some_and(|operator| operator.view);
            if let (true, Some(view), Some(operand)) = (is_view, node.output(), node.input(0)) {
                shown.insert(view, whole(&shown, operand));
            }
            // A value that nothing reads is freed right after it was produced.
            for id in node.reads().chain(node.makes()) {
                last.insert(whole(&shown, id), index);
            }
        }
        for id in &graph.outputs {
            last.remove(&whole(&shown, *id));
        }
        let mut ends = vec![Vec::new(); graph.nodes.len()];
        last.into_iter().for_each(|(id, index)| ends[index].push(id));
        Self { sizes, constants, wanted, shown, ends, taken: HashMap::new(), in_use: 0 }
    }

    fn take(&mut self, id: ValueId, bytes: u64) {
        if self.taken.insert(id, bytes).is_none() {
            self.in_use = self.in_use.saturating_add(bytes);
        }
    }

    fn run(&mut self, index: usize, node: &Node) -> u64 {
        let constant = self.constants.hold(node);
        for id in self.wanted.made(node).filter(|_| !constant) {
            if !self.shown.contains_key(&id) {
                self.take(id, self.sizes.bytes(id).unwrap_or(0));
            }
        }
        let peak = self.in_use;
        for id in std::mem::take(&mut self.ends[index]) {
            self.in_use = self.in_use.saturating_sub(self.taken.remove(&id).unwrap_or(0));
        }
        if constant { 0 } else { peak }
    }
}
