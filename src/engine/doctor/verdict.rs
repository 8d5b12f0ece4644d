//! From facts to a verdict: whether a provider can be used, and if not, the reason and the remedy. Pure.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gpu;
use super::libraries::{self, Dependency};
use super::reason::No;
use crate::host::Gpus;
use crate::runtime::{Library, Provider};
use gnet_core::Error;

/// Questions about a provider, ordered so that each builds on the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Question {
    /// Whether this build of gnet has it.
    BuiltIn,
    /// Whether ONNX Runtime's library was found and loads.
    Library,
    /// Whether that library holds the provider, or for OpenVINO, whether its plugin is there.
    Compiled,
    /// Whether a device is seen: without one, no library helps.
    Device,
    /// Whether the libraries it needs from the system are where the loader finds them.
    Dependencies,
    /// Whether a session ran one convolution there and the answer was right.
    Session,
}

impl Question {
    /// The name in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Library => "library",
            Self::Compiled => "compiled",
            Self::Dependencies => "dependencies",
            Self::Device => "device",
            Self::Session => "session",
        }
    }
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// The provider does not need it.
    NotNeeded,
    /// Not tried, because a prerequisite is missing.
    NotTried,
}

/// One question about a provider and its answer.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Check {
    /// The question.
    pub question: Question,
    /// The answer.
    pub answer: Answer,
    /// Finding, such as a version.
    pub found: Option<String>,
    /// Reason, if the answer is no.
    pub reason: Option<String>,
    /// Remedy, if the answer is no.
    pub remedy: Option<String>,
}

impl Check {
    fn of(question: Question, answer: Answer) -> Self {
        Self { question, answer, found: None, reason: None, remedy: None }
    }

    fn yes(question: Question, found: impl Into<String>) -> Self {
        Self { found: Some(found.into()).filter(|found| !found.is_empty()), ..Self::of(question, Answer::Yes) }
    }

    fn no(question: Question, no: No) -> Self {
        Self { reason: Some(no.reason), remedy: no.remedy, ..Self::of(question, Answer::No) }
    }

    fn judged(question: Question, result: Result<String, No>) -> Self {
        result.map_or_else(|no| Self::no(question, no), |found| Self::yes(question, found))
    }
}

#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub provider: Provider,
    pub built_in: Result<(), No>,
    /// ONNX Runtime, for the providers that run on it: path, version, and the names of its providers.
    pub library: Result<Library, No>,
    pub plugin: Result<PathBuf, No>,
    pub dependencies: &'a [Dependency],
    pub gpus: &'a Gpus,
    pub vendor: Option<&'a str>,
    /// Outcome of the session; `None` if it was not tried.
    pub session: Option<Result<String, No>>,
}

/// The verdict on one provider.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProviderReport {
    /// The provider.
    pub provider: Provider,
    /// Whether a session really ran on it.
    pub usable: bool,
    /// First reason why it is unusable.
    pub reason: Option<String>,
    /// Remedy for that.
    pub remedy: Option<String>,
    /// Every question with its answer, each once, in order.
    pub checks: Vec<Check>,
    /// System libraries that it needs.
    pub dependencies: Vec<Dependency>,
}

impl ProviderReport {
    pub(super) fn judge(facts: Facts<'_>) -> Self {
        let dependencies = facts.dependencies.to_vec();
        let provider = facts.provider;
        let checks = vec![
            Check::judged(Question::BuiltIn, facts.built_in.clone().map(|()| String::new())),
            library(&facts),
            compiled(&facts),
            device(&facts),
            found_dependencies(&facts),
            match facts.session {
                Some(result) => Check::judged(Question::Session, result),
                None => Check::of(Question::Session, Answer::NotTried),
            },
        ];
        let usable = checks.iter().any(|c| c.question == Question::Session && c.answer == Answer::Yes);
        // A provider that ran is usable, whatever was not found along the way.
        let first = checks.iter().find(|check| check.answer == Answer::No && !usable);
        let (reason, remedy) = first.map(|c| (c.reason.clone(), c.remedy.clone())).unwrap_or_default();
        Self { provider, usable, reason, remedy, checks, dependencies }
    }

