//! The two operations that enclose the body of a loop in a list of operations.
//!
//! `Begin` reads the initial state and the tensors iterated over, and produces the inputs of one iteration; `End` reads
//! the results of one iteration and produces the outputs of the loop. The body appears once between them. Code that
//! walks the list treats them like any other operation: shapes are fitted through them, and unused ones are pruned.

use burn::backend::ir::{CustomOpIr, OperationIr, ScalarIr, TensorId, TensorIr};

const BEGIN: &str = "gnet.loop.begin";
const END: &str = "gnet.loop.end";

/// Axis of a tensor along which a loop iterates, one element per iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::trace) struct Along {
    pub axis: usize,
    /// From the last element to the first.
    pub backwards: bool,
}

/// One end of a loop: its state, then the tensors it iterates over or collects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::trace) struct Mark {
    /// Inputs of the operation: at the beginning the initial state and whole tensors, at the end the next state and
    /// items.
    pub inputs: Vec<TensorIr>,
    /// Outputs of the operation: at the beginning the state and items of an iteration, at the end the final state and
    /// whole tensors.
    pub outputs: Vec<TensorIr>,
    /// For each input or output after the state, the axis of the whole tensor.
    pub along: Vec<Along>,
}

impl Mark {
    /// Returns the number of tensors carried from one iteration to the next.
    pub fn states(&self) -> usize {
        self.inputs.len() - self.along.len()
    }

    /// Adds a state, before any tensor that the loop iterates over.
    pub(super) fn push(&mut self, input: TensorIr, output: TensorIr) {
        self.inputs.push(input);
        self.outputs.push(output);
    }

    pub(super) fn push_along(&mut self, input: TensorIr, output: TensorIr, along: Along) {
        self.push(input, output);
        self.along.push(along);
    }

    /// Returns the counterpart of a whole tensor along an axis, if there is one.
    pub(super) fn find(&self, whole: TensorId, along: Along) -> Option<TensorId> {
        let states = self.states();
        let same = |at: &usize| self.inputs[states + at].id == whole && self.along[*at] == along;
        (0..self.along.len()).find(same).map(|at| self.outputs[states + at].id)
    }

    pub fn begin(self) -> OperationIr {
        self.operation(BEGIN)
    }

    pub fn end(self) -> OperationIr {
        self.operation(END)
    }

    pub fn beginning(op: &OperationIr) -> Option<Self> {
        Self::read(op, BEGIN)
    }

    pub fn ending(op: &OperationIr) -> Option<Self> {
        Self::read(op, END)
    }

    fn operation(self, id: &str) -> OperationIr {
        let number = |along: &Along| [ScalarIr::UInt(along.axis as u64), ScalarIr::Bool(along.backwards)];
        let scalars = self.along.iter().flat_map(number).collect();
        OperationIr::Custom(CustomOpIr { id: id.to_owned(), inputs: self.inputs, outputs: self.outputs, scalars })
    }

    fn read(op: &OperationIr, id: &str) -> Option<Self> {
        let OperationIr::Custom(op) = op else { return None };
        let along = |pair: &[ScalarIr]| match pair {
            [axis, backwards] => {
                Some(Along { axis: axis.elem::<u64>() as usize, backwards: backwards.elem::<u8>() != 0 })
            }
            _ => None,
        };
        let along: Vec<Along> = op.scalars.chunks(2).map(along).collect::<Option<_>>()?;
        (op.id == id && op.inputs.len() == op.outputs.len() && along.len() <= op.inputs.len()).then(|| Self {
            inputs: op.inputs.clone(),
            outputs: op.outputs.clone(),
            along,
        })
    }
}
