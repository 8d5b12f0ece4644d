//! Ways in which a worker can be lost, in words.

use std::fmt;
use std::process::ExitStatus;

use crate::{Error, ErrorKind};

/// Reason why a worker gives no answer.
#[derive(Debug)]
pub enum Lost {
    /// It did not start: the program and the reason.
    NotStarted {
        /// Program that was to serve as the worker.
        program: String,
        /// The system's reason.
        reason: String,
    },
    /// There is no place for its output.
    NoFolder(String),
    /// It was stopped because the time limit was reached.
    Stopped {
        /// Its last report on what it was doing.
        doing: String,
    },
    /// It was interrupted by the user.
    Interrupted,
    /// It ended by itself.
    Died {
        /// Exit code or signal.
        status: ExitStatus,
        /// The most informative line of its stderr; empty if there is none.
        words: String,
    },
    /// Its order cannot be serialized, such as a path that is not valid text.
    Unsaid(String),
    /// Its answer cannot be understood.
    Confused(String),
}

impl Lost {
    /// Describes a worker that ended in the middle of its work.
    pub(super) fn died(status: ExitStatus, stderr: &str) -> Self {
        if was_interrupted(status) { Self::Interrupted } else { Self::Died { status, words: last_words(stderr) } }
    }

    /// Returns a remedy, if one is known.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::NoFolder(_) => Some("create that folder, or name another with TMPDIR"),
            Self::Died { status, words } if signal(*status) == Some(KILL) || words.contains(ALLOCATION) => {
                Some("it asked for more memory than there is; a smaller batch or size may fit")
            }
            _ => None,
        }
    }

    /// Turns it into the error of the task that the worker had.
    pub fn of(self, thing: impl fmt::Display) -> Error {
        match &self {
            Self::Interrupted => Error::interrupted(thing, "was interrupted"),
            _ => Error::input(thing, &self).with_remedy(self.remedy()),
        }
    }
}

/// Prefix of the message of Rust's and C++'s libraries about failed allocations.
const ALLOCATION: &str = "memory allocation of ";

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted { program, reason } => write!(f, "the worker {program} cannot be started: {reason}"),
            Self::NoFolder(reason) => write!(f, "no worker can be started: {reason}"),
            Self::Stopped { doing } if doing.is_empty() => f.write_str("the worker was stopped"),
            Self::Stopped { doing } => write!(f, "the worker was stopped while {doing}"),
            Self::Interrupted => f.write_str("the worker was interrupted"),
            Self::Died { status, words } if words.is_empty() => write!(f, "the worker died: {status}"),
            Self::Died { status, words } => write!(f, "the worker died: {status}: {words}"),
            Self::Unsaid(reason) => write!(f, "the worker's order cannot be written: {reason}"),
            Self::Confused(what) => write!(f, "the worker's answer cannot be understood: {what}"),
        }
    }
}

/// Number of the signal SIGKILL in POSIX.
const KILL: i32 = 9;
/// Those of SIGHUP, SIGINT and SIGTERM.
const INTERRUPTIONS: [i32; 3] = [1, 2, 15];

/// Returns `true` if the process was interrupted: Ctrl-C on a terminal also reaches a worker, and may reach it first.
fn was_interrupted(status: ExitStatus) -> bool {
    signal(status).is_some_and(|by| INTERRUPTIONS.contains(&by))
        || status.code() == Some(i32::from(ErrorKind::Interrupted.exit_code()))
}

/// Returns the signal that ended a process.
fn signal(status: ExitStatus) -> Option<i32> {
    #[cfg(unix)]
    return std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    None
}

/// Returns the most informative line of its stderr: that of a panic or a failed allocation, else the last.
fn last_words(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let after_panic = lines.iter().position(|line| line.contains("panicked at")).and_then(|at| lines.get(at + 1));
    let allocation = lines.iter().find(|line| line.contains(ALLOCATION));
    after_panic.or(allocation).or(lines.last()).map_or(String::new(), |line| (*line).to_owned())
}
