//! The ONNX Runtime that a process runs, as it tells others, and the plugin of OpenVINO.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// Origin of a library's path, in the order of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Step {
    /// The option `--ort-lib`.
    #[serde(rename = "--ort-lib")]
    Flag,
    /// The environment variable `GNET_ORT_LIB`.
    #[serde(rename = "GNET_ORT_LIB")]
    GnetOrtLib,
    /// The environment variable `ORT_DYLIB_PATH`, which other programs use as well.
    #[serde(rename = "ORT_DYLIB_PATH")]
    OrtDylibPath,
    /// gnet's own installation.
    #[serde(rename = "installed")]
    Installed,
    /// The system's loader.
    #[serde(rename = "system")]
    System,
}

gnet_core::named!(
    Step,
    "origin",
    [
        Flag = "--ort-lib",
        GnetOrtLib = "GNET_ORT_LIB",
        OrtDylibPath = "ORT_DYLIB_PATH",
        Installed = "installed",
        System = "system"
    ]
);

/// ONNX Runtime's library, found and loaded.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Library {
    /// Path of the file.
    #[serde(serialize_with = "shown")]
    #[schemars(with = "String")]
    pub path: PathBuf,
    /// Origin of the path.
    #[serde(rename = "source")]
    pub step: Step,
    /// Version, such as `1.31.1`.
    pub version: String,
    /// Providers under ONNX Runtime's names, such as `CUDAExecutionProvider`: compiled in, which does not mean usable.
    pub providers: Vec<String>,
}

impl Library {
    /// Returns `true` if a provider, given by ONNX Runtime's name, is compiled in.
    pub fn has(&self, provider: &str) -> bool {
        self.providers.iter().any(|known| known == provider)
    }
}

/// Writes a path that need not be text.
fn shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
