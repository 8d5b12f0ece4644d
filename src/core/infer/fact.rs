//! Facts that a rule establishes about one output.

use std::fmt;

use crate::graph::{DType, Dim};
use crate::words::counted;

/// Maximum rank: shapes of more dimensions are not computed with.
pub(super) const MAX_RANK: usize = 64;

/// Reason why a rule has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    Gap(String),
    /// The node is invalid: no input could make it valid.
    Fault(String),
}

/// A known result, or the reason why it is unknown.
pub(super) type Known<T> = Result<T, Stop>;

pub(super) type Shape = Vec<Dim>;

/// Element type and shape of one output, each as far as it is known.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    /// Element type; `None` if an input's is unknown.
    pub(super) dtype: Option<DType>,
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
pub(super) fn one(dtype: impl Into<Option<DType>>, shape: impl FnOnce() -> Known<Shape>) -> Answer {
    Ok(vec![Fact::new(dtype, shape())])
}

/// Reports a gap: it cannot be known, for `reason`.
pub(super) fn gap<T>(reason: impl fmt::Display) -> Known<T> {
    Err(Stop::Gap(reason.to_string()))
}

/// Reports a fault: the node is invalid, for `reason`.
pub(super) fn fault<T>(reason: impl fmt::Display) -> Known<T> {
    Err(Stop::Fault(reason.to_string()))
}

/// Returns `None` for a gap; a fault remains one.
pub(super) fn open<T>(known: Known<T>) -> Known<Option<T>> {
    match known {
        Err(Stop::Gap(_)) => Ok(None),
        known => known.map(Some),
    }
}

/// Refuses two lists that need as many entries, given their lengths and what they hold.
pub(super) fn same_number((count, noun): (usize, &str), (other, of): (usize, &str)) -> Known<()> {
    if count == other { Ok(()) } else { fault(format!("{} for {}", counted(count, noun), counted(other, of))) }
}

/// Returns a shape of `rank` unknown dimensions.
pub(super) fn unknown_dims(rank: usize) -> Known<Shape> {
    match rank {
        0..=MAX_RANK => Ok(vec![Dim::Unknown; rank]),
        _ => gap(format!("{} are more than {MAX_RANK}", counted(rank, "dimension"))),
    }
}
