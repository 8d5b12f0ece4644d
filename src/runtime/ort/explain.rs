//! Why a provider cannot be used, in one sentence, out of ONNX Runtime's messages.

use super::library::Library;
use super::providers::ort_name;
use super::{Provider, first_line};
use crate::Error;

/// The error for a provider that the library was built without.
pub(super) fn not_compiled_in(provider: Provider, library: &Library) -> Error {
    let reason = format!("ONNX Runtime {} at {} is built without it", library.version, library.path.display());
    let remedy = match provider {
        Provider::Cuda | Provider::TensorRt => {
            "`gnet runtime install cuda` gets an ONNX Runtime with CUDA and TensorRT; --ort-lib points at another"
        }
        _ => "use --provider cpu",
    };
    Error::unavailable(format!("provider {provider}"), reason).remedy(remedy)
}

/// The error for a provider that failed when it was registered or when a session was made for it.
pub(super) fn unusable(provider: Provider, library: &Library, message: &str, log: &[String]) -> Error {
    let said = || log.iter().rev().map(String::as_str).chain([message]);
    let thing = format!("provider {provider}");
    if let Some(missing) = said().find_map(missing_library) {
        let reason = format!("{missing} is not found; {}", needs(provider, library));
        return Error::unavailable(thing, reason).remedy(format!("{}, or use --provider cpu", install(&missing)));
    }
    if let Some(reason) = said().find_map(no_device) {
        return Error::unavailable(thing, reason)
            .remedy("run it where `nvidia-smi` shows a GPU, or use --provider cpu");
    }
    Error::unavailable(thing, first_line(message)).remedy("use --provider cpu")
}

/// Whether a failed session failed for the provider's sake, not for the file's.
pub(super) fn is_providers_fault(provider: Provider, message: &str) -> bool {
    const SIGNS: [&str; 8] = [
        "CUDA failure",
        "CUDA error",
        "CUDNN failure",
        "CUDNN error",
        "CUBLAS failure",
        "TensorRT EP failed",
        "OpenVINO-EP",
        "cannot open shared object file",
    ];
    !matches!(provider, Provider::Cpu | Provider::Tract)
        && (SIGNS.iter().any(|sign| message.contains(sign)) || no_device(message).is_some())
}

/// `libcudnn.so.9` out of the loader's `libcudnn.so.9: cannot open shared object file: No such file or directory`.
fn missing_library(message: &str) -> Option<String> {
    let before =
        message.split(": cannot open shared object file").next().filter(|before| before.len() < message.len())?;
    let name = before.rsplit([' ', '\'', '"']).next()?;
    name.contains(".so").then(|| name.to_owned())
}

/// The driver's reasons for having no device to offer: CUDA's errors 100, 35, 101 and 999.
fn no_device(message: &str) -> Option<String> {
    let said = |part: &str| message.contains(part);
    if said("no CUDA-capable device is detected") || said("CUDA failure 100") {
        Some("there is no NVIDIA GPU that its driver shows (CUDA error 100: no CUDA-capable device is detected)".into())
    } else if said("driver version is insufficient") || said("CUDA failure 35") {
        Some(
            "the NVIDIA driver is missing or too old for this CUDA (CUDA error 35: driver version is insufficient)"
                .into(),
        )
    } else if said("invalid device ordinal") || said("CUDA failure 101") {
        Some("there is no GPU of this number (CUDA error 101: invalid device ordinal)".into())
    } else if said("CUDA failure 999") {
        Some("the NVIDIA driver does not answer (CUDA error 999: unknown error)".into())
    } else {
        None
    }
}

/// What the provider links to, by major version: the official builds of ONNX Runtime since 1.27 are for CUDA 13.
fn needs(provider: Provider, library: &Library) -> String {
    let name = ort_name(provider);
    let with = match provider {
        Provider::TensorRt => "TensorRT 10 with CUDA and cuDNN 9",
        _ => "CUDA with cuBLAS and cuFFT, and cuDNN 9",
    };
    format!("{name} of ONNX Runtime {} needs {with}", library.version)
}

/// What brings a missing library.
fn install(library: &str) -> String {
    let stem = library.split(".so").next().unwrap_or(library);
    let major = library.rsplit(".so.").next().filter(|version| *version != library).unwrap_or("");
    let product = match stem {
        "libcudart" | "libcublas" | "libcublasLt" | "libnvrtc" => format!("CUDA {major}"),
        "libcufft" | "libcurand" => format!("the CUDA toolkit that holds {library}"),
        "libcuda" => "the NVIDIA driver".to_owned(),
        _ if stem.starts_with("libcudnn") => format!("cuDNN {major}"),
        _ if stem.starts_with("libnv") => format!("TensorRT {major}"),
        _ => return format!("put {library} where the loader looks (LD_LIBRARY_PATH, ldconfig)"),
    };
    format!("install {} where the loader looks (LD_LIBRARY_PATH, ldconfig)", product.trim())
}
