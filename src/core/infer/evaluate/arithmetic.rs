//! Element-wise arithmetic, comparisons and reductions of vectors.

use std::cmp::Ordering;

use super::super::context::Context;
use super::super::number::{Num, floor_div};
use super::super::vector::{MAX_LEN, Vector};
use super::{dtype, formed, items};

/// Applies a function to the elements of both inputs, where a single element is broadcast.
pub(super) fn binary(cx: &Context, apply: impl Fn(&Num, &Num) -> Num) -> Option<Vec<Vector>> {
    if cx.inputs() != 2 {
        return None;
    }
    let (a, b) = (items(cx, 0)?, items(cx, 1)?);
    formed(cx, pairs(&a.items, &b.items, |a, b| apply(a, b).stored_as(dtype(cx)))?)
}

fn is_real(cx: &Context) -> bool {
    dtype(cx).is_some_and(|dtype| dtype.is_float())
}

pub(super) fn divide(cx: &Context) -> Option<Vec<Vector>> {
    binary(cx, if is_real(cx) { real_quotient } else { quotient })
}

/// Evaluates `Mod` of whole numbers, with the sign of the divisor (`fmod` 0).
pub(super) fn remainder(cx: &Context) -> Option<Vec<Vector>> {
    let known = !is_real(cx) && !cx.flag("fmod", false).unwrap_or(true);
    binary(cx, |a, b| if known { modulo(a, b) } else { Num::Unknown })
}

fn pairs(a: &[Num], b: &[Num], apply: impl Fn(&Num, &Num) -> Num) -> Option<Vec<Num>> {
    Some(match (a, b) {
        _ if a.len() > MAX_LEN || b.len() > MAX_LEN => return None,
        ([one], _) => b.iter().map(|b| apply(one, b)).collect(),
        (_, [one]) => a.iter().map(|a| apply(a, one)).collect(),
        _ if a.len() == b.len() => a.iter().zip(b).map(|(a, b)| apply(a, b)).collect(),
        _ => return None,
    })
}

/// Divides whole numbers, rounding towards zero. A line is divisible if all its values are, or if none is negative and
/// its scale is divisible.
fn quotient(a: &Num, b: &Num) -> Num {
    match (a, b) {
        (_, Num::Int(0)) => Num::Unknown,
        (Num::Int(a), Num::Int(b)) => a.checked_div(*b).map_or(Num::Unknown, Num::Int),
        (Num::Line { scale: 1.., offset: 0.., .. }, Num::Int(by @ 1..)) => a.div_floor(*by),
        _ => a.div_exact(b),
    }
}

fn real_quotient(a: &Num, b: &Num) -> Num {
    match a.div_exact(b) {
        Num::Unknown => a.reals(b, |a, b| a / b),
        exact => exact,
    }
}

fn modulo(a: &Num, b: &Num) -> Num {
    let rest = |a: i64, b: i64| a.checked_sub(floor_div(a, b)?.checked_mul(b)?);
    match (a, b) {
        (Num::Int(a), Num::Int(b)) => rest(*a, *b).map_or(Num::Unknown, Num::Int),
        (Num::Line { scale, offset, .. }, Num::Int(b)) if scale.checked_rem(*b) == Some(0) => {
            rest(*offset, *b).map_or(Num::Unknown, Num::Int)
        }
        _ => Num::Unknown,
    }
}

/// Combines any number of inputs, element by element.
pub(super) fn variadic(cx: &Context, apply: fn(&Num, &Num) -> Num) -> Option<Vec<Vector>> {
    let mut all = items(cx, 0)?.items.to_vec();
    for index in 1..cx.inputs() {
        all = pairs(&all, &items(cx, index)?.items, |a, b| apply(a, b).stored_as(dtype(cx)))?;
    }
    formed(cx, all)
}

pub(super) fn larger(a: &Num, b: &Num) -> Num {
    extreme(a, b, Ordering::Greater)
}

