//! Booleans, operations specific to integers, and casts.

use burn::backend::ir::{BoolOperationIr as L, IntOperationIr as I, ScalarIr, TensorIr};

use super::{Lower, dtype};
use gnet_core::Result;
use gnet_core::graph::{Attribute, DType, ValueId};

impl Lower<'_> {
    /// Lowers logic; returns `false` if there is no lowering.
    pub(super) fn logic(&mut self, op: &L) -> Result<bool> {
        match op {
            L::IntoFloat(o) | L::IntoInt(o) => self.cast(&o.input, &o.out)?,
            L::Not(o) => self.unary("Not", o)?,
            L::And(o) => self.binary("And", o)?,
            L::Or(o) => self.binary("Or", o)?,
            L::Xor(o) => self.binary("Xor", o)?,
        }
        Ok(true)
    }

    /// Lowers an operation on integers; returns `false` if there is no lowering.
    pub(super) fn integer_operation(&mut self, op: &I) -> Result<bool> {
        match op {
            I::IntoFloat(o) => self.cast(&o.input, &o.out)?,
            I::Matmul(o) => self.pair("MatMul", &o.lhs, &o.rhs, &o.out)?,
            _ => return self.bits(op),
        }
        Ok(true)
    }

    pub(super) fn cast(&mut self, input: &TensorIr, out: &TensorIr) -> Result<()> {
        let (x, to) = (self.read(input)?, super::number(out.dtype)?);
        self.emit("Cast", vec![x], out).set("to", to);
        Ok(())
    }

    /// Lowers equality of elements, or, with `negated`, inequality. For booleans it is an exclusive or: not every
    /// runtime compares them.
    pub(super) fn equality(&mut self, lhs: &TensorIr, rhs: ValueId, negated: bool, out: &TensorIr) -> Result<()> {
        let (truth, lhs) = (dtype(lhs.dtype)? == DType::Bool, self.read(lhs)?);
        let op_type = if truth { "Xor" } else { "Equal" };
        if truth == negated {
            self.emit(op_type, vec![lhs, rhs], out);
        } else {
            let other = self.step(op_type, vec![lhs, rhs], &[]);
            self.emit("Not", vec![other], out);
        }
        Ok(())
    }

    /// Lowers "any element is true", or, with `all`, "all elements are true". A number is true if it is not 0. `axis`
    /// is kept with length 1; without one the result is a vector of length 1.
    ///
    /// It is the maximum or minimum of ones and zeros: of booleans directly, of numbers after comparing them with 0,
    /// which inverts both the question and the answer.
    pub(super) fn truth(&mut self, all: bool, input: &TensorIr, axis: Option<usize>, out: &TensorIr) -> Result<()> {
        let mut x = self.read(input)?;
        let of_numbers = dtype(input.dtype)? != DType::Bool;
        if of_numbers {
            let zero = self.scalar(input, ScalarIr::Int(0))?;
            x = self.step("Equal", vec![x, zero], &[]);
        }
        let to = |dtype: DType| [("to", Attribute::Int(dtype.number().into()))];
        let ones = self.step("Cast", vec![x], &to(DType::I32));
        let op_type = if all == of_numbers { "ReduceMax" } else { "ReduceMin" };
        let reduced = match axis {
            Some(axis) => self.reduce(op_type, ones, &[axis], None),
            None => self.all_to_one(op_type, ones, None),
        };
        let answer = self.make("Cast", vec![reduced], &to(DType::Bool), (!of_numbers).then_some(out));
        if of_numbers {
            self.emit("Not", vec![answer], out);
        }
        Ok(())
    }
}
