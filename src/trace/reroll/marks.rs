//! The two operations that enclose the body of a loop in a list of operations.
//!
//! `Begin` reads what the loop starts from and what it goes through, and makes what one turn is given; `End` reads what one
//! turn makes, and makes what the loop leaves behind. Between them stands the body, once. To whoever walks the list they are
//! operations like others: shapes are fitted through them, and what nobody needs goes.

use burn::backend::ir::{CustomOpIr, OperationIr, ScalarIr, TensorId, TensorIr};

const BEGIN: &str = "gnet.loop.begin";
const END: &str = "gnet.loop.end";

/// The axis of a tensor along which a loop goes, one element a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::trace) struct Along {
    pub axis: usize,
    /// From the last element to the first.
    pub backwards: bool,
}

/// One end of a loop: its state, then what it goes through or collects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::trace) struct Mark {
    /// What the operation reads: at the beginning the first state and whole tensors, at the end the next state and items.
    pub inputs: Vec<TensorIr>,
    /// What it makes: at the beginning the state and items of a turn, at the end the last state and whole tensors.
    pub outputs: Vec<TensorIr>,
    /// For each input or output after the state, the axis of the whole tensor.
    pub along: Vec<Along>,
}

impl Mark {
    /// How many tensors go from one turn to the next.
    pub fn states(&self) -> usize {
        self.inputs.len() - self.along.len()
    }

    /// Adds a state, before anything is added that the loop goes along.
    pub(super) fn push(&mut self, input: TensorIr, output: TensorIr) {
        self.inputs.push(input);
        self.outputs.push(output);
    }

    /// Adds a tensor that the loop goes along, or an item.
    pub(super) fn push_along(&mut self, input: TensorIr, output: TensorIr, along: Along) {
        self.push(input, output);
        self.along.push(along);
    }

    /// What is made of a whole tensor along an axis, if anything is.
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

    /// The mark that an operation is, if it begins a loop.
    pub fn beginning(op: &OperationIr) -> Option<Self> {
        Self::read(op, BEGIN)
    }

    /// The mark that an operation is, if it ends a loop.
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
