//! Diagnosis of this machine: its processor, its limits, and the providers that really run.
//!
//! Everything is read without loading anything, except for two facts that only a trial can establish: whether ONNX
//! Runtime's library loads, and whether a session runs. These trials run in separate processes ([`serve`]), so that
//! neither a crash nor a plugin or driver that hangs can do harm.
//!
//! A [`Diagnosis`] is one JSON document; `reports/JSON.md` in the repository lists its keys.

mod convolution;
mod cpu;
mod engine;
mod gpu;
mod libraries;
mod limits;
mod loader;
mod reason;
mod report;
mod system;
mod verdict;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use cpu::{Cpu, Feature};
pub use gpu::{Gpu, Gpus};
pub use libraries::Dependency;
pub use limits::Limits;
pub use loader::{Found, Place};
pub use reason::No;
pub use verdict::{Answer, Check, OrtLibrary, ProviderReport, Question};
pub use worker::{WORKER_COMMAND, serve};

use crate::runtime::{EngineOptions, Provider};
use gnet_core::Error;
use loader::Loader;
use system::System;
use verdict::{Facts, is_onnx_runtimes};
use worker::{Job, Order, Reply};

/// Options for examining a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct DoctorOptions {
    /// Program that becomes a worker when it is called with [`WORKER_COMMAND`].
    pub exe: PathBuf,
    /// Options of the sessions, above all the library and the plugin.
    pub engine: EngineOptions,
    /// Time limit for a probe, after which it is stopped. TensorRT takes long to build its first engine.
    pub timeout: Duration,
}

#[doc(hidden)]
#[deprecated(note = "is named `DoctorOptions`")]
pub type Options = DoctorOptions;

/// Capabilities of a machine, as examined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrtReport {
    /// The library that was found and loaded.
    pub library: Option<OrtLibrary>,
    /// Reason why it is unavailable.
    pub reason: Option<String>,
    /// Remedy for that.
    pub remedy: Option<String>,
}

impl From<&Result<OrtLibrary, No>> for OrtReport {
    fn from(found: &Result<OrtLibrary, No>) -> Self {
        match found {
            Ok(library) => Self { library: Some(library.clone()), reason: None, remedy: None },
            Err(no) => Self { library: None, reason: Some(no.reason.clone()), remedy: no.remedy.clone() },
        }
    }
}

/// Examines this machine. `trying` is called with each provider before it is tried: each takes a moment, TensorRT up to
/// a minute.
pub fn examine(options: &DoctorOptions, mut trying: impl FnMut(Provider)) -> Diagnosis {
    let system = System::this();
    let machine = Machine {
        cpu: Cpu::read(system.text("/proc/cpuinfo").as_deref(), std::env::consts::ARCH),
        gpus: Gpus::this(),
        loader: Loader::this(),
        library: library(options),
    };
    let mut providers = Vec::new();
    for provider in Provider::ALL {
        trying(provider);
        providers.push(machine.judge(provider, options));
    }
    Diagnosis {
        limits: Limits::read(&system),
        onnxruntime: (&machine.library).into(),
        cpu: machine.cpu,
        gpus: machine.gpus,
        providers,
    }
}

/// Facts by which every provider is judged.
struct Machine {
    cpu: Cpu,
    gpus: Gpus,
    loader: Loader,
    library: Result<OrtLibrary, No>,
}

fn library(options: &DoctorOptions) -> Result<OrtLibrary, No> {
    if let Err(error) = Provider::Cpu.ensure_available() {
        return Err((&error).into());
    }
    match ask(options, Job::Library) {
        Reply::Library(library) => Ok(library),
        Reply::No(no) => Err(no),
        Reply::Ran(_) => Err(No::new("the probe answered another question")),
    }
}

fn ask(options: &DoctorOptions, job: Job) -> Reply {
    worker::ask(&options.exe, &Order { job, engine: options.engine.clone() }, options.timeout)
}

impl Machine {
    fn judge(&self, provider: Provider, options: &DoctorOptions) -> ProviderReport {
        let library = &self.library;
        let plugin = engine::plugin(&options.engine);
        let path = match provider {
            Provider::OpenVino => plugin.as_deref().ok(),
            _ => library.as_ref().ok().map(|library| Path::new(&library.path)),
        };
        let dependencies = libraries::dependencies(provider, path, &self.loader);
        let built_in = provider.ensure_available().map_err(|error| No::from(&error));
        let worth_trying = built_in.is_ok() && (library.is_ok() || !is_onnx_runtimes(provider));
        ProviderReport::judge(Facts {
            provider,
            built_in,
            library: library.clone(),
            plugin: plugin.as_deref().map(|path| path.display().to_string()).map_err(No::clone),
            dependencies: &dependencies,
            gpus: &self.gpus,
            vendor: self.cpu.vendor.as_deref(),
            session: worth_trying.then(|| session(provider, options)),
        })
    }
}

fn session(provider: Provider, options: &DoctorOptions) -> Result<String, No> {
    match ask(options, Job::Convolution(provider)) {
        Reply::Ran(where_it_ran) => Ok(where_it_ran),
        Reply::No(no) => Err(no),
        Reply::Library(_) => Err(No::new("the probe answered another question")),
    }
}

impl Diagnosis {
    /// Returns one error for each required provider that cannot be used.
    pub fn unmet(&self, required: &[Provider]) -> Vec<Error> {
        let reports = self.providers.iter().filter(|report| required.contains(&report.provider));
        reports.filter_map(ProviderReport::error).collect()
    }
}
