//! `gnet ab`: is one way to run a network slower than another by more than is allowed?

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use gnet::ab::{self, AbOptions, Comparison, Replay, Statistic, Workers};
use gnet::bench::{Feed, FileFacts, Limits, Spec, SystemClock};
use gnet::{Error, OnnxFile, Result, files};

use super::arm::ArmArgs;
use super::feed::FeedArgs;
use super::format::FormatArgs;
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
    format: FormatArgs,
    /// Decide from the samples of a comparison that `--format json` wrote.
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
    /// Time that stands for a process: its fastest run, its median run, or both together [default: min; both if tract runs]
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
}

impl TestArgs {
    /// Returns the options of a comparison whose statistic is `usual` unless one is given.
    pub fn options(&self, usual: Statistic) -> AbOptions {
        let mut options = AbOptions::default();
        options.max_regression = self.max_regression;
        options.statistic = self.statistic.unwrap_or(usual);
        options.seed = self.seed.unwrap_or_else(pairs::seed);
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
    /// Returns both arms, with their labels.
    fn arms(&self) -> Result<[(Spec, String); 2]> {
        let [first, .., last] = &self.files[..] else {
            let only = &self.files[0];
            return Ok([self.arm("--a", &self.a, only)?, self.arm("--b", &self.b, only)?]);
        };
        Ok([self.arm("--a", &self.a, first)?, self.arm("--b", &self.b, last)?])
    }

    fn arm(&self, flag: &str, words: &[String], path: &PathBuf) -> Result<(Spec, String)> {
        let arm = self.arm.with(flag, words)?;
        let fixed = FileFacts::of(&OnnxFile::open(path)?, &self.feed.sizes())?.fixed_batch;
        let mut spec = Spec::new(path, arm.provider);
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
    let found = match &args.replay {
        Some(stored) => replayed(args, stored)?,
        None => measured(args)?,
    };
    args.format.write(&found)?;
    found.check()
}

fn replayed(args: &AbArgs, stored: &Path) -> Result<Comparison> {
    let mut replay = Replay::read(&files::read(stored)?).map_err(|error| error.in_file(stored))?;
    let options = args.test.options(replay.statistic().unwrap_or(Statistic::Min));
    ab::compare(&mut replay, &SystemClock::start(), &options, &mut |done| {
        output::progress(pairs::line(done));
        true
    })
}

fn measured(args: &AbArgs) -> Result<Comparison> {
    let [(a, label_a), (b, label_b)] = args.arms()?;
    if a.path != b.path && !args.anyway {
        ab::same_interface(&OnnxFile::open(&a.path)?, &OnnxFile::open(&b.path)?).map_err(|error| {
            error.in_file(&b.path).remedy("their times say little of each other; --anyway compares them anyway")
        })?;
    }
    let exe = std::env::current_exe().map_err(|e| Error::check("ab", format!("this program cannot be found: {e}")))?;
    if cfg!(debug_assertions) {
        output::note("warning: this is a debug build; its times mean nothing");
    }
    let options = args.test.options(Statistic::of([a.provider, b.provider]));
    let stop = interrupt::kept();
    let mut workers = Workers::new(exe, a, b, stop).labels([label_a, label_b]);
    ab::compare(&mut workers, &SystemClock::start(), &options, &mut |done| {
        output::progress(pairs::line(done));
        !stop.load(Ordering::Relaxed)
    })
}
