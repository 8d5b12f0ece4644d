//! Element-wise arithmetic, comparisons and reductions of vectors.

use std::cmp::Ordering;

use super::super::context::Context;
use super::super::number::{Num, floor_div};
use super::super::vector::{MAX_LEN, Vector};
use super::{dtype, formed, items};

pub(super) fn binary(cx: &Context) -> Option<Vec<Vector>> {
    let real = dtype(cx).is_some_and(|dtype| dtype.is_float());
    let fmod = cx.flag("fmod", false).unwrap_or(true);
    let apply = |a: &Num, b: &Num| match cx.node.op_type.as_str() {
        "Add" => a.add(b),
        "Sub" => a.sub(b),
        "Mul" => a.mul(b),
        "Div" if real => real_quotient(a, b),
        "Div" => quotient(a, b),
        _ if real || fmod => Num::Unknown,
        _ => modulo(a, b),
    };
    pairwise(cx, apply)
}

/// Applies `apply` to the elements of both inputs, where a single element is broadcast.
fn pairwise(cx: &Context, apply: impl Fn(&Num, &Num) -> Num) -> Option<Vec<Vector>> {
    if cx.inputs() != 2 {
        return None;
    }
    let (a, b) = (items(cx, 0)?, items(cx, 1)?);
    formed(cx, pairs(&a.items, &b.items, |a, b| apply(a, b).stored_as(dtype(cx)))?)
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

/// Computes the remainder with the sign of the divisor (`fmod` 0).
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

pub(super) fn variadic(cx: &Context) -> Option<Vec<Vector>> {
    let apply = fold_of(&cx.node.op_type)?;
    let mut all = items(cx, 0)?.items.to_vec();
    for index in 1..cx.inputs() {
        all = pairs(&all, &items(cx, index)?.items, |a, b| apply(a, b).stored_as(dtype(cx)))?;
    }
    formed(cx, all)
}

/// Returns the function that combines two elements in an operation over many.
fn fold_of(op_type: &str) -> Option<fn(&Num, &Num) -> Num> {
    Some(match op_type {
        "Sum" | "ReduceSum" => Num::add,
        "ReduceProd" => Num::mul,
        "Max" | "ReduceMax" => |a, b| extreme(a, b, Ordering::Greater),
        "Min" | "ReduceMin" => |a, b| extreme(a, b, Ordering::Less),
        _ => return None,
    })
}

/// Returns the one of two that compares as `wanted` to the other.
fn extreme(a: &Num, b: &Num, wanted: Ordering) -> Num {
    match (order(a, b), wanted) {
        (Order::Is(found), _) if found == wanted || found.is_eq() => a.clone(),
        (Order::AtLeast, Ordering::Greater) | (Order::AtMost, Ordering::Less) => a.clone(),
        (Order::Open, _) => Num::Unknown,
        _ => b.clone(),
    }
}

pub(super) fn unary(cx: &Context) -> Option<Vec<Vector>> {
    let apply = |item: &Num| match (cx.node.op_type.as_str(), item) {
        ("Neg", item) => item.neg(),
        ("Not", Num::Int(flag)) => Num::Int(i64::from(*flag == 0)),
        ("Not", _) => Num::Unknown,
        // Sizes are whole and not negative.
        ("Abs", Num::Line { scale: 1.., offset: 0.., .. }) => item.clone(),
        ("Abs", Num::Line { .. }) => Num::Unknown,
        ("Abs", item) => item.reals(&Num::Int(0), |a, _| a.abs()),
        (_, Num::Int(_) | Num::Line { .. }) => item.clone(),
        ("Floor", item) => item.reals(&Num::Int(0), |a, _| a.floor()),
        ("Ceil", item) => item.reals(&Num::Int(0), |a, _| a.ceil()),
        (_, item) => item.reals(&Num::Int(0), |a, _| a.round_ties_even()),
    };
    let applied = |vector: &Vector| vector.items.iter().map(|item| apply(item).stored_as(dtype(cx))).collect();
    cx.vector(0).and_then(|vector| formed(cx, applied(vector)))
}

/// Known order of two numbers, where symbols are at least 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Is(Ordering),
    AtLeast,
    AtMost,
    Open,
}

fn order(a: &Num, b: &Num) -> Order {
    if let (Num::Int(a), Num::Int(b)) = (a, b) {
        return Order::Is(a.cmp(b));
    }
    if let (Some(a), Some(b)) = (a.float(), b.float()) {
        return a.partial_cmp(&b).map_or(Order::Open, Order::Is);
    }
    match a.sub(b) {
        Num::Int(difference) => Order::Is(difference.cmp(&0)),
        Num::Line { scale, offset, .. } => match (scale > 0, offset.cmp(&0)) {
            (true, Ordering::Greater) => Order::Is(Ordering::Greater),
            (true, Ordering::Equal) => Order::AtLeast,
            (false, Ordering::Less) => Order::Is(Ordering::Less),
            (false, Ordering::Equal) => Order::AtMost,
            _ => Order::Open,
        },
        _ => Order::Open,
    }
}

pub(super) fn compare(cx: &Context) -> Option<Vec<Vector>> {
    let truth = |known: Option<bool>| known.map_or(Num::Unknown, |known| Num::Int(known.into()));
    let logic = |a: &Num, b: &Num, f: fn(bool, bool) -> bool| Some(f(a.int()? != 0, b.int()? != 0));
    let apply = |a: &Num, b: &Num| {
        truth(match (cx.node.op_type.as_str(), order(a, b)) {
            ("And", _) => logic(a, b, |a, b| a && b),
            ("Or", _) => logic(a, b, |a, b| a || b),
            ("Xor", _) => logic(a, b, |a, b| a != b),
            ("Equal", Order::Is(found)) => Some(found.is_eq()),
            ("Greater", Order::Is(found)) => Some(found.is_gt()),
            ("Greater", Order::AtMost) => Some(false),
            ("GreaterOrEqual", Order::Is(found)) => Some(found.is_ge()),
            ("GreaterOrEqual", Order::AtLeast) => Some(true),
            ("Less", Order::Is(found)) => Some(found.is_lt()),
            ("Less", Order::AtLeast) => Some(false),
            ("LessOrEqual", Order::Is(found)) => Some(found.is_le()),
            ("LessOrEqual", Order::AtMost) => Some(true),
            _ => None,
        })
    };
    pairwise(cx, apply)
}

pub(super) fn reduce(cx: &Context) -> Option<Vec<Vector>> {
    if cx.flag("noop_with_empty_axes", false).ok()? {
        return None;
    }
    let items = &cx.vector(0).filter(|vector| vector.shape.len() <= 1)?.items;
    let apply = fold_of(&cx.node.op_type)?;
    let (first, rest) = items.split_first()?;
    let all = rest.iter().fold(first.clone(), |all, item| apply(&all, item).stored_as(dtype(cx)));
    formed(cx, vec![all])
}
