//! Operations along axes: reductions, softmax, cumulative sums, top-k.

use super::binary::{larger, smaller};
use super::call::{Call, one};
use super::index::{around, positions, ravel};
use super::movement::pick_one;
use super::numbers::{Array, Numbers, of_floats, of_wholes};
use crate::Result;
use crate::graph::{DType, Tensor};

/// Returns the indices that are combined when `axes` are reduced, one list for each element of the result.
pub(super) fn groups(shape: &[usize], axes: &[usize]) -> Vec<Vec<usize>> {
    let kept: Vec<usize> =
        shape.iter().enumerate().map(|(i, size)| if axes.contains(&i) { 1 } else { *size }).collect();
    let total = super::index::count(&kept).unwrap_or(0);
    let mut groups = vec![Vec::new(); total];
    for (i, mut position) in positions(shape).enumerate() {
        axes.iter().for_each(|axis| position[*axis] = 0);
        groups[ravel(&position, &kept)].push(i);
    }
    groups
}

/// Combines the elements along some axes, in the form for real or for whole numbers, of which there may be too few.
pub(super) fn reduce(
    call: &Call,
    real: impl Fn(&[f64]) -> f64,
    whole: impl Fn(&[i128]) -> Option<i128>,
) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    let rank = x.shape.len();
    let given = call.numbers("axes", 1)?.filter(|axes| !axes.is_empty());
    let axes = match &given {
        Some(axes) => call.axes(axes, rank)?,
        None if call.flag("noop_with_empty_axes") => Vec::new(),
        None => (0..rank).collect(),
    };
    let keep = call.int("keepdims", 1) != 0;
    let side = |(i, size): (usize, &usize)| match (axes.contains(&i), keep) {
        (false, _) => Some(*size),
        (true, keep) => keep.then_some(1),
    };
    let shape: Vec<usize> = x.shape.iter().enumerate().filter_map(side).collect();
    call.room(&shape, 1)?;
    let groups = groups(&x.shape, &axes);
    let numbers = match &x.numbers {
        Numbers::Float(values) => {
            let number = |group: &Vec<usize>| real(&group.iter().map(|i| values[*i]).collect::<Vec<_>>());
            Numbers::Float(groups.iter().map(number).collect())
        }
        Numbers::Whole(values) => {
            let number = |group: &Vec<usize>| whole(&group.iter().map(|i| values[*i]).collect::<Vec<_>>());
            let numbers = groups.iter().map(number).collect::<Option<_>>();
            Numbers::Whole(numbers.ok_or_else(|| call.wrong("has no element to choose from or to average"))?)
        }
    };
    one(Array { dtype: x.dtype, shape, numbers }.tensor()?)
}

/// Combines whole numbers as if they were real.
pub(super) fn rounded(call: &Call, real: fn(&[f64]) -> f64) -> Result<Vec<Tensor>> {
    reduce(call, real, |values| Some(real(&values.iter().map(|v| *v as f64).collect::<Vec<_>>()) as i128))
}

pub(super) fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

pub(super) fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}

pub(super) fn whole_mean(values: &[i128]) -> Option<i128> {
    values.iter().sum::<i128>().checked_div(values.len() as i128)
}

pub(super) fn whole_product(values: &[i128]) -> Option<i128> {
    Some(values.iter().fold(1, |a, b| a.wrapping_mul(*b)))
}

pub(super) fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, larger)
}

pub(super) fn smallest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, smaller)
}

pub(super) fn l1(values: &[f64]) -> f64 {
    values.iter().map(|v| v.abs()).sum()
}

pub(super) fn sum_square(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum()
}

pub(super) fn whole_sum_square(values: &[i128]) -> Option<i128> {
    Some(values.iter().fold(0, |a, v| a + v.wrapping_mul(*v)))
}

pub(super) fn l2(values: &[f64]) -> f64 {
    sum_square(values).sqrt()
}

pub(super) fn log_sum(values: &[f64]) -> f64 {
    sum(values).ln()
}

pub(super) fn log_sum_exp(values: &[f64]) -> f64 {
    let (top, sum) = exponentials(values);
    if top.is_finite() { top + sum.ln() } else { top }
}

/// Returns the lines along an axis: their starts, their number of elements, and the distance between elements.
fn lines(shape: &[usize], axis: usize) -> (Vec<usize>, usize, usize) {
    let (before, length, step) = around(shape, axis);
    ((0..before * step).map(|i| i / step * length * step + i % step).collect(), length, step)
}

/// Applies a softmax to each line. Before operator set 13 everything from `axis` on was one line, and the default axis was 1.
pub(super) fn softmax(call: &Call, line: fn(&[f64]) -> Vec<f64>) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    let (mut shape, mut axis) = (x.shape.clone(), call.the_axis(if call.opset < 13 { 1 } else { -1 }, x.shape.len())?);
    if call.opset < 13 {
        shape = vec![shape[..axis].iter().product(), shape[axis..].iter().product()];
        axis = 1;
    }
    let (starts, length, step) = lines(&shape, axis);
    let mut values = x.floats()?.to_vec();
    for start in starts {
        let at: Vec<usize> = (0..length).map(|k| start + k * step).collect();
        let line = line(&at.iter().map(|i| values[*i]).collect::<Vec<_>>());
        at.iter().zip(line).for_each(|(i, v)| values[*i] = v);
    }
    one(of_floats(x.dtype, x.shape.clone(), values)?)
}

