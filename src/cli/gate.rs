//! `gnet gate`: one verdict from one file of rules.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use gnet::ab::Replay;
use gnet::bench::Feed;
use gnet::gate::{self, Gate, Means, Record};
use gnet::report::{self, Format};
use gnet::{Error, Result, files};

use super::engine::LibraryArgs;
use super::feed::FeedArgs;
use super::format::FormatArgs;
use super::{interrupt, output, values, verify};

#[derive(Debug, Args)]
pub struct GateArgs {
    /// The file of rules, in TOML; paths in it lead from its own folder.
    #[arg(value_name = "FILE.toml", required_unless_present = "init")]
    file: Option<PathBuf>,
    /// Write a first file of rules for this model, from what it counts and what runs here.
    #[arg(long, value_name = "MODEL.onnx", conflicts_with_all = ["file", "junit", "markdown", "replay", "format", "wide"])]
    init: Option<PathBuf>,
    /// Name of the new file, which must not be there yet.
    #[arg(long, short, value_name = "FILE.toml", default_value = "gate.toml", requires = "init", value_parser = values::file_to_write())]
    output: PathBuf,
    /// Also write the result to this file as JUnit XML.
    #[arg(long, value_name = "FILE.xml", value_parser = values::file_to_write())]
    junit: Option<PathBuf>,
    /// Also write the result to this file as a Markdown table, for a pull request.
    #[arg(long, value_name = "FILE.md", value_parser = values::file_to_write())]
    markdown: Option<PathBuf>,
    /// Decide rules on latency from the samples of a comparison that `gnet ab --format json` wrote.
    #[arg(long, value_name = "FILE.json", hide = true)]
    replay: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    feed: FeedArgs,
    #[command(flatten)]
    library: LibraryArgs,
}

/// Variable with the file that GitHub shows on the page of a run.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

pub fn run(args: &GateArgs) -> Result<()> {
    match (&args.init, &args.file) {
        (Some(model), _) => init(args, model),
        (None, Some(file)) => judge(args, file),
        (None, None) => Err(Error::input("gate", "names no file")),
    }
}

/// Writes a first file of rules.
fn init(args: &GateArgs, model: &Path) -> Result<()> {
    let path = &args.output;
    if path.exists() || path.is_symlink() {
        return Err(Error::file(path, "is there already, and is not replaced").remedy("give another name with -o"));
    }
    files::check_place(path)?;
    let mut feed = Feed::default();
    (feed.sizes, feed.ranges) = (args.feed.sizes(), args.feed.ranges()?);
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let text = gate::init(model, folder, &feed, &args.means()?, &mut |what| output::progress(what))?;
    files::write(path, text.as_bytes())?;
    output::note(format_args!("wrote {}", path.display()));
    output::next(&["gnet", "gate", &path.display().to_string()]);
    Ok(())
}

/// Tries every rule, writes the record wherever it is wanted, and ends with its verdict.
fn judge(args: &GateArgs, file: &Path) -> Result<()> {
    if !args.feed.is_empty() {
        return Err(Error::input("--input, --dim and --range", "are for --init")
            .remedy("write them into the file, under [feed]"));
    }
    let gate = Gate::read(file)?;
    if let Some(model) = gate.file().path() {
        super::file::tell(model, gate.file())?;
    }
    args.outputs().try_for_each(|(path, _)| files::check_place(path))?;
    if cfg!(debug_assertions) {
        output::note("warning: this is a debug build; its times mean nothing");
    }
    let record = gate.run(args.means()?, &mut |what| output::progress(what))?;
    args.format.write(&record)?;
    summarise(&record);
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

    fn means(&self) -> Result<Means> {
        let mut means = Means::default();
        means.program = std::env::current_exe().ok();
        means.engine = self.library.options();
        means.checkpoint = Some(Arc::new(verify::checkpoint));
        if let Some(stored) = &self.replay {
            means.replay = Some(Replay::read(&files::read(stored)?).map_err(|e| e.in_file(stored))?);
        }
        means.stop = interrupt::kept();
        Ok(means)
    }
}

fn markdown(record: &Record) -> Result<String> {
    report::render(record, Format::Markdown)
}

/// Appends the result to the page of a run on GitHub, if there is one. What cannot be written there does not change the
/// verdict, and is said.
fn summarise(record: &Record) {
    let Some(path) = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()).map(PathBuf::from) else { return };
    // One write, so that the steps of a job do not mix.
    if let Err(error) = markdown(record).and_then(|text| files::append_line(&path, &text)) {
        output::note(format_args!("warning: {STEP_SUMMARY}: {error}"));
    }
}
