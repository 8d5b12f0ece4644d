//! The two arms, and where their samples come from.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bench::{self, Run, Spec, keeps_busy};
use crate::runtime::Provider;
use gnet_core::Result;

/// One of the two sides of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub enum Arm {
    /// The arm that B is held against.
    A,
    /// The arm that may be slower.
    B,
}

impl Arm {
    /// Returns the other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

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
    /// CPU time of a run, in milliseconds.
    pub cpu_ms: Option<f64>,
    /// CPU time over wall time of the measured region, over the threads in use.
    pub occupancy: Option<f64>,
    /// Whether its row says that it was disturbed ([`Judgement`](bench::Judgement)): a thread waited for a core, a quota ran
    /// out, a GPU slowed down.
    pub disturbed: Option<bool>,
}

impl Sample {
    /// Creates a sample of which only the times are known.
    pub fn new(min_ms: f64, p50_ms: f64, mean_ms: f64) -> Self {
        Self { started: String::new(), min_ms, p50_ms, mean_ms, cpu_ms: None, occupancy: None, disturbed: None }
    }

    /// Takes it from a measured row.
    pub fn of(run: &Run) -> Self {
        Self {
            started: run.started.clone(),
            cpu_ms: run.cpu_ms,
            occupancy: run.occupancy,
            disturbed: run.judgement.disturbed,
            ..Self::new(run.latency_ms.min, run.latency_ms.p50, run.latency_ms.mean)
        }
    }
}

/// Source of samples: processes, a script, a record of the past.
pub trait Measure {
    /// Returns both arms, A first.
    fn sides(&self) -> [Side; 2];

    /// Decides which arm goes first in the next pair, where the coin shows `coin`.
    fn first(&mut self, coin: Arm) -> Arm {
        coin
    }

    /// Measures one arm in a fresh process; `None` if there are no more samples.
    ///
    /// # Errors
    /// Fails if the arm cannot be measured, or with [`ErrorKind::Interrupted`](gnet_core::ErrorKind::Interrupted).
    fn measure(&mut self, arm: Arm) -> Result<Option<Sample>>;
}

/// Listener that hears of each process.
type Ran<'a> = Box<dyn FnMut(Arm, &Spec, &Run) + 'a>;

/// Two rows, each measured in processes of `exe` ([`bench::run_in_worker_until`]).
pub struct Workers<'a> {
    exe: PathBuf,
    arms: [Spec; 2],
    labels: [String; 2],
    stop: &'a AtomicBool,
    ran: Option<Ran<'a>>,
}

impl<'a> Workers<'a> {
    /// Creates the arms from two rows. When `stop` becomes true, the process that measures is ended.
    pub fn new(exe: impl Into<PathBuf>, a: Spec, b: Spec, stop: &'a AtomicBool) -> Self {
        let labels = [a.label(), b.label()];
        Self { exe: exe.into(), arms: [a, b], labels, stop, ran: None }
    }

    /// Sets a listener that gets each process's row as soon as it has ended.
    pub fn each(self, ran: impl FnMut(Arm, &Spec, &Run) + 'a) -> Self {
        Self { ran: Some(Box::new(ran)), ..self }
    }

    /// Sets what the record calls the arms, which is otherwise [`Spec::label`].
    pub fn labels(self, labels: [String; 2]) -> Self {
        Self { labels, ..self }
    }
}

impl Measure for Workers<'_> {
    fn sides(&self) -> [Side; 2] {
        [0, 1].map(|arm| (&self.arms[arm], &self.labels[arm])).map(|(spec, label)| Side {
            label: label.clone(),
            model: spec.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            watch: Watch::of(spec.provider, spec.threads),
        })
    }

    fn measure(&mut self, arm: Arm) -> Result<Option<Sample>> {
        let spec = &self.arms[arm as usize];
        let run = bench::run_in_worker_until(&self.exe, spec, self.stop)?;
        if let Some(ran) = &mut self.ran {
            ran(arm, spec, &run);
        }
        Ok(Some(Sample::of(&run)))
    }
}
