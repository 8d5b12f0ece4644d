//! The elements of small vectors, computed along with the shapes: what exporters leave of shape arithmetic.
//!
//! Each function is the plain meaning of its operation on scalars and vectors. An element that cannot be known is
//! [`Num::Unknown`]; a vector of nothing else is not carried.

mod arithmetic;
mod arrange;
mod make;

use super::context::Context;
use super::number::Num;
use super::vector::{MAX_LEN, MAX_VECTOR_RANK, Vector};
use crate::graph::{DType, Dim, ValueId};
use crate::operators::{Column, operators};

/// Computes the elements of a node's outputs.
type Evaluation = fn(&Context) -> Vec<Option<Vector>>;

/// The elements of a node's outputs, in order, where they can be known. Types and shapes of the outputs are known already.
pub(super) fn evaluate(cx: &Context) -> Vec<Option<Vector>> {
    // Of floats, only scalars and vectors are sizes in the making; what has more dimensions is a weight.
    let small = |id: ValueId| {
        let most = if cx.graph.value(id).dtype.is_some_and(DType::is_float) { 1 } else { MAX_VECTOR_RANK };
        cx.graph.rank(id).is_some_and(|rank| rank <= most)
    };
    let evaluation = cx.node.operator().and_then(|operator| EVALUATIONS.of(operator));
    let Some(evaluation) = evaluation.filter(|_| cx.node.output().is_some_and(small)) else { return Vec::new() };
    let useful = |vector: &Vector| vector.items.iter().any(|item| *item != Num::Unknown) || vector.items.is_empty();
    evaluation(cx).into_iter().map(|vector| vector.filter(useful)).collect()
}

/// What computes the elements of the operators that shapes are computed with.
static EVALUATIONS: Column<Evaluation> = Column(operators!(elements));

/// The elements of input `index`; unknown ones where only their number is known.
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

/// Element type of the first output.
fn dtype(cx: &Context) -> Option<DType> {
    cx.graph.value(cx.node.output()?).dtype
}

/// Elements in the form that the first output has.
fn formed(cx: &Context, items: Vec<Num>) -> Option<Vector> {
    let shape = cx.graph.value(cx.node.output()?).shape.as_ref()?;
    match &shape[..] {
        [Dim::Symbolic { .. } | Dim::Unknown] => Vector::new(items),
        dims => Vector::of(&dims.iter().map(Dim::known).collect::<Option<Vec<_>>>()?, items),
    }
}
