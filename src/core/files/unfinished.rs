//! Files and folders that are created under another name and then moved: they must not be left behind when the program
//! is interrupted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::{Error, Result};

/// Creates a folder in the system's temporary folder that is removed when it is dropped, or when the program is
/// interrupted ([`abandon`]).
///
/// # Errors
/// Fails if it cannot be created.
pub fn temporary_folder() -> Result<Unfinished<TempDir>> {
    temporary_folder_in(&std::env::temp_dir(), "gnet-").map_err(|e| Error::input("temporary folder", e))
}

/// Does the same as [`temporary_folder`] in a folder given by the caller.
///
/// # Errors
/// Those of the system.
pub fn temporary_folder_in(folder: &Path, prefix: &str) -> std::io::Result<Unfinished<TempDir>> {
    Unfinished::make(|| tempfile::Builder::new().prefix(prefix).tempdir_in(folder), TempDir::path)
}

/// Paths of everything that is created but not yet moved to its destination.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Locks the list. A panic while it is locked leaves the list valid.
fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all temporary files and folders that this process is working on, and blocks every thread that is about to
/// create one or to move one to its destination: **the last call before a process exits in the middle of its work**.
///
/// Afterwards each file is either unchanged or complete, and nothing is left beside it.
pub fn abandon() {
    let list = unfinished();
    for path in list.iter() {
        remove(path);
    }
    // Never unlocked: a thread that continued could move half a folder to the place of a whole one.
    std::mem::forget(list);
}

/// Removes a file or folder. Another thread that gives up, or a program that writes until this process ends, may change a
/// folder meanwhile, so that it is not empty when its turn comes: then it is removed again. Nobody is left to be told about a
/// failure.
fn remove(path: &Path) {
    const ATTEMPTS: u32 = 50;
    for attempt in 0..ATTEMPTS {
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        if path.symlink_metadata().is_err() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(attempt.min(10).into()));
    }
}

/// Something temporary, which [`abandon`] knows until it is at its destination.
pub struct Unfinished<T> {
    /// The file or folder, which removes itself when it is dropped.
    pub made: T,
    listed: Listed,
}

struct Listed(PathBuf);

impl Drop for Listed {
    fn drop(&mut self) {
        unfinished().remove(&self.0);
    }
}

impl<T> Unfinished<T> {
    /// Creates it; at no moment does it exist without being on the list.
    pub(super) fn make(make: impl FnOnce() -> std::io::Result<T>, path: fn(&T) -> &Path) -> std::io::Result<Self> {
        let mut list = unfinished();
        let made = make()?;
        let path = std::path::absolute(path(&made))?;
        list.insert(path.clone());
        Ok(Self { made, listed: Listed(path) })
    }

    /// Moves it to its destination with `place`, which is not interrupted.
    pub fn finish<R>(self, place: impl FnOnce(T) -> R) -> R {
        let mut list = unfinished();
        let result = place(self.made);
        list.remove(&self.listed.0);
        drop(list);
        result
    }
}

/// Moves two that belong together to their destinations with `place`, which is not interrupted.
pub(super) fn finish_both<A, B, R>(a: Unfinished<A>, b: Unfinished<B>, place: impl FnOnce(A, B) -> R) -> R {
    let mut list = unfinished();
    let result = place(a.made, b.made);
    list.remove(&a.listed.0);
    list.remove(&b.listed.0);
    drop(list);
    result
}

impl Unfinished<PathBuf> {
    /// Registers the file or folder `path`: the caller creates it, and removes it on failure.
    ///
    /// # Errors
    /// Fails if there is no current folder.
    pub fn at(path: &Path) -> std::io::Result<Self> {
        Self::make(|| Ok(path.to_path_buf()), PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_on_the_list_and_what_is_done_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let listed = || unfinished().iter().filter(|path| path.starts_with(dir.path())).cloned().collect::<Vec<_>>();
        let begun = temporary_folder_in(dir.path(), "begun-").unwrap();
        assert_eq!(listed(), [begun.made.path()]);
        let place = dir.path().join("place");
        begun.finish(|folder| std::fs::rename(folder.keep(), &place)).unwrap();
        assert!(listed().is_empty() && place.is_dir());
        drop(temporary_folder_in(dir.path(), "dropped-").unwrap());
        crate::files::write(&dir.path().join("x"), b"whole").unwrap();
        assert!(listed().is_empty());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "the folder and the file");
    }
}
