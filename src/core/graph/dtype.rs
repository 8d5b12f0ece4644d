//! Element types.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Kind of a type's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elements {
    /// Floating-point numbers.
    Floats,
    /// Whole numbers.
    Wholes,
    /// Booleans.
    Truths,
    /// Text of any length: elements have no fixed size.
    Texts,
    /// Two floats each, the real part first.
    Complexes,
}

/// Defines [`DType`] from one row per type: ONNX's number (`TensorProto.DataType` in onnx.proto), the bits of an
/// element, and the kind of its elements.
macro_rules! element_types {
    ($($name:ident $number:literal $bits:literal $elements:ident,)*) => {
        /// Element type of a tensor: ONNX's `TensorProto.DataType`, in Rust's spelling.
        ///
        /// The letters of an 8-bit or smaller float are its exponent and mantissa bits; `Fn` has no infinities, `Uz` no
        /// negative zero.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        #[allow(missing_docs)]
        pub enum DType {
            $($name,)*
        }

        impl DType {
            /// All element types.
            pub const ALL: [Self; [$($number),*].len()] = [$(Self::$name),*];

            fn row(self) -> (i32, usize, Elements) {
                match self {
                    $(Self::$name => ($number, $bits, Elements::$elements),)*
                }
            }
        }
    };
}

element_types! {
    F32 1 32 Floats,
    F64 11 64 Floats,
    F16 10 16 Floats,
    BF16 16 16 Floats,
    I8 3 8 Wholes,
    I16 5 16 Wholes,
    I32 6 32 Wholes,
    I64 7 64 Wholes,
    U8 2 8 Wholes,
    U16 4 16 Wholes,
    U32 12 32 Wholes,
    U64 13 64 Wholes,
    Bool 9 8 Truths,
    String 8 0 Texts,
    Complex64 14 64 Complexes,
    Complex128 15 128 Complexes,
    F8E4M3Fn 17 8 Floats,
    F8E4M3FnUz 18 8 Floats,
    F8E5M2 19 8 Floats,
    F8E5M2FnUz 20 8 Floats,
    F8E8M0 24 8 Floats,
    U4 21 4 Wholes,
    I4 22 4 Wholes,
    F4E2M1 23 4 Floats,
    U2 25 2 Wholes,
    I2 26 2 Wholes,
    F6E2M3 27 6 Floats,
    F6E3M2 28 6 Floats,
}

impl DType {
    /// Returns the number in ONNX's `TensorProto.DataType`, as in the attribute `to` of `Cast`.
    pub fn number(self) -> i32 {
        self.row().0
    }

    /// Returns the element type with this number; `None` for a number that ONNX does not define.
    pub fn of_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| i64::from(dtype.number()) == number)
    }

    /// Returns the number of bits of one element; 0 for text. Elements of less than a byte are packed, the first in the
    /// lowest bits.
    pub fn bits(self) -> usize {
        self.row().1
    }

    /// Returns the kind of its elements.
    pub fn elements(self) -> Elements {
        self.row().2
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
        self.elements() == Elements::Floats
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
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

    #[test]
    fn names_and_numbers_stand_for_one_type() {
        for dtype in DType::ALL {
            assert_eq!(DType::of_number(dtype.number().into()), Some(dtype));
            let name = serde_json::to_string(&dtype).unwrap();
            assert_eq!(name, format!("\"{dtype}\""));
            assert_eq!(serde_json::from_str::<DType>(&name).unwrap(), dtype);
        }
        let mut numbers = DType::ALL.map(DType::number);
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(1..=28), "onnx.proto has the numbers 1 to 28: {numbers:?}");
        assert_eq!((DType::of_number(0), DType::of_number(29), DType::of_number(i64::MIN)), (None, None, None));
        assert!(serde_json::from_str::<DType>("\"f33\"").is_err());
    }
}
