//! Elements of a file as an engine takes them: exactly, or not at all.

use super::{npy, types};
use crate::runtime::{Array, EXACT};
use gnet_core::graph::{DType, Tensor};
use gnet_core::{Error, Result, reference};

/// Returns the elements of a file for an input of type `dtype`.
///
/// An [`Array`] holds `f32`, which the engine casts to the input's type. A number that does not survive that is refused.
///
/// # Errors
/// Fails if the input has another type, or on a number that is not held; the error is about [`Error::THE_FILE`].
pub(super) fn array(tensor: &Tensor, dtype: DType) -> Result<Array> {
    check_type(tensor.dtype(), dtype)?;
    match values(tensor, dtype) {
        Ok(data) => Array::new(tensor.shape().to_vec(), data),
        Err((place, value)) => Err(not_held(&value, &index(place, tensor.shape()), tensor.dtype(), dtype)),
    }
}

/// Refuses elements of another type than the input's. bfloat16, which NumPy lacks, is fed as float32.
///
/// # Errors
/// As [`array`].
pub(super) fn check_type(found: DType, wanted: DType) -> Result<()> {
    let (given, takes) = (types::name(found), types::name(wanted));
    let refuse = |reason: String| Err(Error::input(Error::THE_FILE, reason));
    match wanted {
        DType::BF16 if found == DType::F32 => Ok(()),
        DType::BF16 => refuse(format!("is {given}, and the input takes bfloat16, which NumPy does not have"))
            .map_err(|e| e.remedy("save it as float32: x.astype(np.float32)")),
        _ if found == wanted => Ok(()),
        _ if types::code(wanted).is_none() => {
            refuse(format!("is {given}, and the input takes {takes}, which NumPy lacks"))
                .map_err(|e| e.remedy("leave --inputs-from out: numbers are drawn for it, where the engine takes it"))
        }
        _ => refuse(format!("is {given}, and the input takes {takes}"))
            .map_err(|e| e.remedy(format!("convert it where it is made: x.astype(np.{takes})"))),
    }
}

/// Returns the values, or the place and the text of the first that is not held.
fn values(tensor: &Tensor, dtype: DType) -> Result<Vec<f32>, (usize, String)> {
    let bytes = tensor.bytes();
    /// Reads elements of a type as `f32` if `$same` of the two holds.
    macro_rules! held {
        ($type:ty, |$held:ident, $value:ident| $same:expr) => {{
            let elements = bytes.as_chunks::<{ size_of::<$type>() }>().0.iter().enumerate();
            let held = elements.map(|(place, element)| {
                let $value = <$type>::from_le_bytes(*element);
                let $held = $value as f32;
                if $same { Ok($held) } else { Err((place, $value.to_string())) }
            });
            held.collect()
        }};
    }
    /// Reads whole numbers. The comparison has more bits than any of them: a cast back would saturate to equal ones.
    macro_rules! wholes {
        ($type:ty) => {
            held!($type, |held, value| held as i128 == i128::from(value))
        };
    }
    match tensor.dtype() {
        DType::F32 => {
            let data = tensor.to_f32().unwrap_or_default();
            let rounded = |value: &f32| dtype == DType::BF16 && value.to_bits() & 0xFFFF != 0 && !value.is_nan();
            match data.iter().position(rounded) {
                Some(place) => Err((place, data[place].to_string())),
                None => Ok(data),
            }
        }
        DType::F64 => held!(f64, |held, value| f64::from(held) == value || value.is_nan()),
        DType::F16 => {
            let halves = bytes.as_chunks::<2>().0.iter();
            Ok(halves.map(|half| reference::half_to_f32(u16::from_le_bytes(*half))).collect())
        }
        DType::I8 => wholes!(i8),
        DType::I16 => wholes!(i16),
        DType::I32 => wholes!(i32),
        DType::I64 => wholes!(i64),
        DType::U8 => wholes!(u8),
        DType::U16 => wholes!(u16),
        DType::U32 => wholes!(u32),
        DType::U64 => wholes!(u64),
        DType::Bool => held!(u8, |_held, value| value <= 1),
        other => Err((0, format!("an element of {other}"))),
    }
}

fn not_held(value: &str, index: &str, found: DType, wanted: DType) -> Error {
    let error = |reason: String| Error::input(Error::THE_FILE, format!("{value} at {index} {reason}"));
    match (found, wanted) {
        (DType::Bool, _) => error("is no bool, which is 0 or 1".to_owned()).remedy("save it as x.astype(bool)"),
        (_, DType::BF16) => error("is not a number of bfloat16, which the input takes".to_owned())
            .remedy("round it where it is made: x.astype(ml_dtypes.bfloat16).astype(np.float32)"),
        (DType::F64, _) => error("would be rounded: values reach an engine as float32".to_owned())
            .remedy("round them where they are made: x.astype(np.float32).astype(np.float64)"),
        _ => error(format!("would be rounded: values reach an engine as float32, exact up to {EXACT}"))
            .remedy("keep whole numbers within that"),
    }
}

