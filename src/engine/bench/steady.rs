//! The measuring loop: warm-up, steady state.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Clock, Limits};
use gnet_core::Result;
use gnet_core::stats::{MedianInterval, Summary};
use gnet_core::words::counted;

/// The operation that is timed: one run.
pub type Timed<'a> = &'a mut dyn FnMut() -> Result<()>;

/// The steady state of an operation: the times of its runs, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Steady {
    /// Number of runs before it, and of those that began a turn without being timed.
    pub warmup_runs: usize,
    /// Time of each run in nanoseconds, at least one.
    pub samples_ns: Vec<u64>,
    /// Number of samples in each turn: a single turn unless something else had the machine in between.
    pub turns: Vec<usize>,
    /// Percentiles of the samples.
    pub summary: Summary,
    /// Wall time from before the first run of each turn to after its last.
    pub wall: Duration,
    /// CPU time of all threads of this process in that time; `None` if the system does not report it.
    pub cpu: Option<Duration>,
    /// Time for which the thread that waited longest was ready to run and had no core; `None` if the system does not
    /// report it.
    pub waited: Option<Duration>,
    /// Interval of the median; `None` below 60 samples.
    pub median: Option<MedianInterval>,
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
    let mut sampling = Sampling::warmed(run, clock, limits)?;
    sampling.turn(run, clock, limits)?;
    sampling.end()
}

/// A steady state in the making, in one turn or in several between which something else has the machine.
pub(super) struct Sampling {
    limits: Limits,
    warmup_runs: usize,
    room: Room,
    turns: Vec<usize>,
    wall: Duration,
    cpu: Option<Duration>,
    /// Time for which each thread waited.
    waits: BTreeMap<u32, Duration>,
    notes: Vec<String>,
}

impl Sampling {
    /// Warms up and makes room for the samples.
    pub fn warmed(run: Timed<'_>, clock: &dyn Clock, limits: &Limits) -> Result<Self> {
        limits.check()?;
        let mut notes = Vec::new();
        let warmup_runs = warm_up(run, clock, limits, &mut notes)?;
        let room = Room::for_samples(limits.min_samples.max(MAX_SAMPLES), limits.relative_width.is_some());
        Ok(Self {
            limits: *limits,
            warmup_runs,
            room,
            turns: Vec::new(),
            wall: Duration::ZERO,
            cpu: Some(Duration::ZERO),
            waits: BTreeMap::new(),
            notes,
        })
    }

    /// Runs once without taking a sample.
    pub fn untimed(&mut self, run: Timed<'_>) -> Result<()> {
        self.warmup_runs += 1;
        run()
    }

    /// Takes the samples of one turn, which has limits of its own.
    pub fn turn(&mut self, run: Timed<'_>, clock: &dyn Clock, limits: &Limits) -> Result<()> {
        let (before, waits_before) = (self.room.samples_ns.len(), clock.waits());
        let (start, cpu_before) = (clock.wall(), clock.cpu());
        sample(run, clock, limits, &mut self.room)?;
        let (cpu_after, end) = (clock.cpu(), clock.wall());
        add_waits(&mut self.waits, &waits_before, &clock.waits());
        let cpu = cpu_before.zip(cpu_after).map(|(before, after)| after.saturating_sub(before));
        self.cpu = self.cpu.zip(cpu).map(|(so_far, more)| so_far + more);
        self.wall += end.saturating_sub(start);
        self.turns.push(self.room.samples_ns.len() - before);
        Ok(())
    }

    /// Returns `true` if the turns so far are as long as the limits ask, and have as many samples.
    pub fn is_enough(&self) -> bool {
        self.wall >= self.limits.min_time && self.room.samples_ns.len() >= self.limits.min_samples
    }

    /// Returns `true` if the turns so far have taken the maximum time or as many samples as there is room for.
    pub fn is_over(&self) -> bool {
        self.wall >= self.limits.max_time || self.room.samples_ns.len() >= self.room.most
    }

