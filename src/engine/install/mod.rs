//! Installation of the ONNX Runtime library and its plugins in the user's data directory.
//!
//! Nothing is downloaded when gnet is built. [`install`] fetches one pinned Python wheel with the user's own pip, which
//! honours their index, proxy and certificates, refuses it if its SHA-256 differs from the pinned one, and moves its
//! libraries into `DATA/runtime/KIND-VERSION/` by one rename. A `manifest.json` beside them records their origin and
//! the hash of each file ([`Manifest`]), so that [`list`] can tell whether they have changed since.

mod error;
mod list;
mod manifest;
mod pip;
mod place;
mod run;
mod unpack;
mod wheel;

use std::ffi::OsString;
use std::time::Duration;

pub use list::{Installed, Listing, Removed, list, remove};
pub use manifest::{Entry, MANIFEST, Manifest};
pub use place::{Kind, Place, cache_dir, data_dir, installed};
pub use run::{Installation, Observer, Step, install};
pub use wheel::{ONNX_RUNTIME, OPENVINO_PLUGIN, WHEELS, Wheel, pinned};

/// Options of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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

#[doc(hidden)]
#[deprecated(note = "is named `InstallOptions`")]
pub type Options = InstallOptions;
