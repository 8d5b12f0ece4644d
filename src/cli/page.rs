//! `gnet page`.

use std::path::{Path, PathBuf};

use clap::Args;
use gnet::page::{self, PageOptions};
use gnet::report::number::counted;
use gnet::{Error, Result};

use super::output;

#[derive(Debug, Args)]
pub struct PageArgs {
    /// Documents: JSON of `gnet bench`, `verify` and `doctor`, logs of `gnet bench --save`, and series that another program
    /// measured.
    #[arg(value_name = "DOCUMENT", required = true)]
    documents: Vec<PathBuf>,
    /// The Markdown file to write; its pictures lie beside it, and their names begin with its own.
    #[arg(short, long, value_name = "PAGE.md")]
    output: PathBuf,
    /// Title of the page [default: the device that the documents tell of]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// A paragraph below the title, such as who measured when; may be given several times.
    #[arg(long, value_name = "TEXT")]
    note: Vec<String>,
    /// Write nothing, and exit with 1 when the page or a picture is not what the documents give.
    #[arg(long)]
    check: bool,
}

pub fn run(args: &PageArgs) -> Result<()> {
    check_format(&args.output)?;
    let documents = page::read(&args.documents)?;
    let mut options = PageOptions::default();
    options.title.clone_from(&args.title);
    options.notes.clone_from(&args.note);
    let page = page::compose(&documents, &options, &args.output)?;
    let what = format!(
        "{} and {} of {}",
        args.output.display(),
        counted(page.files.len() - 1, "picture"),
        counted(documents.len(), "document")
    );
    if args.check {
        page.check()?;
        output::note(format_args!("{what}: as they should be"));
    } else {
        page.write()?;
        output::note(what);
    }
    Ok(())
}

/// Refuses a file name with an extension other than Markdown's.
fn check_format(path: &Path) -> Result<()> {
    match path.extension().and_then(|ending| ending.to_str()) {
        None => Ok(()),
        Some(ending) if ["md", "markdown"].iter().any(|known| ending.eq_ignore_ascii_case(known)) => Ok(()),
        Some(ending) => Err(Error::file(path, format!("a page is Markdown, not .{ending}"))
            .remedy("give a name that ends in .md; its pictures get names of their own")),
    }
}
