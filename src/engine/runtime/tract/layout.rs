//! Layout of a batch: its images are distributed to lanes, and a lane's share is cut into pieces.

use gnet_core::words::counted;
use std::ops::Range;

use super::super::RunOptions;
use super::model::Model;

/// Memory budget of a piece in bytes: it takes as many images as keep the largest value of the network within this
/// size, and at least one.
///
/// Larger pieces share the cost of starting each operation, until the values no longer fit in the caches and are
/// allocated anew, page by page, in every run. Measured on GoogLeNet, CPU time of an image in a batch of 16 relative to
/// a single one: 0.6 at 28 pixels (where 16 images are 0.8 MB), 0.95 at 96 (9 MB), 1.9 at 224 (51 MB).
pub(super) const PIECE_BYTES: usize = 4 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) lanes: Vec<Vec<Range<usize>>>,
    pub(super) notes: Vec<String>,
}

impl Layout {
    /// Lays a batch out; `bytes` is the memory budget of a piece.
    pub(super) fn of(model: &Model, options: &RunOptions, bytes: usize) -> Self {
        let RunOptions { threads, batch, .. } = *options;
        if model.fed.fixed_batch().is_some() {
            return Self::whole(options, "the batch is fixed, so it cannot be split");
        }
        if batch == 1 {
            return Self::whole(options, "tract splits a batch over threads, and a batch of 1 cannot be split");
        }
        match model.largest_value_of_an_image() {
            Ok(values) => Self::split(threads, batch, (bytes / size_of::<f32>() / values.max(1)).max(1)),
            Err(why) => Self::whole(options, &format!("the batch cannot be split: {why}")),
        }
    }

    fn whole(options: &RunOptions, why: &str) -> Self {
        let notes = if options.threads > 1 { vec![unused(1, options.threads, why)] } else { Vec::new() };
        Self { lanes: vec![vec![0..options.batch]], notes }
    }

    /// Distributes `batch` images to up to `threads` lanes in pieces of at most `most` images.
    fn split(threads: usize, batch: usize, most: usize) -> Self {
        let mut notes = Vec::new();
        if batch < threads {
            notes.push(unused(batch, threads, "one image is the least a thread can take"));
        }
        let lanes: Vec<Vec<Range<usize>>> =
            deal(0..batch, threads.min(batch)).into_iter().map(|share| cut(share, most)).collect();
        if lanes.iter().any(|pieces| pieces.len() > 1) {
            notes.push(format!("a thread runs its share in pieces of at most {most}: more would leave the caches"));
        }
        Self { lanes, notes }
    }

    pub(super) fn lengths(&self) -> Vec<usize> {
        let mut lengths: Vec<usize> = self.lanes.iter().flatten().map(ExactSizeIterator::len).collect();
        lengths.sort_unstable();
        lengths.dedup();
        lengths
    }
}

fn unused(used: usize, threads: usize, why: &str) -> String {
    format!("uses {used} of {}: {why}", counted(threads, "thread"))
}

/// Cuts a share into as few pieces of at most `most` images as possible, of nearly equal length.
fn cut(share: Range<usize>, most: usize) -> Vec<Range<usize>> {
    let pieces = share.len().div_ceil(most);
    deal(share, pieces)
}

/// Distributes images to `parts` adjacent ranges that differ in length by at most one, the longest first.
fn deal(images: Range<usize>, parts: usize) -> Vec<Range<usize>> {
    let (len, mut next) = (images.len(), images.start);
    (0..parts)
        .map(|part| {
            let start = next;
            next += len / parts + usize::from(part < len % parts);
            start..next
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn images_are_dealt_evenly() {
        assert_eq!(deal(0..8, 2), [0..4, 4..8]);
        assert_eq!(deal(3..8, 3), [3..5, 5..7, 7..8]);
        assert_eq!(cut(0..7, 3), [0..3, 3..5, 5..7]);
        assert_eq!(cut(4..6, 3), vec![4..6]);
    }

    #[test]
    fn a_layout_says_what_it_does_not_use() {
        let layout = Layout::split(4, 3, 8);
        assert_eq!(layout.notes, ["uses 3 of 4 threads: one image is the least a thread can take"]);
        let layout = Layout::split(2, 5, 1);
        assert_eq!(layout.lanes, [vec![0..1, 1..2, 2..3], vec![3..4, 4..5]]);
        assert_eq!(layout.notes, ["a thread runs its share in pieces of at most 1: more would leave the caches"]);
        assert_eq!(layout.lengths(), [1]);
        assert!(Layout::split(2, 4, 2).notes.is_empty());
    }

    proptest! {
        #[test]
        fn every_image_runs_once_and_in_order(threads in 1_usize..9, batch in 1_usize..70, most in 1_usize..20) {
            let layout = Layout::split(threads, batch, most);
            let images: Vec<usize> = layout.lanes.iter().flatten().cloned().flatten().collect();
            prop_assert_eq!(images, (0..batch).collect::<Vec<_>>());
            prop_assert_eq!(layout.lanes.len(), threads.min(batch));
            prop_assert!(layout.lanes.iter().flatten().all(|piece| !piece.is_empty() && piece.len() <= most));
            prop_assert!(layout.lengths().len() <= 4, "each length is a plan with weights of its own");
        }
    }
}
