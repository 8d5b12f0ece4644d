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
    let moves = Moves::of(operations);
    let mut placed = Placed { operations: Vec::with_capacity(operations.len()), used: HashSet::new(), fresh };
    for op in operations {
        if op.outputs().any(|tensor| moves.late.contains_key(&tensor.id)) {
            continue;
        }
        let op = placed.with_steps(op.clone(), operations, &moves);
        placed.operations.push(op);
    }
    for id in outputs.iter().filter(|id| moves.late.contains_key(id)) {
        if !placed.used.contains(id) {
            placed.place(*id, operations, &moves);
        }
    }
    placed.operations
}

/// The operations that move.
#[derive(Default)]
struct Moves {
    /// Steps of a tensor, and reshapes of steps, by their output.
    late: HashMap<TensorId, usize>,
}

impl Moves {
    fn of(operations: &[OperationIr]) -> Self {
        let mut moves = Self::default();
        let iterated = iterated(operations);
        for (index, op) in operations.iter().enumerate() {
            let is_step = step(op).is_some_and(|step| iterated.contains(&(step.source, step.axis)));
            let of_step = reshape(op).is_some_and(|(input, _)| moves.late.contains_key(&input.id));
            if let Some(out) = op.outputs().next().filter(|_| is_step || of_step) {
                moves.late.insert(out.id, index);
            }
        }
        moves
    }
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

/// The list under construction.
struct Placed<'a> {
    operations: Vec<OperationIr>,
    /// Steps that have been placed under their own name.
    used: HashSet<TensorId>,
    fresh: &'a mut Fresh,
}

impl Placed<'_> {
    /// Places the steps that an operation reads before it, and makes it read these.
    fn with_steps(&mut self, mut op: OperationIr, all: &[OperationIr], moves: &Moves) -> OperationIr {
        let read: BTreeSet<TensorId> =
            op.inputs().map(|tensor| tensor.id).filter(|id| moves.late.contains_key(id)).collect();
        let mut names = HashMap::new();
        for id in read {
            let name = self.place(id, all, moves);
            names.insert(id, name);
        }
        op.visit_mut(&mut Renamed(&names));
        op
    }

    /// Places a step, or the reshape of one, and returns its name.
    fn place(&mut self, id: TensorId, all: &[OperationIr], moves: &Moves) -> TensorId {
        let name = if self.used.insert(id) { id } else { self.fresh.next() };
        let mut op = all[moves.late[&id]].clone();
        let mut names = HashMap::from([(id, name)]);
        let input = op.inputs().map(|tensor| tensor.id).find(|id| moves.late.contains_key(id));
        if let Some(input) = input {
            names.insert(input, self.place(input, all, moves));
        }
        op.visit_mut(&mut Renamed(&names));
        self.operations.push(op);
        name
    }
}
