//! `gnet runtime`: the ONNX Runtime library and its plugins, fetched with the user's own pip.

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use gnet::install::{
    self, CUDA_LIBRARIES, InstallOptions, Installation, Kind, ONNX_RUNTIME, ONNX_RUNTIME_CUDA, OPENVINO_PLUGIN,
    Observer, Step, Wheel,
};
use gnet::report::number;
use gnet::{Error, Result};
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
    /// Fetch pinned, verified libraries with `python3 -m pip download` into gnet's data directory.
    #[command(after_help = install_help())]
    Install(InstallArgs),
    /// List the installed runtimes, and whether their files are unchanged.
    List(ListArgs),
    /// Remove every installed version of a runtime, and the libraries that were installed for it.
    Remove(RemoveArgs),
}

fn install_help() -> String {
    let libraries = number::bytes(CUDA_LIBRARIES.iter().map(|wheel| wheel.bytes).sum());
    format!(
        "\
cpu is ONNX Runtime {ONNX_RUNTIME}. cuda is ONNX Runtime {ONNX_RUNTIME_CUDA} with its CUDA and TensorRT providers, and what \
the system lacks of the libraries of CUDA 13 and cuDNN 9: at most {libraries}, about which it asks; only the driver must be \
there. openvino is OpenVINO's plugin {OPENVINO_PLUGIN} for processors of Intel's, which needs one of the two others.

pip's own settings hold: index, proxy, certificates. Where there is no network, put the wheels into a folder and say \
PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER. XDG_DATA_HOME moves the data directory."
    )
}

#[derive(Debug, Args)]
struct InstallArgs {
    /// The runtime to install.
    #[arg(value_name = "RUNTIME", default_value = "cpu", value_parser = kind())]
    kind: Kind,
    /// Fetch it again and replace what is installed.
    #[arg(long)]
    force: bool,
    /// Fetch the libraries of CUDA and cuDNN that the system lacks without asking, however large they are.
    #[arg(long, conflicts_with = "no_libraries")]
    yes: bool,
    /// Leave the libraries of CUDA and cuDNN to the system.
    #[arg(long)]
    no_libraries: bool,
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
    options.libraries = !args.no_libraries;
    let mut progress = Progress::new(args.yes);
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
        Kind::Cuda => {
            let of_the_system = match (installed.libraries.as_slice(), installed.system_libraries.as_slice()) {
                ([], []) => "the driver, CUDA 13 and cuDNN 9 come".to_owned(),
                (_, []) => "the driver comes".to_owned(),
                (_, names) => format!("the driver, {} come", names.join(", ")),
            };
            output::note(format_args!("note: {of_the_system} from the system; `gnet doctor` says what is there"));
        }
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
    /// Whether libraries are fetched without a question.
    yes: bool,
}

impl Progress {
    fn new(yes: bool) -> Self {
        Self { bar: ProgressBar::hidden(), terminal: io::stderr().is_terminal(), yes }
    }
}

/// Size of a download of libraries, in bytes, above which gnet asks first.
const LARGE: u64 = 200_000_000;

impl Observer for Progress {
    /// Tells what is fetched besides the runtime that was asked for, and asks about it where it is large.
    fn planned(&mut self, wheels: &[&Wheel]) -> Result<()> {
        let libraries: u64 = wheels.iter().filter(|wheel| !wheel.provides.is_empty()).map(|wheel| wheel.bytes).sum();
        if libraries > 0 {
            tell(wheels);
        }
        if libraries <= LARGE || self.yes {
            return Ok(());
        }
        let size = number::bytes(libraries);
        if !terminal::answers() {
            let reason =
                format!("needs {size} of libraries, and there is no terminal to ask at; nothing was installed");
            return Err(Error::input("runtime cuda", reason)
                .remedy("--yes fetches them, --no-libraries leaves them to the system"));
        }
        if output::ask(&format!("Fetch {size} of libraries?"))? {
            return Ok(());
        }
        Err(Error::input("runtime cuda", "its libraries were declined; nothing was installed")
            .remedy("--no-libraries leaves them to the system"))
    }

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

/// Lists what is fetched.
fn tell(wheels: &[&Wheel]) {
    output::note("The system lacks libraries of CUDA and cuDNN, which are under NVIDIA's licences. pip fetches:");
    for wheel in wheels {
        output::note(format_args!("  {:<32}{:>10}", wheel.requirement(), number::bytes(wheel.bytes)));
    }
    let sum = |size: fn(&Wheel) -> u64| number::bytes(wheels.iter().map(|wheel| size(wheel)).sum());
    let (fetched, unpacked) = (sum(|wheel| wheel.bytes), sum(|wheel| wheel.unpacked));
    output::note(format_args!("  {:<32}{fetched:>10}, {unpacked} unpacked", "together"));
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
        assert_eq!((args.kind, args.force, args.yes, args.no_libraries), (Kind::Cpu, false, false, false));
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
        assert!(parsed(&["install", "cuda", "--yes", "--no-libraries"]).is_err());
    }
}
