//! OpenVINO: a plugin that is registered with the process when it is first needed, and from then on takes over every
//! session.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::ep::{ExecutionProvider, OpenVINO};
use ort::memory::DeviceType;
use ort::session::builder::SessionBuilder;

use super::library::Loaded;
use super::settings::set;
use super::{Provider, RunOptions, Settings, said_plainly};
use crate::host::proc::values;
use crate::install::{self, Kind, Place};
use crate::runtime::{OpenVinoOptions, elf};
use gnet_core::{Error, Result};

const VARIABLE: &str = "GNET_OPENVINO_PLUGIN";

static REGISTERED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Refuses another provider in a process that has registered the plugin: its sessions would run on OpenVINO.
pub(super) fn ensure_not_captured(provider: Provider) -> Result<()> {
    let registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    if registered.is_none() || provider == Provider::OpenVino {
        return Ok(());
    }
    let reason = "this process has registered the OpenVINO plugin, which takes over every later session";
    Err(Error::unavailable(format!("provider {provider}"), reason)
        .remedy("run it in another process, as `gnet bench` does, or before OpenVINO"))
}

pub(super) fn register(
    builder: SessionBuilder,
    loaded: &Loaded,
    options: &RunOptions,
    settings: &mut Settings,
) -> Result<SessionBuilder> {
    let openvino = &options.engine.openvino;
    let plugin = plugin(openvino).ok_or_else(|| {
        Error::unavailable("provider openvino", "its plugin is not installed")
            .remedy(format!("`gnet runtime install openvino` gets it; {VARIABLE} points at another"))
    })?;
    let plugin = std::path::absolute(&plugin).map_err(|e| Error::file(&plugin, e))?;
    register_once(loaded, &plugin)?;
    let is_cpu = |device: &ort::device::Device<'_>| {
        device.ep().is_ok_and(|name| name == OpenVINO::NAME) && device.hardware_device().ty() == DeviceType::CPU
    };
    let devices: Vec<_> = loaded.environment.devices().filter(is_cpu).collect();
    if devices.is_empty() {
        return Err(no_device());
    }
    set(settings, "openvino_precision", openvino.precision);
    set(settings, "openvino_streams", openvino.streams);
    let config = (format!("{}.load_config", OpenVINO::NAME), config(openvino, options.threads).to_string());
    builder
        .with_devices(devices, Some(&[config]))
        .map_err(|e| Error::unavailable("provider openvino", said_plainly(e.message())).remedy("use --provider cpu"))
}

/// Returns the error for the case that there is no device: the plugin checks the vendor of each and offers Intel's
/// only.
fn no_device() -> Error {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let reason = match values(&cpuinfo, "vendor_id").next() {
        Some(maker) if maker != "GenuineIntel" => format!("it serves Intel processors, and this one is of {maker}"),
        _ => "its plugin offers no CPU device here".to_owned(),
    };
    Error::unavailable("provider openvino", reason).remedy("use --provider cpu")
}

/// Returns OpenVINO's own properties of its CPU device.
fn config(options: &OpenVinoOptions, threads: usize) -> serde_json::Value {
    serde_json::json!({"CPU": {
        "INFERENCE_PRECISION_HINT": options.precision.name(),
        "INFERENCE_NUM_THREADS": threads.to_string(),
        "NUM_STREAMS": options.streams.to_string(),
    }})
}

/// Returns the plugin's library: that of the option, of the variable, the installed one.
pub(in crate::runtime) fn plugin(options: &OpenVinoOptions) -> Option<PathBuf> {
    choose(options.plugin.as_deref(), std::env::var_os(VARIABLE).map(PathBuf::from), &install::installed())
}

fn choose(option: Option<&Path>, variable: Option<PathBuf>, installed: &[Place]) -> Option<PathBuf> {
    let installed = || installed.iter().find(|place| place.kind == Kind::OpenVino).map(Place::library);
    let named = option.map(Path::to_path_buf).or(variable.filter(|path| !path.as_os_str().is_empty()));
    named.or_else(installed)
}

fn register_once(loaded: &Loaded, plugin: &Path) -> Result<()> {
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    match registered.as_deref() {
        Some(path) if path == plugin => return Ok(()),
        Some(path) => {
            let reason = format!("cannot be registered beside {}", path.display());
            return Err(Error::unavailable(plugin.display(), reason).remedy("use one plugin, or two processes"));
        }
        None => {}
    }
    let refuse = |reason: String| {
        Error::unavailable(plugin.display(), format!("{reason} (OpenVINO's plugin)"))
            .remedy("`gnet runtime install openvino --force` installs it anew")
    };
    if !plugin.is_file() {
        return Err(refuse("there is no such file".to_owned()));
    }
    if cfg!(target_os = "linux") {
        elf::check(plugin).map_err(refuse)?;
    }
    loaded.environment.register_ep_library(OpenVINO::NAME, plugin).map_err(|e| refuse(said_plainly(e.message())))?;
    *registered = Some(plugin.to_path_buf());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Precision;

    #[test]
    fn the_plugin_is_named_or_installed() {
        let place = Place { kind: Kind::OpenVino, version: "1.8.1".into(), folder: "/data/ov".into() };
        let installed = place.library();
        assert_eq!(choose(Some(Path::new("/a")), Some("/b".into()), &[]).unwrap(), Path::new("/a"));
        assert_eq!(choose(None, Some("/b".into()), &[]).unwrap(), Path::new("/b"));
        assert_eq!(choose(None, Some("".into()), &[place]).unwrap(), installed);
        assert_eq!(choose(None, None, &[]), None);
    }

    #[test]
    fn precision_threads_and_streams_reach_the_cpu_device() {
        let options = OpenVinoOptions { precision: Precision::Bf16, streams: 2, plugin: None };
        let expected = serde_json::json!({"CPU": {
            "INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": "4", "NUM_STREAMS": "2",
        }});
        assert_eq!(config(&options, 4), expected);
    }
}
