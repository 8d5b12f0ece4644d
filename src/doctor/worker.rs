//! What may crash, hang or change the process for good happens in a process of its own: loading a library and running a
//! session. The order goes in as JSON, the answer comes out as the last line of stdout.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::verdict::{No, OrtLibrary};
use super::{convolution, engine};
use crate::runtime::{self, EngineOptions, Provider, RunOptions};
use crate::{Error, Result, process};

/// The argument that makes the program a worker.
pub const WORKER_COMMAND: &str = "doctor-worker";

/// What a worker is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    pub job: Job,
    pub engine: EngineOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Job {
    /// Load ONNX Runtime and say what it is.
    Library,
    /// Run one convolution.
    Convolution(Provider),
}

/// What a worker answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reply {
    Library(OrtLibrary),
    /// Where the convolution ran.
    Ran(String),
    No(No),
}

/// Gives an order to a fresh process, `exe doctor-worker`, which must call [`serve`].
pub(super) fn ask(exe: &Path, order: &Order, limit: Duration) -> Reply {
    let Ok(text) = serde_json::to_vec(order) else {
        return Reply::No(No::new("the probe's order cannot be written: a path in it is no text"));
    };
    match process::run(Command::new(exe).arg(WORKER_COMMAND), &text, limit) {
        Ok(done) => understood(&done, limit),
        Err(e) => Reply::No(No::new(format!("the probe {} cannot be started: {e}", exe.display()))),
    }
}

fn understood(done: &process::Finished, limit: Duration) -> Reply {
    // A library may write lines of its own before the answer.
    let answer = done.stdout.lines().rev().find(|line| !line.trim().is_empty());
    if let Some(reply) = answer.and_then(|line| serde_json::from_str(line).ok()) {
        // What crashes while it cleans up has answered before.
        return reply;
    }
    let last = last_words(&done.stderr);
    Reply::No(match done.status {
        None => No::new(format!("the probe gave no answer within {} s and was stopped{last}", limit.as_secs_f64()))
            .remedy("raise --timeout if the machine is slow; otherwise the library or the driver hangs"),
        Some(status) => No::new(format!("the probe {}{last}", end(status)))
            .remedy("the library crashed: its version, its libraries' or the driver's do not fit"),
    })
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

/// The last line of stderr, after a colon.
fn last_words(stderr: &str) -> String {
    let last = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
    last.map_or(String::new(), |line| format!(": {line}"))
}

/// The worker's side: reads an order, carries it out in this process, writes the answer.
///
/// # Errors
/// The order cannot be read or the answer cannot be written. What does not work is an answer, not an error.
pub fn serve(mut order: impl Read, mut answer: impl Write) -> Result<()> {
    let fail = |reason: String| Error::input(WORKER_COMMAND, reason);
    let mut text = Vec::new();
    order.read_to_end(&mut text).map_err(|e| fail(format!("the order cannot be read: {e}")))?;
    let order: Order = serde_json::from_slice(&text).map_err(|e| {
        fail(format!("stdin holds no order: {e}")).remedy("use `gnet doctor`; it starts its workers itself")
    })?;
    let reply = carried_out(&order).unwrap_or_else(|error| Reply::No((&error).into()));
    let text = serde_json::to_string(&reply).map_err(|e| fail(e.to_string()))?;
    writeln!(answer, "\n{text}")
        .and_then(|()| answer.flush())
        .map_err(|e| fail(format!("the answer cannot be written: {e}")))
}

fn carried_out(order: &Order) -> Result<Reply> {
    match order.job {
        Job::Library => engine::library(&order.engine).map(Reply::Library),
        Job::Convolution(provider) => convolve(provider, &order.engine).map(Reply::Ran),
    }
}

fn convolve(provider: Provider, engine: &EngineOptions) -> Result<String> {
    let model = convolution::model()?;
    let options = RunOptions { engine: engine.clone(), ..RunOptions::new(1, 1) };
    let mut session = runtime::load(provider, &model, &options)?;
    convolution::check(&runtime::infer(session.as_mut(), &convolution::input()?)?)?;
    let placed = runtime::placement(session.as_ref(), &model, &options.sizes);
    Ok(placed.map_or_else(|| "ran".to_owned(), |placement| format!("ran on {}", placement.requested)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(job: Job) -> Order {
        Order { job, engine: EngineOptions::default() }
    }

    #[cfg(unix)]
    fn scripted(script: &str) -> Reply {
        let limit = Duration::from_millis(500);
        let done = process::run(Command::new("sh").args(["-c", script]), b"", limit).unwrap();
        understood(&done, limit)
    }

    #[cfg(unix)]
    fn refused(reply: Reply) -> String {
        let Reply::No(no) = reply else { panic!("{reply:?}") };
        assert!(no.remedy.is_some());
        no.reason
    }

    #[cfg(unix)]
    #[test]
    fn a_worker_that_crashes_or_hangs_is_a_reason() {
        assert_eq!(
            refused(scripted("echo 'libfoo: odd' >&2; kill -SEGV $$")).replace(" (core dumped)", ""),
            "the probe was killed by signal: 11 (SIGSEGV): libfoo: odd"
        );
        assert_eq!(refused(scripted("exit 7")), "the probe ended without an answer (exit status: 7)");
        assert_eq!(refused(scripted("echo nonsense")), "the probe ended without an answer (exit status: 0)");
        assert_eq!(refused(scripted("exec sleep 1000")), "the probe gave no answer within 0.5 s and was stopped");
    }

    #[cfg(unix)]
    #[test]
    fn an_answer_counts_among_other_lines_and_before_a_crash() {
        let ran = Reply::Ran("ran on X".into());
        assert_eq!(scripted("echo 'loading plugin'; echo '{\"ran\":\"ran on X\"}'; echo"), ran);
        assert_eq!(scripted("echo '{\"ran\":\"ran on X\"}'; kill -SEGV $$"), ran);
    }

    #[test]
    fn a_program_that_is_not_there_is_a_reason() {
        let reply = ask(Path::new("/no/such/program"), &order(Job::Library), Duration::from_secs(1));
        assert!(
            matches!(reply, Reply::No(no) if no.reason.starts_with("the probe /no/such/program cannot be started"))
        );
    }

    #[test]
    fn an_order_survives_its_way_and_nonsense_is_refused() {
        let order = order(Job::Convolution(Provider::Cuda));
        let text = serde_json::to_string(&order).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
        let error = serve(&b"{}"[..], Vec::new()).unwrap_err();
        assert!(error.to_string().starts_with("doctor-worker: stdin holds no order: "), "{error}");
    }

    #[cfg(feature = "tract")]
    #[test]
    fn tract_runs_the_convolution() {
        let mut answer = Vec::new();
        serve(&*serde_json::to_vec(&order(Job::Convolution(Provider::Tract))).unwrap(), &mut answer).unwrap();
        assert_eq!(String::from_utf8(answer).unwrap(), "\n{\"ran\":\"ran\"}\n");
    }

    #[cfg(not(feature = "tract"))]
    #[test]
    fn a_provider_that_is_not_built_in_is_a_reason() {
        let mut answer = Vec::new();
        serve(&*serde_json::to_vec(&order(Job::Convolution(Provider::Tract))).unwrap(), &mut answer).unwrap();
        assert!(String::from_utf8(answer).unwrap().starts_with("\n{\"no\":{\"reason\":\"this build has no tract"));
    }
}
