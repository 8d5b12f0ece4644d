//! Operations that move elements and compute nothing: every bit is preserved, whatever the type.

use super::call::{Call, one};
use super::index::{around, broadcast, broadcast_index, positions, ravel};
use super::numbers::{element_size, truth};
use crate::graph::Tensor;
use crate::words::counted;
use crate::{Error, Result};

/// Creates a tensor from elements of `sources`, given by `from`: which source, and which of its elements.
pub(super) fn pick(
    sources: &[&Tensor],
    shape: Vec<usize>,
    from: impl Iterator<Item = (usize, usize)>,
) -> Result<Tensor> {
    let Some(first) = sources.first() else { return Err(Error::input("a result", "is made of nothing")) };
    let size = element_size(first.dtype())?;
    if sources.iter().any(|source| source.dtype() != first.dtype()) {
        return Err(Error::input("the inputs", "have different types"));
    }
    let mut bytes = Vec::new();
    for (source, index) in from {
        bytes.extend_from_slice(&sources[source].bytes()[index * size..(index + 1) * size]);
    }
    Tensor::new(first.dtype(), shape, bytes)
}

pub(super) fn pick_one(source: &Tensor, shape: Vec<usize>, from: impl Iterator<Item = usize>) -> Result<Tensor> {
    pick(&[source], shape, from.map(|index| (0, index)))
}

/// Returns a tensor of `shape` whose element at each position is that of `x` at another.
pub(super) fn arranged(x: &Tensor, shape: Vec<usize>, source: impl Fn(Vec<usize>) -> Vec<usize>) -> Result<Tensor> {
    pick_one(x, shape.clone(), positions(&shape).map(|position| ravel(&source(position), x.shape())))
}

fn reshaped(tensor: &Tensor, shape: Vec<usize>) -> Result<Vec<Tensor>> {
    element_size(tensor.dtype())?;
    one(Tensor::new(tensor.dtype(), shape, tensor.bytes().clone())?)
}

pub(super) fn identity(call: &Call) -> Result<Vec<Tensor>> {
    one(call.tensor(0)?.clone())
}

/// Evaluates dropout as in inference: the input, and a mask that keeps everything.
pub(super) fn dropout(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let training = match call.opset {
        ..7 => !call.flag("is_test"),
        7..12 => false,
        _ => call.optional_array(2)?.map(|t| t.scalar()).transpose()?.is_some_and(|t| t != 0.0),
    };
    if training {
        return Err(call.wrong("it is in training, where results are random"));
    }
    let mask = match call.opset {
        // Before operator set 10 the mask had the type of the input.
        ..10 => vec![x.clone()],
        _ => vec![truth(x.shape().to_vec(), (0..x.len()).map(|_| true))?],
    };
    Ok([vec![x.clone()], mask].concat().into_iter().take(if call.opset < 10 { 1 } else { 2 }).collect())
}

pub(super) fn reshape(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let target = call.numbers("shape", 1)?.ok_or_else(|| call.wrong("has no target shape"))?;
    let keep_zero = call.flag("allowzero");
    let mut shape = Vec::new();
    for (i, size) in target.iter().enumerate() {
        shape.push(match size {
            0 if !keep_zero => *x.shape().get(i).ok_or_else(|| call.wrong("copies a dimension that is not there"))?,
            -1 => 1,
            size => usize::try_from(*size).map_err(|_| call.wrong(format!("{size} is no size")))?,
        });
    }
    if let Some(free) = target.iter().position(|size| *size == -1) {
        let known = call.room(&shape, 1)?;
        if known == 0 || x.len() % known != 0 || target.iter().filter(|size| **size == -1).count() > 1 {
            return Err(call.wrong(format!("{:?} does not fit {target:?}", x.shape())));
        }
        shape[free] = x.len() / known;
    }
    reshaped(x, shape)
}

pub(super) fn flatten(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let rank = x.shape().len();
    let axis = call.int("axis", 1);
    let axis = if axis == rank as i64 { rank } else { call.axis(axis, rank)? };
    let shape = [&x.shape()[..axis], &x.shape()[axis..]].map(|part| part.iter().product());
    reshaped(x, shape.to_vec())
}

pub(super) fn squeeze(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let ones = || (0..x.shape().len()).filter(|i| x.shape()[*i] == 1).collect();
    let axes = call.numbers("axes", 1)?.map(|axes| call.axes(&axes, x.shape().len())).transpose()?;
    let axes: Vec<usize> = axes.unwrap_or_else(ones);
    if axes.iter().any(|axis| x.shape()[*axis] != 1) {
        return Err(call.wrong(format!("{:?} is not 1 at {axes:?}", x.shape())));
    }
    let kept = x.shape().iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, size)| *size).collect();
    reshaped(x, kept)
}

