//! Control groups of this process, versions 1 and 2: what they allow, and how often they have held it back.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::system::System;

/// The control groups of this process: the folder of each and of its ancestors, up to the mount point of the hierarchy.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Groups {
    unified: Vec<PathBuf>,
    cpu: Vec<PathBuf>,
    memory: Vec<PathBuf>,
}

impl Groups {
    pub(super) fn read(system: &System) -> Self {
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

    pub(super) fn cpu_quota(&self, system: &System) -> Option<f64> {
        let unified = self.unified.iter().filter_map(|folder| quota_v2(&system.text(folder.join("cpu.max"))?));
        let split = self.cpu.iter().filter_map(|folder| {
            let number = |name: &str| system.text(folder.join(name))?.trim().parse::<f64>().ok();
            quota(number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
        });
        unified.chain(split).min_by(f64::total_cmp)
    }

    /// Returns the throttling of all levels together; `None` if no level tells.
    pub(super) fn throttling(&self, system: &System) -> Option<Throttling> {
        let stats =
            self.unified.iter().chain(&self.cpu).filter_map(|folder| throttled(&system.text(folder.join("cpu.stat"))?));
        stats.reduce(|a, b| Throttling { periods: a.periods + b.periods, micros: a.micros.saturating_add(b.micros) })
    }

    pub(super) fn memory_limit(&self, system: &System) -> Option<u64> {
        let unified = self.unified.iter().map(|folder| folder.join("memory.max"));
        let split = self.memory.iter().map(|folder| folder.join("memory.limit_in_bytes"));
        let limits = unified.chain(split).filter_map(|file| system.text(file)?.trim().parse::<u64>().ok());
        limits.filter(|limit| *limit < NO_LIMIT).min()
    }
}

/// Times for which control groups have held this process back, since each was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Throttling {
    /// Number of periods in which the quota ran out, over all levels.
    pub periods: u64,
    /// Time without a core because of that, summed over threads and levels, in microseconds.
    pub micros: u64,
}

impl Throttling {
    /// Returns the throttling since an earlier moment.
    pub fn since(self, earlier: Self) -> Self {
        let periods = self.periods.saturating_sub(earlier.periods);
        Self { periods, micros: self.micros.saturating_sub(earlier.micros) }
    }
}

/// Threshold for "no limit": version 1 writes it as the largest multiple of a page below 2^63.
const NO_LIMIT: u64 = 1 << 60;

/// Parses `cpu.stat` of either version: version 2 counts microseconds in `throttled_usec`, version 1 nanoseconds in
/// `throttled_time`.
fn throttled(stat: &str) -> Option<Throttling> {
    let number = |key: &str| {
        let mut pairs = stat.lines().filter_map(|line| line.split_once(' '));
        pairs.find(|(its, _)| *its == key)?.1.trim().parse::<u64>().ok()
    };
    let micros = number("throttled_usec").or_else(|| Some(number("throttled_time")? / 1000))?;
    Some(Throttling { periods: number("nr_throttled")?, micros })
}

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

    #[test]
    fn nonsense_is_no_quota() {
        for text in ["", "max", "1", "0 0", "-1 100000", "a b"] {
            assert_eq!(quota_v2(text), None, "{text}");
        }
    }

    #[test]
    fn throttling_is_read_in_both_versions_and_summed_over_the_levels() {
        let (_dir, system) = recorded(&[
            ("/proc/self/cgroup", "0::/a/b\n"),
            ("/proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
            ("/sys/fs/cgroup/a/b/cpu.stat", "usage_usec 9\nnr_periods 4\nnr_throttled 3\nthrottled_usec 1500\n"),
            ("/sys/fs/cgroup/a/cpu.stat", "nr_throttled 1\nthrottled_usec 20\n"),
            ("/sys/fs/cgroup/cpu.stat", "usage_usec 9\n"),
        ]);
        let found = Groups::read(&system).throttling(&system).unwrap();
        assert_eq!(found, Throttling { periods: 4, micros: 1520 });
        assert_eq!(found.since(Throttling { periods: 1, micros: 520 }), Throttling { periods: 3, micros: 1000 });
        let (_dir, system) = recorded(&[
            ("/proc/self/cgroup", "4:cpu,cpuacct:/\n"),
            ("/proc/self/mountinfo", "33 25 0:29 / /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n"),
            ("/sys/fs/cgroup/cpu/cpu.stat", "nr_periods 10\nnr_throttled 2\nthrottled_time 7000000\n"),
        ]);
        assert_eq!(Groups::read(&system).throttling(&system), Some(Throttling { periods: 2, micros: 7000 }));
        let (_dir, system) = recorded(&[]);
        assert_eq!(Groups::read(&system).throttling(&system), None);
    }
}
