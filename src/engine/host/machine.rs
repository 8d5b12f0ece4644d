//! The machine as it stays while a benchmark runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proc::values;
use super::system::System;
use super::{Cpu, Limits};

/// Description of a machine and of the share of it that this process may use.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Machine {
    /// The processor.
    pub cpu: Cpu,
    /// Resource limits of this process.
    pub limits: Limits,
    /// Operating system with its kernel version, such as `linux 6.18.44`.
    pub os: String,
    /// Whether the processor says that a hypervisor is below it; `None` where processors do not say.
    pub virtual_machine: Option<bool>,
    /// Kind of container that this process runs in, such as `docker`; `None` if none is seen.
    pub container: Option<String>,
}

impl Machine {
    /// Describes this machine.
    pub fn this() -> Self {
        Self::read(&System::this())
    }

    fn read(system: &System) -> Self {
        let kernel = system.text("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: Cpu::read(system.text("/proc/cpuinfo").as_deref(), std::env::consts::ARCH),
            limits: Limits::read(system),
            os: format!("{} {}", std::env::consts::OS, kernel.trim()).trim().to_owned(),
            virtual_machine: system.text("/proc/cpuinfo").as_deref().and_then(virtual_machine),
            container: container(system),
        }
    }
}

/// Returns `true` if the flags of the processor include `hypervisor`: only x86 processors have such a flag.
fn virtual_machine(cpuinfo: &str) -> Option<bool> {
    Some(values(cpuinfo, "flags").next()?.split_whitespace().any(|flag| flag == "hypervisor"))
}

/// Returns the kind of container by the marks that each leaves: systemd's for all that follow its interface, podman's,
/// docker's, and the names of control groups.
fn container(system: &System) -> Option<String> {
    let named =
        system.text("/run/systemd/container").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let marked = |file: &str, name: &str| system.path(file).is_file().then(|| name.to_owned());
    let grouped = || {
        let groups = system.text("/proc/self/cgroup")?;
        ["kubepods", "docker", "containerd", "libpod", "lxc"]
            .into_iter()
            .find(|name| groups.contains(name))
            .map(str::to_owned)
    };
    named
        .or_else(|| marked("/run/.containerenv", "podman"))
        .or_else(|| marked("/.dockerenv", "docker"))
        .or_else(grouped)
}

#[cfg(test)]
mod tests {
    use super::super::system::recorded;
    use super::*;

    fn machine(files: &[(&str, &str)]) -> Machine {
        let (_dir, system) = recorded(files);
        Machine::read(&system)
    }

    #[test]
    fn a_guest_is_told_from_metal() {
        let flags =
            |flags: &str| machine(&[("/proc/cpuinfo", &format!("processor\t: 0\nflags\t: {flags}\n"))]).virtual_machine;
        assert_eq!(flags("fpu hypervisor avx2"), Some(true));
        assert_eq!(flags("fpu avx2 hypervisors"), Some(false));
        assert_eq!(machine(&[("/proc/cpuinfo", "Features\t: fp asimd\n")]).virtual_machine, None);
    }

    #[test]
    fn a_container_is_known_by_its_marks() {
        for (file, text, found) in [
            ("/run/systemd/container", "systemd-nspawn\n", Some("systemd-nspawn")),
            ("/run/.containerenv", "", Some("podman")),
            ("/.dockerenv", "", Some("docker")),
            ("/proc/self/cgroup", "0::/kubepods.slice/pod1\n", Some("kubepods")),
            ("/proc/self/cgroup", "0::/user.slice\n", None),
        ] {
            assert_eq!(machine(&[(file, text)]).container.as_deref(), found, "{file}");
        }
    }

    #[test]
    fn a_machine_that_tells_nothing_is_described_all_the_same() {
        let machine = machine(&[]);
        assert_eq!(
            (machine.os.as_str(), machine.container, machine.virtual_machine),
            (std::env::consts::OS, None, None)
        );
    }
}
