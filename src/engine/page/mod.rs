//! A page about measurements: Markdown with tables, and pictures beside it, out of documents that other commands wrote.
//!
//! [`read`] takes what `gnet bench`, `verify` and `doctor` print as JSON, logs of `gnet bench --save`, and series that another
//! program measured. [`compose`] puts the rows of each network into two charts and a table, and adds where the time goes, how
//! well answers agree, and what the machine is. The page depends on the documents and the [`PageOptions`] alone, byte for byte.
//!
//! Names in documents are data: they are neither markup in the page nor in a picture.

mod agreement;
mod document;
mod labels;
mod latency;
mod machine;
mod measured;
mod row;
mod section;
mod series;
mod shares;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

pub use document::{Document, read};

use document::Content;
use gnet_core::report::{literal, markdown, number, target};
use gnet_core::words::{counted, one_or};
use gnet_core::{Error, Result, files};
use latency::Rows;
use row::{Network, Row, span};
use section::{Section, name};

/// Options of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageOptions {
    /// Title; `None` for the device that the documents tell of.
    pub title: Option<String>,
    /// Paragraphs below the title.
    pub notes: Vec<String>,
}

/// A page and its pictures, not yet written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Path of the page.
    pub path: PathBuf,
    /// Paths and contents of the files: the pictures, then the page, which refers to them.
    pub files: Vec<(PathBuf, String)>,
}

impl Page {
    /// Writes the files; each is whole or not there, and the page comes last.
    ///
    /// # Errors
    /// Fails if one cannot be written, or is an input; nothing is written then if that can be told before.
    pub fn write(&self) -> Result<()> {
        self.files.iter().try_for_each(|(path, _)| files::check_place(path))?;
        self.files.iter().try_for_each(|(path, text)| files::write(path, text.as_bytes()))
    }

    /// Compares the files with those that are there.
    ///
    /// # Errors
    /// Names those that differ or are missing ([`ErrorKind::Check`](gnet_core::ErrorKind::Check)).
    pub fn check(&self) -> Result<()> {
        let differs = |(path, text): &&(PathBuf, String)| files::read(path).ok().as_deref() != Some(text.as_bytes());
        let differing: Vec<String> =
            self.files.iter().filter(differs).map(|(path, _)| path.display().to_string()).collect();
        if differing.is_empty() {
            return Ok(());
        }
        let verb = one_or(differing.len(), "differs or is missing", "differ or are missing");
        let reason = format!("is not what these documents give: {} {verb}", differing.join(", "));
        Err(Error::check(self.path.display(), reason).remedy("write it anew, without --check"))
    }
}

/// Composes the page that lies at `path`; its pictures lie beside it and begin with its name.
///
/// # Errors
/// Fails if there is no document, if `path` has no file name, or if a chart cannot be drawn.
pub fn compose(documents: &[Document], options: &PageOptions, path: &Path) -> Result<Page> {
    if documents.is_empty() {
        return Err(Error::file(path, "there is no document to make it of"));
    }
    let Some(stem) = path.file_stem() else { return Err(Error::file(path, "is no name of a file")) };
    let (mut files, mut counts) = (Vec::new(), BTreeMap::<&str, usize>::new());
    let mut text = format!("# {}\n", literal(&name(&title(documents, options))));
    for note in options.notes.iter().filter(|note| !note.trim().is_empty()) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{}\n", literal(note));
    }
    if let Some(days) = days(documents) {
        let _ = write!(text, "\nMeasured: {days}.\n");
    }
    for Section { heading, sentences, pictures, tables } in sections(documents)? {
        let _ = write!(text, "\n## {}\n", literal(&heading));
        for sentence in sentences {
            let _ = write!(text, "\n{}\n", literal(&sentence));
        }
        for picture in pictures {
            let number = counts.entry(picture.kind).or_default();
            *number += 1;
            let mut file = stem.to_owned();
            file.push(format!("-{}-{number}.svg", picture.kind));
            let _ = write!(text, "\n![{}]({})\n", literal(&picture.told), target(&file.to_string_lossy()));
            files.push((path.with_file_name(file), picture.svg));
        }
        if !tables.is_empty() {
            let _ = write!(text, "\n{}", markdown(tables));
        }
    }
    text += &listed(documents, &files::folder_of(path));
    files.push((path.to_path_buf(), text));
    Ok(Page { path: path.to_path_buf(), files })
}

