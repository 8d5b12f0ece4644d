//! `gnet doctor`: examines this machine.

use std::time::Duration;

use clap::Args;
use gnet::doctor::{self, DoctorOptions};
use gnet::runtime::Provider;
use gnet::{Error, Result};

use super::engine::LibraryArgs;
use super::format::FormatArgs;
use super::{output, values};

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Exit with 3 unless each of these can be used; a comma-separated list.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = values::provider())]
    require: Vec<Provider>,
    /// Stop a probe that has not answered after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    library: LibraryArgs,
}

/// Writes the diagnosis, even if a requirement is not met; the first unmet one is the result.
pub fn run(args: &DoctorArgs) -> Result<()> {
    let exe =
        std::env::current_exe().map_err(|e| Error::check("doctor", format!("this program cannot be found: {e}")))?;
    let mut options = DoctorOptions::new(exe);
    (options.engine, options.timeout) = (args.library.options(), Duration::from_secs(args.timeout));
    let diagnosis = doctor::examine(&options, |provider| output::progress(format_args!("trying {provider}")));
    args.format.write(&diagnosis)?;
    let unmet = diagnosis.unmet(&args.require);
    for error in unmet.iter().skip(1) {
        output::note(format_args!("also missing: {error}"));
    }
    unmet.into_iter().next().map_or(Ok(()), Err)
}
