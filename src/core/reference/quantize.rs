//! Quantisation to 8- and 16-bit integers: `real = scale * (integer - zero point)`.

use super::Operation;
use super::call::{Call, one};
use super::index::around;
use super::numbers::{Array, of_floats, of_wholes};
use crate::Result;
use crate::graph::{DType, Tensor};

pub(super) fn find(op_type: &str) -> Option<Operation> {
    Some(match op_type {
        "QuantizeLinear" => quantize,
        "DequantizeLinear" => dequantize,
        "DynamicQuantizeLinear" => dynamic,
        _ => return None,
    })
}

/// Returns the smallest and largest number of an integer type that numbers are quantised to.
fn range(call: &Call, dtype: DType) -> Result<(i128, i128)> {
    Ok(match dtype {
        DType::U8 => (0, 255),
        DType::I8 => (-128, 127),
        DType::U16 => (0, 65535),
        DType::I16 => (-32768, 32767),
        other => return Err(call.wrong(format!("does not quantise to {other}"))),
    })
}

/// Returns, for each element of `x`, the index of its scale: one for all, one for each index of an axis, or one for
/// each block along it.
fn owner(call: &Call, x: &Array, scale: &Array) -> Result<Vec<usize>> {
    if scale.len() == 1 && scale.shape.len() <= 1 {
        return Ok(vec![0; x.len()]);
    }
    let axis = call.the_axis(1, x.shape.len())?;
    let (_, size, each) = around(&x.shape, axis);
    let block = call.sizes(&[call.int("block_size", 0)])?[0];
    let mut blocks = x.shape.clone();
    blocks[axis] = if block == 0 { size } else { size.div_ceil(block) };
    match block {
        0 if scale.shape == [size] => Ok((0..x.len()).map(|i| i / each % size).collect()),
        1.. if scale.shape == blocks => {
            let at = |i: usize| (i / (each * size) * blocks[axis] + i / each % size / block) * each + i % each;
            Ok((0..x.len()).map(at).collect())
        }
        _ => Err(call.wrong(format!("scales of {:?} do not fit {:?}", scale.shape, x.shape))),
    }
}

fn zero_points(call: &Call, scale: &Array) -> Result<Vec<i128>> {
    let Some(zero) = call.optional_array(2)? else { return Ok(vec![0; scale.len()]) };
    match zero.len() == scale.len() {
        true => Ok(zero.wholes()?.to_vec()),
        false => Err(call.wrong("scales and zero points differ in number")),
    }
}

/// Computes `round(x / scale) + zero point`, with halves rounded to even, saturating at the limits of the type.
fn quantize(call: &Call) -> Result<Vec<Tensor>> {
    let (x, scale) = (call.array(0)?, call.array(1)?);
    let dtype = match (call.optional(2), call.dtype("output_dtype")?) {
        (Some(zero), _) => zero.dtype(),
        (None, stated) => stated.unwrap_or(DType::U8),
    };
    let (low, high) = range(call, dtype)?;
    let (owner, zeros, scales) = (owner(call, &x, &scale)?, zero_points(call, &scale)?, scale.to_f64());
    // The quotient is rounded to the type of the input before it is rounded to a whole number.
    let quotient = |v: f64, s: f64| if x.dtype == DType::F32 { f64::from((v / s) as f32) } else { v / s };
    let number = |(v, o): (f64, usize)| (quotient(v, scales[o]).round_ties_even() as i128 + zeros[o]).clamp(low, high);
    let values = x.to_f64().into_iter().zip(owner).map(number).collect();
    one(of_wholes(dtype, x.shape, values)?)
}

fn dequantize(call: &Call) -> Result<Vec<Tensor>> {
    let (x, scale) = (call.array(0)?, call.array(1)?);
    let (owner, zeros, scales) = (owner(call, &x, &scale)?, zero_points(call, &scale)?, scale.to_f64());
    let dtype = call.dtype("output_dtype")?.unwrap_or(scale.dtype);
    let number = |(v, o): (&i128, usize)| (v - zeros[o]) as f64 * scales[o];
    let values = x.wholes()?.iter().zip(owner).map(number).collect();
    one(of_floats(dtype, x.shape.clone(), values)?)
}

/// Computes scale and zero point so that the range of the input, including 0, fills the unsigned bytes.
fn dynamic(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    let values = x.floats()?;
    let (low, high) = values.iter().fold((0f64, 0f64), |(low, high), v| (low.min(*v), high.max(*v)));
    let scale = f64::from(((high - low) / 255.0) as f32);
    if scale == 0.0 {
        return Err(call.wrong("the input is 0 everywhere"));
    }
    let zero = (-low / scale).round_ties_even().clamp(0.0, 255.0);
    let number = |v: &f64| (f64::from((v / scale) as f32).round_ties_even() + zero).clamp(0.0, 255.0) as i128;
    let numbers = values.iter().map(number).collect();
    Ok(vec![
        of_wholes(DType::U8, x.shape.clone(), numbers)?,
        of_floats(DType::F32, vec![], vec![scale])?,
        of_wholes(DType::U8, vec![], vec![zero as i128])?,
    ])
}
