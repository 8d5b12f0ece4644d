//! The command line: arguments become validated options, records become output.
//!
//! Each command lives in a file of its own with `Args` (clap) and `run(Args) -> gnet::Result<()>`.

pub mod bench;
#[cfg(feature = "burn")]
pub mod compare;
#[cfg(feature = "burn")]
pub mod export;
pub mod format;
#[cfg(feature = "burn")]
pub mod network;
pub mod output;
pub mod summary;
#[cfg(feature = "burn")]
mod progress;
#[cfg(feature = "burn")]
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gnet::Result;

/// From a Burn network to a pruned, verified, benchmarked ONNX file.
#[derive(Debug, Parser)]
#[command(name = "gnet", version, about, long_about = None, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a network as an ONNX file, without its auxiliary heads, folded and verified.
    #[cfg(feature = "burn")]
    Export(export::ExportArgs),
    /// Count parameters and MACs, layer by layer, of an ONNX file or a preset.
    Summary(summary::SummaryArgs),
    /// The Inception block against plain 3x3 and 5x5 convolutions, counted on their traced graphs.
    #[cfg(feature = "burn")]
    Compare(compare::CompareArgs),
    /// Measure how fast an ONNX file runs: latency, throughput, CPU time, memory.
    Bench(bench::BenchArgs),
    /// Measures one row for `bench`, which starts it.
    #[command(hide = true)]
    BenchWorker,
    /// Train a network on images and keep checkpoints.
    #[cfg(feature = "burn")]
    Train(Box<train::Args>),
    /// Write a completion script for a shell to stdout.
    Completions {
        /// The shell to write for.
        shell: clap_complete::Shell,
    },
}

/// Parses, runs, and turns the outcome into an exit code: 0 done, 1 a check failed, 2 bad input, 3 not available.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::failure(&error),
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        #[cfg(feature = "burn")]
        Command::Export(args) => export::run(&args),
        Command::Summary(args) => summary::run(&args),
        #[cfg(feature = "burn")]
        Command::Compare(args) => compare::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::BenchWorker => bench::worker(),
        Command::Train(args) => train::run(*args),
        Command::Completions { shell } => output::completions(shell),
    }
}