pub(super) fn unsqueeze(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let axes = call.numbers("axes", 1)?.ok_or_else(|| call.wrong("has no axes"))?;
    let axes = call.axes(&axes, x.shape().len() + axes.len())?;
    let mut shape = x.shape().to_vec();
    axes.iter().for_each(|axis| shape.insert(*axis, 1));
    reshaped(x, shape)
}

pub(super) fn transpose(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let rank = x.shape().len();
    let reversed: Vec<i64> = (0..rank as i64).rev().collect();
    let axes = call.node.ints("perm").map_or(reversed, <[i64]>::to_vec);
    if call.axes(&axes, rank)?.len() != rank {
        return Err(call.wrong(format!("{axes:?} is no order of {}", counted(rank, "axis"))));
    }
    let axes = axes.iter().map(|axis| call.axis(*axis, rank)).collect::<Result<Vec<_>>>()?;
    let shape: Vec<usize> = axes.iter().map(|axis| x.shape()[*axis]).collect();
    one(arranged(x, shape, |position| {
        let mut source = vec![0; rank];
        axes.iter().zip(&position).for_each(|(axis, coordinate)| source[*axis] = *coordinate);
        source
    })?)
}

pub(super) fn concat(call: &Call) -> Result<Vec<Tensor>> {
    let tensors = call.tensors()?;
    let Some(first) = tensors.first() else { return Err(call.wrong("has no input")) };
    let axis = call.the_axis(1, first.shape().len())?;
    let same = |t: &&Tensor| {
        let mut shape = t.shape().to_vec();
        shape.len() == first.shape().len() && {
            shape[axis] = first.shape()[axis];
            shape == first.shape()
        }
    };
    if !tensors.iter().all(same) {
        return Err(call.wrong("its inputs differ in more than the axis"));
    }
    let lengths: Vec<usize> = tensors.iter().map(|t| t.shape()[axis]).collect();
    let mut shape = first.shape().to_vec();
    shape[axis] = lengths.iter().sum();
    call.room(&shape, 1)?;
    let from = positions(&shape).map(|mut position| {
        let mut source = 0;
        while position[axis] >= lengths[source] {
            position[axis] -= lengths[source];
            source += 1;
        }
        (source, ravel(&position, tensors[source].shape()))
    });
    one(pick(&tensors, shape, from)?)
}

fn part(x: &Tensor, axis: usize, start: usize, length: usize) -> Result<Tensor> {
    let mut shape = x.shape().to_vec();
    shape[axis] = length;
    arranged(x, shape, |mut position| {
        position[axis] += start;
        position
    })
}

pub(super) fn split(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let axis = call.the_axis(0, x.shape().len())?;
    let length = x.shape()[axis];
    let parts = match call.numbers("split", 1)? {
        Some(parts) => call.sizes(&parts)?,
        None => {
            let parts = call.node.outputs.len();
            // The last part is smaller if they cannot be equal.
            let size = length.div_ceil(parts.max(1));
            (0..parts).map(|i| length.saturating_sub(i * size).min(size)).collect()
        }
    };
    if parts.iter().try_fold(0usize, |sum, p| sum.checked_add(*p)) != Some(length) {
        return Err(call.wrong(format!("{parts:?} does not add up to {length}")));
    }
    let mut start = 0;
    let take = |length: &usize| {
        let made = part(x, axis, start, *length);
        start += length;
        made
    };
    parts.iter().map(take).collect()
}

pub(super) fn slice(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let rank = x.shape().len();
    let missing = |what: &str| call.wrong(format!("has no {what}"));
    let starts = call.numbers("starts", 1)?.ok_or_else(|| missing("starts"))?;
    let ends = call.numbers("ends", 2)?.ok_or_else(|| missing("ends"))?;
    let axes = call.numbers("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.numbers("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(call.wrong("starts, ends, axes and steps differ in length"));
    }
    call.axes(&axes, rank)?;
    let mut taken: Vec<Vec<usize>> = x.shape().iter().map(|size| (0..*size).collect()).collect();
    for (i, axis) in axes.iter().enumerate() {
        let axis = call.axis(*axis, rank)?;
        if steps[i] == 0 {
            return Err(call.wrong("has a step of 0"));
        }
        if steps[i] < 0 && [i64::from(i32::MAX), i64::MAX].contains(&ends[i]) {
            return Err(
                call.wrong("goes backwards to the largest number, which ONNX Runtime takes for the first element")
            );
        }
        taken[axis] = stepped(x.shape()[axis], starts[i], ends[i], steps[i]);
    }
    let shape: Vec<usize> = taken.iter().map(Vec::len).collect();
    one(arranged(x, shape, |position| position.iter().zip(&taken).map(|(i, taken)| taken[*i]).collect())?)
}

