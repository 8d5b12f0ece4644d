//! The measuring loop: warm-up, steady state.

use std::time::Duration;

use super::{Clock, Limits};
use gnet_core::Result;
use gnet_core::stats::Summary;
use gnet_core::words::counted;

/// The operation that is timed: one run.
pub type Timed<'a> = &'a mut dyn FnMut() -> Result<()>;

/// The steady state of an operation: the times of its runs, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Steady {
    /// Number of runs before it.
    pub warmup_runs: usize,
    /// Time of each run in nanoseconds, at least one.
    pub samples_ns: Vec<u64>,
    /// Percentiles of these.
    pub summary: Summary,
    /// Wall time from before the first of these runs to after the last.
    pub wall: Duration,
    /// CPU time of all threads of this process in that time; `None` if the system does not report it.
    pub cpu: Option<Duration>,
    /// Reasons why fewer samples were taken than requested, or a remark that the times never settled.
    pub notes: Vec<String>,
}

/// Number of warm-up runs in each of the two adjacent windows that are compared.
const WINDOW: usize = 5;

/// Maximum relative difference between the medians of two adjacent windows at which warm-up ends.
const STABLE: f64 = 0.02;

/// Maximum number of samples unless more are requested: more improve no percentile, and would show in the memory
/// figures.
const MAX_SAMPLES: usize = 100_000;

/// Repeats a run until `limits` are met: the loop that [`measure`](super::measure) puts around an engine.
///
/// Warm-up ends when the times are stable, after `max_warmup` runs, or when it has taken the longer of `min_time` and
/// half of `max_time`, whichever comes first; it is at least one run unless `max_warmup` is 0. From the first run of the
/// steady state to its last the loop itself allocates nothing, prints nothing, takes no lock, and asks the system for
/// nothing but the wall time, twice for each run.
///
/// # Errors
/// Those of the run, and no samples to take.
pub fn steady(run: Timed<'_>, clock: &dyn Clock, limits: &Limits) -> Result<Steady> {
    limits.check()?;
    let mut notes = Vec::new();
    let warmup_runs = warm_up(run, clock, limits, &mut notes)?;
    let most = limits.min_samples.max(MAX_SAMPLES);
    let mut samples_ns = Vec::with_capacity(most);
    let (start, cpu_before) = (clock.wall(), clock.cpu());
    sample(run, clock, limits, &mut samples_ns, most)?;
    let (cpu_after, end) = (clock.cpu(), clock.wall());
    samples_ns.shrink_to_fit();
    if samples_ns.len() < limits.min_samples {
        notes.push(format!(
            "stopped after {:?} with {} of {}",
            limits.max_time,
            samples_ns.len(),
            counted(limits.min_samples, "sample")
        ));
    }
    let samples: Vec<Duration> = samples_ns.iter().copied().map(Duration::from_nanos).collect();
    let summary = Summary::of(&samples).ok_or_else(|| gnet_core::Error::input("samples", "none was taken"))?;
    let cpu = cpu_before.zip(cpu_after).map(|(before, after)| after.saturating_sub(before));
    Ok(Steady { warmup_runs, samples_ns, summary, wall: end.saturating_sub(start), cpu, notes })
}

/// Runs once and returns the time that it took.
pub(super) fn timed(run: Timed<'_>, clock: &dyn Clock) -> Result<Duration> {
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

/// Takes samples into `samples`, which has room for the `most` that it may take.
fn sample(run: Timed<'_>, clock: &dyn Clock, limits: &Limits, samples: &mut Vec<u64>, most: usize) -> Result<()> {
    let first = clock.wall();
    loop {
        let start = clock.wall();
        run()?;
        let end = clock.wall();
        samples.push(nanos(end.saturating_sub(start)));
        let elapsed = end.saturating_sub(first);
        let enough = elapsed >= limits.min_time && samples.len() >= limits.min_samples;
        if enough || elapsed >= limits.max_time || samples.len() >= most {
            return Ok(());
        }
    }
}

/// Returns a time in nanoseconds; the largest number for more than five centuries.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
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
        assert_eq!(session.runs, steady.warmup_runs + steady.samples_ns.len(), "every run is accounted for");
        assert_eq!(steady.summary.samples, steady.samples_ns.len());
        assert_eq!(steady.wall, Duration::from_nanos(steady.samples_ns.iter().sum()), "nothing else takes time here");
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
        let found = measured(|_| Some(1_000), limits(100, 10, 1_000, 50)).unwrap();
        assert_eq!(found.warmup_runs, 10);
        assert_eq!(found.summary.samples, 100, "100 ms of 1 ms each");
        assert_eq!(found.cpu, Some(Duration::from_millis(200)), "the warm-up is not in it");
        assert_eq!(found.summary.p90, Some(Duration::from_millis(1)));
        assert!(found.notes.is_empty());
    }

    #[test]
    fn every_sample_is_kept_in_its_order() {
        let found = measured(|n| Some(1_000 + n as u64), limits(0, 64, 60_000, 3)).unwrap();
        assert_eq!(found.samples_ns, (3..67).map(|n| 1_000_000 + 1_000 * n).collect::<Vec<_>>());
    }

    #[test]
    fn a_single_run_is_timed() {
        let clock = MockClock::default();
        let mut session = MockSession { clock: clock.clone(), runs: 0, time: |_| Some(50_000) };
        assert_eq!(timed(&mut || session.run(), &clock).unwrap(), Duration::from_millis(50));
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
