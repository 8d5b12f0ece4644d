//! How an installation goes about it.

use std::ffi::OsString;
use std::time::Duration;

/// How an installation goes about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Fetches and replaces what is installed already.
    pub force: bool,
    /// pip is stopped when nothing has arrived for so long.
    pub patience: Duration,
    /// The Python whose pip fetches the wheel: a name that is looked for in the absolute folders of the `PATH`, or a path.
    pub python: OsString,
}

impl Default for Options {
    /// `python3`, and more patience than pip has with a connection that does not answer.
    fn default() -> Self {
        Self { force: false, patience: Duration::from_secs(300), python: "python3".into() }
    }
}