/// Returns the indices that a slice takes of an axis: numbers count from either end and are clamped to it, as in
/// Python.
fn stepped(size: usize, start: i64, end: i64, step: i64) -> Vec<usize> {
    if size == 0 {
        return Vec::new();
    }
    let size = size as i128;
    let counted = |v: i64| if v < 0 { i128::from(v) + size } else { v.into() };
    let (first, last) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let (start, end) = (counted(start).clamp(first.max(0), last), counted(end).clamp(first, last));
    let step = i128::from(step);
    let inside = |i: &i128| if step > 0 { *i < end } else { *i > end };
    let steps = std::iter::successors(Some(start), |i| Some(i + step)).take_while(inside);
    steps.filter(|i| (0..size).contains(i)).map(|i| i as usize).collect()
}

pub(super) fn expand(call: &Call) -> Result<Vec<Tensor>> {
    let (x, target) = (call.tensor(0)?, call.sizes(&call.input_numbers(1)?)?);
    let shape = broadcast([x.shape(), &target[..]]).ok_or_else(|| call.wrong(format!("does not reach {target:?}")))?;
    call.room(&shape, 1)?;
    one(pick_one(x, shape.clone(), positions(&shape).map(|p| broadcast_index(&p, x.shape())))?)
}

pub(super) fn tile(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    if call.opset < 6 {
        return Err(call.wrong("its form before operator set 6 is not computed"));
    }
    let repeats = call.sizes(&call.input_numbers(1)?)?;
    if repeats.len() != x.shape().len() {
        return Err(call.wrong("repeats another number of axes"));
    }
    let sizes =
        x.shape().iter().zip(&repeats).map(|(size, times)| size.checked_mul(*times)).collect::<Option<Vec<_>>>();
    let shape = sizes.ok_or_else(|| call.wrong("the result is past all limits"))?;
    call.room(&shape, 1)?;
    one(arranged(x, shape, |position| position.iter().zip(x.shape()).map(|(i, size)| i % size).collect())?)
}

/// Returns the paddings of `Pad` at the start and end of every axis: all starts, then all ends, of the axes that the
/// fourth input names.
fn pads(call: &Call, rank: usize) -> Result<Vec<(i64, i64)>> {
    let attribute = if call.opset < 2 { "paddings" } else { "pads" };
    let given = call.numbers(attribute, 1)?.ok_or_else(|| call.wrong("has no pads"))?;
    let axes = match call.optional_array(3)? {
        Some(axes) => axes.to_i64()?,
        None => (0..rank as i64).collect(),
    };
    if given.len() != 2 * axes.len() {
        return Err(call.wrong(format!("{} for {}", counted(given.len(), "pad"), counted(axes.len(), "axis"))));
    }
    let mut all = vec![(0, 0); rank];
    for (i, axis) in axes.iter().enumerate() {
        all[call.axis(*axis, rank)?] = (given[i], given[axes.len() + i]);
    }
    Ok(all)
}

pub(super) fn pad(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let pads = pads(call, x.shape().len())?;
    let padded = |(size, (begin, end)): (&usize, &(i64, i64))| {
        let length = (*size as i64).checked_add(*begin).and_then(|l| l.checked_add(*end));
        length.and_then(|l| usize::try_from(l).ok()).ok_or_else(|| call.wrong(format!("pads {size} by {begin}, {end}")))
    };
    let shape = x.shape().iter().zip(&pads).map(padded).collect::<Result<Vec<_>>>()?;
    call.room(&shape, 1)?;
    let mode = call.text("mode", "constant");
    let fill = fill(call, x)?;
    let known = matches!(mode, "constant" | "edge" | "reflect" | "wrap");
    if !known || (mode != "constant" && x.is_empty() && !shape.contains(&0)) {
        return Err(call.wrong(format!("cannot pad {:?} in mode {mode}", x.shape())));
    }
    let from = positions(&shape).map(|position| {
        let placed = position.iter().zip(x.shape()).zip(&pads);
        let inside = placed.map(|((i, size), (begin, _))| mirrored(*i as i64 - begin, *size as i64, mode));
        match inside.collect::<Option<Vec<_>>>() {
            Some(source) => (0, ravel(&source, x.shape())),
            None => (1, 0),
        }
    });
    one(pick(&[x, &fill], shape, from)?)
}

/// Returns the fill value: an attribute before operator set 11, an input since, 0 if neither is present.
fn fill(call: &Call, x: &Tensor) -> Result<Tensor> {
    match call.optional(2) {
        Some(value) if value.len() == 1 => Ok(value.clone()),
        Some(_) => Err(call.wrong("fills with more than one number")),
        None => super::numbers::of_floats(x.dtype(), vec![1], vec![call.float("value", 0.0)]),
    }
}

