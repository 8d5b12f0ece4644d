//! Operations on the bits of integers.

use burn::backend::ir::{IntOperationIr as I, ScalarIr, ScalarOpIr, TensorIr};

use super::{Lower, Number, Operand, dtype};
use gnet_core::Result;
use gnet_core::graph::DType;

/// ONNX's names of the directions of a shift.
const LEFT: &str = "LEFT";
const RIGHT: &str = "RIGHT";

impl Lower<'_> {
    /// Lowers an operation on bits. ONNX has bitwise logic from opset 18 on.
    pub(super) fn bits(&mut self, op: &I) -> Result<()> {
        match op {
            I::BitwiseLeftShift(o) => return self.shift(&o.lhs, &o.rhs, LEFT, &o.out),
            I::BitwiseRightShift(o) => return self.shift(&o.lhs, &o.rhs, RIGHT, &o.out),
            I::BitwiseLeftShiftScalar(o) => return self.shift_by_number(o, LEFT),
            I::BitwiseRightShiftScalar(o) => return self.shift_by_number(o, RIGHT),
            _ => self.needs(18)?,
        }
        match op {
            I::BitwiseAnd(o) | I::BitwiseOr(o) | I::BitwiseXor(o) => self.binary(self.same_name(), o),
            I::BitwiseAndScalar(o) | I::BitwiseOrScalar(o) | I::BitwiseXorScalar(o) => {
                self.with_scalar(self.same_name(), o)
            }
            I::BitwiseNot(o) => self.unary("BitwiseNot", o),
            _ => Err(self.unknown()),
        }
    }

    /// Lowers a shift by a number, which Burn takes modulo the bits of an element. To the left it is a product with a
    /// power of two.
    fn shift_by_number(&mut self, op: &ScalarOpIr, direction: &str) -> Result<()> {
        let bits = 8 * dtype(op.lhs.dtype)?.size() as i64;
        let amount = op.rhs.elem::<i64>().rem_euclid(bits);
        if direction == LEFT && amount < bits - 1 {
            return self.emit("Mul", &[&op.lhs, &Number(&op.lhs, ScalarIr::Int(1 << amount))], &[], &op.out);
        }
        self.shift(&op.lhs, &Number(&op.lhs, ScalarIr::Int(amount)), direction, &op.out)
    }

    /// Lowers a shift. ONNX shifts unsigned integers only. The bits of a signed integer are reinterpreted as unsigned;
    /// to the right a negative one is shifted as its complement, `-1 - x`, so that ones are shifted in rather than
    /// zeros.
    fn shift(&mut self, x: &TensorIr, amount: &dyn Operand, direction: &str, out: &TensorIr) -> Result<()> {
        let shift = [("direction", direction.into())];
        let (amount, value) = (amount.value(self)?, self.read(x)?);
        let signed = dtype(x.dtype)?;
        let unsigned = match signed {
            DType::I64 => DType::U64,
            DType::I32 => DType::U32,
            DType::I16 => DType::U16,
            DType::I8 => DType::U8,
            _ => return self.emit("BitShift", &[&value, &amount], &shift, out),
        };
        let amount = self.step("Cast", &[&amount], &[("to", unsigned.into())])?;
        if direction == LEFT {
            let bits = self.step("Cast", &[&value], &[("to", unsigned.into())])?;
            let shifted = self.step("BitShift", &[&bits, &amount], &shift)?;
            return self.emit("Cast", &[&shifted], &[("to", signed.into())], out);
        }
        let (zero, ones) = (self.scalar(x, ScalarIr::Int(0))?, self.scalar(x, ScalarIr::Int(-1))?);
        let negative = self.step("Less", &[&value, &zero], &[])?;
        let complement = self.step("Sub", &[&ones, &value], &[])?;
        let bits = self.step("Where", &[&negative, &complement, &value], &[])?;
        let bits = self.step("Cast", &[&bits], &[("to", unsigned.into())])?;
        let shifted = self.step("BitShift", &[&bits, &amount], &shift)?;
        let shifted = self.step("Cast", &[&shifted], &[("to", signed.into())])?;
        let complement = self.step("Sub", &[&ones, &shifted], &[])?;
        self.emit("Where", &[&negative, &complement, &shifted], &[], out)
    }
}
