//! `--format`, and where a report goes.

use std::io::IsTerminal;

use clap::Args;
use gnet::Result;
use gnet::report::{Format, Report, Style, render_styled};

use super::{output, values};

/// How a report is written to stdout.
#[derive(Debug, Args)]
pub struct FormatArgs {
    /// How the result is written.
    #[arg(long, value_name = "FORMAT", default_value_t = Format::Table, value_parser = values::one_of::<Format>(Format::ALL.map(Format::name)))]
    pub format: Format,
}

impl FormatArgs {
    /// Writes the report to stdout.
    pub fn write<R: Report>(&self, report: &R) -> Result<()> {
        output::data(&render_styled(report, self.format, style())?)
    }
}

/// On a terminal headings are bold, unless `NO_COLOR` is set to anything (no-color.org), and lines fit its width.
fn style() -> Style {
    let terminal = std::io::stdout().is_terminal();
    let width = if terminal { comfy_table::Table::new().width() } else { None };
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    Style { bold: terminal && !plain, width }
}
