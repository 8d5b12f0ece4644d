//! Share of the machine that this process may use: its CPU affinity and its control groups.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::groups::Groups;
use super::proc::{kilobytes, values};
use super::system::System;

/// Resource limits of a process.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// Logical cores that the scheduler may put this process on.
    pub affinity_cores: Option<usize>,
    /// CPU time that the control groups allow, in cores, such as 1.5; `None` for no limit.
    pub cpu_quota: Option<f64>,
    /// Number of threads worth starting: the affinity, capped by the quota.
    pub usable_cores: usize,
    /// Memory of the machine in bytes.
    pub memory_bytes: Option<u64>,
    /// Memory that is free or can be freed, in bytes.
    pub available_bytes: Option<u64>,
    /// Memory that the control groups allow, in bytes; `None` for no limit.
    pub memory_limit_bytes: Option<u64>,
}

impl Limits {
    /// Determines the limits of this process.
    pub fn this() -> Self {
        Self::read(&System::this())
    }

    pub(super) fn read(system: &System) -> Self {
        let groups = Groups::read(system);
        let memory = system.text("/proc/meminfo").unwrap_or_default();
        let affinity = system.text("/proc/self/status").as_deref().and_then(allowed_cores);
        let quota = groups.cpu_quota(system);
        let cores = affinity.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        Self {
            affinity_cores: affinity,
            cpu_quota: quota,
            usable_cores: quota.map_or(cores, |quota| cores.min(quota.floor().max(1.0) as usize)),
            memory_bytes: kilobytes(&memory, "MemTotal"),
            available_bytes: kilobytes(&memory, "MemAvailable"),
            memory_limit_bytes: groups.memory_limit(system),
        }
    }
}

fn allowed_cores(status: &str) -> Option<usize> {
    values(status, "Cpus_allowed_list").next()?.split(',').map(range_len).sum()
}

/// Returns the number of cores in `8` or `0-3`.
fn range_len(range: &str) -> Option<usize> {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    last.checked_sub(first)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::super::system::recorded;
    use super::*;

    const V2_MOUNT: &str =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1_MOUNTS: &str = "\
33 25 0:29 /docker/ab /sys/fs/cgroup/cpu,cpuacct ro,nosuid master:11 - cgroup cgroup rw,cpu,cpuacct
34 25 0:30 /docker/ab /sys/fs/cgroup/memory ro,nosuid master:12 - cgroup cgroup rw,memory
35 25 8:1 / / rw,relatime - ext4 /dev/vda rw
";

    fn limits(files: &[(&str, &str)]) -> Limits {
        let (_dir, system) = recorded(files);
        Limits::read(&system)
    }

    #[test]
    fn a_service_in_version_2_has_the_tightest_limit_of_all_levels() {
        let limits = limits(&[
            ("/proc/self/cgroup", "0::/system.slice/job.service\n"),
            ("/proc/self/mountinfo", V2_MOUNT),
            ("/proc/self/status", "Name:\tgnet\nCpus_allowed_list:\t0-3,8\n"),
            ("/proc/meminfo", "MemTotal:       24595652 kB\nMemFree:  1 kB\nMemAvailable:   18000000 kB\n"),
            ("/sys/fs/cgroup/system.slice/job.service/cpu.max", "max 100000\n"),
            ("/sys/fs/cgroup/system.slice/cpu.max", "250000 100000\n"),
            ("/sys/fs/cgroup/system.slice/job.service/memory.max", "max\n"),
            ("/sys/fs/cgroup/system.slice/memory.max", "4294967296\n"),
        ]);
        assert_eq!((limits.affinity_cores, limits.cpu_quota, limits.usable_cores), (Some(5), Some(2.5), 2));
        assert_eq!((limits.memory_bytes, limits.available_bytes), (Some(25_185_947_648), Some(18_432_000_000)));
        assert_eq!(limits.memory_limit_bytes, Some(4 << 30));
    }

    #[test]
    fn a_container_in_version_1_sees_its_own_group_at_the_mount_point() {
        let limits = limits(&[
            ("/proc/self/cgroup", "5:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n1:name=systemd:/docker/ab\n"),
            ("/proc/self/mountinfo", V1_MOUNTS),
            ("/proc/self/status", "Cpus_allowed_list:\t0-15\n"),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n"),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"),
        ]);
        assert_eq!((limits.cpu_quota, limits.usable_cores), (Some(0.5), 1), "half a core still runs one thread");
        assert_eq!(limits.memory_limit_bytes, Some(512 << 20));
    }

    #[test]
    fn no_limit_is_written_in_several_ways() {
        let v1 = limits(&[
            ("/proc/self/cgroup", "5:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n"),
            ("/proc/self/mountinfo", V1_MOUNTS),
            ("/proc/self/status", "Cpus_allowed_list:\t0-1\n"),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!((v1.cpu_quota, v1.memory_limit_bytes, v1.usable_cores), (None, None, 2));
        let none = limits(&[]);
        assert_eq!((none.affinity_cores, none.cpu_quota, none.memory_bytes), (None, None, None));
        assert!(none.usable_cores >= 1);
    }

    #[test]
    fn a_group_outside_the_mount_is_judged_by_the_mounts_root() {
        let limits = limits(&[
            ("/proc/self/cgroup", "0::/../other\n"),
            ("/proc/self/mountinfo", "30 23 0:26 /pod /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
            ("/sys/fs/cgroup/cpu.max", "300000 100000\n"),
        ]);
        assert_eq!(limits.cpu_quota, Some(3.0));
    }

    #[test]
    fn nonsense_is_no_limit() {
        for list in ["", "x", "3-1", "0-", "0-18446744073709551615"] {
            assert_eq!(allowed_cores(&format!("Cpus_allowed_list:\t{list}\n")), None, "{list}");
        }
    }
}
