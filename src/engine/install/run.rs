//! An installation from beginning to end.

use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use tempfile::TempDir;

use super::error::writing;
use super::libraries::{Folder, InstalledLibraries};
use super::manifest::{Manifest, fault};
use super::place::runtimes_in;
use super::{InstallOptions, Kind, Wheel, data_dir, nvidia, pinned, pip, unpack};
use crate::host::loader::Loader;
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
    /// Called once, before anything is written or downloaded, with every wheel that will be, in order; not called if there
    /// is none. An error ends the installation: it is what [`install`] returns.
    fn planned(&mut self, wheels: &[&Wheel]) -> Result<()> {
        let _ = wheels;
        Ok(())
    }

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
    /// Whether anything was downloaded; false if all of it was already installed.
    pub fetched: bool,
    /// Libraries that its CUDA provider needs and the system lacks, which are installed for it.
    pub libraries: Vec<InstalledLibraries>,
    /// Names of the libraries that it needs and the system has, such as `libcudart.so.13`.
    pub system_libraries: Vec<String>,
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
        for package in &self.libraries {
            table.row([
                package.package.as_str().into(),
                package.version.as_str().into(),
                number::bytes(package.bytes).into(),
                package.folder.as_str().into(),
            ]);
        }
        vec![table]
    }
}

/// Installs the pinned version of `kind`, unless it is already there and intact; for [`Kind::Cuda`] also the libraries of
/// CUDA and cuDNN that the system's loader does not find, unless [`InstallOptions::libraries`] is unset.
///
/// # Errors
/// Fails if there is no wheel for this machine, no home, no room, no Python or no pip; if pip fails or stalls; if a wheel is
/// not the pinned one; if the existing installation is damaged and [`InstallOptions::force`] is not set; if another
/// installation is in progress; or if the observer refuses what is planned. In each case the previous installation stays,
/// and nothing else is left behind.
pub fn install(kind: Kind, options: &InstallOptions, observer: &mut dyn Observer) -> Result<Installation> {
    let runtime = pinned(kind)?;
    let packages = if kind == Kind::Cuda && options.libraries { nvidia::packages() } else { &[] };
    // The loader's cache is only read for a runtime that needs libraries.
    let loader = (!packages.is_empty()).then(Loader::this);
    let has = |name: &str| loader.as_ref().is_some_and(|loader| loader.has(name));
    install_parts(&Parts::of(runtime, packages, has), &runtimes()?, options, observer)
}

pub(super) fn runtimes() -> Result<PathBuf> {
    let data = data_dir().ok_or_else(|| {
        Error::input("HOME", "is not set, so that there is no place for a runtime").remedy("set HOME or XDG_DATA_HOME")
    })?;
    Ok(runtimes_in(&data))
}

/// A runtime, and what it needs here.
struct Parts<'a> {
    runtime: &'a Wheel,
    /// Packages of libraries that the system lacks.
    libraries: &'a [Wheel],
    /// Names of the libraries that it has.
    system: Vec<String>,
}

impl<'a> Parts<'a> {
    fn of(runtime: &'a Wheel, packages: &'a [Wheel], has: impl FnMut(&str) -> bool) -> Self {
        let libraries = nvidia::lacking(packages, has);
        let there = &packages[..packages.len() - libraries.len()];
        let system = there.iter().flat_map(|package| package.provides).map(|name| (*name).to_owned()).collect();
        Self { runtime, libraries, system }
    }

