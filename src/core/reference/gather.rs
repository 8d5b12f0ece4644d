//! Operations that read or write elements by index.

use super::call::{Call, one};
use super::index::{count, positions, ravel, unravel};
use super::movement::{arranged, pick, pick_one};
use super::numbers::{Array, Numbers, of_wholes};
use crate::graph::{DType, Tensor, place_of};
use crate::{Error, Result};

fn wrap(index: i64, size: usize) -> Result<usize> {
    place_of(index, size).ok_or_else(|| Error::input(format!("index {index}"), format!("is not among {size}")))
}

fn wrap_all(indices: &[i64], size: usize) -> Result<Vec<usize>> {
    indices.iter().map(|index| wrap(*index, size)).collect()
}

pub(super) fn gather(call: &Call) -> Result<Vec<Tensor>> {
    let (x, indices) = (call.tensor(0)?, call.array(1)?);
    let axis = call.the_axis(0, x.shape().len())?;
    let wrapped = wrap_all(&indices.to_i64()?, x.shape()[axis])?;
    let (before, after) = (&x.shape()[..axis], &x.shape()[axis + 1..]);
    let shape = [before, &indices.shape, after].concat();
    call.room(&shape, 1)?;
    let between = axis + indices.shape.len();
    one(arranged(x, shape, |p| {
        let index = wrapped[ravel(&p[axis..between], &indices.shape)];
        [&p[..axis], &[index], &p[between..]].concat()
    })?)
}

pub(super) fn gather_elements(call: &Call) -> Result<Vec<Tensor>> {
    let (x, indices) = (call.tensor(0)?, call.array(1)?);
    one(pick_one(x, indices.shape.clone(), along(call, &indices, x.shape())?.into_iter())?)
}

/// Returns the places in `data` of the elements that indices name along the attribute `axis`; their other axes lie within
/// the data.
fn along(call: &Call, indices: &Array, data: &[usize]) -> Result<Vec<usize>> {
    let axis = call.the_axis(0, data.len())?;
    let fits = indices.shape.len() == data.len()
        && indices.shape.iter().zip(data).enumerate().all(|(i, (index, size))| i == axis || index <= size);
    if !fits {
        return Err(call.wrong(format!("indices of {:?} reach past {data:?}", indices.shape)));
    }
    let wrapped = wrap_all(&indices.to_i64()?, data[axis])?;
    let place = |(mut position, index): (Vec<usize>, usize)| {
        position[axis] = index;
        ravel(&position, data)
    };
    Ok(positions(&indices.shape).zip(wrapped).map(place).collect())
}

/// Returns the places in `shape` that the last axis of `indices` names, after `batch` shared axes: their offsets and
/// the length of the slice at each.
fn places(call: &Call, indices: &Array, shape: &[usize], batch: usize) -> Result<(Vec<usize>, usize)> {
    let depth = indices.shape.last().copied().ok_or_else(|| call.wrong("its indices are a scalar"))?;
    if batch >= indices.shape.len() || batch + depth > shape.len() || indices.shape[..batch] != shape[..batch] {
        return Err(call.wrong(format!("indices of {:?} do not fit {shape:?}", indices.shape)));
    }
    let numbers = indices.to_i64()?;
    let rows = count(&indices.shape[..indices.shape.len() - 1]).unwrap_or(0);
    let per_batch = count(&indices.shape[batch..indices.shape.len() - 1]).unwrap_or(0);
    let length = count(&shape[batch + depth..]).unwrap_or(0);
    let place = |row: usize| {
        let mut position = unravel(row / per_batch.max(1), &shape[..batch]);
        for (index, size) in numbers[row * depth..(row + 1) * depth].iter().zip(&shape[batch..]) {
            position.push(wrap(*index, *size)?);
        }
        Ok(ravel(&position, &shape[..batch + depth]) * length)
    };
    Ok(((0..rows).map(place).collect::<Result<_>>()?, length))
}

pub(super) fn gather_nd(call: &Call) -> Result<Vec<Tensor>> {
    let (x, indices) = (call.tensor(0)?, call.array(1)?);
    let batch = call.sizes(&[call.int("batch_dims", 0)])?[0];
    let (places, length) = places(call, &indices, x.shape(), batch)?;
    let depth = indices.shape[indices.shape.len() - 1];
    let shape = [&indices.shape[..indices.shape.len() - 1], &x.shape()[batch + depth..]].concat();
    call.room(&shape, 1)?;
    one(pick_one(x, shape, places.into_iter().flat_map(|start| start..start + length))?)
}

/// A function in its form for real and for whole numbers.
type Forms = (fn(f64, f64) -> f64, fn(i128, i128) -> i128);

