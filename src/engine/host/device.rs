//! State of NVIDIA GPUs at one moment, as the driver's management library (NVML) tells it.

use std::ffi::OsStr;

use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::{Device, Nvml};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// State of one GPU. What the driver does not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GpuMoment {
    /// Name, such as `NVIDIA H100 80GB HBM3`.
    pub name: Option<String>,
    /// Version of the driver, such as `580.65.06`.
    pub driver: Option<String>,
    /// Newest CUDA that the driver runs, such as `13.0`.
    pub driver_cuda: Option<String>,
    /// Compute capability, such as `9.0`.
    pub compute_capability: Option<String>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Clock of its processors in MHz.
    pub clock_mhz: Option<u32>,
    /// Clock of its memory in MHz.
    pub memory_clock_mhz: Option<u32>,
    /// Reasons why its clocks are not higher, by NVML's names: `gpu_idle`, `sw_power_cap`, `hw_thermal_slowdown`, ..
    pub throttled_by: Option<Vec<String>>,
    /// Share of the last moments in which it computed, from 0 to 1.
    pub utilisation: Option<f64>,
    /// Temperature in degrees Celsius.
    pub celsius: Option<u32>,
    /// Power that it draws, in watts.
    pub power_w: Option<f64>,
    /// Power that it may draw, in watts.
    pub power_limit_w: Option<f64>,
    /// Whether the driver stays loaded when no program uses it.
    pub persistent: Option<bool>,
}

impl GpuMoment {
    /// Returns `true` if it has slowed itself down against heat or for want of power. That its clock is set, capped or idle is no
    /// such thing.
    pub(crate) fn slowed(&self) -> bool {
        self.throttled_by.iter().flatten().any(|reason| reason.ends_with("slowdown"))
    }
}

/// The management library, loaded once for several moments: loading it takes some milliseconds.
pub struct GpuWatch(Option<Nvml>);

impl GpuWatch {
    /// Loads the library that comes with the driver. Without a driver there is none, and no GPU is told of.
    pub fn start() -> Self {
        // The name without a version, the crate's default, is that of development packages.
        Self::of(OsStr::new(if cfg!(windows) { "nvml.dll" } else { "libnvidia-ml.so.1" }))
    }

    fn of(library: &OsStr) -> Self {
        Self(Nvml::builder().lib_path(library).init().ok())
    }

    /// Describes every GPU now, in the driver's order.
    pub fn now(&self) -> Vec<GpuMoment> {
        let Some(nvml) = &self.0 else { return Vec::new() };
        let driver = nvml.sys_driver_version().ok();
        // 13010 is 13.1.
        let cuda =
            nvml.sys_cuda_driver_version().ok().map(|number| format!("{}.{}", number / 1000, number % 1000 / 10));
        let devices = (0..nvml.device_count().unwrap_or(0)).filter_map(|index| nvml.device_by_index(index).ok());
        let of = |device| GpuMoment { driver: driver.clone(), driver_cuda: cuda.clone(), ..moment(&device) };
        devices.map(of).collect()
    }
}

