//! The two arms, and where their samples come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arm::Arm;
use super::coin::Coin;
use crate::bench::{Run, Spec, keeps_busy};
use crate::runtime::Provider;
use gnet_core::{Result, stats};

/// Rule by which a process is told to be disturbed by other work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watch {
    /// Its threads are always busy: they had a core for less than 0.9 of the time.
    Busy,
    /// Its threads wait for each other, nobody knows for how long: their share was less than 0.9 of the median of this
    /// arm's processes so far.
    Usual,
    /// By nothing besides: it computes on a device, of which the processor's time tells nothing.
    Unwatched,
}

impl Watch {
    /// Returns how a row is watched, besides what it says itself ([`Sample::disturbed`]).
    pub fn of(provider: Provider, threads: usize) -> Self {
        match (provider, threads) {
            (Provider::Cuda | Provider::TensorRt, _) => Self::Unwatched,
            _ if keeps_busy(provider, threads) => Self::Busy,
            _ => Self::Usual,
        }
    }
}

/// Description of an arm besides its times.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Side {
    /// The way it is run: `tract, batch 8, 2 threads`.
    pub label: String,
    /// Name of its file.
    pub model: String,
    /// Rule by which disturbance is told.
    pub watch: Watch,
}

impl Side {
    /// Creates a side whose threads are always busy.
    pub fn new(label: impl Into<String>, model: impl Into<String>) -> Self {
        Self { label: label.into(), model: model.into(), watch: Watch::Busy }
    }

    /// Describes a row.
    pub fn of(spec: &Spec) -> Self {
        Self {
            label: spec.label(),
            model: spec.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            watch: Watch::of(spec.provider, spec.threads),
        }
    }
}

/// Turns of a process: those of a pair alternate, so that each is held against what the other process took at the same time.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Turns {
    /// Fastest run of each turn, in milliseconds.
    pub min_ms: Vec<f64>,
    /// Median run of each turn, in milliseconds.
    pub p50_ms: Vec<f64>,
}

impl Turns {
    /// Creates a single turn.
    fn one(min_ms: f64, p50_ms: f64) -> Self {
        Self { min_ms: vec![min_ms], p50_ms: vec![p50_ms] }
    }

    /// Takes them from a measured row.
    fn of(run: &Run) -> Self {
        if run.turns.len() < 2 {
            return Self::one(run.latency_ms.min, run.latency_ms.p50);
        }
        let mut rest = &run.samples_ns[..];
        let mut turns = Self::default();
        for samples in &run.turns {
            let (turn, later) = rest.split_at((*samples).min(rest.len()));
            rest = later;
            let ms: Vec<f64> = turn.iter().map(|ns| *ns as f64 / 1e6).collect();
            turns.min_ms.extend(ms.iter().copied().min_by(f64::total_cmp));
            turns.p50_ms.extend(stats::median(&ms));
        }
        turns
    }

    /// Returns the fastest and the median run of each.
    pub(super) fn each(&self) -> impl Iterator<Item = (f64, f64)> {
        self.min_ms.iter().copied().zip(self.p50_ms.iter().copied())
    }
}

/// Result of one process.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// Time at which it began, as RFC 3339 writes it; empty if unknown.
    pub started: String,
    /// Fastest run, in milliseconds.
    pub min_ms: f64,
    /// Median run, in milliseconds.
    pub p50_ms: f64,
    /// Mean of the runs, in milliseconds.
    pub mean_ms: f64,
    /// The same of each turn.
    pub turns: Turns,
    /// CPU time of a run, in milliseconds.
    pub cpu_ms: Option<f64>,
    /// CPU time over wall time of the measured region, over the threads in use.
    pub occupancy: Option<f64>,
    /// Whether its row says that it was disturbed ([`Judgement`](crate::bench::Judgement)): a thread waited for a core, a quota ran
    /// out, a GPU slowed down.
    pub disturbed: Option<bool>,
}

impl Sample {
    /// Creates a sample of a single turn, of which only the times are known.
    pub fn new(min_ms: f64, p50_ms: f64, mean_ms: f64) -> Self {
        let turns = Turns::one(min_ms, p50_ms);
        Self { started: String::new(), min_ms, p50_ms, mean_ms, turns, cpu_ms: None, occupancy: None, disturbed: None }
    }

    /// Takes it from a measured row.
    pub fn of(run: &Run) -> Self {
        Self {
            started: run.started.clone(),
            cpu_ms: run.cpu_ms,
            occupancy: run.occupancy,
            disturbed: run.judgement.disturbed,
            turns: Turns::of(run),
            ..Self::new(run.latency_ms.min, run.latency_ms.p50, run.latency_ms.mean)
        }
    }
}

/// Results of both processes of a pair.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pair {
    /// The arm whose process began.
    pub first: Arm,
    /// Results of A and B.
    pub samples: [Sample; 2],
}

impl Pair {
    /// Creates a pair of the results of A and B.
    pub fn new(first: Arm, samples: [Sample; 2]) -> Self {
        Self { first, samples }
    }
}

/// Source of pairs: processes, a script, a record of the past.
pub trait Measure {
    /// Returns both arms, A first.
    fn sides(&self) -> [Side; 2];

    /// Measures both arms in fresh processes; `None` if there are no more pairs. The coin's first toss decides which arm
    /// begins.
    ///
    /// # Errors
    /// Fails if an arm, which is named ([`Arm::named`]), cannot be measured, or with
    /// [`ErrorKind::Interrupted`](gnet_core::ErrorKind::Interrupted).
    fn pair(&mut self, coin: &mut Coin) -> Result<Option<Pair>>;
}
