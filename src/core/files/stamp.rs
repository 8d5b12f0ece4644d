//! Whether a file is still the one that it was.

use std::fs::Metadata;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Identity;

/// Identity of a file's content, different from that of any other file and from its own at another time: the file, its
/// length and the time of its last change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    identity: Option<Identity>,
    len: u64,
    changed: Option<SystemTime>,
}

impl Stamp {
    pub(super) fn of(path: &Path, found: &Metadata) -> Self {
        Self { identity: Identity::of(path, found), len: found.len(), changed: found.modified().ok() }
    }

    /// Returns the one of the file that `path` names now; `None` if there is none.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        Some(Self::of(path, &std::fs::metadata(path).ok()?))
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }
}
