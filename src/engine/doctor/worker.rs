//! Isolation of what may crash, hang or change the process permanently, namely loading a library and running a session,
//! in a separate process.

use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::reason::No;
use super::verdict::OrtLibrary;
use super::{convolution, engine};
use crate::runtime::{self, EngineOptions, Placement, Provider, RunOptions};
use gnet_core::process::{self, Lost, Worker};
use gnet_core::{OnnxFile, Result};

/// Argument that makes the program a worker.
pub const WORKER_COMMAND: &str = "doctor-worker";

/// Order to a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    pub job: Job,
    pub engine: EngineOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Job {
    /// Load ONNX Runtime and describe it.
    Library,
    /// Run one convolution.
    Convolution(Provider),
}

/// Reply of a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reply {
    Library(OrtLibrary),
    /// Provider on which the convolution ran.
    Ran(String),
    No(No),
}

/// Gives an order to a fresh process, `exe doctor-worker`, which must call [`serve`].
pub(super) fn ask(exe: &Path, order: &Order, limit: Duration) -> Reply {
    asked(Worker::start(exe, WORKER_COMMAND), order, limit)
}

fn asked(worker: Result<Worker, Lost>, order: &Order, limit: Duration) -> Reply {
    let start = Instant::now();
    match worker.and_then(|mut worker| worker.ask(order, &[], &|_| start.elapsed() < limit)) {
        Ok(Ok((reply, _))) => reply,
        Ok(Err(error)) => Reply::No((&error).into()),
        Err(lost) => Reply::No(no(&lost, limit)),
    }
}

fn no(lost: &Lost, limit: Duration) -> No {
    match lost {
        Lost::Stopped { .. } => {
            No::new(format!("the probe gave no answer within {} s and was stopped", limit.as_secs_f64()))
                .remedy("raise --timeout if the machine is slow; otherwise the library or the driver hangs")
        }
        Lost::Died { status, words } => {
            let words = if words.is_empty() { String::new() } else { format!(": {words}") };
            No::new(format!("the probe {}{words}", end(*status)))
                .remedy("the library crashed: its version, its libraries' or the driver's do not fit")
        }
        other => {
            let no = No::new(format!("the probe failed: {other}"));
            match other.remedy() {
                Some(remedy) => no.remedy(remedy),
                None => no,
            }
        }
    }
}

#[cfg(unix)]
fn end(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(_) => format!("was killed by {status}"),
        None => format!("ended without an answer ({status})"),
    }
}

#[cfg(not(unix))]
fn end(status: ExitStatus) -> String {
    format!("ended without an answer ({status})")
}

/// Serves as the worker: carries out orders in this process.
///
/// # Errors
/// Fails on orders that cannot be understood. A failure of the work itself is an answer, not an error.
pub fn serve() -> Result<()> {
    process::serve(WORKER_COMMAND, "gnet doctor", |order: Order, _, _| Ok((carried_out(&order)?, Vec::new())))
}

fn carried_out(order: &Order) -> Result<Reply> {
    match order.job {
        Job::Library => engine::library(&order.engine).map(Reply::Library),
        Job::Convolution(provider) => convolve(provider, &order.engine).map(Reply::Ran),
    }
}

fn convolve(provider: Provider, engine: &EngineOptions) -> Result<String> {
    let file = OnnxFile::of_model(convolution::model()?);
    let options = RunOptions { engine: engine.clone(), ..RunOptions::new(1, 1) };
    let mut session = runtime::load(provider, &file, &options)?;
    convolution::check(&runtime::run(session.as_mut(), &convolution::input()?)?)?;
    let placed = Placement::of_session(session.as_ref(), &file, &options.sizes);
    Ok(placed.map_or_else(|| "ran".to_owned(), |placement| format!("ran on {}", placement.requested)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(job: Job) -> Order {
        Order { job, engine: EngineOptions::default() }
    }

    #[cfg(unix)]
    fn answered(script: &str) -> Reply {
        asked(
            Worker::spawn(std::process::Command::new("sh").args(["-c", script])),
            &order(Job::Library),
            Duration::from_millis(500),
        )
    }

    #[cfg(unix)]
    #[test]
    fn a_worker_that_crashes_or_hangs_is_a_reason() {
        let refused = |script: &str| match answered(script) {
            Reply::No(No { reason, remedy: Some(_), .. }) => reason.replace(" (core dumped)", ""),
            other => panic!("{other:?}"),
        };
        let crash = "echo 'libfoo: odd' >&2; kill -SEGV $$";
        assert_eq!(refused(crash), "the probe was killed by signal: 11 (SIGSEGV): libfoo: odd");
        assert_eq!(refused("exit 7"), "the probe ended without an answer (exit status: 7)");
        assert_eq!(refused("exec sleep 1000"), "the probe gave no answer within 0.5 s and was stopped");
    }

    #[cfg(unix)]
    #[test]
    fn an_answer_counts_among_other_lines_and_before_a_crash() {
        let ran = r#"echo noise; echo '{"gnet":{"answer":{"ran":"ran on X"}},"blocks":[]}' >&0; kill -SEGV $$"#;
        assert_eq!(answered(ran), Reply::Ran("ran on X".into()));
    }

    #[test]
    fn a_program_that_is_not_there_is_a_reason() {
        let reply = ask(Path::new("/no/such/program"), &order(Job::Library), Duration::from_secs(1));
        let Reply::No(no) = reply else { panic!("{reply:?}") };
        assert!(no.reason.starts_with("the probe failed: the worker /no/such/program cannot be started"), "{no:?}");
    }

    #[test]
    fn an_order_survives_its_way() {
        let order = order(Job::Convolution(Provider::Cuda));
        let text = serde_json::to_string(&order).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
    }

    #[cfg(feature = "tract")]
    #[test]
    fn tract_runs_the_convolution() {
        assert_eq!(carried_out(&order(Job::Convolution(Provider::Tract))).unwrap(), Reply::Ran("ran".into()));
    }

    #[cfg(not(feature = "tract"))]
    #[test]
    fn a_provider_that_is_not_built_in_is_a_reason() {
        let error = carried_out(&order(Job::Convolution(Provider::Tract))).unwrap_err();
        assert!(error.to_string().contains("this build has no tract"), "{error}");
    }
}
