//! Protection of inputs: a file that was read is not overwritten.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The files that were opened and the names used, once protection has been turned on.
static INPUTS: Mutex<Option<BTreeMap<Identity, PathBuf>>> = Mutex::new(None);

/// Locks the list. A panic while it is locked leaves the list valid.
fn inputs() -> MutexGuard<'static, Option<BTreeMap<Identity, PathBuf>>> {
    INPUTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes [`write`](super::write()) refuse, from now on, to replace a file that this process has opened for reading.
///
/// The program `gnet` calls it first of all, so that no command has to remember. A library does not: a caller of
/// [`onnx::read_file`](crate::onnx::read_file) that then writes to the same path does so deliberately.
pub fn keep_inputs() {
    inputs().get_or_insert_default();
}

pub(super) fn add(path: &Path, found: &Metadata) {
    if let (Some(list), Some(identity)) = (inputs().as_mut(), Identity::of(path, found)) {
        list.entry(identity).or_insert_with(|| path.to_path_buf());
    }
}

/// Returns the name under which the file at `path` was opened for reading, even if through a link or another of its
/// names.
pub fn named(path: &Path) -> Option<PathBuf> {
    let identity = Identity::at(path)?;
    inputs().as_ref()?.get(&identity).cloned()
}

pub(super) fn check(path: &Path) -> Result<()> {
    let Some(input) = named(path) else { return Ok(()) };
    let reason = match input == path {
        true => "is an input, and no input is replaced".to_owned(),
        false => format!("is the same file as {}, which is an input and is not replaced", input.display()),
    };
    Err(Error::file(path, reason).remedy("give another file to write"))
}

/// Identity of a file, independent of its name: device and inode number.
#[cfg(unix)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity(u64, u64);

/// Identity of a file: its real path; two hard links to one file count as two files.
#[cfg(not(unix))]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity(PathBuf);

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

    /// Returns the identity of the file that `path` names now.
    pub fn at(path: &Path) -> Option<Self> {
        Self::of(path, &std::fs::metadata(path).ok()?)
    }
}
