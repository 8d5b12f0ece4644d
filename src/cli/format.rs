//! `--format`, and the destination of a report.

use std::str::FromStr;

use clap::Args;
use gnet::ab::Held;
use gnet::bench::Tracker;
use gnet::report::{Format, Report, Style, render_styled};
use gnet::{Error, Result};

use super::{output, terminal, values};

/// Formats that `--format` may name.
pub trait Choice: FromStr<Err = Error> + Clone + Send + Sync + 'static {
    fn names() -> Vec<&'static str>;
}

impl Choice for Format {
    fn names() -> Vec<&'static str> {
        Self::ALL.map(Self::name).to_vec()
    }
}

#[derive(Debug, Args)]
pub struct FormatArgs<F: Choice = Format> {
    /// Format of the result.
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = values::one_of::<F>(F::names()))]
    pub format: F,
    /// Show every column in full, in lines as long as they are, also on a narrow terminal. A pipe gets them anyway.
    #[arg(long)]
    wide: bool,
}

/// A record with a row in the table of [`schema`](super::schema), which implements this: no other is written.
pub trait Document {}

impl FormatArgs {
    pub fn write<R: Report + Document>(&self, report: &R) -> Result<()> {
        write(report, self.format, self.wide)
    }
}

/// Formats that `--format` of a benchmark may name: those of this program, and those of programs that keep benchmarks.
#[derive(Debug, Clone, Copy)]
pub enum BenchFormat {
    Report(Format),
    Tracker(Tracker),
}

impl FromStr for BenchFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        name.parse().map(Self::Tracker).or_else(|_| name.parse().map(Self::Report))
    }
}

impl Choice for BenchFormat {
    fn names() -> Vec<&'static str> {
        [Format::names(), Tracker::ALL.map(Tracker::name).to_vec()].concat()
    }
}

impl FormatArgs<BenchFormat> {
    pub fn write(&self, held: &Held) -> Result<()> {
        match self.format {
            BenchFormat::Report(format) => write(held, format, self.wide),
            BenchFormat::Tracker(tracker) => output::data(&tracker.export(&held.measurement)?),
        }
    }
}

fn write<R: Report + Document>(report: &R, format: Format, wide: bool) -> Result<()> {
    output::data(&render_styled(report, format, style(wide))?)
}

fn style(wide: bool) -> Style {
    Style { color: terminal::stdout_color(), width: if wide { None } else { terminal::stdout_width() } }
}
