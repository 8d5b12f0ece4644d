//! The wheels that are installed: file, hash, and the members that are unpacked.
//!
//! A Python wheel is built for one version of Python, and each has its own hash, though the library inside is the same.
//! Therefore a single wheel is named here and requested by its full description, whatever Python runs pip.

use std::path::{Path, PathBuf};

use super::Kind;
use super::place::LIBRARIES;
use gnet_core::{Error, Result};

/// Version of ONNX Runtime that is installed for the CPU.
pub const ONNX_RUNTIME: &str = "1.32.0";

/// Version of ONNX Runtime that is installed for CUDA and TensorRT, whose package follows later.
pub const ONNX_RUNTIME_CUDA: &str = "1.31.1";

/// Version of OpenVINO's plugin that is installed.
pub const OPENVINO_PLUGIN: &str = "1.8.1";

/// One wheel, as the package index has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wheel {
    /// Kind that it contains.
    pub kind: Kind,
    /// Name of the Python package.
    pub package: &'static str,
    /// Version of the package.
    pub version: &'static str,
    /// Platform tag, such as `manylinux_2_28_x86_64`: glibc 2.28 or newer.
    pub platform: &'static str,
    /// SHA-256 of the wheel, in lower-case hexadecimal digits.
    pub sha256: &'static str,
    /// Size of the wheel in bytes.
    pub bytes: u64,
    /// Total unpacked size of the members, in bytes.
    pub unpacked: u64,
    /// Folder inside the wheel that contains the members.
    pub folder: &'static str,
    /// The library that is loaded, or the first of them; unpacked first.
    pub library: &'static str,
    /// The other files that are unpacked, as paths below `folder`: libraries it loads from its own folder, and licence
    /// texts.
    pub others: &'static [&'static str],
    /// For libraries that a provider needs of others: the names by which it asks for them, such as `libcublas.so.13`, all of
    /// which a system has that can do without the wheel. Empty for ONNX Runtime and for plugins.
    pub provides: &'static [&'static str],
}

impl Wheel {
    /// Returns the requirement for pip, such as `onnxruntime==1.31.1`.
    pub fn requirement(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }

    /// Returns the paths inside the wheel of everything that is unpacked.
    pub fn members(&self) -> impl Iterator<Item = String> {
        let (folder, library, others) = (self.folder, self.library, self.others);
        let path = |name: &&str| if folder.is_empty() { (*name).to_owned() } else { format!("{folder}/{name}") };
        std::iter::once(&library).chain(others).map(path).collect::<Vec<_>>().into_iter()
    }

    /// Returns the place of what is unpacked, below the folder of all runtimes.
    pub(super) fn place(&self) -> PathBuf {
        if self.is_library() {
            Path::new(LIBRARIES).join(format!("{}-{}", self.package, self.version))
        } else {
            PathBuf::from(format!("{}-{}", self.kind, self.version))
        }
    }

    /// Returns `true` for libraries that a provider needs of others, `false` for ONNX Runtime and for plugins.
    pub(super) fn is_library(&self) -> bool {
        !self.provides.is_empty()
    }

    /// Returns the name of a member in the installed folder: its file name, except for a runtime's library, whose name is the
    /// same in every version.
    pub(super) fn installed_name<'a>(&self, member: &'a str) -> &'a str {
        let is_fixed = !self.is_library() && self.members().next().is_some_and(|first| first == member);
        if is_fixed { self.kind.library() } else { member.rsplit('/').next().unwrap_or(member) }
    }

    /// Returns the names of the libraries in the installed folder, in the order in which they are loaded.
    pub(super) fn libraries(&self) -> Vec<String> {
        let name = |member: String| self.installed_name(&member).to_owned();
        self.members().map(name).filter(|name| name.contains(".so")).collect()
    }

    /// Returns the files without which what is unpacked is of no use.
    pub(super) fn essential(&self) -> Vec<&'static str> {
        if self.is_library() { self.provides.to_vec() } else { vec![self.kind.library()] }
    }
}

/// ONNX Runtime with its CPU provider, for x86-64.
const CPU: Wheel = Wheel {
    kind: Kind::Cpu,
    package: "onnxruntime",
    version: ONNX_RUNTIME,
    platform: "manylinux_2_28_x86_64",
    sha256: "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
    bytes: 27_780_211,
    unpacked: 35_175_180,
    folder: "onnxruntime",
    library: "capi/libonnxruntime.so.1.32.0",
    others: &["capi/libonnxruntime_providers_shared.so", "LICENSE", "ThirdPartyNotices.txt"],
    provides: &[],
};

