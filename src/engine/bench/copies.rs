//! Cost of copies between host and device, for a provider with its own memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::latency::per_second;
use super::steady::{Steady, Timed, steady, timed};
use super::{Clock, Latency, Limits};
use crate::runtime::Session;
use gnet_core::Result;

/// Times of the copies of one batch, and of a run with them. The run's own latencies exclude copies.
#[derive(Debug, Clone, Copy, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Copies {
    /// Time to copy the inputs from the host to the device, in milliseconds.
    pub to_device_ms: Latency,
    /// Time to copy the outputs from the device to the host, in milliseconds.
    pub from_device_ms: Latency,
    /// Time to copy in, run and copy out, in milliseconds.
    pub with_copies_ms: Latency,
    /// The batch divided by the mean time with copies.
    pub images_per_s: Option<f64>,
}

/// Each copy is measured for this fraction of the time of the runs.
const PART: u32 = 4;

/// Measures the copies of a session that has run; `None` for one on the host.
pub(super) fn copies(
    session: &mut dyn Session,
    clock: &dyn Clock,
    limits: &Limits,
    batch: usize,
) -> Result<Option<Copies>> {
    if !session.has_device_memory() {
        return Ok(None);
    }
    let short = Limits { min_time: limits.min_time / PART, max_time: limits.max_time / PART, ..*limits };
    let to_device = settled(&mut || session.copy_in(), clock, &short)?;
    let from_device = settled(&mut || session.copy_out(), clock, &short)?;
    let with_copies = settled(&mut || session.run_with_copies(), clock, limits)?;
    Ok(Some(Copies {
        to_device_ms: Latency::of(&to_device.summary),
        from_device_ms: Latency::of(&from_device.summary),
        with_copies_ms: Latency::of(&with_copies.summary),
        images_per_s: per_second(batch, with_copies.summary.mean),
    }))
}

/// Returns the steady state after a first time, which never counts as a sample, not even without warm-up.
fn settled(copy: Timed<'_>, clock: &dyn Clock, limits: &Limits) -> Result<Steady> {
    timed(copy, clock)?;
    steady(copy, clock, limits)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::runtime::{Array, Input};

    /// Clock in microseconds that only advances while a mock device works.
    struct MockClock(Rc<Cell<u64>>);

    impl Clock for MockClock {
        fn wall(&self) -> Duration {
            Duration::from_micros(self.0.get())
        }

        fn cpu(&self) -> Option<Duration> {
            None
        }
    }

    thread_local! {
        static NOW: Rc<Cell<u64>> = Rc::default();
    }

    fn pass(micros: u64) -> Result<()> {
        NOW.with(|now| now.set(now.get() + micros));
        Ok(())
    }

    /// A device whose copies take 200 and 30 microseconds and whose runs take 1000.
    struct MockDevice(bool);

    impl Session for MockDevice {
        fn inputs(&self) -> &[Input] {
            &[]
        }
        fn bind(&mut self, _: &[Array]) -> Result<()> {
            Ok(())
        }
        fn run(&mut self) -> Result<()> {
            pass(1000)
        }
        fn has_device_memory(&self) -> bool {
            self.0
        }
        fn copy_in(&mut self) -> Result<()> {
            pass(200)
        }
        fn copy_out(&mut self) -> Result<()> {
            pass(30)
        }
        fn outputs(&self) -> Result<Vec<Array>> {
            Ok(Vec::new())
        }
        fn threads_used(&self) -> usize {
            1
        }
    }

    #[test]
    fn copies_are_told_apart_from_the_run() {
        let clock = MockClock(NOW.with(Rc::clone));
        let limits = Limits { min_time: Duration::from_millis(40), ..Limits::default() };
        let found = copies(&mut MockDevice(true), &clock, &limits, 8).unwrap().unwrap();
        let close = |latency: Latency, ms: f64| assert!((latency.p50 - ms).abs() < 1e-9, "{latency:?}");
        close(found.to_device_ms, 0.2);
        close(found.from_device_ms, 0.03);
        close(found.with_copies_ms, 1.23);
        assert!((found.images_per_s.unwrap() - 8.0 / 0.00123).abs() < 1e-6);
        assert_eq!(copies(&mut MockDevice(false), &clock, &limits, 8).unwrap(), None);
    }
}
