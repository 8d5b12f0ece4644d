//! Measurement of one row in this process.

use std::path::Path;
use std::time::Duration;

use super::copies::copies;
use super::judgement::{Facts, keeps_busy};
use super::latency::{millis, per_second};
use super::steady::{Steady, steady, timed};
use super::{Clock, Fed, Judgement, Latency, Limits, Profile, Run, Spec, SystemClock, memory};
use crate::arrays;
use crate::host::{self, GpuWatch, Moment};
use crate::runtime::{self, Array, EngineOptions, Placement, RunOptions, Session};
use gnet_core::cost::BatchChoice;
use gnet_core::graph::Tensor;
use gnet_core::words::counted;
use gnet_core::{Error, OnnxFile, Result, files};

/// Measures one row in this process. Its peak memory and warmth are those of the whole process: see
/// [`run_in_worker`](super::run_in_worker).
///
/// The file is read and judged before the clock starts; the load time is parsing and optimising, for ONNX Runtime with the
/// loading of its library. Inputs are [`Array::noise`] and [`Array::whole`] numbers, cast to the file's types and bound
/// once, so that a run measures the engine alone.
///
/// # Errors
/// Those of [`Spec::validate`] and [`Placement::check`](crate::runtime::Placement::check), and those of the engine,
/// under the file's name.
pub fn measure(spec: &Spec) -> Result<Run> {
    measured(spec, &mut |_| ())
}

/// Activity that a row reports once it has begun to measure; from then on it keeps to its limits by itself.
pub(super) const MEASURING: &str = "measuring";

/// Does the same as [`measure`] and reports the current activity to `doing`.
pub(crate) fn measured(spec: &Spec, doing: &mut dyn FnMut(&str)) -> Result<Run> {
    let mut loaded = Loaded::load(spec, doing)?;
    doing(MEASURING);
    let clock = SystemClock::start();
    let found = steady(&mut || loaded.run(), &clock, &spec.limits)?;
    loaded.measured(found)
}

/// A row whose network is loaded and has run once.
pub(super) struct Loaded {
    spec: Spec,
    started: String,
    /// The file, where it is needed again.
    file: Option<OnnxFile>,
    session: Box<dyn Session>,
    placement: Option<Placement>,
    fed: Vec<Fed>,
    inputs: Vec<Array>,
    /// Names of the outputs, where they are saved.
    outputs: Vec<String>,
    watch: Option<GpuWatch>,
    before: Moment,
    load_time: Duration,
    first: Duration,
}

impl Loaded {
    /// Loads the network and runs it once.
    pub fn load(spec: &Spec, doing: &mut dyn FnMut(&str)) -> Result<Self> {
        doing("loading");
        spec.validate()?;
        let started = host::now();
        let in_file = |error: Error| runtime::in_file(&spec.path, error);
        let file = OnnxFile::open_whole(&spec.path)?;
        runtime::prepare(spec.provider, &file).map_err(in_file)?;
        let clock = SystemClock::start();
        let options = spec.options();
        let mut session = runtime::open(spec.provider, &file, &options).map_err(in_file)?;
        let load_time = clock.wall();
        let placement = Placement::checked(session.as_ref(), &file, &options)?;
        let fed = spec.feed.fed(session.inputs(), &file).map_err(in_file)?;
        let outputs = match &spec.outputs {
            Some(_) => output_names(&file)?,
            None => Vec::new(),
        };
        // A file that is no longer needed does not count towards the measured memory.
        let file = spec.trace.as_ref().map(|_| file);
        let inputs = spec.feed.filled(&fed, session.inputs(), in_file)?;
        session.bind(&inputs).map_err(in_file)?;
        let watch = session.has_device_memory().then(GpuWatch::start);
        let before = Moment::now(watch.as_ref());
        doing("the first run");
        let first = timed(&mut || session.run(), &clock).map_err(in_file)?;
        let spec = spec.clone();
        Ok(Self { spec, started, file, session, placement, fed, inputs, outputs, watch, before, load_time, first })
    }

    /// Returns the row's limits.
    pub fn limits(&self) -> &Limits {
        &self.spec.limits
    }

    /// Runs it once.
    pub fn run(&mut self) -> Result<()> {
        self.session.run().map_err(|error| runtime::in_file(&self.spec.path, error))
    }

