//! The measuring loop: first run, warm-up, steady state.

use std::time::Duration;

use super::{Clock, Limits};
use gnet_core::Result;
use gnet_core::stats::Summary;
use gnet_core::words::counted;

/// The operation that is timed: one run.
pub(super) type Timed<'a> = &'a mut dyn FnMut() -> Result<()>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Steady {
    pub(super) first: Duration,
    pub(super) warmup_runs: usize,
    pub(super) summary: Summary,
    /// CPU time of the steady state, summed over all threads and all runs.
    pub(super) cpu: Option<Duration>,
    /// Reasons why fewer samples were taken than requested, or a remark that the times never settled.
    pub(super) notes: Vec<String>,
}

/// Number of warm-up runs in each of the two adjacent windows that are compared.
const WINDOW: usize = 5;

/// Maximum relative difference between the medians of two adjacent windows at which warm-up ends.
const STABLE: f64 = 0.02;

/// Maximum number of samples: more improve no percentile, and would show in the memory figures.
const MAX_SAMPLES: usize = 100_000;

/// Repeats a run until `limits` are met.
///
/// Warm-up ends when the times are stable, after `max_warmup` runs, or when it has taken the longer of `min_time` and
/// half of `max_time`, whichever comes first; it is at least one run unless `max_warmup` is 0.
pub(super) fn steady(run: Timed<'_>, clock: &dyn Clock, limits: &Limits) -> Result<Steady> {
    let mut notes = Vec::new();
    let first = timed(run, clock)?;
    let warmup_runs = warm_up(run, clock, limits, &mut notes)?;
    let cpu_before = clock.cpu();
    let samples = sample(run, clock, limits)?;
    let cpu = cpu_before.zip(clock.cpu()).map(|(before, after)| after.saturating_sub(before));
    if samples.len() < limits.min_samples {
        notes.push(format!(
            "stopped after {:?} with {} of {}",
            limits.max_time,
            samples.len(),
            counted(limits.min_samples, "sample")
        ));
    }
    let summary = Summary::of(&samples).ok_or_else(|| gnet_core::Error::input("samples", "none was taken"))?;
    Ok(Steady { first, warmup_runs, summary, cpu, notes })
}

fn timed(run: Timed<'_>, clock: &dyn Clock) -> Result<Duration> {
    let start = clock.wall();
    run()?;
    Ok(clock.wall().saturating_sub(start))
}

fn warm_up(run: Timed<'_>, clock: &dyn Clock, limits: &Limits, notes: &mut Vec<String>) -> Result<usize> {
    let start = clock.wall();
    let longest = limits.min_time.max(limits.max_time / 2);
    let mut times = Vec::new();
    while times.len() < limits.max_warmup {
        times.push(timed(run, clock)?);
        if is_stable(&times) {
            return Ok(times.len());
        }
        if clock.wall().saturating_sub(start) >= longest {
            break;
        }
    }
    if times.len() >= 2 * WINDOW {
        notes.push(format!(
            "times had not settled within {} % after {}",
            STABLE * 100.0,
            counted(times.len(), "warm-up run")
        ));
    }
    Ok(times.len())
}

fn is_stable(times: &[Duration]) -> bool {
    let Some(earlier) = times.len().checked_sub(2 * WINDOW) else { return false };
    let (a, b) = times[earlier..].split_at(WINDOW);
    let (a, b) = (median(a).as_secs_f64(), median(b).as_secs_f64());
    (a - b).abs() <= STABLE * a.max(b)
}