    /// Sums up what the turns took.
    pub fn end(self) -> Result<Steady> {
        let Self { limits, mut notes, room: Room { mut samples_ns, mut scratch, .. }, .. } = self;
        samples_ns.shrink_to_fit();
        if samples_ns.len() < limits.min_samples {
            notes.push(format!(
                "stopped after {:?} with {} of {}",
                limits.max_time,
                samples_ns.len(),
                counted(limits.min_samples, "sample")
            ));
        }
        let median = MedianInterval::of(&samples_ns, &mut scratch);
        notes.extend(too_wide(median, &limits, samples_ns.len()));
        let samples: Vec<Duration> = samples_ns.iter().copied().map(Duration::from_nanos).collect();
        let summary = Summary::of(&samples).ok_or_else(|| gnet_core::Error::input("samples", "none was taken"))?;
        Ok(Steady {
            warmup_runs: self.warmup_runs,
            samples_ns,
            turns: self.turns,
            summary,
            wall: self.wall,
            cpu: self.cpu,
            waited: self.waits.into_values().max(),
            median,
            notes,
        })
    }
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

/// Room for everything that sampling needs, made before it begins.
struct Room {
    samples_ns: Vec<u64>,
    /// Maximum number of samples.
    most: usize,
    /// Buffer in which samples are sorted.
    scratch: Vec<u64>,
}

impl Room {
    fn for_samples(most: usize, sorted: bool) -> Self {
        let scratch = Vec::with_capacity(if sorted { most } else { 0 });
        Self { samples_ns: Vec::with_capacity(most), most, scratch }
    }

