//! Runs a Burn module's own `forward` on the capture device and keeps what it did, as a [`Model`].
//!
//! There is no second description of a network: what is exported is what ran. The steps are
//!
//! 1. `capture`: run the forward once, keep operations, constants and the module path of each parameter, and restore what
//!    Burn took apart in a way that depends on the batch (`linear`);
//! 2. `live`: drop the operations that the wanted outputs do not need, so that an auxiliary head costs nothing and
//!    nothing it uses has to be supported;
//! 3. `align`: do both at three batch sizes and fit every dimension and every bound of a slice as `scale * N + offset`;
//! 4. `lower`: write each operation as the ONNX operation that means the same.

mod align;
mod bounds;
mod capture;
mod linear;
mod live;
mod lower;
mod operations;
mod outputs;
mod scope;

use std::collections::HashMap;

use burn::backend::TensorData;
use burn::backend::ir::{OperationIr, TensorId};
use burn::module::Module;
use burn::tensor::Tensor;

use crate::Result;
use crate::graph::{Dim, Model};

pub use live::Pruned;
pub use operations::{LoweredNode, Lowering, Operation, Standing, operations};
pub use outputs::{NamedOutputs, Output};

/// The batch dimension of an exported graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// Any number of images: the symbol `N`.
    Dynamic,
    /// Always this many images.
    Fixed(usize),
}

impl Batch {
    /// The most items that a tracing feeds in at once.
    pub fn largest_traced(self) -> usize {
        match self {
            Self::Dynamic => align::SIZES.into_iter().max().unwrap_or(1),
            Self::Fixed(size) => size,
        }
    }
}

/// What to trace.
#[derive(Debug, Clone)]
pub struct Options {
    /// Shape of one input item, without the batch: channels, height and width for an image.
    pub item_shape: Vec<usize>,
    /// The batch dimension.
    pub batch: Batch,
    /// Names of the outputs to keep, in order; everything else is pruned. `None` keeps all.
    pub keep: Option<Vec<String>>,
    /// Version of ONNX's operator set to lower to.
    pub opset: i64,
}

/// A traced and lowered forward.
#[derive(Debug)]
pub struct Traced {
    /// The graph, with parameters named after their module path. No pass has run on it.
    pub model: Model,
    /// What the kept outputs did not need.
    pub pruned: Pruned,
    /// What became of each operation, in order.
    pub log: Vec<Lowering>,
}

/// A capture that is ready to be lowered: live operations, and shapes in terms of the batch.
struct Trace {
    operations: Vec<OperationIr>,
    input: TensorId,
    outputs: Vec<Output>,
    values: HashMap<TensorId, TensorData>,
    names: HashMap<TensorId, String>,
    shapes: HashMap<TensorId, Vec<Dim>>,
    /// Where each slice begins and ends along each axis, by the index of its operation.
    bounds: HashMap<usize, Vec<(Dim, Dim)>>,
}

/// Traces `forward` of `module` for a batch of items and lowers it to a graph with the input `input`.
///
/// `D` is the rank of the input, batch included. The module is left as it was: it is copied to the capture device in its
/// inference form (running statistics used and settled, dropout off).
///
/// # Errors
/// A forward whose operations depend on the batch size, an output name that does not exist, or an operation without a
/// lowering, named with its module path and shapes.
///
/// # Panics
/// When `forward` does: Burn panics on shapes that do not fit, such as an `item_shape` that is not the module's, and
/// when a forward reads numbers, which a trace has none of.
pub fn trace<M: Module, const D: usize, O: NamedOutputs>(
    module: &M,
    options: &Options,
    forward: impl Fn(&M, Tensor<D>) -> O,
) -> Result<Traced> {
    let (trace, pruned) = align::aligned(module, options, &forward)?;
    let (model, log) = lower::lower(&trace, options.opset)?;
    Ok(Traced { model, pruned, log })
}