    /// Returns the answer to one question.
    pub fn answer(&self, question: Question) -> Answer {
        self.checks.iter().find(|check| check.question == question).map_or(Answer::NotTried, |check| check.answer)
    }

    /// Returns an error with the reason why the provider cannot be used; `None` if it can.
    pub fn error(&self) -> Option<Error> {
        if self.usable {
            return None;
        }
        let reason = self.reason.as_deref().unwrap_or("no session was tried");
        Some(Error::unavailable(format!("provider {}", self.provider), reason).with_remedy(self.remedy.as_deref()))
    }
}

fn library(facts: &Facts<'_>) -> Check {
    if facts.provider.ort_name().is_none() {
        return Check::of(Question::Library, Answer::NotNeeded);
    }
    if facts.built_in.is_err() {
        return Check::of(Question::Library, Answer::NotTried);
    }
    let found = |library: Library| format!("ONNX Runtime {} ({})", library.version, library.step);
    Check::judged(Question::Library, facts.library.clone().map(found))
}

fn compiled(facts: &Facts<'_>) -> Check {
    let question = Question::Compiled;
    let Some(name) = facts.provider.ort_name() else { return Check::of(question, Answer::NotNeeded) };
    let (true, Ok(library)) = (facts.built_in.is_ok(), &facts.library) else {
        return Check::of(question, Answer::NotTried);
    };
    if facts.provider == Provider::OpenVino {
        return Check::judged(question, facts.plugin.clone().map(|path| path.display().to_string()));
    }
    if library.has(name) {
        return Check::yes(question, name);
    }
    let (version, path) = (&library.version, library.path.display());
    let no = No::new(format!("ONNX Runtime {version} at {path} is built without {name}"));
    Check::no(question, no.remedy("`gnet runtime install cuda` gets one that has it; --ort-lib points at another"))
}

fn found_dependencies(facts: &Facts<'_>) -> Check {
    let question = Question::Dependencies;
    match (libraries::fault(facts.dependencies), facts.dependencies) {
        (Some(no), _) => Check::no(question, no),
        (None, []) if facts.provider == Provider::OpenVino => Check::of(question, Answer::NotTried),
        (None, []) => Check::of(question, Answer::NotNeeded),
        (None, found) => Check::yes(question, summary(found)),
    }
}

/// Lists the products with their full versions, each once: `CUDA runtime 13.0.96, cuDNN 9.13.0`.
fn summary(dependencies: &[Dependency]) -> String {
    let version = |d: &Dependency| {
        let stem = d.product.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end();
        let version = d.found.as_ref().and_then(|found| found.version.clone()).unwrap_or_default();
        format!("{stem} {version}").trim_end().to_owned()
    };
    let mut named: Vec<String> = dependencies.iter().filter(|d| d.required).map(version).collect();
    named.dedup();
    named.join(", ")
}

fn device(facts: &Facts<'_>) -> Check {
    let question = Question::Device;
    match facts.provider {
        Provider::Cuda | Provider::TensorRt => {
            let major = |d: &Dependency| d.name.strip_prefix("libcudart.so.")?.parse().ok();
            match gpu::fault(facts.gpus, facts.dependencies.iter().find_map(major)) {
                Some(no) => Check::no(question, no),
                None => Check::yes(question, facts.gpus.summary()),
            }
        }
        // Observed with the plugin 1.8.1: registered on an AMD processor, it lists no device at all.
        Provider::OpenVino if facts.vendor.is_some_and(|vendor| vendor != INTEL) => {
            let vendor = facts.vendor.unwrap_or_default();
            let no = No::new(format!("OpenVINO's plugin offers devices of Intel's only; this processor is {vendor}"));
            Check::no(question, no.remedy("use --provider cpu"))
        }
        _ => Check::yes(question, "the processor"),
    }
}

