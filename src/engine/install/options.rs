//! Options of an installation.

use std::ffi::OsString;
use std::time::Duration;

/// Options of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallOptions {
    /// Reinstall even if the runtime is already installed.
    pub force: bool,
    /// Time without any arriving data after which pip is stopped.
    pub patience: Duration,
    /// Python whose pip fetches the wheel: a name that is searched for in the absolute folders of the `PATH`, or a
    /// path.
    pub python: OsString,
}

impl Default for InstallOptions {
    /// Returns `python3`, and more patience than pip has with a connection that does not answer.
    fn default() -> Self {
        Self { force: false, patience: Duration::from_secs(300), python: "python3".into() }
    }
}
