//! Listing of installed runtimes, their integrity, and their removal.

use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::error::writing;
use super::libraries::{self, InstalledLibraries};
use super::manifest::fault;
use super::place::{LIBRARIES, named, size};
use super::run::{locked, runtimes, staging};
use super::{Kind, Place};
use gnet_core::report::{Cell, Column, Report, Table, Tone, number};
use gnet_core::{Error, Result};

/// One installed runtime.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Installed {
    /// Kind of the runtime.
    pub kind: Kind,
    /// Version, from the name of the folder.
    pub version: String,
    /// The library to load.
    pub library: String,
    /// Folder that holds it.
    pub folder: String,
    /// Size of everything in the folder, in bytes.
    pub bytes: u64,
    /// Whether all files are present with the content that was installed.
    pub intact: bool,
    /// Description of the damage, if it is not intact.
    pub problem: Option<String>,
}

/// Everything installed.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Listing {
    /// Folder in which runtimes are installed.
    pub folder: String,
    /// Installed runtimes, by kind and version.
    pub runtimes: Vec<Installed>,
    /// Libraries that the CUDA provider needs and the system lacked, by package and version.
    pub libraries: Vec<InstalledLibraries>,
}

/// Record of a removal.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Removed {
    /// Kind that was removed.
    pub kind: Kind,
    /// Folders that were removed: one per version, and one per package of libraries.
    pub folders: Vec<String>,
    /// Total size of their content, in bytes.
    pub bytes: u64,
}

/// Lists the installed runtimes and libraries; every file is read and its hash compared, which takes some seconds where
/// there are gigabytes.
///
/// # Errors
/// Fails if there is no home. A damaged runtime is not an error: it is listed with its problem.
pub fn list() -> Result<Listing> {
    Ok(list_in(&runtimes()?))
}

fn list_in(runtimes: &Path) -> Listing {
    let installed = places(runtimes).into_iter().map(|place| {
        let problem = fault(&place.folder, &[place.kind.library()]);
        Installed {
            kind: place.kind,
            library: place.library().display().to_string(),
            bytes: size(&place.folder),
            folder: place.folder.display().to_string(),
            version: place.version,
            intact: problem.is_none(),
            problem,
        }
    });
    Listing {
        folder: runtimes.display().to_string(),
        runtimes: installed.collect(),
        libraries: libraries::folders(runtimes).iter().map(libraries::Folder::examined).collect(),
    }
}

fn places(runtimes: &Path) -> Vec<Place> {
    let mut found = named(runtimes);
    found.sort_by(|a, b| (a.kind, &a.version).cmp(&(b.kind, &b.version)));
    found
}

/// Removes every version of `kind`; with CUDA's, the libraries that only it needs.
///
/// # Errors
/// Fails if none is installed, if it cannot be removed, or if an installation is in progress.
pub fn remove(kind: Kind) -> Result<Removed> {
    remove_from(&runtimes()?, kind)
}

fn remove_from(runtimes: &Path, kind: Kind) -> Result<Removed> {
    let places = places(runtimes).into_iter().filter(|place| place.kind == kind).map(|place| place.folder);
    let libraries = libraries::folders(runtimes).into_iter().filter(|_| kind == Kind::Cuda).map(|its| its.path);
    let found: Vec<_> = places.chain(libraries).collect();
    if found.is_empty() {
        let at = runtimes.display();
        return Err(Error::input(format!("runtime {kind}"), format!("is not installed in {at}"))
            .remedy("`gnet runtime list` shows what is"));
    }
    let _locked = locked(runtimes)?;
    // Each is moved out of sight by one rename and then deleted: a half-removed runtime is never found.
    let bin = staging(runtimes)?;
    let mut removed = Removed { kind, folders: Vec::new(), bytes: 0 };
    for (number, folder) in found.into_iter().enumerate() {
        removed.bytes += size(&folder);
        fs::rename(&folder, bin.made.path().join(number.to_string())).map_err(|e| writing(&folder, &e))?;
        removed.folders.push(folder.display().to_string());
    }
    // It stays where something else lies in it.
    let _ = fs::remove_dir(runtimes.join(LIBRARIES));
    let path = bin.made.path().to_path_buf();
    bin.made.close().map_err(|e| writing(&path, &e))?;
    Ok(removed)
}

impl Report for Listing {
    fn tables(&self) -> Vec<Table> {
        let mut tables = vec![self.runtime_table()];
        if !self.libraries.is_empty() {
            tables.push(self.library_table());
        }
        tables
    }
}

impl Listing {
    fn runtime_table(&self) -> Table {
        let columns = [
            Column::text("runtime"),
            Column::text("version"),
            Column::text("size").rank(2),
            Column::text("intact"),
            Column::path("library").rank(1),
        ];
        let mut table = Table::new("", columns);
        for runtime in &self.runtimes {
            table.row([
                runtime.kind.name().into(),
                runtime.version.as_str().into(),
                number::bytes(runtime.bytes).into(),
                whole(runtime.intact),
                runtime.library.as_str().into(),
            ]);
            if let Some(problem) = &runtime.problem {
                table.note(format!("{} {}: {problem}", runtime.kind, runtime.version));
                table.note(format!("  mend it with `gnet runtime install {} --force`", runtime.kind));
            }
        }
        if self.runtimes.is_empty() {
            table.note(format!("Nothing is installed in {}; `gnet runtime install cpu` installs one.", self.folder));
        }
        table
    }

