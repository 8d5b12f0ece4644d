//! Functions of real numbers and activations.

use burn::backend::ir::{ActivationOperationIr as A, FloatOperationIr as F, ScalarIr, TensorIr, UnaryOpIr};

use super::Lower;
use crate::Result;
use crate::graph::ValueId;

impl Lower<'_> {
    /// Lowers an operation on real numbers; `false` when there is no lowering.
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
            F::Round(o) => self.unary("Round", o)?,
            F::Floor(o) => self.unary("Floor", o)?,
            F::Ceil(o) => self.unary("Ceil", o)?,
            F::Trunc(o) => self.truncate(o)?,
            F::IsNan(o) => self.unary("IsNaN", o)?,
            F::IsInf(o) => self.unary("IsInf", o)?,
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

    /// Lowers an activation; `false` when there is no lowering.
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

    /// Towards zero: ONNX has no such rounding, `sign(x) * floor(|x|)` is it.
    fn truncate(&mut self, op: &UnaryOpIr) -> Result<()> {
        let x = self.read(&op.input)?;
        let size = self.step("Abs", vec![x], &[]);
        let whole = self.step("Floor", vec![size], &[]);
        let sign = self.step("Sign", vec![x], &[]);
        self.emit("Mul", vec![sign, whole], &op.out);
        Ok(())
    }

    /// `x / 2 * (1 + erf(x / sqrt(2)))` (Hendrycks & Gimpel 2016), spelled out: `Gelu` came only with opset 20.
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

    /// Burn has one slope or one for each channel, the second axis; ONNX broadcasts the slope from the last axis on.
    fn parametric_relu(&mut self, x: &TensorIr, slope: &TensorIr, out: &TensorIr) -> Result<()> {
        let (x_id, mut slope_id) = (self.read(x)?, self.read(slope)?);
        let channels: usize = slope.shape.iter().product();
        let trailing = x.shape.num_dims().saturating_sub(2);
        if channels > 1 && trailing > 0 {
            let target: Vec<i64> = std::iter::once(channels as i64).chain(vec![1; trailing]).collect();
            let target = self.constant("shape", crate::graph::Tensor::from_i64(&target));
            slope_id = self.step("Reshape", vec![slope_id, target], &[]);
        }
        self.emit("PRelu", vec![x_id, slope_id], out);
        Ok(())
    }
}
