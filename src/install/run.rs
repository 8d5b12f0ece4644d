//! An installation from beginning to end.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::TempDir;

use super::error::writing;
use super::manifest::{Manifest, fault};
use super::{Kind, Options, Wheel, data_dir, pinned, pip, unpack};
use crate::files::{Locked, Unfinished, lock};
use crate::report::{Column, Report, Table, number};
use crate::{Error, Result, files};

/// What an installation does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// pip fetches the wheel.
    Download,
    /// The wheel's SHA-256 is compared with the pinned one.
    Verify,
    /// The libraries are unpacked.
    Unpack,
}

/// Is told how an installation goes.
pub trait Observer {
    /// A step begins; it will work on so many bytes.
    fn step(&mut self, wheel: &Wheel, step: Step, bytes: u64);

    /// So many bytes of the step are done.
    fn done(&mut self, bytes: u64);
}

/// What an installation came to: `{"kind", "version", "library", "folder", "bytes", "fetched"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installation {
    /// What is installed.
    pub kind: Kind,
    /// Its version.
    pub version: String,
    /// The library to load.
    pub library: String,
    /// The folder that holds it.
    pub folder: String,
    /// Size of all its files together, in bytes.
    pub bytes: u64,
    /// False when it was there already.
    pub fetched: bool,
}

impl Report for Installation {
    /// One row.
    fn tables(&self) -> Vec<Table> {
        let columns = [Column::text("runtime"), Column::text("version"), Column::text("size"), Column::path("library")];
        let mut table = Table::new("", columns);
        table.row([
            self.kind.name().into(),
            self.version.as_str().into(),
            number::bytes(self.bytes).into(),
            self.library.as_str().into(),
        ]);
        vec![table]
    }
}

/// Installs the pinned version of `kind`, unless it is there and intact.
///
/// # Errors
/// There is no wheel for this machine, no home, no room, no Python, no pip; pip fails or stalls; the wheel is not the pinned
/// one; what is there already is damaged and [`Options::force`] is not set; another installation is under way. In each case
/// what was installed before stays, and nothing else is left.
pub fn install(kind: Kind, options: &Options, observer: &mut dyn Observer) -> Result<Installation> {
    install_wheel(pinned(kind)?, &runtimes()?, options, observer)
}

/// The folder of everything installed.
pub(super) fn runtimes() -> Result<PathBuf> {
    let data = data_dir().ok_or_else(|| {
        Error::input("HOME", "is not set, so that there is no place for a runtime").remedy("set HOME or XDG_DATA_HOME")
    })?;
    Ok(data.join("runtime"))
}

