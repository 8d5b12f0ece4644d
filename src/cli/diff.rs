//! `gnet diff`.

use std::path::PathBuf;

use clap::Args;
use gnet::Result;
use gnet::diff::{self, Options};

use super::file;
use super::format::FormatArgs;

/// Arguments of `gnet diff`.
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
    #[command(flatten)]
    format: FormatArgs,
}

/// Compares, writes the record whatever it says, and fails when there is a difference.
pub fn run(args: &DiffArgs) -> Result<()> {
    let (a, b) = (file::read(&args.a)?, file::read(&args.b)?);
    let names = [&args.a, &args.b].map(|path| path.display().to_string());
    let options = Options { tolerance: args.tolerance };
    let diff = diff::diff((&names[0], &a), (&names[1], &b), options)?;
    args.format.write(&diff)?;
    diff.check()
}
