//! Operations on the elements of several tensors that are broadcast together.

use super::Operation;
use super::call::{Call, one};
use super::index::{broadcast, broadcast_index, positions};
use super::movement;
use super::numbers::{Array, Numbers};
use crate::Result;
use crate::graph::{DType, Tensor};

pub(super) fn find(op_type: &str) -> Option<Operation> {
    Some(match op_type {
        "Add" | "Sub" | "Mul" | "Div" | "Mod" => arithmetic,
        "Pow" => pow,
        "PRelu" => prelu,
        "Max" | "Min" | "Sum" | "Mean" => variadic,
        "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" => compare,
        "And" | "Or" | "Xor" | "BitwiseAnd" | "BitwiseOr" | "BitwiseXor" => bits,
        "BitShift" => shift,
        "Where" => choose,
        _ => return None,
    })
}

/// Returns the two operands, shaped so that they broadcast from the last axis.
///
/// Before operator set 7 the second was broadcast only if `broadcast` said so, from the axis named by `axis`.
fn operands(call: &Call) -> Result<(Array, Array)> {
    let (a, mut b) = (call.array(0)?, call.array(1)?);
    if let (true, Some(axis)) = (call.opset < 7 && call.flag("broadcast"), call.node.int("axis")) {
        let behind = a.shape.len().checked_sub(call.axis(axis, a.shape.len())? + b.shape.len());
        let behind = behind.ok_or_else(|| call.wrong("the second operand reaches past the first"))?;
        b.shape.extend(vec![1; behind]);
    }
    Ok((a, b))
}

/// Applies one of two functions to each pair of elements, depending on their kind. The result has the type of the
/// first.
fn pairs(
    call: &Call,
    (a, b): (Array, Array),
    real: impl Fn(f64, f64) -> f64,
    whole: impl Fn(i128, i128) -> Result<i128>,
) -> Result<Array> {
    let shape = together(call, &[&a, &b])?;
    let at = |position: &[usize]| (broadcast_index(position, &a.shape), broadcast_index(position, &b.shape));
    let numbers = match (&a.numbers, &b.numbers) {
        (Numbers::Float(x), Numbers::Float(y)) => {
            Numbers::Float(positions(&shape).map(|p| at(&p)).map(|(i, j)| real(x[i], y[j])).collect())
        }
        (Numbers::Whole(x), Numbers::Whole(y)) => {
            Numbers::Whole(positions(&shape).map(|p| at(&p)).map(|(i, j)| whole(x[i], y[j])).collect::<Result<_>>()?)
        }
        _ => return Err(call.wrong("its operands are of different kinds")),
    };
    Ok(Array { dtype: a.dtype, shape, numbers })
}

fn together(call: &Call, arrays: &[&Array]) -> Result<Vec<usize>> {
    let shapes: Vec<_> = arrays.iter().map(|a| a.shape.as_slice()).collect();
    let shape = broadcast(shapes.iter().copied()).ok_or_else(|| call.wrong(format!("{shapes:?} do not broadcast")))?;
    call.room(&shape, 1)?;
    Ok(shape)
}

fn arithmetic(call: &Call) -> Result<Vec<Tensor>> {
    let pair = operands(call)?;
    let zero = |b: i128| if b == 0 { Err(call.wrong("divides by zero")) } else { Ok(b) };
    let made = match call.node.op_type.as_str() {
        "Add" => pairs(call, pair, |a, b| a + b, |a, b| Ok(a + b)),
        "Sub" => pairs(call, pair, |a, b| a - b, |a, b| Ok(a - b)),
        "Mul" => pairs(call, pair, |a, b| a * b, |a, b| Ok(a.wrapping_mul(b))),
        "Div" => pairs(call, pair, |a, b| a / b, |a, b| Ok(a / zero(b)?)),
        // The remainder has the sign of the dividend with `fmod`, else that of the divisor.
        _ if call.flag("fmod") => pairs(call, pair, |a, b| a % b, |a, b| Ok(a % zero(b)?)),
        _ => pairs(call, pair, floored, |a, b| Ok(((a % zero(b)?) + b) % b)),
    };
    one(made?.tensor()?)
}

