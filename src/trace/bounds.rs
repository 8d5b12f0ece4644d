//! Where slices begin and end, in terms of the batch.
//!
//! Burn resolves a slice to numbers when the forward runs, so that `..` on the batch reads `0..7`, or the last element
//! `6..7`. From three runs each bound is a line in the batch, as a dimension is.

use std::collections::HashMap;

use burn::backend::ir::{BaseOperationIr, OperationIr};
use burn::tensor::Slice;

/// A bound of a slice in one run: numbers counted from the front.
pub(super) type Ends = Vec<(usize, usize)>;

/// The bounds of every slice of a run, by the operation's index. They are taken out of the operations, so that runs at
/// different sizes compare equal.
pub(super) fn set_aside(operations: &mut [OperationIr]) -> HashMap<usize, Ends> {
    let mut all = HashMap::new();
    for (index, op) in operations.iter_mut().enumerate() {
        if let Some((ranges, shape)) = ranges(op) {
            all.insert(index, ranges.iter().zip(&shape).map(|(range, len)| ends(range, *len)).collect());
            ranges.iter_mut().for_each(|range| (range.start, range.end) = (0, None));
        }
    }
    all
}

/// The ranges of a slice and the shape that they cut.
fn ranges(op: &mut OperationIr) -> Option<(&mut Vec<Slice>, Vec<usize>)> {
    let base = match op {
        OperationIr::BaseFloat(base) | OperationIr::BaseInt(base) | OperationIr::BaseBool(base) => base,
        _ => return None,
    };
    match base {
        BaseOperationIr::Slice(slice) => Some((&mut slice.ranges, slice.tensor.shape.to_vec())),
        BaseOperationIr::SliceAssign(slice) => Some((&mut slice.ranges, slice.tensor.shape.to_vec())),
        _ => None,
    }
}

/// Where a slice of an axis of length `len` begins and ends, counted from the front.
fn ends(range: &Slice, len: usize) -> (usize, usize) {
    let from_front = |at: isize| if at < 0 { (len as isize + at).max(0) as usize } else { (at as usize).min(len) };
    (from_front(range.start), range.end.map_or(len, from_front))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_counted_from_the_front() {
        assert_eq!(ends(&Slice::new(1, Some(3), 1), 5), (1, 3));
        assert_eq!(ends(&Slice::new(-2, None, 1), 5), (3, 5));
        assert_eq!(ends(&Slice::new(-9, Some(-1), 1), 5), (0, 4));
        assert_eq!(ends(&Slice::new(0, Some(99), 2), 5), (0, 5));
    }
}
