//! Merging of two statements about one thing.

use super::fact::{Known, Shape, fault};
use crate::graph::{Dim, shape_text};

/// Shape of a value whose inferred shape differs from the one stated in the file.
pub(crate) struct Settled {
    pub(crate) shape: Shape,
    /// Whether the file states something impossible, at least for some size of a symbol.
    pub(crate) contradicts: bool,
}

/// Merges what follows from the graph's inputs with what the file states. The former takes precedence: a stated size
/// fills a gap and never replaces a number or a symbol, which it would fix to the size at which the model was exported.
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
        // A different symbol is another name; the same one in a different line is another size.
        (Dim::Symbolic { symbol, .. }, Dim::Symbolic { symbol: other, .. }) => symbol == other && inferred != stated,
        _ => false,
    };
    let pairs = || inferred.iter().zip(stated);
    Settled { shape: pairs().map(dim).collect(), contradicts: pairs().any(apart) }
}

/// Merges two statements about one dimension: a number takes precedence over a symbol, a symbol over an unknown one.
/// `None` if they contradict each other.
pub(super) fn dims(first: &Dim, second: &Dim) -> Option<Dim> {
    match (first, second) {
        (Dim::Known(a), Dim::Known(b)) => (a == b).then(|| first.clone()),
        (_, Dim::Known(_)) | (Dim::Unknown, _) => Some(second.clone()),
        _ => Some(first.clone()),
    }
}

/// Merges two statements about the shape of one value; if both have symbols, those of `first` are kept. `None` if they
/// contradict each other.
pub(super) fn shapes(first: &[Dim], second: &[Dim]) -> Option<Shape> {
    let same_rank = first.len() == second.len();
    same_rank.then(|| first.iter().zip(second).map(|(a, b)| dims(a, b)).collect())?
}

/// Merges two dimensions that the operation requires to be equal.
pub(super) fn equal(first: &Dim, second: &Dim, what: &str) -> Known<Dim> {
    dims(first, second).map_or_else(|| fault(format!("{what} are {first} and {second}")), Ok)
}

/// Broadcasts two dimensions: equal ones are kept, a 1 is stretched (ONNX, "Broadcasting").
pub(super) fn broadcast_dim(first: &Dim, second: &Dim) -> Option<Dim> {
    match (first, second) {
        (a, b) if a == b => Some(a.clone()),
        (Dim::Known(1), other) | (other, Dim::Known(1)) => Some(other.clone()),
        (Dim::Known(_), Dim::Known(_)) => None,
        (known @ Dim::Known(_), _) | (_, known @ Dim::Known(_)) => Some(known.clone()),
        _ => Some(Dim::Unknown),
    }
}

/// Broadcasts two shapes, aligned at their ends.
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
