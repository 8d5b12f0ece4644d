//! Numbers that an operation carries besides its tensors and that may depend on their sizes.
//!
//! Burn resolves them when the forward runs: `..` on the batch reads `0..7`, and a tensor repeated for each image reads
//! `times: 7`. From several runs each is fitted in the same way as a dimension.

use burn::backend::ir::{BaseOperationIr as B, ModuleOperationIr, NumericOperationIr, OperationIr};
use burn::tensor::Slice;

/// Takes the numbers out of an operation, so that runs at different sizes compare equal.
///
/// For a slice these are the start and end of each axis, counted from the front; for a repetition the number of times;
/// for a padding the amounts before and after each axis; for an interpolation the output sizes.
pub(super) fn set_aside(op: &mut OperationIr) -> Vec<usize> {
    match op {
        OperationIr::BaseFloat(base) | OperationIr::BaseInt(base) | OperationIr::BaseBool(base) => match base {
            B::Slice(op) => bounds(&mut op.ranges, &op.tensor.shape.to_vec()),
            B::SliceAssign(op) => bounds(&mut op.ranges, &op.tensor.shape.to_vec()),
            B::RepeatDim(op) => vec![std::mem::take(&mut op.times)],
            _ => Vec::new(),
        },
        OperationIr::NumericFloat(_, NumericOperationIr::Pad(op))
        | OperationIr::NumericInt(_, NumericOperationIr::Pad(op)) => {
            op.padding.iter_mut().map(std::mem::take).flat_map(|(before, after)| [before, after]).collect()
        }
        OperationIr::Module(ModuleOperationIr::Interpolate(op)) => std::mem::take(&mut op.output_size).to_vec(),
        _ => Vec::new(),
    }
}

/// Puts numbers back into an operation from which the same number was taken.
pub(super) fn put_back(op: &mut OperationIr, numbers: &[usize]) {
    match op {
        OperationIr::BaseFloat(base) | OperationIr::BaseInt(base) | OperationIr::BaseBool(base) => match base {
            B::Slice(op) => bound(&mut op.ranges, numbers),
            B::SliceAssign(op) => bound(&mut op.ranges, numbers),
            B::RepeatDim(op) => op.times = numbers.first().copied().unwrap_or(op.times),
            _ => {}
        },
        OperationIr::NumericFloat(_, NumericOperationIr::Pad(op))
        | OperationIr::NumericInt(_, NumericOperationIr::Pad(op)) => {
            let pairs = numbers.chunks_exact(2).map(|pair| (pair[0], pair[1]));
            op.padding.iter_mut().zip(pairs).for_each(|(padding, pair)| *padding = pair);
        }
        OperationIr::Module(ModuleOperationIr::Interpolate(op)) => {
            op.output_size.iter_mut().zip(numbers).for_each(|(size, number)| *size = *number);
        }
        _ => {}
    }
}

fn bound(ranges: &mut [Slice], numbers: &[usize]) {
    for (range, ends) in ranges.iter_mut().zip(numbers.chunks_exact(2)) {
        (range.start, range.end) = (ends[0] as isize, Some(ends[1] as isize));
    }
}

fn bounds(ranges: &mut [Slice], shape: &[usize]) -> Vec<usize> {
    let numbers = ranges.iter().zip(shape).flat_map(|(range, len)| ends(range, *len)).collect();
    ranges.iter_mut().for_each(|range| (range.start, range.end) = (0, None));
    numbers
}

/// Returns the start and end of a slice of an axis of length `len`, counted from the front.
fn ends(range: &Slice, len: usize) -> [usize; 2] {
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
