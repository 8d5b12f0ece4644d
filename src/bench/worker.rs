//! One row in a process of its own: the row goes in as JSON, its result or its error comes out as JSON.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::{Run, Spec, measure};
use crate::process::{self, Finished};
use crate::{Error, ErrorKind, Result};

/// What a worker writes to its stdout.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Run(Box<Run>),
    Error(Failure),
}

/// An [`Error`] on its way between processes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    exit_code: u8,
    text: String,
    remedy: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            exit_code: error.kind().exit_code(),
            text: error.to_string(),
            remedy: error.remedy_text().map(str::to_owned),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        // An error reads `thing: reason`; wherever it is cut, it reads the same when put together.
        let (thing, reason) = failure.text.split_once(": ").unwrap_or(("worker", &failure.text));
        let is = |kind: ErrorKind| failure.exit_code == kind.exit_code();
        let error = if is(ErrorKind::Input) {
            Error::input(thing, reason)
        } else if is(ErrorKind::Unavailable) {
            Error::unavailable(thing, reason)
        } else {
            Error::check(thing, reason)
        };
        match failure.remedy {
            Some(remedy) => error.remedy(remedy),
            None => error,
        }
    }
}

/// The argument that makes the program a worker.
pub const WORKER_COMMAND: &str = "bench-worker";

/// Measures one row in a fresh process: `exe bench-worker`, which must call [`serve`].
///
/// # Errors
/// The worker's own error, or that it could not be started, died, or answered with something else than a row.
pub fn run_in_worker(exe: &Path, spec: &Spec) -> Result<Run> {
    run_in_worker_until(exe, spec, &AtomicBool::new(false))
}

/// As [`run_in_worker`], for as long as `stop` is false: when it turns true, the worker is ended at once.
///
/// # Errors
/// As [`run_in_worker`]; [`ErrorKind::Interrupted`] when it was stopped.
pub fn run_in_worker_until(exe: &Path, spec: &Spec, stop: &AtomicBool) -> Result<Run> {
    ordered(Command::new(exe).arg(WORKER_COMMAND), spec, stop)
}

fn ordered(worker: &mut Command, spec: &Spec, stop: &AtomicBool) -> Result<Run> {
    let order = serde_json::to_vec(spec).map_err(|e| failure(spec, e.to_string()))?;
    let done = process::run_while(worker, &order, &|| !stop.load(Ordering::Relaxed))
        .map_err(|e| failure(spec, format!("the worker {:?} cannot be started: {e}", worker.get_program())))?;
    understand(spec, &done)
}

fn understand(spec: &Spec, done: &Finished) -> Result<Run> {
    let Some(status) = done.status.filter(|status| !was_interrupted(*status)) else {
        return Err(Error::interrupted(spec.label(), "was interrupted"));
    };
    if !status.success() {
        let error = failure(spec, format!("the worker died: {status}{}", last_words(&done.stderr)));
        return Err(if was_killed(status) {
            error.remedy("it may have run out of memory; try a smaller batch")
        } else {
            error
        });
    }
    match serde_json::from_str(&done.stdout) {
        Ok(Answer::Run(run)) => Ok(*run),
        Ok(Answer::Error(failure)) => Err(failure.into()),
        Err(e) => Err(failure(spec, format!("the worker's answer cannot be understood: {e}"))),
    }
}

fn failure(spec: &Spec, reason: String) -> Error {
    Error::check(format!("{} ({})", spec.path.display(), spec.label()), reason)
}

/// Ctrl-C on a terminal reaches the worker as well, and may reach it first: while it listens, or before.
fn was_interrupted(status: ExitStatus) -> bool {
    #[cfg(unix)]
    {
        use nix::sys::signal::Signal;
        use std::os::unix::process::ExitStatusExt;
        let by = status.signal().and_then(|signal| Signal::try_from(signal).ok());
        if by.is_some_and(|signal| [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].contains(&signal)) {
            return true;
        }
    }
    status.code() == Some(i32::from(ErrorKind::Interrupted.exit_code()))
}

#[cfg(unix)]
fn was_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(nix::libc::SIGKILL)
}

#[cfg(not(unix))]
fn was_killed(_: ExitStatus) -> bool {
    false
}

/// The line of its stderr that says most: that of a panic or a failed allocation, else the last.
fn last_words(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let after_panic = lines.iter().position(|line| line.contains("panicked at")).and_then(|at| lines.get(at + 1));
    let allocation = lines.iter().find(|line| line.contains("memory allocation"));
    after_panic.or(allocation).or(lines.last()).map_or(String::new(), |line| format!(": {line}"))
}

