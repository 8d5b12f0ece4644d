//! What a rule says of one output.

use std::fmt;

use crate::graph::{DType, Dim};
use crate::words::counted;

/// Shapes of more dimensions than this are not computed with.
pub(super) const MAX_RANK: usize = 64;

/// Why a rule has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// It cannot be known.
    Gap(String),
    /// The node is wrong: no input could make it right.
    Fault(String),
}

/// What is known, or why it is not.
pub(super) type Known<T> = Result<T, Stop>;

/// A shape.
pub(super) type Shape = Vec<Dim>;

/// Element type and shape of one output, each as far as they can be known.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    /// Element type; `None` when an input's is not known.
    pub(super) dtype: Option<DType>,
    /// Shape.
    pub(super) shape: Known<Shape>,
}

/// What a rule says of the outputs, in order; outputs beyond the list are not known.
pub(super) type Answer = Known<Vec<Fact>>;

impl Fact {
    pub(super) fn new(dtype: impl Into<Option<DType>>, shape: Known<Shape>) -> Self {
        Self { dtype: dtype.into(), shape }
    }
}

/// The answer of an operation with one output.
pub(super) fn one(dtype: impl Into<Option<DType>>, shape: Known<Shape>) -> Answer {
    Ok(vec![Fact::new(dtype, shape)])
}

/// It cannot be known, for `reason`.
pub(super) fn gap<T>(reason: impl fmt::Display) -> Known<T> {
    Err(Stop::Gap(reason.to_string()))
}

/// The node is wrong, for `reason`.
pub(super) fn fault<T>(reason: impl fmt::Display) -> Known<T> {
    Err(Stop::Fault(reason.to_string()))
}

/// A shape of `rank` dimensions of which nothing is known.
pub(super) fn unknown_dims(rank: usize) -> Known<Shape> {
    match rank {
        0..=MAX_RANK => Ok(vec![Dim::Unknown; rank]),
        _ => gap(format!("{} are more than {MAX_RANK}", counted(rank, "dimension"))),
    }
}
