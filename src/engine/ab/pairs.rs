//! The loop: pair after pair until it can be told, or cannot be told here.

use std::time::Duration;

use super::arm::Arm;
use super::coin::Coin;
use super::measure::{Measure, Pair, Sample, Side};
use super::options::{AbOptions, Statistic};
use super::print::{percent, watched};
use super::record::{ArmRecord, Beside, Comparison, Process, Verdict, Why};
use super::undisturbed::Occupancies;
use crate::bench::Clock;
use gnet_core::stats::{self, Decision, Sequential, SequentialPlan};
use gnet_core::words::counted;
use gnet_core::{Error, ErrorKind, Result};

/// News for an observer after each pair.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PairDone {
    /// Number of pairs measured so far.
    pub tried: usize,
    /// Number of clean ones among them.
    pub pairs: usize,
    /// Whether this one was clean.
    pub clean: bool,
    /// Fraction by which B was slower in this pair.
    pub slower: f64,
    /// Estimate of that fraction from the clean pairs so far.
    pub estimate: Option<f64>,
}

/// Compares two arms until it can be told whether B is slower than allowed; `seen` hears of each pair and says whether to
/// go on. A comparison that is stopped, by `seen` or by an arm that was interrupted, is a record of what was measured.
///
/// # Errors
/// Those of the options and of either arm, which is named; fails if runs are too short for the clock.
pub fn compare(
    measure: &mut dyn Measure,
    clock: &dyn Clock,
    options: &AbOptions,
    seen: &mut dyn FnMut(&PairDone) -> bool,
) -> Result<Comparison> {
    options.check()?;
    let sides = measure.sides();
    let start = clock.wall();
    let mut state = State::new(&sides, options);
    let end = loop {
        if let Some(end) = state.end(clock.wall().saturating_sub(start)) {
            break end;
        }
        match state.pair(measure) {
            Ok(Some(done)) if !seen(&done) => break End::Interrupted,
            Ok(Some(_)) => {}
            Ok(None) => break End::NoMore,
            Err(error) if error.kind() == ErrorKind::Interrupted => break End::Interrupted,
            Err(error) => return Err(error),
        }
    };
    Ok(state.record(sides, end, clock.wall().saturating_sub(start)))
}

/// Why no further pair is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Decided(Decision),
    Disturbed,
    Time(Duration),
    NoMore,
    Interrupted,
}

struct State<'a> {
    options: &'a AbOptions,
    test: Sequential,
    coin: Coin,
    occupancies: [Occupancies; 2],
    tried: usize,
    samples: Vec<Process>,
    /// The clean pairs, A and B.
    clean: Vec<[Sample; 2]>,
}

impl<'a> State<'a> {
    fn new(sides: &[Side; 2], options: &'a AbOptions) -> Self {
        Self {
            options,
            test: Sequential::new(options.plan()),
            coin: Coin::new(options.seed),
            occupancies: sides.each_ref().map(|side| Occupancies::new(side.watch)),
            tried: 0,
            samples: Vec::new(),
            clean: Vec::new(),
        }
    }

    fn end(&self, elapsed: Duration) -> Option<End> {
        let too_noisy = self.tried >= self.options.max_tries
            || self.tried >= AbOptions::EARLY && self.clean.len() < self.options.min_clean;
        let late = self.options.max_time.filter(|limit| elapsed >= *limit);
        let decided = self.test.decision().map(End::Decided);
        decided.or(too_noisy.then_some(End::Disturbed)).or(late.map(End::Time))
    }

    /// Measures one pair; `None` if there are no more.
    fn pair(&mut self, measure: &mut dyn Measure) -> Result<Option<PairDone>> {
        let Some(Pair { first, samples: [a, b] }) = measure.pair(&mut self.coin.of_next_pair())? else {
            return Ok(None);
        };
        let mut clean = true;
        for (place, arm) in [first, first.other()].into_iter().enumerate() {
            let sample = if arm == Arm::A { &a } else { &b };
            measurable(arm, sample)?;
            let alone = self.occupancies[arm as usize].undisturbed(sample);
            clean &= alone;
            self.samples.push(Process::of(self.samples.len(), self.tried, arm, place + 1, sample, alone));
        }
        self.tried += 1;
        let ratio = log_ratio(self.options.statistic, &a, &b);
        if clean {
            self.test.push(ratio);
            self.clean.push([a, b]);
        }
        Ok(Some(PairDone {
            tried: self.tried,
            pairs: self.clean.len(),
            clean,
            slower: ratio.exp_m1(),
            estimate: self.test.estimate().map(f64::exp_m1),
        }))
    }

    fn record(self, sides: [Side; 2], end: End, elapsed: Duration) -> Comparison {
        let [side_a, side_b] = sides;
        let (a, b) = (self.arm(Arm::A, side_a), self.arm(Arm::B, side_b));
        let (verdict, why, reason) = self.verdict(end);
        let allowed = self.options.max_regression;
        let mut record = Comparison {
            verdict,
            reason,
            why,
            max_regression: allowed,
            statistic: self.options.statistic,
            estimate: self.test.estimate().map(f64::exp_m1),
            interval: fractions(&self.test),
            confidence: self.test.confidence(),
            p_slower: self.test.p_slower(),
            p_not_slower: self.test.p_not_slower(),
            pairs: self.clean.len(),
            tried: self.tried,
            disturbed: self.tried - self.clean.len(),
            seed: self.options.seed,
            seconds: elapsed.as_secs_f64(),
            interrupted: end == End::Interrupted,
            beside: Vec::new(),
            notes: watched([&a, &b]),
            a,
            b,
            samples: self.samples,
        };
        let others = Statistic::ALL.into_iter().filter(|other| *other != record.statistic);
        record.beside = others.map(|other| beside(&record, self.options.plan(), other, &self.clean)).collect();
        record
    }

