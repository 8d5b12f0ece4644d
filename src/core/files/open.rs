//! Reading files: regular ones only, so that nothing waits for a pipe or reads a device without end.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::inputs;
use crate::words::counted;
use crate::{Error, Result};

/// Opens a file for reading: **the only way to open an input**, whatever it contains.
///
/// Links are followed. Nothing blocks: a pipe is refused whether or not it has a writer. The file counts as an input
/// from then on ([`keep_inputs`](super::keep_inputs)).
///
/// # Errors
/// Fails if the file is missing or unreadable, or is a folder, pipe, socket or device. The error names it.
pub fn open(path: &Path) -> Result<File> {
    opened(path).map(|(file, _)| file)
}

/// Does the same as [`open`] and also returns the file's metadata.
pub(super) fn opened(path: &Path) -> Result<(File, Metadata)> {
    let (file, found) = seen(path)?;
    inputs::add(path, &found);
    Ok((file, found))
}

/// Does the same as [`opened`] for a file that belongs to this program: it does not count as an input.
pub(super) fn seen(path: &Path) -> Result<(File, Metadata)> {
    let fail = |e: io::Error| unreadable(path, &e);
    // Checked before opening: opening a device can have side effects.
    check_kind(path, &std::fs::metadata(path).map_err(fail)?)?;
    let file = without_waiting().open(path).map_err(fail)?;
    let found = file.metadata().map_err(fail)?;
    check_kind(path, &found)?;
    Ok((file, found))
}

/// Returns options that do not block: a pipe that has replaced the file since it was checked is opened immediately, and
/// then refused.
pub(super) fn without_waiting() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY);
    options
}

/// Reads a whole file. The error names it and says whether it is missing, unreadable or not a file.
///
/// # Errors
/// Those of [`open`]; also fails on a file that holds more than its stated length, as some in `/proc` do, since such a
/// file may be endless.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let (file, found) = opened(path)?;
    read_whole(path, file, found.len())
}

/// Returns the content of an open file that claims to be `len` bytes long.
pub(super) fn read_whole(path: &Path, file: File, len: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default().min(64 << 20));
    file.take(len.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| unreadable(path, &e))?;
    if bytes.len() as u64 > len {
        let reason = format!(
            "holds more than the {} that its length says: it is no file on a disk, or grows",
            counted(len, "byte")
        );
        return Err(Error::file(path, reason).remedy("copy it to a file first"));
    }
    Ok(bytes)
}

/// Refuses a file that [`read`] could not read, without reading it.
///
/// # Errors
/// Those of [`open`].
pub fn check_readable(path: &Path) -> Result<()> {
    open(path).map(drop)
}

pub(super) fn check_kind(path: &Path, found: &Metadata) -> Result<()> {
    let Some(what) = kind(found.file_type()) else { return Ok(()) };
    let error = Error::file(path, format!("is a {what} where a file is expected"));
    Err(if found.is_dir() { error } else { error.remedy("write its content to a file first") })
}

/// Returns what kind of thing it is instead of a regular file; `None` for a regular file.
pub fn kind(file: FileType) -> Option<&'static str> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if file.is_fifo() {
            return Some("pipe");
        }
        if file.is_socket() {
            return Some("socket");
        }
    }
    if file.is_file() {
        return None;
    }
    Some(if file.is_dir() { "folder" } else { "device" })
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound if path.is_symlink() => Error::file(path, "is a link to nothing"),
        ErrorKind::NotFound => Error::file(path, "there is no such file"),
        _ => Error::file(path, format!("cannot be read: {error}")),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::map;
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once_by_every_reader() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        nix::unistd::mkfifo(&place("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(place("socket")).unwrap();
        for (name, target) in [("to-pipe", "pipe"), ("zero", "/dev/zero"), ("again", "zero"), ("null", "/dev/null")] {
            symlink(target, place(name)).unwrap();
        }
        symlink("loop", place("loop")).unwrap();
        symlink("nothing", place("dangling")).unwrap();
        for (name, says) in [
            ("pipe", "is a pipe where a file is expected"),
            ("to-pipe", "is a pipe where a file is expected"),
            ("socket", "is a socket where a file is expected"),
            ("zero", "is a device where a file is expected"),
            ("again", "is a device where a file is expected"),
            ("null", "is a device where a file is expected"),
            (".", "is a folder where a file is expected"),
            ("loop", "cannot be read: "),
            ("dangling", "is a link to nothing"),
            ("missing", "there is no such file"),
        ] {
            let path = place(name);
            let refusals = [open(&path).map(drop), read(&path).map(drop), map(&path).map(drop), check_readable(&path)];
            for refusal in refusals {
                let error = refusal.unwrap_err().to_string();
                assert!(error.contains(says) && error.starts_with(&path.display().to_string()), "{name}: {error}");
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_whose_length_is_no_bound_is_not_read_to_its_end() {
        for path in ["/proc/self/maps", "/proc/self/status"].map(Path::new) {
            for error in [read(path).map(drop), map(path).map(drop)].map(Result::unwrap_err) {
                assert!(error.to_string().contains("holds more than the 0 bytes that its length says"), "{error}");
            }
        }
    }
}
