//! Numbers that an operation carries besides its tensors and that may depend on their sizes.
//!
//! Burn resolves them when the forward runs: `..` on the batch reads `0..7`, and a tensor repeated for each image reads
//! `times: 7`. From several runs each is fitted in the same way as a dimension.

use burn::backend::ir::{BaseOperationIr as B, ModuleOperationIr, NumericOperationIr, OperationIr};
use burn::tensor::Slice;

/// The numbers of an operation.
enum Numbers<'a> {
    /// Slices of each axis of a tensor of this shape.
    Ranges(&'a mut [Slice], Vec<usize>),
    Plain(Vec<&'a mut usize>),
}

/// Returns the numbers of an operation: for a slice the start and end of each axis, counted from the front; for a
/// repetition the number of times; for a padding the amounts before and after each axis; for an interpolation the output
/// sizes.
fn numbers(op: &mut OperationIr) -> Numbers<'_> {
    match op {
        OperationIr::BaseFloat(base) | OperationIr::BaseInt(base) | OperationIr::BaseBool(base) => match base {
            B::Slice(op) => Numbers::Ranges(&mut op.ranges, op.tensor.shape.to_vec()),
            B::SliceAssign(op) => Numbers::Ranges(&mut op.ranges, op.tensor.shape.to_vec()),
            B::RepeatDim(op) => Numbers::Plain(vec![&mut op.times]),
            _ => Numbers::Plain(Vec::new()),
        },
        OperationIr::NumericFloat(_, NumericOperationIr::Pad(op))
        | OperationIr::NumericInt(_, NumericOperationIr::Pad(op)) => {
            Numbers::Plain(op.padding.iter_mut().flat_map(|(before, after)| [before, after]).collect())
        }
        OperationIr::Module(ModuleOperationIr::Interpolate(op)) => Numbers::Plain(op.output_size.iter_mut().collect()),
        _ => Numbers::Plain(Vec::new()),
    }
}

/// Takes the numbers out of an operation, so that runs at different sizes compare equal.
pub(super) fn set_aside(op: &mut OperationIr) -> Vec<usize> {
    match numbers(op) {
        Numbers::Plain(places) => places.into_iter().map(std::mem::take).collect(),
        Numbers::Ranges(ranges, shape) => {
            let numbers = ranges.iter().zip(shape).flat_map(|(range, len)| ends(range, len)).collect();
            ranges.iter_mut().for_each(|range| (range.start, range.end) = (0, None));
            numbers
        }
    }
}

/// Puts numbers back into an operation from which the same number was taken.
pub(super) fn put_back(op: &mut OperationIr, values: &[usize]) {
    match numbers(op) {
        Numbers::Plain(places) => places.into_iter().zip(values).for_each(|(place, value)| *place = *value),
        Numbers::Ranges(ranges, _) => {
            for (range, ends) in ranges.iter_mut().zip(values.chunks_exact(2)) {
                (range.start, range.end) = (ends[0] as isize, Some(ends[1] as isize));
            }
        }
    }
}

/// Returns the start and end of a slice of an axis of length `len`, counted from the front.
pub(super) fn ends(range: &Slice, len: usize) -> [usize; 2] {
    let from_front = |at: isize| if at < 0 { (len as isize + at).max(0) as usize } else { (at as usize).min(len) };
    [from_front(range.start), range.end.map_or(len, from_front)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_counted_from_the_front() {
        assert_eq!(ends(&Slice::new(1, Some(3), 1), 5), [1, 3]);
        assert_eq!(ends(&Slice::new(-2, None, 1), 5), [3, 5]);
        assert_eq!(ends(&Slice::new(-9, Some(-1), 1), 5), [0, 4]);
        assert_eq!(ends(&Slice::new(0, Some(99), 2), 5), [0, 5]);
    }
}
