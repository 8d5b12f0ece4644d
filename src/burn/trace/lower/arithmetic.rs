//! Arithmetic of real numbers and integers, and comparisons.

use burn::backend::ir::{BinaryOpIr, NumericOperationIr as N, ScalarIr, ScalarOpIr, TensorIr, UnaryOpIr};

use super::Lower;
use gnet_core::Result;
use gnet_core::graph::ValueId;

impl Lower<'_> {
    /// Lowers arithmetic, comparisons and reductions; returns `false` if there is no lowering.
    pub(super) fn numeric(&mut self, op: &N) -> Result<bool> {
        match op {
            N::Add(o) => self.binary("Add", o)?,
            N::Sub(o) => self.binary("Sub", o)?,
            N::Mul(o) => self.binary("Mul", o)?,
            N::Div(o) => self.binary("Div", o)?,
            N::Rem(o) => {
                let divisor = self.read(&o.rhs)?;
                self.remainder(&o.lhs, divisor, &o.out)?;
            }
            N::Powi(o) => self.binary("Pow", o)?,
            N::AddScalar(o) => self.with_scalar("Add", o)?,
            N::SubScalar(o) => self.with_scalar("Sub", o)?,
            N::MulScalar(o) => self.with_scalar("Mul", o)?,
            N::DivScalar(o) => self.with_scalar("Div", o)?,
            N::RemScalar(o) => {
                let divisor = self.scalar(&o.lhs, o.rhs)?;
                self.remainder(&o.lhs, divisor, &o.out)?;
            }
            N::PowiScalar(o) => self.with_scalar("Pow", o)?,
            N::Abs(o) => self.unary("Abs", o)?,
            N::Neg(o) => self.unary("Neg", o)?,
            N::Sign(o) => self.unary("Sign", o)?,
            N::Clamp(o) => self.clip(&o.tensor, [Some(o.min), Some(o.max)], &o.out)?,
            N::ClampMin(o) => self.clip(&o.lhs, [Some(o.rhs), None], &o.out)?,
            N::ClampMax(o) => self.clip(&o.lhs, [None, Some(o.rhs)], &o.out)?,
            N::Greater(o) => self.binary("Greater", o)?,
            N::GreaterEqual(o) => self.binary("GreaterOrEqual", o)?,
            N::Lower(o) => self.binary("Less", o)?,
            N::LowerEqual(o) => self.binary("LessOrEqual", o)?,
            N::GreaterElem(o) => self.with_scalar("Greater", o)?,
            N::GreaterEqualElem(o) => self.with_scalar("GreaterOrEqual", o)?,
            N::LowerElem(o) => self.with_scalar("Less", o)?,
            N::LowerEqualElem(o) => self.with_scalar("LessOrEqual", o)?,
            _ => return self.reduction(op),
        }
        Ok(true)
    }

    pub(super) fn unary(&mut self, op_type: &str, op: &UnaryOpIr) -> Result<()> {
        let x = self.read(&op.input)?;
        self.emit(op_type, vec![x], &op.out);
        Ok(())
    }

    pub(super) fn binary(&mut self, op_type: &str, op: &BinaryOpIr) -> Result<()> {
        self.pair(op_type, &op.lhs, &op.rhs, &op.out)
    }

    pub(super) fn pair(&mut self, op_type: &str, lhs: &TensorIr, rhs: &TensorIr, out: &TensorIr) -> Result<()> {
        let inputs = self.read_all([lhs, rhs])?;
        self.emit(op_type, inputs, out);
        Ok(())
    }

    pub(super) fn with_scalar(&mut self, op_type: &str, op: &ScalarOpIr) -> Result<()> {
        let inputs = vec![self.read(&op.lhs)?, self.scalar(&op.lhs, op.rhs)?];
        self.emit(op_type, inputs, &op.out);
        Ok(())
    }

    /// Lowers the remainder. Burn's has the sign of the divisor: `x - floor(x / y) * y` for real numbers, for which
    /// ONNX's `Mod` offers only C's remainder. For integers ONNX's has that sign too, but not every runtime implements
    /// it; `((x % y) + y) % y` is right with either kind of `%`.
    fn remainder(&mut self, lhs: &TensorIr, divisor: ValueId, out: &TensorIr) -> Result<()> {
        let x = self.read(lhs)?;
        if !lhs.dtype.is_float() {
            let rest = self.step("Mod", vec![x, divisor], &[]);
            let positive = self.step("Add", vec![rest, divisor], &[]);
            self.emit("Mod", vec![positive, divisor], out);
            return Ok(());
        }
        let ratio = self.step("Div", vec![x, divisor], &[]);
        let whole = self.step("Floor", vec![ratio], &[]);
        let multiple = self.step("Mul", vec![whole, divisor], &[]);
        self.emit("Sub", vec![x, multiple], out);
        Ok(())
    }

    fn clip(&mut self, x: &TensorIr, bounds: [Option<ScalarIr>; 2], out: &TensorIr) -> Result<()> {
        let mut inputs = vec![Some(self.read(x)?)];
        for bound in bounds {
            inputs.push(bound.map(|bound| self.scalar(x, bound)).transpose()?);
        }
        if inputs.last().is_some_and(Option::is_none) {
            inputs.pop();
        }
        self.emit("Clip", vec![], out).inputs = inputs;
        Ok(())
    }
}