    /// Measures what comes after the steady state, and makes the record of the row.
    pub fn measured(self, found: Steady) -> Result<Run> {
        let Self { spec, started, file, mut session, placement, fed, inputs, outputs, watch, before, load_time, first } =
            self;
        let in_file = |error: Error| runtime::in_file(&spec.path, error);
        let after = Moment::now(watch.as_ref());
        let clock = SystemClock::start();
        let copies = copies(session.as_mut(), &clock, &spec.limits, spec.batch).map_err(in_file)?;
        let traced = spec.trace.as_ref().zip(file);
        let profile = traced.map(|(trace, file)| profile(&spec, &file, &spec.options(), &inputs, trace)).transpose()?;
        let images_per_s = per_second(spec.batch, found.summary.mean);
        let threads_used = session.threads_used();
        let occupancy = if session.has_device_memory() { None } else { occupancy(&found, threads_used) };
        let notes = session.notes().iter().cloned().chain(crowded(threads_used)).chain(found.notes);
        let latency_ms = Latency::of(&found.summary);
        let waited = found
            .waited
            .map(|waited| waited.as_secs_f64() / found.wall.as_secs_f64())
            .filter(|share| share.is_finite());
        let facts = Facts {
            busy: keeps_busy(spec.provider, threads_used),
            occupancy,
            waited,
            throttled: before.throttled.zip(after.throttled).map_or(0, |(before, after)| after.since(before).periods),
            slowed: matches!(&after.gpus[..], [gpu] if gpu.slowed()),
            apart: latency_ms.apart(),
        };
        let judgement = Judgement::of(&found.samples_ns, &facts);
        let run = Run {
            provider: spec.provider,
            batch: spec.batch,
            threads: spec.threads,
            threads_used,
            started,
            before,
            after,
            samples: found.summary.samples,
            turns: found.turns,
            load_ms: millis(load_time),
            first_run_ms: millis(first),
            warmup_runs: found.warmup_runs,
            latency_ms,
            p50_interval_ms: found.median.map(|of| [of.low, of.high].map(|ns| ns as f64 / 1e6)),
            cpu_ms: found.cpu.map(|cpu| millis(cpu) / found.summary.samples as f64),
            wall_ms: millis(found.wall),
            occupancy,
            waited,
            judgement,
            images_per_s,
            gmacs_per_s: images_per_s.zip(spec.macs_per_image).map(|(rate, macs)| rate * macs as f64 / 1e9),
            peak_rss_bytes: memory::peak_rss_bytes(),
            settings: session.settings().clone(),
            dims: spec.feed.sizes.dims().iter().cloned().collect(),
            inputs: fed,
            arrays: spec.feed.arrays.clone(),
            placement,
            copies,
            profile,
            notes: notes.chain(facts.remarks(&judgement)).collect(),
            samples_ns: found.samples_ns,
        };
        // The peak of memory is that of the runs alone.
        if let Some(path) = &spec.outputs {
            arrays::write(path, &named_outputs(outputs, session.as_mut()).map_err(in_file)?)?;
        }
        Ok(run)
    }
}

/// Returns the share of the steady state for which the threads of a run had a core; `None` without a clock of CPU time.
fn occupancy(found: &Steady, threads: usize) -> Option<f64> {
    let available = found.wall.as_secs_f64() * threads as f64;
    found.cpu.map(|cpu| cpu.as_secs_f64() / available).filter(|share| share.is_finite())
}

fn output_names(file: &OnnxFile) -> Result<Vec<String>> {
    let graph = &file.model().map_err(|e| file.named(e))?.graph;
    Ok(graph.outputs.iter().map(|id| graph.value(*id).name.clone()).collect())
}

/// Returns the outputs of the last run by name, in the file's own types.
fn named_outputs(names: Vec<String>, session: &mut dyn Session) -> Result<Vec<(String, Tensor)>> {
    let outputs = session.tensors()?;
    if outputs.len() != names.len() {
        let given = counted(outputs.len(), "output");
        return Err(Error::input(Error::THE_FILE, format!("lists {}, the engine gives {given}", names.len())));
    }
    Ok(names.into_iter().zip(outputs).collect())
}

/// Number of warm-up runs of a profiled session, and number of runs whose kernels are summed.
const PROFILE_RUNS: [usize; 2] = [3, 20];

/// Profiles a separate session with the engine's profiler on, so that the measured one runs without it; keeps the
/// trace.
fn profile(spec: &Spec, file: &OnnxFile, options: &RunOptions, inputs: &[Array], trace: &Path) -> Result<Profile> {
    let in_file = |error: Error| runtime::in_file(&spec.path, error);
    let dir = files::temporary_folder()?;
    let engine = EngineOptions { profile: Some(dir.made.path().join("trace")), ..options.engine.clone() };
    let mut session = runtime::open(spec.provider, file, &RunOptions { engine, ..options.clone() }).map_err(in_file)?;
    session.bind(inputs).map_err(in_file)?;
    for _ in 0..PROFILE_RUNS.iter().sum() {
        session.run().map_err(in_file)?;
    }
    let Some(written) = session.finish_profile()? else {
        return Err(Error::input("--profile", format!("{} writes no profile", spec.provider))
            .remedy("use a provider of ONNX Runtime, such as --provider cpu"));
    };
    let text = String::from_utf8(files::read(&written)?).map_err(|e| Error::file(&written, e))?;
    let shaped = file.shaped(&options.sizes, &BatchChoice::Guess);
    let graph = shaped.as_ref().map_or(&file.model()?.graph, |model| &model.graph);
    let profile = Profile::parse(&text, graph, spec.batch, PROFILE_RUNS[0])?;
    files::write(trace, text.as_bytes())?;
    Ok(profile)
}

