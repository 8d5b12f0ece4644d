//! Splitting and joining tensors.

use super::super::context::{Context, axes_of, axis_of};
use super::super::fact::{Answer, Fact, Known, Shape, Stop, fault, one, open, same_number, unknown_dims};
use super::super::merge;
use super::super::number::Num;
use super::constant::size;
use crate::graph::{Dim, shape_text};
use crate::words::counted;

/// Infers `Concat`: sizes along the axis add up, the others are equal.
pub(crate) fn concat(cx: &Context) -> Answer {
    one(cx.common_dtype(0), || concatenated(cx))
}

fn concatenated(cx: &Context) -> Known<Shape> {
    let first = cx.shape(0)?;
    let axis = if cx.opset < 4 { cx.int_or("axis", 1)? } else { cx.need_int("axis")? };
    let axis = axis_of(axis, first.len())?;
    let mut shape = first.to_vec();
    let mut total = Num::from(&first[axis]);
    for index in 1..cx.inputs() {
        let next = cx.shape(index)?;
        if next.len() != shape.len() {
            return fault(format!("joins {} with {}", shape_text(first), shape_text(next)));
        }
        total = total.add(&Num::from(&next[axis]));
        for (place, dim) in next.iter().enumerate().filter(|(place, _)| *place != axis) {
            match merge::dims(&shape[place], dim) {
                Some(both) => shape[place] = both,
                None => {
                    return fault(format!("joins {} with {} along axis {axis}", shape_text(first), shape_text(next)));
                }
            }
        }
    }
    shape[axis] = size(&total)?;
    Ok(shape)
}

/// Infers `Split`: parts of given sizes, or equal ones with a smaller last.
pub(crate) fn split(cx: &Context) -> Answer {
    let dtype = cx.dtype(0);
    let parts = match parts(cx) {
        Ok(parts) => parts,
        Err(stop) => return Ok(vec![Fact::new(dtype, Err(stop)); cx.outputs()]),
    };
    Ok(parts.into_iter().map(|shape| Fact::new(dtype, Ok(shape))).collect())
}

fn parts(cx: &Context) -> Known<Vec<Shape>> {
    let x = cx.shape(0)?;
    let axis = axis_of(cx.int_or("axis", 0)?, x.len())?;
    let sizes = match open(cx.axes("split", 13, 1))? {
        Some(Some(sizes)) => given_parts(cx, &x[axis], &sizes)?,
        Some(None) => equal_parts(cx, &x[axis])?,
        None => vec![Dim::Unknown; cx.outputs()],
    };
    let part = |dim: Dim| {
        let mut shape = x.to_vec();
        shape[axis] = dim;
        shape
    };
    Ok(sizes.into_iter().map(part).collect())
}

fn given_parts(cx: &Context, whole: &Dim, sizes: &[i64]) -> Known<Vec<Dim>> {
    same_number((sizes.len(), "size"), (cx.outputs(), "output"))?;
    let sum = sizes.iter().try_fold(0i64, |sum, size| sum.checked_add(*size));
    if let (Num::Int(whole), Some(sum)) = (Num::from(whole), sum)
        && whole != sum
    {
        return fault(format!("the sizes {sizes:?} are {sum} together, the input has {whole}"));
    }
    sizes.iter().map(|of| size(&Num::Int(*of))).collect()
}

fn equal_parts(cx: &Context, whole: &Dim) -> Known<Vec<Dim>> {
    let outputs = cx.outputs();
    let count = match cx.int("num_outputs")? {
        Some(count) if usize::try_from(count) != Ok(outputs) => {
            return fault(format!("attribute num_outputs is {count}, there are {}", counted(outputs, "output")));
        }
        _ => i64::try_from(outputs).unwrap_or(i64::MAX),
    };
    if count == 0 {
        return fault("has no output");
    }
    let whole = Num::from(whole);
    let exact = whole.div_exact(&Num::Int(count));
    if exact != Num::Unknown {
        return Ok(vec![size(&exact)?; outputs]);
    }
    match whole {
        Num::Int(_) if cx.opset < 18 => fault(format!("does not divide evenly into {}", counted(count, "part"))),
        Num::Int(_) => {
            let part = whole.div_ceil(count);
            let last = whole.sub(&part.mul(&Num::Int(count - 1)));
            let mut sizes = vec![size(&part)?; outputs - 1];
            sizes.push(size(&last)?);
            Ok(sizes)
        }
        _ => Ok(vec![Dim::Unknown; outputs]),
    }
}

/// Infers `Slice`: starts, ends and axes are attributes before opset 10, then inputs, with steps.
pub(crate) fn slice(cx: &Context) -> Answer {
    one(cx.dtype(0), || sliced(cx))
}

/// Parameters of a `Slice`, one entry per axis.
pub(crate) struct Cut {
    pub(crate) axes: Vec<usize>,
    pub(crate) starts: Vec<Num>,
    pub(crate) ends: Vec<Num>,
    pub(crate) steps: Vec<Num>,
}

