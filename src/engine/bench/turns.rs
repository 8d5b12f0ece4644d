//! A row measured in turns with another process's, so that both see the same machine.

use std::thread;
use std::time::{Duration, Instant};

use super::measure::{Loaded, MEASURING};
use super::orders::{Progress, TurnAnswer, TurnOrder, packed};
use super::steady::Sampling;
use super::{Limits, Spec, SystemClock};
use crate::host;
use gnet_core::process::Blocks;
use gnet_core::{Error, Result};

/// Shortest time of a turn. Pairs of equal processes differed as much with turns of 5 and 10 ms, more with 20 and 25
/// (`benches/NOTES.md`).
const TURN: Duration = Duration::from_millis(10);

/// Least number of samples in a turn, so that its median is one.
const LEAST: usize = 3;

/// Longest time that a process waits for its own threads after a turn.
const REST: Duration = Duration::from_millis(250);

/// A row between two turns.
pub(crate) struct Turning {
    loaded: Loaded,
    sampling: Sampling,
    clock: SystemClock,
    /// Time for which its threads went on after it had run last.
    rested: Duration,
}

impl Turning {
    /// Carries out an order; `state` is the row that is measured here.
    pub fn carried_out(
        state: &mut Option<Self>,
        order: TurnOrder,
        doing: &mut dyn FnMut(&str),
    ) -> Result<(TurnAnswer, Blocks)> {
        let unready = || Error::check("turn", "no row is ready");
        match order {
            TurnOrder::Ready(spec) => {
                *state = Some(Self::ready(&spec, doing)?);
                Ok((TurnAnswer::Ready, Blocks::new()))
            }
            TurnOrder::Turn => {
                doing(MEASURING);
                let progress = state.as_mut().ok_or_else(unready)?.turn()?;
                Ok((TurnAnswer::Turned(progress), Blocks::new()))
            }
            TurnOrder::Finish => {
                doing(MEASURING);
                let Self { loaded, sampling, .. } = state.take().ok_or_else(unready)?;
                let run = loaded.measured(sampling.end()?)?;
                let samples = packed(&run);
                Ok((TurnAnswer::Finished(Box::new(run)), samples))
            }
        }
    }

    fn ready(spec: &Spec, doing: &mut dyn FnMut(&str)) -> Result<Self> {
        let mut loaded = Loaded::load(spec, doing)?;
        doing(MEASURING);
        let clock = SystemClock::start();
        let sampling = Sampling::warmed(&mut || loaded.run(), &clock, &spec.limits)?;
        Ok(Self { loaded, sampling, clock, rested: rest() })
    }

    /// Measures for a turn. Its first run is not timed: the caches are full of the other process. A process that has to rest
    /// long takes longer turns, so that a third of the time at least is measured.
    fn turn(&mut self) -> Result<Progress> {
        let whole = self.loaded.limits();
        let min_time = TURN.max(self.rested / 2).min(whole.max_time);
        let limits = Limits { min_time, min_samples: LEAST, relative_width: None, ..*whole };
        let run = &mut || self.loaded.run();
        self.sampling.untimed(run)?;
        self.sampling.turn(run, &self.clock, &limits)?;
        self.rested = rest();
        Ok(Progress { enough: self.sampling.is_enough(), over: self.sampling.is_over() })
    }
}

/// Waits until no other thread of this process runs, and returns how long that took. An engine's threads look for work for a
/// while before they sleep (ONNX Runtime's for some 50 ms), and would take the other process's cores.
fn rest() -> Duration {
    let start = Instant::now();
    while host::others_run() && start.elapsed() < REST {
        thread::sleep(Duration::from_millis(1));
    }
    start.elapsed()
}

#[cfg(all(test, feature = "tract"))]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::runtime::Provider;

    fn spec(min_samples: usize) -> Spec {
        let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/dynamic.onnx");
        let mut spec = Spec::new(fixture, Provider::Tract);
        (spec.limits.min_time, spec.limits.min_samples) = (Duration::ZERO, min_samples);
        spec
    }

    fn told(state: &mut Option<Turning>, order: TurnOrder) -> Result<TurnAnswer> {
        Turning::carried_out(state, order, &mut |_| ()).map(|(answer, _)| answer)
    }

    #[test]
    fn the_record_has_every_sample_of_every_turn() {
        let mut state = None;
        assert!(matches!(told(&mut state, TurnOrder::Ready(Box::new(spec(1)))).unwrap(), TurnAnswer::Ready));
        for _ in 0..3 {
            let TurnAnswer::Turned(progress) = told(&mut state, TurnOrder::Turn).unwrap() else { panic!() };
            assert_eq!(progress, Progress { enough: true, over: false });
        }
        let (TurnAnswer::Finished(run), blocks) =
            Turning::carried_out(&mut state, TurnOrder::Finish, &mut |_| ()).unwrap()
        else {
            panic!()
        };
        assert_eq!((run.turns.len(), run.turns.iter().sum::<usize>()), (3, run.samples));
        assert!(run.turns.iter().all(|samples| *samples >= LEAST), "{:?}", run.turns);
        assert_eq!(blocks, packed(&run));
        assert!(state.is_none());
    }

    #[test]
    fn turns_come_after_the_row_is_ready() {
        for order in [TurnOrder::Turn, TurnOrder::Finish] {
            assert_eq!(told(&mut None, order).unwrap_err().to_string(), "turn: no row is ready");
        }
        let mut state = None;
        assert!(told(&mut state, TurnOrder::Ready(Box::new(spec(0)))).is_err() && state.is_none());
    }
}
