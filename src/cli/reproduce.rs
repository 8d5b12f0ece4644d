//! `gnet reproduce`.

use std::path::PathBuf;

use clap::Args;
use gnet::reproduce::{self, Check, Observer, ReproduceOptions};
use gnet::train::{self, BatchDone, EpochMetrics, RunStarted};
use gnet::{Error, Result};

use super::format::FormatArgs;
use super::output;
use super::progress::Progress;

/// Arguments of `gnet reproduce`.
#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// Fewer epochs and shorter measurements, in under 2 minutes.
    #[arg(long)]
    quick: bool,
    /// The folder to write the reports to.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
}

/// Runs `gnet reproduce`.
pub fn run(args: &ReproduceArgs) -> Result<()> {
    let exe = std::env::current_exe().map_err(|e| Error::input("gnet", format!("its own program: {e}")))?;
    let options = ReproduceOptions { quick: args.quick, out: args.out.clone(), exe };
    let mut watcher = Watcher { progress: Progress::new() };
    let reproduction = reproduce::run(&options, &mut watcher);
    watcher.progress.clear();
    let reproduction = reproduction?;
    args.format.write(&reproduction)?;
    output::note(format_args!(
        "{:.0} s; reports in {}, the network in {}",
        reproduction.seconds,
        args.out.display(),
        reproduction.export.path
    ));
    reproduction.check()
}

/// Observer that shows steps and failed checks; training is shown as in `gnet train`.
struct Watcher {
    progress: Progress,
}

impl Observer for Watcher {
    fn step(&mut self, what: &str) {
        output::progress(format_args!("== {what}"));
    }

    fn checked(&mut self, check: &Check) {
        if !check.passed {
            output::note(format_args!("FAILED {}: expected {}, found {}", check.name, check.expected, check.found));
        }
    }
}

impl train::Observer for Watcher {
    fn remark(&mut self, remark: &str) {
        self.progress.remark(remark);
    }

    fn run_started(&mut self, run: &RunStarted<'_>) {
        self.progress.run_started(run);
    }

    fn epoch_started(&mut self, epoch: usize, epochs: usize) {
        self.progress.epoch_started(epoch, epochs);
    }

    fn batch_done(&mut self, batch: &BatchDone) {
        self.progress.batch_done(batch);
    }

    fn epoch_done(&mut self, metrics: &EpochMetrics, best: bool) -> Result<()> {
        self.progress.epoch_done(metrics, best)
    }
}
