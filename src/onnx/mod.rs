//! ONNX files: the only place that knows protobuf.
//!
//! [`read`] turns bytes into a [`Model`](crate::graph::Model) or says what in them it does not understand; [`write()`]
//! turns a model into bytes, the same bytes each time.

mod proto;
mod read;
#[cfg(test)]
mod tests;
mod write;

use crate::graph::DType;

pub use read::{read, read_file};
pub use write::{OPSETS, write};

/// ONNX's `TensorProto.DataType` numbers (onnx.proto), one row a type that gnet knows.
const DATA_TYPES: [(i32, DType); 13] = [
    (1, DType::F32),
    (2, DType::U8),
    (3, DType::I8),
    (4, DType::U16),
    (5, DType::I16),
    (6, DType::I32),
    (7, DType::I64),
    (9, DType::Bool),
    (10, DType::F16),
    (11, DType::F64),
    (12, DType::U32),
    (13, DType::U64),
    (16, DType::BF16),
];

fn dtype_of(number: i32) -> Option<DType> {
    DATA_TYPES.iter().find(|(n, _)| *n == number).map(|(_, dtype)| *dtype)
}

fn number_of(dtype: DType) -> i32 {
    DATA_TYPES.iter().find(|(_, d)| *d == dtype).map_or(0, |(n, _)| *n)
}
