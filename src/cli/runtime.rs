//! `gnet runtime`: the ONNX Runtime library and its plugins, fetched with the user's own pip.

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use gnet::Result;
use gnet::install::{self, InstallOptions, Installation, Kind, Observer, Step, Wheel};
use gnet::report::number;
use indicatif::{ProgressBar, ProgressStyle};

use super::format::FormatArgs;
use super::{output, terminal, values};

#[derive(Debug, Args)]
pub struct RuntimeArgs {
    #[command(subcommand)]
    command: RuntimeCommand,
}

#[derive(Debug, Subcommand)]
enum RuntimeCommand {
    /// Fetch a pinned, verified library with `python3 -m pip download` into gnet's data directory.
    #[command(after_help = INSTALL_HELP)]
    Install(InstallArgs),
    /// List the installed runtimes, and whether their files are unchanged.
    List(ListArgs),
    /// Remove every installed version of a runtime.
    Remove(RemoveArgs),
}

const INSTALL_HELP: &str = "\
cpu is ONNX Runtime 1.31.1; cuda is the same with its CUDA and TensorRT providers, which need CUDA 13 and cuDNN 9 from \
the system; openvino is OpenVINO's plugin 1.8.1 for processors of Intel's, which needs one of the two others.

pip's own settings hold: index, proxy, certificates. Where there is no network, put the wheel into a folder and say \
PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER. XDG_DATA_HOME moves the data directory.";

#[derive(Debug, Args)]
struct InstallArgs {
    /// The runtime to install.
    #[arg(value_name = "RUNTIME", default_value = "cpu", value_parser = kind())]
    kind: Kind,
    /// Fetch it again and replace what is installed.
    #[arg(long)]
    force: bool,
    /// Give up when pip has received nothing for so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = InstallOptions::default().patience.as_secs(),
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Write nothing but the path of the library: GNET_ORT_LIB=$(gnet runtime install cpu --print-path).
    #[arg(long, conflicts_with = "format")]
    print_path: bool,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Debug, Args)]
struct RemoveArgs {
    /// The runtime to remove.
    #[arg(value_name = "RUNTIME", value_parser = kind())]
    kind: Kind,
    #[command(flatten)]
    format: FormatArgs,
}

fn kind() -> impl TypedValueParser<Value = Kind> {
    values::one_of(Kind::ALL.map(Kind::name))
}

pub fn run(args: &RuntimeArgs) -> Result<()> {
    match &args.command {
        RuntimeCommand::Install(args) => install(args),
        RuntimeCommand::List(args) => args.format.write(&install::list()?),
        RuntimeCommand::Remove(args) => args.format.write(&install::remove(args.kind)?),
    }
}

fn install(args: &InstallArgs) -> Result<()> {
    let mut options = InstallOptions::default();
    (options.force, options.patience) = (args.force, Duration::from_secs(args.timeout));
    let mut progress = Progress::new();
    let installed = install::install(args.kind, &options, &mut progress);
    progress.bar.finish_and_clear();
    let installed = installed?;
    if !installed.fetched {
        output::note(format_args!("{} {} is installed already", installed.kind, installed.version));
    }
    advise(&installed);
    if args.print_path {
        return output::data(&format!("{}\n", installed.library));
    }
    args.format.write(&installed)?;
    output::next(&["gnet", "doctor", "--require", installed.kind.name()]);
    Ok(())
}

/// Advises on what else a runtime needs before it can run anything.
fn advise(installed: &Installation) {
    match installed.kind {
        Kind::Cpu => {}
        Kind::Cuda => output::note(
            "note: the driver, CUDA 13 and cuDNN 9 come from the system; `gnet doctor` says whether they are there",
        ),
        Kind::OpenVino => {
            let runtime = |place: &install::Place| place.kind != Kind::OpenVino;
            if !install::installed().iter().any(runtime) {
                output::note("note: a plugin needs ONNX Runtime itself: `gnet runtime install cpu`");
            }
        }
    }
}

/// Display with a bar on a terminal, otherwise a line per step; on stderr.
struct Progress {
    bar: ProgressBar,
    terminal: bool,
}

impl Progress {
    fn new() -> Self {
        Self { bar: ProgressBar::hidden(), terminal: io::stderr().is_terminal() }
    }
}

impl Observer for Progress {
    fn step(&mut self, wheel: &Wheel, step: Step, bytes: u64) {
        let what = what(wheel, step);
        if self.terminal {
            self.bar.finish_and_clear();
            self.bar = ProgressBar::new(bytes).with_style(style()).with_message(what);
            self.bar.enable_steady_tick(Duration::from_millis(100));
        } else {
            output::progress(format_args!("{what} ({})", number::bytes(bytes)));
        }
    }

    fn done(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
    }
}

fn what(wheel: &Wheel, step: Step) -> String {
    match step {
        Step::Download => format!("fetching {} with pip", wheel.requirement()),
        Step::Verify => "comparing its SHA-256 with the pinned one".to_owned(),
        Step::Unpack => "unpacking the libraries".to_owned(),
    }
}

fn style() -> ProgressStyle {
    terminal::bar(
        "{spinner} [{bar:20}] {binary_bytes}/{binary_total_bytes}  {eta} left  {wide_msg}",
        "{binary_bytes}/{binary_total_bytes} {wide_msg}",
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: RuntimeArgs,
    }

    fn parsed(args: &[&str]) -> std::result::Result<RuntimeCommand, clap::Error> {
        Cli::try_parse_from([&["runtime"], args].concat()).map(|cli| cli.args.command)
    }

    #[test]
    fn install_takes_the_librarys_defaults() {
        let RuntimeCommand::Install(args) = parsed(&["install"]).unwrap() else { panic!("another command") };
        assert_eq!((args.kind, args.force), (Kind::Cpu, false));
        assert_eq!(Duration::from_secs(args.timeout), InstallOptions::default().patience);
        assert!(
            matches!(parsed(&["install", "openvino"]), Ok(RuntimeCommand::Install(args)) if args.kind == Kind::OpenVino)
        );
    }

    #[test]
    fn values_that_mean_nothing_are_bad_usage() {
        for args in [&["install", "gpu"][..], &["remove"], &["install", "--timeout", "0"], &[]] {
            assert!(parsed(args).is_err(), "{args:?}");
        }
        assert!(parsed(&["install", "--print-path", "--format", "json"]).is_err());
    }
}