/// Vendor name that Intel's x86 processors report.
const INTEL: &str = "GenuineIntel";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Gpu;
    use crate::host::loader::{Found, Place};
    use crate::runtime::Step;
    use gnet_core::ErrorKind;

    fn ort(providers: &[&str]) -> Library {
        Library {
            path: "/ort/libonnxruntime.so".into(),
            step: Step::Installed,
            version: "1.31.1".into(),
            providers: providers.iter().map(|p| (*p).to_owned()).collect(),
        }
    }

    fn dependency(name: &str, product: &str, version: Option<&str>) -> Dependency {
        let found =
            |version: &str| Found { path: format!("/x/{name}"), version: Some(version.into()), by: Place::Cache };
        Dependency { name: name.into(), product: product.into(), required: true, found: version.map(found) }
    }

    fn facts<'a>(provider: Provider, dependencies: &'a [Dependency], gpus: &'a Gpus) -> Facts<'a> {
        Facts {
            provider,
            built_in: Ok(()),
            library: Ok(ort(&["CPUExecutionProvider", "CUDAExecutionProvider"])),
            plugin: Err(No::new("no plugin").remedy("install it")),
            dependencies,
            gpus,
            vendor: Some(INTEL),
            session: Some(Ok("ran".into())),
        }
    }

    fn answers(report: &ProviderReport) -> String {
        let letter = |check: &Check| match check.answer {
            Answer::Yes => 'y',
            Answer::No => 'n',
            Answer::NotNeeded => '-',
            Answer::NotTried => '?',
        };
        report.checks.iter().map(letter).collect()
    }

    fn h100() -> Gpus {
        let gpu = Gpu { name: "NVIDIA H100".into(), ..Gpu::default() };
        Gpus { driver: Some("580.65.06".into()), device_files: vec!["/dev/nvidia0".into()], devices: vec![gpu] }
    }

    #[test]
    fn a_gpu_with_everything() {
        let (gpus, found) = (h100(), [dependency("libcudart.so.13", "CUDA runtime 13", Some("13.0.96"))]);
        let report = ProviderReport::judge(facts(Provider::Cuda, &found, &gpus));
        assert_eq!((answers(&report).as_str(), report.usable, report.reason.as_deref()), ("yyyyyy", true, None));
        let texts: Vec<_> = report.checks.iter().filter_map(|check| check.found.as_deref()).collect();
        assert_eq!(
            texts,
            [
                "ONNX Runtime 1.31.1 (installed)",
                "CUDAExecutionProvider",
                "NVIDIA H100, driver 580.65.06",
                "CUDA runtime 13.0.96",
                "ran"
            ]
        );
        assert!(report.error().is_none());
    }

    #[test]
    fn the_first_reason_is_the_verdict_and_the_session_was_tried_all_the_same() {
        let gpus = h100();
        let missing = [dependency("libcudnn.so.9", "cuDNN 9", None)];
        let session = Some(Err(No::new("CUDA failure 100")));
        let report = ProviderReport::judge(Facts { session, ..facts(Provider::Cuda, &missing, &gpus) });
        assert_eq!((answers(&report).as_str(), report.usable), ("yyyynn", false));
        assert_eq!(report.reason.as_deref(), Some("libcudnn.so.9 (cuDNN 9) is not installed"));
        let error = report.error().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.to_string(), "provider cuda: libcudnn.so.9 (cuDNN 9) is not installed");
        assert_eq!(error.remedy_text(), Some("install cuDNN 9 for it"));
        assert_eq!(report.checks[5].reason.as_deref(), Some("CUDA failure 100"));
        let gpus = Gpus::default();
        let report = ProviderReport::judge(Facts { session: None, ..facts(Provider::Cuda, &missing, &gpus) });
        assert!(report.reason.unwrap().starts_with("no NVIDIA GPU is seen"), "without a GPU no library helps");
    }

    #[test]
    fn what_ran_is_usable_whatever_was_not_found() {
        let (gpus, missing) = (Gpus::default(), [dependency("libcudnn.so.9", "cuDNN 9", None)]);
        let report = ProviderReport::judge(facts(Provider::Cuda, &missing, &gpus));
        assert_eq!((answers(&report).as_str(), report.usable, &report.reason), ("yyynny", true, &None));
    }

    #[test]
    fn a_library_without_the_provider_is_named() {
        let gpus = h100();
        let library = Ok(ort(&["CPUExecutionProvider"]));
        let session = Some(Err(No::new("built without")));
        let report = ProviderReport::judge(Facts { library, session, ..facts(Provider::Cuda, &[], &gpus) });
        let reason = "ONNX Runtime 1.31.1 at /ort/libonnxruntime.so is built without CUDAExecutionProvider";
        assert_eq!(report.reason.as_deref(), Some(reason));
        assert!(report.remedy.unwrap().contains("gnet runtime install cuda"));
    }

    #[test]
    fn without_a_library_or_a_build_nothing_more_is_tried() {
        let gpus = Gpus::default();
        let library = Err(No::new("no library was found").remedy("`gnet runtime install`"));
        let none = Facts { library: library.clone(), session: None, ..facts(Provider::Cpu, &[], &gpus) };
        let report = ProviderReport::judge(none);
        assert_eq!((answers(&report).as_str(), report.reason.as_deref()), ("yn?y-?", Some("no library was found")));
        let built_in = Err(No::new("this build has no ONNX Runtime"));
        let report =
            ProviderReport::judge(Facts { built_in, library, session: None, ..facts(Provider::Cpu, &[], &gpus) });
        assert_eq!((answers(&report).as_str(), report.usable), ("n??y-?", false));
        assert_eq!(report.error().unwrap().to_string(), "provider cpu: this build has no ONNX Runtime");
    }

    #[test]
    fn an_errors_words_stand_without_the_providers_name() {
        let error = Error::unavailable("provider cuda", "no device: none").remedy("a GPU");
        let no = No::from(error);
        assert_eq!((no.reason.as_str(), no.remedy.as_deref()), ("no device: none", Some("a GPU")));
        assert_eq!(No::from(Error::input("/x", "is no library")).reason, "/x: is no library");
    }

    #[test]
    fn tract_needs_nothing_and_openvino_its_plugin() {
        let gpus = Gpus::default();
        assert_eq!(answers(&ProviderReport::judge(facts(Provider::Tract, &[], &gpus))), "y--y-y");
        let session = Some(Err(No::new("x")));
        let report = ProviderReport::judge(Facts { session, ..facts(Provider::OpenVino, &[], &gpus) });
        assert_eq!((answers(&report).as_str(), report.reason.as_deref()), ("yyny?n", Some("no plugin")));
        let found = [dependency("libopenvino.so.2641", "OpenVINO", Some("2641"))];
        let plugin = Ok(PathBuf::from("/p/plugin.so"));
        let session = Some(Err(No::new("the plugin offers no CPU device")));
        let amd = Facts {
            plugin: plugin.clone(),
            vendor: Some("AuthenticAMD"),
            session,
            ..facts(Provider::OpenVino, &found, &gpus)
        };
        let report = ProviderReport::judge(amd);
        let reason = "OpenVINO's plugin offers devices of Intel's only; this processor is AuthenticAMD";
        assert_eq!((answers(&report).as_str(), report.reason.as_deref()), ("yyynyn", Some(reason)));
        let report = ProviderReport::judge(Facts { plugin, ..facts(Provider::OpenVino, &found, &gpus) });
        assert_eq!((answers(&report).as_str(), report.usable), ("yyyyyy", true));
    }
}
