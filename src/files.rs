//! Files that are either whole or not there: written beside their place, then renamed.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The folder a path lies in; the current one for a bare name.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Reads a whole file. The error names it and says whether it is missing or unreadable.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    if path.is_dir() {
        return Err(Error::file(path, "is a folder where a file is expected"));
    }
    std::fs::read(path).map_err(|e| Error::file(path, e))
}

/// Writes `bytes` to `path` at once: an interrupted or failed write leaves what was there.
///
/// The folder must exist; the file is made in it under a temporary name and then renamed.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(Error::file(path, format!("there is no folder {}", folder.display())).remedy("create it first"));
    }
    if path.is_dir() {
        return Err(Error::file(path, "is a folder where a file is expected"));
    }
    let fail = |e: std::io::Error| Error::file(path, format!("cannot be written: {e}"));
    let mut file = tempfile::Builder::new().prefix(".gnet-").tempfile_in(&folder).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    readable_by_all(file.as_file()).map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}

/// Temporary files are private to their owner; a result is as readable as any new file.
#[cfg(unix)]
fn readable_by_all(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Makes a folder and those above it.
pub fn create_dir(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|e| Error::file(path, format!("the folder cannot be made: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_folder_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("missing").join("x");
        assert!(write(&path, b"new").unwrap_err().to_string().contains("there is no folder"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_write_replaces_the_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write(&path, b"a long first version").unwrap();
        write(&path, b"short").unwrap();
        assert_eq!(read(&path).unwrap(), b"short");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }
}
