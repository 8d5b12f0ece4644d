//! Reasons why CUDA can use no GPU.

use super::reason::No;
use crate::host::Gpus;

/// Returns the reason why no GPU can be used by CUDA version `cuda`; `None` if there seems to be one.
pub(super) fn fault(gpus: &Gpus, cuda: Option<u32>) -> Option<No> {
    let no = No::new;
    if gpus.device_files.is_empty() && gpus.devices.is_empty() {
        return Some(match &gpus.driver {
            None => no("no NVIDIA GPU is seen: there is no /dev/nvidia0 and no driver".to_owned())
                .remedy("run it on a machine with a GPU and its driver; in a container, start that with --gpus all"),
            Some(driver) => no(format!("the driver {driver} shows no GPU: there is no /dev/nvidia0"))
                .remedy("in a container, start that with --gpus all; else see what `nvidia-smi` says"),
        });
    }
    let (Some(driver), Some(cuda)) = (&gpus.driver, cuda) else { return None };
    let (have, need) = (driver.split('.').next()?.parse::<u32>().ok()?, oldest_driver(cuda)?);
    (have < need).then(|| {
        no(format!("the driver {driver} is too old for CUDA {cuda}"))
            .remedy(format!("install a driver {need} or newer, or an ONNX Runtime for an older CUDA"))
    })
}

/// Returns the oldest driver that supports each CUDA version, from NVIDIA's table of minor version compatibility (for
/// Linux).
fn oldest_driver(cuda: u32) -> Option<u32> {
    match cuda {
        11 => Some(450),
        12 => Some(525),
        13 => Some(580),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::recorded;

    const OPEN: &str = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (root@x)  Sun\n\
                        GCC version:  gcc version 12.3.0\n";
    const CLOSED: &str = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n";

    #[test]
    fn a_driver_older_than_cuda_needs_is_a_fault() {
        let (_dir, system) = recorded(&[("/proc/driver/nvidia/version", CLOSED), ("/dev/nvidia0", "")]);
        let gpus = Gpus::read(&system, None);
        assert_eq!(gpus.summary(), "/dev/nvidia0, driver 535.183.01");
        assert_eq!(fault(&gpus, Some(13)).unwrap().reason, "the driver 535.183.01 is too old for CUDA 13");
        assert_eq!(fault(&gpus, Some(12)), None);
        assert_eq!(fault(&gpus, None), None);
    }

    #[test]
    fn no_gpu_is_a_fault_with_a_remedy() {
        let (_dir, system) = recorded(&[]);
        let no = fault(&Gpus::read(&system, None), Some(13)).unwrap();
        assert_eq!(no.reason, "no NVIDIA GPU is seen: there is no /dev/nvidia0 and no driver");
        assert!(no.remedy.unwrap().contains("--gpus all"));
        let (_dir, system) = recorded(&[("/proc/driver/nvidia/version", OPEN)]);
        assert!(
            fault(&Gpus::read(&system, None), None).unwrap().reason.starts_with("the driver 580.65.06 shows no GPU")
        );
    }
}