/// All pinned wheels.
pub const WHEELS: [Wheel; 4] = [
    CPU,
    Wheel {
        platform: "manylinux_2_28_aarch64",
        sha256: "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
        bytes: 23_196_724,
        unpacked: 27_700_596,
        ..CPU
    },
    Wheel {
        kind: Kind::Cuda,
        package: "onnxruntime-gpu",
        version: ONNX_RUNTIME_CUDA,
        library: "capi/libonnxruntime.so.1.31.1",
        sha256: "05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7",
        bytes: 255_569_273,
        unpacked: 314_785_345,
        others: &[
            "capi/libonnxruntime_providers_shared.so",
            "capi/libonnxruntime_providers_cuda.so",
            "capi/libonnxruntime_providers_tensorrt.so",
            "LICENSE",
            "ThirdPartyNotices.txt",
        ],
        ..CPU
    },
    Wheel {
        kind: Kind::OpenVino,
        package: "onnxruntime-ep-openvino",
        version: OPENVINO_PLUGIN,
        platform: "manylinux_2_28_x86_64",
        sha256: "3832643158c8c187fcab6db661cde2a8c06a2b3559d95d0f2411ac0e51c5e924",
        bytes: 52_587_628,
        unpacked: 158_511_031,
        folder: "onnxruntime_ep_openvino",
        library: "libonnxruntime_providers_openvino_plugin.so",
        // The wheel contains the plugin three times, also under versioned names, and tuning tables of the GPU plugin
        // (cache.json); one copy is enough, and the tables are installed with the plugin that reads them.
        others: &[
            "cache.json",
            "libhwloc.so.15",
            "libopenvino.so.2641",
            "libopenvino_auto_batch_plugin.so",
            "libopenvino_auto_plugin.so",
            "libopenvino_hetero_plugin.so",
            "libopenvino_intel_cpu_plugin.so",
            "libopenvino_intel_gpu_plugin.so",
            "libopenvino_intel_npu_plugin.so",
            "libopenvino_ir_frontend.so.2641",
            "libopenvino_onnx_frontend.so.2641",
            "libtbb.so.12",
            "libtbbbind_2_5.so.3",
            "libtbbmalloc.so.2",
            "libtbbmalloc_proxy.so.2",
            "third-party-programs.txt",
        ],
        provides: &[],
    },
];

/// Returns the wheel of a kind for the machine that this program was built for.
///
/// # Errors
/// Fails if there is none ([`ErrorKind::Unavailable`](gnet_core::ErrorKind::Unavailable)).
pub fn pinned(kind: Kind) -> Result<&'static Wheel> {
    pinned_for(kind, std::env::consts::OS, std::env::consts::ARCH)
}

fn pinned_for(kind: Kind, os: &str, arch: &str) -> Result<&'static Wheel> {
    let fits = |wheel: &&Wheel| os == "linux" && wheel.kind == kind && wheel.platform.ends_with(arch);
    WHEELS.iter().find(fits).ok_or_else(|| {
        Error::unavailable(format!("runtime {kind}"), format!("no wheel is known for {os} on {arch}"))
            .remedy("install ONNX Runtime yourself and name its library with --ort-lib or GNET_ORT_LIB")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::CUDA_LIBRARIES;

    #[test]
    fn the_table_is_well_formed() {
        for wheel in WHEELS.iter().chain(&CUDA_LIBRARIES) {
            assert!(wheel.sha256.len() == 64 && wheel.sha256.bytes().all(|b| b"0123456789abcdef".contains(&b)));
            assert!(wheel.members().next().unwrap().ends_with(wheel.library));
            let mut names: Vec<_> = wheel.members().map(|m| wheel.installed_name(&m).to_owned()).collect();
            assert_eq!(names[0], wheel.essential()[0]);
            assert!(wheel.essential().iter().all(|name| names.iter().any(|its| its == name)), "{names:?}");
            names.sort();
            names.dedup();
            assert_eq!(
                names.len(),
                wheel.others.len() + 1,
                "files land in one folder, so that each name is there once"
            );
            // NVIDIA's hold headers too, which are not unpacked.
            assert!(wheel.is_library() || wheel.unpacked > wheel.bytes, "{}", wheel.package);
        }
    }

    #[test]
    fn every_wheel_has_its_own_place_and_a_runtimes_library_one_name() {
        let mut places: Vec<_> = WHEELS.iter().chain(&CUDA_LIBRARIES).map(Wheel::place).collect();
        assert_eq!(places[2], Path::new("cuda-1.31.1"));
        assert!(places[5].starts_with("libraries"), "{places:?}");
        places.dedup();
        assert_eq!(places.len(), 10, "those for the CPU, one for each processor, have the same");
        assert_eq!(CPU.installed_name("onnxruntime/capi/libonnxruntime.so.1.32.0"), "libonnxruntime.so");
        assert_eq!(CPU.installed_name("onnxruntime/LICENSE"), "LICENSE");
        assert_eq!(CUDA_LIBRARIES[0].installed_name("nvidia/cu13/lib/libcudart.so.13"), "libcudart.so.13");
    }

    #[test]
    fn a_machine_gets_its_own_wheel_or_a_reason() {
        let platform = |kind, arch| pinned_for(kind, "linux", arch).map(|wheel| wheel.platform);
        assert_eq!(platform(Kind::Cpu, "x86_64").unwrap(), "manylinux_2_28_x86_64");
        assert_eq!(platform(Kind::Cpu, "aarch64").unwrap(), "manylinux_2_28_aarch64");
        let error = platform(Kind::Cuda, "aarch64").unwrap_err();
        assert_eq!(error.to_string(), "runtime cuda: no wheel is known for linux on aarch64");
        assert!(pinned_for(Kind::Cpu, "macos", "aarch64").is_err());
    }
}