/// Computes the remainder with the sign of the divisor, including a signed zero.
fn floored(a: f64, b: f64) -> f64 {
    match a % b {
        0.0 => 0f64.copysign(b),
        rest if (rest < 0.0) != (b < 0.0) => rest + b,
        rest => rest,
    }
}

/// Computes a power. The result has the type of the base; the exponent may have another.
fn pow(call: &Call) -> Result<Vec<Tensor>> {
    let (a, mut b) = operands(call)?;
    if let (Numbers::Whole(_), Numbers::Whole(exponents)) = (&a.numbers, &b.numbers)
        && exponents.iter().all(|e| (0..64).contains(e))
    {
        return one(pairs(call, (a, b), f64::powf, |x, e| Ok(x.wrapping_pow(e as u32)))?.tensor()?);
    }
    let dtype = a.dtype;
    let a = Array { numbers: Numbers::Float(a.to_f64()), ..a };
    b.numbers = Numbers::Float(b.to_f64());
    let made = pairs(call, (a, b), f64::powf, |_, _| Err(call.wrong("mixes kinds")))?;
    one(Array { dtype, ..made }.tensor()?)
}

/// Computes PReLU. The slope broadcasts to the input and not vice versa.
fn prelu(call: &Call) -> Result<Vec<Tensor>> {
    let (x, mut slope) = (call.array(0)?, call.array(1)?);
    // Before operator set 7 a vector of slopes applied to the channels.
    if call.opset < 7 && slope.shape.len() == 1 && x.shape.len() > 1 && slope.len() > 1 {
        slope.shape.extend(vec![1; x.shape.len() - 2]);
    }
    let shape = x.shape.clone();
    let made =
        pairs(call, (x, slope), |x, s| if x < 0.0 { s * x } else { x }, |x, s| Ok(if x < 0 { s * x } else { x }))?;
    match made.shape == shape {
        true => one(made.tensor()?),
        false => Err(call.wrong("the slope is larger than the input")),
    }
}

fn variadic(call: &Call) -> Result<Vec<Tensor>> {
    let arrays = call.tensors()?.into_iter().map(Array::of).collect::<Result<Vec<_>>>()?;
    let shape = together(call, &arrays.iter().collect::<Vec<_>>())?;
    call.room(&shape, arrays.len())?;
    let Some(dtype) = arrays.first().map(|a| a.dtype) else { return Err(call.wrong("has no input")) };
    let whole = arrays.iter().all(|a| matches!(a.numbers, Numbers::Whole(_)));
    let op = call.node.op_type.as_str();
    let numbers = match whole {
        true => {
            let values = arrays.iter().map(|a| a.wholes()).collect::<Result<Vec<_>>>()?;
            let at = |(i, p): (usize, &[usize])| values[i][broadcast_index(p, &arrays[i].shape)];
            let all = |p: Vec<usize>| whole_of(op, &(0..values.len()).map(|i| at((i, &p))).collect::<Vec<_>>());
            Numbers::Whole(positions(&shape).map(all).collect())
        }
        false => {
            let values = arrays.iter().map(|a| a.floats()).collect::<Result<Vec<_>>>()?;
            let at = |(i, p): (usize, &[usize])| values[i][broadcast_index(p, &arrays[i].shape)];
            let all = |p: Vec<usize>| real_of(op, &(0..values.len()).map(|i| at((i, &p))).collect::<Vec<_>>());
            Numbers::Float(positions(&shape).map(all).collect())
        }
    };
    one(Array { dtype, shape, numbers }.tensor()?)
}

fn whole_of(op: &str, values: &[i128]) -> i128 {
    let sum = || values.iter().sum::<i128>();
    match op {
        "Max" => values.iter().copied().max().unwrap_or(0),
        "Min" => values.iter().copied().min().unwrap_or(0),
        "Sum" => sum(),
        _ => sum() / values.len().max(1) as i128,
    }
}