/// Returns a note if there are more threads than cores, since then the scheduler is measured as well.
fn crowded(threads: usize) -> Option<String> {
    let cores = std::thread::available_parallelism().ok()?.get();
    (threads > cores).then(|| format!("{} on {}", counted(threads, "thread"), counted(cores, "core")))
}

#[cfg(all(test, feature = "tract"))]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::bench::{Feed, Limits};
    use crate::runtime::{EngineOptions, Provider};

    fn spec(name: &str, batch: usize, threads: usize) -> Spec {
        let limits = Limits { min_time: Duration::ZERO, min_samples: 64, ..Limits::default() };
        Spec {
            path: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name),
            provider: Provider::Tract,
            batch,
            threads,
            limits,
            macs_per_image: Some(1_000_000_000),
            engine: EngineOptions::default(),
            feed: Feed::default(),
            trace: None,
            outputs: None,
        }
    }

    #[test]
    fn a_row_is_consistent_with_itself() {
        let run = measure(&spec("dynamic.onnx", 4, 2)).unwrap();
        assert_eq!((run.batch, run.threads, run.samples), (4, 2, 64));
        let latency = &run.latency_ms;
        assert!(0.0 < latency.min && latency.min <= latency.p50 && latency.p50 <= latency.p90.unwrap());
        assert_eq!(latency.p99, None, "64 samples do not support a p99");
        let rate = run.images_per_s.unwrap();
        assert!((rate * latency.mean / 4e3 - 1.0).abs() < 1e-6, "images/s is the batch over the mean");
        assert!((run.gmacs_per_s.unwrap() / rate - 1.0).abs() < 1e-6, "a GMAC an image");
        assert!(run.load_ms > 0.0 && run.first_run_ms > 0.0);
        assert_eq!(run.samples_ns.len(), run.samples);
        assert!((run.samples_ns.iter().min().map(|&ns| ns as f64 / 1e6).unwrap() - latency.min).abs() < 1e-9);
        assert!(run.wall_ms >= latency.mean * 64.0, "the steady state holds its runs");
        assert_eq!((run.started.len(), &run.started[19..20], &run.started[23..]), (24, ".", "Z"), "{}", run.started);
    }

    #[test]
    fn occupancy_is_the_share_of_the_time_of_the_threads() {
        let samples = [Duration::from_millis(4)];
        let found = |cpu| Steady {
            warmup_runs: 0,
            samples_ns: vec![4_000_000],
            turns: vec![1],
            summary: gnet_core::stats::Summary::of(&samples).unwrap(),
            wall: Duration::from_millis(5),
            cpu,
            waited: None,
            median: None,
            notes: Vec::new(),
        };
        assert_eq!(occupancy(&found(Some(Duration::from_millis(4))), 1), Some(0.8));
        assert_eq!(occupancy(&found(Some(Duration::from_millis(4))), 2), Some(0.4));
        assert_eq!(occupancy(&found(None), 1), None);
        let none = Steady { wall: Duration::ZERO, ..found(Some(Duration::ZERO)) };
        assert_eq!(occupancy(&none, 1), None, "nothing is no share of nothing");
    }

    #[test]
    fn a_row_that_cannot_use_its_threads_says_so() {
        let run = measure(&spec("dynamic.onnx", 1, 2)).unwrap();
        assert!(run.notes.iter().any(|note| note.starts_with("uses 1 of 2 threads: ")), "{:?}", run.notes);
    }

    #[test]
    fn an_input_that_no_memory_holds_is_refused() {
        for (name, says) in [("huge_axis", "takes 4.0 TiB"), ("overflow", "takes more bytes than can be counted")] {
            let error = measure(&spec(&format!("{name}.onnx"), 1, 1)).unwrap_err();
            assert!(error.to_string().contains(".onnx: input 'x': array of shape [1, 1099511627776"), "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn an_engines_complaint_has_the_files_name() {
        let error = measure(&spec("fixed.onnx", 3, 1)).unwrap_err();
        assert!(error.to_string().ends_with("fixed.onnx: batch 3: the file's batch is fixed at 2"), "{error}");
        assert!(error.remedy_text().unwrap().contains("use batch 2"));
    }
}
