//! Functions of real numbers, and activations.

use burn::backend::ir::{
    ActivationOperationIr as A, BinaryOpIr, CrossOpIr, FloatOperationIr as F, ScalarIr, TensorIr, UnaryOpIr,
};

use super::Lower;
use gnet_core::Result;
use gnet_core::graph::{Attribute, Tensor, ValueId};

impl Lower<'_> {
    /// Lowers an operation on real numbers; returns `false` if there is no lowering.
    pub(super) fn float(&mut self, op: &F) -> Result<bool> {
        match op {
            F::Matmul(o) => self.pair("MatMul", &o.lhs, &o.rhs, &o.out)?,
            F::PowfScalar(o) => self.with_scalar("Pow", o)?,
            F::Powf(o) => self.binary("Pow", o)?,
            F::Exp(o) => self.unary("Exp", o)?,
            F::Log(o) => self.unary("Log", o)?,
            F::Log1p(o) => {
                let inputs = vec![self.read(&o.input)?, self.scalar(&o.input, ScalarIr::Float(1.0))?];
                let sum = self.step("Add", inputs, &[]);
                self.emit("Log", vec![sum], &o.out);
            }
            F::Sqrt(o) => self.unary("Sqrt", o)?,
            F::Recip(o) => self.unary("Reciprocal", o)?,
            F::Erf(o) => self.unary("Erf", o)?,
            F::Cos(o) => self.unary("Cos", o)?,
            F::Cosh(o) => self.unary("Cosh", o)?,
            F::Sin(o) => self.unary("Sin", o)?,
            F::Sinh(o) => self.unary("Sinh", o)?,
            F::Tan(o) => self.unary("Tan", o)?,
            F::Tanh(o) => self.unary("Tanh", o)?,
            F::ArcCos(o) => self.unary("Acos", o)?,
            F::ArcCosh(o) => self.unary("Acosh", o)?,
            F::ArcSin(o) => self.unary("Asin", o)?,
            F::ArcSinh(o) => self.unary("Asinh", o)?,
            F::ArcTan(o) => self.unary("Atan", o)?,
            F::ArcTanh(o) => self.unary("Atanh", o)?,
            F::ArcTan2(o) => self.angle(o)?,
            F::Cross(o) => self.cross(o)?,
            F::GridSample2d(o) => self.grid_sample(o)?,
            F::Round(o) => self.unary("Round", o)?,
            F::Floor(o) => self.unary("Floor", o)?,
            F::Ceil(o) => self.unary("Ceil", o)?,
            F::Trunc(o) => self.truncate(o)?,
            F::IntoInt(o) => self.cast(&o.input, &o.out)?,
            F::Hypot(o) => {
                let squares = [&o.lhs, &o.rhs].map(|side| -> Result<ValueId> {
                    let x = self.read(side)?;
                    Ok(self.step("Mul", vec![x, x], &[]))
                });
                let [a, b] = squares;
                let sum = self.step("Add", vec![a?, b?], &[]);
                self.emit("Sqrt", vec![sum], &o.out);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Lowers an activation; returns `false` if there is no lowering.
    pub(super) fn activation(&mut self, op: &A) -> Result<bool> {
        match op {
            A::Relu(o) => self.unary("Relu", o)?,
            A::LeakyRelu(o) => {
                let x = self.read(&o.lhs)?;
                self.emit("LeakyRelu", vec![x], &o.out).set("alpha", o.rhs.elem::<f32>());
            }
            A::PRelu(o) => self.parametric_relu(&o.lhs, &o.rhs, &o.out)?,
            A::Gelu(o) => self.gelu(o)?,
            A::Sigmoid(o) => self.unary("Sigmoid", o)?,
            A::HardSigmoid(o) => {
                let x = self.read(&o.tensor)?;
                self.emit("HardSigmoid", vec![x], &o.out)
                    .set("alpha", o.alpha.elem::<f32>())
                    .set("beta", o.beta.elem::<f32>());
            }
            // log(1 / (1 + exp(-x))) = -softplus(-x), which does not overflow.
            A::LogSigmoid(o) => {
                let x = self.read(&o.input)?;
                let negative = self.step("Neg", vec![x], &[]);
                let softplus = self.step("Softplus", vec![negative], &[]);
                self.emit("Neg", vec![softplus], &o.out);
            }
            A::Softmax(o) => self.along_axis("Softmax", &o.input, o.axis, &o.out)?,
            A::LogSoftmax(o) => self.along_axis("LogSoftmax", &o.input, o.axis, &o.out)?,
            A::Softmin(o) => {
                let x = self.read(&o.input)?;
                let negative = self.step("Neg", vec![x], &[]);
                self.emit("Softmax", vec![negative], &o.out).set("axis", o.axis as i64);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn along_axis(&mut self, op_type: &str, input: &TensorIr, axis: usize, out: &TensorIr) -> Result<()> {
        let x = self.read(input)?;
        self.emit(op_type, vec![x], out).set("axis", axis as i64);
        Ok(())
    }

    /// Lowers the angle of the point `(x, y)`: the arc tangent of `y / x` determines it up to half a turn, which the
    /// signs settle. On the y axis there is no ratio; at the origin the angle is 0, whatever the signs of the zeros.
    fn angle(&mut self, op: &BinaryOpIr) -> Result<()> {
        use std::f64::consts::{FRAC_PI_2, PI};
        let [y, x] = [self.read(&op.lhs)?, self.read(&op.rhs)?];
        let [zero, one, half, quarter] =
            [0.0, 1.0, PI, FRAC_PI_2].map(|number| self.scalar(&op.lhs, ScalarIr::Float(number)));
        let (zero, half, quarter) = (zero?, half?, quarter?);
        let on_axis = self.step("Equal", vec![x, zero], &[]);
        let divisor = self.step("Where", vec![on_axis, one?, x], &[]);
        let ratio = self.step("Div", vec![y, divisor], &[]);
        let angle = self.step("Atan", vec![ratio], &[]);
        let behind = self.step("Less", vec![x, zero], &[]);
        let below = self.step("Less", vec![y, zero], &[]);
        let minus_half = self.step("Neg", vec![half], &[]);
        let turn = self.step("Where", vec![below, minus_half, half], &[]);
        let turn = self.step("Where", vec![behind, turn, zero], &[]);
        let turned = self.step("Add", vec![angle, turn], &[]);
        let side = self.step("Sign", vec![y], &[]);
        let upright = self.step("Mul", vec![side, quarter], &[]);
        self.emit("Where", vec![on_axis, upright, turned], &op.out);
        Ok(())
    }

    /// Lowers `a x b` along an axis of length 3: `(a2 b3 - a3 b2, a3 b1 - a1 b3, a1 b2 - a2 b1)`.
    fn cross(&mut self, op: &CrossOpIr) -> Result<()> {
        let axis = [("axis", Attribute::Int(op.dim as i64))];
        let (a, b) = (self.read(&op.lhs)?, self.read(&op.rhs)?);
        let next = self.constant("indices", Tensor::from_i64(&[1, 2, 0]));
        let after = self.constant("indices", Tensor::from_i64(&[2, 0, 1]));
        let product = |lower: &mut Self, i: ValueId, j: ValueId| {
            let (left, right) = (lower.step("Gather", vec![a, i], &axis), lower.step("Gather", vec![b, j], &axis));
            lower.step("Mul", vec![left, right], &[])
        };
        let (forth, back) = (product(self, next, after), product(self, after, next));
        self.emit("Sub", vec![forth, back], &op.out);
        Ok(())
    }

    /// Lowers rounding towards zero as `sign(x) * floor(|x|)`: ONNX has no such operation.
    fn truncate(&mut self, op: &UnaryOpIr) -> Result<()> {
        let x = self.read(&op.input)?;
        let size = self.step("Abs", vec![x], &[]);
        let whole = self.step("Floor", vec![size], &[]);
        let sign = self.step("Sign", vec![x], &[]);
        self.emit("Mul", vec![sign, whole], &op.out);
        Ok(())
    }

    /// Lowers GELU as `x / 2 * (1 + erf(x / sqrt(2)))` (Hendrycks & Gimpel 2016), written out because `Gelu` only
    /// exists from opset 20 on.
    fn gelu(&mut self, op: &UnaryOpIr) -> Result<()> {
        let x = self.read(&op.input)?;
        let number = |value: f64| ScalarIr::Float(value);
        let root = self.scalar(&op.input, number(std::f64::consts::SQRT_2))?;
        let (one, half) = (self.scalar(&op.input, number(1.0))?, self.scalar(&op.input, number(0.5))?);
        let scaled = self.step("Div", vec![x, root], &[]);
        let erf = self.step("Erf", vec![scaled], &[]);
        let sum = self.step("Add", vec![erf, one], &[]);
        let product = self.step("Mul", vec![x, sum], &[]);
        self.emit("Mul", vec![product, half], &op.out);
        Ok(())
    }

    /// Lowers PReLU. Burn has one slope or one per channel, the second axis; ONNX broadcasts the slope from the last
    /// axis on.
    fn parametric_relu(&mut self, x: &TensorIr, slope: &TensorIr, out: &TensorIr) -> Result<()> {
        let (x_id, mut slope_id) = (self.read(x)?, self.read(slope)?);
        let channels: usize = slope.shape.iter().product();
        let trailing = x.shape.num_dims().saturating_sub(2);
        if channels > 1 && trailing > 0 {
            let target: Vec<i64> = std::iter::once(channels as i64).chain(vec![1; trailing]).collect();
            let target = self.constant("shape", Tensor::from_i64(&target));
            slope_id = self.step("Reshape", vec![slope_id, target], &[]);
        }
        self.emit("PRelu", vec![x_id, slope_id], out);
        Ok(())
    }
}