    fn library_table(&self) -> Table {
        let columns = [
            Column::text("package"),
            Column::text("version"),
            Column::text("size").rank(2),
            Column::text("intact"),
            Column::path("folder").rank(1),
        ];
        let mut table = Table::new("Libraries for cuda", columns);
        for package in &self.libraries {
            table.row([
                package.package.as_str().into(),
                package.version.as_str().into(),
                number::bytes(package.bytes).into(),
                whole(package.intact),
                package.folder.as_str().into(),
            ]);
            if let Some(problem) = &package.problem {
                table.note(format!("{} {}: {problem}", package.package, package.version));
                table.note("  mend it with `gnet runtime install cuda --force`");
            }
        }
        table
    }
}

fn whole(intact: bool) -> Cell {
    if intact { Cell::verdict("yes", Tone::Good) } else { Cell::verdict("NO", Tone::Bad) }
}

impl Report for Removed {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new("", [Column::path("removed")]);
        for folder in &self.folders {
            table.row([folder.as_str().into()]);
        }
        table.note(format!("{} are free again", number::bytes(self.bytes)));
        vec![table]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::ErrorKind;
    use gnet_core::report::{Format, render};

    fn two_runtimes() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["cpu-1.31.1", "cpu-1.30.0", "notes", ".partial-x", "tpu-1.0"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("cpu-1.31.1/libonnxruntime.so"), "library").unwrap();
        dir
    }

    #[test]
    fn a_folder_without_a_manifest_is_listed_as_damaged() {
        let dir = two_runtimes();
        let listing = list_in(dir.path());
        let versions: Vec<_> = listing.runtimes.iter().map(|r| (r.version.as_str(), r.bytes, r.intact)).collect();
        assert_eq!(versions, [("1.30.0", 0, false), ("1.31.1", 7, false)]);
        let text = render(&listing, Format::Table).unwrap();
        assert!(text.contains("mend it with `gnet runtime install cpu --force`"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&render(&listing, Format::Json).unwrap()).unwrap();
        assert_eq!(json["runtimes"][1]["kind"], "cpu");
        assert!(json["runtimes"][1]["problem"].as_str().unwrap().contains("manifest.json"));
    }

    #[test]
    fn removing_takes_every_version_and_nothing_else() {
        let dir = two_runtimes();
        let removed = remove_from(dir.path(), Kind::Cpu).unwrap();
        assert_eq!((removed.folders.len(), removed.bytes), (2, 7));
        assert!(list_in(dir.path()).runtimes.is_empty());
        assert!(dir.path().join("notes").is_dir() && dir.path().join("tpu-1.0").is_dir());
        assert!(!dir.path().join(".partial-x").exists(), "what a killed installation left is swept");
        let error = remove_from(dir.path(), Kind::Cpu).unwrap_err();
        assert!(error.kind() == ErrorKind::Input && error.to_string().contains("runtime cpu: is not installed in"));
    }

    #[test]
    fn libraries_are_listed_and_go_with_the_runtime_that_needs_them() {
        let dir = two_runtimes();
        for name in ["nvidia-cublas-13.10.0", "nvidia-cuda-nvrtc-13.5.37", "nvidia-nvjitlink-13.5.37", "notes"] {
            let folder = dir.path().join(LIBRARIES).join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("a.so"), "library").unwrap();
        }
        let listing = list_in(dir.path());
        let packages: Vec<_> = listing.libraries.iter().map(|its| (its.package.as_str(), its.bytes)).collect();
        assert_eq!(packages, [("nvidia-cublas", 7), ("nvidia-cuda-nvrtc", 7), ("nvidia-nvjitlink", 7)]);
        let text = render(&listing, Format::Table).unwrap();
        assert!(text.contains("Libraries for cuda") && text.contains("`gnet runtime install cuda --force`"), "{text}");
        remove_from(dir.path(), Kind::Cpu).unwrap();
        assert_eq!(list_in(dir.path()).libraries.len(), 3, "they are not the CPU's");
        let removed = remove_from(dir.path(), Kind::Cuda).unwrap();
        assert_eq!((removed.folders.len(), removed.bytes), (3, 21), "two of them of one version");
        assert!(dir.path().join("libraries/notes").is_dir(), "what gnet did not install stays");
        fs::remove_dir_all(dir.path().join("libraries/notes")).unwrap();
        fs::create_dir(dir.path().join("cuda-1.31.1")).unwrap();
        remove_from(dir.path(), Kind::Cuda).unwrap();
        assert!(!dir.path().join(LIBRARIES).exists());
    }

    #[test]
    fn an_empty_list_says_how_to_fill_it() {
        let dir = tempfile::tempdir().unwrap();
        let text = render(&list_in(&dir.path().join("missing")), Format::Table).unwrap();
        assert!(text.contains("`gnet runtime install cpu` installs one"), "{text}");
    }
}
