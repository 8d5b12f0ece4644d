//! Conversion of arrays to tensors of the file's types, and back.

use ort::value::{DynTensor, Tensor, TensorElementType};

use super::{Array, failed};
use gnet_core::graph::{self, DType};
use gnet_core::{Error, Result};

/// ONNX Runtime's numeric types, one row per type. Half floats are missing: the crate `ort` has no Rust type for them
/// here.
const TYPES: [(TensorElementType, DType); 11] = [
    (TensorElementType::Float32, DType::F32),
    (TensorElementType::Float64, DType::F64),
    (TensorElementType::Int8, DType::I8),
    (TensorElementType::Int16, DType::I16),
    (TensorElementType::Int32, DType::I32),
    (TensorElementType::Int64, DType::I64),
    (TensorElementType::Uint8, DType::U8),
    (TensorElementType::Uint16, DType::U16),
    (TensorElementType::Uint32, DType::U32),
    (TensorElementType::Uint64, DType::U64),
    (TensorElementType::Bool, DType::Bool),
];

/// Returns the element type, if arrays are cast to and from it.
pub(super) fn dtype(kind: TensorElementType) -> Option<DType> {
    TYPES.iter().find(|(known, _)| *known == kind).map(|(_, dtype)| *dtype)
}

pub(super) fn element_type(dtype: DType) -> Result<TensorElementType> {
    let known = TYPES.iter().find(|(_, known)| *known == dtype).map(|(kind, _)| *kind);
    known.ok_or_else(|| unknown(dtype))
}

fn unknown(dtype: DType) -> Error {
    Error::input("ONNX Runtime", format!("tensors of {dtype} cannot be made here"))
}

/// Creates a tensor in the host's memory with the values cast to the type, which holds them
/// ([`check_values`](crate::runtime::array::check_values)).
pub(super) fn tensor(array: &Array, dtype: DType) -> Result<DynTensor> {
    macro_rules! cast {
        ($value:ident => $cast:expr) => {{
            let data: Vec<_> = array.data.iter().map(|$value| $cast).collect();
            Tensor::from_array((array.shape.clone(), data)).map(Tensor::upcast).map_err(|e| failed(&e))
        }};
    }
    match dtype {
        DType::F32 => cast!(v => *v),
        DType::F64 => cast!(v => f64::from(*v)),
        DType::I8 => cast!(v => *v as i8),
        DType::I16 => cast!(v => *v as i16),
        DType::I32 => cast!(v => *v as i32),
        DType::I64 => cast!(v => *v as i64),
        DType::U8 => cast!(v => *v as u8),
        DType::U16 => cast!(v => *v as u16),
        DType::U32 => cast!(v => *v as u32),
        DType::U64 => cast!(v => *v as u64),
        DType::Bool => cast!(v => *v != 0.0),
        other => Err(unknown(other)),
    }
}

/// Returns the values of a tensor in the host's memory, cast to `f32`.
pub(super) fn array(tensor: &DynTensor) -> Result<Array> {
    macro_rules! cast {
        ($type:ty, $value:ident => $cast:expr) => {{
            let (_, data) = tensor.try_extract_tensor::<$type>().map_err(|e| failed(&e))?;
            data.iter().map(|$value| $cast).collect()
        }};
    }
    let kind = *tensor.data_type();
    let data: Vec<f32> = match kind {
        TensorElementType::Float32 => cast!(f32, v => *v),
        TensorElementType::Float64 => cast!(f64, v => *v as f32),
        TensorElementType::Int8 => cast!(i8, v => f32::from(*v)),
        TensorElementType::Int16 => cast!(i16, v => f32::from(*v)),
        TensorElementType::Int32 => cast!(i32, v => *v as f32),
        TensorElementType::Int64 => cast!(i64, v => *v as f32),
        TensorElementType::Uint8 => cast!(u8, v => f32::from(*v)),
        TensorElementType::Uint16 => cast!(u16, v => f32::from(*v)),
        TensorElementType::Uint32 => cast!(u32, v => *v as f32),
        TensorElementType::Uint64 => cast!(u64, v => *v as f32),
        TensorElementType::Bool => cast!(bool, v => f32::from(u8::from(*v))),
        other => return Err(Error::input("ONNX Runtime", format!("gives {other}, which cannot be read"))),
    };
    Array::new(shape(tensor), data)
}

/// Returns the elements of a tensor in the host's memory, in its own type.
pub(super) fn exact(tensor: &DynTensor) -> Result<graph::Tensor> {
    macro_rules! bytes {
        ($type:ty) => {{
            let (_, data) = tensor.try_extract_tensor::<$type>().map_err(|e| failed(&e))?;
            data.iter().flat_map(|value| value.to_le_bytes()).collect()
        }};
    }
    let kind = *tensor.data_type();
    let unread = || Error::input("ONNX Runtime", format!("gives {kind}, which cannot be read"));
    let dtype = dtype(kind).ok_or_else(unread)?;
    let bytes: Vec<u8> = match dtype {
        DType::F32 => bytes!(f32),
        DType::F64 => bytes!(f64),
        DType::I8 => bytes!(i8),
        DType::I16 => bytes!(i16),
        DType::I32 => bytes!(i32),
        DType::I64 => bytes!(i64),
        DType::U8 => bytes!(u8),
        DType::U16 => bytes!(u16),
        DType::U32 => bytes!(u32),
        DType::U64 => bytes!(u64),
        DType::Bool => {
            let (_, data) = tensor.try_extract_tensor::<bool>().map_err(|e| failed(&e))?;
            data.iter().map(|value| u8::from(*value)).collect()
        }
        _ => return Err(unread()),
    };
    graph::Tensor::new(dtype, shape(tensor), bytes)
}

fn shape(tensor: &DynTensor) -> Vec<usize> {
    tensor.shape().iter().map(|side| usize::try_from(*side).unwrap_or(0)).collect()
}
