//! Elements of small tensors, carried along the graph.

use std::sync::Arc;

use super::number::Num;
use crate::graph::{DType, Tensor};

/// Longer vectors are not carried: no shape has so many dimensions, and a hostile file could ask for any number.
pub(super) const MAX_LEN: usize = 1024;

/// The elements of a scalar or a vector, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vector {
    /// Whether it is a scalar (rank 0); else its rank is 1.
    pub(super) scalar: bool,
    /// The elements.
    pub(super) items: Arc<[Num]>,
}

impl Vector {
    /// A vector, when it is not too long.
    pub(super) fn new(items: Vec<Num>) -> Option<Self> {
        (items.len() <= MAX_LEN).then(|| Self { scalar: false, items: items.into() })
    }

    /// A scalar.
    pub(super) fn scalar(item: Num) -> Self {
        Self { scalar: true, items: Arc::new([item]) }
    }

    /// Elements in the form of rank 0 or 1.
    pub(super) fn of_rank(scalar: bool, items: Vec<Num>) -> Option<Self> {
        match (scalar, &items[..]) {
            (true, [item]) => Some(Self::scalar(item.clone())),
            (true, _) => None,
            (false, _) => Self::new(items),
        }
    }

    /// The elements of a constant of rank 0 or 1.
    pub(super) fn of_tensor(tensor: &Tensor) -> Option<Self> {
        let count = match tensor.shape() {
            [] => 1,
            [count] if *count <= MAX_LEN => *count,
            _ => return None,
        };
        let items = elements(tensor)?;
        debug_assert_eq!(items.len(), count);
        Self::of_rank(tensor.shape().is_empty(), items)
    }
}

fn elements(tensor: &Tensor) -> Option<Vec<Num>> {
    /// Elements of `N` bytes each through `read`.
    fn each<const N: usize>(tensor: &Tensor, read: impl Fn([u8; N]) -> Num) -> Vec<Num> {
        tensor.bytes().as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect()
    }
    Some(match tensor.dtype() {
        DType::I64 => each(tensor, |b| Num::Int(i64::from_le_bytes(b))),
        DType::I32 => each(tensor, |b| Num::Int(i32::from_le_bytes(b).into())),
        DType::I16 => each(tensor, |b| Num::Int(i16::from_le_bytes(b).into())),
        DType::I8 => each(tensor, |b| Num::Int(i8::from_le_bytes(b).into())),
        DType::U8 | DType::Bool => each(tensor, |b: [u8; 1]| Num::Int(b[0].into())),
        DType::U16 => each(tensor, |b| Num::Int(u16::from_le_bytes(b).into())),
        DType::U32 => each(tensor, |b| Num::Int(u32::from_le_bytes(b).into())),
        DType::U64 => each(tensor, |b| i64::try_from(u64::from_le_bytes(b)).map_or(Num::Unknown, Num::Int)),
        DType::F32 => each(tensor, |b| Num::real(f32::from_le_bytes(b).into())),
        DType::F64 => each(tensor, |b| Num::real(f64::from_le_bytes(b))),
        _ => return None,
    })
}
