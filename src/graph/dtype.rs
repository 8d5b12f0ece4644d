//! Element types.

use std::fmt;

use serde::{Serialize, Serializer};

/// Element type of a tensor: ONNX's `TensorProto.DataType`, in Rust's spelling.
///
/// The letters of an 8-bit or smaller float are its exponent and mantissa bits; `Fn` has no infinities, `Uz` no negative zero.
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
    /// Text of any length: elements have no fixed size.
    String,
    /// Two 32-bit floats, the real part first.
    Complex64,
    /// Two 64-bit floats, the real part first.
    Complex128,
    F8E4M3Fn,
    F8E4M3FnUz,
    F8E5M2,
    F8E5M2FnUz,
    F8E8M0,
    U4,
    I4,
    F4E2M1,
    U2,
    I2,
    F6E2M3,
    F6E3M2,
}

impl DType {
    /// Returns the number of bits of one element; 0 for text. Elements of less than a byte are packed, the first in the
    /// lowest bits.
    pub fn bits(self) -> usize {
        match self {
            Self::String => 0,
            Self::U2 | Self::I2 => 2,
            Self::U4 | Self::I4 | Self::F4E2M1 => 4,
            Self::F6E2M3 | Self::F6E3M2 => 6,
            Self::I8 | Self::U8 | Self::Bool => 8,
            Self::F8E4M3Fn | Self::F8E4M3FnUz | Self::F8E5M2 | Self::F8E5M2FnUz | Self::F8E8M0 => 8,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 16,
            Self::F32 | Self::I32 | Self::U32 => 32,
            Self::F64 | Self::I64 | Self::U64 | Self::Complex64 => 64,
            Self::Complex128 => 128,
        }
    }

    /// Returns the size in bytes of a single element; 0 for text, 1 for a type of less than a byte.
    pub fn size(self) -> usize {
        self.bits().div_ceil(8)
    }

    /// Returns the size in bytes of `elements` elements as ONNX stores them; `None` if they cannot be addressed.
    pub fn byte_len(self, elements: usize) -> Option<usize> {
        match self.bits() {
            bits if bits % 8 == 0 => elements.checked_mul(bits / 8),
            bits => Some(elements.checked_mul(bits)?.div_ceil(8)),
        }
    }

    /// Returns `true` if values are floating-point numbers, the only ones that parameters can have.
    pub fn is_float(self) -> bool {
        match self {
            Self::F32 | Self::F64 | Self::F16 | Self::BF16 => true,
            Self::F8E4M3Fn | Self::F8E4M3FnUz | Self::F8E5M2 | Self::F8E5M2FnUz | Self::F8E8M0 => true,
            Self::F4E2M1 | Self::F6E2M3 | Self::F6E3M2 => true,
            Self::I8 | Self::I16 | Self::I32 | Self::I64 | Self::I4 | Self::I2 => false,
            Self::U8 | Self::U16 | Self::U32 | Self::U64 | Self::U4 | Self::U2 => false,
            Self::Bool | Self::String | Self::Complex64 | Self::Complex128 => false,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

/// Serialized as its name, such as `i64`.
impl Serialize for DType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_elements_are_packed() {
        for (dtype, elements, bytes) in [
            (DType::F32, 3, Some(12)),
            (DType::I4, 3, Some(2)),
            (DType::U2, 5, Some(2)),
            (DType::F6E2M3, 5, Some(4)),
            (DType::Complex128, 2, Some(32)),
            (DType::String, 9, Some(0)),
            (DType::F64, usize::MAX / 4, None),
            (DType::I4, usize::MAX, None),
        ] {
            assert_eq!(dtype.byte_len(elements), bytes, "{elements} of {dtype}");
        }
    }
}
