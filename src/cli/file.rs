//! An ONNX file that a command reads.

use std::path::Path;

use gnet::graph::Model;
use gnet::report::number::counted;
use gnet::{Result, onnx};

use super::output;

/// Maximum number of notes of one kind that are shown individually.
const SHOWN: usize = 5;

/// Reads a model and reports on stderr what was not taken from the file as stated.
pub fn read(path: &Path) -> Result<Model> {
    noted(path, onnx::read_file(path)?)
}

/// Does the same as [`read`] and checks external data against the hash in its file name, for commands that read the
/// constants.
pub fn read_whole(path: &Path) -> Result<Model> {
    noted(path, onnx::read_file_whole(path)?)
}

fn noted(path: &Path, model: Model) -> Result<Model> {
    let notes = model.notes();
    for note in notes.iter().take(SHOWN) {
        output::note(format_args!("{}: {note}", path.display()));
    }
    if notes.len() > SHOWN {
        output::note(format_args!("{}: and {}", path.display(), counted(notes.len() - SHOWN, "more such value")));
    }
    Ok(model)
}
