//! Settings of a session in the form in which a record states them.

use super::library::Loaded;
use super::{RunOptions, Settings};
use crate::runtime::CudaOptions;

pub(super) fn common(loaded: &Loaded, options: &RunOptions) -> Settings {
    let engine = &options.engine;
    let mut settings = Settings::new();
    set(&mut settings, "engine", format!("onnxruntime {}", loaded.library.version));
    set(&mut settings, "library", loaded.library.step);
    set(&mut settings, "threads", options.threads);
    set(&mut settings, "spinning", on(engine.spinning));
    set(&mut settings, "graph_optimization", engine.graph_optimization);
    set(&mut settings, "arena", on(engine.arena));
    settings
}

pub(super) fn set(settings: &mut Settings, name: &str, value: impl ToString) {
    settings.insert(name.to_owned(), value.to_string());
}

pub(super) fn on(value: bool) -> &'static str {
    if value { "on" } else { "off" }
}

/// Returns the GPU's index in ONNX Runtime's type; one beyond its range does not exist.
pub(super) fn device_id(options: &CudaOptions) -> i32 {
    i32::try_from(options.device).unwrap_or(i32::MAX)
}
