//! Two statements about one thing, brought together.

use super::fact::{Known, Shape, fault};
use crate::graph::{Dim, shape_text};

/// What is left of a value's shape when a file states another one than follows from the graph's inputs.
pub(crate) struct Settled {
    /// The shape to go on with.
    pub(crate) shape: Shape,
    /// Whether the file says what cannot be, at some size of a symbol at least.
    pub(crate) contradicts: bool,
}

/// Brings what follows from the graph's inputs together with what the file states. The first stands: a stated size fills a
/// gap and never takes the place of a number or of a symbol, which it would fix to the size at which it was written down.
pub(crate) fn stated(inferred: &[Dim], stated: &[Dim]) -> Settled {
    if inferred.len() != stated.len() {
        return Settled { shape: inferred.to_vec(), contradicts: true };
    }
    let dim = |(inferred, stated): (&Dim, &Dim)| match inferred {
        Dim::Unknown => stated.clone(),
        known => known.clone(),
    };
    let apart = |(inferred, stated): (&Dim, &Dim)| match (inferred, stated) {
        (Dim::Known(_) | Dim::Symbolic { .. }, Dim::Known(_)) => inferred != stated,
        // Another symbol is another name; the same one in another line is another size.
        (Dim::Symbolic { symbol, .. }, Dim::Symbolic { symbol: other, .. }) => symbol == other && inferred != stated,
        _ => false,
    };
    let pairs = || inferred.iter().zip(stated);
    Settled { shape: pairs().map(dim).collect(), contradicts: pairs().any(apart) }
}

/// The size that two statements about one dimension leave: a number beats a symbol, a symbol beats nothing. `None` when
/// they contradict.
pub(super) fn dims(first: &Dim, second: &Dim) -> Option<Dim> {
    match (first, second) {
        (Dim::Known(a), Dim::Known(b)) => (a == b).then(|| first.clone()),
        (_, Dim::Known(_)) | (Dim::Unknown, _) => Some(second.clone()),
        _ => Some(first.clone()),
    }
}

/// The shape that two statements about one value leave; where both have symbols, those of `first` stay. `None` when they
/// contradict.
pub(super) fn shapes(first: &[Dim], second: &[Dim]) -> Option<Shape> {
    let same_rank = first.len() == second.len();
    same_rank.then(|| first.iter().zip(second).map(|(a, b)| dims(a, b)).collect())?
}

/// Two dimensions that the operation wants equal.
pub(super) fn equal(first: &Dim, second: &Dim, what: &str) -> Known<Dim> {
    dims(first, second).map_or_else(|| fault(format!("{what} are {first} and {second}")), Ok)
}

/// The size of a dimension into which two are broadcast: equal ones stay, a 1 is stretched (ONNX, "Broadcasting").
pub(super) fn broadcast_dim(first: &Dim, second: &Dim) -> Option<Dim> {
    match (first, second) {
        (a, b) if a == b => Some(a.clone()),
        (Dim::Known(1), other) | (other, Dim::Known(1)) => Some(other.clone()),
        (Dim::Known(_), Dim::Known(_)) => None,
        (known @ Dim::Known(_), _) | (_, known @ Dim::Known(_)) => Some(known.clone()),
        _ => Some(Dim::Unknown),
    }
}

/// The shape into which two are broadcast, aligned at their ends.
pub(super) fn broadcast(first: &[Dim], second: &[Dim]) -> Known<Shape> {
    let rank = first.len().max(second.len());
    let at = |shape: &[Dim], place: usize| {
        let start = rank - shape.len();
        place.checked_sub(start).map_or(Dim::Known(1), |place| shape[place].clone())
    };
    let dims = (0..rank).map(|place| broadcast_dim(&at(first, place), &at(second, place))).collect::<Option<Shape>>();
    dims.map_or_else(
        || fault(format!("the shapes {} and {} do not broadcast", shape_text(first), shape_text(second))),
        Ok,
    )
}
