//! Record of a comparison for JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arm::Arm;
use super::measure::{Sample, Side, Turns, Watch};
use super::options::Statistic;
use gnet_core::{Error, Result, stats};

/// Outcome of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// B is slower than allowed.
    Slower,
    /// B is not slower than allowed.
    NotSlower,
    /// Neither could be shown.
    Undecided,
}

/// Why a comparison was not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The machine is too noisy.
    Noisy,
    /// The difference is too close to what is allowed.
    Close,
}

impl From<stats::Why> for Why {
    fn from(why: stats::Why) -> Self {
        match why {
            stats::Why::Noisy => Self::Noisy,
            stats::Why::Close => Self::Close,
        }
    }
}

/// A finished comparison of B with A. Fractions are of A's time: 0.05 is 5 % slower, -0.1 is 10 % faster.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The outcome.
    pub verdict: Verdict,
    /// Why it was not decided, in words; `null` if it was.
    pub reason: Option<String>,
    /// The same in one word; `null` if it was decided, or ended before it could be.
    pub why: Option<Why>,
    /// Fraction by which B was allowed to be slower.
    pub max_regression: f64,
    /// Time that stands for a turn of a process.
    pub statistic: Statistic,
    /// Hodges-Lehmann estimate of the fraction by which B is slower; `null` without clean pairs.
    pub estimate: Option<f64>,
    /// Interval of that fraction, which holds at whichever look the comparison stopped; `null` for fewer than 6 pairs.
    pub interval: Option<[f64; 2]>,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// p value of "slower than allowed", corrected for the looks.
    pub p_slower: f64,
    /// p value of "not slower than allowed", corrected for the looks.
    pub p_not_slower: f64,
    /// Number of clean pairs, which decided.
    pub pairs: usize,
    /// Number of pairs that were measured.
    pub tried: usize,
    /// Number of pairs that other work disturbed.
    pub disturbed: usize,
    /// Seed of the order within the pairs.
    pub seed: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// Results of the same pairs by the other statistics.
    pub beside: Vec<Beside>,
    /// The arm that B is held against.
    pub a: ArmRecord,
    /// The arm that may be slower.
    pub b: ArmRecord,
    /// Remarks for the reader.
    pub notes: Vec<String>,
    /// Every process, in the order in which they ran.
    pub samples: Vec<Process>,
}

/// Result by a statistic that did not decide.
#[derive(Debug, Clone, Copy, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Beside {
    /// Time that stands for a turn of a process.
    pub statistic: Statistic,
    /// Estimate of the fraction by which B is slower.
    pub estimate: Option<f64>,
    /// Interval of that fraction.
    pub interval: Option<[f64; 2]>,
    /// Whether it contradicts the verdict, or its interval that of the statistic that decided.
    pub disagrees: bool,
}

/// One arm, with the medians of its processes in clean pairs.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArmRecord {
    /// The way it was run.
    pub label: String,
    /// Name of its file.
    pub model: String,
    /// Rule by which disturbance was told.
    pub watch: Watch,
    /// Median run in milliseconds.
    pub p50_ms: Option<f64>,
    /// Fastest run in milliseconds.
    pub min_ms: Option<f64>,
    /// CPU time over wall time, over the threads in use; `null` if not known.
    pub occupancy: Option<f64>,
}

impl From<&ArmRecord> for Side {
    fn from(arm: &ArmRecord) -> Self {
        Self { label: arm.label.clone(), model: arm.model.clone(), watch: arm.watch }
    }
}

/// One process.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Process {
    /// Number of the process, from 0.
    pub index: usize,
    /// Number of its pair, from 0.
    pub pair: usize,
    /// The arm that it measured.
    pub arm: Arm,
    /// Place within its pair: 1 for the one that began, 2 for the other.
    pub order: usize,
    /// Time at which it began, as RFC 3339 writes it; empty if unknown.
    pub started: String,
    /// Fastest run in milliseconds.
    pub min_ms: f64,
    /// Median run in milliseconds.
    pub p50_ms: f64,
    /// Mean of the runs in milliseconds.
    pub mean_ms: f64,
    /// Its turns, each of which is held against that of the other process of the pair with the same number.
    #[serde(default)]
    pub turns: Turns,
    /// CPU time of a run in milliseconds.
    pub cpu_ms: Option<f64>,
    /// CPU time over wall time of the measured region, over the threads in use.
    pub occupancy: Option<f64>,
    /// Whether its row says that it was disturbed: a thread waited for a core, a quota ran out, a GPU slowed down.
    #[serde(default)]
    pub disturbed: Option<bool>,
    /// Whether other work left it alone, as far as that is known. A pair counts if both are clean.
    pub clean: bool,
}

impl Process {
    pub(super) fn of(index: usize, pair: usize, arm: Arm, order: usize, sample: &Sample, clean: bool) -> Self {
        let Sample { started, min_ms, p50_ms, mean_ms, turns, cpu_ms, occupancy, disturbed } = sample.clone();
        Self { index, pair, arm, order, started, min_ms, p50_ms, mean_ms, turns, cpu_ms, occupancy, disturbed, clean }
    }

    pub(super) fn sample(&self) -> Sample {
        let mut sample = Sample::new(self.min_ms, self.p50_ms, self.mean_ms);
        // A record of an older program has no turns.
        if self.turns != Turns::default() {
            sample.turns = self.turns.clone();
        }
        let (cpu_ms, occupancy, disturbed) = (self.cpu_ms, self.occupancy, self.disturbed);
        Sample { started: self.started.clone(), cpu_ms, occupancy, disturbed, ..sample }
    }
}

impl Comparison {
    /// Returns the verdict as the outcome of a command.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`](gnet_core::ErrorKind::Interrupted) if it was stopped, else
    /// [`ErrorKind::Check`](gnet_core::ErrorKind::Check) if B is slower than allowed and
    /// [`ErrorKind::Undecided`](gnet_core::ErrorKind::Undecided) if that could not be told.
    pub fn check(&self) -> Result<()> {
        let thing = format!("{} ({})", self.b.model, self.b.label);
        let reason = self.reason.clone().unwrap_or_default();
        match self.verdict {
            _ if self.interrupted => Err(Error::interrupted(thing, reason).remedy("run the same command again")),
            Verdict::NotSlower => Ok(()),
            Verdict::Slower => Err(Error::check(thing, self.finding())),
            Verdict::Undecided => Err(Error::undecided(thing, reason).with_remedy(self.remedy())),
        }
    }

    fn remedy(&self) -> Option<&'static str> {
        match self.why? {
            Why::Noisy => Some("run it again while nothing else does, or pin it to a core that nothing else uses"),
            Why::Close => Some("allow more or less with --max-regression"),
        }
    }
}