    /// Returns what is to be fetched. The runtime comes last: where it is found, all that it needs is there.
    ///
    /// # Errors
    /// Fails if something that is there is damaged.
    fn absent(&self, runtimes: &Path, force: bool) -> Result<Vec<&'a Wheel>> {
        let mut absent = Vec::new();
        for wheel in self.libraries.iter().chain([self.runtime]) {
            let folder = runtimes.join(wheel.place());
            if force || folder.symlink_metadata().is_err() {
                absent.push(wheel);
            } else if let Some(fault) = fault(&folder, &wheel.essential()) {
                return Err(Error::check(folder.display(), format!("is damaged: {fault}"))
                    .remedy("install it again with --force"));
            }
        }
        Ok(absent)
    }

    fn describe(&self, runtimes: &Path, fetched: bool) -> Result<Installation> {
        let folder = runtimes.join(self.runtime.place());
        let manifest = Manifest::read(&folder)?;
        Ok(Installation {
            kind: manifest.kind,
            bytes: manifest.bytes(),
            library: folder.join(manifest.kind.library()).display().to_string(),
            folder: folder.display().to_string(),
            version: manifest.version,
            fetched,
            libraries: self.libraries.iter().map(|wheel| Folder::of(wheel, runtimes).found(None)).collect(),
            system_libraries: self.system.clone(),
        })
    }
}

fn install_parts(
    parts: &Parts<'_>,
    runtimes: &Path,
    options: &InstallOptions,
    observer: &mut dyn Observer,
) -> Result<Installation> {
    let absent = parts.absent(runtimes, options.force)?;
    if absent.is_empty() {
        return parts.describe(runtimes, false);
    }
    observer.planned(&absent)?;
    files::create_dir(runtimes)?;
    let _locked = locked(runtimes)?;
    ensure_room(runtimes, &absent)?;
    let staging = staging(runtimes)?;
    let mut moves = Vec::new();
    for (number, wheel) in absent.into_iter().enumerate() {
        let work = staging.made.path().join(number.to_string());
        fs::create_dir(&work).map_err(|e| writing(&work, &e))?;
        let fresh = fetch(wheel, &work, options, observer)?;
        moves.push((fresh, runtimes.join(wheel.place())));
    }
    // All of it is whole before any of it is moved.
    staging.finish(|_staging| moves.iter().try_for_each(|(fresh, folder)| swap(fresh, folder)))?;
    parts.describe(runtimes, true)
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

/// Refuses to start if the disk lacks room for everything unpacked, and for twice the largest wheel, which pip copies.
#[cfg(unix)]
#[allow(clippy::useless_conversion, reason = "the number of blocks has 32 bits on some systems")]
fn ensure_room(runtimes: &Path, wheels: &[&Wheel]) -> Result<()> {
    let largest = wheels.iter().map(|wheel| wheel.bytes).max().unwrap_or(0);
    let needed = 2 * largest + wheels.iter().map(|wheel| wheel.unpacked).sum::<u64>();
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
fn ensure_room(_: &Path, _: &[&Wheel]) -> Result<()> {
    Ok(())
}

/// Fetches and unpacks one wheel in `work`, an empty folder, and returns the folder of what it held.
fn fetch(wheel: &Wheel, work: &Path, options: &InstallOptions, observer: &mut dyn Observer) -> Result<PathBuf> {
    observer.step(wheel, Step::Download, wheel.bytes);
    let file = pip::download(options, wheel, work, |bytes| observer.done(bytes))?;
    observer.step(wheel, Step::Verify, wheel.bytes);
    unpack::verify(&file, wheel)?;
    observer.step(wheel, Step::Unpack, wheel.unpacked);
    let fresh = work.join("fresh");
    fs::create_dir(&fresh).map_err(|e| writing(&fresh, &e))?;
    let mut unpacked = 0;
    let entries = unpack::unpack(&file, wheel, &fresh, |bytes| {
        unpacked += bytes;
        observer.done(unpacked);
    })?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Manifest::new(wheel, &name, entries).write(&fresh)?;
    // The next one needs the room.
    fs::remove_file(&file).map_err(|e| writing(&file, &e))?;
    Ok(fresh)
}

/// Moves `fresh` to the place of `folder`. The previous folder goes beside `fresh`, to be removed with it, or is restored if
/// the last step fails.
fn swap(fresh: &Path, folder: &Path) -> Result<()> {
    let old = fresh.with_file_name("old");
    let replaces = folder.symlink_metadata().is_ok();
    if replaces {
        fs::rename(folder, &old).map_err(|e| writing(folder, &e))?;
    } else {
        files::create_dir(&files::folder_of(folder))?;
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
