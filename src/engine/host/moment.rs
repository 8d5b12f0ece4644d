//! The machine at one moment: the facts that change while a benchmark runs.

use std::collections::BTreeSet;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::device::{GpuMoment, GpuWatch};
use super::groups::{Groups, Throttling};
use super::proc::values;
use super::system::System;

/// State of a machine at one moment.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Moment {
    /// The moment, in UTC as RFC 3339 writes it, with milliseconds: `2026-11-28T07:04:01.123Z`.
    pub at: String,
    /// Number of threads that run or wait for a core, averaged over 1, 5 and 15 minutes; `None` without `/proc`.
    pub load: Option<[f64; 3]>,
    /// Clocks of the cores; `None` if the system does not report them.
    pub clock: Option<Clocks>,
    /// Names of the rules by which the system sets clocks, such as `performance`: each that a core has, once.
    pub governors: Vec<String>,
    /// Times for which control groups have held this process back; `None` if none can.
    pub throttled: Option<Throttling>,
    /// NVIDIA GPUs, where they were asked for.
    #[serde(default)]
    pub gpus: Vec<GpuMoment>,
}

/// Clocks of the online cores in MHz.
#[derive(Debug, Clone, Copy, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Clocks {
    /// The slowest core's.
    pub lowest_mhz: f64,
    /// The one in the middle; of two the slower.
    pub median_mhz: f64,
    /// The fastest core's.
    pub highest_mhz: f64,
}

/// Returns this moment in UTC as RFC 3339 writes it, with milliseconds.
pub fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

impl Moment {
    /// Describes this machine now, and the GPUs that `watch` sees, if it is given.
    pub fn now(watch: Option<&GpuWatch>) -> Self {
        Self { gpus: watch.map(GpuWatch::now).unwrap_or_default(), ..Self::read(&System::this()) }
    }

    fn read(system: &System) -> Self {
        let cores = system.folders("/sys/devices/system/cpu/cpu*/cpufreq");
        let of_cores = |name: &str| cores.iter().filter_map(|core| system.text(core.join(name))).collect::<Vec<_>>();
        let mut clocks: Vec<f64> =
            of_cores("scaling_cur_freq").iter().filter_map(|khz| Some(khz.trim().parse::<f64>().ok()? / 1e3)).collect();
        if clocks.is_empty() {
            let cpuinfo = system.text("/proc/cpuinfo").unwrap_or_default();
            clocks = values(&cpuinfo, "cpu MHz").filter_map(|mhz| mhz.parse().ok()).collect();
        }
        let governors: BTreeSet<String> =
            of_cores("scaling_governor").iter().map(|name| name.trim().to_owned()).collect();
        Self {
            at: now(),
            load: system.text("/proc/loadavg").as_deref().and_then(load),
            clock: Clocks::of(clocks),
            governors: governors.into_iter().filter(|name| !name.is_empty()).collect(),
            throttled: Groups::read(system).throttling(system),
            gpus: Vec::new(),
        }
    }
}

impl Clocks {
    fn of(mut clocks: Vec<f64>) -> Option<Self> {
        clocks.sort_by(f64::total_cmp);
        let (lowest_mhz, highest_mhz) = (*clocks.first()?, *clocks.last()?);
        Some(Self { lowest_mhz, median_mhz: clocks[(clocks.len() - 1) / 2], highest_mhz })
    }
}

/// Parses `/proc/loadavg`: `1.72 1.52 0.84 1/91 28009`.
fn load(text: &str) -> Option<[f64; 3]> {
    let mut numbers = text.split_whitespace().map(|number| number.parse().ok());
    Some([numbers.next()??, numbers.next()??, numbers.next()??])
}

#[cfg(test)]
mod tests {
    use super::super::system::recorded;
    use super::*;

    fn moment(files: &[(&str, &str)]) -> Moment {
        let (_dir, system) = recorded(files);
        Moment::read(&system)
    }

    #[test]
    fn a_machine_with_governors_tells_the_clocks_by_them() {
        let moment = moment(&[
            ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3600000\n"),
            ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
            ("/sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "800000\n"),
            ("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n"),
            ("/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "performance\n"),
            ("/sys/devices/system/cpu/cpuidle/current_driver", "x\n"),
            ("/proc/cpuinfo", "cpu MHz\t: 1.0\n"),
            ("/proc/loadavg", "1.72 1.52 0.84 1/91 28009\n"),
        ]);
        assert_eq!(moment.clock, Some(Clocks { lowest_mhz: 800.0, median_mhz: 800.0, highest_mhz: 3600.0 }));
        assert_eq!(moment.governors, ["performance", "powersave"]);
        assert_eq!(moment.load, Some([1.72, 1.52, 0.84]));
        assert_eq!((moment.at.len(), &moment.at[10..11], &moment.at[19..20], &moment.at[23..]), (24, "T", ".", "Z"));
    }

    #[test]
    fn a_guest_tells_the_clocks_of_its_host_and_no_governor() {
        let moment = moment(&[("/proc/cpuinfo", "cpu MHz\t\t: 2596.132\ncpu MHz\t\t: 2600.5\ncpu MHz\t\t: x\n")]);
        assert_eq!(moment.clock, Some(Clocks { lowest_mhz: 2596.132, median_mhz: 2596.132, highest_mhz: 2600.5 }));
        assert!(moment.governors.is_empty());
    }

    #[test]
    fn nothing_is_made_up_where_nothing_is_told() {
        for files in [&[][..], &[("/proc/loadavg", "1.72 x\n"), ("/proc/cpuinfo", "processor\t: 0\n")]] {
            let moment = moment(files);
            assert_eq!((moment.load, moment.clock, moment.throttled), (None, None, None));
        }
    }
}