/// Returns the title: the wanted one, else the devices that the documents tell of.
fn title(documents: &[Document], options: &PageOptions) -> String {
    if let Some(title) = &options.title {
        return title.clone();
    }
    let mut devices: Vec<String> = Vec::new();
    let of_machines = documents.iter().filter_map(|document| match &document.content {
        Content::Machine(machine) => Some(machine.device()),
        _ => None,
    });
    let of_rows = documents.iter().flat_map(|document| document.content.rows()).filter_map(|row| row.device.clone());
    for device in of_machines.chain(of_rows) {
        if !devices.contains(&device) {
            devices.push(device);
        }
    }
    match &devices[..] {
        [] => "Measurements".to_owned(),
        [device, ..] => device.clone(),
    }
}

/// Returns the days on which the rows were measured, if all of them tell.
fn days(documents: &[Document]) -> Option<String> {
    let rows = documents.iter().flat_map(|document| document.content.rows());
    let days: Option<Vec<&str>> = rows.map(|row| row.day.as_deref()).collect();
    span(days?.into_iter())
}

/// Returns the sections: machines, networks, where the time goes, agreement.
fn sections(documents: &[Document]) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    for document in documents {
        if let Content::Machine(machine) = &document.content {
            let mut section = Section::new(format!("The machine: {}", name(&machine.device())));
            section.tables.extend(machine.tables());
            sections.push(section);
        }
    }
    let numbered = documents.iter().enumerate();
    let rows: Vec<Row> = numbered
        .flat_map(|(document, of)| of.content.rows().iter().map(move |row| Row { document, ..row.clone() }))
        .collect();
    let (mut measured, mut profiled) = (Vec::new(), Vec::new());
    for (heading, rows) in networks(&rows) {
        let of_network = Rows::new(&rows, |document| documents[document].stem());
        measured.push(of_network.section(heading)?);
        for row in &rows {
            profiled.extend(shares::section(row, &of_network.label(row))?);
        }
    }
    sections.append(&mut measured);
    sections.append(&mut profiled);
    let agreements = documents.iter().filter_map(|document| match &document.content {
        Content::Agreement(agreement) => Some(agreement),
        _ => None,
    });
    let tables: Vec<_> = agreements.flat_map(agreement::Agreement::tables).collect();
    if !tables.is_empty() {
        sections.push(Section { tables, ..Section::new("Agreement") });
    }
    Ok(sections)
}

/// Groups rows by network, in the order in which they come. Series of other programs join every network of their model's name.
fn networks(rows: &[Row]) -> Vec<(String, Vec<&Row>)> {
    let mut networks: Vec<&Network> = Vec::new();
    for network in rows.iter().filter(|row| row.own).map(|row| &row.network) {
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    for network in rows.iter().filter(|row| !row.own).map(|row| &row.network) {
        if !networks.iter().any(|other| other.name == network.name) {
            networks.push(network);
        }
    }
    let of = |network: &Network| {
        let belongs = |row: &&Row| row.network == *network || !row.own && row.network.name == network.name;
        rows.iter().filter(belongs).collect::<Vec<_>>()
    };
    let named = |network: &Network| {
        let alike = networks.iter().filter(|other| other.name == network.name).count();
        match network.bytes.filter(|_| alike > 1) {
            Some(bytes) => format!("{} ({})", name(&network.name), counted(number::thousands(bytes.into()), "byte")),
            None => name(&network.name),
        }
    };
    networks.iter().map(|network| (named(network), of(network))).collect()
}

/// Lists the documents by their numbers, with links to those that lie below the page.
fn listed(documents: &[Document], folder: &Path) -> String {
    let mut text = "\n## Documents\n\nRows name them by their numbers.\n\n".to_owned();
    for (number, document) in (1..).zip(documents) {
        let (path, linked) = document.seen_from(folder);
        let shown = literal(&name(&path));
        let shown = if linked { format!("[{shown}]({})", target(&path)) } else { shown };
        let told: Vec<_> = document.content.summary().iter().map(|part| literal(part)).collect();
        let _ = writeln!(text, "{number}. {shown}: {}", told.join("; "));
    }
    text
}

#[cfg(test)]
mod tests;