    /// Returns an arm with the medians of its processes in clean pairs; of all of them if no pair was clean.
    fn arm(&self, arm: Arm, side: Side) -> ArmRecord {
        let mut samples: Vec<Sample> = self.clean.iter().map(|pair| pair[arm as usize].clone()).collect();
        if samples.is_empty() {
            samples = self.samples.iter().filter(|process| process.arm == arm).map(Process::sample).collect();
        }
        let of =
            |value: fn(&Sample) -> Option<f64>| stats::median(&samples.iter().filter_map(value).collect::<Vec<_>>());
        ArmRecord {
            label: side.label,
            model: side.model,
            watch: side.watch,
            p50_ms: of(|sample| Some(sample.p50_ms)),
            min_ms: of(|sample| Some(sample.min_ms)),
            occupancy: of(|sample| sample.occupancy),
        }
    }

    fn verdict(&self, end: End) -> (Verdict, Option<Why>, Option<String>) {
        let pairs = counted(self.clean.len(), "clean pair");
        let undecided = |why, reason| (Verdict::Undecided, why, Some(reason));
        match end {
            End::Decided(Decision::Slower) => (Verdict::Slower, None, None),
            End::Decided(Decision::NotSlower) => (Verdict::NotSlower, None, None),
            End::Decided(Decision::Undecided(why)) => {
                let why = Why::from(why);
                undecided(Some(why), self.undecided(why))
            }
            End::Disturbed => {
                let tried = counted(self.tried, "pair");
                let reason = format!("too noisy: other work disturbed {} of {tried}", self.tried - self.clean.len());
                undecided(Some(Why::Noisy), reason)
            }
            End::Time(limit) => undecided(None, format!("the time limit of {limit:?} came after {pairs}")),
            End::NoMore => undecided(None, format!("the stored samples end after {pairs}")),
            End::Interrupted => undecided(None, format!("interrupted after {pairs}")),
        }
    }

    fn undecided(&self, why: Why) -> String {
        let pairs = counted(self.clean.len(), "pair");
        let [low, high] = fractions(&self.test).unwrap_or_default();
        match why {
            Why::Noisy => format!("too noisy: {pairs} leave {} between the ends of the interval", percent(high - low)),
            Why::Close => {
                let allowed = percent(self.options.max_regression);
                format!("too close to the limit: {pairs} do not tell B's difference from {allowed}")
            }
        }
    }
}

/// Returns the interval of a test as fractions.
fn fractions(test: &Sequential) -> Option<[f64; 2]> {
    test.interval().map(|(low, high)| [low.exp_m1(), high.exp_m1()])
}

/// Returns what another statistic says of the same pairs.
fn beside(record: &Comparison, mut plan: SequentialPlan, statistic: Statistic, pairs: &[[Sample; 2]]) -> Beside {
    // Without looks it takes every pair.
    plan.looks.clear();
    let mut test = Sequential::new(plan);
    for [a, b] in pairs {
        test.push(log_ratio(statistic, a, b));
    }
    let interval = fractions(&test);
    let apart = |other: [f64; 2], own: [f64; 2]| other[1] < own[0] || own[1] < other[0];
    let disagrees = interval.is_some_and(|other| {
        let verdict = match record.verdict {
            Verdict::Slower => other[1] < record.max_regression,
            Verdict::NotSlower => other[0] > record.max_regression,
            Verdict::Undecided => false,
        };
        verdict || record.interval.is_some_and(|own| apart(other, own))
    });
    Beside { statistic, estimate: test.estimate().map(f64::exp_m1), interval, disagrees }
}

/// Returns the logarithm of B's time over A's: of one turn after the other, the median. What strikes both processes for some
/// turns then cancels, and what strikes one for a few does not count.
fn log_ratio(statistic: Statistic, a: &Sample, b: &Sample) -> f64 {
    let of = |(min, p50)| statistic.value(min, p50).ln();
    let ratios: Vec<f64> = a.turns.each().zip(b.turns.each()).map(|(a, b)| of(b) - of(a)).collect();
    stats::median(&ratios).unwrap_or_default()
}

/// Refuses times of which no ratio can be taken.
fn measurable(arm: Arm, sample: &Sample) -> Result<()> {
    let fine = |(min, p50): (f64, f64)| [min, p50].iter().all(|ms| *ms > 0.0 && ms.is_finite());
    let whole = (sample.min_ms, sample.p50_ms);
    if fine(whole) && sample.turns.each().all(fine) && sample.turns.each().next().is_some() {
        return Ok(());
    }
    let reason = format!("its runs take {} to {} ms, too short for the clock", whole.0, whole.1);
    Err(Error::input(format!("arm {arm:?}"), reason).remedy("give a larger --batch"))
}
