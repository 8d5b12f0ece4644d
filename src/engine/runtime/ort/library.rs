//! Finding and loading ONNX Runtime's library: once per process, never with a panic.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::ep::{CUDA, ExecutionProvider, OpenVINO, TensorRT};
use ort::logging::LogLevel;

use super::{EngineOptions, Provider, log, raw};
use crate::install::{self, Kind, Place};
use crate::runtime::{Library, Step, elf};
use gnet_core::{Error, Result, files};

pub(super) struct Loaded {
    pub(super) library: Library,
    pub(super) environment: Environment,
}

static LOADED: OnceLock<Loaded> = OnceLock::new();

/// Held while the library is loaded, so that two threads do not load two.
static LOADING: Mutex<()> = Mutex::new(());

/// Loads ONNX Runtime into this process, or returns the one that it has already loaded: see
/// [`library()`](crate::runtime::library).
pub(in crate::runtime) fn library(options: &EngineOptions) -> Result<Library> {
    loaded(options, Provider::Cpu).map(|loaded| loaded.library.clone())
}

/// Does the same as [`library`]; if there is none, the error says how to get one with this provider.
pub(super) fn loaded(options: &EngineOptions, provider: Provider) -> Result<&'static Loaded> {
    // The only thing stored under the lock is the library itself, completely.
    let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    let chosen = choose(options.ort_lib.as_deref(), |name| std::env::var_os(name), &install::installed())?;
    if let Some(loaded) = LOADED.get() {
        return same(&chosen, loaded);
    }
    let loaded = load(&chosen, provider)?;
    Ok(LOADED.get_or_init(|| loaded))
}

/// A library that is named or found, but not loaded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    step: Step,
    /// Absolute path; empty for the system's, which has only a name.
    path: PathBuf,
}

/// Returns the first library that is named or found. An empty variable counts as unset.
fn choose(flag: Option<&Path>, var: impl Fn(&str) -> Option<OsString>, installed: &[Place]) -> Result<Candidate> {
    let named = |step: Step| var(step.name()).filter(|value| !value.is_empty()).map(|value| (step, value.into()));
    let explicit: Option<(Step, PathBuf)> = flag
        .map(|path| (Step::Flag, path.to_path_buf()))
        .or_else(|| named(Step::GnetOrtLib))
        .or_else(|| named(Step::OrtDylibPath));
    if let Some((step, path)) = explicit {
        let absolute =
            std::path::absolute(&path).map_err(|e| Error::input(format!("{step} '{}'", path.display()), e))?;
        return Ok(Candidate { step, path: absolute });
    }
    let of = |kind: Kind| installed.iter().find(|place| place.kind == kind);
    Ok(match of(Kind::Cuda).or_else(|| of(Kind::Cpu)) {
        Some(place) => Candidate { step: Step::Installed, path: place.library() },
        None => Candidate { step: Step::System, path: PathBuf::new() },
    })
}

/// Returns the loaded library again, unless an explicit setting asks for another.
fn same<'a>(chosen: &Candidate, loaded: &'a Loaded) -> Result<&'a Loaded> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let explicit = !matches!(chosen.step, Step::Installed | Step::System);
    if explicit && real(&chosen.path) != real(&loaded.library.path) {
        let reason = format!(
            "({}) cannot be loaded beside {}: a process runs one ONNX Runtime",
            chosen.step,
            loaded.library.path.display()
        );
        return Err(Error::unavailable(chosen.path.display(), reason).remedy("use one library, or two processes"));
    }
    Ok(loaded)
}

fn load(chosen: &Candidate, provider: Provider) -> Result<Loaded> {
    let refused = |path: &Path, reason: &str| refused(chosen, path, reason, provider);
    let (path, opened) = open(chosen, provider)?;
    if !is_supported(&opened.version) {
        let reason = format!("is version {}; gnet needs 1.{} or later", opened.version, ort::MINOR_VERSION);
        return Err(refused(&path, &reason));
    }
    if !opened.has_interface() {
        let reason = format!("says it is version {} and lacks that version's interface", opened.version);
        return Err(refused(&path, &reason));
    }
    let builder = ort::init_from(&path).map_err(|e| refused(&path, &super::first_line(&e.to_string())))?;
    let environment = builder
        .with_telemetry(false)
        .with_logger(log::logger())
        .build()
        .map_err(|e| refused(&path, &super::said_plainly(e.message())))?;
    environment.set_log_level(LogLevel::Warning);
    let library = Library { path, step: chosen.step, version: opened.version, providers: compiled_in() };
    Ok(Loaded { library, environment })
}

