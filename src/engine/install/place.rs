//! Locations in which gnet keeps what it installs.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use gnet_core::Error;

/// A runtime that can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// ONNX Runtime with its CPU provider.
    Cpu,
    /// ONNX Runtime with its CPU, CUDA and TensorRT providers.
    Cuda,
    /// The OpenVINO provider: a plugin that an ONNX Runtime of another kind loads.
    OpenVino,
}

impl Kind {
    /// Returns the name of the file to load, within the installed folder.
    pub fn library(self) -> &'static str {
        match self {
            Self::Cpu | Self::Cuda => "libonnxruntime.so",
            Self::OpenVino => "libonnxruntime_providers_openvino_plugin.so",
        }
    }
}

gnet_core::named!(Kind, "runtime", [Cpu = "cpu", Cuda = "cuda", OpenVino = "openvino"], |thing, names| {
    Error::input(thing, format!("is not known; the runtimes are {}", names.join(", ")))
});

/// An installed runtime: `DATA/runtime/KIND-VERSION/`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// Kind of the runtime.
    pub kind: Kind,
    /// Version, such as `1.31.1`.
    pub version: String,
    /// Folder that holds it.
    pub folder: PathBuf,
}

impl Place {
    /// Returns the library to load. It exists: [`installed`] lists no folder without it.
    pub fn library(&self) -> PathBuf {
        self.folder.join(self.kind.library())
    }
}

/// Returns gnet's data directory: `$XDG_DATA_HOME/gnet`, else `~/.local/share/gnet`. `None` if no home is known.
///
/// A relative `XDG_DATA_HOME` counts as unset, as the XDG base directory specification requires.
pub fn data_dir() -> Option<PathBuf> {
    base(|name| std::env::var_os(name), "XDG_DATA_HOME", ".local/share")
}

/// Returns gnet's cache directory: `$XDG_CACHE_HOME/gnet`, else `~/.cache/gnet`. Its content may be deleted at any
/// time.
pub fn cache_dir() -> Option<PathBuf> {
    base(|name| std::env::var_os(name), "XDG_CACHE_HOME", ".cache")
}

fn base(var: impl Fn(&str) -> Option<OsString>, name: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(name).or_else(|| absolute("HOME").map(|home| home.join(below_home)))?;
    Some(base.join("gnet"))
}

/// Returns the installed runtimes by kind, the newest version of a kind first. A folder without its library is not
/// listed.
pub fn installed() -> Vec<Place> {
    data_dir().map_or_else(Vec::new, |data| installed_in(&runtimes_in(&data)))
}

fn installed_in(runtimes: &Path) -> Vec<Place> {
    let mut places = named(runtimes);
    places.retain(|place| numbers(&place.version).is_some() && place.library().is_file());
    places.sort_by_key(|place| (place.kind, Reverse(numbers(&place.version)), place.version.clone()));
    places
}

/// Returns the folder of all runtimes in a data directory.
pub(super) fn runtimes_in(data: &Path) -> PathBuf {
    data.join("runtime")
}

/// Folder, below that of all runtimes, of the libraries that providers need of others.
pub(super) const LIBRARIES: &str = "libraries";

/// Returns every folder that is named like a runtime, intact or not.
pub(super) fn named(runtimes: &Path) -> Vec<Place> {
    let place = |folder: PathBuf| {
        let (kind, version) = folder.file_name()?.to_str()?.split_once('-')?;
        Some(Place { kind: kind.parse().ok()?, version: version.to_owned(), folder })
    };
    std::fs::read_dir(runtimes).into_iter().flatten().flatten().filter_map(|entry| place(entry.path())).collect()
}

/// Parses `1.31.1` into numbers, so that 1.9 sorts before 1.31; `None` if the text is not a version.
pub(super) fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

/// Returns the size of all files in a folder, in bytes.
pub(super) fn size(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|entry| entry.metadata().ok()).filter(std::fs::Metadata::is_file).map(|about| about.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_kind_here_and_in_json() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse::<Kind>().unwrap(), kind);
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<Kind>(&json).unwrap(), kind);
        }
        let error = "gpu".parse::<Kind>().unwrap_err().to_string();
        assert_eq!(error, "runtime 'gpu': is not known; the runtimes are cpu, cuda, openvino");
    }

    #[test]
    fn the_data_directory_follows_the_xdg_specification() {
        let dir = |vars: &'static [(&str, &str)]| {
            let var = move |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into());
            base(var, "XDG_DATA_HOME", ".local/share")
        };
        let home = Some(PathBuf::from("/home/a/.local/share/gnet"));
        assert_eq!(dir(&[("XDG_DATA_HOME", "/data"), ("HOME", "/home/a")]), Some("/data/gnet".into()));
        assert_eq!(dir(&[("HOME", "/home/a")]), home);
        assert_eq!(dir(&[("XDG_DATA_HOME", "relative"), ("HOME", "/home/a")]), home);
        assert_eq!(dir(&[("XDG_DATA_HOME", ""), ("HOME", "/home/a")]), home);
        assert_eq!(dir(&[]), None);
    }

    #[test]
    fn whole_installations_are_listed_the_newest_of_a_kind_first() {
        let dir = tempfile::tempdir().unwrap();
        for (folder, file) in [
            ("cuda-1.31.1", "libonnxruntime.so"),
            ("cpu-1.9.0", "libonnxruntime.so"),
            ("cpu-1.31.1", "libonnxruntime.so"),
            ("cpu-1.40.0", "half-unpacked"),
            ("cpu-new", "libonnxruntime.so"),
            ("openvino-1.8.1", "libonnxruntime_providers_openvino_plugin.so"),
            ("tpu-1.0.0", "libonnxruntime.so"),
        ] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
            std::fs::write(dir.path().join(folder).join(file), "").unwrap();
        }
        let found: Vec<String> = installed_in(dir.path()).iter().map(|p| format!("{}-{}", p.kind, p.version)).collect();
        assert_eq!(found, ["cpu-1.31.1", "cpu-1.9.0", "cuda-1.31.1", "openvino-1.8.1"]);
        assert_eq!(installed_in(&dir.path().join("missing")), []);
    }
}
