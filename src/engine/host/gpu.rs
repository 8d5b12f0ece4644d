//! NVIDIA GPUs, as far as the system reports them without CUDA.

use std::process::Command;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proc::values;
use super::system::System;
use gnet_core::{process, program};

/// NVIDIA GPUs reported by the system.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gpus {
    /// Version of the kernel driver, such as `580.65.06`.
    pub driver: Option<String>,
    /// Device files, such as `/dev/nvidia0`.
    pub device_files: Vec<String>,
    /// The GPUs, from `nvidia-smi` if available, else from the driver's own files.
    pub devices: Vec<Gpu>,
}

/// One GPU.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gpu {
    /// Name, such as `NVIDIA H100 80GB HBM3`.
    pub name: String,
    /// Compute capability, such as `9.0`.
    pub compute_capability: Option<String>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
}

/// Time limit for `nvidia-smi`, which queries a driver that may hang.
const PATIENCE: Duration = Duration::from_secs(15);

impl Gpus {
    /// Asks this machine.
    pub fn this() -> Self {
        Self::read(&System::this(), nvidia_smi().as_deref())
    }

    pub(crate) fn read(system: &System, smi: Option<&str>) -> Self {
        let driver = system.text("/proc/driver/nvidia/version").as_deref().and_then(driver_version);
        let (smi_driver, devices) = smi.map(parse_smi).unwrap_or_default();
        Self {
            driver: driver.or(smi_driver),
            device_files: device_files(system),
            devices: if devices.is_empty() { listed_by_driver(system) } else { devices },
        }
    }

    /// Returns the names of the GPUs, or of their device files, and the driver.
    pub(crate) fn summary(&self) -> String {
        let named = self.devices.iter().map(|gpu| gpu.name.clone());
        let seen: Vec<String> = if self.devices.is_empty() { self.device_files.clone() } else { named.collect() };
        let driver = self.driver.as_ref().map(|version| format!("driver {version}"));
        seen.into_iter().chain(driver).collect::<Vec<_>>().join(", ")
    }
}

/// Returns the first word that is a version, from the first line of `/proc/driver/nvidia/version`.
fn driver_version(text: &str) -> Option<String> {
    let is_version = |word: &&str| word.contains('.') && word.split('.').all(|part| part.parse::<u32>().is_ok());
    text.lines().next()?.split_whitespace().find(is_version).map(str::to_owned)
}

fn device_files(system: &System) -> Vec<String> {
    let is_gpu = |name: &String| {
        name == "dxg" || name.strip_prefix("nvidia").is_some_and(|number| number.parse::<u32>().is_ok())
    };
    system.names("/dev").into_iter().filter(is_gpu).map(|name| format!("/dev/{name}")).collect()
}

fn listed_by_driver(system: &System) -> Vec<Gpu> {
    let folder = "/proc/driver/nvidia/gpus";
    let name = |bus: String| {
        let text = system.text(format!("{folder}/{bus}/information"))?;
        Some(Gpu { name: values(&text, "Model").next()?.to_owned(), ..Gpu::default() })
    };
    system.names(folder).into_iter().filter_map(name).collect()
}

fn nvidia_smi() -> Option<String> {
    let query = "--query-gpu=name,driver_version,compute_cap,memory.total";
    let mut command = Command::new(program::find("nvidia-smi".as_ref())?);
    let done = process::run(command.args([query, "--format=csv,noheader,nounits"]), PATIENCE).ok()?;
    done.succeeded().then_some(done.stdout)
}

/// Parses lines `NVIDIA H100 80GB HBM3, 580.65.06, 9.0, 81559` (memory in MiB) into the driver's version and the GPUs.
fn parse_smi(text: &str) -> (Option<String>, Vec<Gpu>) {
    let mut driver = None;
    let gpu = |line: &str| {
        let parts: Vec<&str> = line.split(", ").map(str::trim).collect();
        let [name, version, capability, memory] = parts[..] else { return None };
        driver = Some(version.to_owned());
        Some(Gpu {
            name: name.to_owned(),
            compute_capability: capability.contains('.').then(|| capability.to_owned()),
            memory_bytes: memory.parse::<u64>().ok().and_then(|mib| mib.checked_mul(1 << 20)),
        })
    };
    let gpus = text.lines().filter_map(gpu).collect();
    (driver, gpus)
}

#[cfg(test)]
mod tests {
    use super::super::system::recorded;
    use super::*;

    const OPEN: &str = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (root@x)  Sun\n\
                        GCC version:  gcc version 12.3.0\n";
    const CLOSED: &str = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n";

    #[test]
    fn the_driver_tells_its_version_in_two_ways() {
        assert_eq!(driver_version(OPEN).as_deref(), Some("580.65.06"));
        assert_eq!(driver_version(CLOSED).as_deref(), Some("535.183.01"));
        assert_eq!(driver_version(""), None);
    }

    #[test]
    fn a_machine_with_a_gpu() {
        let (_dir, system) = recorded(&[
            ("/proc/driver/nvidia/version", OPEN),
            ("/proc/driver/nvidia/gpus/0000:00:05.0/information", "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ: 5\n"),
            ("/dev/nvidia0", ""),
            ("/dev/nvidiactl", ""),
            ("/dev/nvidia-uvm", ""),
        ]);
        let plain = Gpus::read(&system, None);
        assert_eq!(plain.device_files, ["/dev/nvidia0"]);
        assert_eq!(plain.summary(), "NVIDIA H100 80GB HBM3, driver 580.65.06");
        let asked = Gpus::read(&system, Some("NVIDIA H100 80GB HBM3, 580.65.06, 9.0, 81559\n"));
        assert_eq!(asked.devices[0].compute_capability.as_deref(), Some("9.0"));
        assert_eq!(asked.devices[0].memory_bytes, Some(81_559 << 20));
    }

    #[test]
    fn nvidia_smis_complaints_are_no_gpus() {
        assert_eq!(parse_smi("No devices were found\n"), (None, Vec::new()));
        let (_, mig) = parse_smi("NVIDIA A100, 580.1.2, [N/A], [N/A]\n");
        assert_eq!((mig[0].compute_capability.clone(), mig[0].memory_bytes), (None, None));
    }
}
