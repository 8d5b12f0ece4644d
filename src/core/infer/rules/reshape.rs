//! Operations that arrange the same elements in another shape or order.

use super::super::context::{Context, axes_of, axis_of};
use super::super::fact::{Answer, Known, MAX_RANK, Shape, Stop, fault, gap, one, open, unknown_dims};
use super::super::number::Num;
use super::constant::size;
use crate::graph::{DType, Dim, shape_text};
use crate::words::counted;

/// Infers `Reshape`: the shape is an attribute before opset 5, then an input.
pub(crate) fn reshape(cx: &Context) -> Answer {
    one(cx.dtype(0), || reshaped(cx))
}

fn reshaped(cx: &Context) -> Known<Shape> {
    let attribute;
    let target = if cx.opset < 5 {
        attribute = cx.need_ints("shape")?.iter().map(|size| Num::Int(*size)).collect::<Vec<_>>();
        &attribute[..]
    } else {
        match open(cx.numbers(1))? {
            Some(numbers) => numbers,
            None => return unknown_dims(cx.length(1)?),
        }
    };
    if target.len() > MAX_RANK {
        return gap(format!("{} are more than {MAX_RANK}", counted(target.len(), "dimension")));
    }
    let input = cx.shape(0).ok();
    let keep_zero = cx.flag("allowzero", false)?;
    let mut shape = Vec::new();
    let mut open = None;
    for (place, number) in target.iter().enumerate() {
        shape.push(match number {
            Num::Int(-1) if open.replace(place).is_some() => return fault("two sizes of the new shape are -1"),
            Num::Int(-1) => Dim::Unknown,
            Num::Int(0) if !keep_zero => match input.map(|dims| dims.get(place)) {
                Some(Some(dim)) => dim.clone(),
                Some(None) => return fault(format!("the new shape keeps dimension {place}, which the input has not")),
                None => Dim::Unknown,
            },
            number => size(number)?,
        });
    }
    let Some(input) = input else { return Ok(shape) };
    match open {
        Some(place) => shape[place] = remaining(input, &shape, place)?,
        None => same_count(input, &shape)?,
    }
    Ok(shape)
}

/// Returns the dimension at `open` from the remaining elements of `input`: equal dimensions cancel, the rest must be
/// divisible.
fn remaining(input: &[Dim], shape: &[Dim], open: usize) -> Known<Dim> {
    let mut left: Vec<&Dim> = input.iter().collect();
    let mut divisor = Num::Int(1);
    for (_, dim) in shape.iter().enumerate().filter(|(place, _)| *place != open) {
        match left.iter().position(|other| *other == dim && matches!(dim, Dim::Symbolic { .. })) {
            Some(place) => {
                left.swap_remove(place);
            }
            None => divisor = divisor.mul(&Num::from(dim)),
        }
    }
    let product = Num::product(left);
    if let (Num::Int(a), Num::Int(b)) = (&product, &divisor)
        && (*b != 0 && a % b != 0 || *b == 0 && *a != 0)
    {
        return fault(format!("{} does not divide into {}", shape_text(input), target_text(shape, open)));
    }
    size(&product.div_exact(&divisor))
}

fn target_text(shape: &[Dim], open: usize) -> String {
    let texts =
        shape.iter().enumerate().map(|(place, dim)| if place == open { "-1".to_owned() } else { dim.to_string() });
    texts.collect::<Vec<_>>().join(" x ")
}

fn same_count(input: &[Dim], shape: &[Dim]) -> Known<()> {
    let count = |dims: &[Dim]| dims.iter().map(Dim::known).try_fold(1usize, |n, dim| n.checked_mul(dim?));
    match (count(input), count(shape)) {
        (Some(a), Some(b)) if a != b => {
            fault(format!("{} has {}, {} has {b}", shape_text(input), counted(a, "element"), shape_text(shape)))
        }
        _ => Ok(()),
    }
}

/// Infers `Flatten`: the dimensions before `axis` are merged into one, the others into another.
pub(crate) fn flatten(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let x = cx.shape(0)?;
        let axis = cx.int_or("axis", 1)?;
        let place = if axis == x.len() as i64 { x.len() } else { axis_of(axis, x.len())? };
        let product = |dims: &[Dim]| size(&Num::product(dims));
        Ok(vec![product(&x[..place])?, product(&x[place..])?])
    })
}

/// Infers `Transpose`: without `perm` the dimensions are reversed.
pub(crate) fn transpose(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let x = cx.shape(0)?;
        let Some(perm) = cx.ints("perm")? else { return Ok(x.iter().rev().cloned().collect()) };
        let places = axes_of(perm, x.len())?;
        match places.len() == x.len() {
            true => Ok(places.into_iter().map(|place| x[place].clone()).collect()),
            false => fault(format!(
                "attribute perm has {} for {}",
                counted(perm.len(), "axis"),
                counted(x.len(), "dimension")
            )),
        }
    })
}

