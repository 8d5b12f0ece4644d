//! Peak memory of this process.

use crate::host::proc::kilobytes;

/// Returns the largest resident set this process has had, in bytes: `VmHWM` of `/proc/self/status`.
///
/// `ru_maxrss` of `getrusage` is not suitable: it survives `exec`, so a small child would report the peak of the large
/// process it was forked from. `None` without `/proc`.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, "VmHWM")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn touching_memory_raises_the_peak() {
        let before = peak_rss_bytes().unwrap();
        let block = vec![1_u8; 96 << 20];
        assert_eq!(std::hint::black_box(&block)[block.len() - 1], 1);
        assert!(peak_rss_bytes().unwrap() >= before.min(64 << 20) + (32 << 20));
    }
}
