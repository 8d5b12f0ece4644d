//! Peak memory of this process.

/// The largest resident set this process has had, in bytes: `VmHWM` of `/proc/self/status`.
///
/// `ru_maxrss` of `getrusage` will not do: it survives `exec`, so a small child would report the peak of the large
/// process it was forked from. `None` where there is no `/proc`.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    peak_in_status(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn peak_in_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_in_bytes() {
        let status = "Name:\tgnet\nVmPeak:\t  900000 kB\nVmHWM:\t   12345 kB\nVmRSS:\t   12000 kB\n";
        assert_eq!(peak_in_status(status), Some(12_345 * 1024));
        for broken in ["", "VmHWM:\n", "VmHWM:\tmuch kB\n", "VmHWM:\t99999999999999999999 kB\n"] {
            assert_eq!(peak_in_status(broken), None, "{broken:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn touching_memory_raises_the_peak() {
        let before = peak_rss_bytes().unwrap();
        let block = vec![1_u8; 96 << 20];
        assert_eq!(std::hint::black_box(&block)[block.len() - 1], 1);
        assert!(peak_rss_bytes().unwrap() >= before.min(64 << 20) + (32 << 20));
    }
}
