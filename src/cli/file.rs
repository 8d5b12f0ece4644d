//! An ONNX file that a command reads.

use std::path::Path;

use gnet::report::number::counted;
use gnet::{OnnxFile, Result};

use super::output;

const SHOWN: usize = 5;

/// Opens a file and says on stderr what of it was not taken as the file states it.
pub fn open(path: &Path) -> Result<OnnxFile> {
    noted(path, OnnxFile::open(path)?)
}

/// As [`open`], with its constants held against the hash that the name of their file states: for whoever looks at them.
pub fn open_whole(path: &Path) -> Result<OnnxFile> {
    noted(path, OnnxFile::open_whole(path)?)
}

fn noted(path: &Path, file: OnnxFile) -> Result<OnnxFile> {
    tell(path, &file)?;
    Ok(file)
}

/// Says on stderr what of a file was not taken as it states it.
pub fn tell(path: &Path, file: &OnnxFile) -> Result<()> {
    let notes = file.model()?.notes();
    for note in notes.iter().take(SHOWN) {
        output::note(format_args!("{}: {note}", path.display()));
    }
    if notes.len() > SHOWN {
        output::note(format_args!("{}: and {}", path.display(), counted(notes.len() - SHOWN, "more such value")));
    }
    Ok(())
}
