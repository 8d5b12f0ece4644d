//! The data file that gnet writes beside a model: `MODEL.HASH.data`.
//!
//! Its name is derived from its content, so that a model cannot be read with the data of another one: a new version of
//! a model writes its data under another name, and until the model is renamed to its destination the previous version
//! keeps its own data. Both files
//! are on the disk before either has its name; the model's rename is the commit, and only then is the data removed that
//! the previous model named and no other model in the folder does. A writer locks the folder meanwhile; a reader that
//! finds the model replaced while it reads begins again. Code that computes with elements or writes them again checks
//! data against the hash; code that only reads shapes does not read it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use prost::Message;

use super::EXTERNAL;
use super::proto::ModelProto;
use crate::files::{self, digest};
use crate::{Error, Result};

/// Number of digits of the hash in a name: 128 bits of a SHA-256, in hexadecimal.
const DIGITS: usize = 32;
const ENDING: &str = ".data";

pub(super) fn name(model: &str, sha256: &str) -> String {
    format!("{model}.{}{ENDING}", &sha256[..DIGITS.min(sha256.len())])
}

/// Splits the name of a data file written by gnet into the model's name and the hash.
fn parts(name: &str) -> Option<(&str, &str)> {
    let (model, hash) = name.strip_suffix(ENDING)?.rsplit_once('.')?;
    let is_hash = hash.len() == DIGITS && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_hash.then_some((model, hash))
}

pub(super) fn is_whole(path: &Path) -> bool {
    let stated = path.file_name().and_then(|name| parts(name.to_str()?));
    let found = || files::open(path).ok().and_then(|file| digest::of(file).ok());
    stated.is_some_and(|(_, hash)| path.is_file() && found().is_some_and(|(_, sha256)| sha256.starts_with(hash)))
}

/// Refuses data that does not match the hash in its name, if there is one.
pub(super) fn check(location: &str, bytes: &[u8]) -> Result<()> {
    let Some((_, hash)) = location.rsplit('/').next().and_then(parts) else { return Ok(()) };
    match digest::of(bytes) {
        Ok((_, sha256)) if sha256.starts_with(hash) => Ok(()),
        _ => Err(Error::input(location, "is damaged: it does not hold what the hash in its name says")
            .remedy("copy it anew together with its model, or write the model anew")),
    }
}

/// Returns the data files written by gnet that the model at `path` refers to and that carry its name.
pub(super) fn own(path: &Path) -> BTreeSet<String> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_own = |location: &String| parts(location).is_some_and(|(model, _)| model == name);
    referred(path).into_iter().filter(is_own).collect()
}

/// Returns the locations that the initializers of a file name; none if it is not a model.
fn referred(path: &Path) -> BTreeSet<String> {
    let model = files::map(path).ok().and_then(|bytes| ModelProto::decode(bytes).ok());
    let initializers = model.and_then(|model| model.graph).map(|graph| graph.initializer).unwrap_or_default();
    let external = initializers.into_iter().filter(|tensor| tensor.data_location == EXTERNAL);
    let entries = external.flat_map(|tensor| tensor.external_data);
    entries.filter(|entry| entry.key == "location").map(|entry| entry.value).collect()
}

/// Removes data files that the model at `path` referred to before but no longer does. Files that another model in the
/// folder names stay, even if that is a copy of the replaced model; so does an input of this process. Failures are
/// ignored: what the caller wrote is in place.
pub(super) fn sweep(path: &Path, before: BTreeSet<String>) {
    let folder = files::folder_of(path);
    let now = own(path);
    let mut obsolete: BTreeSet<String> = before.into_iter().filter(|name| !now.contains(name)).collect();
    obsolete.retain(|name| files::named_input(&folder.join(name)).is_none());
    for other in others(&folder, path) {
        if obsolete.is_empty() {
            return;
        }
        for location in referred(&other) {
            obsolete.remove(location.trim_start_matches("./"));
        }
    }
    for name in obsolete {
        let _ = files::steps::remove_file(&folder.join(name));
    }
    files::steps::sync(&folder);
}

/// First byte of a model: the field of the file format's version.
const BEGINNING: u8 = 0x08;

fn others(folder: &Path, path: &Path) -> impl Iterator<Item = PathBuf> {
    let path = path.to_path_buf();
    let begins = |path: &PathBuf| {
        let mut first = [0];
        files::open(path).is_ok_and(|mut file| std::io::Read::read_exact(&mut file, &mut first).is_ok())
            && first == [BEGINNING]
    };
    let all = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    all.filter(move |other| *other != path && begins(other))
}
