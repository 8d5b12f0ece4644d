//! Reasons why a provider cannot be used, in one sentence, derived from ONNX Runtime's messages.

use super::{Provider, said_plainly, toolkit};
use crate::runtime::Library;
use gnet_core::Error;

pub(super) fn not_compiled_in(provider: Provider, library: &Library) -> Error {
    let what = match provider {
        Provider::Cuda => "CUDA",
        Provider::TensorRt => "TensorRT",
        other => other.name(),
    };
    let reason = format!("ONNX Runtime {} at {} is built without {what}", library.version, library.path.display());
    let remedy = match provider {
        Provider::Cuda | Provider::TensorRt => {
            "`gnet runtime install cuda` gets an ONNX Runtime with CUDA and TensorRT; --ort-lib points at another"
        }
        _ => "use --provider cpu",
    };
    Error::unavailable(format!("provider {provider}"), reason).remedy(remedy)
}

/// Returns the error for a provider that failed when it was registered, when a session was created for it, or when it
/// first ran.
pub(super) fn unusable(provider: Provider, library: &Library, message: &str, log: &[String]) -> Error {
    let error = |reason: String| Error::unavailable(format!("provider {provider}"), reason);
    let said = || std::iter::once(message).chain(log.iter().rev().map(String::as_str));
    if let Some(missing) = said().find_map(missing_library) {
        let what = if is_drivers(&missing) { "it is the NVIDIA driver's".to_owned() } else { needs(provider, library) };
        return error(format!("{missing} is not found; {what}"))
            .remedy(format!("{}, or use --provider cpu", bring(&missing, library)));
    }
    if let Some((misfit, symbol)) = said().find_map(misfit) {
        return error(format!("the {misfit} that was found is of another version: it lacks {symbol}"))
            .remedy(format!("{}, before any other; or use --provider cpu", install(&misfit)));
    }
    if let Some(reason) = said().find_map(no_device) {
        return error(reason.to_owned()).remedy("run it where `nvidia-smi` shows this GPU, or use --provider cpu");
    }
    error(said_plainly(message)).remedy("use --provider cpu")
}

pub(super) fn is_providers_fault(provider: Provider, message: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "CUDA failure",
        "CUDA error",
        "CUDNN failure",
        "cuDNN is unavailable",
        "CUBLAS failure",
        "CUFFT failure",
        "TensorRT EP failed to create",
        "cannot open shared object file",
        "undefined symbol",
    ];
    !matches!(provider, Provider::Cpu | Provider::Tract)
        && (SIGNS.iter().any(|sign| message.contains(sign)) || no_device(message).is_some())
}

/// Extracts `libcudnn.so.9` from the loader's
/// `libcudnn.so.9: cannot open shared object file: No such file or directory`.
fn missing_library(message: &str) -> Option<String> {
    let (before, _) = message.split_once(": cannot open shared object file")?;
    let name = before.rsplit([' ', '\'', '"']).next()?;
    name.contains(".so").then(|| name.to_owned())
}

/// Returns a library that has the right name, and the symbol that it lacks. Recognises the two forms of the loader's message: `undefined symbol: SYMBOL, version LIBRARY`, with the version only
/// for libraries that version their symbols, and ``LIBRARY: version `VERSION' not found (required by ..)``.
fn misfit(message: &str) -> Option<(String, String)> {
    if let Some((_, rest)) = message.split_once("undefined symbol: ") {
        let mut words = rest.split([',', ' ', '\n']).filter(|word| !word.is_empty() && *word != "version");
        let symbol = words.next()?.to_owned();
        let library = words.next().map_or_else(|| library_of(&symbol), |library| library.to_owned());
        return Some((library, symbol));
    }
    let (before, rest) = message.split_once(": version `")?;
    let path = before.rsplit(' ').next()?;
    let library = path.rsplit('/').next()?.to_owned();
    let (version, _) = rest.split_once("' not found")?;
    Some((library, format!("version {version}")))
}

/// Returns the library that a symbol without a version belongs to, by NVIDIA's prefixes.
fn library_of(symbol: &str) -> String {
    let of = [("cudnn", "libcudnn.so"), ("cublas", "libcublas.so"), ("cufft", "libcufft.so"), ("cuda", "libcudart.so")];
    let known = of.iter().find(|(prefix, _)| symbol.starts_with(prefix)).map(|(_, library)| *library);
    known.unwrap_or(if symbol.starts_with("cu") { "libcuda.so.1" } else { "library" }).to_owned()
}

