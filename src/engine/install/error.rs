//! Errors shared by several steps of an installation.

use std::io;
use std::path::Path;

use gnet_core::Error;

/// Returns the error for a file or folder of the installation that could not be written; a full disk has its own
/// message.
pub(super) fn writing(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::file(path, "the disk is full; nothing was installed")
                .remedy("make room, or set XDG_DATA_HOME to a folder on another disk")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::file(path, format!("cannot be written: {error}")).remedy("set XDG_DATA_HOME to a folder of yours")
        }
        _ => Error::file(path, format!("cannot be written: {error}")),
    }
}
