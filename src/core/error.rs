//! The library's error type: what is wrong, why, and the remedy.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Kind of failure that an [`Error`] describes. Each kind has one exit code, documented in the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A check failed: two runtimes disagree, a count is off. Exit code 1.
    Check,
    /// Bad usage or bad input: a flag, a file, a value. Exit code 2.
    Input,
    /// A runtime, provider or feature is unavailable. Exit code 3.
    Unavailable,
    /// A comparison of measurements could not be decided: too noisy, or too close to the limit. Exit code 4.
    Undecided,
    /// The user interrupted it: Ctrl-C. Exit code 130, as a shell reports it.
    Interrupted,
}

impl ErrorKind {
    /// Returns the exit code of a program that ends with this kind of error.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Check => 1,
            Self::Input => 2,
            Self::Unavailable => 3,
            Self::Undecided => 4,
            Self::Interrupted => 130,
        }
    }
}

/// One failure: the thing concerned, the reason, and, if known, the remedy. It crosses process boundaries as JSON.
///
/// ```
/// # use gnet_core as gnet;
/// use gnet::{Error, ErrorKind};
///
/// let error = Error::input("--image-size 8", "the network needs at least 15 pixels").remedy("use --image-size 28");
/// assert_eq!(error.kind(), ErrorKind::Input);
/// assert_eq!(error.to_string(), "--image-size 8: the network needs at least 15 pixels");
/// ```
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
#[error("{thing}: {reason}")]
pub struct Error {
    kind: ErrorKind,
    thing: String,
    reason: String,
    remedy: Option<String>,
}

impl Error {
    /// Placeholder for the thing in an error about a whole file whose name only the caller knows.
    pub const THE_FILE: &str = "the file";

    fn new(kind: ErrorKind, thing: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self { kind, thing: thing.to_string(), reason: reason.to_string(), remedy: None }
    }

    /// Creates an error for bad usage or bad input: `thing` is the flag, file or value.
    pub fn input(thing: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Input, thing, reason)
    }

    /// Creates an error for a failed check.
    pub fn check(thing: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Check, thing, reason)
    }

    /// Creates an error for a runtime, provider or feature that is unavailable.
    pub fn unavailable(thing: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unavailable, thing, reason)
    }

    /// Creates an error for a question that the measurements did not decide.
    pub fn undecided(thing: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Undecided, thing, reason)
    }

    /// Creates an error for something that was stopped before it was done.
    pub fn interrupted(thing: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Interrupted, thing, reason)
    }

    /// Creates an error for a file that could not be read, written or understood.
    pub fn file(path: &Path, reason: impl fmt::Display) -> Self {
        Self::input(path.display(), reason)
    }

    /// Attributes the failure to the file at `path`: code that only knew the file's content thereby names it.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// # use gnet_core as gnet;
    /// let whole = gnet::Error::input(gnet::Error::THE_FILE, "holds no graph").in_file(Path::new("a.onnx"));
    /// assert_eq!(whole.to_string(), "a.onnx: holds no graph");
    /// let part = gnet::Error::input("node x", "has no output").in_file(Path::new("a.onnx"));
    /// assert_eq!(part.to_string(), "a.onnx: node x: has no output");
    /// ```
    pub fn in_file(self, path: &Path) -> Self {
        self.within(path.display())
    }

    /// Attributes the failure to a part of what is done: `arm B: net.onnx: there is no such file`.
    pub fn within(self, part: impl fmt::Display) -> Self {
        let reason =
            if self.thing == Self::THE_FILE { self.reason } else { format!("{}: {}", self.thing, self.reason) };
        Self { thing: part.to_string(), reason, ..self }
    }

    /// Adds a remedy: what the reader can do about it.
    pub fn remedy(self, remedy: impl fmt::Display) -> Self {
        self.with_remedy(Some(remedy))
    }

    /// Adds a remedy if one is known.
    pub fn with_remedy(self, remedy: Option<impl fmt::Display>) -> Self {
        Self { remedy: remedy.map(|remedy| remedy.to_string()).or(self.remedy), ..self }
    }

    /// Returns the kind, which decides the exit code.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the remedy, if one is known.
    pub fn remedy_text(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}
