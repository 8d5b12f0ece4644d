//! Order of the images in an epoch.

use std::ops::Range;

use crate::nets::random::{self, Purpose};

/// Returns the indices `0..count` in the order of an epoch: a Fisher-Yates shuffle from the end, driven by ChaCha8
/// keyed with the seed and with the epoch as its stream. The order depends on nothing else, so a checkpoint needs only
/// the two numbers.
pub(super) fn order(seed: u64, epoch: usize, count: usize) -> Vec<usize> {
    let mut generator = random::generator(seed, Purpose::Shuffle, epoch as u64);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let other = random::below(&mut generator, last as u64 + 1) as usize;
        order.swap(last, other);
    }
    order
}

/// Returns the batches of an epoch as ranges of the order. A single remaining image joins the batch before it, because
/// batch normalisation learns nothing from a single image.
pub(super) fn batches(count: usize, size: usize) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> =
        (0..count).step_by(size.max(1)).map(|start| start..count.min(start + size)).collect();
    if size > 1 && batches.len() > 1 && batches.last().is_some_and(|batch| batch.len() == 1) {
        batches.pop();
        if let Some(last) = batches.last_mut() {
            last.end = count;
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_every_image_once_and_follows_seed_and_epoch() {
        let first = order(1, 1, 100);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_ne!(first, sorted);
        assert_eq!(first, order(1, 1, 100));
        assert_ne!(first, order(1, 2, 100));
        assert_ne!(first, order(2, 1, 100));
    }

    #[test]
    fn every_image_gets_to_every_place() {
        let mut seen = [[false; 4]; 4];
        for epoch in 0..200 {
            order(3, epoch, 4).into_iter().enumerate().for_each(|(place, image)| seen[place][image] = true);
        }
        assert_eq!(seen, [[true; 4]; 4]);
    }

    #[test]
    fn batches_cover_the_epoch_and_leave_no_single_image() {
        assert_eq!(batches(10, 4), [0..4, 4..8, 8..10]);
        assert_eq!(batches(9, 4), [0..4, 4..9]);
        assert_eq!(batches(8, 4), [0..4, 4..8]);
        assert_eq!(batches(3, 8), std::slice::from_ref(&(0..3)));
        assert_eq!(batches(1, 8), std::slice::from_ref(&(0..1)));
        assert_eq!(batches(3, 1), [0..1, 1..2, 2..3]);
    }
}
