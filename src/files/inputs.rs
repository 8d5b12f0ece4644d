//! What was read is not written over.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The files that were opened and under which names, once somebody has asked to keep them.
static INPUTS: Mutex<Option<BTreeMap<Identity, PathBuf>>> = Mutex::new(None);

/// A panic while it was held leaves the list as good as it was.
fn inputs() -> MutexGuard<'static, Option<BTreeMap<Identity, PathBuf>>> {
    INPUTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on [`write`](super::write()) refuses to replace a file that this process has opened to read.
///
/// The program `gnet` asks for it before anything else, so that no command has to remember. A library does not: who calls
/// [`onnx::read_file`](crate::onnx::read_file) and then writes over that file has said so.
pub fn keep_inputs() {
    inputs().get_or_insert_default();
}

/// A file was opened to read.
pub(super) fn add(path: &Path, found: &Metadata) {
    if let (Some(list), Some(identity)) = (inputs().as_mut(), Identity::of(path, found)) {
        list.entry(identity).or_insert_with(|| path.to_path_buf());
    }
}

/// The name under which the file at `path` was opened to read, be it through a link or another of its names.
pub(crate) fn named(path: &Path) -> Option<PathBuf> {
    let identity = Identity::at(path)?;
    inputs().as_ref()?.get(&identity).cloned()
}

/// Refuses to replace an input.
pub(super) fn check(path: &Path) -> Result<()> {
    let Some(input) = named(path) else { return Ok(()) };
    let reason = match input == path {
        true => "is an input, and no input is replaced".to_owned(),
        false => format!("is the same file as {}, which is an input and is not replaced", input.display()),
    };
    Err(Error::file(path, reason).remedy("give another file to write"))
}

/// What tells a file from all others, whatever it is called: its device and number there.
#[cfg(unix)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Identity(u64, u64);

/// Its real path; two hard links to one file pass for two files.
#[cfg(not(unix))]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Identity(PathBuf);

impl Identity {
    #[cfg(unix)]
    pub(super) fn of(_: &Path, found: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        Some(Self(found.dev(), found.ino()))
    }

    #[cfg(not(unix))]
    pub(super) fn of(path: &Path, _: &Metadata) -> Option<Self> {
        std::fs::canonicalize(path).ok().map(Self)
    }

    /// That of the file which `path` names now.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        Self::of(path, &std::fs::metadata(path).ok()?)
    }
}