/// The worker's side: reads a row from `order`, measures it in this process, writes the answer to `answer`.
///
/// # Errors
/// The order cannot be read or the answer cannot be written. A row that fails is an answer, not an error.
pub fn serve(mut order: impl Read, mut answer: impl Write) -> Result<()> {
    let fail = |reason: String| Error::input(WORKER_COMMAND, reason);
    let mut text = Vec::new();
    order.read_to_end(&mut text).map_err(|e| fail(format!("the row cannot be read: {e}")))?;
    let spec: Spec = serde_json::from_slice(&text).map_err(|e| {
        fail(format!("stdin holds no row: {e}")).remedy("use `gnet bench`; it starts its workers itself")
    })?;
    let result = match measure(&spec) {
        Ok(run) => Answer::Run(Box::new(run)),
        Err(error) => Answer::Error((&error).into()),
    };
    let text = serde_json::to_vec(&result).map_err(|e| fail(e.to_string()))?;
    answer
        .write_all(&text)
        .and_then(|()| answer.flush())
        .map_err(|e| fail(format!("the answer cannot be written: {e}")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::{Feed, Limits};
    use crate::runtime::{EngineOptions, Provider};

    fn spec(name: &str) -> Spec {
        Spec {
            path: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name),
            provider: Provider::Tract,
            batch: 2,
            threads: 1,
            limits: Limits { min_time: Duration::ZERO, min_samples: 3, ..Limits::default() },
            macs_per_image: None,
            engine: EngineOptions::default(),
            feed: Feed::default(),
            trace: None,
        }
    }

    /// What a worker answers to a row, without the processes.
    fn answered(spec: &Spec) -> Result<Run> {
        let mut answer = Vec::new();
        serve(&*serde_json::to_vec(spec).unwrap(), &mut answer).unwrap();
        let status = Some(Command::new("true").status().unwrap());
        understand(spec, &Finished { status, stdout: String::from_utf8(answer).unwrap(), stderr: String::new() })
    }

    /// Runs a shell script in the worker's place.
    #[cfg(unix)]
    fn scripted(script: &str) -> Error {
        let stop = AtomicBool::new(false);
        ordered(Command::new("sh").args(["-c", script]), &spec("dynamic.onnx"), &stop).unwrap_err()
    }

    #[cfg(feature = "tract")]
    #[test]
    fn a_row_comes_back_through_the_worker() {
        let run = answered(&spec("dynamic.onnx")).unwrap();
        assert_eq!((run.batch, run.samples), (2, 3));
    }

    #[test]
    fn an_error_keeps_its_kind_text_and_remedy_across_the_processes() {
        let missing = answered(&spec("missing.onnx")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Input);
        assert!(missing.to_string().contains("missing.onnx: "), "{missing}");
        for error in
            [Error::input("a: b", "c: d").remedy("e"), Error::check("a", "b"), Error::unavailable("a", "b").remedy("c")]
        {
            let there = serde_json::to_string(&Failure::from(&error)).unwrap();
            let back = Error::from(serde_json::from_str::<Failure>(&there).unwrap());
            assert_eq!(
                (back.kind(), back.to_string(), back.remedy_text()),
                (error.kind(), error.to_string(), error.remedy_text())
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_worker_that_dies_is_an_error_with_its_reason() {
        let killed = scripted("kill -9 $$");
        assert!(
            killed.to_string().contains("(tract, batch 2, 1 thread): the worker died: signal: 9 (SIGKILL)"),
            "{killed}"
        );
        assert!(killed.remedy_text().unwrap().contains("smaller batch"));
        let panicked = scripted("echo \"thread 'main' panicked at x.rs:1\nthe reason\nnote: more\" >&2; exit 101");
        assert!(panicked.to_string().ends_with("the worker died: exit status: 101: the reason"), "{panicked}");
        let silent = scripted("exit 7");
        assert!(silent.to_string().ends_with("the worker died: exit status: 7"), "{silent}");
        assert_eq!(silent.kind(), ErrorKind::Check);
    }

    #[cfg(unix)]
    #[test]
    fn an_interrupted_worker_is_no_failure_of_its_row() {
        let stop = AtomicBool::new(true);
        let endless = ordered(Command::new("sh").args(["-c", "exec sleep 1000"]), &spec("dynamic.onnx"), &stop);
        for error in
            [endless.unwrap_err(), scripted("exit 130"), scripted("exec env --default-signal=INT sh -c 'kill -INT $$'")]
        {
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            assert_eq!(error.to_string(), "tract, batch 2, 1 thread: was interrupted");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_worker_that_talks_nonsense_or_is_missing_is_an_error() {
        assert!(scripted("echo nonsense").to_string().contains("the worker's answer cannot be understood"));
        let missing = run_in_worker(Path::new("/no/such/program"), &spec("dynamic.onnx")).unwrap_err();
        assert!(missing.to_string().contains("the worker \"/no/such/program\" cannot be started"), "{missing}");
    }

    #[test]
    fn an_order_that_is_no_row_is_refused() {
        let error = serve(&b"{}"[..], Vec::new()).unwrap_err();
        assert!(error.to_string().starts_with("bench-worker: stdin holds no row: "), "{error}");
    }
}
