//! What is made under another name and then put in its place: it must not be left behind when the program is interrupted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::{Error, Result};

/// A folder in the system's temporary one that goes when it is dropped, or when the program is interrupted ([`abandon`]).
///
/// # Errors
/// There is no place for one.
pub(crate) fn temporary_folder() -> Result<Unfinished<TempDir>> {
    temporary_folder_in(&std::env::temp_dir(), "gnet-").map_err(|e| Error::input("temporary folder", e))
}

/// As [`temporary_folder`], in a folder of the caller's.
///
/// # Errors
/// The system's own.
pub(crate) fn temporary_folder_in(folder: &Path, prefix: &str) -> std::io::Result<Unfinished<TempDir>> {
    Unfinished::make(|| tempfile::Builder::new().prefix(prefix).tempdir_in(folder), TempDir::path)
}

/// Paths of what is made and not yet in its place.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A panic while it was held leaves the list as good as it was.
fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every temporary file and folder that this process is working on, and stops every thread that is about to make
/// one or to put one in its place: **the last thing before a process exits in the middle of its work**.
///
/// After it each file is as it was or whole, and nothing lies beside it.
pub fn abandon() {
    let list = unfinished();
    for path in list.iter() {
        // What cannot be removed has nobody left to be told.
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
    // Never given back: a thread that went on could put half a folder in the place of a whole one.
    std::mem::forget(list);
}

/// Something temporary, which [`abandon`] knows as long as it is not in its place.
pub(crate) struct Unfinished<T> {
    /// What was made; it removes itself when it is dropped.
    pub(crate) made: T,
    listed: Listed,
}

struct Listed(PathBuf);

impl Drop for Listed {
    fn drop(&mut self) {
        unfinished().remove(&self.0);
    }
}

impl<T> Unfinished<T> {
    /// Makes it; there is no moment in which it is there and not on the list.
    pub(super) fn make(make: impl FnOnce() -> std::io::Result<T>, path: fn(&T) -> &Path) -> std::io::Result<Self> {
        let mut list = unfinished();
        let made = make()?;
        let path = std::path::absolute(path(&made))?;
        list.insert(path.clone());
        Ok(Self { made, listed: Listed(path) })
    }

    /// Puts it in its place by `place`, which is not interrupted.
    pub(crate) fn finish<R>(self, place: impl FnOnce(T) -> R) -> R {
        let mut list = unfinished();
        let result = place(self.made);
        list.remove(&self.listed.0);
        drop(list);
        result
    }
}

/// Puts two that belong together in their places by `place`, which is not interrupted.
pub(super) fn finish_both<A, B, R>(a: Unfinished<A>, b: Unfinished<B>, place: impl FnOnce(A, B) -> R) -> R {
    let mut list = unfinished();
    let result = place(a.made, b.made);
    list.remove(&a.listed.0);
    list.remove(&b.listed.0);
    drop(list);
    result
}

impl Unfinished<PathBuf> {
    /// The file or folder `path`: the caller makes it, and removes it when it comes to nothing.
    ///
    /// # Errors
    /// There is no current folder.
    #[cfg(feature = "burn")]
    pub(crate) fn at(path: &Path) -> std::io::Result<Self> {
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
