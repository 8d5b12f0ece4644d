//! System libraries that a provider needs, and whether they are installed.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reason::No;
use crate::host::loader::{Found, Loader, Place};
use crate::runtime::elf::Dynamic;
use crate::runtime::{self, Provider};
use gnet_core::words::one_or;

/// A library that a provider needs.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Dependency {
    /// Name by which it is loaded, such as `libcudnn.so.9`: the number is the major version.
    pub name: String,
    /// Common name, such as `cuDNN 9`.
    pub product: String,
    /// Whether every operator needs it; false for a library that only some operators need.
    pub required: bool,
    /// Location; `None` if it was not found.
    pub found: Option<Found>,
}

impl Dependency {
    /// Returns `true` if the loader will find it.
    pub fn is_loadable(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.by != Place::OutOfSight)
    }
}

/// Returns the provider's own library, which is beside ONNX Runtime's, and the dependencies to assume if it cannot be
/// read: those of the official build of ONNX Runtime 1.31.
fn provider_library(provider: Provider) -> Option<(&'static str, &'static [&'static str])> {
    match provider {
        Provider::Cuda => Some((
            "libonnxruntime_providers_cuda.so",
            &["libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libcurand.so.10", "libcuda.so.1"],
        )),
        Provider::TensorRt => Some((
            "libonnxruntime_providers_tensorrt.so",
            &["libnvinfer.so.10", "libnvonnxparser.so.10", "libcudart.so.13", "libcublas.so.13", "libcudnn.so.9"],
        )),
        Provider::Tract | Provider::Cpu | Provider::OpenVino => None,
    }
}

/// Returns the dependencies of `provider`, found or not. `library` is ONNX Runtime's own, or OpenVINO's plugin.
pub(super) fn dependencies(provider: Provider, library: Option<&Path>, loader: &Loader) -> Vec<Dependency> {
    let folder = library.and_then(Path::parent);
    let (dynamic, folder) = match (provider_library(provider), library) {
        (Some((file, official)), _) => {
            let read = folder.and_then(|folder| Dynamic::read(&folder.join(file)));
            let needed = official.iter().map(|name| (*name).to_owned()).collect();
            (read.unwrap_or(Dynamic { needed, run_path: Vec::new() }), folder)
        }
        (None, Some(plugin)) if provider == Provider::OpenVino => (Dynamic::read(plugin).unwrap_or_default(), folder),
        _ => return Vec::new(),
    };
    let run_path: Vec<PathBuf> = dynamic.run_path.iter().filter_map(|part| expanded(part, folder)).collect();
    let mut names: Vec<(String, bool)> =
        dynamic.needed.iter().filter(|name| is_products(name)).map(|name| (name.clone(), true)).collect();
    names.extend(opened_later(provider, &dynamic.needed));
    let supplied = match (provider, library) {
        (Provider::Cuda | Provider::TensorRt, Some(library)) => runtime::supplied(library, |name| loader.has(name)),
        _ => Vec::new(),
    };
    let ours = |name: &str| supplied.iter().find(|(its, _)| *its == name).map(|(_, found)| found.clone());
    let dependency = |(name, required): (String, bool)| Dependency {
        product: product(&name),
        found: ours(&name).or_else(|| loader.find(&name, &run_path)),
        name,
        required,
    };
    names.into_iter().map(dependency).collect()
}

fn expanded(part: &str, folder: Option<&Path>) -> Option<PathBuf> {
    let rest = part.strip_prefix("$ORIGIN").or_else(|| part.strip_prefix("${ORIGIN}"));
    match rest {
        Some(rest) => Some(folder?.join(rest.trim_start_matches('/'))),
        None => Some(PathBuf::from(part)),
    }
}

/// Returns `true` for libraries that belong to a product. The C and C++ libraries are everywhere and are not checked.
fn is_products(name: &str) -> bool {
    ["libcu", "libnv", "libopenvino"].iter().any(|begin| name.starts_with(begin))
}

/// Returns the libraries that the CUDA provider opens when the first operator needs them, so that no header names them:
/// cuDNN for convolutions, cuFFT (one major version behind CUDA) for Fourier transforms only, and NVRTC for the kernels that
/// cuDNN compiles.
fn opened_later(provider: Provider, needed: &[String]) -> Vec<(String, bool)> {
    if provider != Provider::Cuda {
        return Vec::new();
    }
    let cuda = needed.iter().find_map(|name| name.strip_prefix("libcudart.so.")?.parse::<u32>().ok());
    let cufft = cuda.map_or(12, |major| major.saturating_sub(1));
    let nvrtc = cuda.unwrap_or(13);
    let later = [
        ("libcudnn.so.9".to_owned(), true),
        (format!("libcufft.so.{cufft}"), false),
        (format!("libnvrtc.so.{nvrtc}"), false),
    ];
    later.into_iter().filter(|(name, _)| !needed.contains(name)).collect()
}

/// Returns the common name of a library, with its major version if that is the product's.
fn product(name: &str) -> String {
    let (stem, major) = name.split_once(".so").map_or((name, ""), |(stem, rest)| (stem, rest.trim_start_matches('.')));
    let known = match stem {
        "libcudart" => "CUDA runtime",
        "libcublas" => "cuBLAS",
        "libcublasLt" => "cuBLASLt",
        "libcufft" => "cuFFT",
        "libcurand" => "cuRAND",
        "libnvrtc" => "NVRTC",
        "libnvinfer" => "TensorRT",
        "libnvonnxparser" => "TensorRT's ONNX parser",
        "libnvinfer_plugin" => "TensorRT's plugins",
        "libcuda" => return "NVIDIA driver".to_owned(),
        "libopenvino" => return "OpenVINO".to_owned(),
        _ if stem.starts_with("libcudnn") => "cuDNN",
        _ if stem.starts_with("libopenvino_") => return "OpenVINO's ONNX reader".to_owned(),
        _ => return name.to_owned(),
    };
    format!("{known} {major}").trim_end().to_owned()
}

/// Returns the reason why required libraries are missing, and how to get them; `None` if all are there.
pub(super) fn fault(dependencies: &[Dependency]) -> Option<No> {
    let bad: Vec<&Dependency> = dependencies.iter().filter(|d| d.required && !d.is_loadable()).collect();
    let (missing, hidden): (Vec<&Dependency>, Vec<_>) = bad.into_iter().partition(|d| d.found.is_none());
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|d| format!("{} ({})", d.name, d.product)).collect();
        let is = one_or(names.len(), "is", "are");
        // Libraries for another CUDA have names of their own, but for cuDNN's.
        let has_our_cuda = dependencies.iter().any(|d| d.name.starts_with("libcudart.") && runtime::provides(&d.name));
        let is_ours = |d: &&Dependency| has_our_cuda && runtime::provides(&d.name);
        let (ours, others): (Vec<&Dependency>, Vec<_>) = missing.iter().copied().partition(is_ours);
        return Some(No::new(format!("{} {is} not installed", names.join(", "))).remedy(bringers(&ours, &others)));
    }
    let first = hidden.first()?.found.as_ref()?;
    let folder = |found: &Found| Path::new(&found.path).parent().map(|p| p.display().to_string()).unwrap_or_default();
    let mut folders: Vec<String> = hidden.iter().filter_map(|d| d.found.as_ref()).map(folder).collect();
    folders.sort();
    folders.dedup();
    let names: Vec<_> = hidden.iter().map(|d| d.name.as_str()).collect();
    Some(
        No::new(format!("{} lies where the loader does not look: {}", names.join(", "), first.path))
            .remedy(format!("export LD_LIBRARY_PATH={}:$LD_LIBRARY_PATH", folders.join(":"))),
    )
}

