//! `gnet diff`.

use std::path::PathBuf;

use clap::Args;
use gnet::Result;
use gnet::diff::{self, DiffOptions};
use gnet::report::Format;

use super::format::FormatArgs;
use super::{file, values};

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The first ONNX file.
    #[arg(value_name = "A.onnx")]
    a: PathBuf,
    /// The second one.
    #[arg(value_name = "B.onnx")]
    b: PathBuf,
    /// Weights whose elements differ by no more than this are equal.
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    tolerance: f64,
    /// Number of differences that the tables show of each part of the files; all shows everything, as JSON does
    /// [default: 20 in a table, all in CSV and Markdown].
    #[arg(long, value_name = "N|all", value_parser = limit)]
    limit: Option<usize>,
    #[command(flatten)]
    format: FormatArgs,
}

/// Compares, writes the record whatever the result, and fails if there is a difference.
pub fn run(args: &DiffArgs) -> Result<()> {
    let (a, b) = (file::open_whole(&args.a)?, file::open_whole(&args.b)?);
    let names = [&args.a, &args.b].map(|path| path.display().to_string());
    let options = DiffOptions::within(args.tolerance);
    let mut diff = diff::diff((&names[0], a.model()?), (&names[1], b.model()?), options)?;
    diff.limit = args.limit.or((args.format.format == Format::Table).then_some(LIMIT));
    args.format.write(&diff)?;
    diff.check()
}

const LIMIT: usize = 20;

fn limit(text: &str) -> Result<usize, String> {
    if text == "all" { Ok(usize::MAX) } else { values::whole(text) }
}
