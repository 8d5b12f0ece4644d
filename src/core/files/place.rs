//! Writing files: all or nothing, and never in the place of something that must stay.

use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{Unfinished, folder_of, inputs, steps};
use crate::{Error, Result};

/// Name of the record in a checkpoint's folder.
pub const CHECKPOINT_RECORD: &str = "checkpoint.json";
/// Name of the weights in a checkpoint's folder.
pub const CHECKPOINT_MODEL: &str = "model.bpk";
/// Name of the metrics in a run's folder, beside its checkpoints.
pub const RUN_METRICS: &str = "metrics.jsonl";

/// Writes `bytes` to `path` atomically: an interrupted or failed write leaves the previous file in place.
///
/// The folder must exist; the file is created in it under a temporary name and then renamed. A link is followed: the
/// file it points to is replaced, not the link.
///
/// # Errors
/// Fails on anything that [`check_place`] refuses, on a full disk, or without permission.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// Does the same as [`write()`] for content that is produced piece by piece.
///
/// # Errors
/// Those of [`write()`].
pub fn write_with(path: &Path, content: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>) -> Result<()> {
    check_place(path)?;
    Prepared::new(path, content)?.place()
}

/// Does the same as [`write()`] for a file that belongs to the writer: it may have been read before, it may be inside a
/// checkpoint, and nobody else writes it at the same time. Until it is complete it is named [`aside`].
///
/// # Errors
/// Those of [`write()`], except for these two.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<()> {
    check_sound(path)?;
    let fail = |e: std::io::Error| unwritable(path, &e);
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let new = aside(&target, "new");
    let unfinished = Unfinished::at(&new).map_err(fail)?;
    steps::step();
    let written = std::fs::File::create(&new).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    let placed = written.and_then(|()| unfinished.finish(|new| steps::rename(&new, &target)));
    if placed.is_err() {
        // The first failure is the one to report.
        let _ = steps::remove_file(&new);
    }
    steps::sync(&folder_of(&target));
    placed.map_err(fail)
}

/// Returns `.NAME.SUFFIX` beside `path`: `new` is not complete yet, `old` is the file it replaces. The leftovers of a
/// killed process are recognised by these names.
pub fn aside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

/// Refuses a path where [`write()`] could not put a file, before the work of producing one is done. Inputs are only
/// known once they have been opened, so they come first.
///
/// # Errors
/// Fails if the folder does not exist; if something other than a file has the name: a folder, a device, a pipe, a
/// dangling link (a rename would replace `/dev/null` as readily as a file); if the file is an input under any name
/// ([`keep_inputs`](super::keep_inputs)); or if it is inside a checkpoint.
pub fn check_place(path: &Path) -> Result<()> {
    check_sound(path)?;
    inputs::check(path)?;
    check_outside(path)
}

fn check_sound(path: &Path) -> Result<()> {
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

/// Refuses a path inside a checkpoint, and that of a run's metrics: training replaces these as a whole.
pub(super) fn check_outside(path: &Path) -> Result<()> {
    let place = real(path);
    let refused = |reason: String| Err(Error::file(path, reason).remedy("give a place outside of it"));
    if let Some(checkpoint) = place.ancestors().find(|folder| is_checkpoint(folder)) {
        let name = checkpoint.file_name().unwrap_or(checkpoint.as_os_str()).display();
        return refused(format!("lies inside the checkpoint {name}, which training replaces as a whole"));
    }
    let beside = || place.parent()?.read_dir().ok();
    let is_record = place.file_name().is_some_and(|name| name == RUN_METRICS);
    match is_record && beside().is_some_and(|all| all.flatten().any(|entry| is_checkpoint(&entry.path()))) {
        true => refused("is the record of a run of training".to_owned()),
        false => Ok(()),
    }
}

fn is_checkpoint(folder: &Path) -> bool {
    [CHECKPOINT_RECORD, CHECKPOINT_MODEL].iter().all(|name| folder.join(name).is_file())
}

/// Resolves a path: links are followed as far as they exist.
fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let found = absolute.ancestors().find_map(|place| Some((place, std::fs::canonicalize(place).ok()?)));
    match found.and_then(|(place, real)| Some(real.join(absolute.strip_prefix(place).ok()?))) {
        Some(real) => real,
        None => absolute,
    }
}

/// A file that has been written to disk but not yet moved to its destination.
pub struct Prepared {
    file: Unfinished<NamedTempFile>,
    target: PathBuf,
    shown: PathBuf,
}

