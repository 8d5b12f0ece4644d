//! The command line: arguments become validated options, records become output.
//!
//! Each command has its own file with `Args` (clap) and `run(Args) -> gnet::Result<()>`.

mod ab;
mod arm;
mod arrays;
mod baseline;
mod bench;
mod check;
#[cfg(feature = "burn")]
mod compare;
mod counted;
mod diff;
mod doctor;
mod draw;
mod engine;
mod eval;
#[cfg(feature = "burn")]
mod export;
mod feed;
mod file;
mod format;
mod gate;
mod interrupt;
mod log;
#[cfg(feature = "burn")]
mod network;
mod optimize;
mod output;
mod page;
mod pairs;
mod predict;
#[cfg(feature = "burn")]
mod progress;
#[cfg(feature = "burn")]
mod reproduce;
#[cfg(feature = "ort")]
mod runtime;
mod schema;
mod sizes;
mod suggestions;
mod summary;
mod terminal;
#[cfg(feature = "burn")]
mod train;
mod tune;
mod values;
mod verify;

#[cfg(feature = "burn")]
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
#[cfg(feature = "burn")]
use gnet::Error;
use gnet::{Result, files, process};

/// From a Burn network to a pruned, verified, benchmarked ONNX file.
#[derive(Debug, Parser)]
#[command(name = "gnet", bin_name = "gnet", version, about, long_about = None, max_term_width = 110)]
struct Cli {
    /// Use of colour; NO_COLOR and CLICOLOR_FORCE are heeded.
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto", value_parser = terminal::colors())]
    color: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All of it in one go, from real images to reports: count, train, export, verify, measure.
    #[cfg(feature = "burn")]
    Reproduce(reproduce::ReproduceArgs),
    /// Train a network on images and keep checkpoints.
    #[cfg(feature = "burn")]
    Train(Box<train::Args>),
    /// Top-1 and per-class accuracy of a checkpoint or an exported file.
    Eval(eval::EvalArgs),
    /// Classes and probabilities of PNG or JPEG files.
    Predict(predict::PredictArgs),
    /// Write a network as an ONNX file, without its auxiliary heads, folded and verified.
    #[cfg(feature = "burn")]
    Export(export::ExportArgs),
    /// Rewrite an ONNX file so that it computes the same with less: fold, merge, drop, prune.
    Optimize(optimize::OptimizeArgs),
    /// Count parameters, MACs, memory and bytes moved, layer by layer, of an ONNX file or a preset.
    Summary(summary::SummaryArgs),
    /// Draw an ONNX file as SVG: layers, modules, and where the MACs, parameters or time are.
    Draw(draw::DrawArgs),
    /// Compare two ONNX files: operations, shapes, weights. Exits with 1 when they differ.
    Diff(diff::DiffArgs),
    /// Hold an ONNX file against a budget of parameters, MACs, bytes and operations; exit code 1 when a rule does not hold.
    Check(Box<check::CheckArgs>),
    /// Hold a model against the rules of a file: budget, agreement, accuracy, latency, memory; one verdict for a CI.
    Gate(gate::GateArgs),
    /// The Inception block against plain 3x3 and 5x5 convolutions, counted on their traced graphs.
    #[cfg(feature = "burn")]
    Compare(compare::CompareArgs),
    /// Prove that an ONNX file computes the same in two engines, as another file, or as its checkpoint.
    Verify(Box<verify::VerifyArgs>),
    /// Measure how fast an ONNX file runs: latency, throughput, CPU time, memory.
    Bench(Box<bench::BenchArgs>),
    /// Tell whether one file or setting is slower than another by more than is allowed: exit code 1 if it is, 4 if that
    /// cannot be told here.
    Ab(Box<ab::AbArgs>),
    /// Make a page of measurements: tables and charts from documents of bench, verify and doctor, and from other programs.
    Page(page::PageArgs),
    /// Fetch, list and remove the ONNX Runtime library and its plugins.
    #[cfg(feature = "ort")]
    Runtime(runtime::RuntimeArgs),
    /// Examine this machine: processor, limits, ONNX Runtime, and which providers really run.
    Doctor(doctor::DoctorArgs),
    /// Runs an engine, or measures a row, for the command that starts it.
    #[command(hide = true)]
    EngineWorker,
    /// Runs another program and ends it when the gnet that started it ends.
    #[command(hide = true)]
    Keeper {
        /// The program and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// List the JSON documents that commands write, or write the JSON Schema of one.
    Schema(schema::SchemaArgs),
    /// Write a completion script for a shell to stdout.
    Completions {
        /// The shell to write for.
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Returns `true` if it works for another gnet, which ends it.
    fn is_worker(&self) -> bool {
        matches!(self, Self::EngineWorker | Self::Keeper { .. })
    }
}

/// Parses the command line, runs the command, and turns the result into an exit code: 0 done, 1 a check failed, 2 bad
/// input, 3 not available, 4 undecided, 130 interrupted.
pub fn main() -> ExitCode {
    let cli = match program().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return output::usage(error),
    };
    terminal::set_color(&cli.color);
    if let Command::Keeper { command } = cli.command {
        interrupt::leave_to_parent();
        return ExitCode::from(process::keep(command));
    }
    if cli.command.is_worker() {
        interrupt::leave_to_parent();
    } else {
        interrupt::listen();
        // If the system does not report the path, engines run in this process.
        let _ = std::env::current_exe().map(process::serve_by);
    }
    files::keep_inputs();
    let outcome = run(cli.command);
    interrupt::hold_if_ending();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::failure(&error),
    }
}

/// Returns the path of this program, which serves as its own worker.
#[cfg(feature = "burn")]
fn own_program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| Error::input("gnet", format!("its own program: {e}")))
}

/// Returns the parser: `-1` after an option is its value, to be refused as such, rather than an unknown flag.
fn program() -> clap::Command {
    Cli::command().color(terminal::asked()).mut_subcommands(|command| {
        command.mut_args(|arg| match arg.get_long() {
            Some(_) if arg.get_action().takes_values() => arg.allow_negative_numbers(true),
            _ => arg,
        })
    })
}

fn run(command: Command) -> Result<()> {
    match command {
        #[cfg(feature = "burn")]
        Command::Reproduce(args) => reproduce::run(&args),
        #[cfg(feature = "burn")]
        Command::Train(args) => train::run(*args),
        Command::Eval(args) => eval::run(&args),
        Command::Predict(args) => predict::run(&args),
        #[cfg(feature = "burn")]
        Command::Export(args) => export::run(&args),
        Command::Optimize(args) => optimize::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Draw(args) => draw::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Gate(args) => gate::run(&args),
        #[cfg(feature = "burn")]
        Command::Compare(args) => compare::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Ab(args) => ab::run(&args),
        Command::Page(args) => page::run(&args),
        #[cfg(feature = "ort")]
        Command::Runtime(args) => runtime::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Keeper { .. } => Ok(()),
        Command::EngineWorker => process::serve(),
        Command::Schema(args) => schema::run(&args),
        Command::Completions { shell } => output::completions(shell),
    }
}
