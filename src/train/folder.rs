//! The folder of a run: what makes it one, who may write in it, and what a run that was killed has left.
//!
//! `last` makes a run. It is saved first after each epoch, and by one rename; `metrics.jsonl` and `best` follow from it
//! ([`Run::mend`](super::run)). So a process may end anywhere: before the rename the epoch is not there, after it nothing of
//! it is lost, and a folder without `last` holds no run.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::metrics;
use crate::files::{Locked, change, lock};
use crate::{Error, Result, files};

/// The checkpoint after the last epoch.
pub(super) const LAST: &str = "last";
/// The checkpoint of the best epoch.
pub(super) const BEST: &str = "best";
/// The file that makes a folder a checkpoint.
pub(super) const RECORD: &str = "checkpoint.json";

/// `.NAME.SUFFIX` beside `folder`: `new` is not whole yet, `old` is what it replaces.
fn aside(folder: &Path, suffix: &str) -> Option<PathBuf> {
    let name = folder.file_name()?.to_str()?;
    Some(folder.with_file_name(format!(".{name}.{suffix}")))
}

/// `folder`, or where a swap that was cut short has left it; `None` when neither is a checkpoint.
pub(super) fn settled(folder: &Path) -> Option<PathBuf> {
    let places = [Some(folder.to_path_buf()), aside(folder, "old")];
    places.into_iter().flatten().find(|folder| is_checkpoint(folder))
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
            let _ = change::remove_dir(made);
        }
    }
}

/// Removes what was not finished and what was replaced. Only who has locked the folder may.
fn sweep(out: &Path) -> std::io::Result<()> {
    for name in [LAST, BEST, metrics::FILE] {
        let place = out.join(name);
        if let Some(new) = aside(&place, "new") {
            change::remove_dir_all(&new)?;
        }
        match aside(&place, "old") {
            Some(old) if is_checkpoint(&place) => change::remove_dir_all(&old)?,
            Some(old) if is_checkpoint(&old) && !place.exists() => change::rename(&old, &place)?,
            _ => {}
        }
        for unfinished in files::unfinished_in(&place) {
            change::remove_file(&unfinished)?;
        }
    }
    Ok(())
}

/// Writes a file of the run, all of it or nothing. What a kill leaves of it has a name that [`sweep`] knows.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |e: std::io::Error| Error::file(path, format!("cannot be written: {e}"));
    let new = aside(path, "new").ok_or_else(|| Error::file(path, "is no name for a file of a run"))?;
    let unfinished = files::Unfinished::at(&new).map_err(fail)?;
    change::step();
    let written = File::create(&new).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    let placed = written.and_then(|()| unfinished.finish(|new| change::rename(&new, path)));
    placed.map_err(|e| {
        // The first failure is the one to report.
        let _ = change::remove_file(&new);
        fail(e)
    })
}

/// Makes the checkpoint `folder` by `write`, all of it or nothing: beside its place, then swapped in.
pub(super) fn replace(folder: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let (Some(new), Some(old)) = (aside(folder, "new"), aside(folder, "old")) else {
        return Err(Error::file(folder, "is no name for a checkpoint"));
    };
    let fail = |e: std::io::Error| Error::file(folder, format!("cannot be replaced: {e}"));
    change::remove_dir_all(&new).map_err(fail)?;
    let unfinished = files::Unfinished::at(&new).map_err(fail)?;
    files::create_dir(&new)?;
    let written = write(&new).and_then(|()| unfinished.finish(|_| swap(&new, folder, &old)).map_err(fail));
    if written.is_err() {
        // The first failure is the one to report.
        let _ = change::remove_dir_all(&new);
    }
    written
}

/// Puts `new` in the place of `folder`. At every moment one of `folder` and `old` is whole, if one was before.
fn swap(new: &Path, folder: &Path, old: &Path) -> std::io::Result<()> {
    if is_checkpoint(folder) {
        change::remove_dir_all(old)?;
        change::rename(folder, old)?;
    } else {
        change::remove_dir_all(folder)?;
    }
    change::rename(new, folder)?;
    change::remove_dir_all(old)
}
