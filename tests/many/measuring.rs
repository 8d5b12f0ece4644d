//! The measuring loop by itself: what it does between two runs, seen by an allocator that counts.

use std::cell::Cell;
use std::time::Duration;

use gnet::bench::{Clock, Limits, steady};

use crate::hostile::allocator::calls;

/// A clock that its owner moves.
#[derive(Default)]
struct Scripted(Cell<u64>);

impl Clock for Scripted {
    fn wall(&self) -> Duration {
        Duration::from_nanos(self.0.get())
    }

    fn cpu(&self) -> Option<Duration> {
        Some(self.wall())
    }
}

#[test]
fn nothing_is_allocated_from_the_first_sample_to_the_last() {
    // The interval of times that alternate is never narrower than their difference: it is looked at, which sorts the samples
    // between two runs, until there is no room for more.
    let cases = [(5_000, 0, None, 5_000), (5_000, 100, Some(0.5), 100_000), (150_000, 3, None, 150_000)];
    for (min_samples, warmup, width, taken) in cases {
        let clock = Scripted::default();
        let mut limits = Limits::default();
        (limits.min_time, limits.min_samples, limits.max_warmup) = (Duration::ZERO, min_samples, warmup);
        limits.relative_width = width;
        let mut asked = Vec::with_capacity(taken + 2 * warmup);
        let mut run = || {
            // Twice as long every other run, so that nothing settles early and no sample is like the one before.
            clock.0.set(clock.0.get() + 1_000 + asked.len() as u64 % 2 * 1_000);
            asked.push(calls());
            Ok(())
        };
        let found = steady(&mut run, &clock, &limits).unwrap();
        assert_eq!(found.samples_ns.len(), taken);
        let samples = &asked[found.warmup_runs..];
        assert_eq!(samples.len(), taken);
        assert_eq!(samples.first(), samples.last(), "the allocator was called between two samples");
    }
}

/// The test above can fail: a run that allocates is seen.
#[test]
fn a_run_that_allocates_is_seen() {
    let clock = Scripted::default();
    let mut limits = Limits::default();
    (limits.min_time, limits.min_samples) = (Duration::ZERO, 100);
    let mut asked = Vec::with_capacity(1_000);
    let mut run = || {
        clock.0.set(clock.0.get() + 1_000);
        asked.push(calls());
        std::hint::black_box(Box::new(1_u8));
        Ok(())
    };
    let found = steady(&mut run, &clock, &limits).unwrap();
    let samples = &asked[found.warmup_runs..];
    assert_eq!(samples[99] - samples[0], 2 * 99, "one to take and one to give back");
}
