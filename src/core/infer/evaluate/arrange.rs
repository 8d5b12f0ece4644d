//! Evaluation of operations that reshape, reorder or select elements.

use super::super::context::{Context, axes_of, axis_of};
use super::super::number::Num;
use super::super::rules::slicing::{bounds, cut};
use super::super::vector::{MAX_LEN, Vector, count};
use super::{dtype, formed, items};
use crate::graph::{Dim, place_of};

/// Evaluates operations that leave the elements of a vector unchanged.
pub(super) fn same(cx: &Context) -> Option<Vec<Vector>> {
    cx.vector(0).and_then(|vector| formed(cx, vector.items.to_vec()))
}

/// Evaluates `Cast`: whole numbers are kept, real ones lose what their new type cannot hold.
pub(super) fn cast(cx: &Context) -> Option<Vec<Vector>> {
    let to = dtype(cx);
    let stored = |vector: &Vector| vector.items.iter().map(|item| item.clone().stored_as(to)).collect();
    cx.vector(0).and_then(|vector| formed(cx, stored(vector)))
}

pub(super) fn transpose(cx: &Context) -> Option<Vec<Vector>> {
    let data = cx.vector(0)?;
    if data.items.is_empty() {
        return formed(cx, Vec::new());
    }
    let rank = data.shape.len();
    let perm = match cx.ints("perm").ok()? {
        Some(perm) => axes_of(perm, rank).ok().filter(|perm| perm.len() == rank)?,
        None => (0..rank).rev().collect(),
    };
    // The index of each element of the result, walking its dimensions from the first to the last.
    let mut places = vec![0];
    for axis in perm {
        let (size, step) = (data.shape[axis], data.shape[axis + 1..].iter().product::<usize>());
        places = places.iter().flat_map(|place| (0..size).map(move |i| place + i * step)).collect();
    }
    formed(cx, places.into_iter().map(|place| data.items[place].clone()).collect())
}

/// Evaluates `Concat` along an axis: the blocks of each input in turn.
pub(super) fn concat(cx: &Context) -> Option<Vec<Vector>> {
    let inputs = (0..cx.inputs()).map(|index| items(cx, index)).collect::<Option<Vec<_>>>()?;
    let rank = inputs.first()?.shape.len();
    let total: usize = inputs.iter().map(|input| input.items.len()).sum();
    if inputs.iter().any(|input| input.shape.len() != rank) || total > MAX_LEN {
        return None;
    }
    if total == 0 {
        return formed(cx, Vec::new());
    }
    let axis = axis_of(cx.int_or("axis", 1).ok()?, rank).ok()?;
    let blocks: usize = inputs.first()?.shape[..axis].iter().product();
    let mut all = Vec::new();
    for block in 0..blocks {
        for input in &inputs {
            let length: usize = input.shape[axis..].iter().product();
            all.extend(input.items.get(block * length..(block + 1) * length)?.iter().cloned());
        }
    }
    formed(cx, all)
}

pub(super) fn gather(cx: &Context) -> Option<Vec<Vector>> {
    let (data, indices) = (cx.vector(0)?, items(cx, 1)?);
    let axis = axis_of(cx.int_or("axis", 0).ok()?, data.shape.len()).ok()?;
    let size = data.shape[axis];
    let (blocks, length) = (data.shape[..axis].iter().product::<usize>(), data.shape[axis + 1..].iter().product());
    count(&[blocks, indices.items.len(), length])?;
    let mut all = Vec::new();
    for block in 0..blocks {
        for index in indices.items.iter() {
            match index.int().and_then(|index| place_of(index, size)).map(|place| (block * size + place) * length) {
                Some(start) => all.extend(data.items.get(start..start + length)?.iter().cloned()),
                None => all.extend(std::iter::repeat_n(Num::Unknown, length)),
            }
        }
    }
    formed(cx, all)
}

pub(super) fn slice(cx: &Context) -> Option<Vec<Vector>> {
    let data = cx.vector(0)?;
    if data.items.is_empty() {
        return formed(cx, Vec::new());
    }
    let cut = cut(cx, data.shape.len()).ok()?;
    let mut places = vec![0];
    for (axis, size) in data.shape.iter().enumerate() {
        let taken = match cut.axes.iter().position(|of| *of == axis) {
            Some(entry) => taken(*size, &cut.starts[entry], &cut.ends[entry], &cut.steps[entry])?,
            None => (0..*size).collect(),
        };
        let step: usize = data.shape[axis + 1..].iter().product();
        places = places.iter().flat_map(|place| taken.iter().map(move |i| place + i * step)).collect();
    }
    formed(cx, places.into_iter().map(|place| data.items[place].clone()).collect())
}

/// Returns the indices that a slice takes of `size` elements.
fn taken(size: usize, start: &Num, end: &Num, step: &Num) -> Option<Vec<usize>> {
    let (Num::Int(start), Num::Int(end), Num::Int(step)) = (start, end, step) else { return None };
    let (mut place, end) = bounds(size as i64, *start, *end, *step)?;
    let mut all = Vec::new();
    while *step > 0 && place < end || *step < 0 && place > end {
        all.push(usize::try_from(place).ok()?);
        place = place.checked_add(*step)?;
    }
    Some(all)
}

/// Evaluates `Split` of a vector: the shapes of the outputs give the boundaries.
pub(super) fn split(cx: &Context) -> Option<Vec<Vector>> {
    let data = cx.vector(0).filter(|data| data.shape.len() == 1)?;
    let mut rest = &data.items[..];
    let mut parts = Vec::new();
    for id in &cx.node.outputs {
        let length = id.and_then(|id| cx.graph.value(id).shape.as_ref()?.first()?.known());
        let Some((part, after)) = length.and_then(|length| rest.split_at_checked(length)) else { break };
        parts.push(Vector::new(part.to_vec())?);
        rest = after;
    }
    Some(parts)
}

/// Evaluates `Expand` and `Tile` of a scalar or vector: the elements are repeated until the output is full.
pub(super) fn repeat(cx: &Context) -> Option<Vec<Vector>> {
    let data = cx.vector(0).filter(|data| data.shape.len() <= 1)?;
    let output = cx.graph.value(cx.node.output()?).shape.as_ref()?;
    let count = count(&output.iter().map(Dim::known).collect::<Option<Vec<_>>>()?)?;
    formed(cx, data.items.iter().cycle().take(count).cloned().collect())
}

/// Evaluates `Where`: elements of both branches selected by the condition; equal ones whatever it is.
pub(super) fn choose(cx: &Context) -> Option<Vec<Vector>> {
    let (condition, yes, no) = (items(cx, 0)?.items, items(cx, 1)?.items, items(cx, 2)?.items);
    let length = [condition.len(), yes.len(), no.len()].into_iter().max().filter(|length| *length <= MAX_LEN)?;
    let length = if [&condition, &yes, &no].iter().any(|items| items.is_empty()) { 0 } else { length };
    let at = |items: &[Num], place: usize| if items.len() == 1 { items.first() } else { items.get(place) }.cloned();
    let choose = |place| {
        Some(match (at(&condition, place)?, at(&yes, place)?, at(&no, place)?) {
            (Num::Int(0), _, no) => no,
            (Num::Int(_), yes, _) => yes,
            (_, yes, no) if yes == no => yes,
            _ => Num::Unknown,
        })
    };
    formed(cx, (0..length).map(choose).collect::<Option<_>>()?)
}
