//! `manifest.json`: content and origin of an installed folder.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Kind, Wheel};
use gnet_core::files::digest;
use gnet_core::report::json;
use gnet_core::words::counted;
use gnet_core::{Error, Result, files};

/// Name of the manifest in an installed folder.
pub const MANIFEST: &str = "manifest.json";

/// Content of an installed folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// Kind of the runtime, or of the one that needs the libraries.
    pub kind: Kind,
    /// Name of the Python package that contained it.
    pub package: String,
    /// Version of the package.
    pub version: String,
    /// File name of the wheel.
    pub wheel: String,
    /// SHA-256 of the wheel.
    pub sha256: String,
    /// The unpacked files.
    pub files: Vec<Entry>,
}

/// One unpacked file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Name within the folder.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn new(wheel: &Wheel, file_name: &str, files: Vec<Entry>) -> Self {
        Self {
            kind: wheel.kind,
            package: wheel.package.to_owned(),
            version: wheel.version.to_owned(),
            wheel: file_name.to_owned(),
            sha256: wheel.sha256.to_owned(),
            files,
        }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        files::write(&folder.join(MANIFEST), json::document(self)?.as_bytes())
    }

    /// Reads the manifest of `folder`.
    ///
    /// # Errors
    /// Fails if it is missing or is not a manifest.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST);
        let bytes = files::read(&path)?;
        serde_json::from_slice(&bytes).map_err(|e| Error::file(&path, format!("is no manifest: {e}")))
    }

    /// Returns the total size of all files, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.bytes).sum()
    }
}

/// Returns the fault of an installed folder; `None` if all files are present with the content that was installed, the
/// `essential` ones among them.
pub(super) fn fault(folder: &Path, essential: &[&str]) -> Option<String> {
    let manifest = match Manifest::read(folder) {
        Ok(manifest) => manifest,
        Err(error) => return Some(error.to_string()),
    };
    let lacks = |name: &&&str| !manifest.files.iter().any(|entry| entry.name == **name);
    if let Some(name) = essential.iter().find(lacks) {
        return Some(format!("{MANIFEST} names no {name}"));
    }
    manifest.files.iter().find_map(|entry| entry_fault(folder, entry))
}

fn entry_fault(folder: &Path, entry: &Entry) -> Option<String> {
    let name = Path::new(&entry.name);
    if name.components().count() != 1 || name.file_name().is_none() {
        return Some(format!("{MANIFEST} names a file outside the folder: {}", entry.name));
    }
    let path: PathBuf = folder.join(name);
    match File::open(&path).and_then(digest::of) {
        Ok((bytes, _)) if bytes != entry.bytes => {
            Some(format!("{} has {} in place of {}", entry.name, counted(bytes, "byte"), entry.bytes))
        }
        Ok((_, sha256)) if sha256 != entry.sha256 => {
            Some(format!("{} was changed: its SHA-256 is {sha256}", entry.name))
        }
        Ok(_) => None,
        Err(e) => Some(format!("{}: {e}", entry.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::pinned;

    fn fault(folder: &Path) -> Option<String> {
        super::fault(folder, &["libonnxruntime.so"])
    }

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for (name, text) in [("libonnxruntime.so", "library"), ("LICENSE", "text")] {
            std::fs::write(dir.path().join(name), text).unwrap();
            let (bytes, sha256) = digest::of(text.as_bytes()).unwrap();
            files.push(Entry { name: name.to_owned(), bytes, sha256 });
        }
        Manifest::new(pinned(Kind::Cpu).unwrap(), "a.whl", files).write(dir.path()).unwrap();
        dir
    }

    #[test]
    fn a_folder_is_whole_until_something_in_it_changes() {
        let change = |change: &dyn Fn(&Path), says: &str| {
            let dir = folder();
            assert_eq!(fault(dir.path()), None);
            change(dir.path());
            let fault = fault(dir.path()).unwrap();
            assert!(fault.contains(says), "{fault}");
        };
        change(&|dir| std::fs::write(dir.join("libonnxruntime.so"), "lib").unwrap(), "has 3 bytes in place of 7");
        change(&|dir| std::fs::write(dir.join("LICENSE"), "tExt").unwrap(), "LICENSE was changed: its SHA-256 is ");
        change(&|dir| std::fs::remove_file(dir.join("libonnxruntime.so")).unwrap(), "libonnxruntime.so: No such file");
        change(&|dir| std::fs::write(dir.join(MANIFEST), "{}").unwrap(), "is no manifest: missing field");
        change(&|dir| std::fs::remove_file(dir.join(MANIFEST)).unwrap(), "manifest.json: there is no such file");
    }

    #[test]
    fn a_manifest_that_points_outside_or_names_no_library_is_a_fault() {
        let dir = folder();
        let mut manifest = Manifest::read(dir.path()).unwrap();
        assert_eq!(manifest.bytes(), 11);
        manifest.files[1].name = "../LICENSE".to_owned();
        manifest.write(dir.path()).unwrap();
        assert_eq!(fault(dir.path()).unwrap(), "manifest.json names a file outside the folder: ../LICENSE");
        manifest.files.clear();
        manifest.write(dir.path()).unwrap();
        assert_eq!(fault(dir.path()).unwrap(), "manifest.json names no libonnxruntime.so");
    }
}
