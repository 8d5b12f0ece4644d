//! Element-wise operations on a single tensor.

use std::f64::consts::{FRAC_2_SQRT_PI, PI, SQRT_2};

use super::call::{Call, one};
use super::numbers::{Array, Numbers, of_floats, of_wholes, tensor};
use crate::Result;
use crate::graph::{DType, Tensor};

pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

pub(super) fn hard_swish(x: f64) -> f64 {
    x * (x / 6.0 + 0.5).clamp(0.0, 1.0)
}

pub(super) fn mish(x: f64) -> f64 {
    x * softplus(x).tanh()
}

pub(super) fn softsign(x: f64) -> f64 {
    x / (1.0 + x.abs())
}

/// Computes `ln(1 + e^x)`, in the form that does not overflow.
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Computes `2/sqrt(pi) e^(-x^2)` times the sum of `2^n x^(2n+1) / (1 3 5 .. (2n+1))`: Abramowitz & Stegun 7.1.6,
/// without cancellation. Beyond 6 the result is 1 in 64 bits.
pub(super) fn erf(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 6.0 {
        return if x.is_nan() { x } else { x.signum() };
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while (term / 1e17).abs() > 0.0 && term.abs() > sum.abs() * 1e-18 {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

fn map(input: Array, f: impl Fn(f64) -> f64) -> Result<Vec<Tensor>> {
    let values = input.floats()?.iter().map(|x| f(*x)).collect();
    one(of_floats(input.dtype, input.shape, values)?)
}

pub(super) fn real(call: &Call, f: impl Fn(f64) -> f64) -> Result<Vec<Tensor>> {
    map(call.array(0)?, f)
}

/// Applies a function in its form for real or for whole numbers.
pub(super) fn signed(call: &Call, real: fn(f64) -> f64, whole: fn(i128) -> i128) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    match &input.numbers {
        Numbers::Float(_) => map(input, real),
        Numbers::Whole(values) => {
            let values = values.iter().map(|x| whole(*x)).collect();
            one(of_wholes(input.dtype, input.shape, values)?)
        }
    }
}

pub(super) fn relu(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x }
}

pub(super) fn sign(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() { x } else { x.signum() }
}

// Functions with attributes, whose defaults are those of the operator documentation.

pub(super) fn leaky_relu(call: &Call) -> Result<Vec<Tensor>> {
    let a = call.float("alpha", 0.01);
    real(call, |x| if x < 0.0 { a * x } else { x })
}

pub(super) fn elu(call: &Call) -> Result<Vec<Tensor>> {
    let a = call.float("alpha", 1.0);
    real(call, |x| if x < 0.0 { a * x.exp_m1() } else { x })
}

pub(super) fn selu(call: &Call) -> Result<Vec<Tensor>> {
    let (a, gamma) = (call.float("alpha", 1.673_263_2), call.float("gamma", 1.050_701));
    real(call, |x| gamma * if x > 0.0 { x } else { a * x.exp_m1() })
}

pub(super) fn celu(call: &Call) -> Result<Vec<Tensor>> {
    let a = call.float("alpha", 1.0);
    real(call, |x| x.max(0.0) + (a * (x / a).exp_m1()).min(0.0))
}

pub(super) fn hard_sigmoid(call: &Call) -> Result<Vec<Tensor>> {
    let (a, b) = (call.float("alpha", 0.2), call.float("beta", 0.5));
    real(call, |x| (a * x + b).clamp(0.0, 1.0))
}

pub(super) fn thresholded_relu(call: &Call) -> Result<Vec<Tensor>> {
    let a = call.float("alpha", 1.0);
    real(call, |x| if x > a { x } else { 0.0 })
}

pub(super) fn swish(call: &Call) -> Result<Vec<Tensor>> {
    let a = call.float("alpha", 1.0);
    real(call, |x| x * sigmoid(a * x))
}

pub(super) fn shrink(call: &Call) -> Result<Vec<Tensor>> {
    let (input, bias, lambda) = (call.array(0)?, call.float("bias", 0.0), call.float("lambd", 0.5));
    let shrink = |x: f64| match x {
        x if x < -lambda => x + bias,
        x if x > lambda => x - bias,
        _ => 0.0,
    };
    let values = input.to_f64().into_iter().map(shrink).collect();
    one(of_floats(input.dtype, input.shape, values)?)
}

pub(super) fn gelu(call: &Call) -> Result<Vec<Tensor>> {
    match call.text("approximate", "none") {
        "none" => real(call, |x| 0.5 * x * (1.0 + erf(x / SQRT_2))),
        "tanh" => real(call, |x| 0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())),
        other => Err(call.wrong(format!("approximation {other} is not known"))),
    }
}

