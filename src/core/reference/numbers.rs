//! Conversion between tensors and numbers.

use super::small_float::{BF16, F16};
use crate::graph::{DType, Elements, Tensor};
use crate::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Float,
    /// Whole numbers, and booleans as 0 and 1.
    Whole,
}

fn kind(dtype: DType) -> Option<Kind> {
    match dtype.elements() {
        Elements::Floats if dtype.bits() >= 16 => Some(Kind::Float),
        Elements::Wholes | Elements::Truths if dtype.bits() >= 8 => Some(Kind::Whole),
        _ => None,
    }
}

fn row(dtype: DType) -> Result<(Kind, usize)> {
    kind(dtype).map(|kind| (kind, dtype.size())).ok_or_else(|| {
        Error::input(format!("element type {dtype}"), "the reference evaluator does not compute with it")
    })
}

/// Returns the element type of an ONNX number, if it is supported in computations.
pub(crate) fn dtype_of(number: i64) -> Option<DType> {
    DType::of_number(number).filter(|dtype| kind(*dtype).is_some())
}

pub(super) fn element_size(dtype: DType) -> Result<usize> {
    Ok(row(dtype)?.1)
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Numbers {
    Float(Vec<f64>),
    Whole(Vec<i128>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub numbers: Numbers,
}

impl Array {
    pub fn of(tensor: &Tensor) -> Result<Self> {
        let dtype = tensor.dtype();
        let (kind, size) = row(dtype)?;
        let elements = tensor.bytes().chunks_exact(size);
        let numbers = match kind {
            Kind::Float => Numbers::Float(elements.map(|bytes| float(dtype, bytes)).collect()),
            Kind::Whole => Numbers::Whole(elements.map(|bytes| whole(dtype, bytes)).collect()),
        };
        Ok(Self { dtype, shape: tensor.shape().to_vec(), numbers })
    }

    pub fn len(&self) -> usize {
        match &self.numbers {
            Numbers::Float(values) => values.len(),
            Numbers::Whole(values) => values.len(),
        }
    }

    /// Returns the elements as real numbers, whatever they are; whole numbers beyond 2^53 lose digits.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.numbers {
            Numbers::Float(values) => values.clone(),
            Numbers::Whole(values) => values.iter().map(|v| *v as f64).collect(),
        }
    }

    /// Returns the elements as real numbers; fails for whole numbers.
    pub fn floats(&self) -> Result<&[f64]> {
        match &self.numbers {
            Numbers::Float(values) => Ok(values),
            Numbers::Whole(_) => Err(Error::input(format!("a tensor of {}", self.dtype), "is taken where floats are")),
        }
    }

    /// Returns the elements as whole numbers; fails for floats.
    pub fn wholes(&self) -> Result<&[i128]> {
        match &self.numbers {
            Numbers::Whole(values) => Ok(values),
            Numbers::Float(_) => {
                Err(Error::input(format!("a tensor of {}", self.dtype), "is taken where whole numbers are"))
            }
        }
    }

    /// Returns the elements as 64-bit whole numbers: axes, sizes, indices.
    pub fn to_i64(&self) -> Result<Vec<i64>> {
        let narrow = |v: &i128| i64::try_from(*v).map_err(|_| Error::input(v, "is past 64 bits"));
        self.wholes()?.iter().map(narrow).collect()
    }

    /// Returns the element of an array that holds exactly one.
    pub fn scalar(&self) -> Result<f64> {
        match self.to_f64()[..] {
            [value] => Ok(value),
            _ => Err(Error::input(format!("a tensor of {:?}", self.shape), "is taken where one number is")),
        }
    }

    pub fn tensor(self) -> Result<Tensor> {
        tensor(self.dtype, self.shape, &self.numbers)
    }
}

/// Stores numbers as `dtype`: floats are rounded to the nearest, whole numbers wrap.
pub(super) fn tensor(dtype: DType, shape: Vec<usize>, numbers: &Numbers) -> Result<Tensor> {
    element_size(dtype)?;
    let mut bytes = Vec::new();
    match numbers {
        Numbers::Float(values) => values.iter().for_each(|v| store_float(dtype, *v, &mut bytes)),
        Numbers::Whole(values) => values.iter().for_each(|v| store_whole(dtype, *v, &mut bytes)),
    }
    Tensor::new(dtype, shape, bytes)
}

/// Creates a tensor of floats, each rounded once.
pub(crate) fn of_floats(dtype: DType, shape: Vec<usize>, values: Vec<f64>) -> Result<Tensor> {
    tensor(dtype, shape, &Numbers::Float(values))
}

pub(super) fn of_wholes(dtype: DType, shape: Vec<usize>, values: Vec<i128>) -> Result<Tensor> {
    tensor(dtype, shape, &Numbers::Whole(values))
}

