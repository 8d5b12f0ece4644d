//! Reading a log.

use std::path::Path;

use serde_json::{Map, Value};

use super::Line;
use gnet_core::report::json::SCHEMA_VERSION;
use gnet_core::{Error, Result, files};

/// Content of a log.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Logged {
    /// Its rows, in the order in which they were written.
    pub lines: Vec<Line>,
    /// Processes of comparisons in pairs, in that order too.
    pub pairs: Vec<Line>,
    /// Remarks on lines that were passed over because they are cut off.
    pub notes: Vec<String>,
}

/// Reads a log. A line that is cut off, as a process leaves it that is killed while it writes, is passed over with a
/// remark; so are, without one, kinds of lines that are not known.
///
/// # Errors
/// Fails if the file cannot be read, or on a line that is not one of a log; the file and the line are named.
pub fn read(path: &Path) -> Result<Logged> {
    parsed(&files::read(path)?).map_err(|e| e.in_file(path))
}

/// Beginning of every line: by this a line that is cut off is told from one that is something else.
pub(crate) const BEGINS: &str = "{\"schema_version\":";

pub(super) fn parsed(bytes: &[u8]) -> Result<Logged> {
    let Objects { lines, notes } = objects(bytes)?;
    let mut found = Logged { lines: Vec::new(), pairs: Vec::new(), notes };
    for (number, object) in lines {
        let line: Line =
            serde_json::from_value(object.into()).map_err(|reason| no_line(number, &reason.to_string()))?;
        if line.kind == Line::PAIR { found.pairs.push(line) } else { found.lines.push(line) }
    }
    Ok(found)
}

/// Lines of a log as JSON, of the kinds that are known.
pub(crate) struct Objects {
    /// The lines, each with its number in the file, from 1.
    pub lines: Vec<(usize, Map<String, Value>)>,
    /// Remarks on lines that were passed over because they are cut off.
    pub notes: Vec<String>,
}

/// Parses a log for a reader that takes of each line what it needs: one of another version of gnet may lack keys of this one.
pub(crate) fn objects(bytes: &[u8]) -> Result<Objects> {
    let mut found = Objects { lines: Vec::new(), notes: Vec::new() };
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.is_empty()) {
        match one(line) {
            Ok(object) => found.lines.extend(object.map(|object| (number, object))),
            Err(Wrong::CutOff) => found.notes.push(format!("line {number} is cut off and was passed over")),
            Err(Wrong::Version(version)) => {
                let reason = format!("line {number} is of version {version}, and this gnet knows {SCHEMA_VERSION}");
                return Err(Error::input(Error::THE_FILE, reason).remedy("read it with the gnet that wrote it"));
            }
            Err(Wrong::Other(reason)) => return Err(no_line(number, &reason)),
        }
    }
    Ok(found)
}

/// Returns the error of a line that is not one of a log.
fn no_line(number: usize, reason: &str) -> Error {
    Error::input(Error::THE_FILE, format!("line {number} is no line of a log of gnet: {reason}"))
}

enum Wrong {
    CutOff,
    Version(u64),
    Other(String),
}

fn one(line: &[u8]) -> Result<Option<Map<String, Value>>, Wrong> {
    let object: Map<String, Value> = serde_json::from_slice(line).map_err(|e| {
        let shared = line.len().min(BEGINS.len());
        match e.is_eof() && line[..shared] == BEGINS.as_bytes()[..shared] {
            true => Wrong::CutOff,
            false => Wrong::Other("it is no object in JSON".to_owned()),
        }
    })?;
    let version = object.get("schema_version").and_then(Value::as_u64);
    match (version, object.get("kind").and_then(Value::as_str)) {
        (Some(version), Some(_)) if version != u64::from(SCHEMA_VERSION) => Err(Wrong::Version(version)),
        (Some(_), Some(Line::ROW | Line::PAIR)) => Ok(Some(object)),
        (Some(_), Some(_)) => Ok(None),
        _ => Err(Wrong::Other("it has no schema_version or no kind".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Logged> {
        parsed(text.as_bytes())
    }

    #[test]
    fn a_line_that_is_cut_off_is_passed_over_wherever_it_is_cut() {
        let whole = "{\"schema_version\":1,\"kind\":\"other\",\"text\":\"größe\"}";
        for end in 1..whole.len() {
            for text in
                [whole.as_bytes()[..end].to_vec(), [&whole.as_bytes()[..end], b"\n", whole.as_bytes(), b"\n"].concat()]
            {
                let found = parsed(&text).unwrap_or_else(|e| panic!("cut at {end}: {e}"));
                assert_eq!(found.notes, ["line 1 is cut off and was passed over"], "cut at {end}");
            }
        }
        assert!(read(whole).unwrap().notes.is_empty(), "a kind that is not known is no fault");
        assert_eq!(read("").unwrap().lines, []);
    }

    #[test]
    fn any_other_line_is_an_error_that_names_it() {
        let whole = "{\"schema_version\":1,\"kind\":\"other\"}\n";
        for (text, says) in [
            ("{\"kind\":\"row\"}", "line 2 is no line of a log of gnet: it has no schema_version or no kind"),
            ("{\"schema_version\":1,\"kind\":\"row\"}", "line 2 is no line of a log of gnet: missing field"),
            (
                "{\"schema_version\":1,\"kind\":\"row\"} x",
                "line 2 is no line of a log of gnet: it is no object in JSON",
            ),
            ("{\"schema_version\":9,\"kind\":\"row\"}", "line 2 is of version 9, and this gnet knows 1"),
            ("[", "line 2 is no line of a log of gnet: it is no object in JSON"),
            ("\u{0}", "line 2 is no line of a log of gnet: "),
        ] {
            let error = read(&format!("{whole}{text}\n")).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