/// Infers `Squeeze`: the axes, or all of size 1, are removed.
pub(crate) fn squeeze(cx: &Context) -> Answer {
    one(cx.dtype(0), || squeezed(cx))
}

fn squeezed(cx: &Context) -> Known<Shape> {
    let x = cx.shape(0)?;
    let axes = match cx.axes("axes", 13, 1) {
        Err(Stop::Gap(reason)) => {
            let gone = cx.length(1).or_else(|_| gap(reason))?;
            return unknown_dims(x.len().saturating_sub(gone));
        }
        other => other?,
    };
    let Some(axes) = axes else {
        return match x.iter().find(|dim| dim.known().is_none()) {
            Some(dim) => gap(format!("whether {dim} is 1 is not known")),
            None => Ok(x.iter().filter(|dim| **dim != Dim::Known(1)).cloned().collect()),
        };
    };
    let gone = axes_of(&axes, x.len())?;
    if let Some(place) = gone.iter().find(|place| x[**place].known().is_some_and(|size| size != 1)) {
        return fault(format!("dimension {place} of {} is not 1", shape_text(x)));
    }
    Ok(x.iter().enumerate().filter(|(place, _)| !gone.contains(place)).map(|(_, dim)| dim.clone()).collect())
}

/// Infers `Unsqueeze`: ones are inserted at the axes of the result.
pub(crate) fn unsqueeze(cx: &Context) -> Answer {
    one(cx.dtype(0), || unsqueezed(cx))
}

fn unsqueezed(cx: &Context) -> Known<Shape> {
    let x = cx.shape(0)?;
    let axes = match cx.axes("axes", 13, 1) {
        Err(Stop::Gap(reason)) => {
            let more = cx.length(1).or_else(|_| gap(reason))?;
            return unknown_dims(x.len().saturating_add(more));
        }
        other => other?,
    };
    let Some(axes) = axes else { return fault("has no axes") };
    let rank = x.len() + axes.len();
    if rank > MAX_RANK {
        return gap(format!("{} are more than {MAX_RANK}", counted(rank, "dimension")));
    }
    let ones = axes_of(&axes, rank)?;
    let mut rest = x.iter();
    let dim = |place| if ones.contains(&place) { Some(Dim::Known(1)) } else { rest.next().cloned() };
    (0..rank).map(dim).collect::<Option<Shape>>().map_or_else(|| fault("has more axes than dimensions"), Ok)
}

/// Infers `DepthToSpace`: `[N, C, H, W]` to `[N, C / b^2, H * b, W * b]`.
pub(crate) fn depth_to_space(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let (x, block) = (cx.shape_of_rank(0, 4)?, blocksize(cx)?);
        let by = Num::Int(block);
        let channels = Num::from(&x[1]).div_exact(&by).div_exact(&by);
        if x[1].known().is_some() && channels == Num::Unknown {
            return fault(format!("{} cannot be divided by the square of {block}", counted(&x[1], "channel")));
        }
        let wide = |dim: &Dim| size(&Num::from(dim).mul(&by));
        Ok(vec![x[0].clone(), size(&channels)?, wide(&x[2])?, wide(&x[3])?])
    })
}

/// Infers `SpaceToDepth`: `[N, C, H, W]` to `[N, C * b^2, H / b, W / b]`.
pub(crate) fn space_to_depth(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let (x, block) = (cx.shape_of_rank(0, 4)?, blocksize(cx)?);
        let by = Num::Int(block);
        let small = |dim: &Dim| {
            let part = Num::from(dim).div_exact(&by);
            match dim.known().is_some() && part == Num::Unknown {
                true => fault(format!("{dim} is not divisible by {block}")),
                false => size(&part),
            }
        };
        let channels = size(&Num::from(&x[1]).mul(&by).mul(&by))?;
        Ok(vec![x[0].clone(), channels, small(&x[2])?, small(&x[3])?])
    })
}

fn blocksize(cx: &Context) -> Known<i64> {
    match cx.need_int("blocksize")? {
        block @ 1.. => Ok(block),
        block => fault(format!("attribute blocksize is {block}")),
    }
}

/// Infers `Shape`: a vector with one element per dimension from `start` to `end`.
pub(crate) fn shape_of(cx: &Context) -> Answer {
    one(DType::I64, || Ok(vec![Dim::Known(shape_range(cx, cx.shape(0)?.len())?.len())]))
}

/// Returns the dimensions that `Shape` covers.
pub(crate) fn shape_range(cx: &Context, rank: usize) -> Known<std::ops::Range<usize>> {
    // Both are whole numbers.
    cx.int("start").and(cx.int("end"))?;
    Ok(cx.node.shape_range(rank))
}
