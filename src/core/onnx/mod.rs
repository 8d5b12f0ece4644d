//! ONNX files: the only place that knows protobuf.
//!
//! [`read`] decodes bytes into a [`Model`](crate::graph::Model) or reports what in them the standard does not allow;
//! [`write()`] encodes a model, deterministically. Parts that gnet does not interpret (functions, training information,
//! types other than tensors) pass through unchanged.

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

pub use read::{in_one_piece, read, read_file, read_file_whole};
pub use write::{ExternalData, OPSETS, Written, WrittenData, write, write_bytes, write_file};

/// `TensorProto.DataLocation.EXTERNAL`: the elements are in a file beside the model.
const EXTERNAL: i32 = 1;
