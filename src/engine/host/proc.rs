//! The kernel's files in `/proc` with a line `key : value` for each fact.

/// Returns the values of every line with this key.
pub(crate) fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.filter(move |(its, _)| its.trim() == key).map(|(_, value)| value.trim())
}

/// Returns a line such as `VmHWM:  12345 kB` in bytes; `None` if there is none, or another number.
pub(crate) fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let number = values(text, key).next()?.strip_suffix("kB")?.trim().parse::<u64>();
    number.ok()?.checked_mul(1024)
}

/// Returns the second number of a thread's `schedstat`, the nanoseconds for which it was ready to run and had no core, or
/// had to wait for its turn on one: see `Documentation/scheduler/sched-stats.rst` of the kernel.
pub(crate) fn waited_ns(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().nth(1)?.parse().ok()
}

/// Returns whether a thread's `stat` says that it runs or is ready to: see `proc_pid_stat(5)`. Its name, in parentheses, may
/// hold anything.
pub(crate) fn is_running(stat: &str) -> bool {
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('R'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_thread_tells_how_long_it_waited() {
        assert_eq!(waited_ns("290020476 91424409 37\n"), Some(91_424_409));
        for broken in ["", "1", "1 x 3", "1 -2 3"] {
            assert_eq!(waited_ns(broken), None, "{broken:?}");
        }
    }

    use super::*;

    #[test]
    fn each_line_with_the_key_has_a_value() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\nprocessor\t: 1\nvendor_id\t: AuthenticAMD\n";
        assert_eq!(values(cpuinfo, "model name").collect::<Vec<_>>(), ["Some CPU @ 2.00GHz"]);
        assert_eq!(values(cpuinfo, "vendor_id").next(), Some("AuthenticAMD"));
        assert_eq!(values(cpuinfo, "processor").collect::<Vec<_>>(), ["0", "1"]);
        assert_eq!(values(cpuinfo, "model").next(), None, "a key is a whole word");
        assert_eq!(values("", "model name").next(), None);
    }

    #[test]
    fn kilobytes_are_read_in_bytes() {
        let status = "Name:\tgnet\nVmPeak:\t  900000 kB\nVmHWM:\t   12345 kB\nVmRSS:\t   12000 kB\n";
        assert_eq!(kilobytes(status, "VmHWM"), Some(12_345 * 1024));
        for broken in ["", "VmHWM:\n", "VmHWM:\tmuch kB\n", "VmHWM:\t99999999999999999999 kB\n"] {
            assert_eq!(kilobytes(broken, "VmHWM"), None, "{broken:?}");
        }
    }
}
