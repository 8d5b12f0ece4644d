//! `gnet reproduce`.

use std::path::PathBuf;

use clap::Args;
use gnet::Result;
use gnet::reproduce::{self, Check, Observer, ReproduceOptions};

use super::format::FormatArgs;
use super::output;
use super::progress::Progress;

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

pub fn run(args: &ReproduceArgs) -> Result<()> {
    let mut options = ReproduceOptions::new(&args.out, super::own_program()?);
    options.quick = args.quick;
    let mut progress = Progress::new();
    let reproduction = reproduce::run(&options, &mut progress);
    progress.clear();
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

/// Shows steps and failed checks; training is shown as in `gnet train`.
impl Observer for Progress {
    fn step(&mut self, what: &str) {
        output::progress(format_args!("== {what}"));
    }

    fn checked(&mut self, check: &Check) {
        if !check.passed {
            output::note(format_args!("FAILED {}: expected {}, found {}", check.name, check.expected, check.found));
        }
    }
}