/// Returns the reason why no device is available, by CUDA's error numbers.
fn no_device(message: &str) -> Option<&'static str> {
    const REASONS: [(&str, &str, &str); 4] = [
        (
            "CUDA failure 100:",
            "no CUDA-capable device is detected",
            "there is no NVIDIA GPU here (CUDA error 100: no CUDA-capable device is detected)",
        ),
        (
            "CUDA failure 35:",
            "CUDA driver version is insufficient",
            "the NVIDIA driver is missing or too old for this CUDA (CUDA error 35: driver version is insufficient)",
        ),
        (
            "CUDA failure 101:",
            "invalid device ordinal",
            "there is no GPU of this number (CUDA error 101: invalid device ordinal)",
        ),
        ("CUDA failure 999:", "CUDA failure 999", "the NVIDIA driver does not answer (CUDA error 999: unknown error)"),
    ];
    let found = REASONS.iter().find(|(number, text, _)| message.contains(number) || message.contains(text));
    found.map(|(_, _, reason)| *reason)
}

fn is_drivers(library: &str) -> bool {
    library.starts_with("libcuda.so")
}

/// Returns the provider's requirements. gnet installs builds of ONNX Runtime for CUDA 13; others are for other
/// versions.
fn needs(provider: Provider, library: &Library) -> String {
    let installed = library.version == crate::install::ONNX_RUNTIME_CUDA;
    let cuda = if installed { "CUDA 13 with cuFFT 12, and cuDNN 9" } else { "CUDA and cuDNN" };
    let what = if provider == Provider::TensorRt { format!("TensorRT 10, {cuda}") } else { cuda.to_owned() };
    format!("the provider in ONNX Runtime {} needs {what}", library.version)
}

/// Returns what brings a library that is missing.
fn bring(missing: &str, library: &Library) -> String {
    let is_ours = crate::install::provides(missing) && toolkit::fits(&library.path);
    if is_ours { "`gnet runtime install cuda` brings it".to_owned() } else { install(missing) }
}

