//! The libraries of CUDA and cuDNN that the CUDA provider needs: the system's, and where it lacks them those that gnet has
//! installed.
//!
//! The provider and the libraries ask for each other by name, `libcudnn.so.9`, and the loader gives what asks the library of
//! that name that is in the process already. So those of gnet are loaded by their paths before the provider is, each after
//! what it needs, and `LD_LIBRARY_PATH` need not name them. So is what cuDNN and NVRTC open by name when an
//! operator first needs it: a folder in `LD_LIBRARY_PATH` would come before their own, with libraries of another version.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::raw;
use crate::install::{self, Supplied};
use crate::runtime::elf::{self, Dynamic};
use gnet_core::{Error, Result};

/// Whether they are in the process.
static PRESENT: Mutex<bool> = Mutex::new(false);

/// Loads what the CUDA provider beside the library of ONNX Runtime needs. A library that neither the system has nor gnet is
/// left to the provider, which names it.
///
/// # Errors
/// [`ErrorKind::Unavailable`](gnet_core::ErrorKind::Unavailable) if one of gnet's cannot be loaded.
pub(super) fn load(onnx_runtime: &Path) -> Result<()> {
    let mut present = PRESENT.lock().unwrap_or_else(PoisonError::into_inner);
    if !*present {
        for library in supplied(onnx_runtime, |name| raw::keep(Path::new(name)).is_ok()) {
            let path = &library.path;
            elf::check(path).map_err(|reason| refused(path, &reason))?;
            match raw::keep(path) {
                Err(reason) if install::provides(&library.name) => return Err(refused(path, &reason)),
                // One that is opened later may need the driver, whose absence the provider tells.
                _ => {}
            }
        }
        *present = true;
    }
    Ok(())
}

fn refused(path: &Path, reason: &str) -> Error {
    // The loader's messages repeat the path.
    let reason = reason.trim_start_matches(&format!("{}: ", path.display()));
    Error::unavailable(path.display(), reason).remedy("`gnet runtime install cuda --force` installs it anew")
}

/// Returns the libraries that gnet supplies for the CUDA provider beside the library of ONNX Runtime, in the order in which
/// they are loaded: none if that provider is for another CUDA. `has` tells whether the system has a library.
pub(in crate::runtime) fn supplied(onnx_runtime: &Path, has: impl FnMut(&str) -> bool) -> Vec<Supplied> {
    if fits(onnx_runtime) { install::supplied(has) } else { Vec::new() }
}

/// Returns `true` if the CUDA provider beside the library of ONNX Runtime is for the CUDA whose libraries gnet has.
pub(super) fn fits(onnx_runtime: &Path) -> bool {
    let provider = onnx_runtime.with_file_name("libonnxruntime_providers_cuda.so");
    let runtime = |name: &String| name.starts_with("libcudart.so.") && install::provides(name);
    Dynamic::read(&provider).is_some_and(|provider| provider.needed.iter().any(runtime))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::elf::written;
    use gnet_core::ErrorKind;

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn a_provider_for_another_cuda_is_given_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("libonnxruntime.so");
        assert!(!fits(&library), "there is no provider");
        for (needed, its) in [("libcudart.so.12", false), ("libcudart.so.13", true), ("libcudnn.so.9", false)] {
            let provider = dir.path().join("libonnxruntime_providers_cuda.so");
            std::fs::write(provider, written(&[needed, "libcudnn.so.9", "libc.so.6"], None)).unwrap();
            assert_eq!(fits(&library), its, "{needed}");
        }
    }

    #[test]
    fn one_that_is_cut_off_or_broken_is_named_with_what_mends_it() {
        let error = refused(Path::new("/d/libcudnn.so.9"), "/d/libcudnn.so.9: undefined symbol: x");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.to_string(), "/d/libcudnn.so.9: undefined symbol: x");
        assert_eq!(error.remedy_text(), Some("`gnet runtime install cuda --force` installs it anew"));
    }

    /// The loader of this machine takes a library in the process for one of the same name that is in no folder it searches.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_library_that_is_in_the_process_is_found_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let build = |name: &str, args: &[&str]| {
            let source = dir.path().join(format!("{name}.c"));
            std::fs::write(&source, format!("int {name}(void) {{ return 7; }}\n")).unwrap();
            let out = dir.path().join(format!("lib{name}.so.13"));
            let soname = format!("-Wl,-soname,lib{name}.so.13");
            let mut cc = std::process::Command::new("cc");
            cc.args(["-shared", "-fPIC", "-Wl,--no-as-needed", soname.as_str(), "-o"])
                .arg(&out)
                .arg(&source)
                .args(args);
            cc.status().is_ok_and(|status| status.success()).then_some(out)
        };
        let first = build("gnetfirst", &[]);
        let Some(first) = first else { return no_compiler() };
        let second = build("gnetsecond", &[first.to_str().unwrap()]).unwrap();
        assert!(raw::keep(Path::new("libgnetfirst.so.13")).is_err());
        assert!(raw::keep(&second).unwrap_err().contains("libgnetfirst.so.13: cannot open shared object file"));
        raw::keep(&first).unwrap();
        raw::keep(Path::new("libgnetfirst.so.13")).unwrap();
        raw::keep(&second).unwrap();
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(clippy::print_stderr, reason = "a test that does not run must say so")]
    fn no_compiler() {
        eprintln!("not tested: there is no C compiler");
    }
}
