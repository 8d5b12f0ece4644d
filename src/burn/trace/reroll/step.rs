//! Steps: one element of a tensor along one axis, read or written.

use burn::backend::ir::{BaseOperationIr as B, OperationIr, TensorId, TensorIr};
use burn::tensor::Slice;

use crate::trace::numbers::ends;

/// A slice that takes one element along one axis and everything along the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub source: TensorId,
    pub axis: usize,
    /// Index of the element.
    pub at: usize,
    /// Number of elements along the axis, more than one.
    pub length: usize,
}

/// Returns the step that an operation reads.
pub(super) fn step(op: &OperationIr) -> Option<Step> {
    match base(op)? {
        B::Slice(op) => element(&op.tensor, &op.ranges),
        _ => None,
    }
}

/// Returns the step that an operation writes, and the tensor written there.
pub(super) fn written(op: &OperationIr) -> Option<(Step, &TensorIr)> {
    match base(op)? {
        B::SliceAssign(op) => Some((element(&op.tensor, &op.ranges)?, &op.value)),
        _ => None,
    }
}

/// Returns the operation if it moves elements, of whatever type.
pub(super) fn base(op: &OperationIr) -> Option<&B> {
    match op {
        OperationIr::BaseFloat(base) | OperationIr::BaseInt(base) | OperationIr::BaseBool(base) => Some(base),
        _ => None,
    }
}

pub(super) fn reshape(op: &OperationIr) -> Option<(&TensorIr, &TensorIr)> {
    match base(op)? {
        B::Reshape(op) => Some((&op.input, &op.out)),
        _ => None,
    }
}

fn element(tensor: &TensorIr, ranges: &[Slice]) -> Option<Step> {
    let mut found = None;
    for (axis, (range, length)) in ranges.iter().zip(tensor.shape.iter().copied()).enumerate() {
        let [start, end] = ends(range, length);
        if range.step != 1 {
            return None;
        }
        if (start, end) == (0, length) {
            continue;
        }
        if found.is_some() || end != start + 1 {
            return None;
        }
        found = Some(Step { source: tensor.id, axis, at: start, length });
    }
    found
}
