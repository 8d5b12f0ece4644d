//! Unpacking a wheel into a folder of libraries.

use std::fs::File;
use std::io;
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::writing;
use super::{Entry, Wheel};
use gnet_core::files::digest;
use gnet_core::words::counted;
use gnet_core::{Error, Result};

pub(super) fn verify(path: &Path, wheel: &Wheel) -> Result<()> {
    let (bytes, sha256) = File::open(path).and_then(digest::of).map_err(|e| Error::file(path, e))?;
    if sha256 == wheel.sha256 {
        return Ok(());
    }
    let reason = format!(
        "the file of {} that pip brought has the SHA-256 {sha256}, which is not the pinned {}; nothing was installed",
        counted(bytes, "byte"),
        wheel.sha256
    );
    Err(Error::check(wheel.requirement(), reason)
        .remedy("try again after `python3 -m pip cache purge`; if it stays so, pip's index hands out another file"))
}

/// Unpacks the members of `wheel` from the file at `path` into `folder`, without subfolders.
pub(super) fn unpack(path: &Path, wheel: &Wheel, folder: &Path, mut written: impl FnMut(u64)) -> Result<Vec<Entry>> {
    let file = File::open(path).map_err(|e| Error::file(path, e))?;
    let mut archive = ZipArchive::new(file).map_err(|e| broken(wheel, &e))?;
    let mut entries = Vec::new();
    for member in wheel.members() {
        let source = archive.by_name(&member).map_err(|e| match e {
            ZipError::FileNotFound => Error::check(wheel.requirement(), format!("the wheel holds no {member}")),
            other => broken(wheel, &other),
        })?;
        let entry = write(source, wheel.installed_name(&member), folder)?;
        written(entry.bytes);
        entries.push(entry);
    }
    Ok(entries)
}

fn write(source: impl io::Read, name: &str, folder: &Path) -> Result<Entry> {
    let path = folder.join(name);
    let fail = |e: io::Error| writing(&path, &e);
    let mut file = File::create_new(&path).map_err(fail)?;
    let (bytes, sha256) = digest::copy(source, &mut file).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    Ok(Entry { name: name.to_owned(), bytes, sha256 })
}

fn broken(wheel: &Wheel, error: &ZipError) -> Error {
    Error::check(wheel.requirement(), format!("the wheel cannot be unpacked: {error}"))
}
