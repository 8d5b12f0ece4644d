//! A constant tensor: an initializer or the value of an attribute.

use std::fmt;

use bytes::Bytes;

use crate::{Error, Result};

/// Element type of a tensor. The names are those of ONNX's `TensorProto.DataType`, in Rust's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum DType {
    F32,
    F64,
    F16,
    BF16,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
}

impl DType {
    /// Size of one element in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// Whether values are floating-point numbers: what a parameter can be.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64 | Self::F16 | Self::BF16)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

/// A constant tensor: row-major elements as little-endian bytes, shared when cloned.
#[derive(Clone, PartialEq, Eq)]
pub struct Tensor {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Bytes,
}

impl Tensor {
    /// A tensor of `shape` whose elements are `bytes`, row-major and little-endian.
    ///
    /// # Errors
    /// When the shape and the element type do not ask for exactly that many bytes.
    pub fn new(dtype: DType, shape: Vec<usize>, bytes: impl Into<Bytes>) -> Result<Self> {
        let bytes = bytes.into();
        let need = shape.iter().try_fold(dtype.size(), |n, d| n.checked_mul(*d));
        if need != Some(bytes.len()) {
            let need = need.map_or("more bytes than can be addressed".to_owned(), |n| format!("{n} bytes"));
            return Err(Error::input(
                format!("tensor of {dtype} {shape:?}"),
                format!("needs {need}, its data has {}", bytes.len()),
            ));
        }
        Ok(Self { dtype, shape, bytes })
    }

    /// A tensor of 32-bit floats.
    ///
    /// # Errors
    /// When the shape does not hold exactly the values.
    pub fn from_f32(shape: Vec<usize>, values: &[f32]) -> Result<Self> {
        Self::new(DType::F32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())
    }

    /// A vector of 64-bit integers, as ONNX passes shapes and axes.
    pub fn from_i64(values: &[i64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { dtype: DType::I64, shape: vec![values.len()], bytes: bytes.into() }
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Sizes of the dimensions; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, row-major and little-endian.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The elements as 32-bit floats; `None` for other element types.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        let (DType::F32, chunks) = (self.dtype, self.bytes.as_chunks::<4>().0) else { return None };
        Some(chunks.iter().map(|c| f32::from_le_bytes(*c)).collect())
    }

    /// The elements as 64-bit integers; `None` for other element types.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        let (DType::I64, chunks) = (self.dtype, self.bytes.as_chunks::<8>().0) else { return None };
        Some(chunks.iter().map(|c| i64::from_le_bytes(*c)).collect())
    }

    /// The one element of a 32-bit float scalar (or of a tensor of one element).
    pub fn scalar_f32(&self) -> Option<f32> {
        match self.to_f32()?[..] {
            [value] => Some(value),
            _ => None,
        }
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.dtype, self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_holds_exactly_its_shape() {
        assert_eq!(Tensor::from_f32(vec![2], &[1.0, -2.5]).unwrap().to_f32().unwrap(), [1.0, -2.5]);
        let error = Tensor::from_f32(vec![3], &[1.0, -2.5]).unwrap_err().to_string();
        assert_eq!(error, "tensor of f32 [3]: needs 12 bytes, its data has 8");
        let error = Tensor::new(DType::F32, vec![usize::MAX, 2], Vec::new()).unwrap_err().to_string();
        assert!(error.contains("more bytes than can be addressed"), "{error}");
    }

    #[test]
    fn a_view_of_another_type_is_refused() {
        assert_eq!(Tensor::from_i64(&[-1, 8]).to_i64().unwrap(), [-1, 8]);
        assert!(Tensor::from_i64(&[1]).to_f32().is_none());
        assert_eq!(Tensor::from_f32(vec![], &[3.0]).unwrap().scalar_f32(), Some(3.0));
        assert_eq!(Tensor::from_f32(vec![2], &[3.0, 4.0]).unwrap().scalar_f32(), None);
    }
}