/// Returns the index of an element in brackets.
fn index(mut place: usize, shape: &[usize]) -> String {
    let mut index = vec![0; shape.len()];
    for (at, side) in index.iter_mut().zip(shape).rev() {
        (*at, place) = (place % side, place / side);
    }
    npy::shown(&index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dtype: DType, bytes: impl IntoIterator<Item = Vec<u8>>) -> Tensor {
        let bytes: Vec<u8> = bytes.into_iter().flatten().collect();
        Tensor::new(dtype, vec![1, bytes.len() / dtype.size()], bytes).unwrap()
    }

    fn wide(values: &[i64]) -> Tensor {
        tensor(DType::I64, values.iter().map(|v| v.to_le_bytes().to_vec()))
    }

    fn double(values: &[f64]) -> Tensor {
        tensor(DType::F64, values.iter().map(|v| v.to_le_bytes().to_vec()))
    }

    #[test]
    fn what_is_held_stays_as_it_is() {
        for (tensor, dtype, values) in [
            (
                wide(&[-3, 16_777_216, 1 << 40, i64::MIN]),
                DType::I64,
                &[-3.0, 16_777_216.0, 1.099_511_6e12, -9.223_372e18][..],
            ),
            (tensor(DType::U64, [u64::to_le_bytes(1 << 63).to_vec()]), DType::U64, &[9.223_372e18]),
            (tensor(DType::I8, [vec![0x80, 0x7f]]), DType::I8, &[-128.0, 127.0]),
            (tensor(DType::U32, [16_777_216_u32.to_le_bytes().to_vec()]), DType::U32, &[16_777_216.0]),
            (double(&[0.5, f64::INFINITY, -0.0]), DType::F64, &[0.5, f32::INFINITY, -0.0]),
            (
                tensor(DType::F16, [vec![0x00, 0x3c], vec![0x01, 0x00], vec![0x00, 0xfc]]),
                DType::F16,
                &[1.0, 5.960_464_5e-8, f32::NEG_INFINITY],
            ),
            (tensor(DType::Bool, [vec![0, 1]]), DType::Bool, &[0.0, 1.0]),
            (tensor(DType::F32, [1.5_f32.to_le_bytes().to_vec()]), DType::BF16, &[1.5]),
        ] {
            let array = array(&tensor, dtype).unwrap();
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!((bits(&array.data), &array.shape[..]), (bits(values), tensor.shape()), "{tensor:?}");
        }
        assert!(array(&double(&[f64::NAN]), DType::F64).unwrap().data[0].is_nan());
        let odd = f32::from_bits(0x3f80_0001);
        assert_eq!(array(&tensor(DType::F32, [odd.to_le_bytes().to_vec()]), DType::F32).unwrap().data, [odd]);
    }

    #[test]
    fn what_would_be_rounded_is_refused_with_its_place() {
        for (tensor, dtype, says) in [
            (wide(&[3, 16_777_217]), DType::I64, "16777217 at [0, 1] would be rounded"),
            (wide(&[i64::MAX]), DType::I64, "9223372036854775807 at [0, 0] would be rounded"),
            (wide(&[(1 << 53) + 1]), DType::I64, "9007199254740993 at [0, 0] would be rounded"),
            (tensor(DType::U64, [u64::MAX.to_le_bytes().to_vec()]), DType::U64, "18446744073709551615 at [0, 0]"),
            (
                tensor(DType::I32, [i32::MAX.to_le_bytes().to_vec()]),
                DType::I32,
                "2147483647 at [0, 0] would be rounded",
            ),
            (double(&[0.0, 0.1]), DType::F64, "0.1 at [0, 1] would be rounded"),
            (double(&[1e300]), DType::F64, "would be rounded"),
            (
                tensor(DType::F32, [0.1_f32.to_le_bytes().to_vec()]),
                DType::BF16,
                "0.1 at [0, 0] is not a number of bfloat16",
            ),
            (tensor(DType::Bool, [vec![1, 2]]), DType::Bool, "2 at [0, 1] is no bool"),
            (double(&[1.0]), DType::F32, "is float64, and the input takes float32"),
            (wide(&[1]), DType::I32, "is int64, and the input takes int32"),
            (wide(&[1]), DType::BF16, "the input takes bfloat16, which NumPy does not have"),
            (wide(&[1]), DType::String, "the input takes string, which NumPy lacks"),
        ] {
            let error = array(&tensor, dtype).unwrap_err();
            assert!(error.to_string().contains(says) && error.remedy_text().is_some(), "{says}: {error}");
        }
    }
}
