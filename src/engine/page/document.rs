//! Documents that a page is made of, told apart by their keys.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::agreement::Agreement;
use super::machine::Machine;
use super::measured::{self, Measured};
use super::row::{Row, span};
use super::series;
use crate::bench::log;
use gnet_core::report::json::SCHEMA_VERSION;
use gnet_core::words::counted;
use gnet_core::{Error, Result, files};

/// A document that was read: `gnet bench`, `verify` or `doctor` printed it as JSON, `gnet bench --save` wrote it, or it holds
/// series of another program.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub(super) path: PathBuf,
    pub(super) content: Content,
    /// Its path without links and dots, by which it is recognised.
    place: PathBuf,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// Rows of gnet, and the command that wrote them.
    Measured(&'static str, Measured),
    /// Rows of another program, and where they are from.
    Series(Vec<Row>, String),
    Agreement(Agreement),
    Machine(Machine),
}

const REMEDY: &str = "give what `gnet bench`, `verify` or `doctor` prints with --format json, a log of `gnet bench --save`, or series \
                      as the README shows them";

/// Reads documents, which then count as inputs. Keys that are newer than a document may be absent from it.
///
/// # Errors
/// Fails if a file cannot be read, is none of these documents, holds nothing to show or something that makes no sense, or is
/// given twice. The error names the file and the reason.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Document>> {
    let mut documents: Vec<Document> = Vec::with_capacity(paths.len());
    for path in paths {
        let bytes = files::read(path)?;
        let place = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if let Some(same) = documents.iter().find(|other| other.place == place) {
            let reason = format!("is the same document as {}", same.path.display());
            return Err(Error::file(path, reason).remedy("give it once"));
        }
        let content = content(&bytes).map_err(|e| e.in_file(path))?;
        documents.push(Document { path: path.clone(), content, place });
    }
    Ok(documents)
}

/// Tells what a document is, and reads it.
fn content(bytes: &[u8]) -> Result<Content> {
    let wrong = |reason: String| Error::input(Error::THE_FILE, reason).remedy(REMEDY);
    if is_log(bytes) {
        return logged(bytes);
    }
    let object: Map<String, Value> = match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(wrong("is JSON, but no document of gnet".to_owned())),
        Err(_) if bytes.iter().all(u8::is_ascii_whitespace) => return Err(wrong("is empty".to_owned())),
        Err(reason) => return Err(wrong(format!("is no JSON: {reason}"))),
    };
    if let Some(version) = object.get("schema_version").filter(|version| **version != SCHEMA_VERSION) {
        let reason = format!("is of version {version}, and this gnet knows {SCHEMA_VERSION}");
        return Err(Error::input(Error::THE_FILE, reason).remedy("read it with the gnet that wrote it"));
    }
    let has = |keys: [&str; 2]| keys.iter().all(|key| object.contains_key(*key));
    let of = |command: &str, reason: String| wrong(format!("is not what `gnet {command}` prints: {reason}"));
    if has(["environment", "runs"]) {
        let found = measured::document(&object).map_err(|reason| of("bench", reason))?;
        some_rows(Content::Measured("bench", found))
    } else if has(["reference", "comparisons"]) {
        Agreement::read(&object).map(Content::Agreement).map_err(|reason| of("verify", reason))
    } else if has(["onnxruntime", "providers"]) {
        Machine::read(&object).map(Content::Machine).map_err(|reason| of("doctor", reason))
    } else if object.contains_key("series") {
        let found = series::document(&object).map_err(|reason| wrong(format!("is no document of series: {reason}")));
        found.and_then(|(rows, source)| some_rows(Content::Series(rows, source)))
    } else {
        let keys: Vec<_> = object.keys().map(String::as_str).take(5).collect();
        let keys = if keys.is_empty() { "no keys".to_owned() } else { format!("the keys {}", keys.join(", ")) };
        Err(wrong(format!("is none of the documents that a page shows: it has {keys}")))
    }
}

fn logged(bytes: &[u8]) -> Result<Content> {
    let log::Objects { lines, notes } = log::objects(bytes)?;
    let wrong =
        |reason: String| Error::input(Error::THE_FILE, format!("is no log of `gnet bench`: {reason}")).remedy(REMEDY);
    let mut found = measured::logged(lines).map_err(wrong)?;
    found.notes.extend(notes);
    match (&found.rows[..], &found.notes[..]) {
        ([], [_, ..]) => Err(wrong(found.notes.join("; "))),
        _ => some_rows(Content::Measured("bench --save", found)),
    }
}

