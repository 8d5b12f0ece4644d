//! Shapes as numbers: how many elements and bytes a value has at a batch.

use crate::graph::{DType, Dim, Graph, Node, ValueId, shape_text};

/// A count, or in words why it cannot be made.
pub(super) type Counted<T> = Result<T, String>;

/// What the first input says about the batch: its first dimension, or the second where a recurrent layer with its steps in
/// front reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Batch {
    /// The file is for so many items.
    Fixed(u64),
    /// The batch is this symbol.
    Symbol(String),
    /// There is no input, or it has no such dimension, or nothing is known of it.
    #[default]
    None,
}

impl Batch {
    /// Reads the batch off the first input that no initializer stands for.
    pub fn of(graph: &Graph) -> Self {
        let input = graph.inputs.first().copied();
        let axis = input.map_or(0, |id| batch_axis(graph, id));
        match input.and_then(|id| graph.value(id).shape.as_ref()?.get(axis)) {
            Some(Dim::Known(items)) => Self::Fixed((*items as u64).max(1)),
            Some(Dim::Symbolic { symbol, .. }) => Self::Symbol(symbol.clone()),
            Some(Dim::Unknown) | None => Self::None,
        }
    }

    /// How many items the file is fixed to.
    pub fn fixed(&self) -> Option<u64> {
        match self {
            Self::Fixed(items) => Some(*items),
            _ => None,
        }
    }
}

/// The dimension of an input that counts its items.
fn batch_axis(graph: &Graph, input: ValueId) -> usize {
    let recurrent = |node: &&Node| ["RNN", "GRU", "LSTM"].iter().any(|op| node.is(op)) && node.input(0) == Some(input);
    let steps_first = |node: &Node| node.int("layout").unwrap_or(0) == 0;
    usize::from(graph.nodes.iter().find(recurrent).is_some_and(steps_first))
}

/// Gives the batch the name `N` where the file leaves that dimension of the first input without one, so that the shapes
/// inferred from it can carry it.
pub fn name_batch(graph: &mut Graph) {
    let input = graph.inputs.first().copied();
    let taken = |symbol: &Dim| graph.values().any(|(_, value)| value.shape.iter().flatten().any(|dim| dim == symbol));
    let name = ["N", "batch", "batch_size"].map(Dim::symbol).into_iter().find(|symbol| !taken(symbol));
    if let (Some(id), Some(name)) = (input, name)
        && let axis = batch_axis(graph, id)
        && let Some(items) = graph.value_mut(id).shape.as_mut().and_then(|shape| shape.get_mut(axis))
        && *items == Dim::Unknown
    {
        *items = name;
    }
}

/// The sizes of a graph's values when the symbol of the batch has a value. Any other symbol is open.
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

    /// The dimensions of a value.
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

    /// The elements of a value.
    pub fn elements(&self, id: ValueId) -> Counted<u64> {
        product(&self.dims(id)?)
    }

    /// The bytes of a value.
    pub fn bytes(&self, id: ValueId) -> Counted<u64> {
        let elements = self.elements(id)?;
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

/// The bytes of so many elements.
pub(super) fn bytes_of(dtype: DType, elements: u64) -> Counted<u64> {
    let bytes = usize::try_from(elements).ok().and_then(|elements| dtype.byte_len(elements));
    bytes.map(|bytes| bytes as u64).ok_or_else(too_large)
}

/// The product of sizes.
pub(super) fn product(sizes: &[u64]) -> Counted<u64> {
    // A size of 0 makes nothing of the largest others.
    if sizes.contains(&0) {
        return Ok(0);
    }
    sizes.iter().try_fold(1u64, |n, size| n.checked_mul(*size)).ok_or_else(too_large)
}

pub(super) fn too_large() -> String {
    "it is too large for 64 bits".to_owned()
}
