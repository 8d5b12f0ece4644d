//! From a Burn module to the bytes of an ONNX file: trace, rewrite, describe, write, prove.

mod googlenet;
mod record;
#[cfg(feature = "tract")]
mod verify;

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::Tensor;
use bytes::Bytes;

use crate::graph::{Graph, Model};
use crate::passes::{self, DEAD_CODE, FOLD_BATCH_NORM, Pass, RESTORE_GEMM, RESTORE_LRN, Rewrites};
use crate::trace::{self, Batch, Lowering, NamedOutputs, Pruned, Traced};
use crate::{Error, Result, onnx};

#[cfg(feature = "tract")]
pub use googlenet::verify_googlenet;
pub use googlenet::{Fresh, LOGITS, NetworkCost, NetworkGraph, googlenet};
pub use record::{ExportRecord, Step};
#[cfg(feature = "tract")]
pub use verify::{Verified, verify};

/// How a module is exported.
#[derive(Debug, Clone)]
pub struct Options {
    /// Shape of one input item, without the batch.
    pub item_shape: Vec<usize>,
    /// The batch dimension.
    pub batch: Batch,
    /// Names of the outputs to keep; `None` keeps all.
    pub keep: Option<Vec<String>>,
    /// Version of ONNX's operator set, within [`onnx::OPSETS`].
    pub opset: i64,
    /// Whether BatchNorm is folded into the convolution before it.
    pub fold: bool,
    /// Pairs for the file's `metadata_props`.
    pub metadata: BTreeMap<String, String>,
}

impl Options {
    /// A dynamic batch, every output, BatchNorm folded, operator set 18, no metadata.
    pub fn new(item_shape: impl Into<Vec<usize>>) -> Self {
        Self {
            item_shape: item_shape.into(),
            batch: Batch::Dynamic,
            keep: None,
            opset: DEFAULT_OPSET,
            fold: true,
            metadata: BTreeMap::new(),
        }
    }

    fn check(&self) -> Result<()> {
        if !onnx::OPSETS.contains(&self.opset) {
            let (first, last) = (onnx::OPSETS.start(), onnx::OPSETS.end());
            return Err(Error::input(format!("opset {}", self.opset), format!("gnet writes opsets {first} to {last}")));
        }
        match self.batch {
            Batch::Fixed(0) => return Err(Error::input("batch 0", "a fixed batch holds at least one item")),
            Batch::Fixed(size) if size > MAX_BATCH => {
                return Err(Error::input(format!("batch {size}"), format!("a fixed batch holds at most {MAX_BATCH}")));
            }
            _ => {}
        }
        let values = self.item_shape.iter().try_fold(self.batch.largest_traced(), |n, side| n.checked_mul(*side));
        match values {
            Some(values) if values <= MAX_INPUT_VALUES => Ok(()),
            _ => {
                let (batch, item) = (self.batch.largest_traced(), &self.item_shape);
                let reason = format!("a batch of {batch} items of {item:?} takes more than the 1 GiB it may have");
                Err(Error::input("the input", reason).remedy("use a smaller image, fewer channels or a smaller batch"))
            }
        }
    }

    fn passes(&self) -> Vec<Pass> {
        let fold = self.fold.then_some(FOLD_BATCH_NORM);
        [Some(RESTORE_GEMM), Some(RESTORE_LRN), fold, Some(DEAD_CODE)].into_iter().flatten().collect()
    }
}

/// The most items of a fixed batch.
const MAX_BATCH: usize = 4096;

/// The most values that an input may have while it is traced: 1 GiB in f32.
const MAX_INPUT_VALUES: usize = 1 << 28;

/// The operator set an export uses unless told otherwise: known to every runtime of the last years.
pub const DEFAULT_OPSET: i64 = 18;

/// An exported module.
#[derive(Debug)]
pub struct Exported {
    /// The bytes of the ONNX file.
    pub bytes: Bytes,
    /// What the bytes hold.
    pub model: Model,
    /// Nodes, learned parameters and initializer bytes after lowering, before any pass.
    pub lowered: Step,
    /// What pruning removed.
    pub pruned: Pruned,
    /// What each pass did.
    pub passes: Vec<Rewrites>,
    /// What became of each of Burn's operations, before any pass.
    pub log: Vec<Lowering>,
}

/// Exports `forward` of a module. `D` is the rank of its input, batch included.
///
/// The same module and options give the same bytes. The module is left as it was.
///
/// # Errors
/// Options out of range, and as [`trace::trace`] and [`passes::run`].
///
/// # Panics
/// When `forward` does, see [`trace::trace`].
pub fn export<M: Module, const D: usize, O: NamedOutputs>(
    module: &M,
    options: &Options,
    forward: impl Fn(&M, Tensor<D>) -> O,
) -> Result<Exported> {
    options.check()?;
    let traced = trace::trace(
        module,
        &trace::Options {
            item_shape: options.item_shape.clone(),
            batch: options.batch,
            keep: options.keep.clone(),
            opset: options.opset,
        },
        forward,
    )?;
    let Traced { mut model, pruned, log } = traced;
    let lowered = Step::of("prune", &model.graph)?;
    let passes = passes::run(&mut model, &options.passes(), &passes::Options::default())?;
    model.metadata = options.metadata.clone();
    model.graph.check_constants_are_read()?;
    let bytes = Bytes::from(onnx::write(&model)?);
    Ok(Exported { bytes, model, lowered, pruned, passes, log })
}

/// The graph of a module as it was trained: nothing pruned, nothing folded. What `summary` and `compare` count.
///
/// # Errors
/// As [`export`].
pub fn as_trained<M: Module, const D: usize, O: NamedOutputs>(
    module: &M,
    item_shape: &[usize],
    forward: impl Fn(&M, Tensor<D>) -> O,
) -> Result<Graph> {
    let options = Options { fold: false, ..Options::new(item_shape) };
    Ok(export(module, &options, forward)?.model.graph)
}
