//! Measurement of one row in a separate process.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::measure::MEASURING;
use super::orders::{Progress, TurnAnswer, TurnOrder, unpacked};
use super::{Run, Spec};
use gnet_core::process::{Blocks, Lost, Worker};
use gnet_core::{Error, Result};

/// Measures one row in a fresh process: `exe engine-worker`, which must call [`serve`](crate::worker::serve).
///
/// # Errors
/// Returns the worker's own error; also fails if it could not be started, died, answered with something other than a
/// row, or took longer than [`Limits::max_load`](super::Limits::max_load) until it measured.
pub fn run_in_worker(exe: &Path, spec: &Spec) -> Result<Run> {
    run_in_worker_until(exe, spec, &AtomicBool::new(false))
}

/// Does the same as [`run_in_worker`] for as long as `stop` is false: when it becomes true, the worker is ended at
/// once.
///
/// # Errors
/// Those of [`run_in_worker`]; [`ErrorKind::Interrupted`](gnet_core::ErrorKind::Interrupted) if it was stopped.
pub fn run_in_worker_until(exe: &Path, spec: &Spec, stop: &AtomicBool) -> Result<Run> {
    ordered(Worker::start(exe), spec, stop)
}

fn ordered(worker: Result<Worker, Lost>, spec: &Spec, stop: &AtomicBool) -> Result<Run> {
    let (run, blocks) = RowWorker::of(worker, spec, stop)?.told(spec)?;
    Ok(with_samples(run, &blocks))
}

/// Returns what names a row in an error.
fn thing(spec: &Spec) -> String {
    format!("{} ({})", spec.path.display(), spec.label())
}

/// A process that measures a row by order.
pub(crate) struct RowWorker<'a> {
    worker: Worker,
    spec: &'a Spec,
    stop: &'a AtomicBool,
}

impl<'a> RowWorker<'a> {
    /// Starts a process whose row takes turns with that of another: it loads the network and warms up.
    pub fn in_turns(exe: &Path, spec: &'a Spec, stop: &'a AtomicBool) -> Result<Self> {
        let mut this = Self::of(Worker::start(exe), spec, stop)?;
        match this.told(&TurnOrder::Ready(Box::new(spec.clone())))?.0 {
            TurnAnswer::Ready => Ok(this),
            _ => Err(this.confused()),
        }
    }

    /// Measures for a turn.
    pub fn turn(&mut self) -> Result<Progress> {
        match self.told(&TurnOrder::Turn)?.0 {
            TurnAnswer::Turned(progress) => Ok(progress),
            _ => Err(self.confused()),
        }
    }

    /// Ends the turns and returns the row.
    pub fn finish(mut self) -> Result<Run> {
        match self.told(&TurnOrder::Finish)? {
            (TurnAnswer::Finished(run), blocks) => Ok(with_samples(*run, &blocks)),
            _ => Err(self.confused()),
        }
    }

    fn of(worker: Result<Worker, Lost>, spec: &'a Spec, stop: &'a AtomicBool) -> Result<Self> {
        Ok(Self { worker: worker.map_err(|lost| lost.of(thing(spec)))?, spec, stop })
    }

    fn confused(&self) -> Error {
        Lost::Confused("it belongs to another order".to_owned()).of(thing(self.spec))
    }

    /// Gives an order and waits for the answer for as long as nobody stops it and loading has time.
    fn told<A: DeserializeOwned>(&mut self, order: &impl Serialize) -> Result<(A, Blocks)> {
        let (start, spec) = (Instant::now(), self.spec);
        let stopped = || self.stop.load(Ordering::Relaxed);
        // Once it measures it ends by itself.
        let go_on = |doing: &str| !stopped() && (doing == MEASURING || start.elapsed() < spec.limits.max_load);
        match self.worker.ask(order, &[], &go_on) {
            Ok(answer) => answer,
            Err(Lost::Stopped { doing }) if !stopped() => {
                let reason = format!("{doing} takes longer than {:?}", spec.limits.max_load);
                Err(Error::input(thing(spec), reason).remedy("give it more time with --max-time SECONDS"))
            }
            Err(Lost::Stopped { .. } | Lost::Interrupted) => Err(Error::interrupted(spec.label(), "was interrupted")),
            Err(lost) => Err(lost.of(thing(spec))),
        }
    }
}

fn with_samples(run: Run, blocks: &[Vec<u8>]) -> Run {
    Run { samples_ns: unpacked(blocks), ..run }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::{Feed, Limits};
    use crate::runtime::{EngineOptions, Provider};
    use gnet_core::ErrorKind;

    fn spec(max_load: Duration) -> Spec {
        Spec {
            path: "net.onnx".into(),
            provider: Provider::Tract,
            batch: 2,
            threads: 1,
            limits: Limits { max_load, ..Limits::default() },
            macs_per_image: None,
            engine: EngineOptions::default(),
            feed: Feed::default(),
            trace: None,
            outputs: None,
        }
    }

    /// Runs a shell script in the place of the worker.
    fn told(script: &str, limit: Duration, stop: bool) -> Error {
        ordered(
            Worker::spawn(std::process::Command::new("sh").args(["-c", script])),
            &spec(limit),
            &AtomicBool::new(stop),
        )
        .unwrap_err()
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_worker_that_dies_is_an_error_of_its_row() {
        let killed = told("kill -9 $$", LONG, false);
        let says = "net.onnx (tract, batch 2, 1 thread): the worker died: signal: 9 (SIGKILL)";
        assert_eq!((killed.to_string().as_str(), killed.kind()), (says, ErrorKind::Input));
        assert!(killed.remedy_text().unwrap().contains("smaller batch"));
        let missing = run_in_worker(Path::new("/no/such/program"), &spec(LONG)).unwrap_err();
        assert!(missing.to_string().contains("the worker /no/such/program cannot be started"), "{missing}");
    }

    #[test]
    fn an_interrupted_worker_is_no_failure_of_its_row() {
        for error in [told("exec sleep 1000", LONG, true), told("exit 130", LONG, false)] {
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            assert_eq!(error.to_string(), "tract, batch 2, 1 thread: was interrupted");
        }
    }

    #[test]
    fn loading_has_its_limit_and_measuring_ends_by_itself() {
        let doing = |what: &str| format!("echo '{{\"gnet\":{{\"doing\":\"{what}\"}},\"blocks\":[]}}' >&0; ");
        let slow = told(&format!("{}exec sleep 1000", doing("loading")), Duration::from_millis(300), false);
        assert_eq!(slow.to_string(), "net.onnx (tract, batch 2, 1 thread): loading takes longer than 300ms");
        assert!(slow.remedy_text().unwrap().contains("--max-time"));
        let measures = told(&format!("{}sleep 0.5; exit 7", doing(MEASURING)), Duration::from_millis(300), false);
        assert!(measures.to_string().ends_with("the worker died: exit status: 7"), "{measures}");
    }
}
