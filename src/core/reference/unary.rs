//! Element-wise operations on a single tensor.

use std::f64::consts::{FRAC_2_SQRT_PI, PI, SQRT_2};

use super::Operation;
use super::call::{Call, one};
use super::numbers::{Array, Numbers, of_floats, of_wholes, tensor};
use crate::Result;
use crate::graph::{DType, Tensor};

pub(super) fn find(op_type: &str) -> Option<Operation> {
    Some(match op_type {
        "Abs" | "Neg" | "Sign" | "Relu" => signed,
        "Clip" => clip,
        "Cast" | "CastLike" => cast,
        "Not" => not,
        "BitwiseNot" => bitwise_not,
        "IsNaN" | "IsInf" => classify,
        _ if function(op_type).is_some() => plain,
        "LeakyRelu" | "Elu" | "Selu" | "Celu" | "HardSigmoid" | "ThresholdedRelu" | "Shrink" | "Gelu" | "Swish" => {
            with_attributes
        }
        _ => return None,
    })
}

/// Returns the functions of one real number that take no attributes.
fn function(op_type: &str) -> Option<fn(f64) -> f64> {
    Some(match op_type {
        "Acos" => f64::acos,
        "Acosh" => f64::acosh,
        "Asin" => f64::asin,
        "Asinh" => f64::asinh,
        "Atan" => f64::atan,
        "Atanh" => f64::atanh,
        "Ceil" => f64::ceil,
        "Cos" => f64::cos,
        "Cosh" => f64::cosh,
        "Erf" => erf,
        "Exp" => f64::exp,
        "Floor" => f64::floor,
        "HardSwish" => |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        "Log" => f64::ln,
        "Mish" => |x| x * softplus(x).tanh(),
        "Reciprocal" => f64::recip,
        "Round" => f64::round_ties_even,
        "Sigmoid" => sigmoid,
        "Sin" => f64::sin,
        "Sinh" => f64::sinh,
        "Softplus" => softplus,
        "Softsign" => |x| x / (1.0 + x.abs()),
        "Sqrt" => f64::sqrt,
        "Tan" => f64::tan,
        "Tanh" => f64::tanh,
        _ => return None,
    })
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Computes `ln(1 + e^x)`, in the form that does not overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Computes `2/sqrt(pi) e^(-x^2)` times the sum of `2^n x^(2n+1) / (1 3 5 .. (2n+1))`: Abramowitz & Stegun 7.1.6,
/// without cancellation. Beyond 6 the result is 1 in 64 bits.
fn erf(x: f64) -> f64 {
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

fn plain(call: &Call) -> Result<Vec<Tensor>> {
    let f = function(&call.node.op_type).ok_or_else(|| call.wrong("is not known"))?;
    map(call.array(0)?, f)
}

/// A function in its form for real and for whole numbers.
type Forms = (fn(f64) -> f64, fn(i128) -> i128);

fn signed(call: &Call) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    let (real, whole): Forms = match call.node.op_type.as_str() {
        "Abs" => (f64::abs, i128::abs),
        "Neg" => (|x| -x, |x| -x),
        "Relu" => (|x| if x < 0.0 { 0.0 } else { x }, |x| x.max(0)),
        _ => (|x| if x == 0.0 || x.is_nan() { x } else { x.signum() }, i128::signum),
    };
    match &input.numbers {
        Numbers::Float(_) => map(input, real),
        Numbers::Whole(values) => {
            let values = values.iter().map(|x| whole(*x)).collect();
            one(of_wholes(input.dtype, input.shape, values)?)
        }
    }
}

/// Computes functions with attributes, whose defaults are those of the operator documentation.
fn with_attributes(call: &Call) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    let alpha = |default| call.float("alpha", default);
    match call.node.op_type.as_str() {
        "LeakyRelu" => {
            let a = alpha(0.01);
            map(input, |x| if x < 0.0 { a * x } else { x })
        }
        "Elu" => {
            let a = alpha(1.0);
            map(input, |x| if x < 0.0 { a * x.exp_m1() } else { x })
        }
        "Selu" => {
            let (a, gamma) = (alpha(1.673_263_2), call.float("gamma", 1.050_701));
            map(input, |x| gamma * if x > 0.0 { x } else { a * x.exp_m1() })
        }
        "Celu" => {
            let a = alpha(1.0);
            map(input, |x| x.max(0.0) + (a * (x / a).exp_m1()).min(0.0))
        }
        "HardSigmoid" => {
            let (a, b) = (alpha(0.2), call.float("beta", 0.5));
            map(input, |x| (a * x + b).clamp(0.0, 1.0))
        }
        "ThresholdedRelu" => {
            let a = alpha(1.0);
            map(input, |x| if x > a { x } else { 0.0 })
        }
        "Swish" => {
            let a = alpha(1.0);
            map(input, |x| x * sigmoid(a * x))
        }
        "Shrink" => {
            let (bias, lambda) = (call.float("bias", 0.0), call.float("lambd", 0.5));
            let shrink = |x: f64| match x {
                x if x < -lambda => x + bias,
                x if x > lambda => x - bias,
                _ => 0.0,
            };
            let values = input.to_f64().into_iter().map(shrink).collect();
            one(of_floats(input.dtype, input.shape, values)?)
        }
        _ => gelu(call, input),
    }
}

fn gelu(call: &Call, input: Array) -> Result<Vec<Tensor>> {
    match call.text("approximate", "none") {
        "none" => map(input, |x| 0.5 * x * (1.0 + erf(x / SQRT_2))),
        "tanh" => map(input, |x| 0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())),
        other => Err(call.wrong(format!("approximation {other} is not known"))),
    }
}

/// Clips values. Bounds are attributes before operator set 11 and inputs since. The upper one wins if they cross.
fn clip(call: &Call) -> Result<Vec<Tensor>> {
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

fn cast(call: &Call) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    let to = match call.node.op_type.as_str() {
        "CastLike" => call.tensor(1)?.dtype(),
        _ => call.dtype("to")?.ok_or_else(|| call.wrong("names no type to cast to"))?,
    };
    one(tensor(to, input.shape, &input.numbers)?)
}

fn not(call: &Call) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    let values = input.wholes()?.iter().map(|x| (*x == 0).into()).collect();
    one(of_wholes(DType::Bool, input.shape, values)?)
}

fn bitwise_not(call: &Call) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    let values = input.wholes()?.iter().map(|x| !x).collect();
    one(of_wholes(input.dtype, input.shape, values)?)
}

fn classify(call: &Call) -> Result<Vec<Tensor>> {
    let input = call.array(0)?;
    let (negative, positive) = (call.int("detect_negative", 1) != 0, call.int("detect_positive", 1) != 0);
    let infinite = |x: f64| (x == f64::INFINITY && positive) || (x == f64::NEG_INFINITY && negative);
    let test = |x: f64| if call.node.op_type == "IsNaN" { x.is_nan() } else { infinite(x) };
    let values = input.floats()?.iter().map(|x| test(*x).into()).collect();
    one(of_wholes(DType::Bool, input.shape, values)?)
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