/// Returns the coordinate that a padded one shows; `None` for the fill value.
fn mirrored(i: i64, size: i64, mode: &str) -> Option<usize> {
    let source = match mode {
        "edge" => i.clamp(0, size - 1),
        "wrap" => i.rem_euclid(size),
        "reflect" if size == 1 => 0,
        "reflect" => {
            let period = 2 * (size - 1);
            let place = i.rem_euclid(period);
            if place < size { place } else { period - place }
        }
        _ => i,
    };
    (0..size).contains(&source).then_some(source as usize)
}

/// Returns the tensor, its sizes `[N, C, H, W]` and the block size.
fn blocks<'a>(call: &Call<'a>) -> Result<(&'a Tensor, [usize; 4], usize)> {
    let x = call.tensor(0)?;
    let [n, c, h, w] = *x.shape() else { return Err(call.wrong("takes images of rank 4")) };
    let block = usize::try_from(call.int("blocksize", 0)).ok().filter(|b| *b > 0 && *b < 1 << 16);
    Ok((x, [n, c, h, w], block.ok_or_else(|| call.wrong("has no block size"))?))
}

/// Returns `true` if the channels of one block are adjacent.
fn columns_first(call: &Call) -> Result<bool> {
    match call.text("mode", "DCR") {
        "DCR" => Ok(false),
        "CRD" => Ok(true),
        other => Err(call.wrong(format!("mode {other} is not known"))),
    }
}

pub(super) fn depth_to_space(call: &Call) -> Result<Vec<Tensor>> {
    let (x, [n, c, h, w], b) = blocks(call)?;
    if c % (b * b) != 0 {
        return Err(call.wrong("the channels are no blocks"));
    }
    let depth = c / (b * b);
    let columns_first = columns_first(call)?;
    let shape = vec![n, depth, h * b, w * b];
    one(arranged(x, shape, |p| {
        let inside = (p[2] % b) * b + p[3] % b;
        let channel = if columns_first { p[1] * b * b + inside } else { inside * depth + p[1] };
        vec![p[0], channel, p[2] / b, p[3] / b]
    })?)
}

pub(super) fn space_to_depth(call: &Call) -> Result<Vec<Tensor>> {
    let (x, [n, c, h, w], b) = blocks(call)?;
    if h % b != 0 || w % b != 0 {
        return Err(call.wrong("the image is no blocks"));
    }
    let (columns_first, shape) = (columns_first(call)?, vec![n, c * b * b, h / b, w / b]);
    one(arranged(x, shape, |p| {
        let (channel, inside) = if columns_first { (p[1] / (b * b), p[1] % (b * b)) } else { (p[1] % c, p[1] / c) };
        vec![p[0], channel, p[2] * b + inside / b, p[3] * b + inside % b]
    })?)
}

pub(super) fn trilu(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    call.at_least(x, 2)?;
    let k = call.optional_array(1)?.map(|k| k.scalar()).transpose()?.unwrap_or(0.0);
    let upper = call.int("upper", 1) != 0;
    let zero = super::numbers::of_wholes(x.dtype(), vec![1], vec![0])?;
    let (_, columns, _) = around(x.shape(), x.shape().len() - 1);
    let rows = x.shape()[x.shape().len() - 2];
    let from = (0..x.len()).map(|i| {
        let (row, column) = ((i / columns % rows) as f64, (i % columns) as f64);
        let kept = if upper { column >= row + k } else { column <= row + k };
        if kept { (0, i) } else { (1, 0) }
    });
    one(pick(&[x, &zero], x.shape().to_vec(), from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_those_of_python() {
        // range(6)[start:end:step]
        for (start, end, step, taken) in [
            (0, 3, 1, vec![0, 1, 2]),
            (-2, i64::MAX, 1, vec![4, 5]),
            (5, i64::MIN, -2, vec![5, 3, 1]),
            (-1, 0, -1, vec![5, 4, 3, 2, 1]),
            (9, 2, -3, vec![5]),
            (3, 3, 1, vec![]),
            (2, -1, 2, vec![2, 4]),
            (-100, 100, 5, vec![0, 5]),
        ] {
            assert_eq!(stepped(6, start, end, step), taken, "[{start}:{end}:{step}]");
        }
        assert!(stepped(0, 0, 5, 1).is_empty() && stepped(0, 5, i64::MIN, -1).is_empty());
    }

    #[test]
    fn a_mirror_has_no_second_edge() {
        let shown = |mode: &str| (-4..7).map(|i| mirrored(i, 3, mode).unwrap_or(9)).collect::<Vec<_>>();
        assert_eq!(shown("reflect"), [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
        assert_eq!(shown("edge"), [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]);
        assert_eq!(shown("wrap"), [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(shown("constant"), [9, 9, 9, 9, 0, 1, 2, 9, 9, 9, 9]);
    }
}
