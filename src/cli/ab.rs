//! `gnet ab`: is one way to run a network slower than another by more than is allowed?

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use gnet::ab::{self, AbOptions, Comparison, Replay, Statistic, Workers};
use gnet::bench::{Feed, FileFacts, Limits, Spec, SystemClock, log};
use gnet::{Error, OnnxFile, Result, files};

use super::arm::ArmArgs;
use super::feed::FeedArgs;
use super::format::FormatArgs;
use super::log::LogArgs;
use super::{interrupt, output, pairs, values};

/// Files and how they are run.
#[derive(Debug, Args)]
pub struct AbArgs {
    /// The ONNX file of A, and that of B; one alone is run in both.
    #[arg(value_name = "FILE.onnx", num_args = 1..=2, required_unless_present = "replay")]
    files: Vec<PathBuf>,
    /// Settings of A alone: provider, threads, batch, or an option of ONNX Runtime, such as
    /// provider=cpu,threads=2,spinning=off. May be given several times.
    #[arg(long, value_name = "KEY=VALUE,..", value_delimiter = ',')]
    a: Vec<String>,
    /// Settings of B alone, in the same way.
    #[arg(long, value_name = "KEY=VALUE,..", value_delimiter = ',')]
    b: Vec<String>,
    #[command(flatten)]
    test: TestArgs,
    /// Compare files with other inputs or outputs than each other.
    #[arg(long)]
    anyway: bool,
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    format: FormatArgs,
    /// Decide from the samples of a comparison that `--format json` or `--log` wrote.
    #[arg(long, value_name = "FILE.json", hide = true, conflicts_with_all = ["files", "a", "b"])]
    replay: Option<PathBuf>,
    #[command(flatten)]
    feed: FeedArgs,
    #[command(flatten)]
    arm: ArmArgs,
}

/// The slowdown allowed, and how it is tested.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Slowdown that B may have: 5%, 0.05, or 0 for not at all.
    #[arg(long, value_name = "PERCENT|FRACTION", default_value = "5%", value_parser = values::fraction)]
    max_regression: f64,
    /// Time that stands for a turn of a process: its fastest run, its median run, or both together [default: both]
    #[arg(long, value_name = "STATISTIC", value_parser = values::one_of::<Statistic>(Statistic::ALL.map(Statistic::name)))]
    statistic: Option<Statistic>,
    /// Seed of the coin that decides the order in each pair [default: another one each time]
    #[arg(long, value_name = "N", value_parser = values::whole::<u64>)]
    seed: Option<u64>,
    /// Seconds to measure in each process for at least.
    #[arg(long, value_name = "SECONDS", default_value = "0.3", value_parser = values::seconds)]
    min_time: Duration,
    /// Timed runs to take in each process at least.
    #[arg(long, value_name = "N", default_value_t = Limits::default().min_samples, value_parser = values::whole::<usize>)]
    samples: usize,
    /// Seconds after which no further pair begins [default: none; 24 clean pairs or 48 in all end it]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds)]
    time_limit: Option<Duration>,
    /// Measure each process of a pair alone, one after the other, where both do not fit into memory at once: such pairs differ
    /// more.
    #[arg(long)]
    apart: bool,
}

impl TestArgs {
    /// Returns the options of a comparison whose statistic is `usual` unless one is given.
    pub fn options(&self, usual: Statistic) -> AbOptions {
        let mut options = AbOptions::default();
        options.max_regression = self.max_regression;
        options.statistic = self.statistic.unwrap_or(usual);
        options.seed = self.seed.unwrap_or_else(ab::fresh_seed);
        options.max_time = self.time_limit;
        options
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        (limits.min_time, limits.min_samples) = (self.min_time, self.samples);
        limits
    }
}