/// Clips values. Bounds are attributes before operator set 11 and inputs since. The upper one wins if they cross.
pub(super) fn clip(call: &Call) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    let bound = |i: usize| call.optional_array(i).map(|a| a.filter(|a| a.len() == 1));
    let (low, high) = (bound(1)?, bound(2)?);
    if let Numbers::Whole(values) = &input.numbers {
        let of = |a: Option<Array>| a.map(|a| a.wholes().map(|v| v[0])).transpose();
        let (low, high) = (of(low)?.unwrap_or(i128::MIN), of(high)?.unwrap_or(i128::MAX));
        let values = values.iter().map(|x| (*x).max(low).min(high)).collect();
        return one(of_wholes(input.dtype, input.shape, values)?);
    }
    let of = |a: Option<Array>, name: &str| match a {
        Some(a) => a.scalar().map(Some),
        None => Ok(call.node.float(name).map(f64::from)),
    };
    let (low, high) = (of(low, "min")?, of(high, "max")?);
    map(input, |x| {
        let x = low.map_or(x, |low| if x < low { low } else { x });
        high.map_or(x, |high| if x > high { high } else { x })
    })
}

fn cast_to(call: &Call, to: DType) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    one(tensor(to, input.shape, &input.numbers)?)
}

pub(super) fn cast(call: &Call) -> Result<Vec<Tensor>> {
    cast_to(call, call.dtype("to")?.ok_or_else(|| call.wrong("names no type to cast to"))?)
}

pub(super) fn cast_like(call: &Call) -> Result<Vec<Tensor>> {
    cast_to(call, call.tensor(1)?.dtype())
}

pub(super) fn not(call: &Call) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    let values = input.wholes()?.iter().map(|x| (*x == 0).into()).collect();
    one(of_wholes(DType::Bool, input.shape, values)?)
}

pub(super) fn bitwise_not(call: &Call) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    let values = input.wholes()?.iter().map(|x| !x).collect();
    one(of_wholes(input.dtype, input.shape, values)?)
}

pub(super) fn classify(call: &Call, test: impl Fn(f64) -> bool) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    let values = input.floats()?.iter().map(|x| test(*x).into()).collect();
    one(of_wholes(DType::Bool, input.shape, values)?)
}

pub(super) fn is_inf(call: &Call) -> Result<Vec<Tensor>> {
    let (negative, positive) = (call.int("detect_negative", 1) != 0, call.int("detect_positive", 1) != 0);
    classify(call, |x| (x == f64::INFINITY && positive) || (x == f64::NEG_INFINITY && negative))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_is_that_of_the_tables() {
        // Abramowitz & Stegun, table 7.1.
        for (x, y) in [(0.0, 0.0), (0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0)] {
            assert!((erf(x) - y).abs() < 1e-10 && (erf(-x) + y).abs() < 1e-10, "{x}");
        }
        assert!((erf(5.999) - 1.0).abs() < 1e-15 && erf(f64::NAN).is_nan() && erf(f64::NEG_INFINITY) == -1.0);
        assert!(erf(1e-310) > 0.0);
    }
}
