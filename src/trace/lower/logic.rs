//! Truth values, integers' own operations, and changes of type.

use burn::backend::ir::{BinaryOpIr, BoolOperationIr as L, IntOperationIr as I, ScalarOpIr, TensorIr};

use super::Lower;
use crate::Result;
use crate::graph::{Attribute, DType, ValueId};
use crate::onnx::number_of;

impl Lower<'_> {
    /// Lowers logic; `false` when there is no lowering.
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

    /// Lowers an operation on integers; `false` when there is no lowering. ONNX has bitwise operations from opset 18 on,
    /// and shifts of unsigned integers only.
    pub(super) fn integer_operation(&mut self, op: &I) -> Result<bool> {
        match op {
            I::IntoFloat(o) => self.cast(&o.input, &o.out)?,
            I::Matmul(o) => self.pair("MatMul", &o.lhs, &o.rhs, &o.out)?,
            I::BitwiseAnd(o) if self.opset >= 18 => self.binary("BitwiseAnd", o)?,
            I::BitwiseOr(o) if self.opset >= 18 => self.binary("BitwiseOr", o)?,
            I::BitwiseXor(o) if self.opset >= 18 => self.binary("BitwiseXor", o)?,
            I::BitwiseNot(o) if self.opset >= 18 => self.unary("BitwiseNot", o)?,
            I::BitwiseAndScalar(o) if self.opset >= 18 => self.with_scalar("BitwiseAnd", o)?,
            I::BitwiseOrScalar(o) if self.opset >= 18 => self.with_scalar("BitwiseOr", o)?,
            I::BitwiseXorScalar(o) if self.opset >= 18 => self.with_scalar("BitwiseXor", o)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn cast(&mut self, input: &TensorIr, out: &TensorIr) -> Result<()> {
        let (x, to) = (self.read(input)?, super::number(out.dtype)?);
        self.emit("Cast", vec![x], out).set("to", to);
        Ok(())
    }

    pub(super) fn not_equal(&mut self, op: &BinaryOpIr) -> Result<()> {
        let inputs = self.read_all([&op.lhs, &op.rhs])?;
        let equal = self.step("Equal", inputs, &[]);
        self.emit("Not", vec![equal], &op.out);
        Ok(())
    }

    pub(super) fn not_equal_scalar(&mut self, op: &ScalarOpIr) -> Result<()> {
        let inputs = vec![self.read(&op.lhs)?, self.scalar(&op.lhs, op.rhs)?];
        let equal = self.step("Equal", inputs, &[]);
        self.emit("Not", vec![equal], &op.out);
        Ok(())
    }

    /// Whether all or any elements are true: the least or greatest of them as integers. `axis` is kept with length 1;
    /// without one a vector of one is left.
    pub(super) fn truth(&mut self, op_type: &str, input: &TensorIr, axis: Option<usize>, out: &TensorIr) -> Result<()> {
        let x = self.read(input)?;
        let to = |dtype| [("to", Attribute::Int(number_of(dtype).into()))];
        let x = self.step("Cast", vec![x], &to(DType::I32));
        let reduced = match axis {
            Some(axis) => self.reduced(op_type, x, axis),
            None => {
                let number = self.step(op_type, vec![x], &[("keepdims", Attribute::Int(0))]);
                let one = self.constant("shape", crate::graph::Tensor::from_i64(&[1]));
                self.step("Reshape", vec![number, one], &[])
            }
        };
        self.emit("Cast", vec![reduced], out).set("to", i64::from(number_of(DType::Bool)));
        Ok(())
    }

    fn reduced(&mut self, op_type: &str, x: ValueId, axis: usize) -> ValueId {
        let keep = ("keepdims", Attribute::Int(1));
        if self.opset >= 18 {
            let axes = self.constant("axes", crate::graph::Tensor::from_i64(&[axis as i64]));
            return self.step(op_type, vec![x, axes], &[keep]);
        }
        self.step(op_type, vec![x], &[keep, ("axes", Attribute::Ints(vec![axis as i64]))])
    }
}
