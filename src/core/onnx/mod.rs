//! ONNX files: the only place that knows protobuf.
//!
//! [`read`] decodes bytes into a [`Model`](crate::graph::Model) or reports what in them the standard does not allow;
//! [`write()`] encodes a model, deterministically. Parts that gnet does not interpret (functions, training information,
//! types other than tensors) pass through unchanged.
//!
//! ```
//! # use gnet_core as gnet;
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).unwrap();
//! use gnet::onnx;
//!
//! let mut model = onnx::read_file("dynamic.onnx".as_ref())?;
//! model.doc = "five pixels wide".into();
//! let bytes = onnx::write(&model)?;
//! assert_eq!(onnx::read(bytes.into())?, model);
//!
//! let picture = onnx::read(b"\x89PNG\r\n\x1a\n"[..].into()).unwrap_err();
//! assert_eq!(picture.to_string(), "the file: is no ONNX model: it is a PNG picture");
//! # Ok::<(), gnet::Error>(())
//! ```

mod beside;
#[cfg(test)]
mod keeping_tests;
mod proto;
mod read;
#[cfg(test)]
mod replacing_tests;
#[cfg(test)]
mod tests;
mod types;
mod write;

#[doc(hidden)]
pub use read::decodes;
pub(crate) use read::{DataFile, Found, open, read_beside};
pub use read::{read, read_file};
pub(crate) use write::write_referring;
pub use write::{ExternalData, OPSETS, Written, WrittenData, write, write_bytes, write_file};

use crate::graph::DType;

#[doc(hidden)]
#[deprecated(note = "is `DType::of_number`")]
pub fn dtype_of(number: i32) -> Option<DType> {
    DType::of_number(number.into())
}

#[doc(hidden)]
#[deprecated(note = "is `DType::number`")]
pub fn number_of(dtype: DType) -> i32 {
    dtype.number()
}

/// `TensorProto.DataLocation.EXTERNAL`: the elements are in a file beside the model.
const EXTERNAL: i32 = 1;
