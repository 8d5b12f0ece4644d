//! Benchmarks of ONNX files.
//!
//! [`measure`] measures one row in this process; [`run_in_worker`] does so in a fresh one, so that neither memory nor
//! warm caches carry over from row to row. Times come from a [`Clock`], so that the loop is tested without waiting.
//!
//! ```
//! # use gnet_engine as gnet;
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).unwrap();
//! use std::time::Duration;
//!
//! use gnet::bench::{Spec, measure};
//! use gnet::runtime::Provider;
//!
//! # if Provider::Tract.ensure_available().is_err() { return Ok(()) }
//! let mut spec = Spec::new("dynamic.onnx", Provider::Tract);
//! spec.batch = 4;
//! spec.limits.min_time = Duration::ZERO;
//! spec.limits.min_samples = 3;
//! let run = measure(&spec)?;
//! println!("{} runs of 4 images, {} ms in the median", run.samples, run.latency_ms.p50);
//! # Ok::<(), gnet_core::Error>(())
//! ```

mod clock;
mod copies;
mod feed;
mod judgement;
mod latency;
pub mod log;
mod measure;
mod memory;
mod orders;
mod profile;
mod record;
mod steady;
mod sweep;
mod tracker;
mod turns;
mod worker;

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use clock::{Clock, SystemClock};
pub use copies::Copies;
pub use feed::{Fed, Feed};
pub use judgement::Judgement;
pub(crate) use judgement::{CLEAN, keeps_busy};
pub use latency::Latency;
pub use measure::measure;
pub(crate) use measure::measured;
pub(crate) use orders::{TurnAnswer, TurnOrder, packed};
pub use profile::{Operator, Profile};
pub(crate) use record::ms;
pub use record::{Environment, Measurement, Run};
pub use steady::{Steady, Timed, steady};
pub use sweep::{Knee, Sweep};
pub use tracker::Tracker;
pub(crate) use turns::Turning;
pub(crate) use worker::RowWorker;
pub use worker::{run_in_worker, run_in_worker_until};

use crate::runtime::{EngineOptions, Provider, RunOptions};
use gnet_core::graph::Sizes;
use gnet_core::{Error, OnnxFile, Result, files};

/// One row of a benchmark: a file, the way it is run, and the duration of the measurement.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Spec {
    /// The ONNX file.
    pub path: PathBuf,
    /// Provider that runs it.
    pub provider: Provider,
    /// Number of images per run.
    pub batch: usize,
    /// Number of threads that the engine may use.
    pub threads: usize,
    /// Limits of the measurement.
    pub limits: Limits,
    /// MACs of one image, if known, from which the GMAC/s follow.
    pub macs_per_image: Option<u64>,
    /// Options of ONNX Runtime and its providers.
    #[serde(default)]
    pub engine: EngineOptions,
    /// Choices for the file's inputs.
    #[serde(default)]
    pub feed: Feed,
    /// Path for the engine's trace of a few more runs, after the measured ones; `None` for no trace.
    #[serde(default)]
    pub trace: Option<PathBuf>,
    /// Path for the outputs of the last run, by name and in their own types, as a `.npz`; `None` to write none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<PathBuf>,
}

/// Limits of warm-up and measurement.
#[derive(Debug, Clone, Copy, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// The steady state is measured for at least this time ...
    #[serde(rename = "min_time_s", with = "seconds")]
    #[schemars(with = "f64")]
    pub min_time: Duration,
    /// ... and at least this many samples ...
    pub min_samples: usize,
    /// ... unless it has taken this long.
    #[serde(rename = "max_time_s", with = "seconds")]
    #[schemars(with = "f64")]
    pub max_time: Duration,
    /// The steady state is measured until the interval of the median is narrower than this fraction of it, beyond the two
    /// above and within the maximum; `None` to stop by these alone.
    #[serde(default)]
    pub relative_width: Option<f64>,
    /// Time limit for loading and the first run together in a separate process, after which the row is aborted.
    #[serde(rename = "max_load_s", with = "seconds")]
    #[schemars(with = "f64")]
    pub max_load: Duration,
    /// Maximum number of warm-up runs after the first; fewer if the times are stable earlier.
    pub max_warmup: usize,
}

impl Limits {
    /// Default of `max_load`: TensorRT takes minutes to build an engine.
    pub const LOADING: Duration = Duration::from_secs(600);

    /// Largest `min_samples`: room for all of them is made before the first.
    pub const MOST_SAMPLES: usize = 10_000_000;

    /// Refuses limits that contradict each other.
    fn check(&self) -> Result<()> {
        let thing = format!("samples {}", self.min_samples);
        if self.min_samples == 0 {
            return Err(Error::input(thing, "a measurement needs at least one"));
        }
        if self.min_samples > Self::MOST_SAMPLES {
            return Err(Error::input(thing, format!("are more than {}", Self::MOST_SAMPLES)));
        }
        if let Some(width) = self.relative_width.filter(|width| !(*width > 0.0 && *width <= 1.0)) {
            return Err(Error::input(format!("relative width {width}"), "is not a share above 0 and up to 1"));
        }
        if self.min_time > self.max_time {
            let thing = format!("minimum time {:?}", self.min_time);
            return Err(Error::input(thing, format!("is above the maximum of {:?}", self.max_time))
                .remedy("raise the maximum as well"));
        }
        Ok(())
    }
}