fn moment(device: &Device<'_>) -> GpuMoment {
    let watts = |milliwatts: u32| f64::from(milliwatts) / 1e3;
    let reasons = device.current_throttle_reasons().ok();
    GpuMoment {
        name: device.name().ok(),
        driver: None,
        driver_cuda: None,
        compute_capability: device.cuda_compute_capability().ok().map(|of| format!("{}.{}", of.major, of.minor)),
        memory_bytes: device.memory_info().ok().map(|memory| memory.total),
        clock_mhz: device.clock_info(Clock::SM).ok(),
        memory_clock_mhz: device.clock_info(Clock::Memory).ok(),
        throttled_by: reasons.map(|reasons| reasons.iter_names().map(|(name, _)| name.to_lowercase()).collect()),
        utilisation: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu) / 100.0),
        celsius: device.temperature(nvml_wrapper::enum_wrappers::device::TemperatureSensor::Gpu).ok(),
        power_w: device.power_usage().ok().map(watts),
        power_limit_w: device.enforced_power_limit().ok().map(watts),
        persistent: device.is_in_persistent_mode().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_library_is_no_gpu() {
        assert!(GpuWatch::of(OsStr::new("/no/such/libnvidia-ml.so.1")).now().is_empty());
        let dir = tempfile::tempdir().unwrap();
        let broken = dir.path().join("libnvidia-ml.so.1");
        std::fs::write(&broken, "no library").unwrap();
        assert!(GpuWatch::of(broken.as_os_str()).now().is_empty());
    }

    /// A library with two devices, of which the second tells its name alone. The signatures are those of NVIDIA's nvml.h.
    #[cfg(target_os = "linux")]
    const FAKE: &str = r#"
        #include <string.h>
        typedef void *dev;
        int nvmlInit_v2(void) { return 0; }
        int nvmlShutdown(void) { return 0; }
        int nvmlSystemGetDriverVersion(char *v, unsigned n) { strncpy(v, "580.65.06", n); return 0; }
        int nvmlSystemGetCudaDriverVersion_v2(int *v) { *v = 13010; return 0; }
        int nvmlDeviceGetCount_v2(unsigned *n) { *n = 2; return 0; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned i, dev *d) { *d = (dev)(long)(i + 1); return 0; }
        int nvmlDeviceGetName(dev d, char *s, unsigned n) { strncpy(s, "A GPU", n); return 0; }
        static int first(dev d) { return d == (dev)1 ? 0 : 3; }
        int nvmlDeviceGetCudaComputeCapability(dev d, int *major, int *minor) { *major = 9; *minor = 0; return first(d); }
        struct memory { unsigned version; unsigned long long total, reserved, free, used; };
        int nvmlDeviceGetMemoryInfo_v2(dev d, struct memory *m) { m->total = 85520809984ULL; return first(d); }
        int nvmlDeviceGetClockInfo(dev d, int kind, unsigned *mhz) { *mhz = kind == 1 ? 1980 : kind == 2 ? 2619 : 1; return first(d); }
        int nvmlDeviceGetCurrentClocksThrottleReasons(dev d, unsigned long long *r) { *r = 0x4 | 0x40; return first(d); }
        int nvmlDeviceGetUtilizationRates(dev d, unsigned *u) { u[0] = 97; u[1] = 3; return first(d); }
        int nvmlDeviceGetTemperature(dev d, int sensor, unsigned *t) { *t = 61; return first(d); }
        int nvmlDeviceGetPowerUsage(dev d, unsigned *mw) { *mw = 698500; return first(d); }
        int nvmlDeviceGetEnforcedPowerLimit(dev d, unsigned *mw) { *mw = 700000; return first(d); }
        int nvmlDeviceGetPersistenceMode(dev d, int *on) { *on = 1; return first(d); }
    "#;

    /// Rust links with `cc`, so that one is there wherever this is compiled.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_library_tells_of_each_of_its_devices() {
        let dir = tempfile::tempdir().unwrap();
        let (source, library) = (dir.path().join("nvml.c"), dir.path().join("libnvidia-ml.so.1"));
        std::fs::write(&source, FAKE).unwrap();
        let compiled =
            std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
        assert!(compiled.unwrap().success());
        let [first, second] = &GpuWatch::of(library.as_os_str()).now()[..] else { panic!("two devices") };
        let expected = GpuMoment {
            name: Some("A GPU".into()),
            driver: Some("580.65.06".into()),
            driver_cuda: Some("13.1".into()),
            compute_capability: Some("9.0".into()),
            memory_bytes: Some(85_520_809_984),
            clock_mhz: Some(1980),
            memory_clock_mhz: Some(2619),
            throttled_by: Some(vec!["sw_power_cap".into(), "hw_thermal_slowdown".into()]),
            utilisation: Some(0.97),
            celsius: Some(61),
            power_w: Some(698.5),
            power_limit_w: Some(700.0),
            persistent: Some(true),
        };
        assert_eq!(*first, expected);
        let (name, driver, driver_cuda) = (first.name.clone(), first.driver.clone(), first.driver_cuda.clone());
        let known = GpuMoment { name, driver, driver_cuda, ..GpuMoment::default() };
        assert_eq!(*second, known, "what is not told is not made up");
    }
}
