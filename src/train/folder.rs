//! The folder of a run: what makes it one, who may write in it, and what a run that was killed has left.
//!
//! `last` makes a run. It is saved first after each epoch, and by one rename; `metrics.jsonl` and `best` follow from it
//! ([`Run::mend`](super::run)). So a process may end anywhere: before the rename the epoch is not there, after it nothing of
//! it is lost, and a folder without `last` holds no run.

use std::path::{Path, PathBuf};

use super::metrics;
use crate::files::{Locked, Unfinished, aside, lock, steps};
use crate::{Error, Result, files};

/// The checkpoint after the last epoch.
pub(super) const LAST: &str = "last";
/// The checkpoint of the best epoch.
pub(super) const BEST: &str = "best";
/// The file that makes a folder a checkpoint.
pub(super) const RECORD: &str = files::CHECKPOINT_RECORD;

/// `folder`, or where a swap that was cut short has left it; `None` when neither is a checkpoint.
pub(super) fn settled(folder: &Path) -> Option<PathBuf> {
    [folder.to_path_buf(), aside(folder, "old")].into_iter().find(|folder| is_checkpoint(folder))
}

fn is_checkpoint(folder: &Path) -> bool {
    folder.join(RECORD).is_file()
}

/// What a folder holds of a run.
enum Holds {
    /// A run; its `last` is here.
    Run(PathBuf),
    /// Something a run would replace, and no `last`: somebody has removed that.
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

/// Refuses to begin a run in a folder that holds one, or a part of one.
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

/// The `last` of the run in a folder.
///
/// # Errors
/// It holds no run, or one that cannot be gone on with because its `last` is missing.
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

/// A run's folder that this process alone works in, as far as the file system can tell.
pub(super) struct Folder {
    locked: Option<Locked>,
    /// The folder, when it was made here: it goes again when nothing was saved in it.
    made: Option<PathBuf>,
}

impl Folder {
    /// Makes the folder unless it is there, locks it, and removes what a run that was killed has left.
    ///
    /// # Errors
    /// Another process trains there; it cannot be written to.
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
                // What cannot be removed now is in nobody's way, and is tried again the next time.
                let _ = sweep(out);
                folder.locked = Some(ours);
            }
            // Whoever else works here may need what would be swept.
            unknown @ Locked::Unknown => folder.locked = Some(unknown),
        }
        Ok(folder)
    }

    /// Whether no other process can be in the folder.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.locked, Some(Locked::Ours(_)))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.locked = None;
        if let Some(made) = &self.made {
            // Only an empty folder can be removed this way: one that an epoch was saved in stays.
            let _ = steps::remove_dir(made);
        }
    }
}

/// Removes what was not finished and what was replaced. Only who has locked the folder may.
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

/// Makes the checkpoint `folder` by `write`, all of it or nothing: beside its place, then swapped in.
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

/// Puts `new` in the place of `folder`. At every moment `folder` or what stands aside for it is whole, if it was before.
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