impl AbArgs {
    /// Returns both files; one that stands for both is opened once.
    fn opened(&self) -> Result<[Arc<OnnxFile>; 2]> {
        let open = |path: &PathBuf| OnnxFile::open(path).map(Arc::new);
        match &self.files[..] {
            [a, .., b] if a != b => Ok([open(a)?, open(b)?]),
            [only, ..] => open(only).map(|file| [Arc::clone(&file), file]),
            [] => Err(Error::input("FILE.onnx", "is not given")),
        }
    }

    /// Returns an arm with its label.
    fn arm(&self, flag: &str, words: &[String], file: &OnnxFile) -> Result<(Spec, String)> {
        let arm = self.arm.with(flag, words)?;
        let fixed = FileFacts::of(file, &self.feed.sizes())?.fixed_batch;
        let mut spec = Spec::new(file.path().unwrap_or("".as_ref()), arm.provider);
        spec.batch = arm.batch.or(fixed).unwrap_or(1);
        spec.threads = arm.threads;
        spec.limits = self.test.limits();
        spec.engine = arm.engine.options(&[spec.batch]);
        let mut feed = Feed::default();
        (feed.sizes, feed.ranges) = (self.feed.sizes(), self.feed.ranges()?);
        spec.feed = feed;
        spec.validate()?;
        let particular =
            words.iter().filter(|word| !["provider=", "threads=", "batch="].iter().any(|own| word.starts_with(own)));
        let label = particular.fold(spec.label(), |label, word| format!("{label}, {word}"));
        Ok((spec, label))
    }
}

/// Compares, writes the record, and ends with its verdict.
pub fn run(args: &AbArgs) -> Result<()> {
    match &args.replay {
        Some(stored) => told(args, &replayed(args, stored)?),
        None => measured(args),
    }
}

fn told(args: &AbArgs, found: &Comparison) -> Result<()> {
    args.format.write(found)?;
    found.check()
}

fn replayed(args: &AbArgs, stored: &Path) -> Result<Comparison> {
    let bytes = files::read(stored)?;
    let of_log = log::read(stored).ok().filter(|log| !log.pairs.is_empty());
    let read = of_log.map_or_else(|| Replay::read(&bytes), |log| Replay::of_log(&log.pairs));
    let mut replay = read.map_err(|error| error.in_file(stored))?;
    let options = args.test.options(replay.statistic().unwrap_or_default());
    ab::compare(&mut replay, &SystemClock::start(), &options, &mut |done| {
        output::progress(pairs::line(done));
        true
    })
}

fn measured(args: &AbArgs) -> Result<()> {
    let files = args.opened()?;
    let [(a, label_a), (b, label_b)] = [args.arm("--a", &args.a, &files[0])?, args.arm("--b", &args.b, &files[1])?];
    if a.path != b.path && !args.anyway {
        ab::same_interface(&files[0], &files[1]).map_err(|error| {
            error.in_file(&b.path).remedy("their times say little of each other; --anyway compares them anyway")
        })?;
    }
    let exe = std::env::current_exe().map_err(|e| Error::check("ab", format!("this program cannot be found: {e}")))?;
    if cfg!(debug_assertions) {
        output::note("warning: this is a debug build; its times mean nothing");
    }
    let options = args.test.options(Statistic::default());
    let stop = interrupt::kept();
    let log = args.log.open(&files, &args.feed.sizes())?;
    let mut log = log.map(|log| log.of_pairs(options.seed));
    drop(files);
    let workers = Workers::new(exe, a, b, stop).apart(args.test.apart).labels([label_a, label_b]);
    let mut workers = workers.each(|arm, spec, run| {
        if let Some(log) = &mut log {
            let arm = arm as usize;
            log.keep(arm, |log, file, model| log.row(arm, spec, run, file, model));
        }
    });
    let found = ab::compare(&mut workers, &SystemClock::start(), &options, &mut |done| {
        output::progress(pairs::line(done));
        !stop.load(Ordering::Relaxed)
    });
    drop(workers);
    let outcome = found.and_then(|found| told(args, &found));
    match log {
        Some(log) => log.with(outcome),
        None => outcome,
    }
}
