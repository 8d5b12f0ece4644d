//! `gnet doctor`: what this machine can do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use gnet::doctor::{self, Options};
use gnet::runtime::{EngineOptions, Provider};
use gnet::{Error, Result};

use super::format::FormatArgs;
use super::output;

/// Arguments of `gnet doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Exit with 3 unless each of these can be used; a comma-separated list.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = provider())]
    require: Vec<Provider>,
    /// The ONNX Runtime library to look at; else GNET_ORT_LIB, ORT_DYLIB_PATH, the installed one, the system's.
    #[arg(long, value_name = "FILE")]
    ort_lib: Option<PathBuf>,
    /// Stop a probe that has not answered after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    #[command(flatten)]
    format: FormatArgs,
}

fn provider() -> impl TypedValueParser<Value = Provider> {
    PossibleValuesParser::new(Provider::ALL.map(Provider::name)).try_map(|name| name.parse::<Provider>())
}

/// Writes the diagnosis, also when a requirement is not met; the first that is not is the outcome.
pub fn run(args: &DoctorArgs) -> Result<()> {
    let exe =
        std::env::current_exe().map_err(|e| Error::check("doctor", format!("this program cannot be found: {e}")))?;
    let engine = EngineOptions { ort_lib: args.ort_lib.clone(), ..EngineOptions::default() };
    let options = Options { exe, engine, timeout: Duration::from_secs(args.timeout) };
    let diagnosis = doctor::examine(&options, |provider| output::note(format_args!("trying {provider}")));
    args.format.write(&diagnosis)?;
    let unmet = diagnosis.unmet(&args.require);
    for error in unmet.iter().skip(1) {
        output::note(format_args!("also missing: {error}"));
    }
    unmet.into_iter().next().map_or(Ok(()), Err)
}

/// The hidden `gnet doctor-worker`: an order on stdin, the answer on stdout.
pub fn worker() -> Result<()> {
    doctor::serve(io::stdin().lock(), io::stdout().lock())
}
