//! Element types of an engine's inputs and outputs.
//!
//! On the host an [`Array`](super::Array) holds its values as `f32`, whatever the file's type: an engine casts them to
//! the input's own type when they are bound and casts outputs back when they are read, both outside of a run. Whole
//! numbers up to [`EXACT`] are preserved; 64-bit floats lose what `f32` does not hold, and 16-bit ones are rounded to
//! the nearest. [`Session::tensors`](super::Session::tensors) gives outputs as they are.

use gnet_core::graph::DType;

/// Largest number up to which `f32` holds every whole number: 2^24.
pub const EXACT: i64 = 1 << 24;

/// Returns the reason for refusing a type that arrays are not cast to or from.
pub(super) fn refusal(dtype: impl std::fmt::Display) -> String {
    format!("is of type {dtype} where real numbers, whole numbers or booleans are expected")
}

/// Returns `true` if the type holds the value: any value for a float, whole numbers within its range for an integer, 0
/// and 1 for a boolean.
pub(super) fn holds(dtype: DType, value: f32) -> bool {
    match (dtype, whole_numbers(dtype)) {
        (DType::Bool, _) => value == 0.0 || value == 1.0,
        // The end of every type is a power of 2, which f32 holds.
        (_, Some((low, end))) => value.fract() == 0.0 && f64::from(value) >= low && f64::from(value) < end,
        (_, None) => true,
    }
}

/// Returns the range of whole numbers of an integer type: the first, and the one after the last. `None` for other
/// types.
pub(super) fn whole_numbers(dtype: DType) -> Option<(f64, f64)> {
    let bits = i32::try_from(dtype.bits()).unwrap_or(i32::MAX);
    match dtype {
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => Some((-(2_f64.powi(bits - 1)), 2_f64.powi(bits - 1))),
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => Some((0.0, 2_f64.powi(bits))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_holds_what_it_holds() {
        for (dtype, held, not_held) in [
            (DType::F32, &[0.5, f32::NAN, f32::INFINITY][..], &[][..]),
            (DType::F16, &[0.1, 1e9], &[]),
            (DType::I64, &[-9.223_372e18, 3.0], &[9.223_372e18, 0.5, f32::NAN, f32::INFINITY]),
            (DType::I32, &[-2_147_483_648.0, 2_147_483_520.0], &[2_147_483_648.0]),
            (DType::U8, &[0.0, -0.0, 255.0], &[-1.0, 256.0, 0.1]),
            (DType::I8, &[-128.0, 127.0], &[-129.0, 128.0]),
            (DType::Bool, &[0.0, 1.0], &[2.0, 0.5, -1.0, f32::NAN]),
        ] {
            assert!(held.iter().all(|value| holds(dtype, *value)), "{dtype}");
            assert!(!not_held.iter().any(|value| holds(dtype, *value)), "{dtype}");
        }
        assert!((EXACT as f32) as i64 == EXACT && ((EXACT + 1) as f32) as i64 != EXACT + 1);
    }
}
