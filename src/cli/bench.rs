//! `gnet bench`: benchmarks an ONNX file, one process per row.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use gnet::ab::Held;
use gnet::bench::{self, Environment, Feed, FileFacts, Limits, Measurement, Run, Spec};
use gnet::report::number::counted;
use gnet::runtime::Provider;
use gnet::{Error, ErrorKind, OnnxFile, Result, files};

use super::arrays::ArraysArgs;
use super::baseline::BaselineArgs;
use super::engine::EngineArgs;
use super::feed::FeedArgs;
use super::format::{BenchFormat, FormatArgs};
use super::log::{LogArgs, Logging};
use super::{interrupt, output, tune, values};

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The ONNX file to measure.
    #[arg(value_name = "FILE.onnx")]
    file: PathBuf,
    /// Provider that runs it; a comma-separated list.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "tract", value_parser = values::provider())]
    provider: Vec<Provider>,
    /// Images of one run; a comma-separated list [default: 1, or what the file, the sizes or the arrays given fix]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = values::whole::<usize>)]
    batch: Vec<usize>,
    /// Threads the engine may use; a comma-separated list.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1", value_parser = values::whole::<usize>)]
    threads: Vec<usize>,
    /// Seconds to measure each row for at least.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = values::seconds)]
    min_time: Duration,
    /// Seconds after which a row ends, whatever it has; loading and the first run may take as long before
    /// [default: 30, and 600 to load]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds)]
    max_time: Option<Duration>,
    /// Timed runs to take of each row at least: 64 support a p90, 662 a p99.
    #[arg(long, value_name = "N", default_value_t = Limits::default().min_samples, value_parser = values::whole::<usize>)]
    samples: usize,
    /// Measure each row until its median is known within this share of it, with 95 % confidence, such as 1%: beyond
    /// --min-time and --samples, and no longer than --max-time.
    #[arg(long, value_name = "PERCENT|FRACTION", value_parser = values::fraction)]
    relative_width: Option<f64>,
    /// Runs to warm up with at most; fewer when the times are stable before.
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_warmup, value_parser = values::whole::<usize>)]
    warmup: usize,
    #[command(flatten)]
    format: FormatArgs<BenchFormat>,
    /// Show where the time goes, operator by operator, and write ONNX Runtime's trace to this file, for chrome://tracing
    /// or Perfetto. Takes one row.
    #[arg(long, value_name = "TRACE.json", value_parser = values::file_to_write())]
    profile: Option<PathBuf>,
    /// Operators to show of a profile, the slowest first; JSON holds all.
    #[arg(long, value_name = "N", default_value_t = 15, requires = "profile")]
    profile_top: usize,
    #[command(flatten)]
    log: LogArgs,
    /// Try the settings that may make the row faster and keep its precision, one after the other in pairs with the fastest
    /// before; measure it with those that gain more than 2 %, and say which. Takes one row.
    #[arg(long, conflicts_with = "baseline")]
    tune: bool,
    #[command(flatten)]
    baseline: BaselineArgs,
    #[command(flatten)]
    feed: FeedArgs,
    #[command(flatten)]
    arrays: ArraysArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

impl BenchArgs {
    /// Returns what the rows are fed, and the batch that a user's arrays have.
    fn fed(&self, file: &OnnxFile) -> Result<(Feed, Option<usize>)> {
        let mut feed = Feed::default();
        (feed.sizes, feed.ranges) = (self.feed.sizes(), self.feed.ranges()?);
        let Some(given) = self.arrays.given()? else { return Ok((feed, None)) };
        let (sizes, batch) = given.fit(&file.model()?.graph.stated_inputs(), &feed.sizes)?;
        if let Some(asked) = self.batch.iter().find(|asked| **asked != batch) {
            let reason = format!("the arrays of {} have {batch}", given.file().path.display());
            return Err(
                Error::input(format!("--batch {asked}"), reason).remedy("leave --batch out, or give other arrays")
            );
        }
        (feed.sizes, feed.arrays) = (sizes, Some(given.file().clone()));
        Ok((feed, Some(batch)))
    }

