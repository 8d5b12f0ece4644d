//! Elements in another form, order or selection.

use super::super::context::Context;
use super::super::number::Num;
use super::super::rules::slicing::{bounds, cut};
use super::super::vector::{MAX_LEN, Vector};
use super::{dtype, formed, items};

/// Operations that keep the elements of a vector as they are.
pub(super) fn same(cx: &Context) -> Vec<Option<Vector>> {
    vec![cx.vector(0).and_then(|vector| formed(cx, vector.items.to_vec()))]
}

/// `Cast`: whole numbers stay, real ones lose what their new type cannot hold.
pub(super) fn cast(cx: &Context) -> Vec<Option<Vector>> {
    let to = dtype(cx);
    let stored = |vector: &Vector| vector.items.iter().map(|item| item.clone().stored_as(to)).collect();
    vec![cx.vector(0).and_then(|vector| formed(cx, stored(vector)))]
}

/// `Concat` of vectors.
pub(super) fn concat(cx: &Context) -> Vec<Option<Vector>> {
    let joined = || {
        let mut all = Vec::new();
        for index in 0..cx.inputs() {
            all.extend(items(cx, index)?.items.iter().cloned());
            if all.len() > MAX_LEN {
                return None;
            }
        }
        formed(cx, all)
    };
    vec![joined()]
}

/// `Gather` from a vector.
pub(super) fn gather(cx: &Context) -> Vec<Option<Vector>> {
    let picked = || {
        let data = cx.vector(0)?;
        let pick = |index: &Num| {
            let index = index.int()?;
            let place = if index < 0 { index.checked_add(data.items.len() as i64)? } else { index };
            data.items.get(usize::try_from(place).ok()?).cloned()
        };
        let picked = items(cx, 1)?.items.iter().map(|index| pick(index).unwrap_or(Num::Unknown)).collect();
        formed(cx, picked)
    };
    vec![picked()]
}

/// `Slice` of a vector.
pub(super) fn slice(cx: &Context) -> Vec<Option<Vector>> {
    let part = || {
        let data = &cx.vector(0)?.items;
        let cut = cut(cx, 1).ok()?;
        let [Num::Int(start), Num::Int(end), Num::Int(step)] =
            [cut.starts.first()?, cut.ends.first()?, cut.steps.first()?]
        else {
            return None;
        };
        let (mut place, end) = bounds(data.len() as i64, *start, *end, *step);
        let mut part = Vec::new();
        while *step > 0 && place < end || *step < 0 && place > end {
            part.push(data.get(usize::try_from(place).ok()?)?.clone());
            place = place.checked_add(*step)?;
        }
        formed(cx, part)
    };
    vec![part()]
}

/// `Split` of a vector: the shapes of the outputs say where.
pub(super) fn split(cx: &Context) -> Vec<Option<Vector>> {
    let Some(data) = cx.vector(0) else { return Vec::new() };
    let mut rest = &data.items[..];
    let mut parts = Vec::new();
    for id in &cx.node.outputs {
        let length = id.and_then(|id| cx.graph.value(id).shape.as_ref()?.first()?.known());
        let Some((part, after)) = length.and_then(|length| rest.split_at_checked(length)) else { break };
        parts.push(Vector::new(part.to_vec()));
        rest = after;
    }
    parts
}

/// `Expand` and `Tile`: a vector again and again, as long as the output is.
pub(super) fn repeat(cx: &Context) -> Vec<Option<Vector>> {
    let repeated = || {
        let data = cx.vector(0)?;
        let output = cx.graph.value(cx.node.output()?).shape.as_ref()?;
        let length = match &output[..] {
            [] => 1,
            [length, ..] => length.known().filter(|length| *length <= MAX_LEN)?,
        };
        formed(cx, data.items.iter().cycle().take(length).cloned().collect())
    };
    vec![repeated()]
}

/// `Where`: elements of both branches by the condition; equal ones whatever it is.
pub(super) fn choose(cx: &Context) -> Vec<Option<Vector>> {
    let chosen = || {
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
    };
    vec![chosen()]
}
