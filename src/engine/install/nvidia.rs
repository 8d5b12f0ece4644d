//! CUDA's and cuDNN's own libraries, which ONNX Runtime's CUDA provider needs and its wheel does not hold: the packages
//! that its extras `cuda` and `cudnn` name, and those that these require in turn (cuBLAS, nvJitLink).

use super::{Kind, Wheel};

/// The package of CUDA's runtime, for x86-64: the only processor for which ONNX Runtime has a wheel with CUDA.
const CUDA: Wheel = Wheel {
    kind: Kind::Cuda,
    package: "nvidia-cuda-runtime",
    version: "13.5.37",
    platform: "manylinux_2_17_x86_64",
    sha256: "df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d",
    bytes: 2_504_024,
    unpacked: 865_982,
    folder: "",
    library: "nvidia/cu13/lib/libcudart.so.13",
    others: &["nvidia_cuda_runtime-13.5.37.dist-info/licenses/License.txt"],
    provides: &["libcudart.so.13"],
};

/// The packages in the order in which they are loaded, and so are the libraries of each: one needs none but those before it.
/// What the provider cannot do without comes first.
pub const CUDA_LIBRARIES: [Wheel; 7] = [
    CUDA,
    Wheel {
        package: "nvidia-cublas",
        version: "13.10.0.20",
        platform: "manylinux_2_5_x86_64",
        sha256: "dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84",
        bytes: 444_289_903,
        unpacked: 608_994_622,
        library: "nvidia/cu13/lib/libcublasLt.so.13",
        others: &["nvidia/cu13/lib/libcublas.so.13", "nvidia_cublas-13.10.0.20.dist-info/licenses/License.txt"],
        provides: &["libcublasLt.so.13", "libcublas.so.13"],
        ..CUDA
    },
    Wheel {
        package: "nvidia-curand",
        version: "10.4.5.25",
        platform: "manylinux_2_27_x86_64",
        sha256: "22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529",
        bytes: 77_113_015,
        unpacked: 104_919_558,
        library: "nvidia/cu13/lib/libcurand.so.10",
        others: &["nvidia_curand-10.4.5.25.dist-info/licenses/License.txt"],
        provides: &["libcurand.so.10"],
        ..CUDA
    },
    Wheel {
        package: "nvidia-cudnn-cu13",
        version: "9.28.1.4",
        platform: "manylinux_2_27_x86_64",
        sha256: "a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec",
        bytes: 516_817_937,
        unpacked: 940_131_302,
        library: "nvidia/cudnn/lib/libcudnn.so.9",
        // What cuDNN opens itself, when an operator first needs it.
        others: &[
            "nvidia/cudnn/lib/libcudnn_graph.so.9",
            "nvidia/cudnn/lib/libcudnn_ops.so.9",
            "nvidia/cudnn/lib/libcudnn_cnn.so.9",
            "nvidia/cudnn/lib/libcudnn_adv.so.9",
            "nvidia/cudnn/lib/libcudnn_heuristic.so.9",
            "nvidia/cudnn/lib/libcudnn_engines_precompiled.so.9",
            "nvidia/cudnn/lib/libcudnn_engines_runtime_compiled.so.9",
            "nvidia/cudnn/lib/libcudnn_engines_tensor_ir.so.9",
            "nvidia/cudnn/lib/libcudnn_ext.so.9",
            "nvidia_cudnn_cu13-9.28.1.4.dist-info/licenses/License.txt",
        ],
        provides: &["libcudnn.so.9"],
        ..CUDA
    },
    Wheel {
        package: "nvidia-nvjitlink",
        platform: "manylinux_2_12_x86_64",
        sha256: "280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb",
        bytes: 46_642_491,
        unpacked: 117_306_726,
        library: "nvidia/cu13/lib/libnvJitLink.so.13",
        others: &["nvidia_nvjitlink-13.5.37.dist-info/licenses/License.txt"],
        provides: &["libnvJitLink.so.13"],
        ..CUDA
    },
    Wheel {
        package: "nvidia-cuda-nvrtc",
        platform: "manylinux_2_12_x86_64",
        sha256: "86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc",
        bytes: 58_185_930,
        unpacked: 148_491_222,
        library: "nvidia/cu13/lib/libnvrtc.so.13",
        // NVRTC opens it itself.
        others: &[
            "nvidia/cu13/lib/libnvrtc-builtins.so.13.5",
            "nvidia_cuda_nvrtc-13.5.37.dist-info/licenses/License.txt",
        ],
        provides: &["libnvrtc.so.13"],
        ..CUDA
    },
    Wheel {
        package: "nvidia-cufft",
        version: "12.5.0.14",
        platform: "manylinux_2_17_x86_64",
        sha256: "b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad",
        bytes: 165_072_555,
        unpacked: 237_042_414,
        library: "nvidia/cu13/lib/libcufft.so.12",
        others: &["nvidia_cufft-12.5.0.14.dist-info/licenses/License.txt"],
        provides: &["libcufft.so.12"],
        ..CUDA
    },
];

/// Returns the packages that gnet provides where the system lacks a library: the first one that is not whole there (`has`
/// tells of each library), and all after it.
///
/// The ones after it are gnet's even if the system has a library of the same name, because they build on the ones before:
/// the cuDNN 9 of a system with CUDA 12 has the name, and does not work with CUDA 13.
pub(super) fn lacking(packages: &[Wheel], mut has: impl FnMut(&str) -> bool) -> &[Wheel] {
    let whole = packages.iter().take_while(|package| package.provides.iter().all(|name| has(name))).count();
    &packages[whole..]
}

/// Returns the packages for the machine that this program was built for; empty if there are none.
pub(super) fn packages() -> &'static [Wheel] {
    packages_for(std::env::consts::OS, std::env::consts::ARCH)
}

/// Returns `true` if gnet installs a library of this name, such as `libcudnn.so.9`, where the system lacks it.
pub(crate) fn provides(name: &str) -> bool {
    packages().iter().any(|package| package.provides.contains(&name))
}

fn packages_for(os: &str, arch: &str) -> &'static [Wheel] {
    let fits = os == "linux" && CUDA.platform.ends_with(arch);
    if fits { &CUDA_LIBRARIES } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_first_that_the_system_lacks_is_gnets_too() {
        let names = |system: &[&str]| {
            let lacking = lacking(&CUDA_LIBRARIES, |name| system.contains(&name));
            lacking.iter().map(|package| package.package).collect::<Vec<_>>()
        };
        let all: Vec<_> = CUDA_LIBRARIES.iter().flat_map(|package| package.provides).copied().collect();
        assert_eq!(names(&all), [""; 0]);
        assert_eq!(names(&all[..all.len() - 1]), ["nvidia-cufft"]);
        assert_eq!(names(&["libcudnn.so.9", "libcurand.so.10"]).len(), 7, "a toolkit of another version");
        let half: Vec<_> = all.iter().filter(|name| **name != "libcublas.so.13").copied().collect();
        assert_eq!(names(&half)[..2], ["nvidia-cublas", "nvidia-curand"]);
        assert_eq!(names(&half).len(), 6);
    }

    #[test]
    fn they_are_for_the_machines_that_have_a_runtime_with_cuda() {
        assert_eq!(packages_for("linux", "x86_64").len(), 7);
        for (os, arch) in [("linux", "aarch64"), ("macos", "x86_64"), ("windows", "x86_64")] {
            assert!(packages_for(os, arch).is_empty(), "{os} {arch}");
        }
    }
}
