//! `gnet compare`.

use clap::Args;
use gnet::Result;
use gnet::bench::Limits;
use gnet::compare::{Comparison, PaperTable};

use super::format::FormatArgs;

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Exit with 1 when a count is not the known one.
    #[arg(long)]
    check: bool,
    /// Measure each block in tract too.
    #[arg(long)]
    measure: bool,
    /// Show Table 1 of the paper beside the exact counts instead.
    #[arg(long, conflicts_with_all = ["check", "measure"])]
    paper: bool,
    #[command(flatten)]
    format: FormatArgs,
}

pub fn run(args: &CompareArgs) -> Result<()> {
    if args.paper {
        return args.format.write(&PaperTable::count()?);
    }
    let mut comparison = Comparison::count()?;
    if args.measure {
        comparison.measure(&super::own_program()?, Limits::default())?;
    }
    args.format.write(&comparison)?;
    if args.check { comparison.check() } else { Ok(()) }
}
