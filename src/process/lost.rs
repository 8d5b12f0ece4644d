//! How a worker can be lost, in words.

use std::fmt;
use std::process::ExitStatus;

use crate::{Error, ErrorKind};

/// Why a worker gives no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It never ran: the program and the reason.
    NotStarted { program: String, reason: String },
    /// There is no place for what it would say.
    NoFolder(String),
    /// It was stopped because nobody wanted to wait any longer.
    Stopped {
        /// What it said last that it was doing.
        doing: String,
    },
    /// Somebody interrupted it.
    Interrupted,
    /// It ended by itself.
    Died {
        status: ExitStatus,
        /// The line of its stderr that says most; empty when it said nothing.
        words: String,
    },
    /// Its order cannot be put in words, such as a path that is no text.
    Unsaid(String),
    /// It answered what cannot be understood.
    Confused(String),
}

impl Lost {
    /// A worker that ended in the middle of its work.
    pub(super) fn died(status: ExitStatus, stderr: &str) -> Self {
        if was_interrupted(status) { Self::Interrupted } else { Self::Died { status, words: last_words(stderr) } }
    }

    /// What a user can do about it, where that is known.
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::NoFolder(_) => Some("create that folder, or name another with TMPDIR"),
            Self::Died { status, words } if was_killed(*status) || words.contains(ALLOCATION) => {
                Some("it asked for more memory than there is; a smaller batch or size may fit")
            }
            _ => None,
        }
    }

    /// The failure of what the worker was to do.
    pub(crate) fn of(self, thing: impl fmt::Display) -> Error {
        let error = match &self {
            Self::Interrupted => Error::interrupted(thing, "was interrupted"),
            _ => Error::input(thing, &self),
        };
        match self.remedy() {
            Some(remedy) => error.remedy(remedy),
            None => error,
        }
    }
}

/// What Rust's and C++'s libraries say of memory that is not there.
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

/// Ctrl-C on a terminal reaches a worker as well, and may reach it first.
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
    let allocation = lines.iter().find(|line| line.contains(ALLOCATION));
    after_panic.or(allocation).or(lines.last()).map_or(String::new(), |line| (*line).to_owned())
}
