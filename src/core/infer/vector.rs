//! Elements of small tensors, carried along the graph.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::number::Num;
use crate::graph::{DType, Tensor, ValueId};

/// Maximum number of elements that are carried: no shape has more dimensions, and a hostile file could ask for any
/// number.
pub(super) const MAX_LEN: usize = 1024;

pub(super) const MAX_VECTOR_RANK: usize = 4;

/// Elements of a small tensor, row-major; most are scalars and vectors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vector {
    pub(super) shape: Arc<[usize]>,
    pub(super) items: Arc<[Num]>,
}

impl Vector {
    pub(super) fn new(items: Vec<Num>) -> Option<Self> {
        Self::of(&[items.len()], items)
    }

    pub(super) fn scalar(item: Num) -> Self {
        Self { shape: Arc::new([]), items: Arc::new([item]) }
    }

    /// Arranges elements in a shape, if there are not too many and they fill it.
    pub(super) fn of(shape: &[usize], items: Vec<Num>) -> Option<Self> {
        let fits = shape.len() <= MAX_VECTOR_RANK && count(shape) == Some(items.len());
        fits.then(|| Self { shape: shape.into(), items: items.into() })
    }

    pub(super) fn of_tensor(tensor: &Tensor) -> Option<Self> {
        count(tensor.shape()).filter(|_| tensor.shape().len() <= MAX_VECTOR_RANK)?;
        Self::of(tensor.shape(), elements(tensor)?)
    }
}

/// Returns the number of elements of a shape, if they are few enough to be carried. No dimension may exceed the limit,
/// even if another is 0.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    if shape.iter().any(|size| *size > MAX_LEN) {
        return None;
    }
    shape.iter().try_fold(1usize, |all, size| all.checked_mul(*size)).filter(|count| *count <= MAX_LEN)
}

/// Known elements of a graph's values. Those of a constant are only read when a rule asks for them: a weight may be in
/// a mapped file.
#[derive(Default)]
pub(super) struct Vectors {
    computed: HashMap<ValueId, Vector>,
    constants: HashMap<ValueId, Constant>,
}

struct Constant {
    tensor: Tensor,
    elements: OnceCell<Option<Vector>>,
}

impl Vectors {
    pub(super) fn get(&self, id: ValueId) -> Option<&Vector> {
        match self.constants.get(&id) {
            Some(constant) => constant.elements.get_or_init(|| Vector::of_tensor(&constant.tensor)).as_ref(),
            None => self.computed.get(&id),
        }
    }

    pub(super) fn set_constant(&mut self, id: ValueId, tensor: Tensor) {
        self.constants.insert(id, Constant { tensor, elements: OnceCell::new() });
    }

    pub(super) fn set(&mut self, id: ValueId, vector: Vector) {
        self.computed.insert(id, vector);
    }

    /// Copies the facts that `other` holds about its value `from` to the value `to`.
    pub(super) fn take_over(&mut self, to: ValueId, other: &Self, from: ValueId) {
        match (other.constants.get(&from), other.computed.get(&from)) {
            (Some(constant), _) => self.set_constant(to, constant.tensor.clone()),
            (None, Some(vector)) => self.set(to, vector.clone()),
            (None, None) => {}
        }
    }
}

fn elements(tensor: &Tensor) -> Option<Vec<Num>> {
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