    /// Returns the rows: every provider at every batch size with every number of threads.
    fn specs(&self, file: &FileFacts, feed: &Feed) -> Vec<Spec> {
        let batches = match &self.batch[..] {
            [] => vec![file.fixed_batch.unwrap_or(1)],
            given => given.to_vec(),
        };
        let mut limits = Limits::default();
        (limits.min_time, limits.min_samples, limits.max_warmup) = (self.min_time, self.samples, self.warmup);
        limits.relative_width = self.relative_width;
        if let Some(time) = self.max_time {
            (limits.max_time, limits.max_load) = (time, time);
        }
        let engine = self.engine.options(&batches);
        let mut specs = Vec::new();
        for provider in &self.provider {
            for batch in &batches {
                for threads in &self.threads {
                    let mut spec = Spec::new(&self.file, *provider);
                    (spec.batch, spec.threads, spec.limits) = (*batch, *threads, limits);
                    (spec.engine, spec.feed) = (engine.clone(), feed.clone());
                    (spec.macs_per_image, spec.trace) = (file.macs_per_image, self.profile.clone());
                    spec.outputs = self.arrays.outputs();
                    specs.push(spec);
                }
            }
        }
        specs
    }
}

/// Measures every row and writes the results, even if some rows failed; the first failure is the result.
pub fn run(args: &BenchArgs) -> Result<()> {
    let file = OnnxFile::open(&args.file)?;
    let (feed, batch) = args.fed(&file)?;
    let mut facts = FileFacts::of(&file, &feed.sizes)?;
    facts.fixed_batch = batch.or(facts.fixed_batch);
    let mut specs = args.specs(&facts, &feed);
    specs.iter().try_for_each(Spec::validate)?;
    for (flag, file) in [("--profile", &args.profile), ("--save-outputs", &args.arrays.outputs())] {
        if file.is_some() && specs.len() != 1 {
            return Err(Error::input(flag, format!("takes one row, and these are {}", specs.len()))
                .remedy("give one provider, one batch and one number of threads"));
        }
    }
    let exe =
        std::env::current_exe().map_err(|e| Error::check("bench", format!("this program cannot be found: {e}")))?;
    let environment = Environment::detect(&args.file);
    if environment.profile != "release" {
        output::note("warning: this is a debug build; its times mean nothing");
    }
    let past = args.baseline.find(&specs, &file, &feed.sizes)?;
    let (profile, outputs) = (args.profile.clone(), args.arrays.outputs());
    // Another process writes them, which does not know the inputs of this one: the log of the baseline is one.
    profile.iter().chain(&outputs).try_for_each(|path| files::check_place(path))?;
    let written = [("--profile", profile), ("--save-outputs", outputs), ("the log", args.log.path().cloned())];
    if let Some((flag, other)) = same_file(&written) {
        return Err(Error::input(flag, format!("names the file of {other}")).remedy("give another file"));
    }
    let tuning = args.tune.then(|| tune::tune(&exe, &mut specs)).transpose()?;
    let mut log = args.log.open(&[Arc::new(file)], &feed.sizes)?;
    let rows = measured(args, &exe, &specs, log.as_mut());
    let held = past.filter(|_| rows.not_run.is_empty()).map(|past| past.hold(&exe, &specs, &rows.runs));
    let (baseline, verdict) = match held {
        Some(Ok(baseline)) => {
            let verdict = baseline.check();
            (Some(baseline), verdict)
        }
        Some(Err(error)) => (None, Err(error)),
        None => (None, Ok(())),
    };
    let measurement = Measurement::new(environment, rows.runs, rows.not_run.clone());
    report(&args.format, Held::new(measurement, baseline).tuned(tuning))?;
    let measured = outcome(rows.failures, &rows.not_run, specs.len()).and(verdict);
    match log {
        Some(log) => log.with(measured),
        None => measured,
    }
}

