//! Names of the engines and of the hardware they run on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use gnet_core::{Error, Result};

/// Execution provider that runs a file: tract, or one of ONNX Runtime's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Provider {
    /// tract, on the CPU.
    Tract,
    /// ONNX Runtime on the CPU.
    Cpu,
    /// ONNX Runtime on an NVIDIA GPU through CUDA.
    Cuda,
    /// ONNX Runtime on an NVIDIA GPU through TensorRT.
    TensorRt,
    /// ONNX Runtime on Intel hardware through OpenVINO.
    OpenVino,
}

impl Provider {
    /// Returns ONNX Runtime's name for it; `None` for an engine other than ONNX Runtime.
    pub(crate) fn ort_name(self) -> Option<&'static str> {
        match self {
            Self::Tract => None,
            Self::Cpu => Some("CPUExecutionProvider"),
            Self::Cuda => Some("CUDAExecutionProvider"),
            Self::TensorRt => Some("TensorrtExecutionProvider"),
            Self::OpenVino => Some("OpenVINOExecutionProvider"),
        }
    }

    /// Refuses a provider that is not built in, before anything else is done. Whether it can be used on this machine is
    /// only known when a file is loaded.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](gnet_core::ErrorKind::Unavailable) with the reason.
    pub fn ensure_available(self) -> Result<()> {
        let built_in = match self {
            Self::Tract => cfg!(feature = "tract"),
            Self::Cpu | Self::Cuda | Self::TensorRt | Self::OpenVino => cfg!(feature = "ort"),
        };
        if built_in { Ok(()) } else { Err(self.unavailable()) }
    }

    /// Returns `true` if it reads external data itself. TensorRT and OpenVINO build from a complete model.
    pub(super) fn reads_data_beside(self) -> bool {
        matches!(self, Self::Cpu | Self::Cuda)
    }

    /// Why this build does not have the provider.
    pub(super) fn unavailable(self) -> Error {
        let thing = format!("provider {self}");
        match self {
            Self::Tract => Error::unavailable(thing, "this build has no tract")
                .remedy("build with the feature `tract`, which is on by default"),
            _ => Error::unavailable(thing, "this build has no ONNX Runtime")
                .remedy("build with the feature `ort`, which is on by default, or use --provider tract"),
        }
    }
}

gnet_core::named!(
    Provider,
    "provider",
    [Tract = "tract", Cpu = "cpu", Cuda = "cuda", TensorRt = "tensorrt", OpenVino = "openvino"],
    |thing, names| Error::input(thing, format!("is not known; the providers are {}", names.join(", ")))
);

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(not(feature = "ort"))]
    use gnet_core::ErrorKind;
    #[cfg(not(all(feature = "tract", feature = "ort")))]
    use gnet_core::OnnxFile;

    #[test]
    fn a_name_leads_back_to_its_provider_here_and_in_json() {
        for provider in Provider::ALL {
            assert_eq!(provider.to_string().parse::<Provider>().unwrap(), provider);
            assert_eq!(serde_json::to_string(&provider).unwrap(), format!("\"{provider}\""));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "gpu".parse::<Provider>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "provider 'gpu': is not known; the providers are tract, cpu, cuda, tensorrt, openvino"
        );
    }

    #[cfg(not(feature = "ort"))]
    #[test]
    fn providers_of_onnx_runtime_are_known_and_not_available() {
        for provider in &Provider::ALL[1..] {
            let error = provider.ensure_available().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert_eq!(error.to_string(), format!("provider {provider}: this build has no ONNX Runtime"));
            assert!(error.remedy_text().unwrap().ends_with("use --provider tract"));
            assert_eq!(
                super::super::load(*provider, &OnnxFile::default(), &Default::default()).err().map(|e| e.kind()),
                Some(ErrorKind::Unavailable)
            );
        }
    }
}
