//! Emulation of the dynamic loader's search for a shared library, without loading it.
//!
//! glibc's order (ld.so(8)): `LD_LIBRARY_PATH`, the `DT_RUNPATH` of the library that asks, the cache that `ldconfig`
//! keeps, `/lib` and `/usr/lib`. A library that is in none of these, but in a folder where installers put such
//! libraries, is found as well and reported as outside the loader's search path: that is the most common fault of all.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::system::System;
use gnet_core::{process, program};

/// Means by which a library was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// The variable `LD_LIBRARY_PATH`.
    LdLibraryPath,
    /// The search path inside the library that needs it, such as its own folder.
    RunPath,
    /// The cache of `ldconfig`.
    Cache,
    /// A folder that is always searched.
    Standard,
    /// gnet's own installation: loaded by its path, whatever the loader searches.
    Installed,
    /// A folder that the loader does not search.
    OutOfSight,
}

/// A library that was found.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Found {
    /// Path of the file.
    pub path: String,
    /// Full version, from the name of the file that links resolve to; `None` if that has none.
    pub version: Option<String>,
    /// Means by which it was found.
    pub by: Place,
}

/// Folders in which CUDA, cuDNN and TensorRT are put by their installers, by pip and by conda.
const INSTALLERS: [&str; 14] = [
    "/usr/local/cuda*/lib64",
    "/usr/local/cuda*/targets/*/lib",
    "/usr/local/cuda*/compat",
    "/usr/local/nvidia/lib64",
    "/usr/lib/wsl/lib",
    "/opt/cuda*/lib64",
    "/usr/local/tensorrt*/lib",
    "/usr/local/TensorRT*/lib",
    "/opt/TensorRT*/lib",
    "/opt/nvidia/*/lib",
    "/opt/conda/lib",
    "/usr/local/lib/python3*/*-packages/nvidia/*/lib",
    "/usr/local/lib/python3*/*-packages/tensorrt_libs",
    "/usr/lib/python3*/*-packages/nvidia/*/lib",
];

/// The same, relative to a home or the folder of a virtual environment.
const ENVIRONMENTS: [&str; 3] = [
    "/lib/python3*/site-packages/nvidia/*/lib",
    "/lib/python3*/site-packages/tensorrt_libs",
    "/.local/lib/python3*/site-packages/nvidia/*/lib",
];

#[derive(Debug, Clone)]
pub(crate) struct Loader {
    system: System,
    variable: Vec<PathBuf>,
    cache: Vec<(String, PathBuf)>,
    out_of_sight: Vec<PathBuf>,
}

impl Loader {
    pub fn this() -> Self {
        let var = |name: &str| std::env::var(name).unwrap_or_default();
        let homes = ["VIRTUAL_ENV", "CONDA_PREFIX", "HOME"].map(var);
        Self::new(System::this(), &var("LD_LIBRARY_PATH"), &ldconfig(), &homes)
    }

    /// Creates a loader with these settings: `LD_LIBRARY_PATH`, the output of `ldconfig -p`, folders of environments.
    pub fn new(system: System, variable: &str, cache: &str, homes: &[String]) -> Self {
        let below = |home: &String| ENVIRONMENTS.map(|pattern| format!("{home}{pattern}"));
        let homes = homes.iter().filter(|home| !home.is_empty()).flat_map(below);
        let patterns = INSTALLERS.iter().map(|pattern| (*pattern).to_owned()).chain(homes);
        Self {
            variable: variable.split([':', ';']).filter(|part| !part.is_empty()).map(PathBuf::from).collect(),
            cache: parse_cache(cache, std::env::consts::ARCH),
            out_of_sight: patterns.flat_map(|pattern| system.folders(&pattern)).collect(),
            system,
        }
    }

    /// Finds a library by the name under which another depends on it, such as `libcudnn.so.9`. `run_path` holds the
    /// folders that the other one has searched.
    pub fn find(&self, name: &str, run_path: &[PathBuf]) -> Option<Found> {
        let within =
            |folders: &[PathBuf]| folders.iter().map(|folder| folder.join(name)).find(|path| self.is_file(path));
        let cached = || self.cache.iter().find(|(its, path)| its == name && self.is_file(path)).map(|(_, p)| p.clone());
        let (path, by) = None
            .or_else(|| Some((within(&self.variable)?, Place::LdLibraryPath)))
            .or_else(|| Some((within(run_path)?, Place::RunPath)))
            .or_else(|| Some((cached()?, Place::Cache)))
            .or_else(|| Some((within(&standard())?, Place::Standard)))
            .or_else(|| Some((within(&self.out_of_sight)?, Place::OutOfSight)))?;
        let real = self.system.path(&path).canonicalize().unwrap_or_else(|_| path.clone());
        let version = real.file_name().and_then(|file| version_of(&file.to_string_lossy()));
        Some(Found { path: path.display().to_string(), version, by })
    }

    /// Returns `true` if the system's loader finds a library of this name by itself.
    pub fn has(&self, name: &str) -> bool {
        self.find(name, &[]).is_some_and(|found| found.by != Place::OutOfSight)
    }

    fn is_file(&self, path: &Path) -> bool {
        self.system.path(path).is_file()
    }
}

fn standard() -> Vec<PathBuf> {
    let arch = std::env::consts::ARCH;
    let multiarch = format!("{arch}-linux-gnu");
    ["/lib", "/usr/lib"]
        .into_iter()
        .flat_map(|base| [format!("{base}/{multiarch}"), format!("{base}64"), base.to_owned()])
        .map(PathBuf::from)
        .collect()
}