impl Default for Limits {
    /// Returns two seconds and 64 samples (enough for a p90), at most 30 seconds, and at most 100 warm-up runs.
    fn default() -> Self {
        Self {
            min_time: Duration::from_secs(2),
            min_samples: gnet_core::stats::min_samples(0.9),
            max_time: Duration::from_secs(30),
            relative_width: None,
            max_load: Self::LOADING,
            max_warmup: 100,
        }
    }
}

impl Spec {
    /// Creates a row for a file in an engine: one image on one thread, with the default limits.
    pub fn new(path: impl Into<PathBuf>, provider: Provider) -> Self {
        Self {
            path: path.into(),
            provider,
            batch: 1,
            threads: 1,
            limits: Limits::default(),
            macs_per_image: None,
            engine: EngineOptions::default(),
            feed: Feed::default(),
            trace: None,
            outputs: None,
        }
    }

    /// Refuses what no engine could run, before anything runs.
    ///
    /// # Errors
    /// Fails on a batch or number of threads that is 0 or unreasonably large, no samples to take, contradictory limits,
    /// a missing file, a trace or outputs that would replace an input, meaningless engine options, or a provider that this build
    /// does not have.
    pub fn validate(&self) -> Result<()> {
        self.options().check()?;
        self.limits.check()?;
        files::check_readable(&self.path)?;
        self.trace.iter().chain(&self.outputs).try_for_each(|path| files::check_place(path))?;
        self.provider.ensure_available()
    }

    pub(crate) fn options(&self) -> RunOptions {
        let (threads, batch) = (self.threads, self.batch);
        RunOptions { threads, batch, sizes: self.feed.sizes.clone(), engine: self.engine.clone() }
    }

    /// Returns a short description of the row: `tract, batch 8, 2 threads`.
    pub fn label(&self) -> String {
        record::row_label(self.provider, self.batch, self.threads)
    }
}

/// Facts that the rows need from the file itself, as far as they can be determined: a measurement does not fail because
/// of a missing count, only because of a missing model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileFacts {
    /// MACs of one image, if they can be counted.
    pub macs_per_image: Option<u64>,
    /// Batch that the file, or the sizes it is fed, fix; `None` if any will do.
    pub fixed_batch: Option<usize>,
}

impl FileFacts {
    /// Returns the facts of a file that is fed these sizes.
    ///
    /// # Errors
    /// Those of [`OnnxFile::model`].
    pub fn of(file: &OnnxFile, sizes: &Sizes) -> Result<Self> {
        let fixed_batch = sizes.fed(&file.model()?.graph.stated_inputs()).ok().and_then(|fed| fed.fixed_batch());
        Ok(Self { macs_per_image: file.cost(sizes).ok().map(|cost| cost.macs), fixed_batch })
    }
}

/// Times as numbers of seconds, exact to the nanosecond below a hundred days.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(time.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        Spec {
            path: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/dynamic.onnx"),
            provider: Provider::Tract,
            batch: 1,
            threads: 1,
            limits: Limits::default(),
            macs_per_image: None,
            engine: EngineOptions::default(),
            feed: Feed::default(),
            trace: None,
            outputs: None,
        }
    }

    #[test]
    fn what_cannot_run_is_refused_before_it_runs() {
        let refused = |change: fn(&mut Spec), says: &str| {
            let mut spec = spec();
            change(&mut spec);
            let error = spec.validate().unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        };
        refused(|s| s.batch = 0, "batch 0: a run needs at least one");
        refused(|s| s.batch = 1 << 20, "batch 1048576: is more than 65536");
        refused(|s| s.threads = 0, "threads 0: a run needs at least one");
        refused(|s| s.threads = 100_000, "threads 100000: is more than 1024");
        refused(|s| s.limits.min_samples = 0, "samples 0: a measurement needs at least one");
        refused(|s| s.limits.min_samples = usize::MAX, "samples 18446744073709551615: are more than 10000000");
        refused(|s| s.limits.relative_width = Some(0.0), "relative width 0: is not a share above 0 and up to 1");
        refused(|s| s.limits.relative_width = Some(f64::NAN), "relative width NaN: is not a share");
        refused(|s| s.limits.max_time = Duration::from_secs(1), "minimum time 2s: is above the maximum of 1s");
        refused(|s| s.path = "no/such.onnx".into(), "no/such.onnx: ");
        refused(|s| s.path = env!("CARGO_MANIFEST_DIR").into(), "is a folder where a file is expected");
        refused(|s| s.engine.min_placement = 2.0, "minimum placement 2: is not a share between 0 and 1");
        #[cfg(not(feature = "ort"))]
        refused(|s| s.provider = Provider::Cuda, "provider cuda: this build has no ONNX Runtime");
        #[cfg(feature = "tract")]
        spec().validate().unwrap();
    }

    #[test]
    fn a_label_says_what_runs() {
        assert_eq!(spec().label(), "tract, batch 1, 1 thread");
        assert_eq!(Spec { batch: 8, threads: 2, ..spec() }.label(), "tract, batch 8, 2 threads");
    }
}