fn install(library: &str) -> String {
    let (stem, version) = library.split_once(".so").unwrap_or((library, ""));
    let major = version.trim_start_matches('.').split('.').next().unwrap_or_default();
    let product = match stem {
        "libcudart" | "libcublas" | "libcublasLt" | "libnvrtc" => format!("CUDA {major}"),
        "libcufft" | "libcurand" => format!("the CUDA toolkit that holds {library}"),
        "libcuda" => return "install the NVIDIA driver".to_owned(),
        _ if stem.starts_with("libcudnn") => format!("cuDNN {major}"),
        _ if stem.starts_with("libnvinfer") || stem.starts_with("libnvonnxparser") => format!("TensorRT {major}"),
        _ => library.to_owned(),
    };
    format!("install {} where the loader looks (ldconfig, LD_LIBRARY_PATH)", product.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Step;
    use gnet_core::ErrorKind;

    fn library() -> Library {
        Library {
            path: "/data/libonnxruntime.so".into(),
            step: Step::Installed,
            version: "1.31.1".into(),
            providers: Vec::new(),
        }
    }

    /// Message of the CUDA build of ONNX Runtime 1.31.1 on a machine without a GPU.
    fn recorded(provider: &str, loader: &str) -> String {
        format!(
            "/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:2043 onnxruntime::Provider& \
             onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library \
             /data/libonnxruntime_providers_{provider}.so with error: {loader}\n"
        )
    }

    fn explained(provider: Provider, message: &str) -> (String, String) {
        assert!(is_providers_fault(provider, message), "{message}");
        assert!(!is_providers_fault(Provider::Cpu, message), "{message}");
        let error = unusable(provider, &library(), message, &[]);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        (error.to_string(), error.remedy_text().unwrap().to_owned())
    }

    #[test]
    fn a_missing_library_is_named_with_what_brings_it() {
        let none = ": cannot open shared object file: No such file or directory";
        for (provider, library, brings) in [
            (Provider::Cuda, "libcublasLt.so.13", "install CUDA 13 where"),
            (Provider::Cuda, "libcudnn.so.9", "install cuDNN 9 where"),
            (Provider::Cuda, "libcufft.so.12", "install the CUDA toolkit that holds libcufft.so.12 where"),
            (Provider::Cuda, "libcuda.so.1", "install the NVIDIA driver, or"),
            (Provider::TensorRt, "libnvinfer.so.10", "install TensorRT 10 where"),
        ] {
            let name = if provider == Provider::Cuda { "cuda" } else { "tensorrt" };
            let (text, remedy) = explained(provider, &recorded(name, &format!("{library}{none}")));
            assert!(text.starts_with(&format!("provider {name}: {library} is not found; ")), "{text}");
            let needs = if library == "libcuda.so.1" {
                "it is the NVIDIA driver's"
            } else {
                "CUDA 13 with cuFFT 12, and cuDNN 9"
            };
            assert!(text.contains(needs), "{text}");
            assert!(remedy.starts_with(brings) && remedy.ends_with("use --provider cpu"), "{remedy}");
        }
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn what_gnet_can_bring_it_names_for_the_cuda_that_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let library = Library { path: dir.path().join("libonnxruntime.so"), ..library() };
        let remedy = |needed: &str, missing: &str| {
            let provider = dir.path().join("libonnxruntime_providers_cuda.so");
            std::fs::write(provider, crate::runtime::elf::written(&[needed], None)).unwrap();
            let message = format!("{missing}: cannot open shared object file: No such file or directory");
            unusable(Provider::Cuda, &library, &message, &[]).remedy_text().unwrap().to_owned()
        };
        let brings = "`gnet runtime install cuda` brings it, or use --provider cpu";
        assert_eq!(remedy("libcudart.so.13", "libcudnn.so.9"), brings);
        assert!(remedy("libcudart.so.12", "libcudnn.so.9").starts_with("install cuDNN 9 where"));
        assert!(remedy("libcudart.so.13", "libcuda.so.1").starts_with("install the NVIDIA driver"));
    }

    #[test]
    fn a_library_of_another_version_is_named_with_what_it_lacks() {
        for (loader, says, brings) in [
            (
                "/data/libonnxruntime_providers_cuda.so: undefined symbol: cudaMallocHost, version libcudart.so.13",
                "the libcudart.so.13 that was found is of another version: it lacks cudaMallocHost",
                "install CUDA 13 where",
            ),
            (
                "/data/libonnxruntime_providers_cuda.so: undefined symbol: cuMemCreate",
                "the libcuda.so.1 that was found is of another version: it lacks cuMemCreate",
                "install the NVIDIA driver,",
            ),
            (
                "/opt/libcublas.so.13: version `libcublas.so.13' not found (required by /data/libonnxruntime.so)",
                "the libcublas.so.13 that was found is of another version: it lacks version libcublas.so.13",
                "install CUDA 13 where",
            ),
        ] {
            let error = unusable(Provider::Cuda, &library(), &recorded("cuda", loader), &[]);
            assert_eq!(error.to_string(), format!("provider cuda: {says}"));
            assert!(error.remedy_text().unwrap().starts_with(brings), "{:?}", error.remedy_text());
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_said_in_words() {
        for (message, says) in [
            (
                "CUDA failure 100: no CUDA-capable device is detected ; GPU=0 ; hostname=h",
                "there is no NVIDIA GPU here",
            ),
            (
                "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version",
                "the NVIDIA driver is missing",
            ),
            ("CUDA failure 101: invalid device ordinal ; GPU=7", "there is no GPU of this number"),
        ] {
            let (text, remedy) = explained(Provider::Cuda, message);
            assert!(text.starts_with(&format!("provider cuda: {says}")), "{text}");
            assert!(remedy.contains("nvidia-smi"));
        }
    }

    #[test]
    fn the_reason_may_stand_in_the_log_alone() {
        let log = ["libcudnn.so.9: cannot open shared object file: No such file or directory".to_owned()];
        let message = "cuDNN is unavailable or disabled for CUDA Execution Provider: not loaded";
        assert!(is_providers_fault(Provider::Cuda, message));
        let text = unusable(Provider::Cuda, &library(), message, &log).to_string();
        assert!(text.starts_with("provider cuda: libcudnn.so.9 is not found; "), "{text}");
    }

    #[test]
    fn an_unknown_reason_is_told_without_where_it_was_thrown() {
        let message = recorded("cuda", "the moon is full");
        let error = unusable(Provider::Cuda, &library(), &message, &[]);
        let says =
            "provider cuda: Failed to load library /data/libonnxruntime_providers_cuda.so with error: the moon is full";
        assert_eq!(error.to_string(), says);
    }

    #[test]
    fn a_library_without_the_provider_says_how_to_get_one() {
        let error = not_compiled_in(Provider::TensorRt, &library());
        let says = "provider tensorrt: ONNX Runtime 1.31.1 at /data/libonnxruntime.so is built without TensorRT";
        assert_eq!(error.to_string(), says);
        assert!(error.remedy_text().unwrap().starts_with("`gnet runtime install cuda` gets"));
    }
}
