//! Times for which the threads of this process were ready to run and had no core.

use std::time::Duration;

use super::proc::{is_running, waited_ns};
use super::system::System;

/// Returns the number of each thread of this process, and the time for which it has waited for a core so far; empty where
/// the system does not report it.
pub fn waits() -> Vec<(u32, Duration)> {
    read(&System::this())
}

fn read(system: &System) -> Vec<(u32, Duration)> {
    let threads = system.names("/proc/self/task");
    let of = |name: String| {
        let waited = waited_ns(&system.text(format!("/proc/self/task/{name}/schedstat"))?)?;
        Some((name.parse().ok()?, Duration::from_nanos(waited)))
    };
    threads.into_iter().filter_map(of).collect()
}

/// Returns whether more than one thread of this process runs or is ready to: one besides the caller's. `false` where the
/// system does not report it.
pub fn others_run() -> bool {
    running(&System::this()) > 1
}

fn running(system: &System) -> usize {
    let runs =
        |name: &String| system.text(format!("/proc/self/task/{name}/stat")).is_some_and(|stat| is_running(&stat));
    system.names("/proc/self/task").iter().filter(|name| runs(name)).count()
}

#[cfg(test)]
mod tests {
    use super::super::system::recorded;
    use super::*;

    #[test]
    fn every_thread_is_told_of() {
        let (_dir, system) = recorded(&[
            ("/proc/self/task/7/schedstat", "5 3000 2\n"),
            ("/proc/self/task/12/schedstat", "1 0 1\n"),
            ("/proc/self/task/13/status", "x"),
        ]);
        let mut found = read(&system);
        found.sort();
        assert_eq!(found, [(7, Duration::from_micros(3)), (12, Duration::ZERO)]);
        assert!(read(&recorded(&[]).1).is_empty());
    }

    #[test]
    fn threads_that_run_are_counted() {
        let (_dir, system) = recorded(&[
            ("/proc/self/task/7/stat", "7 (gnet) R 1 7 7 0\n"),
            ("/proc/self/task/12/stat", "12 (a) R (b) S 1 7 7 0\n"),
            ("/proc/self/task/13/stat", "13 (ort) R 1 7 7 0\n"),
            ("/proc/self/task/14/status", "x"),
        ]);
        assert_eq!(running(&system), 2);
        assert_eq!(running(&recorded(&[]).1), 0);
    }

    /// A thread that spins is seen until it ends.
    #[cfg(target_os = "linux")]
    #[test]
    fn another_thread_of_this_process_is_seen() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop()
                }
            });
            // It may not have begun yet.
            while !others_run() {
                std::thread::yield_now();
            }
            stop.store(true, Ordering::Relaxed);
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_thread_is_among_those_of_this_process() {
        // A kernel may be built without this; if it has it, the main thread is there.
        let found = waits();
        assert!(found.is_empty() || found.iter().any(|(thread, _)| *thread == std::process::id()), "{found:?}");
    }
}
