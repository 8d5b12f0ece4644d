//! An installation from beginning to end.

use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use tempfile::TempDir;

use super::error::writing;
use super::manifest::{Manifest, fault};
use super::{InstallOptions, Kind, Wheel, data_dir, pinned, pip, unpack};
use gnet_core::files::{Locked, Unfinished, lock};
use gnet_core::report::{Column, Report, Table, number};
use gnet_core::{Error, Result, files};

/// Step of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// pip downloads the wheel.
    Download,
    /// The wheel's SHA-256 is compared with the pinned one.
    Verify,
    /// The libraries are unpacked.
    Unpack,
}

/// Observer of an installation.
pub trait Observer {
    /// Called when a step begins, with the number of bytes it will process.
    fn step(&mut self, wheel: &Wheel, step: Step, bytes: u64);

    /// Called with the number of bytes of the step that are done.
    fn done(&mut self, bytes: u64);
}

/// Result of an installation.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Installation {
    /// Kind that is installed.
    pub kind: Kind,
    /// Version.
    pub version: String,
    /// The library to load.
    pub library: String,
    /// Folder that holds it.
    pub folder: String,
    /// Total size of its files, in bytes.
    pub bytes: u64,
    /// Whether it was downloaded; false if it was already installed.
    pub fetched: bool,
}

impl Report for Installation {
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

/// Installs the pinned version of `kind`, unless it is already there and intact.
///
/// # Errors
/// Fails if there is no wheel for this machine, no home, no room, no Python or no pip; if pip fails or stalls; if the
/// wheel is not the pinned one; if the existing installation is damaged and [`InstallOptions::force`] is not set; or if
/// another installation is in progress. In each case the previous installation stays, and nothing else is left behind.
pub fn install(kind: Kind, options: &InstallOptions, observer: &mut dyn Observer) -> Result<Installation> {
    install_wheel(pinned(kind)?, &runtimes()?, options, observer)
}

pub(super) fn runtimes() -> Result<PathBuf> {
    let data = data_dir().ok_or_else(|| {
        Error::input("HOME", "is not set, so that there is no place for a runtime").remedy("set HOME or XDG_DATA_HOME")
    })?;
    Ok(data.join("runtime"))
}

fn install_wheel(
    wheel: &Wheel,
    runtimes: &Path,
    options: &InstallOptions,
    observer: &mut dyn Observer,
) -> Result<Installation> {
    let folder = runtimes.join(format!("{}-{}", wheel.kind, wheel.version));
    if !options.force && folder.symlink_metadata().is_ok() {
        return present(&folder);
    }
    files::create_dir(runtimes)?;
    let _locked = locked(runtimes)?;
    ensure_room(runtimes, wheel)?;
    let staging = staging(runtimes)?;
    let fresh = fetch(wheel, staging.made.path(), options, observer)?;
    staging.finish(|staging| swap(&fresh, &folder, &staging))?;
    describe(&folder, true)
}

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

/// Admits one installation at a time, until what is returned is dropped or the process ends.
pub(super) fn locked(runtimes: &Path) -> Result<Locked> {
    let locked = lock(runtimes).map_err(|e| writing(runtimes, &e))?;
    match &locked {
        Locked::Taken => {
            return Err(Error::unavailable(runtimes.display(), "another gnet is changing what is installed")
                .remedy("wait until it is done"));
        }
        Locked::Ours(_) => sweep(runtimes),
        // Another process working here may need what would be swept.
        Locked::Unknown => {}
    }
    Ok(locked)
}

const STAGING: &str = ".partial-";

/// Creates a folder beside the final ones, so that a rename can move its content; it is removed when dropped.
pub(super) fn staging(runtimes: &Path) -> Result<Unfinished<TempDir>> {
    files::temporary_folder_in(runtimes, STAGING).map_err(|e| writing(runtimes, &e))
}

/// Removes the leftovers of a killed installation. Only the holder of the lock may do this.
fn sweep(runtimes: &Path) {
    for entry in fs::read_dir(runtimes).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            // Leftovers that cannot be removed now are tried again next time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Refuses to start if the disk lacks room for twice the wheel, which pip copies, and for its unpacked content.
#[cfg(unix)]
#[allow(clippy::useless_conversion, reason = "the number of blocks has 32 bits on some systems")]
fn ensure_room(runtimes: &Path, wheel: &Wheel) -> Result<()> {
    let needed = 2 * wheel.bytes + wheel.unpacked;
    // A file system that does not report its free space is not a reason to refuse.
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

fn fetch(wheel: &Wheel, staging: &Path, options: &InstallOptions, observer: &mut dyn Observer) -> Result<PathBuf> {
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

/// Moves `fresh` to the place of `folder`. The previous folder goes away with `staging`, or is restored if the last
/// step fails.
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
