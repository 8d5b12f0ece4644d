//! The folder of a run: what defines a run, who may write in it, and the leftovers of a killed run.
//!
//! A folder holds a run if it has `last`. That is saved first after each epoch, and by one rename; `metrics.jsonl` and
//! `best` follow from it ([`Trainer::mend`](super::run)). So a process may end at any point: before the rename the epoch
//! does not exist, after it nothing is lost, and a folder without `last` holds no run.

use std::path::{Path, PathBuf};

use super::metrics;
use gnet_core::files::{Locked, Unfinished, aside, lock, steps};
use gnet_core::{Error, Result, files};

/// Name of the checkpoint after the last epoch.
pub(super) const LAST: &str = "last";
/// Name of the checkpoint of the best epoch.
pub(super) const BEST: &str = "best";
/// Name of the file that makes a folder a checkpoint.
pub(super) const RECORD: &str = files::CHECKPOINT_RECORD;

/// Returns `folder`, or the place where an interrupted swap has left it; `None` if neither is a checkpoint.
pub(super) fn settled(folder: &Path) -> Option<PathBuf> {
    [folder.to_path_buf(), aside(folder, "old")].into_iter().find(|folder| is_checkpoint(folder))
}

fn is_checkpoint(folder: &Path) -> bool {
    folder.join(RECORD).is_file()
}

/// Parts of a run that a folder holds.
enum Holds {
    /// A run, with its `last`.
    Run(PathBuf),
    /// Something that a run would replace, but no `last`: it has been removed.
    Part(&'static str),
    /// Neither.
    Nothing,
}

fn holds(out: &Path) -> Holds {
    if let Some(last) = settled(&out.join(LAST)) {
        return Holds::Run(last);
    }
    let in_the_way = |name: &&str| out.join(name).symlink_metadata().is_ok() || settled(&out.join(name)).is_some();
    [LAST, BEST, metrics::FILE].into_iter().find(in_the_way).map_or(Holds::Nothing, Holds::Part)
}

/// Refuses to start a run in a folder that holds one, or part of one.
pub(super) fn check_free(out: &Path) -> Result<()> {
    let thing = format!("--out {}", out.display());
    match holds(out) {
        Holds::Nothing => Ok(()),
        Holds::Run(_) => Err(Error::input(thing, "holds a run already")
            .remedy("give another folder, or --resume to go on with this one")),
        Holds::Part(name) => {
            Err(Error::input(thing, format!("holds {name} of a run whose {LAST} is missing, and would lose it"))
                .remedy(format!("give another folder, or move {name} out of this one")))
        }
    }
}

/// Returns the `last` of the run in a folder.
///
/// # Errors
/// Fails if the folder holds no run, or one that cannot be resumed because its `last` is missing.
pub(super) fn last_of(out: &Path) -> Result<PathBuf> {
    match holds(out) {
        Holds::Run(last) => Ok(last),
        Holds::Nothing => {
            Err(Error::file(out, "holds no run to resume").remedy("train without --resume, or give the --out of a run"))
        }
        Holds::Part(name) => {
            Err(Error::file(out, format!("holds {name} of a run whose {LAST} is missing, and cannot be gone on with"))
                .remedy("train into another --out"))
        }
    }
}

/// A run's folder that only this process works in, as far as the file system can tell.
pub(super) struct Folder {
    locked: Option<Locked>,
    /// The folder, if it was created here: it is removed again if nothing was saved in it.
    made: Option<PathBuf>,
}

impl Folder {
    /// Creates the folder if necessary, locks it, and removes the leftovers of a killed run.
    ///
    /// # Errors
    /// Fails if another process trains there, or if the folder is not writable.
    pub(super) fn enter(out: &Path) -> Result<Self> {
        let made = (!out.exists()).then(|| out.to_path_buf());
        files::create_dir(out)?;
        let mut folder = Self { locked: None, made };
        match lock(out).map_err(|e| Error::file(out, format!("cannot be written: {e}")))? {
            Locked::Taken => {
                return Err(Error::input(
                    format!("--out {}", out.display()),
                    "another gnet is training in this folder",
                )
                .remedy("give another folder, or wait until it is done"));
            }
            ours @ Locked::Ours(_) => {
                // Leftovers that cannot be removed now do no harm, and are tried again next time.
                let _ = sweep(out);
                folder.locked = Some(ours);
            }
            // Another process working here may need what would be swept.
            unknown @ Locked::Unknown => folder.locked = Some(unknown),
        }
        Ok(folder)
    }

    /// Returns `true` if no other process can be in the folder.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.locked, Some(Locked::Ours(_)))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.locked = None;
        if let Some(made) = &self.made {
            // Only an empty folder can be removed this way: one in which an epoch was saved stays.
            let _ = steps::remove_dir(made);
        }
    }
}

/// Removes unfinished and replaced files. Only the holder of the folder's lock may do this.
fn sweep(out: &Path) -> std::io::Result<()> {
    for place in [LAST, BEST, metrics::FILE].map(|name| out.join(name)) {
        let old = aside(&place, "old");
        if is_checkpoint(&old) && !place.exists() {
            steps::rename(&old, &place)?;
        }
        for left in [aside(&place, "new"), old, aside(&place.join(RECORD), "new")] {
            steps::remove_all(&left)?;
        }
    }
    steps::sync(out);
    Ok(())
}

/// Creates the checkpoint `folder` with `write`, all of it or nothing: beside its destination, then swapped in.
pub(super) fn replace(folder: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let new = aside(folder, "new");
    let fail = |e: std::io::Error| Error::file(folder, format!("cannot be replaced: {e}"));
    steps::remove_all(&new).map_err(fail)?;
    let unfinished = Unfinished::at(&new).map_err(fail)?;
    files::create_dir(&new)?;
    let written = write(&new).and_then(|()| unfinished.finish(|new| swap(&new, folder)).map_err(fail));
    if written.is_err() {
        // The first failure is the one to report.
        let _ = steps::remove_all(&new);
    }
    written
}

/// Moves `new` to the place of `folder`. At every moment either `folder` or the copy set aside is complete, if it was
/// before.
fn swap(new: &Path, folder: &Path) -> std::io::Result<()> {
    let old = aside(folder, "old");
    if is_checkpoint(folder) {
        steps::remove_all(&old)?;
        steps::rename(folder, &old)?;
    } else {
        steps::remove_all(folder)?;
    }
    steps::rename(new, folder)?;
    steps::sync(&files::folder_of(folder));
    steps::remove_all(&old)
}
