//! `gnet gate`: one verdict from one file of rules.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use gnet::gate::{self, Gate, Means, Record};
use gnet::report::{self, Format};
use gnet::{Result, files};

use super::engine::LibraryArgs;
use super::format::FormatArgs;
use super::{file, interrupt, output, values, verify};

#[derive(Debug, Args)]
pub struct GateArgs {
    /// The file of rules, in TOML; paths in it lead from its own folder.
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Also write the result to this file as JUnit XML.
    #[arg(long, value_name = "FILE.xml", value_parser = values::file_to_write())]
    junit: Option<PathBuf>,
    /// Also write the result to this file as a Markdown table, for a pull request.
    #[arg(long, value_name = "FILE.md", value_parser = values::file_to_write())]
    markdown: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    library: LibraryArgs,
}

/// Tries every rule, writes the record wherever it is wanted, and ends with its verdict.
pub fn run(args: &GateArgs) -> Result<()> {
    let gate = Gate::read(&args.file)?;
    if let Some(model) = gate.file().path() {
        file::tell(model, gate.file())?;
    }
    args.outputs().try_for_each(|(path, _)| files::check_place(path))?;
    let record = gate.run(args.means(), &mut |what| output::progress(what))?;
    args.format.write(&record)?;
    let written = args.outputs().try_for_each(|(path, text)| files::write(path, text(&record)?.as_bytes()));
    match (record.check(), written) {
        (Ok(()), written) => written,
        (Err(verdict), written) => {
            // The verdict is the result; what could not be written must still be known.
            written.unwrap_or_else(|e| output::note(format_args!("warning: {e}")));
            Err(verdict)
        }
    }
}

type Text = fn(&Record) -> Result<String>;

impl GateArgs {
    /// Returns the files to write besides stdout, and what goes into them.
    fn outputs(&self) -> impl Iterator<Item = (&Path, Text)> {
        let junit: Text = |record| Ok(gate::junit(record));
        let all = [(&self.junit, junit), (&self.markdown, markdown)];
        all.into_iter().filter_map(|(path, text)| Some((path.as_deref()?, text)))
    }

    fn means(&self) -> Means {
        let mut means = Means::default();
        means.program = std::env::current_exe().ok();
        means.engine = self.library.options();
        means.checkpoint = Some(Arc::new(verify::checkpoint));
        means.stop = interrupt::kept();
        means
    }
}

fn markdown(record: &Record) -> Result<String> {
    report::render(record, Format::Markdown)
}
