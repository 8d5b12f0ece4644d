//! Activation memory by liveness, and the bytes that each node moves.
//!
//! Nodes run in the order of the file. A value takes memory from the node that makes it to the last that reads it; an input
//! from the start, an output to the end. Nothing works in place, and only what [`is_view`] names shares memory. A further
//! output of a node that nobody reads, such as the mask of a Dropout, is not made.

use std::collections::{HashMap, HashSet};

use super::constants::Constants;
use super::operators::{is_view, only_runs_subgraphs, reads_shape_only, selects};
use super::sizes::{Counted, Sizes, bytes_of};
use crate::graph::{Graph, Node, ValueId};

/// The values that a node of the graph reads or that are handed back.
#[derive(Debug)]
pub(super) struct Wanted(HashSet<ValueId>);

impl Wanted {
    pub fn of(graph: &Graph) -> Self {
        Self(graph.nodes.iter().flat_map(Node::reads).chain(graph.outputs.iter().copied()).collect())
    }

    /// What a node makes.
    fn made(&self, node: &Node) -> impl Iterator<Item = ValueId> {
        node.makes().filter(move |id| Some(*id) == node.output() || self.0.contains(id))
    }
}

/// Bytes read and written by a node, for the whole batch.
pub(super) fn traffic(sizes: &Sizes, constants: &Constants, wanted: &Wanted, node: &Node) -> Counted<(u64, u64)> {
    // What runs in a subgraph reads and writes there.
    if is_view(node) || only_runs_subgraphs(node) {
        return Ok((0, 0));
    }
    let written = sum(wanted.made(node).map(|id| sizes.bytes(id)))?;
    if reads_shape_only(node) {
        return Ok((0, written));
    }
    let mut seen = HashSet::new();
    let distinct =
        node.inputs.iter().enumerate().filter_map(|(i, id)| Some((i, (*id)?))).filter(|(_, id)| seen.insert(*id));
    let read = sum(distinct.map(|(position, id)| match position {
        0 if selects(node) => Ok(written),
        _ => bytes(sizes, constants, id),
    }))?;
    Ok((read, written))
}

/// Bytes of a value; those of a constant also where the file states no shape for it.
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

/// How much memory is in use while each node runs.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Bytes while the node of this index runs; 0 for one that makes constants.
    pub at: Vec<u64>,
    /// Inputs whose size is not known, with the reason.
    pub unknown: Vec<(ValueId, String)>,
}

impl Live {
    /// Sizes that are not known count nothing: the caller names them.
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

/// The memory as nodes run one after the other.
struct Memory<'a> {
    sizes: &'a Sizes<'a>,
    constants: &'a Constants,
    wanted: &'a Wanted,
    /// What a view shows.
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
            if let (true, Some(view), Some(operand)) = (is_view(node), node.output(), node.input(0)) {
                shown.insert(view, whole(&shown, operand));
            }
            // What nobody reads goes right after it was made.
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
