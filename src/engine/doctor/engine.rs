//! Checks that are only possible in a build with ONNX Runtime.

use std::path::PathBuf;

use super::reason::No;
use super::verdict::OrtLibrary;
use crate::runtime::EngineOptions;
use gnet_core::Result;

/// Finds and loads ONNX Runtime in this process.
#[cfg(feature = "ort")]
pub(super) fn library(options: &EngineOptions) -> Result<OrtLibrary> {
    let library = crate::runtime::library(options)?;
    Ok(OrtLibrary {
        path: library.path.display().to_string(),
        source: library.step.name().to_owned(),
        version: library.version,
        providers: library.providers,
    })
}

#[cfg(not(feature = "ort"))]
pub(super) fn library(_: &EngineOptions) -> Result<OrtLibrary> {
    Err(gnet_core::Error::unavailable("ONNX Runtime", "is not in this build")
        .remedy("build with the feature `ort`, which is on by default"))
}

/// Finds OpenVINO's plugin in the order in which a session looks for it: the option, `GNET_OPENVINO_PLUGIN`, the
/// installed one.
#[cfg(feature = "ort")]
pub(super) fn plugin(options: &EngineOptions) -> std::result::Result<PathBuf, No> {
    use crate::install::{Kind, Place, installed};
    let variable = std::env::var_os("GNET_OPENVINO_PLUGIN").filter(|path| !path.is_empty()).map(PathBuf::from);
    let named = options.openvino.plugin.clone().or(variable);
    let place = || installed().iter().find(|place| place.kind == Kind::OpenVino).map(Place::library);
    let no = || No::new("OpenVINO's plugin is not installed").remedy("`gnet runtime install openvino` gets it");
    let path = named.or_else(place).ok_or_else(no)?;
    if path.is_file() { Ok(path) } else { Err(No::new(format!("there is no plugin at {}", path.display()))) }
}

#[cfg(not(feature = "ort"))]
pub(super) fn plugin(_: &EngineOptions) -> std::result::Result<PathBuf, No> {
    Err(No::new("ONNX Runtime is not in this build"))
}
