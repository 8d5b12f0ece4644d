//! Evaluation of operations that create vectors from shapes and numbers.

use super::super::context::Context;
use super::super::number::Num;
use super::super::rules::reshape::shape_range;
use super::super::vector::{MAX_LEN, Vector, count};
use super::{dtype, formed};

pub(super) fn shape(cx: &Context) -> Option<Vec<Vector>> {
    let shape = cx.shape(0).ok()?;
    formed(cx, shape[shape_range(cx, shape.len()).ok()?].iter().map(Num::from).collect())
}

pub(super) fn size(cx: &Context) -> Option<Vec<Vector>> {
    formed(cx, vec![Num::product(cx.shape(0).ok()?)])
}

pub(super) fn constant_of_shape(cx: &Context) -> Option<Vec<Vector>> {
    let value = match cx.tensor("value").ok()? {
        Some(tensor) => Vector::of_tensor(tensor)?.items.first()?.clone(),
        None => Num::Int(0),
    };
    let sizes = cx.whole_numbers(0).ok()?;
    let sizes = sizes.into_iter().map(|size| usize::try_from(size).ok()).collect::<Option<Vec<_>>>()?;
    let count = count(&sizes)?;
    formed(cx, vec![value; count])
}

pub(super) fn range(cx: &Context) -> Option<Vec<Vector>> {
    let of = |index| cx.whole_number(index).ok();
    let (start, delta) = (of(0)?, of(2)?);
    let output = cx.graph.value(cx.node.output()?);
    let count = output.shape.as_ref()?.first()?.known().filter(|count| *count <= MAX_LEN)?;
    let at = |place: usize| {
        let value = i64::try_from(place).ok().and_then(|place| delta.checked_mul(place)?.checked_add(start));
        value.map_or(Num::Unknown, Num::Int).stored_as(dtype(cx))
    };
    formed(cx, (0..count).map(at).collect())
}
