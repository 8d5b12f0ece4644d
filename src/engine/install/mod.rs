//! Installation of the ONNX Runtime library and its plugins in the user's data directory.
//!
//! Nothing is downloaded when gnet is built. [`install`] fetches pinned Python wheels with the user's own pip, which
//! honours their index, proxy and certificates, refuses each whose SHA-256 differs from the pinned one, and moves its
//! libraries into `DATA/runtime/KIND-VERSION/` by one rename. A `manifest.json` beside them records their origin and
//! the hash of each file ([`Manifest`]), so that [`list`] can tell whether they have changed since.
//!
//! ONNX Runtime's CUDA provider needs libraries of CUDA and cuDNN that its wheel does not hold ([`CUDA_LIBRARIES`]). Those
//! that the system lacks are installed with it, out of NVIDIA's wheels, into `DATA/runtime/libraries/PACKAGE-VERSION/`, and
//! are loaded from there before the provider is, so that nothing but a driver is needed besides. Nothing is moved to its
//! place before all that is missing has been fetched and unpacked.

mod error;
mod libraries;
mod list;
mod manifest;
mod nvidia;
mod pip;
mod place;
mod run;
mod unpack;
mod wheel;

use std::ffi::OsString;
use std::time::Duration;

pub use libraries::InstalledLibraries;
pub(crate) use libraries::{Supplied, supplied};
pub use list::{Installed, Listing, Removed, list, remove};
pub use manifest::{Entry, MANIFEST, Manifest};
pub use nvidia::CUDA_LIBRARIES;
pub(crate) use nvidia::provides;
pub use place::{Kind, Place, cache_dir, data_dir, installed};
pub use run::{Installation, Observer, Step, install};
pub use wheel::{ONNX_RUNTIME, ONNX_RUNTIME_CUDA, OPENVINO_PLUGIN, WHEELS, Wheel, pinned};

/// Options of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstallOptions {
    /// Reinstall even what is already installed.
    pub force: bool,
    /// Install the libraries that the CUDA provider needs and the system lacks as well: more than a gigabyte, which
    /// [`Observer::planned`] is told before.
    pub libraries: bool,
    /// Time without any arriving data after which pip is stopped.
    pub patience: Duration,
    /// Python whose pip fetches the wheels: a name that is searched for in the absolute folders of the `PATH`, or a
    /// path.
    pub python: OsString,
}

impl Default for InstallOptions {
    /// Returns `python3`, with the libraries, and with more patience than pip has with a connection that does not answer.
    fn default() -> Self {
        Self { force: false, libraries: true, patience: Duration::from_secs(300), python: "python3".into() }
    }
}

#[doc(hidden)]
#[deprecated(note = "is named `InstallOptions`")]
pub type Options = InstallOptions;
