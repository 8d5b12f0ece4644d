//! Judgement of a row, from its samples and from what the machine did meanwhile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::runtime::Provider;
use gnet_core::stats::Trend;

/// Judgement of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Judgement {
    /// Whether other work, or a quota, kept its threads from their cores, or its GPU slowed down; `None` if that cannot be
    /// told.
    pub disturbed: Option<bool>,
    /// Whether mean and median are more than a tenth apart.
    pub parted: bool,
    /// Change of the times from the beginning to the end of the steady state, as a fraction of the median; `None`
    /// below 60 samples.
    pub drift: Option<f64>,
    /// Whether that is more than 5 %, and more than chance: 1 of 100 steady rows is taken for one that drifts.
    pub drifts: bool,
}

/// Facts that a judgement rests on, besides the samples.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Facts {
    /// Whether its engine keeps its threads busy by itself ([`keeps_busy`]).
    pub busy: bool,
    pub occupancy: Option<f64>,
    pub waited: Option<f64>,
    /// Number of periods in which a control group's quota had run out.
    pub throttled: u64,
    /// Whether the GPU slowed itself down: too hot, or at the limit of its supply.
    pub slowed: bool,
    /// The mean less the median, as a fraction of the median.
    pub apart: f64,
}

/// Share of the time for which a busy thread had a core below which other work must have had it: of 334 quiet processes
/// none was below, of 42 with a busy loop on the same core all were.
pub(crate) const CLEAN: f64 = 0.9;

/// Returns whether a row's threads are always busy unless other work has their cores: tract and ONNX Runtime's own kernels
/// keep a single thread busy; several wait for each other, and so does one for a pool or a device.
pub(crate) fn keeps_busy(provider: Provider, threads: usize) -> bool {
    threads == 1 && matches!(provider, Provider::Tract | Provider::Cpu)
}

/// Share of the time for which a thread was ready and had no core above which it was disturbed. With one thread that is
/// what [`CLEAN`] leaves. With several the row takes as long as the slowest of them, so that one thread's wait is the
/// measure and not their mean; a low share of the cores alone says nothing there, since threads wait for each other. How often
/// the rule errs with several threads is not known.
const WAITING: f64 = 0.1;

/// Fraction of the median by which the mean must differ to be reported.
const APART: f64 = 0.1;

/// Fraction of the median by which times must change to be reported. Of 30 processes on a noisy machine, the second
/// half differed from the first by 6 % (one standard deviation).
const DRIFT: f64 = 0.05;

/// With fewer runs the median is as much a matter of luck as the mean.
const FEW: usize = 5;

impl Judgement {
    pub(super) fn of(samples_ns: &[u64], facts: &Facts) -> Self {
        let trend = Trend::of(samples_ns);
        Self {
            disturbed: facts.disturbed(),
            parted: samples_ns.len() >= FEW && facts.apart.abs() > APART,
            drift: trend.map(|trend| trend.change),
            drifts: trend.is_some_and(|trend| trend.significant && trend.change.abs() > DRIFT),
        }
    }
}

impl Facts {
    fn disturbed(&self) -> Option<bool> {
        let busy = self.occupancy.filter(|_| self.busy).map(|share| share < CLEAN);
        let waiting = self.waited.map(|share| share > WAITING);
        match (busy, waiting) {
            _ if self.throttled > 0 || self.slowed => Some(true),
            (None, waiting) => waiting,
            (busy, None) => busy,
            (Some(busy), Some(waiting)) => Some(busy || waiting),
        }
    }

