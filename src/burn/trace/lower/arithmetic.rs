//! Arithmetic of real numbers and integers, and comparisons.

use burn::backend::ir::{BinaryOpIr, NumericOperationIr as N, ScalarIr, ScalarOpIr, TensorIr, UnaryOpIr};

use super::{Lower, Number, Operand};
use gnet_core::Result;

impl Lower<'_> {
    pub(super) fn numeric(&mut self, op: &N) -> Result<()> {
        match op {
            N::Add(o) | N::Sub(o) | N::Mul(o) | N::Div(o) | N::Greater(o) => self.binary(self.same_name(), o),
            N::AddScalar(o) | N::SubScalar(o) | N::MulScalar(o) | N::DivScalar(o) => {
                self.with_scalar(self.same_name(), o)
            }
            N::Abs(o) | N::Neg(o) | N::Sign(o) => self.unary(self.same_name(), o),
            N::Powi(o) => self.binary("Pow", o),
            N::PowiScalar(o) => self.with_scalar("Pow", o),
            N::Rem(o) => self.remainder(&o.lhs, &o.rhs, &o.out),
            N::RemScalar(o) => self.remainder(&o.lhs, &Number(&o.lhs, o.rhs), &o.out),
            N::Clamp(o) => self.clip(&o.tensor, [Some(o.min), Some(o.max)], &o.out),
            N::ClampMin(o) => self.clip(&o.lhs, [Some(o.rhs), None], &o.out),
            N::ClampMax(o) => self.clip(&o.lhs, [None, Some(o.rhs)], &o.out),
            N::GreaterEqual(o) => self.binary("GreaterOrEqual", o),
            N::Lower(o) => self.binary("Less", o),
            N::LowerEqual(o) => self.binary("LessOrEqual", o),
            N::GreaterElem(o) => self.with_scalar("Greater", o),
            N::GreaterEqualElem(o) => self.with_scalar("GreaterOrEqual", o),
            N::LowerElem(o) => self.with_scalar("Less", o),
            N::LowerEqualElem(o) => self.with_scalar("LessOrEqual", o),
            _ => self.reduction(op),
        }
    }

    pub(super) fn unary(&mut self, op_type: &str, op: &UnaryOpIr) -> Result<()> {
        self.emit(op_type, &[&op.input], &[], &op.out)
    }

    pub(super) fn binary(&mut self, op_type: &str, op: &BinaryOpIr) -> Result<()> {
        self.emit(op_type, &[&op.lhs, &op.rhs], &[], &op.out)
    }

    pub(super) fn with_scalar(&mut self, op_type: &str, op: &ScalarOpIr) -> Result<()> {
        self.emit(op_type, &[&op.lhs, &Number(&op.lhs, op.rhs)], &[], &op.out)
    }

    /// Lowers the remainder. Burn's has the sign of the divisor: `x - floor(x / y) * y` for real numbers, for which
    /// ONNX's `Mod` offers only C's remainder. For integers ONNX's has that sign too, but not every runtime implements
    /// it; `((x % y) + y) % y` is right with either kind of `%`.
    fn remainder(&mut self, lhs: &TensorIr, divisor: &dyn Operand, out: &TensorIr) -> Result<()> {
        let (divisor, x) = (divisor.value(self)?, self.read(lhs)?);
        if !lhs.dtype.is_float() {
            let rest = self.step("Mod", &[&x, &divisor], &[])?;
            let positive = self.step("Add", &[&rest, &divisor], &[])?;
            return self.emit("Mod", &[&positive, &divisor], &[], out);
        }
        let ratio = self.step("Div", &[&x, &divisor], &[])?;
        let whole = self.step("Floor", &[&ratio], &[])?;
        let multiple = self.step("Mul", &[&whole, &divisor], &[])?;
        self.emit("Sub", &[&x, &multiple], &[], out)
    }

    fn clip(&mut self, x: &TensorIr, bounds: [Option<ScalarIr>; 2], out: &TensorIr) -> Result<()> {
        let [least, most] = bounds.map(|bound| bound.map(|bound| Number(x, bound)));
        self.emit("Clip", &[x, &least, &most], &[], out)
    }
}
