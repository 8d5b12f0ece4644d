//! Capabilities of the processor, read from `/proc/cpuinfo`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proc::values;
use super::system::System;

/// One instruction set.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Feature {
    /// Name used by the kernel, such as `avx512_vnni`.
    pub name: String,
    /// Common name, such as `AVX512-VNNI`.
    pub title: String,
    /// Whether the processor has it and the kernel lets programs use it.
    pub present: bool,
}

/// Description of the processor.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cpu {
    /// Name as reported by the system.
    pub name: String,
    /// Vendor as an x86 processor reports it: `GenuineIntel`, `AuthenticAMD`; `None` if it does not.
    pub vendor: Option<String>,
    /// Architecture, such as `x86_64`.
    pub arch: String,
    /// Number of logical cores that are online.
    pub logical_cores: usize,
    /// Number of physical cores; `None` if the system does not report it.
    pub physical_cores: Option<usize>,
    /// The instruction sets that matter for inference, present or not.
    pub features: Vec<Feature>,
}

/// Returns kernel name and common name of the instruction sets of an architecture. The first half is for floating
/// point, the second for int8 and bf16.
fn known(arch: &str) -> &'static [(&'static str, &'static str)] {
    match arch {
        "x86_64" => &[
            ("fma", "FMA"),
            ("f16c", "F16C"),
            ("avx2", "AVX2"),
            ("avx512f", "AVX-512F"),
            ("avx512_fp16", "AVX512-FP16"),
            ("avx_vnni", "AVX-VNNI"),
            ("avx512_vnni", "AVX512-VNNI"),
            ("avx512_bf16", "AVX512-BF16"),
            ("amx_tile", "AMX"),
            ("amx_int8", "AMX-INT8"),
            ("amx_bf16", "AMX-BF16"),
        ],
        "aarch64" => &[
            ("asimd", "NEON"),
            ("asimdhp", "FP16"),
            ("sve", "SVE"),
            ("sve2", "SVE2"),
            ("asimddp", "DotProd"),
            ("i8mm", "I8MM"),
            ("bf16", "BF16"),
        ],
        _ => &[],
    }
}

impl Cpu {
    /// Describes the processor of this machine.
    pub fn this() -> Self {
        Self::read(System::this().text("/proc/cpuinfo").as_deref(), std::env::consts::ARCH)
    }

    /// Parses `/proc/cpuinfo`. Without it, queries the processor itself as far as possible.
    pub(super) fn read(cpuinfo: Option<&str>, arch: &str) -> Self {
        let text = cpuinfo.unwrap_or_default();
        let flags: BTreeSet<&str> = match values(text, "flags").chain(values(text, "Features")).next() {
            Some(flags) => flags.split_whitespace().collect(),
            None => asked().into_iter().collect(),
        };
        let feature = |(name, title): &(&str, &str)| Feature {
            name: (*name).to_owned(),
            title: (*title).to_owned(),
            present: flags.contains(name),
        };
        Self {
            name: values(text, "model name").next().unwrap_or("unknown").to_owned(),
            vendor: values(text, "vendor_id").next().map(str::to_owned),
            arch: arch.to_owned(),
            logical_cores: values(text, "processor").count(),
            physical_cores: physical_cores(text),
            features: known(arch).iter().map(feature).collect(),
        }
    }
}

/// Counts distinct pairs of socket and core. Virtual machines often give every core the same pair of zeros without any
/// meaning, but their topology then agrees with it.
fn physical_cores(text: &str) -> Option<usize> {
    let cores: BTreeSet<_> = values(text, "physical id").zip(values(text, "core id")).collect();
    if cores.is_empty() { None } else { Some(cores.len()) }
}

/// Queries the processor itself, for systems without `/proc/cpuinfo`.
#[cfg(target_arch = "x86_64")]
fn asked() -> Vec<&'static str> {
    let answers = [
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("f16c", std::arch::is_x86_feature_detected!("f16c")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512_vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
        ("avx512_bf16", std::arch::is_x86_feature_detected!("avx512bf16")),
    ];
    answers.into_iter().filter(|(_, yes)| *yes).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn asked() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two of the processors that a dual-socket Xeon lists, reduced to the lines that are read.
    const SAPPHIRE_RAPIDS: &str = "\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu fma f16c avx2 avx512f avx512_fp16 avx512_vnni avx512_bf16 avx_vnni amx_bf16 amx_tile amx_int8

processor\t: 1
model name\t: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu fma

processor\t: 2
model name\t: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz
physical id\t: 1
core id\t\t: 0
flags\t\t: fpu fma
";

    const GRAVITON: &str = "processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd asimdhp asimddp i8mm bf16 sve\n";

    fn present(cpu: &Cpu) -> Vec<&str> {
        cpu.features.iter().filter(|f| f.present).map(|f| f.title.as_str()).collect()
    }

    #[test]
    fn a_xeon_with_amx() {
        let cpu = Cpu::read(Some(SAPPHIRE_RAPIDS), "x86_64");
        assert_eq!(cpu.name, "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz");
        assert_eq!(cpu.vendor.as_deref(), Some("GenuineIntel"));
        assert_eq!((cpu.logical_cores, cpu.physical_cores), (3, Some(2)), "two of the three share a core");
        assert!(cpu.features.iter().all(|feature| feature.present), "{:?}", cpu.features);
        let without = Cpu::read(Some(&SAPPHIRE_RAPIDS.replace("amx_int8", "").replace("avx512_vnni ", "")), "x86_64");
        assert!(!present(&without).contains(&"AMX-INT8") && !present(&without).contains(&"AVX512-VNNI"));
        assert!(present(&without).contains(&"AMX-BF16"), "a flag is a whole word");
    }

    #[test]
    fn an_arm_core() {
        let cpu = Cpu::read(Some(GRAVITON), "aarch64");
        assert_eq!(present(&cpu), ["NEON", "FP16", "SVE", "DotProd", "I8MM", "BF16"]);
        assert_eq!((cpu.name.as_str(), cpu.physical_cores), ("unknown", None));
    }

    #[test]
    fn a_system_that_tells_nothing() {
        let cpu = Cpu::read(None, "riscv64");
        assert_eq!((cpu.logical_cores, cpu.features.len()), (0, 0));
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        {
            let asked = Cpu::read(None, "x86_64");
            let read = Cpu::read(std::fs::read_to_string("/proc/cpuinfo").ok().as_deref(), "x86_64");
            let avx2 = |cpu: &Cpu| present(cpu).contains(&"AVX2");
            assert_eq!(avx2(&asked), avx2(&read), "the processor and the kernel say the same");
        }
    }
}