fn some_rows(content: Content) -> Result<Content> {
    match content.rows() {
        [] => Err(Error::input(Error::THE_FILE, "holds no row of a benchmark").remedy(REMEDY)),
        _ => Ok(content),
    }
}

/// Returns `true` for a log, be its first line cut off or not: a document on a line of its own has no `kind`.
fn is_log(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
    match serde_json::from_slice::<Map<String, Value>>(first) {
        Ok(object) => object.get("kind").is_some_and(Value::is_string),
        Err(_) => first.starts_with(log::BEGINS.as_bytes()),
    }
}

impl Content {
    pub fn rows(&self) -> &[Row] {
        match self {
            Self::Measured(_, Measured { rows, .. }) | Self::Series(rows, _) => rows,
            Self::Agreement(_) | Self::Machine(_) => &[],
        }
    }

    /// Describes it for the list of documents.
    pub fn summary(&self) -> Vec<String> {
        let mut parts = match self {
            Self::Measured(command, measured) => {
                vec![format!("gnet {command}, {}, {}", counted(measured.rows.len(), "row"), measured.program)]
            }
            Self::Series(rows, source) => {
                vec![format!("{} of another program: {source}", counted(rows.len(), "row"))]
            }
            Self::Agreement(agreement) => vec![format!("gnet verify: {}", agreement.summary())],
            Self::Machine(machine) => vec![format!("gnet doctor on {}", machine.device())],
        };
        parts.extend(span(self.rows().iter().filter_map(|row| row.day.as_deref())));
        if let Self::Measured(_, measured) = self {
            parts.extend(measured.notes.iter().cloned());
        }
        parts
    }
}

impl Document {
    /// Returns the name of its file without folder and ending.
    pub(super) fn stem(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns its path as seen from a folder, if it lies in there; else its name, which cannot be linked.
    pub(super) fn seen_from(&self, folder: &Path) -> (String, bool) {
        let inside = std::path::absolute(folder).and_then(|folder| {
            let path = std::path::absolute(&self.path)?;
            Ok(path.strip_prefix(folder).map(PathBuf::from).ok())
        });
        match inside {
            Ok(Some(path)) => {
                let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
                (parts.join("/"), true)
            }
            _ => (self.path.file_name().unwrap_or_default().to_string_lossy().into_owned(), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        content(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_such_document_is_refused_with_the_reason() {
        for (text, says) in [
            ("", "the file: is empty"),
            (" \n", "the file: is empty"),
            ("hello", "the file: is no JSON: expected value at line 1 column 1"),
            ("[1]", "the file: is JSON, but no document of gnet"),
            ("{}", "the file: is none of the documents that a page shows: it has no keys"),
            (r#"{"b": 1, "a": {}}"#, "is none of the documents that a page shows: it has the keys a, b"),
            (r#"{"schema_version": 2, "runs": []}"#, "the file: is of version 2, and this gnet knows 1"),
            (r#"{"environment": {}, "runs": []}"#, "is not what `gnet bench` prints: missing field `model`"),
            (r#"{"reference": "a", "comparisons": []}"#, "is not what `gnet verify` prints: missing field"),
            (r#"{"onnxruntime": 1, "providers": []}"#, "is not what `gnet doctor` prints: invalid type: integer `1`"),
            (r#"{"series": 1}"#, "is no document of series: invalid type: integer `1`"),
            (r#"{"series": [], "source": "x"}"#, "the file: holds no row of a benchmark"),
            ("{\"schema_version\":1,\"kind\":\"other\"}\n", "the file: holds no row of a benchmark"),
            ("{\"schema_version\":1,\"ki", "is no log of `gnet bench`: line 1 is cut off and was passed over"),
            (
                "{\"schema_version\":1,\"kind\":\"other\"}\n{\"schema_version\":1,\"kind\":\"row\",\"gnet\":{}}\n",
                "is no log of `gnet bench`: line 2: missing field",
            ),
            ("{\"schema_version\":1,\"kind\":\"row\"}\nhello\n", "line 2 is no line of a log of gnet"),
        ] {
            assert!(refused(text).contains(says), "{text}: {}", refused(text));
        }
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(refused(&format!("{{\"runs\": {deep}}}")).contains("recursion limit exceeded"));
    }
}