fn install_wheel(
    wheel: &Wheel,
    runtimes: &Path,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Installation> {
    let folder = runtimes.join(format!("{}-{}", wheel.kind, wheel.version));
    if !options.force && folder.symlink_metadata().is_ok() {
        return present(&folder);
    }
    files::create_dir(runtimes)?;
    let _lock = Lock::take(runtimes)?;
    ensure_room(runtimes, wheel)?;
    let staging = staging(runtimes)?;
    let fresh = fetch(wheel, staging.made.path(), options, observer)?;
    staging.finish(|staging| swap(&fresh, &folder, &staging))?;
    describe(&folder, true)
}

/// What is installed already, when it is intact.
fn present(folder: &Path) -> Result<Installation> {
    match fault(folder) {
        None => describe(folder, false),
        Some(fault) => {
            Err(Error::check(folder.display(), format!("is damaged: {fault}")).remedy("install it again with --force"))
        }
    }
}

fn describe(folder: &Path, fetched: bool) -> Result<Installation> {
    let manifest = Manifest::read(folder)?;
    Ok(Installation {
        kind: manifest.kind,
        bytes: manifest.bytes(),
        library: folder.join(manifest.kind.library()).display().to_string(),
        folder: folder.display().to_string(),
        version: manifest.version,
        fetched,
    })
}

/// One installation at a time; released when it goes out of scope, also by a crash.
pub(super) struct Lock(#[allow(dead_code, reason = "held, never read")] Locked);

impl Lock {
    pub(super) fn take(runtimes: &Path) -> Result<Self> {
        match lock(runtimes).map_err(|e| writing(runtimes, &e))? {
            Locked::Taken => Err(Error::unavailable(runtimes.display(), "another gnet is changing what is installed")
                .remedy("wait until it is done")),
            ours @ Locked::Ours(_) => {
                sweep(runtimes);
                Ok(Self(ours))
            }
            // Whoever else works here may need what would be swept.
            unknown @ Locked::Unknown => Ok(Self(unknown)),
        }
    }
}

/// Beginning of the names of folders that are not finished.
const STAGING: &str = ".partial-";

/// A folder beside the final ones, so that a rename moves what is in it; it goes when it is dropped.
pub(super) fn staging(runtimes: &Path) -> Result<Unfinished<TempDir>> {
    files::temporary_folder_in(runtimes, STAGING).map_err(|e| writing(runtimes, &e))
}

/// Removes what an installation left that was killed. Only the holder of the lock may.
fn sweep(runtimes: &Path) {
    for entry in fs::read_dir(runtimes).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            // What cannot be removed now is tried again the next time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Refuses to start what the disk has no room for: twice the wheel, which pip copies, and what comes out of it.
#[cfg(unix)]
#[allow(clippy::useless_conversion, reason = "the number of blocks has 32 bits on some systems")]
fn ensure_room(runtimes: &Path, wheel: &Wheel) -> Result<()> {
    let needed = 2 * wheel.bytes + wheel.unpacked;
    // A file system that does not tell is no reason to refuse.
    let Ok(about) = nix::sys::statvfs::statvfs(runtimes) else { return Ok(()) };
    let free = u64::from(about.blocks_available()).saturating_mul(about.fragment_size());
    if free >= needed {
        return Ok(());
    }
    let (needed, free) = (number::bytes(needed), number::bytes(free));
    let reason = format!("the installation needs {needed} for a while and the disk has {free}; nothing was installed");
    Err(Error::file(runtimes, reason).remedy("make room, or set XDG_DATA_HOME to a folder on another disk"))
}

#[cfg(not(unix))]
fn ensure_room(_: &Path, _: &Wheel) -> Result<()> {
    Ok(())
}

/// Fetches, verifies and unpacks into a folder inside `staging`.
fn fetch(wheel: &Wheel, staging: &Path, options: &Options, observer: &mut dyn Observer) -> Result<PathBuf> {
    observer.step(wheel, Step::Download, wheel.bytes);
    let file = pip::download(options, wheel, staging, |bytes| observer.done(bytes))?;
    observer.step(wheel, Step::Verify, wheel.bytes);
    unpack::verify(&file, wheel)?;
    observer.step(wheel, Step::Unpack, wheel.unpacked);
    let fresh = staging.join("fresh");
    fs::create_dir(&fresh).map_err(|e| writing(&fresh, &e))?;
    let mut unpacked = 0;
    let entries = unpack::unpack(&file, wheel, &fresh, |bytes| {
        unpacked += bytes;
        observer.done(unpacked);
    })?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Manifest::new(wheel, &name, entries).write(&fresh)?;
    Ok(fresh)
}

/// Puts `fresh` in the place of `folder`. What was there goes with `staging`, or comes back when the last step fails.
fn swap(fresh: &Path, folder: &Path, staging: &TempDir) -> Result<()> {
    let old = staging.path().join("old");
    let replaces = folder.symlink_metadata().is_ok();
    if replaces {
        fs::rename(folder, &old).map_err(|e| writing(folder, &e))?;
    }
    fs::rename(fresh, folder).map_err(|e| {
        if replaces {
            let _ = fs::rename(&old, folder);
        }
        writing(folder, &e)
    })
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
