//! What gnet installs for itself: the ONNX Runtime library and its plugins, in the user's data directory.

mod place;

pub use place::{Kind, Place, cache_dir, data_dir, installed};
