//! Tracing: runs a Burn module's own `forward` on the capture device and turns the recorded operations into a
//! [`Model`].
//!
//! There is no second description of a network: what is exported is what ran. The steps are
//!
//! 1. `capture`: run the forward at several sizes of its open axes, record operations, constants and the module path of
//!    each parameter, and restore layers that Burn decomposes in a way that depends on the sizes (`linear`);
//! 2. `live`: drop the operations that the requested outputs do not need, so that an auxiliary head costs nothing and
//!    nothing it uses has to be supported; recover the loops that the forward unrolled (`reroll`);
//! 3. `align`: check that the runs are the same, and express every dimension, every bound of a slice and every constant
//!    in terms of the symbols (`size`, `numbers`, `constants`);
//! 4. `lower`: write each operation as the equivalent ONNX operations.
//!
//! [`replay`](replay()) runs what would be lowered on Burn's CPU backend and requires the same bits as the module's own
//! forward.

mod align;
#[doc = include_str!("operations.md")]
pub mod coverage {}
mod capture;
mod constants;
mod inputs;
mod linear;
mod live;
mod lower;
mod numbers;
mod operations;
mod outputs;
mod replay;
mod reroll;
mod scope;
mod share;
mod size;

use std::collections::HashMap;

use burn::backend::ir::{OperationIr, TensorId};
use burn::module::Module;

use gnet_core::Result;
use gnet_core::graph::{DType, Model};

pub use inputs::{Axis, Feed, Input, Inputs, Symbol};
pub(crate) use inputs::{Fed, symbols};
pub use live::Pruned;
pub use operations::{LoweredNode, Lowering, Operation, Standing, operations};
pub(crate) use outputs::named;
pub use outputs::{NamedOutputs, Output};
pub use replay::{Replayed, replay};

use capture::CapturedOutput;
pub(crate) use capture::{Subject, subject};
use constants::Constants;
use size::{Grid, Size};

#[doc(hidden)]
#[deprecated(note = "is Burn's `Basic`")]
pub trait Returned: burn::tensor::kind::Basic {}

#[allow(deprecated, reason = "its own former name")]
impl<K: burn::tensor::kind::Basic> Returned for K {}

/// Options of a trace.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TraceOptions {
    /// The inputs in the order in which the forward takes them.
    pub inputs: Vec<Input>,
    /// Names of the outputs to keep, in order; everything else is pruned. `None` keeps all.
    pub keep: Option<Vec<String>>,
    /// Version of ONNX's operator set to lower to.
    pub opset: i64,
}

#[doc(hidden)]
#[deprecated(note = "is named `TraceOptions`")]
pub type Options = TraceOptions;

impl TraceOptions {
    /// Creates options with these inputs, every output, and this version of the operator set.
    pub fn new(inputs: impl Into<Vec<Input>>, opset: i64) -> Self {
        Self { inputs: inputs.into(), keep: None, opset }
    }

    /// Returns the number of input values in the largest run; `None` if it overflows.
    pub fn largest_run(&self) -> Option<usize> {
        align::largest_run(self)
    }
}

/// A traced and lowered forward.
#[derive(Debug)]
#[non_exhaustive]
pub struct Traced {
    /// The graph, with parameters named after their module path. No pass has been applied.
    pub model: Model,
    /// The operations and constants that the kept outputs did not need.
    pub pruned: Pruned,
    /// The lowering of each operation, in order.
    pub log: Vec<Lowering>,
}

/// A capture that is ready to be lowered: live operations of the first run, and the facts established from all runs.
struct Trace {
    grid: Grid,
    operations: Vec<OperationIr>,
    inputs: Vec<TracedInput>,
    outputs: Vec<CapturedOutput>,
    constants: Constants,
    names: HashMap<TensorId, String>,
    sizes: HashMap<TensorId, Vec<Size>>,
    /// The [numbers] of each operation.
    numbers: Vec<Vec<Size>>,
}

struct TracedInput {
    input: Input,
    id: TensorId,
    dtype: DType,
}

/// Traces `forward` of `module` and lowers it to a graph with the inputs that the options name.
///
/// The module is left unchanged: it is copied to the capture device in its inference form (running statistics used and
/// settled, dropout off).
///
/// # Errors
/// Fails if the operations of the forward depend on the size of an open axis, if the number or rank of the inputs
/// differs from the forward's, if an output name does not exist, or if an operation has no lowering; the operation is
/// named with its module path and shapes.
///
/// # Panics
/// Panics if `forward` does: Burn panics on shapes that do not match, such as those of another image size than the
/// module's, and if a forward reads values, which a trace does not have.
pub fn trace<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    options: &TraceOptions,
    forward: impl Fn(&M, I) -> O,
) -> Result<Traced> {
    traced(subject(module, &forward), options)
}

/// [Traces](trace) a module and its forward without their types.
pub(crate) fn traced(subject: Subject<'_>, options: &TraceOptions) -> Result<Traced> {
    let (trace, pruned) = align::aligned(subject, options)?;
    let (model, log) = lower::lower(&trace, options.opset)?;
    Ok(Traced { model, pruned, log })
}