/// Reads a little-endian number whose length is known from the type.
macro_rules! little_endian {
    ($number:ty, $bytes:expr) => {
        <$number>::from_le_bytes($bytes.try_into().expect("a chunk has the size of the element type"))
    };
}

pub(super) fn truth(shape: Vec<usize>, values: impl Iterator<Item = bool>) -> Result<Tensor> {
    of_wholes(DType::Bool, shape, values.map(i128::from).collect())
}

/// Returns the elements of a tensor as 64-bit floats, whatever kind of number they are; whole numbers beyond 2^53 lose
/// digits. `None` for text, complex numbers and packed types.
pub(crate) fn elements(tensor: &Tensor) -> Option<impl Iterator<Item = f64> + '_> {
    let dtype = tensor.dtype();
    let kind = kind(dtype)?;
    let number = move |bytes: &[u8]| match kind {
        Kind::Float => float(dtype, bytes),
        Kind::Whole => whole(dtype, bytes) as f64,
    };
    Some(tensor.bytes().chunks_exact(dtype.size()).map(number))
}

fn float(dtype: DType, bytes: &[u8]) -> f64 {
    match dtype {
        DType::F64 => little_endian!(f64, bytes),
        DType::F16 => F16.decode(little_endian!(u16, bytes)),
        DType::BF16 => BF16.decode(little_endian!(u16, bytes)),
        _ => little_endian!(f32, bytes).into(),
    }
}

fn whole(dtype: DType, bytes: &[u8]) -> i128 {
    match dtype {
        DType::I8 => little_endian!(i8, bytes).into(),
        DType::I16 => little_endian!(i16, bytes).into(),
        DType::I32 => little_endian!(i32, bytes).into(),
        DType::I64 => little_endian!(i64, bytes).into(),
        DType::U16 => little_endian!(u16, bytes).into(),
        DType::U32 => little_endian!(u32, bytes).into(),
        DType::U64 => little_endian!(u64, bytes).into(),
        DType::Bool => (bytes[0] != 0).into(),
        _ => bytes[0].into(),
    }
}

fn store_float(dtype: DType, value: f64, bytes: &mut Vec<u8>) {
    match dtype {
        DType::F32 => bytes.extend((value as f32).to_le_bytes()),
        DType::F64 => bytes.extend(value.to_le_bytes()),
        DType::F16 => bytes.extend(F16.encode(value).to_le_bytes()),
        DType::BF16 => bytes.extend(BF16.encode(value).to_le_bytes()),
        DType::Bool => bytes.push((value != 0.0).into()),
        // Rounds towards zero; a value out of range is undefined in ONNX and saturates at 128 bits here.
        _ => store_whole(dtype, value as i128, bytes),
    }
}

fn store_whole(dtype: DType, value: i128, bytes: &mut Vec<u8>) {
    match dtype {
        DType::F32 => bytes.extend((value as f32).to_le_bytes()),
        DType::F64 | DType::F16 | DType::BF16 => store_float(dtype, value as f64, bytes),
        DType::I16 | DType::U16 => bytes.extend((value as u16).to_le_bytes()),
        DType::I32 | DType::U32 => bytes.extend((value as u32).to_le_bytes()),
        DType::I64 | DType::U64 => bytes.extend((value as u64).to_le_bytes()),
        DType::Bool => bytes.push((value != 0).into()),
        _ => bytes.push(value as u8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_their_storage() {
        let wholes = [(DType::I8, -128), (DType::U8, 255), (DType::I16, -2), (DType::U16, 65535), (DType::I32, -7)];
        let longs =
            [(DType::U32, 1 << 31), (DType::I64, i64::MIN.into()), (DType::U64, u64::MAX.into()), (DType::Bool, 1)];
        for (dtype, value) in wholes.into_iter().chain(longs) {
            let tensor = of_wholes(dtype, vec![1], vec![value]).unwrap();
            assert_eq!(Array::of(&tensor).unwrap().wholes().unwrap(), [value], "{dtype}");
        }
        for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
            let tensor = of_floats(dtype, vec![2], vec![-0.375, f64::INFINITY]).unwrap();
            assert_eq!(Array::of(&tensor).unwrap().floats().unwrap(), [-0.375, f64::INFINITY], "{dtype}");
        }
    }

    #[test]
    fn what_does_not_fit_wraps_and_fractions_are_cut() {
        assert_eq!(of_wholes(DType::U8, vec![1], vec![258]).unwrap().bytes()[..], [2]);
        assert_eq!(of_floats(DType::I8, vec![2], vec![-1.9, 1.9]).unwrap().bytes()[..], [255, 1]);
        assert_eq!(of_floats(DType::Bool, vec![2], vec![0.5, 0.0]).unwrap().bytes()[..], [1, 0]);
    }
}
