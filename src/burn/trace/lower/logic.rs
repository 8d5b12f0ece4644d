//! Booleans, operations specific to integers, and casts.

use burn::backend::ir::{BoolOperationIr as L, IntOperationIr as I, ScalarIr, TensorIr};

use super::{Lower, Number, Operand, dtype};
use gnet_core::Result;
use gnet_core::graph::DType;

impl Lower<'_> {
    pub(super) fn logic(&mut self, op: &L) -> Result<()> {
        match op {
            L::IntoFloat(o) | L::IntoInt(o) => self.cast(&o.input, &o.out),
            L::Not(o) => self.unary("Not", o),
            L::And(o) | L::Or(o) | L::Xor(o) => self.binary(self.same_name(), o),
        }
    }

    pub(super) fn integer_operation(&mut self, op: &I) -> Result<()> {
        match op {
            I::IntoFloat(o) => self.cast(&o.input, &o.out),
            I::Matmul(o) => self.emit("MatMul", &[&o.lhs, &o.rhs], &[], &o.out),
            _ => self.bits(op),
        }
    }

    /// Casts to the element type that Burn's output has: ONNX's indices, for one, are always 64-bit.
    pub(super) fn cast(&mut self, input: &dyn Operand, out: &TensorIr) -> Result<()> {
        self.emit("Cast", &[input], &[("to", dtype(out.dtype)?.into())], out)
    }

    /// Lowers equality of elements, or, with `negated`, inequality. For booleans it is an exclusive or: not every
    /// runtime compares them.
    pub(super) fn equality(&mut self, lhs: &TensorIr, rhs: &dyn Operand, negated: bool, out: &TensorIr) -> Result<()> {
        let rhs = rhs.value(self)?;
        let truth = dtype(lhs.dtype)? == DType::Bool;
        let op_type = if truth { "Xor" } else { "Equal" };
        if truth == negated {
            return self.emit(op_type, &[lhs, &rhs], &[], out);
        }
        let other = self.step(op_type, &[lhs, &rhs], &[])?;
        self.emit("Not", &[&other], &[], out)
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
            x = self.step("Equal", &[&x, &Number(input, ScalarIr::Int(0))], &[])?;
        }
        let ones = self.step("Cast", &[&x], &[("to", DType::I32.into())])?;
        let op_type = if all == of_numbers { "ReduceMax" } else { "ReduceMin" };
        let reduced = match axis {
            Some(axis) => self.reduce(op_type, &ones, &[axis], None)?,
            None => self.all_to_one(op_type, &ones, None)?,
        };
        let to = [("to", DType::Bool.into())];
        if !of_numbers {
            return self.emit("Cast", &[&reduced], &to, out);
        }
        let answer = self.step("Cast", &[&reduced], &to)?;
        self.emit("Not", &[&answer], &[], out)
    }
}
