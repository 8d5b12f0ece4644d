//! Versions of NVIDIA's libraries that a session has brought into this process.

use std::path::PathBuf;

use super::Settings;
use super::raw;
use super::settings::set;

/// A library, the setting that states its version, and the way it tells it.
struct Known {
    /// Beginning of its file name.
    file: &'static str,
    setting: &'static str,
    version: fn(PathBuf) -> Option<String>,
}

const KNOWN: [Known; 3] = [
    Known { file: "libcudart.so", setting: "cuda_runtime", version: |path| raw::cudart_version(&path).map(cuda) },
    Known { file: "libcudnn.so", setting: "cudnn", version: |path| raw::cudnn_version(&path).map(cudnn) },
    Known {
        file: "libnvinfer.so",
        setting: "tensorrt_library",
        version: |path| raw::nvinfer_version(&path).map(cudnn),
    },
];

/// States the versions of those that are loaded. Where a system does not tell what is loaded, or a library not its version,
/// nothing is stated.
pub(super) fn versions(settings: &mut Settings) {
    let maps = std::fs::read("/proc/self/maps").unwrap_or_default();
    let maps = String::from_utf8_lossy(&maps);
    for known in &KNOWN {
        if let Some(version) = mapped(&maps, known.file).and_then(known.version) {
            set(settings, known.setting, version);
        }
    }
}

/// Returns the file with a name of this beginning that is mapped into a process: the sixth column of `/proc/PID/maps`
/// (`proc_pid_maps(5)`).
fn mapped(maps: &str, beginning: &str) -> Option<PathBuf> {
    let mut files = maps.lines().filter_map(|line| Some(PathBuf::from(&line[line.find('/')?..])));
    files.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning)))
}

/// Formats the number of `cudaRuntimeGetVersion`: 13010 is 13.1 (CUDA Runtime API, "Version Management").
fn cuda(number: i32) -> String {
    format!("{}.{}", number / 1000, number % 1000 / 10)
}

/// Formats the number of `cudnnGetVersion`, since cuDNN 9, and of `getInferLibVersion`, since TensorRT 10: 92800 is 9.28.0. Before
/// it was 8907 for 8.9.7.
fn cudnn(number: usize) -> String {
    let parts = if number >= 10_000 { [10_000, 100] } else { [1000, 100] };
    format!("{}.{}.{}", number / parts[0], number % parts[0] / parts[1], number % parts[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_nvidia_writes_them() {
        assert_eq!([12080, 13000, 13010].map(cuda), ["12.8", "13.0", "13.1"]);
        assert_eq!([92_800, 91_900, 8907, 101_401].map(cudnn), ["9.28.0", "9.19.0", "8.9.7", "10.14.1"]);
    }

    #[test]
    fn a_mapped_file_is_found_by_its_name() {
        let maps = "7f00-7f01 r-xp 0 08:01 12 /opt/cuda lib/libcudnn_ops.so.9\n\
                    7f01-7f02 r-xp 0 08:01 13                 /opt/cuda lib/libcudnn.so.9\n\
                    7f02-7f03 rw-p 0 00:00 0\n7f03-7f04 rw-p 0 00:00 0 [heap]\n";
        assert_eq!(mapped(maps, "libcudnn.so"), Some("/opt/cuda lib/libcudnn.so.9".into()));
        assert_eq!(mapped(maps, "libcudart.so"), None);
    }

    /// A library in this process that answers as cuDNN does. Rust links with `cc`, so that one is there.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_loaded_library_tells_its_version() {
        let dir = tempfile::tempdir().unwrap();
        let (source, library) = (dir.path().join("cudnn.c"), dir.path().join("libcudnn.so.9"));
        std::fs::write(&source, "#include <stddef.h>\nsize_t cudnnGetVersion(void) { return 92801; }\n").unwrap();
        let compiled =
            std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
        assert!(compiled.unwrap().success());
        assert_eq!(raw::cudnn_version(&library).map(cudnn).as_deref(), Some("9.28.1"));
        assert_eq!(raw::cudart_version(&library), None, "it has no such function");
        assert_eq!(raw::cudnn_version(&dir.path().join("none.so")), None);
    }
}
