//! An ONNX file that a command reads.

use std::path::Path;

use gnet::graph::Model;
use gnet::report::number::counted;
use gnet::{Result, onnx};

use super::output;

/// Notes of one kind are told up to this number.
const SHOWN: usize = 5;

/// Reads a model and says on stderr what of it was not taken as the file states it.
pub fn read(path: &Path) -> Result<Model> {
    noted(path, onnx::read_file(path)?)
}

/// As [`read`], with its constants held against the hash that the name of their file states: for whoever looks at them.
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