fn open(chosen: &Candidate, provider: Provider) -> Result<(PathBuf, raw::Opened)> {
    let refused = |chosen: &Candidate, path: &Path, reason: &str| refused(chosen, path, reason, provider);
    if chosen.step == Step::System {
        return open_system().map_err(|reason| {
            Error::unavailable("ONNX Runtime", format!("no library was found ({reason})"))
                .remedy(format!("{}; --ort-lib points at another", installation(provider)))
        });
    }
    let path = &chosen.path;
    let found = std::fs::metadata(path).map_err(|e| refused(chosen, path, &missing(&e)))?;
    if let Some(what) = files::kind(found.file_type()) {
        return Err(refused(chosen, path, &format!("is a {what} where a library is expected")));
    }
    if cfg!(target_os = "linux") {
        elf::check(path).map_err(|reason| refused(chosen, path, &reason))?;
    }
    let opened = raw::open(path).map_err(|reason| refused(chosen, path, &reason))?;
    Ok((path.clone(), opened))
}

fn missing(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    }
}

/// Opens the system's library: under the name in a development package, then under that in a runtime package.
fn open_system() -> Result<(PathBuf, raw::Opened), String> {
    let name = format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let first = raw::open(Path::new(&name));
    let opened = match first {
        Ok(opened) => opened,
        Err(reason) => raw::open(Path::new(&format!("{name}.1"))).map_err(|_| reason)?,
    };
    // `ort` looks beside the program first, which could give another library: it gets exactly the file that was opened.
    let path = mapped(&name).unwrap_or_else(|| PathBuf::from(&name));
    Ok((path, opened))
}

/// Returns the file mapped into this process whose name begins with `name`.
pub(super) fn mapped(name: &str) -> Option<PathBuf> {
    mapped_in(&std::fs::read_to_string("/proc/self/maps").ok()?, name)
}

fn mapped_in(maps: &str, name: &str) -> Option<PathBuf> {
    let paths = maps.lines().filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
    let is_it = |path: &&Path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
    paths.into_iter().find(is_it).map(Path::to_path_buf)
}

/// Returns `true` for a supported version: every version of the interface includes those before it.
fn is_supported(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next(), parts.next().unwrap_or(0) >= ort::MINOR_VERSION) == (Some(1), true)
}

fn compiled_in() -> Vec<String> {
    let known = [
        (CUDA::NAME, CUDA::is_available()),
        (TensorRT::NAME, TensorRT::is_available()),
        (OpenVINO::NAME, OpenVINO::is_available()),
    ];
    let there = known.into_iter().filter(|(_, is)| matches!(is, Ok(true))).map(|(name, _)| name);
    std::iter::once(ort::ep::CPU::NAME).chain(there).map(str::to_owned).collect()
}

/// Returns the kind of installation that a library belongs to: its folder's name begins with the kind.
fn installed_kind(path: &Path) -> Kind {
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let is_it = |kind: &Kind| folder.as_ref().is_some_and(|folder| folder.starts_with(kind.name()));
    Kind::ALL.into_iter().find(is_it).unwrap_or(Kind::Cpu)
}

fn installation(provider: Provider) -> String {
    let gets = |kind: Kind| format!("`gnet runtime install {kind}`");
    match provider {
        Provider::Cuda | Provider::TensorRt => format!("{} gets one with CUDA and TensorRT", gets(Kind::Cuda)),
        Provider::OpenVino => {
            format!("{} gets it, and {} the plugin for OpenVINO", gets(Kind::Cpu), gets(Kind::OpenVino))
        }
        Provider::Cpu | Provider::Tract => format!("{} gets it", gets(Kind::Cpu)),
    }
}

