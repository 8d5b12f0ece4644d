//! `gnet compare`.

use clap::Args;
use gnet::compare::{Comparison, MeasureOptions, PaperTable};
use gnet::runtime::Provider;
use gnet::{Error, Result};

use super::engine::LibraryArgs;
use super::format::FormatArgs;
use super::{output, values};

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Exit with 1 when a count is not the known one.
    #[arg(long)]
    check: bool,
    /// Measure the blocks too: how much of what is saved in MACs is saved in time.
    #[arg(long)]
    measure: bool,
    /// Providers to measure in; a comma-separated list [default: all that are there]
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "measure", value_parser = values::provider())]
    provider: Vec<Provider>,
    /// Pairs of processes to measure for each ratio; 5 or more give an interval [default: 12]
    #[arg(long, value_name = "N", requires = "measure", value_parser = values::whole::<usize>)]
    pairs: Option<usize>,
    /// Show Table 1 of the paper beside the exact counts instead.
    #[arg(long, conflicts_with_all = ["check", "measure"])]
    paper: bool,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    library: LibraryArgs,
}

pub fn run(args: &CompareArgs) -> Result<()> {
    if args.paper {
        return args.format.write(&PaperTable::count()?);
    }
    if args.library.is_given() && !args.measure {
        return Err(Error::input("--ort-lib", "nothing runs without --measure"));
    }
    let mut comparison = Comparison::count()?;
    if args.measure {
        let mut options = MeasureOptions::new(super::own_program()?);
        options.providers.clone_from(&args.provider);
        options.pairs = args.pairs.unwrap_or(options.pairs);
        options.engine = args.library.options();
        comparison.measure(&options, &mut |what| output::progress(what))?;
    }
    args.format.write(&comparison)?;
    if args.check { comparison.check() } else { Ok(()) }
}