/// Returns the output of `ldconfig -p`; empty if it is missing. Its folder is often not on a user's `PATH`.
fn ldconfig() -> String {
    let print = |program: &str| {
        let program = program::find(program.as_ref())?;
        let done = process::run(Command::new(program).arg("-p"), Duration::from_secs(10)).ok()?;
        done.succeeded().then_some(done.stdout)
    };
    ["/sbin/ldconfig", "/usr/sbin/ldconfig", "ldconfig"].into_iter().find_map(print).unwrap_or_default()
}

/// Parses lines `libz.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libz.so.1`, skipping those of another architecture.
fn parse_cache(text: &str, arch: &str) -> Vec<(String, PathBuf)> {
    let tag = match arch {
        "x86_64" => "x86-64",
        "aarch64" => "AArch64",
        other => other,
    };
    let entry = |line: &str| {
        let (left, path) = line.split_once(" => ")?;
        let (name, kinds) = left.trim().split_once(" (")?;
        let ours = kinds.trim_end_matches(')').split([',', ' ']).any(|kind| kind == tag);
        ours.then(|| (name.to_owned(), PathBuf::from(path.trim())))
    };
    text.lines().filter_map(entry).collect()
}

/// Extracts `9.13.0` from `libcudnn.so.9.13.0`.
fn version_of(file: &str) -> Option<String> {
    let (_, version) = file.split_once(".so.")?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::recorded;

    const LDCONFIG: &str = "\
523 libs found in cache `/etc/ld.so.cache'
\tlibcudart.so.13 (libc6,x86-64) => /usr/local/cuda/lib64/libcudart.so.13
\tlibcudart.so.13 (libc6,AArch64) => /usr/local/cuda/arm/libcudart.so.13
\tlibcublas.so.13 (libc6,x86-64, OS ABI: Linux 4.4.0) => /usr/local/cuda/lib64/libcublas.so.13
\tlibcurand.so.10 (libc6,x86-64) => /gone/libcurand.so.10
\tlibz.so.1 (libc6) => /lib32/libz.so.1
Cache generated by: ldconfig (Ubuntu GLIBC 2.39) stable release version 2.39
";

    #[test]
    fn the_cache_is_read_for_one_architecture() {
        let names = |arch| parse_cache(LDCONFIG, arch).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("x86_64"), ["libcudart.so.13", "libcublas.so.13", "libcurand.so.10"]);
        assert_eq!(parse_cache(LDCONFIG, "aarch64")[0].1, PathBuf::from("/usr/local/cuda/arm/libcudart.so.13"));
        assert!(parse_cache("", "x86_64").is_empty());
    }

    #[cfg(all(unix, target_arch = "x86_64"))]
    #[test]
    fn the_loaders_order_is_kept_and_links_lead_to_versions() {
        let (_dir, system) = recorded(&[
            ("/usr/local/cuda/lib64/libcudart.so.13.0.96", ""),
            ("/usr/local/cuda/lib64/libcublas.so.13", ""),
            ("/opt/own/libcublas.so.13", ""),
            ("/opt/ort/libcublas.so.13", ""),
            ("/opt/ort/libcudart.so.13", ""),
            ("/usr/lib/x86_64-linux-gnu/libcuda.so.1", ""),
            ("/home/a/venv/lib/python3.12/site-packages/nvidia/cudnn/lib/libcudnn.so.9", ""),
        ]);
        let folder = system.path("/usr/local/cuda/lib64");
        std::os::unix::fs::symlink("libcudart.so.13.0.96", folder.join("libcudart.so.13")).unwrap();
        let loader = Loader::new(system, "/opt/own:", LDCONFIG, &["/home/a/venv".to_owned(), String::new()]);
        let run_path = [PathBuf::from("/opt/ort")];
        let find = |name: &str, run_path: &[PathBuf]| loader.find(name, run_path).map(|f| (f.path, f.version, f.by));
        let found = |path: &str, version: Option<&str>, by| Some((path.to_owned(), version.map(str::to_owned), by));
        assert_eq!(
            find("libcublas.so.13", &run_path),
            found("/opt/own/libcublas.so.13", Some("13"), Place::LdLibraryPath)
        );
        assert_eq!(find("libcudart.so.13", &run_path), found("/opt/ort/libcudart.so.13", Some("13"), Place::RunPath));
        assert_eq!(
            find("libcudart.so.13", &[]),
            found("/usr/local/cuda/lib64/libcudart.so.13", Some("13.0.96"), Place::Cache)
        );
        assert_eq!(
            find("libcuda.so.1", &[]),
            found("/usr/lib/x86_64-linux-gnu/libcuda.so.1", Some("1"), Place::Standard)
        );
        assert_eq!(
            find("libcudnn.so.9", &[]),
            found(
                "/home/a/venv/lib/python3.12/site-packages/nvidia/cudnn/lib/libcudnn.so.9",
                Some("9"),
                Place::OutOfSight
            )
        );
        assert_eq!(find("libcurand.so.10", &[]), None, "the cache names a file that is gone");
        let has = ["libcublas.so.13", "libcuda.so.1", "libcudnn.so.9", "libcurand.so.10"].map(|name| loader.has(name));
        assert_eq!(has, [true, true, false, false], "what is out of sight the loader does not find");
    }

    #[test]
    fn a_version_is_what_follows_the_suffix() {
        assert_eq!(version_of("libcudnn.so.9.13.0").as_deref(), Some("9.13.0"));
        assert_eq!(version_of("libcuda.so"), None);
        assert_eq!(version_of("libx.so.debug"), None);
    }
}