fn refused(chosen: &Candidate, path: &Path, reason: &str, provider: Provider) -> Error {
    // The loader's messages repeat the path.
    let reason = reason.trim_start_matches(&format!("{}: ", path.display()));
    let error = Error::unavailable(path.display(), format!("{reason} (from {})", chosen.step));
    match chosen.step {
        Step::Installed => {
            error.remedy(format!("`gnet runtime install {} --force` installs it anew", installed_kind(&chosen.path)))
        }
        Step::System => error.remedy(format!("{}, and it comes before the system's", installation(provider))),
        step => error.remedy(format!(
            "point {step} at the library of ONNX Runtime 1.{} or later, or leave it out: {}",
            ort::MINOR_VERSION,
            installation(provider)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::ErrorKind;

    fn place(kind: Kind) -> Place {
        Place { kind, version: "1.31.1".into(), folder: format!("/data/{kind}").into() }
    }

    #[test]
    fn the_first_that_is_named_or_found_is_taken() {
        let both = [place(Kind::Cpu), place(Kind::Cuda)];
        let all = [("GNET_ORT_LIB", "/a"), ("ORT_DYLIB_PATH", "/b")];
        let chosen = |flag: Option<&str>, vars: &[(&str, &str)], installed: &[Place]| {
            let var = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into());
            let candidate = choose(flag.map(Path::new), var, installed).unwrap();
            (candidate.step, candidate.path.to_string_lossy().into_owned())
        };
        assert_eq!(chosen(Some("/f"), &all, &both), (Step::Flag, "/f".into()));
        assert_eq!(chosen(None, &all, &both), (Step::GnetOrtLib, "/a".into()));
        assert_eq!(chosen(None, &all[1..], &both), (Step::OrtDylibPath, "/b".into()));
        assert_eq!(
            chosen(None, &[("GNET_ORT_LIB", "")], &both),
            (Step::Installed, "/data/cuda/libonnxruntime.so".into())
        );
        assert_eq!(chosen(None, &[], &both[..1]), (Step::Installed, "/data/cpu/libonnxruntime.so".into()));
        assert_eq!(chosen(None, &[], &[place(Kind::OpenVino)]), (Step::System, String::new()));
        assert!(Path::new(&chosen(Some("relative.so"), &[], &[]).1).is_absolute());
    }

    #[test]
    fn an_explicit_library_that_cannot_be_loaded_is_the_outcome() {
        let dir = tempfile::tempdir().unwrap();
        let text = dir.path().join("text.so");
        std::fs::write(&text, "no library").unwrap();
        let cut = dir.path().join("cut.so");
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        std::fs::write(&cut, &own[..own.len() / 2]).unwrap();
        for (path, says) in [
            (dir.path().join("missing.so"), "there is no such file (from --ort-lib)"),
            (dir.path().to_path_buf(), "is a folder where a library is expected (from --ort-lib)"),
            (text, "is no shared library (from --ort-lib)"),
            (cut, "is cut off after "),
        ] {
            let error = load(&Candidate { step: Step::Flag, path: path.clone() }, Provider::Cpu).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.to_string().starts_with(&format!("{}: {says}", path.display())), "{error}");
            let remedy = error.remedy_text().unwrap();
            assert!(remedy.contains("leave it out: `gnet runtime install cpu` gets it"), "{remedy}");
        }
    }

    #[test]
    fn each_provider_is_told_what_to_install() {
        let says = |provider| installation(provider);
        assert_eq!(says(Provider::Cpu), "`gnet runtime install cpu` gets it");
        for provider in [Provider::Cuda, Provider::TensorRt] {
            assert_eq!(says(provider), "`gnet runtime install cuda` gets one with CUDA and TensorRT");
        }
        assert!(says(Provider::OpenVino).ends_with("and `gnet runtime install openvino` the plugin for OpenVINO"));
        assert_eq!(installed_kind(&place(Kind::Cuda).library()), Kind::Cuda);
        assert_eq!(installed_kind(Path::new("/elsewhere/libonnxruntime.so")), Kind::Cpu);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_foreign_library_is_refused_by_name() {
        let libc = mapped("libc.so").expect("the test program is linked with libc");
        let error = load(&Candidate { step: Step::GnetOrtLib, path: libc }, Provider::Cpu).err().unwrap();
        let text = error.to_string();
        assert!(text.ends_with("is no ONNX Runtime: it exports no OrtGetApiBase (from GNET_ORT_LIB)"), "{text}");
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, supported) in [
            ("1.31.1", true),
            ("1.24.0", true),
            ("1.23.9", false),
            ("1.9.0", false),
            ("1.100.0", true),
            ("0.30.0", false),
            ("new", false),
            ("", false),
        ] {
            assert_eq!(is_supported(version), supported, "{version}");
        }
    }

    #[test]
    fn a_mapped_library_is_found_in_the_processs_maps() {
        let maps =
            "7f00-7f01 r--p 00000000 fe:00 12 \n7f02-7f03 r-xp 00000000 fe:00 13   /usr/lib/a b/libnvinfer.so.10.3.0\n";
        assert_eq!(mapped_in(maps, "libnvinfer.so"), Some("/usr/lib/a b/libnvinfer.so.10.3.0".into()));
        assert_eq!(mapped_in(maps, "libonnxruntime.so"), None);
    }
}
