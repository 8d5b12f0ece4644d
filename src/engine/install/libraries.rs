//! The libraries that a provider needs of others, as they are installed: a folder for each Python package.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::manifest::fault;
use super::place::{LIBRARIES, numbers, runtimes_in, size};
use super::{Wheel, data_dir, nvidia};

/// One installed package of libraries that a provider needs: CUDA's and cuDNN's, for the CUDA provider.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct InstalledLibraries {
    /// Name of the Python package that contained them.
    pub package: String,
    /// Version, from the name of the folder.
    pub version: String,
    /// Folder that holds them.
    pub folder: String,
    /// Size of everything in the folder, in bytes.
    pub bytes: u64,
    /// Whether all files are present with the content that was installed.
    pub intact: bool,
    /// Description of the damage, if they are not intact.
    pub problem: Option<String>,
}

/// The folder of a package: `DATA/runtime/libraries/PACKAGE-VERSION/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    pub package: String,
    pub version: String,
    pub path: PathBuf,
}

impl Folder {
    /// Names the folder of a pinned package below that of all runtimes.
    pub fn of(wheel: &Wheel, runtimes: &Path) -> Self {
        let (package, version) = (wheel.package.to_owned(), wheel.version.to_owned());
        Self { package, version, path: runtimes.join(wheel.place()) }
    }

    /// Describes the folder with what is wrong with it.
    pub fn found(&self, problem: Option<String>) -> InstalledLibraries {
        InstalledLibraries {
            package: self.package.clone(),
            version: self.version.clone(),
            folder: self.path.display().to_string(),
            bytes: size(&self.path),
            intact: problem.is_none(),
            problem,
        }
    }

    /// Looks at the folder; every file in it is read.
    pub fn examined(&self) -> InstalledLibraries {
        let known = nvidia::CUDA_LIBRARIES.iter().find(|wheel| wheel.package == self.package);
        // Of another version it is not known what it must hold.
        let pinned = known.filter(|wheel| wheel.version == self.version);
        self.found(fault(&self.path, pinned.map(|wheel| wheel.provides).unwrap_or_default()))
    }
}

/// Returns every folder that is named like a package, intact or not, by package and version.
pub(super) fn folders(runtimes: &Path) -> Vec<Folder> {
    let folder = |path: PathBuf| {
        let (package, version) = path.file_name()?.to_str()?.rsplit_once('-')?;
        numbers(version)?;
        Some(Folder { package: package.to_owned(), version: version.to_owned(), path })
    };
    let entries = std::fs::read_dir(runtimes.join(LIBRARIES)).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.filter_map(|entry| folder(entry.path())).collect();
    found.sort_by(|a, b| (&a.package, numbers(&a.version)).cmp(&(&b.package, numbers(&b.version))));
    found
}

/// A library that gnet has installed and that a process loads by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Supplied {
    /// Name by which other libraries ask for it, such as `libcudnn.so.9`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Version of its package.
    pub version: String,
}

/// Returns the libraries for the CUDA provider that the system lacks and gnet has installed, in the order in which they are
/// loaded; those too that the provider does not ask for and one of its libraries opens later, so that none of another version is
/// opened in its place. `has` tells whether the system has a library.
pub(crate) fn supplied(has: impl FnMut(&str) -> bool) -> Vec<Supplied> {
    data_dir().map_or_else(Vec::new, |data| supplied_in(&runtimes_in(&data), nvidia::packages(), has))
}

fn supplied_in(runtimes: &Path, packages: &[Wheel], has: impl FnMut(&str) -> bool) -> Vec<Supplied> {
    let mut folders = folders(runtimes);
    if folders.is_empty() {
        return Vec::new();
    }
    folders.sort_by_key(|folder| Reverse(numbers(&folder.version)));
    let of = |wheel: &Wheel| {
        let fits = |folder: &&Folder| {
            folder.package == wheel.package && wheel.provides.iter().all(|name| folder.path.join(name).is_file())
        };
        let newest = folders.iter().find(fits)?;
        let supplied = |name: String| Supplied { path: newest.path.join(&name), name, version: newest.version.clone() };
        Some(wheel.libraries().into_iter().map(supplied).filter(|library| library.path.is_file()).collect::<Vec<_>>())
    };
    nvidia::lacking(packages, has).iter().filter_map(of).flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn place(runtimes: &Path, folder: &str, files: &[&str]) {
        let folder = runtimes.join(LIBRARIES).join(folder);
        fs::create_dir_all(&folder).unwrap();
        for file in files {
            fs::write(folder.join(file), "library").unwrap();
        }
    }

    #[test]
    fn the_newest_of_each_package_supplies_what_the_system_lacks() {
        let dir = tempfile::tempdir().unwrap();
        let has_none = |_: &str| false;
        assert_eq!(supplied_in(dir.path(), &nvidia::CUDA_LIBRARIES, has_none), []);
        place(dir.path(), "nvidia-cublas-13.9.1", &["libcublasLt.so.13", "libcublas.so.13"]);
        place(dir.path(), "nvidia-cublas-13.10.0", &["libcublasLt.so.13", "libcublas.so.13"]);
        place(dir.path(), "nvidia-cublas-14.0.1", &["libcublasLt.so.14", "libcublas.so.14"]);
        place(dir.path(), "nvidia-cudnn-cu13-9.28.0", &["libcudnn.so.9", "libcudnn_ops.so.9"]);
        place(dir.path(), "nvidia-cufft-12.4.0", &[]);
        place(dir.path(), "notes", &["libcufft.so.12"]);
        let supplied = |has: &dyn Fn(&str) -> bool| {
            let found = supplied_in(dir.path(), &nvidia::CUDA_LIBRARIES, has);
            found.into_iter().map(|library| format!("{} {}", library.name, library.version)).collect::<Vec<_>>()
        };
        let cublas = ["libcublasLt.so.13 13.10.0", "libcublas.so.13 13.10.0"];
        assert_eq!(
            supplied(&has_none),
            [&cublas[..], &["libcudnn.so.9 9.28.0", "libcudnn_ops.so.9 9.28.0"]].concat(),
            "in order"
        );
        assert_eq!(supplied(&|name| name != "libcudnn.so.9").len(), 2);
        assert_eq!(supplied(&|_| true), [""; 0]);
        let found = supplied_in(dir.path(), &nvidia::CUDA_LIBRARIES, has_none);
        assert_eq!(found[0].path, dir.path().join("libraries/nvidia-cublas-13.10.0/libcublasLt.so.13"));
    }

    #[test]
    fn folders_are_told_apart_by_package_and_version() {
        let dir = tempfile::tempdir().unwrap();
        for name in
            ["nvidia-cublas-13.10.0", "nvidia-cublas-13.9.1", "nvidia-cudnn-cu13-9.28.0", "nvidia-cublas-new", "x"]
        {
            place(dir.path(), name, &[]);
        }
        let names: Vec<_> = folders(dir.path()).into_iter().map(|f| format!("{} {}", f.package, f.version)).collect();
        assert_eq!(names, ["nvidia-cublas 13.9.1", "nvidia-cublas 13.10.0", "nvidia-cudnn-cu13 9.28.0"]);
        let examined = folders(dir.path())[0].examined();
        assert!(!examined.intact && examined.problem.unwrap().contains("manifest.json: there is no such file"));
    }
}