/// Returns the parameters of a `Slice` of a tensor of `rank` dimensions. Unknown starts, ends and steps are unknown in
/// the result.
pub(crate) fn cut(cx: &Context, rank: usize) -> Known<Cut> {
    let whole = |values: &[i64]| values.iter().map(|value| Num::Int(*value)).collect::<Vec<_>>();
    let (axes, starts, ends, steps) = if cx.opset < 10 {
        let (starts, ends) = (whole(cx.need_ints("starts")?), whole(cx.need_ints("ends")?));
        (cx.ints("axes")?.map(<[i64]>::to_vec), starts, ends, None)
    } else {
        let axes = if cx.has(3) { Some(cx.whole_numbers(3)?) } else { None };
        let count = axes.as_ref().map_or_else(|| cx.length(1), |axes| Ok(axes.len()))?;
        let numbers = |index| match cx.numbers(index) {
            Err(Stop::Gap(_)) if count <= rank => Ok(vec![Num::Unknown; count]),
            other => other.map(<[Num]>::to_vec),
        };
        (axes, numbers(1)?, numbers(2)?, if cx.has(4) { Some(numbers(4)?) } else { None })
    };
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![Num::Int(1); starts.len()]);
    if [axes.len(), ends.len(), steps.len()].iter().any(|count| *count != starts.len()) {
        return fault("starts, ends, axes and steps differ in number");
    }
    Ok(Cut { axes: axes_of(&axes, rank)?, starts, ends, steps })
}

fn sliced(cx: &Context) -> Known<Shape> {
    let x = cx.shape(0)?;
    let Some(cut) = open(cut(cx, x.len()))? else { return unknown_dims(x.len()) };
    let mut shape = x.to_vec();
    for (entry, axis) in cut.axes.iter().enumerate() {
        let dim = Num::from(&x[*axis]);
        shape[*axis] = size(&slice_length(&dim, &cut.starts[entry], &cut.ends[entry], &cut.steps[entry])?)?;
    }
    Ok(shape)
}

/// Returns the number of elements that a slice takes of `dim`. A symbolic dimension is assumed to reach as far as the
/// slice asks (`N - 1` for all but the last): a line that turned out negative would not be a size. A number is only
/// returned if it holds for every size.
pub(crate) fn slice_length(dim: &Num, start: &Num, end: &Num, step: &Num) -> Known<Num> {
    let Num::Int(step) = step else { return Ok(Num::Unknown) };
    if *step == 0 {
        return fault("a step is 0");
    }
    let (Num::Int(dim), Num::Int(start), Num::Int(end)) = (dim, start, end) else {
        return Ok(open_length(dim, start, end, *step));
    };
    let Some((first, last)) = bounds(*dim, *start, *end, *step) else { return Ok(Num::Unknown) };
    let span = if *step > 0 { last - first } else { first - last };
    Ok(Num::Int(span.max(0)).div_ceil(step.saturating_abs()))
}

/// Exporters write the largest number of 32 or 64 bits for "to the end".
const FAR: i64 = i32::MAX as i64;

/// Returns start and end of a slice of `dim` elements, as ONNX clamps them: a backward slice starts at an element, the
/// first one where Python would find nothing. `None` if implementations differ: for a backward slice to the largest
/// number ONNX Runtime takes everything, ONNX's definition nothing.
pub(crate) fn bounds(dim: i64, start: i64, end: i64, step: i64) -> Option<(i64, i64)> {
    let from_end = |i: i64| if i < 0 { i.saturating_add(dim) } else { i };
    match step > 0 {
        _ if dim == 0 => Some((0, 0)),
        true => Some((from_end(start).clamp(0, dim), from_end(end).clamp(0, dim))),
        false if [FAR, i64::MAX].contains(&end) => None,
        false => Some((from_end(start).clamp(0, dim - 1), from_end(end).clamp(-1, dim - 1))),
    }
}

/// Returns the length of a slice if the dimension or the bounds are not numbers.
fn open_length(dim: &Num, start: &Num, end: &Num, step: i64) -> Num {
    if step < 0 {
        // The whole of it, from the end: every other case depends on the size.
        let all = matches!(start, Num::Int(i) if *i == -1 || *i >= FAR) && matches!(end, Num::Int(i) if *i <= -FAR);
        return if all { dim.div_ceil(step.saturating_abs()) } else { Num::Unknown };
    }
    if let (Num::Int(start), Num::Int(end)) = (start, end)
        && (*start < 0) == (*end < 0)
        && end <= start
    {
        return Num::Int(0);
    }
    let (first, last) = (place_of_start(dim, start), place(dim, end));
    match (last.sub(&first), dim) {
        _ if last == Num::Int(0) => Num::Int(0),
        (Num::Int(..=0), _) => Num::Int(0),
        // If there are fewer elements than the start counted from the end, a slice takes fewer.
        (Num::Int(_), _) if !reached_by_any(&first) => Num::Unknown,
        // A length that decreases as the dimension grows is invalid for large dimensions.
        (Num::Line { scale, .. }, Num::Line { scale: of_dim, .. }) if scale.signum() != of_dim.signum() => Num::Unknown,
        (taken, _) => taken.div_ceil(step),
    }
}

