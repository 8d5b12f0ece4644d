//! ONNX files: the only place that knows protobuf.
//!
//! [`read`] turns bytes into a [`Model`](crate::graph::Model) or says what in them the standard does not allow; [`write()`]
//! turns a model into bytes, the same bytes each time. What gnet does not look into (functions, training information,
//! types other than tensors) goes through unchanged.

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

/// `TensorProto.DataLocation.EXTERNAL`: the elements stand in a file beside the model.
const EXTERNAL: i32 = 1;
