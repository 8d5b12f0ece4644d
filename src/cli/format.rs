//! `--format`, and the destination of a report.

use clap::Args;
use gnet::Result;
use gnet::report::{Format, Report, Style, render_styled};

use super::{output, terminal, values};

#[derive(Debug, Args)]
pub struct FormatArgs {
    /// Format of the result.
    #[arg(long, value_name = "FORMAT", default_value_t = Format::Table, value_parser = values::one_of::<Format>(Format::ALL.map(Format::name)))]
    pub format: Format,
    /// Show every column in full, in lines as long as they are, also on a narrow terminal. A pipe gets them anyway.
    #[arg(long)]
    wide: bool,
}

/// A record with a row in the table of [`schema`](super::schema), which implements this: no other is written.
pub trait Document: Report {}

impl FormatArgs {
    pub fn write<R: Document>(&self, report: &R) -> Result<()> {
        output::data(&render_styled(report, self.format, style(self.wide))?)
    }
}

fn style(wide: bool) -> Style {
    Style { color: terminal::stdout_color(), width: if wide { None } else { terminal::stdout_width() } }
}
