//! Share of the machine that this process may use: its CPU affinity and its control groups (versions 1 and 2).

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::system::System;
use crate::runtime::proc::{kilobytes, values};

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

/// The control groups of this process: the folder of each and of its ancestors, up to the mount point of the hierarchy.
#[derive(Debug, Default, PartialEq, Eq)]
struct Groups {
    unified: Vec<PathBuf>,
    cpu: Vec<PathBuf>,
    memory: Vec<PathBuf>,
}

impl Groups {
    fn read(system: &System) -> Self {
        let memberships = system.text("/proc/self/cgroup").unwrap_or_default();
        let mounts = system.text("/proc/self/mountinfo").unwrap_or_default();
        let mounts: Vec<Mount> = mounts.lines().filter_map(Mount::parse).collect();
        let mut groups = Self::default();
        for line in memberships.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
            let folders = || folders(&mounts, controllers, group);
            match controllers {
                "" => groups.unified = folders(),
                _ if has(controllers, "cpu") => groups.cpu = folders(),
                _ if has(controllers, "memory") => groups.memory = folders(),
                _ => {}
            }
        }
        groups
    }

    fn cpu_quota(&self, system: &System) -> Option<f64> {
        let unified = self.unified.iter().filter_map(|folder| quota_v2(&system.text(folder.join("cpu.max"))?));
        let split = self.cpu.iter().filter_map(|folder| {
            let number = |name: &str| system.text(folder.join(name))?.trim().parse::<f64>().ok();
            quota(number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
        });
        unified.chain(split).min_by(f64::total_cmp)
    }

    fn memory_limit(&self, system: &System) -> Option<u64> {
        let unified = self.unified.iter().map(|folder| folder.join("memory.max"));
        let split = self.memory.iter().map(|folder| folder.join("memory.limit_in_bytes"));
        let limits = unified.chain(split).filter_map(|file| system.text(file)?.trim().parse::<u64>().ok());
        limits.filter(|limit| *limit < NO_LIMIT).min()
    }
}

/// Threshold for "no limit": version 1 writes it as the largest multiple of a page below 2^63.
const NO_LIMIT: u64 = 1 << 60;

/// Parses a quota of version 2: `200000 100000` is two cores; `max 100000` is unlimited.
fn quota_v2(text: &str) -> Option<f64> {
    let mut parts = text.split_whitespace();
    quota(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)
}

/// Computes a quota of version 1, where -1 means no limit.
fn quota(time: f64, period: f64) -> Option<f64> {
    (time > 0.0 && period > 0.0).then(|| time / period)
}

fn has(list: &str, name: &str) -> bool {
    list.split(',').any(|item| item == name)
}

#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// The group that is visible at the mount point; inside a container often not `/`.
    root: String,
    point: PathBuf,
    /// Controllers of version 1; empty for version 2.
    controllers: String,
}

impl Mount {
    /// Parses a line of `/proc/self/mountinfo`, if it mounts control groups: see proc_pid_mountinfo(5).
    fn parse(line: &str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(3);
        let (root, point) = (before.next()?, before.next()?);
        let mut after = after.split(' ');
        let (kind, options) = (after.next()?, after.nth(1)?);
        let controllers = match kind {
            "cgroup2" => String::new(),
            "cgroup" => options.to_owned(),
            _ => return None,
        };
        Some(Self { root: root.to_owned(), point: point.into(), controllers })
    }

    fn holds(&self, controllers: &str) -> bool {
        controllers.split(',').all(|name| has(&self.controllers, name))
    }

    /// Returns the folder of a group and those of its visible ancestors.
    fn folders(&self, group: &str) -> Vec<PathBuf> {
        // A group outside the mounted hierarchy is not visible; the root of the mount is the closest.
        let inside = Path::new(group).strip_prefix(&self.root).unwrap_or(Path::new(""));
        inside.ancestors().map(|above| self.point.join(above)).collect()
    }
}

fn folders(mounts: &[Mount], controllers: &str, group: &str) -> Vec<PathBuf> {
    mounts.iter().find(|mount| mount.holds(controllers)).map_or_else(Vec::new, |mount| mount.folders(group))
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
        for text in ["", "max", "1", "0 0", "-1 100000", "a b"] {
            assert_eq!(quota_v2(text), None, "{text}");
        }
    }
}
