//! Wall time and CPU time.

use std::time::{Duration, Instant};

use crate::host;

/// A source of times. Only differences are meaningful.
pub trait Clock {
    /// Returns monotonic wall time.
    fn wall(&self) -> Duration;

    /// Returns CPU time of all threads of this process, user and system; `None` if the system does not report it.
    fn cpu(&self) -> Option<Duration>;

    /// Returns the number of each thread of this process, and the time for which it has been ready to run and had no core;
    /// empty if the system does not report it.
    fn waits(&self) -> Vec<(u32, Duration)> {
        Vec::new()
    }
}

/// The machine's own clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Creates a clock whose wall time starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Duration {
        self.start.elapsed()
    }

    fn cpu(&self) -> Option<Duration> {
        process_cpu()
    }

    fn waits(&self) -> Vec<(u32, Duration)> {
        host::waits()
    }
}

/// Returns the CPU time of this process. `CLOCK_PROCESS_CPUTIME_ID` counts nanoseconds; `getrusage` would count in
/// ticks of the scheduler on some kernels.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "macos"))]
fn process_cpu() -> Option<Duration> {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).ok().map(Duration::from)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
fn process_cpu() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_go_forward() {
        let clock = SystemClock::start();
        let (wall, cpu) = (clock.wall(), clock.cpu());
        let work = (0..2_000_000_u64).fold(0, |sum, i| std::hint::black_box(sum ^ i));
        assert!(clock.wall() > wall, "{work}");
        assert!(cpu.is_none() || clock.cpu() > cpu);
    }
}