/// Finds two that name one file to write.
fn same_file(written: &[(&'static str, Option<PathBuf>)]) -> Option<(&'static str, &'static str)> {
    let mut named = written.iter().enumerate().filter(|(_, (_, file))| file.is_some());
    named.find_map(|(place, (flag, file))| {
        let other = written[place + 1..].iter().find(|(_, other)| other == file)?;
        Some((*flag, other.0))
    })
}

#[derive(Default)]
struct Rows {
    runs: Vec<Run>,
    failures: Vec<(String, Error)>,
    /// Rows skipped because of an interruption.
    not_run: Vec<String>,
}

/// Measures row by row until all are done or the user interrupts.
fn measured(args: &BenchArgs, exe: &Path, specs: &[Spec], mut log: Option<&mut Logging>) -> Rows {
    let stop = interrupt::kept();
    let mut rows = Rows::default();
    for (i, spec) in specs.iter().enumerate() {
        output::progress(format_args!("[{}/{}] {}", i + 1, specs.len(), spec.label()));
        match bench::run_in_worker_until(exe, spec, stop) {
            Ok(mut run) => {
                if let Some(profile) = &mut run.profile {
                    profile.top = args.profile_top;
                }
                if let Some(log) = &mut log {
                    log.keep(0, |log, file, model| log.row(i, spec, &run, file, model));
                }
                rows.runs.push(run);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                rows.not_run = specs[i..].iter().map(Spec::label).collect();
                break;
            }
            Err(error) => rows.failures.push((spec.label(), error)),
        }
        if stop.load(Ordering::Relaxed) {
            rows.not_run = specs[i + 1..].iter().map(Spec::label).collect();
            break;
        }
    }
    rows
}

fn report(format: &FormatArgs<BenchFormat>, held: Held) -> Result<()> {
    if held.measurement.runs.is_empty() { Ok(()) } else { format.write(&held) }
}

/// Names the rows that failed if there were several. The interruption is the result, else the first row's error, which
/// `main` shows with its exit code.
fn outcome(failures: Vec<(String, Error)>, not_run: &[String], rows: usize) -> Result<()> {
    if !failures.is_empty() && rows > 1 {
        output::note(format_args!("{} of {} failed:", failures.len(), counted(rows, "row")));
        for (label, error) in &failures {
            output::note(format_args!("  {label}: {error}"));
        }
    }
    if !not_run.is_empty() {
        let reason = format!("interrupted; not run: {}", not_run.join("; "));
        return Err(Error::interrupted("bench", reason).remedy("run the same command for these"));
    }
    failures.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn parsed(args: &[&str]) -> std::result::Result<BenchArgs, clap::Error> {
        Cli::try_parse_from([&["bench", "net.onnx"], args].concat()).map(|cli| cli.args)
    }

    fn facts(macs_per_image: Option<u64>, fixed_batch: Option<usize>) -> FileFacts {
        let mut facts = FileFacts::default();
        (facts.macs_per_image, facts.fixed_batch) = (macs_per_image, fixed_batch);
        facts
    }

    #[test]
    fn lists_are_comma_separated_and_every_pair_is_a_row() {
        let args =
            parsed(&["--provider", "tract,cpu", "--batch", "1,8", "--threads", "1,2", "--min-time", "0.5"]).unwrap();
        let specs = args.specs(&facts(Some(7), Some(3)), &Feed::default());
        let labels: Vec<_> = specs.iter().map(Spec::label).collect();
        assert_eq!(labels.len(), 8);
        assert_eq!(labels[..3], ["tract, batch 1, 1 thread", "tract, batch 1, 2 threads", "tract, batch 8, 1 thread"]);
        assert_eq!(labels[7], "cpu, batch 8, 2 threads");
        assert!(specs.iter().all(|spec| spec.limits.min_time == Duration::from_millis(500)));
        assert!(specs.iter().all(|spec| spec.macs_per_image == Some(7)));
    }

    #[test]
    fn the_defaults_are_one_row_of_tract() {
        assert_eq!(parsed(&[]).unwrap().specs(&facts(None, Some(3)), &Feed::default())[0].batch, 3);
        let specs = parsed(&[]).unwrap().specs(&FileFacts::default(), &Feed::default());
        assert_eq!(specs.len(), 1);
        assert_eq!(specs[0].label(), "tract, batch 1, 1 thread");
        assert_eq!(specs[0].limits, Limits::default(), "the flags' defaults are the library's");
    }

    #[test]
    fn values_that_mean_nothing_are_bad_usage() {
        for args in [["--batch", "1,x"], ["--provider", "gpu"], ["--min-time=-1", "--warmup=1"], ["--max-time", "inf"]]
        {
            assert!(parsed(&args).is_err(), "{args:?}");
        }
    }

    #[test]
    fn the_first_failure_is_the_outcome() {
        let failures = || {
            vec![
                ("a".to_owned(), Error::unavailable("x", "is not there")),
                ("b".to_owned(), Error::input("y", "is wrong")),
            ]
        };
        assert_eq!(outcome(failures(), &[], 3).unwrap_err().kind(), ErrorKind::Unavailable);
        assert!(outcome(Vec::new(), &[], 3).is_ok());
        let stopped = outcome(failures(), &["c".to_owned(), "d".to_owned()], 4).unwrap_err();
        assert_eq!(stopped.kind(), ErrorKind::Interrupted);
        assert_eq!(stopped.to_string(), "bench: interrupted; not run: c; d");
    }
}
