//! Functions of real numbers, and activations.

use burn::backend::ir::{
    ActivationOperationIr as A, BinaryOpIr, CrossOpIr, FloatOperationIr as F, ScalarIr, TensorIr, UnaryOpIr,
};

use super::{Ints, Lower, Number, axis};
use gnet_core::Result;
use gnet_core::graph::{Tensor, ValueId};

impl Lower<'_> {
    pub(super) fn float(&mut self, op: &F) -> Result<()> {
        match op {
            F::Exp(o) | F::Log(o) | F::Sqrt(o) | F::Erf(o) | F::Round(o) | F::Floor(o) | F::Ceil(o) => {
                self.unary(self.same_name(), o)
            }
            F::Cos(o) | F::Cosh(o) | F::Sin(o) | F::Sinh(o) | F::Tan(o) | F::Tanh(o) => self.unary(self.same_name(), o),
            F::ArcCos(o) => self.unary("Acos", o),
            F::ArcCosh(o) => self.unary("Acosh", o),
            F::ArcSin(o) => self.unary("Asin", o),
            F::ArcSinh(o) => self.unary("Asinh", o),
            F::ArcTan(o) => self.unary("Atan", o),
            F::ArcTanh(o) => self.unary("Atanh", o),
            F::ArcTan2(o) => self.angle(o),
            F::Recip(o) => self.unary("Reciprocal", o),
            F::Trunc(o) => self.truncate(o),
            F::Powf(o) => self.binary("Pow", o),
            F::PowfScalar(o) => self.with_scalar("Pow", o),
            F::Log1p(o) => {
                let sum = self.step("Add", &[&o.input, &Number(&o.input, ScalarIr::Float(1.0))], &[])?;
                self.emit("Log", &[&sum], &[], &o.out)
            }
            F::Hypot(o) => {
                let squares = [&o.lhs, &o.rhs].map(|side| self.step("Mul", &[side, side], &[]));
                let [a, b] = squares;
                let sum = self.step("Add", &[&a?, &b?], &[])?;
                self.emit("Sqrt", &[&sum], &[], &o.out)
            }
            F::Matmul(o) => self.emit("MatMul", &[&o.lhs, &o.rhs], &[], &o.out),
            F::Cross(o) => self.cross(o),
            F::GridSample2d(o) => self.grid_sample(o),
            F::IntoInt(o) => self.cast(&o.input, &o.out),
            _ => Err(self.unknown()),
        }
    }

    pub(super) fn activation(&mut self, op: &A) -> Result<()> {
        match op {
            A::Relu(o) | A::Sigmoid(o) => self.unary(self.same_name(), o),
            A::LeakyRelu(o) => self.emit("LeakyRelu", &[&o.lhs], &[("alpha", o.rhs.elem::<f32>().into())], &o.out),
            A::PRelu(o) => self.parametric_relu(&o.lhs, &o.rhs, &o.out),
            A::Gelu(o) => self.gelu(o),
            A::HardSigmoid(o) => {
                let line = [("alpha", o.alpha.elem::<f32>().into()), ("beta", o.beta.elem::<f32>().into())];
                self.emit("HardSigmoid", &[&o.tensor], &line, &o.out)
            }
            // log(1 / (1 + exp(-x))) = -softplus(-x), which does not overflow.
            A::LogSigmoid(o) => {
                let negative = self.step("Neg", &[&o.input], &[])?;
                let softplus = self.step("Softplus", &[&negative], &[])?;
                self.emit("Neg", &[&softplus], &[], &o.out)
            }
            A::Softmax(o) | A::LogSoftmax(o) => self.emit(self.same_name(), &[&o.input], &[axis(o.axis)], &o.out),
            A::Softmin(o) => {
                let negative = self.step("Neg", &[&o.input], &[])?;
                self.emit("Softmax", &[&negative], &[axis(o.axis)], &o.out)
            }
            _ => Err(self.unknown()),
        }
    }

    /// Lowers the angle of the point `(x, y)`: the arc tangent of `y / x` determines it up to half a turn, which the
    /// signs settle. On the y axis there is no ratio; at the origin the angle is 0, whatever the signs of the zeros.
    fn angle(&mut self, op: &BinaryOpIr) -> Result<()> {
        use std::f64::consts::{FRAC_PI_2, PI};
        let [y, x] = [self.read(&op.lhs)?, self.read(&op.rhs)?];
        let [zero, one, half, quarter] =
            [0.0, 1.0, PI, FRAC_PI_2].map(|number| self.scalar(&op.lhs, ScalarIr::Float(number)));
        let (zero, half, quarter) = (zero?, half?, quarter?);
        let on_axis = self.step("Equal", &[&x, &zero], &[])?;
        let divisor = self.step("Where", &[&on_axis, &one?, &x], &[])?;
        let ratio = self.step("Div", &[&y, &divisor], &[])?;
        let angle = self.step("Atan", &[&ratio], &[])?;
        let behind = self.step("Less", &[&x, &zero], &[])?;
        let below = self.step("Less", &[&y, &zero], &[])?;
        let minus_half = self.step("Neg", &[&half], &[])?;
        let turn = self.step("Where", &[&below, &minus_half, &half], &[])?;
        let turn = self.step("Where", &[&behind, &turn, &zero], &[])?;
        let turned = self.step("Add", &[&angle, &turn], &[])?;
        let side = self.step("Sign", &[&y], &[])?;
        let upright = self.step("Mul", &[&side, &quarter], &[])?;
        self.emit("Where", &[&on_axis, &upright, &turned], &[], &op.out)
    }

    /// Lowers `a x b` along an axis of length 3: `(a2 b3 - a3 b2, a3 b1 - a1 b3, a1 b2 - a2 b1)`.
    fn cross(&mut self, op: &CrossOpIr) -> Result<()> {
        let (a, b) = (self.read(&op.lhs)?, self.read(&op.rhs)?);
        let next = self.constant("indices", Tensor::from_i64(&[1, 2, 0]));
        let after = self.constant("indices", Tensor::from_i64(&[2, 0, 1]));
        let product = |lower: &mut Self, i: ValueId, j: ValueId| -> Result<ValueId> {
            let left = lower.step("Gather", &[&a, &i], &[axis(op.dim)])?;
            let right = lower.step("Gather", &[&b, &j], &[axis(op.dim)])?;
            lower.step("Mul", &[&left, &right], &[])
        };
        let (forth, back) = (product(self, next, after)?, product(self, after, next)?);
        self.emit("Sub", &[&forth, &back], &[], &op.out)
    }

    /// Lowers rounding towards zero as `sign(x) * floor(|x|)`: ONNX has no such operation.
    fn truncate(&mut self, op: &UnaryOpIr) -> Result<()> {
        let size = self.step("Abs", &[&op.input], &[])?;
        let whole = self.step("Floor", &[&size], &[])?;
        let sign = self.step("Sign", &[&op.input], &[])?;
        self.emit("Mul", &[&sign, &whole], &[], &op.out)
    }

    /// Lowers GELU as `x / 2 * (1 + erf(x / sqrt(2)))` (Hendrycks & Gimpel 2016), written out because `Gelu` only
    /// exists from opset 20 on.
    fn gelu(&mut self, op: &UnaryOpIr) -> Result<()> {
        let x = self.read(&op.input)?;
        let [root, one, half] =
            [std::f64::consts::SQRT_2, 1.0, 0.5].map(|number| self.scalar(&op.input, ScalarIr::Float(number)));
        let scaled = self.step("Div", &[&x, &root?], &[])?;
        let erf = self.step("Erf", &[&scaled], &[])?;
        let sum = self.step("Add", &[&erf, &one?], &[])?;
        let product = self.step("Mul", &[&x, &sum], &[])?;
        self.emit("Mul", &[&product, &half?], &[], &op.out)
    }

    /// Lowers PReLU. Burn has one slope or one per channel, the second axis; ONNX broadcasts the slope from the last
    /// axis on.
    fn parametric_relu(&mut self, x: &TensorIr, slope: &TensorIr, out: &TensorIr) -> Result<()> {
        let (x_id, mut slope_id) = (self.read(x)?, self.read(slope)?);
        let channels: usize = slope.shape.iter().product();
        let trailing = x.shape.num_dims().saturating_sub(2);
        if channels > 1 && trailing > 0 {
            let target: Vec<i64> = std::iter::once(channels as i64).chain(vec![1; trailing]).collect();
            slope_id = self.step("Reshape", &[&slope_id, &Ints("shape", &target)], &[])?;
        }
        self.emit("PRelu", &[&x_id, &slope_id], &[], out)
    }
}
