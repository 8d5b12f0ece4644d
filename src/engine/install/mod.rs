//! Installation of the ONNX Runtime library and its plugins in the user's data directory.
//!
//! Nothing is downloaded when gnet is built. [`install`] fetches one pinned Python wheel with the user's own pip, which
//! honours their index, proxy and certificates, refuses it if its SHA-256 differs from the pinned one, and moves its
//! libraries into `DATA/runtime/KIND-VERSION/` by one rename. A `manifest.json` beside them records their origin and
//! the hash of each file ([`Manifest`]), so that [`list`] can tell whether they have changed since.

mod error;
mod list;
mod manifest;
mod options;
mod pip;
mod place;
mod run;
mod unpack;
mod wheel;

pub use list::{Installed, Listing, Removed, list, remove};
pub use manifest::{Entry, MANIFEST, Manifest};
pub use options::InstallOptions;
pub use place::{Kind, Place, cache_dir, data_dir, installed};
pub use run::{Installation, Observer, Step, install};
pub use wheel::{ONNX_RUNTIME, OPENVINO_PLUGIN, WHEELS, Wheel, pinned};

#[doc(hidden)]
#[deprecated(note = "is named `InstallOptions`")]
pub type Options = InstallOptions;