impl Prepared {
    /// Writes it beside its destination.
    pub fn new(path: &Path, content: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>) -> Result<Self> {
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let fail = |e: std::io::Error| unwritable(path, &e);
        let make = || tempfile::Builder::new().prefix(".gnet-").tempfile_in(folder_of(&target));
        let mut file = Unfinished::make(make, NamedTempFile::path).map_err(fail)?;
        content(file.made.as_file_mut()).and_then(|()| file.made.as_file().sync_all()).map_err(fail)?;
        readable_by_all(file.made.as_file()).map_err(fail)?;
        Ok(Self { file, target, shown: path.to_path_buf() })
    }

    /// Returns its destination, with links resolved.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Changes its name within its folder, for a name that depends on its content.
    pub fn called(self, name: &str) -> Self {
        Self { target: folder_of(&self.target).join(name), ..self }
    }

    /// Moves `before` to its destination, then this one, and restores the previous state if one of the two moves fails.
    pub fn place_after(self, before: Self) -> Result<()> {
        let Self { file, target, shown } = self;
        let is_new = !before.target.exists();
        super::unfinished::finish_both(before.file, file, |first, second| {
            renamed(first, &before.target)?;
            // The second refers to the first: the first must exist whatever happens.
            steps::sync(&folder_of(&before.target));
            renamed(second, &target).inspect_err(|_| {
                if is_new {
                    let _ = steps::remove_file(&before.target);
                }
            })
        })
        .map_err(|e| unwritable(&shown, &e))?;
        steps::sync(&folder_of(&target));
        Ok(())
    }

    /// Moves it to its destination, where it stays.
    pub fn place(self) -> Result<()> {
        let Self { file, target, shown } = self;
        file.finish(|file| renamed(file, &target)).map_err(|e| unwritable(&shown, &e))?;
        steps::sync(&folder_of(&target));
        Ok(())
    }
}

fn renamed(file: NamedTempFile, target: &Path) -> std::io::Result<()> {
    let temporary = file.into_temp_path();
    steps::rename(&temporary, target)?;
    // Its name is free: there is nothing left to remove.
    std::mem::forget(temporary);
    Ok(())
}

pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::file(path, format!("cannot be written: {}", cause(error)))
}

/// Returns the system's own words: `tempfile` adds the name of the temporary file to them, which means nothing to a
/// reader.
fn cause(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" at path ").map_or(text.clone(), |(cause, _)| cause.to_owned())
}

/// Makes a file as readable as any new file: temporary files are private to their owner.
#[cfg(unix)]
fn readable_by_all(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{check_dir, create_dir, read};
    use super::*;

    #[test]
    fn nothing_is_put_into_a_checkpoint_or_in_the_place_of_a_runs_record() {
        let dir = tempfile::tempdir().unwrap();
        let best = dir.path().join("run/best");
        create_dir(&best).unwrap();
        write(&best.join(CHECKPOINT_MODEL), b"weights").unwrap();
        write(&dir.path().join("run").join(RUN_METRICS), b"a file of anybody's").unwrap();
        check_dir(&best.join("inner")).unwrap();
        write(&best.join(CHECKPOINT_RECORD), b"{}").unwrap();
        for name in ["model.bpk", "checkpoint.json", "new.onnx"] {
            let error = write(&best.join(name), b"new").unwrap_err().to_string();
            assert!(error.contains("lies inside the checkpoint best"), "{error}");
        }
        assert!(check_dir(&best.join("deep/er")).unwrap_err().to_string().contains("lies inside the checkpoint best"));
        let record = dir.path().join("run").join(RUN_METRICS);
        assert!(write(&record, b"new").unwrap_err().to_string().ends_with("is the record of a run of training"));
        write(&dir.path().join("run/model.onnx"), b"beside the checkpoints there is room").unwrap();
        assert_eq!(read(&best.join(CHECKPOINT_MODEL)).unwrap(), b"weights");
        #[cfg(unix)]
        {
            let link = dir.path().join("link");
            std::os::unix::fs::symlink(best.join(CHECKPOINT_MODEL), &link).unwrap();
            assert!(write(&link, b"new").unwrap_err().to_string().contains("lies inside the checkpoint best"));
        }
        rewrite(&best.join(CHECKPOINT_RECORD), b"its own").unwrap();
    }
}