    /// Returns `true` if the interval of the median is as narrow as asked.
    fn is_narrow(&mut self, width: f64) -> bool {
        let found = MedianInterval::of(&self.samples_ns, &mut self.scratch);
        found.is_some_and(|interval| interval.relative_width() <= width)
    }
}

/// Takes samples until the limits are met. The width of the interval is looked at whenever the samples have doubled, between
/// two of them: seldom enough that a width that chance made narrow for a moment is hardly ever met.
fn sample(run: Timed<'_>, clock: &dyn Clock, limits: &Limits, room: &mut Room) -> Result<()> {
    let (first, before) = (clock.wall(), room.samples_ns.len());
    let mut next_look = 0;
    loop {
        let start = clock.wall();
        run()?;
        let end = clock.wall();
        room.samples_ns.push(nanos(end.saturating_sub(start)));
        let taken = room.samples_ns.len() - before;
        let elapsed = end.saturating_sub(first);
        if elapsed >= limits.max_time || room.samples_ns.len() >= room.most {
            return Ok(());
        }
        if elapsed < limits.min_time || taken < limits.min_samples || taken < next_look {
            continue;
        }
        match limits.relative_width {
            Some(width) if !room.is_narrow(width) => next_look = 2 * taken,
            _ => return Ok(()),
        }
    }
}

/// Returns a note if the interval of the median is wider than asked.
fn too_wide(found: Option<MedianInterval>, limits: &Limits, samples: usize) -> Option<String> {
    let asked = limits.relative_width?;
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let known = match found.map(|interval| interval.relative_width()) {
        Some(width) if width <= asked => return None,
        Some(width) => format!("known within {}, not {}", percent(width), percent(asked)),
        None => format!("not known within {}", percent(asked)),
    };
    Some(format!("the median is {known}, after {}: a longer --max-time narrows it", counted(samples, "sample")))
}

/// Adds what each thread waited between two readings. A thread that was not there before began with none.
fn add_waits(waits: &mut BTreeMap<u32, Duration>, before: &[(u32, Duration)], after: &[(u32, Duration)]) {
    let earlier =
        |thread| before.iter().find(|(number, _)| *number == thread).map_or(Duration::ZERO, |(_, wait)| *wait);
    for (thread, wait) in after {
        *waits.entry(*thread).or_default() += wait.saturating_sub(earlier(*thread));
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

    /// Times that alternate about 1 ms by one part in a hundred, so that the interval is never narrower than that.
    #[test]
    fn a_row_ends_when_its_median_is_known_well_enough() {
        let width = |width, max_ms| Limits { relative_width: Some(width), ..limits(0, 64, max_ms, 0) };
        // Any order of some spread: a multiple of a number that has no factor in common with 997.
        let spread = |n: usize| Some(1_000 + (n as u64 * 617) % 997);
        let at = |asked| measured(spread, width(asked, 60_000)).unwrap();
        let counts: Vec<_> = [0.9, 0.2, 0.05].map(at).iter().map(|found| found.samples_ns.len()).collect();
        assert!(counts.is_sorted() && counts[0] == 64 && counts[2] > counts[1], "{counts:?}");
        assert!(counts.iter().all(|count| (count / 64).is_power_of_two() && count % 64 == 0), "{counts:?}");
        for asked in [0.9, 0.2, 0.05] {
            let found = at(asked);
            assert!(found.median.unwrap().relative_width() <= asked && found.notes.is_empty(), "{:?}", found.notes);
        }
        let limit = measured(spread, width(0.000_1, 500)).unwrap();
        let known = 100.0 * limit.median.unwrap().relative_width();
        let says =
            format!("the median is known within {known:.2} %, not 0.01 %, after {} samples", limit.samples_ns.len());
        assert_eq!(limit.notes, [format!("{says}: a longer --max-time narrows it")]);
        let few = measured(|_| Some(10_000), Limits { min_samples: 3, ..width(0.5, 100) }).unwrap();
        assert_eq!(
            few.notes,
            ["the median is not known within 50.00 %, after 10 samples: a longer --max-time narrows it"]
        );
    }

    #[test]
    fn the_thread_that_waited_longest_counts_from_its_own_beginning() {
        let ms = Duration::from_millis;
        let (before, after) = ([(1, ms(50)), (2, ms(10))], [(1, ms(60)), (2, ms(40)), (9, ms(7))]);
        let mut waits = BTreeMap::new();
        add_waits(&mut waits, &[], &[]);
        assert_eq!(waits, BTreeMap::new());
        add_waits(&mut waits, &before, &after);
        assert_eq!(waits, BTreeMap::from([(1, ms(10)), (2, ms(30)), (9, ms(7))]));
        // The next turn: what a thread waited between the two is not in it.
        add_waits(&mut waits, &[(1, ms(100))], &[(1, ms(125))]);
        assert_eq!(waits, BTreeMap::from([(1, ms(35)), (2, ms(30)), (9, ms(7))]));
    }

    #[test]
    fn what_happens_between_two_turns_is_in_neither() {
        let clock = MockClock::default();
        let mut session = MockSession { clock: clock.clone(), runs: 0, time: |_| Some(1_000) };
        let mut run = || session.run();
        let whole = limits(25, 22, 60, 0);
        let mut sampling = Sampling::warmed(&mut run, &clock, &whole).unwrap();
        let turn = limits(10, 3, 1_000, 0);
        for (enough, over) in
            [(false, false), (false, false), (true, false), (true, false), (true, false), (true, true)]
        {
            clock.0.fetch_add(70_000, Ordering::Relaxed);
            sampling.untimed(&mut run).unwrap();
            sampling.turn(&mut run, &clock, &turn).unwrap();
            assert_eq!((sampling.is_enough(), sampling.is_over()), (enough, over));
        }
        let found = sampling.end().unwrap();
        assert_eq!((found.turns, found.warmup_runs), (vec![10; 6], 6));
        assert_eq!((found.wall, found.cpu), (Duration::from_millis(60), Some(Duration::from_millis(120))));
        assert!(found.notes.is_empty());
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