/// Combines values. If one of them is a NaN, so is the result.
fn real_of(op: &str, values: &[f64]) -> f64 {
    let choose = |better: fn(f64, f64) -> bool| {
        let keep = |x: f64, y: f64| if x.is_nan() || !(y.is_nan() || better(y, x)) { x } else { y };
        values.iter().copied().reduce(keep).unwrap_or(f64::NAN)
    };
    match op {
        "Max" => choose(|y, x| y > x),
        "Min" => choose(|y, x| y < x),
        "Sum" => values.iter().sum(),
        _ => values.iter().sum::<f64>() / values.len() as f64,
    }
}

fn compare(call: &Call) -> Result<Vec<Tensor>> {
    let pair = operands(call)?;
    let test = |ordering: Option<std::cmp::Ordering>| match call.node.op_type.as_str() {
        "Equal" => ordering.is_some_and(|o| o.is_eq()),
        "Less" => ordering.is_some_and(|o| o.is_lt()),
        "LessOrEqual" => ordering.is_some_and(|o| o.is_le()),
        "Greater" => ordering.is_some_and(|o| o.is_gt()),
        _ => ordering.is_some_and(|o| o.is_ge()),
    };
    let real = |a: f64, b: f64| f64::from(u8::from(test(a.partial_cmp(&b))));
    let made = pairs(call, pair, real, |a, b| Ok(test(a.partial_cmp(&b)).into()))?;
    one(Array { dtype: DType::Bool, ..made }.tensor()?)
}

fn bits(call: &Call) -> Result<Vec<Tensor>> {
    let (a, b) = operands(call)?;
    a.wholes().and_then(|_| b.wholes())?;
    let made = match call.node.op_type.as_str() {
        "And" | "BitwiseAnd" => pairs(call, (a, b), |a, _| a, |a, b| Ok(a & b)),
        "Or" | "BitwiseOr" => pairs(call, (a, b), |a, _| a, |a, b| Ok(a | b)),
        _ => pairs(call, (a, b), |a, _| a, |a, b| Ok(a ^ b)),
    };
    one(made?.tensor()?)
}

fn shift(call: &Call) -> Result<Vec<Tensor>> {
    let (a, b) = operands(call)?;
    a.wholes().and_then(|_| b.wholes())?;
    let by = |b: i128| u32::try_from(b).ok().filter(|b| *b < 64).ok_or_else(|| call.wrong(format!("shifts by {b}")));
    let made = match call.text("direction", "") {
        "LEFT" => pairs(call, (a, b), |a, _| a, |a, b| Ok(a << by(b)?)),
        "RIGHT" => pairs(call, (a, b), |a, _| a, |a, b| Ok(a >> by(b)?)),
        other => return Err(call.wrong(format!("direction '{other}' is not known"))),
    };
    one(made?.tensor()?)
}

/// Selects elements. They are moved rather than computed with, so that every bit is preserved.
fn choose(call: &Call) -> Result<Vec<Tensor>> {
    let (condition, x, y) = (call.array(0)?, call.tensor(1)?, call.tensor(2)?);
    if x.dtype() != y.dtype() {
        return Err(call.wrong("its branches have different types"));
    }
    let shapes = [condition.shape.as_slice(), x.shape(), y.shape()];
    let shape = broadcast(shapes).ok_or_else(|| call.wrong(format!("{shapes:?} do not broadcast")))?;
    call.room(&shape, 1)?;
    let conditions = condition.wholes()?;
    let from = positions(&shape).map(|p| match conditions[broadcast_index(&p, &condition.shape)] != 0 {
        true => (0, broadcast_index(&p, x.shape())),
        false => (1, broadcast_index(&p, y.shape())),
    });
    one(movement::pick(&[x, y], shape.clone(), from)?)
}
