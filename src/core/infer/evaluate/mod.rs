//! Evaluation of small vectors along with the shapes: the shape arithmetic that exporters leave behind.
//!
//! Each function implements the definition of its operation on scalars and vectors. An unknown element is
//! [`Num::Unknown`]; a vector of unknown elements only is not carried.

mod arithmetic;
mod arrange;
mod make;

use std::cmp::Ordering;
use std::ops::{BitAnd, BitOr, BitXor};

use super::context::Context;
use super::number::Num;
use super::vector::{MAX_LEN, MAX_VECTOR_RANK, Vector};
use crate::graph::{DType, Dim, ValueId};
use crate::operators::{Column, operators};

type Evaluation = fn(&Context) -> Option<Vec<Vector>>;

/// Returns the elements of a node's outputs, in order, as far as they can be known. Types and shapes of the outputs are
/// already known.
pub(super) fn evaluate(cx: &Context) -> Vec<Option<Vector>> {
    // Among floats, only scalars and vectors may become sizes; a tensor of more dimensions is a weight.
    let small = |id: ValueId| {
        let most = if cx.graph.value(id).dtype.is_some_and(DType::is_float) { 1 } else { MAX_VECTOR_RANK };
        cx.graph.rank(id).is_some_and(|rank| rank <= most)
    };
    let evaluation = cx.node.operator().and_then(|operator| EVALUATIONS.of(operator));
    let evaluation = evaluation.filter(|_| cx.node.output().is_some_and(small));
    let useful = |vector: &Vector| vector.items.iter().any(|item| *item != Num::Unknown) || vector.items.is_empty();
    let made = evaluation.and_then(|evaluation| evaluation(cx)).unwrap_or_default();
    made.into_iter().map(|vector| Some(vector).filter(useful)).collect()
}

static EVALUATIONS: Column<Evaluation> = Column(operators!(elements));

/// Returns the elements of input `index`; unknown ones if only their number is known.
fn items(cx: &Context, index: usize) -> Option<Vector> {
    if let Some(vector) = cx.vector(index) {
        return Some(vector.clone());
    }
    match cx.shape(index).ok()? {
        [] => Some(Vector::scalar(Num::Unknown)),
        [length] => Vector::new(vec![Num::Unknown; length.known().filter(|length| *length <= MAX_LEN)?]),
        _ => None,
    }
}

/// Returns the element type of the first output.
fn dtype(cx: &Context) -> Option<DType> {
    cx.graph.value(cx.node.output()?).dtype
}

/// Arranges elements in the shape of the first output.
fn formed(cx: &Context, items: Vec<Num>) -> Option<Vec<Vector>> {
    let shape = cx.graph.value(cx.node.output()?).shape.as_ref()?;
    let vector = match &shape[..] {
        [Dim::Symbolic { .. } | Dim::Unknown] => Vector::new(items),
        dims => Vector::of(&dims.iter().map(Dim::known).collect::<Option<Vec<_>>>()?, items),
    };
    Some(vec![vector?])
}
