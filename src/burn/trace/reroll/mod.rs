//! Recovery of a loop over a symbol from a forward that was unrolled when it ran.
//!
//! A recurrent network is a loop in Rust: a run at length 7 records seven times the operations of one step. The loop is
//! recovered from runs at several lengths. At each position of the runs, which are equal up to there, the search looks
//! for a number of operations that is repeated as often in each run as the symbol is large there (`tokens`), and checks
//! that every iteration performs the same operations on
//!
//! - tensors from outside the loop;
//! - its element of a tensor that is split along one axis, forwards or backwards;
//! - results of the same iteration, or of the one before (the state).
//!
//! Operations after the loop may only read the final state, or results of all iterations joined by a concatenation or
//! by assignment one by one. Then one iteration between two [marks](Mark) replaces all. Invariant operations move
//! before the loop.
//!
//! ONNX's `Scan` is this form of loop.

mod fold;
mod ids;
mod marks;
mod schedule;
mod step;
mod tokens;
mod unroll;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use burn::backend::TensorData;
use burn::backend::ir::{OperationIr, TensorId};

pub(super) use marks::{Along, Mark};
pub(super) use unroll::unroll;

#[cfg(test)]
mod tests;

use super::live;
use fold::{Folded, Region};
use ids::Fresh;

/// One run of a forward.
#[derive(Debug, Clone)]
pub(super) struct Tape {
    pub operations: Vec<OperationIr>,
    pub outputs: Vec<TensorId>,
    /// Sizes of the symbols: the number of iterations of a loop over each of them.
    pub sizes: Vec<usize>,
}

/// Folds the loops over symbols in runs at several of their sizes; `None` if the runs differ in other ways.
pub(super) fn reroll(runs: &[Tape], values: &HashMap<TensorId, TensorData>) -> Option<Vec<Tape>> {
    // In the recorded order, an iteration may read the step of the one before; after regrouping, each reader has its
    // own.
    let as_it_stands = |run: &Tape| Rolling::new(run.clone(), Fresh::default());
    let together = |run: &Tape| {
        let mut fresh = Fresh::default();
        let operations = schedule::schedule(&run.operations, &run.outputs, &mut fresh);
        Rolling::new(Tape { operations, ..run.clone() }, fresh)
    };
    rolled(runs.iter().map(as_it_stands).collect(), values)
        .or_else(|| rolled(runs.iter().map(together).collect(), values))
}

fn rolled(mut runs: Vec<Rolling>, values: &HashMap<TensorId, TensorData>) -> Option<Vec<Tape>> {
    let mut at = 0;
    while let Some(parts) = differ(&runs, at) {
        at = (at..=parts).find_map(|start| roll(&mut runs, start, values))?;
    }
    Some(runs.into_iter().map(Rolling::finish).collect())
}

/// A run that is being folded.
struct Rolling {
    run: Tape,
    /// Hash of each operation that is equal if operations differ only in names and in steps along an axis.
    loose: Vec<u64>,
    /// Hash that is equal if they differ only in names and sizes.
    sizeless: Vec<u64>,
    fresh: Fresh,
}

impl Rolling {
    fn new(run: Tape, fresh: Fresh) -> Self {
        let numbers = |form: fn(&OperationIr) -> OperationIr| run.operations.iter().map(|op| hash(&form(op))).collect();
        let (loose, sizeless) = (numbers(tokens::loose), numbers(tokens::sizeless));
        Self { run, loose, sizeless, fresh }
    }

    /// Returns `true` if `period` operations from `start` on repeat `turns` times.
    fn repeats(&self, start: usize, period: usize, turns: usize) -> bool {
        let end = start + period * turns;
        end <= self.loose.len() && (start..end - period).all(|at| self.loose[at] == self.loose[at + period])
    }

    fn fold(&mut self, region: Region, values: &HashMap<TensorId, TensorData>) -> Option<Folded> {
        fold::fold(&self.run, values, region, &mut self.fresh)
    }

    fn replace(&mut self, folded: Folded) {
        *self = Self::new(folded.run, std::mem::take(&mut self.fresh));
    }

    fn finish(self) -> Tape {
        let operations = live::live(&self.run.operations, self.run.outputs.iter().copied());
        Tape { operations, ..self.run }
    }
}

/// Hashes an operation. Operations with the same hash may still differ, if rarely: folding compares them.
fn hash(op: &OperationIr) -> u64 {
    let mut hasher = DefaultHasher::new();
    op.hash(&mut hasher);
    hasher.finish()
}

/// Returns the first position from `at` on at which two runs differ.
fn differ(runs: &[Rolling], at: usize) -> Option<usize> {
    let longest = runs.iter().map(|run| run.sizeless.len()).max()?;
    let differs = |index: usize| runs.iter().any(|run| run.sizeless.get(index) != runs[0].sizeless.get(index));
    (at..longest).find(|index| differs(*index))
}

/// Folds a loop that begins at `start` in every run, and returns where it ends.
fn roll(runs: &mut [Rolling], start: usize, values: &HashMap<TensorId, TensorData>) -> Option<usize> {
    let symbols = runs.first()?.run.sizes.len();
    for symbol in 0..symbols {
        // A loop over a size that is the same in all runs would not show as a difference, and a single iteration not as
        // a repetition.
        let sizes = runs.iter().map(|run| run.run.sizes[symbol]);
        if sizes.clone().min()? < 2 || sizes.clone().min() == sizes.max() {
            continue;
        }
        let room = |run: &Rolling| run.loose.len().saturating_sub(start) / run.run.sizes[symbol];
        for period in 1..=runs.iter().map(room).min()? {
            if !runs.iter().all(|run| run.repeats(start, period, run.run.sizes[symbol])) {
                continue;
            }
            let region = |run: &Rolling| Region { start, period, turns: run.run.sizes[symbol] };
            let folded: Option<Vec<Folded>> = runs.iter_mut().map(|run| run.fold(region(run), values)).collect();
            let Some(folded) = folded else { continue };
            let end = folded.iter().map(|folded| folded.end).min()?;
            runs.iter_mut().zip(folded).for_each(|(run, folded)| run.replace(folded));
            return Some(end);
        }
    }
    None
}