pub(super) fn smaller(a: &Num, b: &Num) -> Num {
    extreme(a, b, Ordering::Less)
}

/// Returns the one of two that compares as `wanted` to the other.
fn extreme(a: &Num, b: &Num, wanted: Ordering) -> Num {
    let possible = orders(a, b);
    let all = |wanted: Ordering| !possible.is_empty() && possible.iter().all(|found| *found == wanted || found.is_eq());
    match () {
        () if all(wanted) => a.clone(),
        () if all(wanted.reverse()) => b.clone(),
        () => Num::Unknown,
    }
}

pub(super) fn unary(cx: &Context, apply: impl Fn(&Num) -> Num) -> Option<Vec<Vector>> {
    formed(cx, cx.vector(0)?.items.iter().map(|item| apply(item).stored_as(dtype(cx))).collect())
}

pub(super) fn not(item: &Num) -> Num {
    item.int().map_or(Num::Unknown, |flag| Num::Int(i64::from(flag == 0)))
}

pub(super) fn abs(item: &Num) -> Num {
    match item {
        // Sizes are whole and not negative.
        Num::Line { scale: 1.., offset: 0.., .. } => item.clone(),
        Num::Line { .. } => Num::Unknown,
        item => item.reals(&Num::Int(0), |a, _| a.abs()),
    }
}

pub(super) fn round(cx: &Context, apply: fn(f64) -> f64) -> Option<Vec<Vector>> {
    unary(cx, |item| match item {
        Num::Int(_) | Num::Line { .. } => item.clone(),
        item => item.reals(&Num::Int(0), |a, _| apply(a)),
    })
}

/// Returns the orders that two numbers may have, where symbols are at least 0; none if any is possible.
fn orders(a: &Num, b: &Num) -> Vec<Ordering> {
    use Ordering::{Equal, Greater, Less};
    if let (Num::Int(a), Num::Int(b)) = (a, b) {
        return vec![a.cmp(b)];
    }
    if let (Some(a), Some(b)) = (a.float(), b.float()) {
        return a.partial_cmp(&b).into_iter().collect();
    }
    match a.sub(b) {
        Num::Int(difference) => vec![difference.cmp(&0)],
        Num::Line { scale, offset, .. } => match (scale > 0, offset.cmp(&0)) {
            (true, Greater) => vec![Greater],
            (true, Equal) => vec![Greater, Equal],
            (false, Less) => vec![Less],
            (false, Equal) => vec![Less, Equal],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn truth(known: Option<bool>) -> Num {
    known.map_or(Num::Unknown, |known| Num::Int(known.into()))
}

pub(super) fn logic(cx: &Context, apply: fn(bool, bool) -> bool) -> Option<Vec<Vector>> {
    let known = |a: &Num, b: &Num| Some(apply(a.int()? != 0, b.int()? != 0));
    binary(cx, |a, b| truth(known(a, b)))
}

/// Evaluates a comparison, which is known if it is the same for all possible orders.
pub(super) fn compare(cx: &Context, test: fn(Ordering) -> bool) -> Option<Vec<Vector>> {
    let known = |a: &Num, b: &Num| {
        let orders = orders(a, b);
        let first = test(*orders.first()?);
        orders.iter().all(|order| test(*order) == first).then_some(first)
    };
    binary(cx, |a, b| truth(known(a, b)))
}

pub(super) fn reduce(cx: &Context, apply: fn(&Num, &Num) -> Num) -> Option<Vec<Vector>> {
    if cx.flag("noop_with_empty_axes", false).ok()? {
        return None;
    }
    let items = &cx.vector(0).filter(|vector| vector.shape.len() <= 1)?.items;
    let (first, rest) = items.split_first()?;
    let all = rest.iter().fold(first.clone(), |all, item| apply(&all, item).stored_as(dtype(cx)));
    formed(cx, vec![all])
}
