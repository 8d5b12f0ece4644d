//! Scheduling: groups the operations of each iteration of a loop.
//!
//! A forward may split a tensor into steps before the loop. They are moved next to their readers; a step with several
//! readers is split off for each of them, and folding the loop merges them again.

use std::collections::{BTreeSet, HashMap, HashSet};

use burn::backend::ir::{OperationIr, TensorId};

use super::ids::{Fresh, Renamed};
use super::step::{Step, reshape, step};

/// Returns the operations in an order in which each iteration is contiguous.
pub(super) fn schedule(operations: &[OperationIr], outputs: &[TensorId], fresh: &mut Fresh) -> Vec<OperationIr> {
    let late = &late(operations);
    let mut placed = Placed { all: operations, late, operations: Vec::new(), used: HashSet::new(), fresh };
    for op in operations.iter().filter(|op| !op.outputs().any(|tensor| late.contains_key(&tensor.id))) {
        placed.push(op.clone(), HashMap::new());
    }
    for id in outputs.iter().filter(|id| late.contains_key(id)) {
        if !placed.used.contains(id) {
            placed.place(*id);
        }
    }
    placed.operations
}

/// Steps of a tensor, and reshapes of steps, by their output: the operations that move.
type Late = HashMap<TensorId, usize>;

fn late(operations: &[OperationIr]) -> Late {
    let (mut late, iterated) = (Late::new(), iterated(operations));
    for (index, op) in operations.iter().enumerate() {
        let is_step = step(op).is_some_and(|step| iterated.contains(&(step.source, step.axis)));
        let of_step = reshape(op).is_some_and(|(input, _)| late.contains_key(&input.id));
        if is_step || of_step {
            late.extend(op.outputs().next().map(|out| (out.id, index)));
        }
    }
    late
}

/// Finds the tensors, with an axis, of which every step is taken.
fn iterated(operations: &[OperationIr]) -> HashSet<(TensorId, usize)> {
    let mut places: HashMap<(TensorId, usize), (usize, BTreeSet<usize>)> = HashMap::new();
    for Step { source, axis, at, length } in operations.iter().filter_map(step) {
        let (whole, seen) = places.entry((source, axis)).or_default();
        *whole = length;
        seen.insert(at);
    }
    let complete = places.into_iter().filter(|(_, (length, seen))| *length > 1 && seen.len() == *length);
    complete.map(|(place, _)| place).collect()
}

struct Placed<'a> {
    all: &'a [OperationIr],
    late: &'a Late,
    operations: Vec<OperationIr>,
    /// Steps that have been placed under their own name.
    used: HashSet<TensorId>,
    fresh: &'a mut Fresh,
}

impl Placed<'_> {
    /// Places an operation under new names, after the steps that it reads.
    fn push(&mut self, mut op: OperationIr, mut names: HashMap<TensorId, TensorId>) {
        let read: BTreeSet<TensorId> =
            op.inputs().map(|tensor| tensor.id).filter(|id| self.late.contains_key(id)).collect();
        for id in read {
            let name = self.place(id);
            names.insert(id, name);
        }
        op.visit_mut(&mut Renamed(&names));
        self.operations.push(op);
    }

    /// Places a step, or the reshape of one, and returns its name.
    fn place(&mut self, id: TensorId) -> TensorId {
        let name = if self.used.insert(id) { id } else { self.fresh.next() };
        self.push(self.all[self.late[&id]].clone(), HashMap::from([(id, name)]));
        name
    }
}