/// Returns what to do about missing libraries: those that gnet installs, and others.
fn bringers(ours: &[&Dependency], others: &[&Dependency]) -> String {
    let mut ways = Vec::new();
    if let Some(first) = others.first() {
        ways.push(bringer(first, others));
    }
    if !ours.is_empty() {
        ways.push("`gnet runtime install cuda` brings CUDA's and cuDNN's libraries".to_owned());
    }
    ways.join("; ")
}

/// Returns what to install for missing libraries.
fn bringer(first: &Dependency, missing: &[&Dependency]) -> String {
    let named = |stem: &str| missing.iter().find(|d| d.name.starts_with(stem));
    let major = |d: &Dependency| d.name.rsplit('.').next().unwrap_or_default().to_owned();
    let mut products = Vec::new();
    if named("libcuda.so").is_some() {
        products.push("the NVIDIA driver".to_owned());
    }
    if let Some(d) = named("libcudart.so").or_else(|| named("libcublas.so")) {
        products.push(format!("CUDA {}", major(d)));
    } else if named("libcublasLt").or_else(|| named("libcurand")).is_some() {
        products.push("the rest of the CUDA toolkit".to_owned());
    }
    if named("libcudnn").is_some() {
        products.push("cuDNN 9 for it".to_owned());
    }
    if let Some(d) = named("libnvinfer").or_else(|| named("libnvonnxparser")) {
        products.push(format!("TensorRT {}", major(d)));
    }
    if named("libopenvino").is_some() {
        return "`gnet runtime install openvino --force` installs the plugin with its libraries".to_owned();
    }
    if products.is_empty() {
        return format!("put {} where the loader looks (LD_LIBRARY_PATH or ldconfig)", first.name);
    }
    format!("install {}", products.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{System, recorded};
    use crate::runtime::elf::written;

    fn loader(system: &System) -> Loader {
        Loader::new(system.clone(), "", "", &[])
    }

    fn names(dependencies: &[Dependency]) -> Vec<(&str, bool, bool)> {
        dependencies.iter().map(|d| (d.name.as_str(), d.required, d.is_loadable())).collect()
    }

    #[test]
    fn without_the_provider_at_hand_the_official_builds_needs_are_listed() {
        let (_dir, system) = recorded(&[]);
        let cuda = dependencies(Provider::Cuda, None, &loader(&system));
        let expected = ["libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libcurand.so.10", "libcuda.so.1"];
        let mut expected: Vec<_> = expected.map(|name| (name, true, false)).to_vec();
        expected.extend([
            ("libcudnn.so.9", true, false),
            ("libcufft.so.12", false, false),
            ("libnvrtc.so.13", false, false),
        ]);
        assert_eq!(names(&cuda), expected);
        let no = fault(&cuda).unwrap();
        assert!(
            no.reason.starts_with("libcudart.so.13 (CUDA runtime 13), libcublas.so.13 (cuBLAS 13)"),
            "{}",
            no.reason
        );
        assert!(no.reason.ends_with("libcudnn.so.9 (cuDNN 9) are not installed"), "{}", no.reason);
        let remedy = match runtime::provides("libcudnn.so.9") {
            true => "install the NVIDIA driver; `gnet runtime install cuda` brings CUDA's and cuDNN's libraries",
            false => "install the NVIDIA driver, CUDA 13, cuDNN 9 for it",
        };
        assert_eq!(no.remedy.as_deref(), Some(remedy));
        assert!(dependencies(Provider::Cpu, None, &loader(&system)).is_empty());
        assert!(dependencies(Provider::OpenVino, None, &loader(&system)).is_empty());
    }

    #[test]
    fn a_provider_of_another_version_is_asked_itself() {
        let (dir, system) = recorded(&[("/usr/lib/libcudart.so.12", "")]);
        let needed = ["libcudart.so.12", "libcudnn.so.9", "libcufft.so.11", "libstdc++.so.6"];
        std::fs::write(dir.path().join("libonnxruntime_providers_cuda.so"), written(&needed, None)).unwrap();
        let library = dir.path().join("libonnxruntime.so");
        let cuda = dependencies(Provider::Cuda, Some(&library), &loader(&system));
        let expected = [
            ("libcudart.so.12", true, true),
            ("libcudnn.so.9", true, false),
            ("libcufft.so.11", true, false),
            ("libnvrtc.so.12", false, false),
        ];
        assert_eq!(names(&cuda), expected);
        let remedy = fault(&cuda).unwrap().remedy.unwrap();
        assert_eq!(remedy, "install cuDNN 9 for it", "gnet has none for this CUDA");
    }

    #[test]
    fn what_a_plugin_brings_lies_beside_it() {
        let (dir, _) = recorded(&[("/libopenvino.so.2641", "")]);
        let plugin = dir.path().join("plugin.so");
        std::fs::write(&plugin, written(&["libopenvino.so.2641", "libc.so.6"], Some("$ORIGIN"))).unwrap();
        let found = dependencies(Provider::OpenVino, Some(&plugin), &loader(&System::this()));
        assert_eq!(names(&found), [("libopenvino.so.2641", true, true)]);
        assert_eq!(found[0].found.as_ref().unwrap().by, Place::RunPath);
        assert_eq!(fault(&found), None);
        std::fs::remove_file(dir.path().join("libopenvino.so.2641")).unwrap();
        let no = fault(&dependencies(Provider::OpenVino, Some(&plugin), &loader(&System::this()))).unwrap();
        assert!(no.remedy.unwrap().contains("gnet runtime install openvino --force"));
    }

    #[test]
    fn a_library_out_of_the_loaders_sight_is_named_with_the_variable_that_mends_it() {
        let out = |name: &str| Dependency {
            name: name.to_owned(),
            product: product(name),
            required: true,
            found: Some(Found { path: format!("/opt/n/{name}"), version: None, by: Place::OutOfSight }),
        };
        let no = fault(&[out("libcudnn.so.9"), out("libcudart.so.13")]).unwrap();
        assert_eq!(
            no.reason,
            "libcudnn.so.9, libcudart.so.13 lies where the loader does not look: /opt/n/libcudnn.so.9"
        );
        assert_eq!(no.remedy.as_deref(), Some("export LD_LIBRARY_PATH=/opt/n:$LD_LIBRARY_PATH"));
        let optional = Dependency { required: false, found: None, ..out("libcufft.so.12") };
        assert_eq!(fault(&[optional]), None);
        let trt = Dependency { found: None, ..out("libnvinfer.so.10") };
        assert_eq!(fault(&[trt]).unwrap().remedy.as_deref(), Some("install TensorRT 10"));
    }
}
