//! Tells processes that other work disturbed from the others.

use super::measure::{Sample, Watch};
use crate::bench::CLEAN;
use gnet_core::stats;

/// The shares of one arm so far.
#[derive(Debug, Clone)]
pub(super) struct Occupancies {
    watch: Watch,
    seen: Vec<f64>,
}

impl Occupancies {
    pub(super) fn new(watch: Watch) -> Self {
        Self { watch, seen: Vec::new() }
    }

    /// Takes the next process and returns whether other work left it alone, as far as that is known: by what its row says, and
    /// by its share of the cores.
    pub(super) fn undisturbed(&mut self, sample: &Sample) -> bool {
        sample.disturbed != Some(true) && sample.occupancy.is_none_or(|share| self.is_usual(share))
    }

    fn is_usual(&mut self, share: f64) -> bool {
        self.seen.push(share);
        match self.watch {
            Watch::Busy => share >= CLEAN,
            // A share above 1 says that threads were not counted; it is not a reason to expect that much.
            Watch::Usual => share >= CLEAN * stats::median(&self.seen).unwrap_or(share).min(1.0),
            Watch::Unwatched => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(occupancy: Option<f64>, disturbed: Option<bool>) -> Sample {
        Sample { occupancy, disturbed, ..Sample::new(1.0, 1.0, 1.0) }
    }

    fn judged(watch: Watch, shares: &[f64]) -> Vec<bool> {
        let mut so_far = Occupancies::new(watch);
        shares.iter().map(|share| so_far.undisturbed(&sample(Some(*share), None))).collect()
    }

    #[test]
    fn a_busy_thread_has_its_core_all_the_time() {
        assert_eq!(judged(Watch::Busy, &[0.99, 0.9, 0.89, 0.5, 1.1]), [true, true, false, false, true]);
    }

    #[test]
    fn threads_that_wait_for_each_other_are_held_to_what_is_usual_for_them() {
        assert_eq!(judged(Watch::Usual, &[0.6, 0.61, 0.59, 0.4, 0.62, 0.5]), [true, true, true, false, true, false]);
        // The first one was disturbed: what comes after sets the measure right.
        assert_eq!(judged(Watch::Usual, &[0.3, 0.8, 0.8, 0.5]), [true, true, true, false]);
        assert_eq!(judged(Watch::Usual, &[1.6, 1.6, 1.0]), [true, true, true]);
    }

    #[test]
    fn a_device_and_a_system_without_that_clock_tell_nothing() {
        assert_eq!(judged(Watch::Unwatched, &[0.9, 0.1]), [true, true]);
        assert!(Occupancies::new(Watch::Busy).undisturbed(&sample(None, None)));
    }

    #[test]
    fn what_its_own_row_says_counts_however_it_is_watched() {
        for watch in [Watch::Busy, Watch::Usual, Watch::Unwatched] {
            let mut so_far = Occupancies::new(watch);
            assert!(so_far.undisturbed(&sample(Some(0.95), Some(false))));
            assert!(!so_far.undisturbed(&sample(Some(0.95), Some(true))), "a thread waited, or a GPU slowed down");
        }
    }
}
