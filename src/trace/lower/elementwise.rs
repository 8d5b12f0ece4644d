//! Arithmetic, activations and products.

use burn::backend::ir::{
    ActivationOperationIr as A, BinaryOpIr, FloatOperationIr as F, NumericOperationIr as N, ScalarOpIr, TensorIr,
    UnaryOpIr,
};

use super::Lower;
use crate::Result;

impl Lower<'_> {
    /// Lowers arithmetic; `false` when there is no lowering.
    pub(super) fn numeric(&mut self, op: &N) -> Result<bool> {
        match op {
            N::Add(o) => self.binary("Add", o)?,
            N::Sub(o) => self.binary("Sub", o)?,
            N::Mul(o) => self.binary("Mul", o)?,
            N::Div(o) => self.binary("Div", o)?,
            N::AddScalar(o) => self.with_scalar("Add", o)?,
            N::SubScalar(o) => self.with_scalar("Sub", o)?,
            N::MulScalar(o) => self.with_scalar("Mul", o)?,
            N::DivScalar(o) => self.with_scalar("Div", o)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Lowers an operation on real numbers; `false` when there is no lowering.
    pub(super) fn float(&mut self, op: &F) -> Result<bool> {
        match op {
            F::Matmul(o) => self.pair("MatMul", &o.lhs, &o.rhs, &o.out)?,
            F::PowfScalar(o) => self.with_scalar("Pow", o)?,
            F::Exp(o) => self.unary("Exp", o)?,
            F::Log(o) => self.unary("Log", o)?,
            F::Sqrt(o) => self.unary("Sqrt", o)?,
            F::Tanh(o) => self.unary("Tanh", o)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Lowers an activation; `false` when there is no lowering.
    pub(super) fn activation(&mut self, op: &A) -> Result<bool> {
        match op {
            A::Relu(o) => self.unary("Relu", o)?,
            A::Sigmoid(o) => self.unary("Sigmoid", o)?,
            A::Softmax(o) => self.along_axis("Softmax", &o.input, o.axis, &o.out)?,
            A::LogSoftmax(o) => self.along_axis("LogSoftmax", &o.input, o.axis, &o.out)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unary(&mut self, op_type: &str, op: &UnaryOpIr) -> Result<()> {
        let x = self.read(&op.input)?;
        self.emit(op_type, vec![x], &op.out);
        Ok(())
    }

    fn binary(&mut self, op_type: &str, op: &BinaryOpIr) -> Result<()> {
        self.pair(op_type, &op.lhs, &op.rhs, &op.out)
    }

    fn pair(&mut self, op_type: &str, lhs: &TensorIr, rhs: &TensorIr, out: &TensorIr) -> Result<()> {
        let inputs = self.read_all([lhs, rhs])?;
        self.emit(op_type, inputs, out);
        Ok(())
    }

    fn with_scalar(&mut self, op_type: &str, op: &ScalarOpIr) -> Result<()> {
        let inputs = vec![self.read(&op.lhs)?, self.scalar(&op.lhs, op.rhs)?];
        self.emit(op_type, inputs, &op.out);
        Ok(())
    }

    fn along_axis(&mut self, op_type: &str, input: &TensorIr, axis: usize, out: &TensorIr) -> Result<()> {
        let x = self.read(input)?;
        self.emit(op_type, vec![x], out).set("axis", axis as i64);
        Ok(())
    }
}
