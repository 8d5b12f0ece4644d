//! Operations on the bits of integers.

use burn::backend::ir::{BinaryOpIr, IntOperationIr as I, ScalarIr, ScalarOpIr, TensorIr};

use super::{Lower, dtype};
use gnet_core::Result;
use gnet_core::graph::{Attribute, DType, ValueId};

/// Direction of a shift.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    Left,
    Right,
}

impl Lower<'_> {
    /// Lowers an operation on bits; returns `false` if there is no lowering. ONNX has bitwise logic from opset 18 on.
    pub(super) fn bits(&mut self, op: &I) -> Result<bool> {
        match op {
            I::BitwiseLeftShift(o) => self.shift_by_tensor(o, Towards::Left)?,
            I::BitwiseRightShift(o) => self.shift_by_tensor(o, Towards::Right)?,
            I::BitwiseLeftShiftScalar(o) => self.shift_by_number(o, Towards::Left)?,
            I::BitwiseRightShiftScalar(o) => self.shift_by_number(o, Towards::Right)?,
            _ => {
                self.needs(18)?;
                return self.logic_of_bits(op);
            }
        }
        Ok(true)
    }

    fn logic_of_bits(&mut self, op: &I) -> Result<bool> {
        match op {
            I::BitwiseAnd(o) => self.binary("BitwiseAnd", o)?,
            I::BitwiseOr(o) => self.binary("BitwiseOr", o)?,
            I::BitwiseXor(o) => self.binary("BitwiseXor", o)?,
            I::BitwiseNot(o) => self.unary("BitwiseNot", o)?,
            I::BitwiseAndScalar(o) => self.with_scalar("BitwiseAnd", o)?,
            I::BitwiseOrScalar(o) => self.with_scalar("BitwiseOr", o)?,
            I::BitwiseXorScalar(o) => self.with_scalar("BitwiseXor", o)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn shift_by_tensor(&mut self, op: &BinaryOpIr, towards: Towards) -> Result<()> {
        let amount = self.read(&op.rhs)?;
        self.shift(&op.lhs, amount, towards, &op.out)
    }

    /// Lowers a shift by a number, which Burn takes modulo the bits of an element. To the left it is a product with a
    /// power of two.
    fn shift_by_number(&mut self, op: &ScalarOpIr, towards: Towards) -> Result<()> {
        let bits = 8 * dtype(op.lhs.dtype)?.size() as i64;
        let amount = op.rhs.elem::<i64>().rem_euclid(bits);
        if towards == Towards::Left && amount < bits - 1 {
            let inputs = vec![self.read(&op.lhs)?, self.scalar(&op.lhs, ScalarIr::Int(1 << amount))?];
            self.emit("Mul", inputs, &op.out);
            return Ok(());
        }
        let amount = self.scalar(&op.lhs, ScalarIr::Int(amount))?;
        self.shift(&op.lhs, amount, towards, &op.out)
    }

    /// Lowers a shift. ONNX shifts unsigned integers only. The bits of a signed integer are reinterpreted as unsigned;
    /// to the right a negative one is shifted as its complement, `-1 - x`, so that ones are shifted in rather than
    /// zeros.
    fn shift(&mut self, x: &TensorIr, amount: ValueId, towards: Towards, out: &TensorIr) -> Result<()> {
        let direction = match towards {
            Towards::Left => "LEFT",
            Towards::Right => "RIGHT",
        };
        let direction = [("direction", Attribute::String(direction.to_owned()))];
        let value = self.read(x)?;
        let signed = dtype(x.dtype)?;
        let Some(unsigned) = unsigned(signed) else {
            self.emit("BitShift", vec![value, amount], out)
                .attributes
                .extend(direction.map(|(k, v)| (k.to_owned(), v)));
            return Ok(());
        };
        let cast = |to: DType| [("to", Attribute::Int(to.number().into()))];
        let amount = self.step("Cast", vec![amount], &cast(unsigned));
        if towards == Towards::Left {
            let bits = self.step("Cast", vec![value], &cast(unsigned));
            let shifted = self.step("BitShift", vec![bits, amount], &direction);
            self.emit("Cast", vec![shifted], out).set("to", i64::from(signed.number()));
            return Ok(());
        }
        let (zero, ones) = (self.scalar(x, ScalarIr::Int(0))?, self.scalar(x, ScalarIr::Int(-1))?);
        let negative = self.step("Less", vec![value, zero], &[]);
        let complement = self.step("Sub", vec![ones, value], &[]);
        let bits = self.step("Where", vec![negative, complement, value], &[]);
        let bits = self.step("Cast", vec![bits], &cast(unsigned));
        let shifted = self.step("BitShift", vec![bits, amount], &direction);
        let shifted = self.step("Cast", vec![shifted], &cast(signed));
        let complement = self.step("Sub", vec![ones, shifted], &[]);
        self.emit("Where", vec![negative, complement, shifted], out);
        Ok(())
    }
}

/// Returns the unsigned type with the bits of a signed one; `None` if it is already unsigned.
fn unsigned(dtype: DType) -> Option<DType> {
    match dtype {
        DType::I64 => Some(DType::U64),
        DType::I32 => Some(DType::U32),
        DType::I16 => Some(DType::U16),
        DType::I8 => Some(DType::U8),
        _ => None,
    }
}
