//! A series cut into batches, one after the other, whose means or medians depend on each other far less than its values do.

use std::ops::Range;

/// Number of batches: between 10 and 30 is advised (Schmeiser, "Batch size effects in the analysis of simulation output",
/// Operations Research 30, 1982), since fewer leave the variance unknown and more leave them dependent.
pub(super) const BATCHES: usize = 20;

/// Smallest number of values that are worth cutting: three a batch.
pub(super) const FEWEST: usize = 3 * BATCHES;

/// Returns the values of one of the batches of `n` values: their lengths differ by one at most.
pub(super) fn batch(n: usize, index: usize) -> Range<usize> {
    let bound = |index: usize| (index as u128 * n as u128 / BATCHES as u128) as usize;
    bound(index)..bound(index + 1)
}
