//! Operations that create a tensor from a shape or from numbers alone.

use super::call::{Call, one};
use super::movement::pick_one;
use super::numbers::{Array, Numbers, of_floats, of_wholes};
use crate::Result;
use crate::graph::{DType, Tensor};

pub(super) fn constant(call: &Call) -> Result<Vec<Tensor>> {
    one(call.node.constant().ok_or_else(|| call.wrong("holds neither a number nor a tensor"))?)
}

pub(super) fn constant_of_shape(call: &Call) -> Result<Vec<Tensor>> {
    let shape = call.sizes(&call.input_numbers(0)?)?;
    let total = call.room(&shape, 1)?;
    let zero = of_floats(DType::F32, vec![1], vec![0.0])?;
    let value = call.node.tensor("value").unwrap_or(&zero);
    if value.len() != 1 {
        return Err(call.wrong("fills with more than one number"));
    }
    one(pick_one(value, shape, std::iter::repeat_n(0, total))?)
}

/// Returns the shape. Since operator set 15 a slice of it may be requested.
pub(super) fn shape(call: &Call) -> Result<Vec<Tensor>> {
    let shape = call.tensor(0)?.shape();
    let part = &shape[call.node.shape_range(shape.len())];
    one(Tensor::from_i64(&part.iter().map(|d| *d as i64).collect::<Vec<_>>()))
}

pub(super) fn size(call: &Call) -> Result<Vec<Tensor>> {
    one(of_wholes(DType::I64, vec![], vec![call.tensor(0)?.len() as i128])?)
}

/// Returns `max(ceil((limit - start) / delta), 0)` numbers from `start` in steps of `delta`.
pub(super) fn range(call: &Call) -> Result<Vec<Tensor>> {
    let [start, limit, delta] = [call.array(0)?, call.array(1)?, call.array(2)?];
    if [&start, &limit, &delta].iter().any(|a| a.len() != 1) || delta.scalar()? == 0.0 {
        return Err(call.wrong("takes three numbers, the last not 0"));
    }
    let dtype = start.dtype;
    let (s, l, d) = (start.scalar()?, limit.scalar()?, delta.scalar()?);
    let length = ((l - s) / d).ceil().max(0.0);
    let shape = vec![if length < 1e18 { length as usize } else { usize::MAX }];
    let total = call.room(&shape, 1)?;
    let numbers = match (&start.numbers, &delta.numbers) {
        (Numbers::Whole(s), Numbers::Whole(d)) => Numbers::Whole((0..total as i128).map(|i| s[0] + i * d[0]).collect()),
        _ => Numbers::Float((0..total).map(|i| s + i as f64 * d).collect()),
    };
    one(Array { dtype, shape, numbers }.tensor()?)
}

pub(super) fn eye_like(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let [_, columns] = *x.shape() else { return Err(call.wrong("takes a matrix")) };
    let (dtype, k) = (call.dtype("dtype")?.unwrap_or(x.dtype()), i128::from(call.int("k", 0)));
    let on = |i: usize| i128::from((i % columns) as i128 == (i / columns) as i128 + k);
    one(of_wholes(dtype, x.shape().to_vec(), (0..x.len()).map(on).collect())?)
}
