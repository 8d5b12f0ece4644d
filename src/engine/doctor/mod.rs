//! Diagnosis of this machine: its processor, its limits, and the providers that really run.
//!
//! Everything is read without loading anything, except for two facts that only a trial can establish: whether ONNX
//! Runtime's library loads, and whether a session runs. These trials run in separate processes ([`serve`](crate::worker::serve)), so that
//! neither a crash nor a plugin or driver that hangs can do harm.
//!
//! A [`Diagnosis`] is one JSON document; `reports/JSON.md` in the repository lists its keys.

mod convolution;
mod gpu;
mod libraries;
mod probe;
mod reason;
mod report;
mod verdict;

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use libraries::Dependency;
pub use verdict::{Answer, Check, ProviderReport, Question};

use crate::host::loader::Loader;
pub use crate::host::loader::{Found, Place};
pub use crate::host::{Cpu, Feature, Gpu, Gpus, Limits};
use crate::runtime::{self, EngineOptions, Library, Provider};
use gnet_core::Error;
use reason::No;
use verdict::Facts;

/// Options for examining a machine.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DoctorOptions {
    /// Program that becomes a worker when it is called with [`WORKER_COMMAND`](gnet_core::process::WORKER_COMMAND).
    pub exe: PathBuf,
    /// Options of the sessions, above all the library and the plugin.
    pub engine: EngineOptions,
    /// Time limit for a probe, after which it is stopped. TensorRT takes long to build its first engine.
    pub timeout: Duration,
}

impl DoctorOptions {
    /// Creates options for probes in this program, with default sessions and two minutes each.
    pub fn new(exe: impl Into<PathBuf>) -> Self {
        Self { exe: exe.into(), engine: EngineOptions::default(), timeout: Duration::from_secs(120) }
    }
}

#[doc(hidden)]
#[deprecated(note = "is named `DoctorOptions`")]
pub type Options = DoctorOptions;

#[doc(hidden)]
#[deprecated(note = "is named `runtime::Library`")]
pub type OrtLibrary = Library;

/// Capabilities of a machine, as examined.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The processor.
    pub cpu: Cpu,
    /// Resource limits of this process.
    pub limits: Limits,
    /// NVIDIA GPUs.
    pub gpus: Gpus,
    /// ONNX Runtime's library.
    pub onnxruntime: OrtReport,
    /// Verdict on every named provider.
    pub providers: Vec<ProviderReport>,
}

/// ONNX Runtime's library, or the reason why it is unavailable.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrtReport {
    /// The library that was found and loaded.
    pub library: Option<Library>,
    /// Reason why it is unavailable.
    pub reason: Option<String>,
    /// Remedy for that.
    pub remedy: Option<String>,
}

impl From<&Result<Library, No>> for OrtReport {
    fn from(found: &Result<Library, No>) -> Self {
        match found {
            Ok(library) => Self { library: Some(library.clone()), reason: None, remedy: None },
            Err(no) => Self { library: None, reason: Some(no.reason.clone()), remedy: no.remedy.clone() },
        }
    }
}

/// Examines this machine. `trying` is called with each provider before it is tried: each takes a moment, TensorRT up to
/// a minute.
pub fn examine(options: &DoctorOptions, mut trying: impl FnMut(Provider)) -> Diagnosis {
    let machine = Machine {
        cpu: Cpu::this(),
        gpus: Gpus::this(),
        loader: Loader::this(),
        library: probe::library(options).map_err(No::from),
    };
    let mut providers = Vec::new();
    for provider in Provider::ALL {
        trying(provider);
        providers.push(machine.judge(provider, options));
    }
    Diagnosis {
        limits: Limits::this(),
        onnxruntime: (&machine.library).into(),
        cpu: machine.cpu,
        gpus: machine.gpus,
        providers,
    }
}

struct Machine {
    cpu: Cpu,
    gpus: Gpus,
    loader: Loader,
    library: Result<Library, No>,
}

impl Machine {
    fn judge(&self, provider: Provider, options: &DoctorOptions) -> ProviderReport {
        let library = &self.library;
        let built_in = provider.ensure_available().map_err(No::from);
        let plugin = built_in.clone().and_then(|()| plugin(&options.engine));
        let path = match provider {
            Provider::OpenVino => plugin.as_deref().ok(),
            _ => library.as_ref().ok().map(|library| library.path.as_path()),
        };
        let dependencies = libraries::dependencies(provider, path, &self.loader);
        let worth_trying = built_in.is_ok() && (library.is_ok() || provider.ort_name().is_none());
        ProviderReport::judge(Facts {
            provider,
            built_in,
            library: library.clone(),
            plugin,
            dependencies: &dependencies,
            gpus: &self.gpus,
            vendor: self.cpu.vendor.as_deref(),
            session: worth_trying.then(|| probe::session(provider, options).map_err(No::from)),
        })
    }
}

/// Returns OpenVINO's plugin, which is there and need not load.
fn plugin(options: &EngineOptions) -> Result<PathBuf, No> {
    let no = || No::new("OpenVINO's plugin is not installed").remedy("`gnet runtime install openvino` gets it");
    let path = runtime::openvino_plugin(&options.openvino).ok_or_else(no)?;
    if path.is_file() { Ok(path) } else { Err(No::new(format!("there is no plugin at {}", path.display()))) }
}

impl Diagnosis {
    /// Returns one error for each required provider that cannot be used.
    pub fn unmet(&self, required: &[Provider]) -> Vec<Error> {
        let reports = self.providers.iter().filter(|report| required.contains(&report.provider));
        reports.filter_map(ProviderReport::error).collect()
    }
}
