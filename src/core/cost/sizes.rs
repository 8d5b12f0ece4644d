//! Shapes as numbers: the number of elements and bytes of a value at a batch.

use super::batch::Batch;
use crate::graph::{DType, Dim, Graph, ValueId, shape_text};

/// A count, or a description of why it cannot be made.
pub(super) type Counted<T> = Result<T, String>;

/// Sizes of a graph's values when the symbol of the batch has a value. Any other symbol is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes<'a> {
    graph: &'a Graph,
    batch: &'a Batch,
    items: usize,
}

impl<'a> Sizes<'a> {
    pub fn new(graph: &'a Graph, batch: &'a Batch, items: usize) -> Self {
        Self { graph, batch, items }
    }

    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    pub fn dims(&self, id: ValueId) -> Counted<Vec<u64>> {
        let value = self.graph.value(id);
        if let Some(other) = &value.other_type {
            return Err(format!("{} is no tensor but of type {}", value.name, other.kind));
        }
        let Some(shape) = &value.shape else { return Err(format!("the shape of {} is not known", value.name)) };
        shape.iter().map(|dim| self.dim(dim).ok_or_else(|| open(&value.name, shape, dim))).collect()
    }

    fn dim(&self, dim: &Dim) -> Option<u64> {
        match (dim, self.batch) {
            (Dim::Symbolic { symbol, .. }, Batch::Symbol(batch)) if symbol == batch => dim.at(self.items),
            _ => dim.known(),
        }
        .map(|size| size as u64)
    }

    pub fn bytes(&self, id: ValueId) -> Counted<u64> {
        let elements = product(&self.dims(id)?)?;
        let value = self.graph.value(id);
        match value.dtype {
            Some(DType::String) => Err(format!("the texts in {} are of any length", value.name)),
            Some(dtype) => bytes_of(dtype, elements),
            None => Err(format!("the element type of {} is not known", value.name)),
        }
    }
}

fn open(name: &str, shape: &[Dim], dim: &Dim) -> String {
    match dim {
        Dim::Unknown => format!("a dimension of {name} ({}) is unknown", shape_text(shape)),
        dim => format!("the dimension {dim} of {name} ({}) is open", shape_text(shape)),
    }
}

pub(super) fn bytes_of(dtype: DType, elements: u64) -> Counted<u64> {
    let bytes = usize::try_from(elements).ok().and_then(|elements| dtype.byte_len(elements));
    bytes.map(|bytes| bytes as u64).ok_or_else(too_large)
}

pub(super) fn product(sizes: &[u64]) -> Counted<u64> {
    // A size of 0 makes the product 0, however large the others are.
    if sizes.contains(&0) {
        return Ok(0);
    }
    sizes.iter().try_fold(1u64, |n, size| n.checked_mul(*size)).ok_or_else(too_large)
}

pub(super) fn too_large() -> String {
    "it is too large for 64 bits".to_owned()
}