/// Returns the largest number, and the sum of the exponentials of what is left without it, so that nothing overflows.
fn exponentials(values: &[f64]) -> (f64, f64) {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (top, values.iter().map(|v| (v - top).exp()).sum())
}

pub(super) fn softmax_of(values: &[f64]) -> Vec<f64> {
    let (top, sum) = exponentials(values);
    values.iter().map(|v| (v - top).exp() / sum).collect()
}

pub(super) fn log_softmax_of(values: &[f64]) -> Vec<f64> {
    let (top, sum) = exponentials(values);
    values.iter().map(|v| v - top - sum.ln()).collect()
}

pub(super) fn hardmax_of(values: &[f64]) -> Vec<f64> {
    let (top, _) = exponentials(values);
    let first = values.iter().position(|v| *v == top);
    (0..values.len()).map(|i| f64::from(u8::from(Some(i) == first))).collect()
}

pub(super) fn arg(call: &Call, better: fn(&f64, &f64) -> bool) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    let axis = call.the_axis(0, x.shape.len())?;
    let (starts, length, step) = lines(&x.shape, axis);
    if length == 0 {
        return Err(call.wrong("has no element to choose from"));
    }
    let (last, values) = (call.flag("select_last_index"), x.to_f64());
    let choose = |start: usize| {
        let at = |k: usize| values[start + k * step];
        (1..length).fold(0, |best, k| if better(&at(k), &at(best)) || (last && at(k) == at(best)) { k } else { best })
    };
    let mut shape = x.shape.clone();
    match call.int("keepdims", 1) != 0 {
        true => shape[axis] = 1,
        false => drop(shape.remove(axis)),
    }
    one(of_wholes(DType::I64, shape, starts.into_iter().map(|s| choose(s) as i128).collect())?)
}

pub(super) fn cum_sum(call: &Call) -> Result<Vec<Tensor>> {
    let mut x = call.array(0)?;
    let axis = call.input_numbers(1)?.first().copied().ok_or_else(|| call.wrong("has no axis"))?;
    let (starts, length, step) = lines(&x.shape, call.axis(axis, x.shape.len())?);
    let (exclusive, reverse) = (call.flag("exclusive"), call.flag("reverse"));
    let order: Vec<usize> = if reverse { (0..length).rev().collect() } else { (0..length).collect() };
    let order: Vec<usize> = starts.iter().flat_map(|start| order.iter().map(move |k| start + k * step)).collect();
    for run in order.chunks(length.max(1)) {
        match &mut x.numbers {
            Numbers::Float(values) => running(values, run, exclusive),
            Numbers::Whole(values) => running(values, run, exclusive),
        }
    }
    one(x.tensor()?)
}

/// Replaces the numbers at `run` by their cumulative sums, inclusive or exclusive.
fn running<T: Copy + Default + std::ops::Add<Output = T>>(values: &mut [T], run: &[usize], exclusive: bool) {
    let mut sum = T::default();
    for i in run {
        let next = sum + values[*i];
        values[*i] = if exclusive { sum } else { next };
        sum = next;
    }
}

/// Returns the `k` largest (or smallest) along an axis, in order; the earlier among equals comes first.
pub(super) fn top_k(call: &Call) -> Result<Vec<Tensor>> {
    let (x, source) = (call.array(0)?, call.tensor(0)?);
    let axis = call.the_axis(-1, x.shape.len())?;
    let k = match call.node.int("k") {
        Some(k) => k,
        None => call.input_numbers(1)?.first().copied().ok_or_else(|| call.wrong("has no k"))?,
    };
    let k = call.sizes(&[k])?[0];
    let (starts, length, step) = lines(&x.shape, axis);
    if k > length {
        return Err(call.wrong(format!("{k} of {length} cannot be taken")));
    }
    let (values, largest) = (x.to_f64(), call.int("largest", 1) != 0);
    let ranked = |start: usize| {
        let mut order: Vec<usize> = (0..length).collect();
        let at = |i: &usize| values[start + i * step];
        order.sort_by(|a, b| if largest { at(b).total_cmp(&at(a)) } else { at(a).total_cmp(&at(b)) });
        order
    };
    let ranked: Vec<Vec<usize>> = starts.into_iter().map(ranked).collect();
    let mut shape = x.shape.clone();
    shape[axis] = k;
    let place = |mut p: Vec<usize>| {
        let rank = std::mem::replace(&mut p[axis], 0);
        let mut single = x.shape.clone();
        single[axis] = 1;
        p[axis] = ranked[ravel(&[&p[..axis], &[0], &p[axis + 1..]].concat(), &single)][rank];
        p
    };
    let places: Vec<Vec<usize>> = positions(&shape).map(place).collect();
    let indices = places.iter().map(|p| p[axis] as i128).collect();
    let taken = pick_one(source, shape.clone(), places.iter().map(|p| ravel(p, &x.shape)))?;
    Ok(vec![taken, of_wholes(DType::I64, shape, indices)?])
}
