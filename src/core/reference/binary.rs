//! Operations on the elements of several tensors that are broadcast together.

use std::cmp::Ordering;

use super::call::{Call, one};
use super::index::{broadcast, broadcast_index, positions};
use super::movement;
use super::numbers::{Array, Numbers};
use crate::Result;
use crate::graph::{DType, Tensor};

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

/// Applies a function to each pair of elements, which for whole numbers only a division by zero leaves without a result.
pub(super) fn arithmetic(
    call: &Call,
    real: impl Fn(f64, f64) -> f64,
    whole: impl Fn(i128, i128) -> Option<i128>,
) -> Result<Vec<Tensor>> {
    let whole = |a, b| whole(a, b).ok_or_else(|| call.wrong("divides by zero"));
    one(pairs(call, operands(call)?, real, whole)?.tensor()?)
}

/// Computes a remainder, which has the sign of the dividend with `fmod`, else that of the divisor.
pub(super) fn modulo(call: &Call) -> Result<Vec<Tensor>> {
    match call.flag("fmod") {
        true => arithmetic(call, |a, b| a % b, i128::checked_rem),
        false => arithmetic(call, floored, |a, b| Some((a.checked_rem(b)? + b) % b)),
    }
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
pub(super) fn pow(call: &Call) -> Result<Vec<Tensor>> {
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
pub(super) fn prelu(call: &Call) -> Result<Vec<Tensor>> {
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

pub(super) fn variadic(
    call: &Call,
    real: impl Fn(f64, f64) -> f64,
    whole: impl Fn(i128, i128) -> i128,
) -> Result<Vec<Tensor>> {
    one(combined(call, real, whole)?.tensor()?)
}

/// Combines the elements of all operands, from the first to the last.
fn combined(call: &Call, real: impl Fn(f64, f64) -> f64, whole: impl Fn(i128, i128) -> i128) -> Result<Array> {
    let arrays = call.tensors()?.into_iter().map(Array::of).collect::<Result<Vec<_>>>()?;
    let shape = together(call, &arrays.iter().collect::<Vec<_>>())?;
    call.room(&shape, arrays.len())?;
    let mut arrays = arrays.into_iter();
    let first = arrays.next().ok_or_else(|| call.wrong("has no input"))?;
    arrays.try_fold(first, |all, next| pairs(call, (all, next), &real, |a, b| Ok(whole(a, b))))
}

pub(super) fn mean(call: &Call) -> Result<Vec<Tensor>> {
    let mut sum = combined(call, |a, b| a + b, |a, b| a + b)?;
    let count = call.inputs.len();
    match &mut sum.numbers {
        Numbers::Float(values) => values.iter_mut().for_each(|value| *value /= count as f64),
        Numbers::Whole(values) => values.iter_mut().for_each(|value| *value /= count as i128),
    }
    one(sum.tensor()?)
}

/// Returns the larger number, a NaN if there is one.
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || !(b.is_nan() || b > a) { a } else { b }
}

/// Returns the smaller number, a NaN if there is one.
pub(super) fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}

pub(super) fn compare(call: &Call, test: fn(Ordering) -> bool) -> Result<Vec<Tensor>> {
    let test = |ordering: Option<Ordering>| ordering.is_some_and(test);
    let real = |a: f64, b: f64| f64::from(u8::from(test(a.partial_cmp(&b))));
    let made = pairs(call, operands(call)?, real, |a, b| Ok(test(a.partial_cmp(&b)).into()))?;
    one(Array { dtype: DType::Bool, ..made }.tensor()?)
}

/// Applies a function to each pair of whole numbers.
fn wholes(call: &Call, apply: impl Fn(i128, i128) -> Result<i128>) -> Result<Vec<Tensor>> {
    let (a, b) = operands(call)?;
    a.wholes().and_then(|_| b.wholes())?;
    one(pairs(call, (a, b), |a, _| a, apply)?.tensor()?)
}

pub(super) fn bits(call: &Call, apply: fn(i128, i128) -> i128) -> Result<Vec<Tensor>> {
    wholes(call, |a, b| Ok(apply(a, b)))
}

pub(super) fn shift(call: &Call) -> Result<Vec<Tensor>> {
    let by = |b: i128| u32::try_from(b).ok().filter(|b| *b < 64).ok_or_else(|| call.wrong(format!("shifts by {b}")));
    match call.text("direction", "") {
        "LEFT" => wholes(call, |a, b| Ok(a << by(b)?)),
        "RIGHT" => wholes(call, |a, b| Ok(a >> by(b)?)),
        other => Err(call.wrong(format!("direction '{other}' is not known"))),
    }
}

/// Selects elements. They are moved rather than computed with, so that every bit is preserved.
pub(super) fn choose(call: &Call) -> Result<Vec<Tensor>> {
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