    /// Returns a remark on each thing that is amiss, with what to do about it.
    pub(super) fn remarks(&self, judgement: &Judgement) -> Vec<String> {
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        let mut remarks = Vec::new();
        if judgement.disturbed == Some(true) {
            let waited = self.waited.filter(|share| *share > WAITING);
            remarks.push(match (self.throttled, waited, self.occupancy) {
                _ if self.slowed => "disturbed: the GPU slowed down, too hot or short of power; let it cool, or fix a lower \
                                     clock with nvidia-smi --lock-gpu-clocks"
                    .to_owned(),
                (1.., ..) => "disturbed: the quota of a control group ran out meanwhile; raise it, or use fewer threads".to_owned(),
                (_, Some(share), _) => format!(
                    "disturbed: a thread was ready and had no core for {} of the time; measure when the machine is quiet, or \
                     with fewer threads",
                    percent(share)
                ),
                (_, None, share) => format!(
                    "disturbed: its thread had a core for {} of the time; measure when the machine is quiet",
                    percent(share.unwrap_or_default())
                ),
            });
        }
        if judgement.parted {
            let (side, runs) = if self.apart > 0.0 { ("above", "slow") } else { ("below", "fast") };
            remarks.push(format!(
                "the mean is {} {side} the median: some runs were {runs}, and the median tells more",
                percent(self.apart.abs())
            ));
        }
        if let Some(change) = judgement.drift.filter(|_| judgement.drifts) {
            let (way, settled) =
                if change > 0.0 { ("rise", "the machine grows slower") } else { ("fall", "it had not settled") };
            remarks.push(format!(
                "its times {way} by {} from beginning to end: {settled}; a longer --min-time or --warmup tells more",
                percent(change.abs())
            ));
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disturbed(busy: bool, occupancy: Option<f64>, waited: Option<f64>) -> Option<bool> {
        Facts { busy, occupancy, waited, ..Facts::default() }.disturbed()
    }

    #[test]
    fn one_thread_is_held_to_its_share_of_a_core() {
        for (occupancy, waited, found) in [
            (Some(0.99), Some(0.01), Some(false)),
            (Some(0.9), None, Some(false)),
            (Some(0.89), None, Some(true)),
            (Some(0.89), Some(0.0), Some(true)),
            (Some(0.95), Some(0.2), Some(true)),
            (None, None, None),
        ] {
            assert_eq!(disturbed(true, occupancy, waited), found, "{occupancy:?} {waited:?}");
        }
    }

    #[test]
    fn of_several_threads_the_one_that_waited_longest_decides() {
        assert_eq!(disturbed(false, Some(0.5), Some(0.02)), Some(false), "they wait for each other");
        assert_eq!(disturbed(false, Some(0.95), Some(0.3)), Some(true));
        assert_eq!(disturbed(false, Some(0.95), None), None, "their share alone tells nothing");
        let throttled = Facts { throttled: 2, ..Facts::default() };
        assert_eq!(throttled.disturbed(), Some(true));
    }

    /// The processes of a noisy machine that the rule was made by: quiet ones, and ones beside a busy loop.
    #[test]
    fn the_processes_that_the_rule_was_made_by_are_told_apart() {
        let table = include_str!("../../../tests/fixtures/noise_pairs.csv");
        let names: Vec<&str> = table.lines().next().unwrap().split(',').collect();
        let place = |name: &str| names.iter().position(|found| *found == name).unwrap();
        let (phase, load, mean, cpu) = (place("phase"), place("load"), place("mean_ms"), place("cpu_ms"));
        let mut counts = [[0; 2]; 2];
        for row in table.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
            let of = |place: usize| row[place].parse::<f64>().unwrap();
            let loaded = row[load] == "1";
            if ["A_", "dur", "tdur"].iter().any(|quiet| row[phase].starts_with(quiet)) || loaded {
                let share = of(cpu) / of(mean);
                counts[usize::from(loaded)][usize::from(disturbed(true, Some(share), None).unwrap())] += 1;
            }
        }
        assert_eq!(counts, [[334, 0], [0, 42]], "quiet ones, and those beside a loop: not disturbed, disturbed");
    }

    #[test]
    fn every_remark_says_what_to_do() {
        let facts = |occupancy, waited, throttled, apart| Facts {
            busy: true,
            occupancy,
            waited,
            throttled,
            apart,
            slowed: false,
        };
        let rising: Vec<u64> = (0..200).map(|i| 1000 + i).collect();
        let falling: Vec<u64> = rising.iter().rev().copied().collect();
        let even: Vec<u64> = (0..200).map(|i| 1000 + i % 7).collect();
        let none: [&str; 0] = [];
        let told = |samples: &[u64], facts: Facts| facts.remarks(&Judgement::of(samples, &facts));
        assert_eq!(told(&even, facts(Some(0.99), Some(0.0), 0, 0.01)), none);
        for (samples, facts, says) in [
            (&even, facts(Some(0.62), None, 0, 0.0), "disturbed: its thread had a core for 62 % of the time; measure"),
            (
                &even,
                facts(Some(0.62), Some(0.35), 0, 0.0),
                "disturbed: a thread was ready and had no core for 35 % of the time",
            ),
            (
                &even,
                facts(Some(0.99), None, 3, 0.0),
                "disturbed: the quota of a control group ran out meanwhile; raise it",
            ),
            (
                &even,
                Facts { slowed: true, ..facts(None, Some(0.0), 0, 0.0) },
                "disturbed: the GPU slowed down, too hot",
            ),
            (&even, facts(Some(0.99), None, 0, 0.2), "the mean is 20 % above the median: some runs were slow"),
            (&even, facts(Some(0.99), None, 0, -0.2), "the mean is 20 % below the median: some runs were fast"),
            (
                &rising,
                facts(Some(0.99), None, 0, 0.0),
                "its times rise by 18 % from beginning to end: the machine grows slower",
            ),
            (
                &falling,
                facts(Some(0.99), None, 0, 0.0),
                "its times fall by 18 % from beginning to end: it had not settled",
            ),
        ] {
            let told = told(samples, facts);
            assert!(told.len() == 1 && told[0].starts_with(says), "{told:?}");
        }
        assert!(!Judgement::of(&[1, 1, 1, 100], &facts(None, None, 0, 24.0)).parted, "too few to tell");
    }
}