fn median(window: &[Duration]) -> Duration {
    let mut sorted = window.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

fn sample(run: Timed<'_>, clock: &dyn Clock, limits: &Limits) -> Result<Vec<Duration>> {
    let start = clock.wall();
    let mut samples = Vec::with_capacity(limits.min_samples.min(MAX_SAMPLES));
    loop {
        samples.push(timed(run, clock)?);
        let elapsed = clock.wall().saturating_sub(start);
        let enough = elapsed >= limits.min_time && samples.len() >= limits.min_samples;
        if enough || elapsed >= limits.max_time || samples.len() >= MAX_SAMPLES.max(limits.min_samples) {
            return Ok(samples);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::runtime::{Array, Input, Session};
    use gnet_core::Error;

    /// Clock in microseconds that only advances while a mock session runs.
    #[derive(Clone, Default)]
    struct MockClock(Arc<AtomicU64>);

    impl Clock for MockClock {
        fn wall(&self) -> Duration {
            Duration::from_micros(self.0.load(Ordering::Relaxed))
        }

        /// Returns the time of two threads that are always busy.
        fn cpu(&self) -> Option<Duration> {
            Some(2 * self.wall())
        }
    }

    /// A session whose run number `n`, counted from 0, takes `time(n)` microseconds; `None` fails.
    struct MockSession<F> {
        clock: MockClock,
        runs: usize,
        time: F,
    }

    impl<F: Fn(usize) -> Option<u64> + Send> Session for MockSession<F> {
        fn inputs(&self) -> &[Input] {
            &[]
        }

        fn bind(&mut self, _: &[Array]) -> Result<()> {
            Ok(())
        }

        fn run(&mut self) -> Result<()> {
            let micros = (self.time)(self.runs).ok_or_else(|| Error::input("mock", "fails"))?;
            self.runs += 1;
            self.clock.0.fetch_add(micros, Ordering::Relaxed);
            Ok(())
        }

        fn outputs(&self) -> Result<Vec<Array>> {
            Ok(Vec::new())
        }

        fn threads_used(&self) -> usize {
            2
        }
    }

    fn measured(time: impl Fn(usize) -> Option<u64> + Send, limits: Limits) -> Result<Steady> {
        let clock = MockClock::default();
        let mut session = MockSession { clock: clock.clone(), runs: 0, time };
        let steady = steady(&mut || session.run(), &clock, &limits)?;
        assert_eq!(session.runs, 1 + steady.warmup_runs + steady.summary.samples, "every run is accounted for");
        Ok(steady)
    }

    fn limits(min_ms: u64, min_samples: usize, max_ms: u64, max_warmup: usize) -> Limits {
        Limits {
            min_time: Duration::from_millis(min_ms),
            min_samples,
            max_time: Duration::from_millis(max_ms),
            max_warmup,
            ..Limits::default()
        }
    }

    #[test]
    fn even_times_warm_up_for_two_windows() {
        let found = measured(|n| Some(if n == 0 { 50_000 } else { 1_000 }), limits(100, 10, 1_000, 50)).unwrap();
        assert_eq!(found.first, Duration::from_millis(50));
        assert_eq!(found.warmup_runs, 10);
        assert_eq!(found.summary.samples, 100, "100 ms of 1 ms each");
        assert_eq!(found.cpu, Some(Duration::from_millis(200)), "the first run and the warm-up are not in it");
        assert_eq!(found.summary.p90, Some(Duration::from_millis(1)));
        assert!(found.notes.is_empty());
    }

    #[test]
    fn warm_up_waits_for_falling_times_to_settle() {
        // Runs decrease from 30 ms by 1 ms each until they stay at 2 ms.
        let found = measured(|n| Some(1_000 * 30_u64.saturating_sub(n as u64).max(2)), limits(100, 10, 9_000, 90));
        let found = found.unwrap();
        assert!(found.warmup_runs > 28, "{}", found.warmup_runs);
        assert_eq!(found.summary.max, Duration::from_millis(2));
    }

    #[test]
    fn restless_times_end_the_warm_up_at_its_bound_and_are_reported() {
        let found = measured(|n| Some(1_000 << (n / 5 % 2)), limits(10, 10, 60_000, 40)).unwrap();
        assert_eq!(found.warmup_runs, 40);
        assert_eq!(found.notes, ["times had not settled within 2 % after 40 warm-up runs"]);
    }

    #[test]
    fn a_slow_network_is_bounded_in_time() {
        let found = measured(|_| Some(700_000), limits(1_000, 64, 3_000, 100)).unwrap();
        assert_eq!(found.warmup_runs, 3, "1.5 s of 0.7 s each");
        assert_eq!(found.summary.samples, 5, "3 s of 0.7 s each");
        assert_eq!(found.notes, ["stopped after 3s with 5 of 64 samples"]);
        assert_eq!(found.summary.p90, None);
    }

    #[test]
    fn enough_samples_are_taken_even_when_the_time_is_over() {
        let found = measured(|_| Some(10_000), limits(0, 64, 60_000, 0)).unwrap();
        assert_eq!((found.warmup_runs, found.summary.samples), (0, 64));
    }

    #[test]
    fn a_very_fast_network_does_not_sample_without_end() {
        let found = measured(|_| Some(1), limits(60_000, 1, 60_000, 0)).unwrap();
        assert_eq!(found.summary.samples, MAX_SAMPLES);
    }

    #[test]
    fn a_failing_run_ends_the_measurement() {
        for last in [0, 3, 30] {
            assert!(measured(|n| (n < last).then_some(1_000), limits(100, 10, 1_000, 20)).is_err());
        }
    }
}
