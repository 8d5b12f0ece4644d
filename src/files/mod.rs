//! Files that are either whole or not there: written beside their place, then renamed.

pub(crate) mod change;
#[cfg(any(feature = "burn", feature = "ort"))]
mod lock;
mod map;
mod unfinished;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{Error, Result};

#[cfg(any(feature = "burn", feature = "ort"))]
pub(crate) use lock::{Locked, lock};
pub use map::map;
pub use unfinished::abandon;
#[cfg(any(feature = "burn", feature = "ort"))]
pub(crate) use unfinished::temporary_folder_in;
pub(crate) use unfinished::{Unfinished, temporary_folder};

/// Beginning of the names of files that are not in their place yet.
const PREFIX: &str = ".gnet-";

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
    std::fs::read(path).map_err(|e| unreadable(path, &e))
}

/// Refuses a file that [`read`] could not read, without reading it.
pub fn check_readable(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::file(path, "is a folder where a file is expected"));
    }
    std::fs::File::open(path).map(drop).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::file(path, "there is no such file"),
        _ => Error::file(path, format!("cannot be read: {error}")),
    }
}

/// Writes `bytes` to `path` at once: an interrupted or failed write leaves what was there.
///
/// The folder must exist; the file is made in it under a temporary name and then renamed. A link is followed: the file
/// it names is replaced, not the link.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// As [`write()`], for content that is made piece by piece.
pub fn write_with(path: &Path, content: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>) -> Result<()> {
    check_place(path)?;
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let fail = |e: std::io::Error| Error::file(path, format!("cannot be written: {}", cause(&e)));
    let make = || tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder_of(&target));
    change::step();
    let mut file = Unfinished::make(make, NamedTempFile::path).map_err(fail)?;
    content(file.made.as_file_mut()).and_then(|()| file.made.as_file().sync_all()).map_err(fail)?;
    readable_by_all(file.made.as_file()).map_err(fail)?;
    change::step();
    file.finish(|file| file.persist(&target)).map_err(|e| fail(e.error))?;
    change::sync_folder(&folder_of(&target)).map_err(fail)
}

/// What [`write()`] was making in a folder when its process was killed, or is making there now.
#[cfg(feature = "burn")]
pub(crate) fn unfinished_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)).map(|entry| entry.path()).collect()
}

/// Refuses a place where [`write()`] could not put a file, before the work of making one is done.
///
/// # Errors
/// The folder is not there, or something else than a file has the name: a folder, a device, a pipe, a dangling link. A
/// rename would put a file in the place of `/dev/null` as readily as in that of a file.
pub fn check_place(path: &Path) -> Result<()> {
    let folder = folder_of(path);
    match std::fs::metadata(&folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(Error::file(path, format!("{} is a file, not a folder", folder.display()))),
        Err(_) => {
            let reason = format!("there is no folder {}", folder.display());
            return Err(Error::file(path, reason).remedy("create it first"));
        }
    }
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Error::file(path, "is a folder where a file is expected")),
        Ok(found) if !found.is_file() => Err(Error::file(path, "is no regular file and cannot be replaced")),
        Err(_) if path.is_symlink() => Err(Error::file(path, "is a link to nothing")),
        _ => Ok(()),
    }
}

/// The system's own words: `tempfile` adds the temporary file's name to them, which means nothing to a reader.
fn cause(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" at path ").map_or(text.clone(), |(cause, _)| cause.to_owned())
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
    check_dir(path)?;
    change::create_dir_all(path).map_err(|e| Error::file(path, format!("the folder cannot be made: {e}")))
}

/// Refuses a place where [`create_dir`] would find a file in its way.
pub fn check_dir(path: &Path) -> Result<()> {
    if let Some(file) = path.ancestors().find(|place| place.is_file()) {
        let reason = if file == path { "is a file where a folder is expected" } else { "would lie inside a file" };
        return Err(Error::file(path, reason));
    }
    Ok(())
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
    fn what_is_no_file_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder");
        create_dir(&folder).unwrap();
        assert!(write(&folder, b"new").unwrap_err().to_string().ends_with("is a folder where a file is expected"));
        let file = dir.path().join("file");
        write(&file, b"kept").unwrap();
        assert!(write(&file.join("x"), b"new").unwrap_err().to_string().ends_with("file is a file, not a folder"));
        assert!(create_dir(&file).unwrap_err().to_string().ends_with("is a file where a folder is expected"));
        assert!(create_dir(&file.join("a/b")).unwrap_err().to_string().ends_with("would lie inside a file"));
        assert_eq!(read(&file).unwrap(), b"kept");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_keeps_pointing_and_a_socket_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(write(&link, b"new").unwrap_err().to_string().ends_with("is a link to nothing"));
        write(&file, b"old").unwrap();
        write(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(read(&file).unwrap(), b"new");
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(write(&socket, b"new").unwrap_err().to_string().contains("is no regular file"));
        assert!(!socket.is_file());
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
