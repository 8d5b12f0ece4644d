//! Facts that a rule establishes about one output.

use std::fmt;

use crate::graph::{DType, Dim};
use crate::words::counted;

/// Maximum rank: shapes of more dimensions are not computed with.
pub(super) const MAX_RANK: usize = 64;

/// Reason why a rule has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// It cannot be known.
    Gap(String),
    /// The node is invalid: no input could make it valid.
    Fault(String),
}

/// A known result, or the reason why it is unknown.
pub(super) type Known<T> = Result<T, Stop>;

/// A shape.
pub(super) type Shape = Vec<Dim>;

/// Element type and shape of one output, each as far as it is known.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    /// Element type; `None` if an input's is unknown.
    pub(super) dtype: Option<DType>,
    /// Shape.
    pub(super) shape: Known<Shape>,
}

/// Facts about the outputs, in order; outputs beyond the list are unknown.
pub(super) type Answer = Known<Vec<Fact>>;

impl Fact {
    pub(super) fn new(dtype: impl Into<Option<DType>>, shape: Known<Shape>) -> Self {
        Self { dtype: dtype.into(), shape }
    }
}

/// Returns the answer for an operation with one output.
pub(super) fn one(dtype: impl Into<Option<DType>>, shape: Known<Shape>) -> Answer {
    Ok(vec![Fact::new(dtype, shape)])
}

/// Reports a gap: it cannot be known, for `reason`.
pub(super) fn gap<T>(reason: impl fmt::Display) -> Known<T> {
    Err(Stop::Gap(reason.to_string()))
}

/// Reports a fault: the node is invalid, for `reason`.
pub(super) fn fault<T>(reason: impl fmt::Display) -> Known<T> {
    Err(Stop::Fault(reason.to_string()))
}

/// Returns a shape of `rank` unknown dimensions.
pub(super) fn unknown_dims(rank: usize) -> Known<Shape> {
    match rank {
        0..=MAX_RANK => Ok(vec![Dim::Unknown; rank]),
        _ => gap(format!("{} are more than {MAX_RANK}", counted(rank, "dimension"))),
    }
}
