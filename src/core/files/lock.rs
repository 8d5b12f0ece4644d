//! One process at a time in a folder: a lock kept by the system, so that it never outlasts its process.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{Identity, Unfinished, steps};

/// Name of the file in a locked folder. It is removed with the lock; a file left by a killed process is locked by
/// nobody.
const NAME: &str = ".lock";

/// Result of an attempt to lock a folder.
pub enum Locked {
    /// Locked by this process until dropped.
    Ours(#[allow(dead_code, reason = "held, never read")] Unfinished<Held>),
    /// Locked by another process.
    Taken,
    /// The file system does not support locks: whether another process works in the folder cannot be determined.
    Unknown,
}

/// A locked file.
pub struct Held {
    _file: File,
    path: PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Removed while still locked: a process that opened it earlier finds that it is gone, see `is_at`.
        if cfg!(unix) {
            let _ = steps::remove_file(&self.path);
        }
    }
}

/// Locks a folder, without waiting.
///
/// # Errors
/// Fails if the folder does not exist or is not writable.
pub fn lock(folder: &Path) -> io::Result<Locked> {
    let path = folder.join(NAME);
    loop {
        steps::step();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => {
                return Unfinished::make(|| Ok(Held { _file: file, path }), |held| &held.path).map(Locked::Ours);
            }
            // Its holder has removed it since it was opened.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Locked::Taken),
            Err(TryLockError::Error(e)) if means_no_locks(&e) => {
                return steps::remove_file(&path).map(|()| Locked::Unknown);
            }
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let identity = |found: io::Result<Metadata>| Identity::of(path, &found.ok()?);
    identity(file.metadata()).is_some_and(|opened| identity(path.symlink_metadata()) == Some(opened))
}

/// Returns `true` for the error of a file system without locks.
fn means_no_locks(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(nix::errno::Errno::ENOLCK as i32) {
        return true;
    }
    error.kind() == ErrorKind::Unsupported
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_folder_is_locked_until_its_holder_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let Locked::Ours(first) = lock(dir.path()).unwrap() else { panic!("nobody else has it") };
        assert!(matches!(lock(dir.path()).unwrap(), Locked::Taken));
        drop(first);
        assert_eq!(names(dir.path()), [""; 0]);
        assert!(matches!(lock(dir.path()).unwrap(), Locked::Ours(_)));
        assert!(lock(&dir.path().join("none")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_that_its_holder_has_removed_locks_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        let opened = File::create(&path).unwrap();
        assert!(is_at(&opened, &path));
        std::fs::remove_file(&path).unwrap();
        assert!(!is_at(&opened, &path));
        std::fs::write(&path, "another").unwrap();
        assert!(!is_at(&opened, &path));
    }

    #[test]
    fn a_killed_process_leaves_no_lock() {
        use crate::files::steps::ending;
        if let Some(folder) = ending::folder() {
            let _locked = lock(&folder).unwrap();
            // Ended here by the test.
            return steps::step();
        }
        let dir = tempfile::tempdir().unwrap();
        assert!(ending::ends("files::lock::tests::a_killed_process_leaves_no_lock", dir.path(), 1));
        assert_eq!(names(dir.path()), [NAME]);
        assert!(matches!(lock(dir.path()).unwrap(), Locked::Ours(_)));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_system_without_locks_is_told_from_an_error() {
        use nix::errno::Errno;
        for (errno, no_locks) in
            [(Errno::ENOLCK, true), (Errno::EOPNOTSUPP, true), (Errno::ENOSYS, true), (Errno::EACCES, false)]
        {
            assert_eq!(means_no_locks(&io::Error::from_raw_os_error(errno as i32)), no_locks, "{errno}");
        }
    }
}
