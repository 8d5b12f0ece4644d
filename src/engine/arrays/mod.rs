//! Files of arrays, as NumPy writes them: `.npy` holds one, `.npz` several by name.
//!
//! [`Given`] is a user's file, held against the inputs of a model; [`write()`] writes outputs. What a file holds reaches an
//! engine exactly or is refused: element types are neither converted nor rounded. Byte order and the order of axes are no
//! matter, and NumPy's compressed archives are read as well.
//!
//! A file may come from anybody. Its size does not limit what it claims to hold, so every claim is judged before memory is
//! taken for it, and nothing in it is ever executed: arrays of Python objects are refused.

mod exact;
mod given;
mod npy;
mod npz;
mod types;

pub use given::{ArrayFile, Given};
pub use npz::write;
