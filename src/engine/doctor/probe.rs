//! Trials in a process of their own, since what is tried may crash, hang or change its process permanently: loading a
//! library and running a session.

use std::time::Duration;

use super::{DoctorOptions, convolution};
use crate::runtime::apart::Engine;
use crate::runtime::{self, Library, Placement, Provider, RunOptions};
use gnet_core::process::{Lost, Worker};
use gnet_core::{Error, OnnxFile, Result};

pub(super) fn library(options: &DoctorOptions) -> Result<Library> {
    engine(Worker::start(&options.exe), Provider::Cpu, options.timeout)?.library(&options.engine)
}

/// Runs one convolution, and says where.
pub(super) fn session(provider: Provider, options: &DoctorOptions) -> Result<String> {
    let (file, run) = (OnnxFile::of_model(convolution::model()?), RunOptions::new(1, 1).engine(options.engine.clone()));
    let mut session = engine(Worker::start(&options.exe), provider, options.timeout)?.load(provider, &file, &run)?;
    let placement = Placement::checked(&session, &file, &run)?;
    convolution::check(&runtime::run(&mut session, &convolution::input()?)?)?;
    Ok(placement.map_or_else(|| "ran".to_owned(), |placement| format!("ran on {}", placement.requested)))
}

fn engine(worker: Result<Worker, Lost>, provider: Provider, limit: Duration) -> Result<Engine> {
    Engine::new(worker, Some(limit), move |lost| unavailable(provider, &lost, limit))
}

fn unavailable(provider: Provider, lost: &Lost, limit: Duration) -> Error {
    let error = |reason: String| Error::unavailable(format!("provider {provider}"), format!("the probe {reason}"));
    match lost {
        Lost::Stopped { .. } => error(format!("gave no answer within {} s and was stopped", limit.as_secs_f64()))
            .remedy("raise --timeout if the machine is slow; otherwise the library or the driver hangs"),
        Lost::Died { status, words } => {
            let words = if words.is_empty() { String::new() } else { format!(": {words}") };
            // A process that a signal has ended has no exit code.
            let end = match status.code() {
                None => format!("was killed by {status}"),
                Some(_) => format!("ended without an answer ({status})"),
            };
            error(format!("{end}{words}"))
                .remedy("the library crashed: its version, its libraries' or the driver's do not fit")
        }
        other => error(format!("failed: {other}")).with_remedy(other.remedy()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::reason::No;
    use crate::runtime::EngineOptions;

    #[cfg(unix)]
    fn answered(script: &str) -> Result<Library, No> {
        let worker = Worker::spawn(std::process::Command::new("sh").args(["-c", script]));
        let engine = engine(worker, Provider::Cpu, Duration::from_millis(500));
        engine.and_then(|engine| engine.library(&EngineOptions::default())).map_err(No::from)
    }

    #[cfg(unix)]
    #[test]
    fn a_worker_that_crashes_or_hangs_is_a_reason() {
        let refused = |script: &str| match answered(script) {
            Err(No { reason, remedy: Some(_) }) => reason.replace(" (core dumped)", ""),
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
        let library = r#"{"path":"/x","source":"--ort-lib","version":"1.31.1","providers":["CPUExecutionProvider"]}"#;
        let script = |answer: &str| {
            format!("echo noise; echo '{{\"gnet\":{{\"answer\":{answer}}},\"blocks\":[]}}' >&0; kill -SEGV $$")
        };
        let found = answered(&script(&format!(r#"{{"library":{library}}}"#))).unwrap();
        assert_eq!(serde_json::to_string(&found).unwrap(), library);
        let other = answered(&script(r#"{"ran":[]}"#)).unwrap_err();
        assert!(other.reason.starts_with("the probe failed: the worker's answer cannot be understood: "), "{other:?}");
    }

    #[test]
    fn a_program_that_is_not_there_is_a_reason() {
        let mut options = DoctorOptions::new("/no/such/program");
        options.timeout = Duration::from_secs(1);
        for error in [library(&options).unwrap_err(), session(Provider::Cuda, &options).unwrap_err()] {
            let no = No::from(error);
            assert!(no.reason.starts_with("the probe failed: the worker /no/such/program cannot be started"), "{no:?}");
        }
    }
}