/// Combines existing elements with updates, according to `reduction`.
fn combine(call: &Call, data: &Tensor, updates: &Tensor, places: &[usize]) -> Result<Vec<Tensor>> {
    let reduction = call.text("reduction", "none");
    if reduction == "none" {
        let mut from: Vec<(usize, usize)> = (0..data.len()).map(|i| (0, i)).collect();
        places.iter().enumerate().for_each(|(i, place)| from[*place] = (1, i));
        return one(pick(&[data, updates], data.shape().to_vec(), from.into_iter())?);
    }
    let forms: Forms = match reduction {
        "add" => (|a, b| a + b, i128::wrapping_add),
        "mul" => (|a, b| a * b, i128::wrapping_mul),
        "max" => (f64::max, Ord::max),
        "min" => (f64::min, Ord::min),
        other => return Err(call.wrong(format!("reduction {other} is not known"))),
    };
    let (mut x, updates) = (Array::of(data)?, Array::of(updates)?);
    match (&mut x.numbers, &updates.numbers) {
        (Numbers::Float(x), Numbers::Float(new)) => {
            places.iter().zip(new).for_each(|(place, new)| x[*place] = forms.0(x[*place], *new));
        }
        (Numbers::Whole(x), Numbers::Whole(new)) => {
            places.iter().zip(new).for_each(|(place, new)| x[*place] = forms.1(x[*place], *new));
        }
        _ => return Err(call.wrong("data and updates are of different kinds")),
    }
    one(x.tensor()?)
}

pub(super) fn scatter_elements(call: &Call) -> Result<Vec<Tensor>> {
    let (x, indices, updates) = (call.tensor(0)?, call.array(1)?, call.tensor(2)?);
    let places = along(call, &indices, x.shape())?;
    if updates.shape() != indices.shape {
        return Err(call.wrong("updates and indices differ in shape"));
    }
    combine(call, x, updates, &places)
}

pub(super) fn scatter_nd(call: &Call) -> Result<Vec<Tensor>> {
    let (x, indices, updates) = (call.tensor(0)?, call.array(1)?, call.tensor(2)?);
    let (places, length) = places(call, &indices, x.shape(), 0)?;
    if places.len() * length != updates.len() {
        return Err(call.wrong("updates and indices differ in shape"));
    }
    let places: Vec<usize> = places.into_iter().flat_map(|start| start..start + length).collect();
    combine(call, x, updates, &places)
}

pub(super) fn compress(call: &Call) -> Result<Vec<Tensor>> {
    let (x, condition) = (call.tensor(0)?, call.array(1)?);
    let kept: Vec<usize> =
        condition.wholes()?.iter().enumerate().filter(|(_, keep)| **keep != 0).map(|(i, _)| i).collect();
    let (shape, axis) = match call.node.int("axis") {
        Some(axis) => (x.shape().to_vec(), call.axis(axis, x.shape().len())?),
        None => (vec![x.len()], 0),
    };
    if kept.last().is_some_and(|last| *last >= shape[axis]) {
        return Err(call.wrong("the condition is longer than the axis"));
    }
    let mut result = shape.clone();
    result[axis] = kept.len();
    let from = positions(&result).map(|mut position| {
        position[axis] = kept[position[axis]];
        ravel(&position, &shape)
    });
    one(pick_one(x, result, from)?)
}

pub(super) fn non_zero(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    let found: Vec<Vec<usize>> =
        positions(&x.shape).zip(x.to_f64()).filter(|(_, value)| *value != 0.0).map(|(position, _)| position).collect();
    let rank = x.shape.len();
    let values = (0..rank).flat_map(|axis| found.iter().map(move |position| position[axis] as i128)).collect();
    one(of_wholes(DType::I64, vec![rank, found.len()], values)?)
}

pub(super) fn one_hot(call: &Call) -> Result<Vec<Tensor>> {
    let (indices, depth, values) = (call.array(0)?, call.array(1)?.scalar()?, call.tensor(2)?);
    if !(0.0..=call.limits.elements as f64).contains(&depth) || values.len() != 2 {
        return Err(call.wrong("its depth or its values are out of range"));
    }
    let depth = depth as usize;
    let axis = call.axis(call.int("axis", -1), indices.shape.len() + 1)?;
    let mut shape = indices.shape.clone();
    shape.insert(axis, depth);
    call.room(&shape, 1)?;
    let hot = indices.to_f64();
    let from = positions(&shape).map(|mut position| {
        let here = position.remove(axis) as f64;
        let index = hot[ravel(&position, &indices.shape)];
        let index = if index < 0.0 { index + depth as f64 } else { index };
        usize::from(index == here)
    });
    one(pick_one(values, shape, from)?)
}

pub(super) fn reverse_sequence(call: &Call) -> Result<Vec<Tensor>> {
    let (x, lengths) = (call.tensor(0)?, call.sizes(&call.input_numbers(1)?)?);
    let rank = x.shape().len();
    let (batch, time) = (call.axis(call.int("batch_axis", 1), rank)?, call.axis(call.int("time_axis", 0), rank)?);
    if batch == time || lengths.len() != x.shape()[batch] || lengths.iter().any(|l| *l > x.shape()[time]) {
        return Err(call.wrong("the lengths do not fit the input"));
    }
    one(arranged(x, x.shape().to_vec(), |mut position| {
        let length = lengths[position[batch]];
        if position[time] < length {
            position[time] = length - 1 - position[time];
        }
        position
    })?)
}