/// Returns `true` if a position is within the dimension for every size from the smallest, a symbol of 1.
fn reached_by_any(place: &Num) -> bool {
    match place {
        Num::Int(_) => true,
        Num::Line { scale, offset, .. } => *scale > 0 && scale.checked_add(*offset).is_some_and(|least| least >= 0),
        _ => false,
    }
}

/// Returns the end of a slice of a symbolic dimension.
fn place(dim: &Num, at: &Num) -> Num {
    match at {
        Num::Int(0) => Num::Int(0),
        Num::Int(i) if *i >= FAR => dim.clone(),
        Num::Int(i) if *i <= -FAR => Num::Int(0),
        Num::Int(i) if *i < 0 => dim.add(at),
        Num::Line { .. } => match dim.sub(at) {
            Num::Int(rest) if rest >= 0 => at.clone(),
            Num::Int(_) => dim.clone(),
            _ => Num::Unknown,
        },
        _ => Num::Unknown,
    }
}

/// Returns the start of a slice of a symbolic dimension.
fn place_of_start(dim: &Num, at: &Num) -> Num {
    match at {
        Num::Int(i) if (0..FAR).contains(i) => at.clone(),
        _ => place(dim, at),
    }
}

/// Infers `Pad`: the pads are an attribute before opset 11, then an input; axes from opset 18.
pub(crate) fn pad(cx: &Context) -> Answer {
    one(cx.dtype(0), || padded(cx))
}

fn padded(cx: &Context) -> Known<Shape> {
    let x = cx.shape(0)?;
    let pads = if cx.opset < 11 {
        let name = if cx.opset < 2 { "paddings" } else { "pads" };
        cx.need_ints(name)?.iter().map(|pad| Num::Int(*pad)).collect::<Vec<_>>()
    } else {
        let Some(pads) = open(cx.numbers(1))? else { return unknown_dims(x.len()) };
        pads.to_vec()
    };
    let axes = match cx.has(3) {
        true => match open(cx.whole_numbers(3))? {
            Some(axes) => axes_of(&axes, x.len())?,
            None => return unknown_dims(x.len()),
        },
        false => (0..x.len()).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return fault(format!("{} for {}", counted(pads.len(), "pad"), counted(axes.len(), "axis")));
    }
    let (before, after) = pads.split_at(axes.len());
    let mut shape = x.to_vec();
    for (entry, axis) in axes.into_iter().enumerate() {
        shape[axis] = size(&Num::from(&x[axis]).add(&before[entry]).add(&after[entry]))?;
    }
    Ok(shape)
}

pub(crate) fn tile(cx: &Context) -> Answer {
    one(cx.dtype(0), || tiled(cx))
}

fn tiled(cx: &Context) -> Known<Shape> {
    let x = cx.shape(0)?;
    if cx.opset < 6 {
        return old_tiled(cx, x);
    }
    let Some(repeats) = open(cx.numbers(1))? else { return unknown_dims(x.len()) };
    same_number((repeats.len(), "repeat"), (x.len(), "dimension"))?;
    x.iter().zip(repeats).map(|(dim, times)| size(&Num::from(dim).mul(times))).collect()
}

/// Infers `Tile` before opset 6: the input, the number of times, the axis.
fn old_tiled(cx: &Context, x: &[Dim]) -> Known<Shape> {
    let (Ok(times), Ok(axis)) = (cx.whole_number(1), cx.whole_number(2)) else { return unknown_dims(x.len()) };
    let (axis, mut shape) = (axis_of(axis, x.len())?, x.to_vec());
    shape[axis] = size(&Num::from(&x[axis]).mul(&Num::Int(times)))?;
    Ok(shape)
}

/// Infers `Expand`: the input's shape and the given one are broadcast.
pub(crate) fn expand(cx: &Context) -> Answer {
    one(cx.dtype(0), || merge::broadcast(cx.shape(0)?, &super::constant::shape_from_input(cx, 1)?))
}

pub(crate) fn center_crop_pad(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let x = cx.shape(0)?;
        let axes = cx.ints("axes")?.map_or_else(|| Ok((0..x.len()).collect()), |axes| axes_of(axes, x.len()))?;
        let sizes = super::constant::shape_from_input(cx, 1)?;
        same_number((sizes.len(), "size"), (axes.len(), "axis"))?;
        let mut shape = x.to_vec();
        axes.into_iter().zip(sizes).for_each(|(axis, dim)| shape[axis] = dim);
        Ok(shape)
    })
}

/// Infers `Compress`: as many elements as the condition has trues, which depends on the data unless it is constant.
pub(crate) fn compress(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let axis = cx.int("axis")?;
        let chosen = cx.whole_numbers(1).ok().map(|flags| flags.iter().filter(|flag| **flag != 0).count());
        let chosen = chosen.map_or(Dim::Unknown, Dim::Known);
        let Some(axis) = axis else { return Ok(vec![chosen]) };
        let mut shape = cx.shape(0)?.to_vec();
        let axis = axis_of(axis, shape.len())?;
        shape[axis] = chosen;
        Ok(shape)
    })
}
