//! Export of a Burn module to an ONNX file: trace, rewrite, describe, write, verify. Start with the [`guide`].

mod googlenet;
#[doc = include_str!("guide.md")]
pub mod guide {
    #[allow(unused_imports, reason = "the page links to it")]
    use super::ExportOptions;
}
mod record;
mod verify;

use std::collections::{BTreeMap, HashSet};

use burn::module::Module;
use bytes::Bytes;

use crate::trace::{self, Axis, Input, Inputs, Lowering, NamedOutputs, Pruned, Subject, Symbol, Traced};
use gnet_core::graph::{Graph, Model};
use gnet_core::passes::{self, FOLD_BATCH_NORM, Pass, RESTORE_GEMM, RESTORE_LRN, Rewrites};
use gnet_core::{Error, Result, onnx};

pub use googlenet::{
    Fresh, LOGITS, NetworkCost, NetworkGraph, checkpoint_side, googlenet, googlenet_options, verify_googlenet,
};
pub use record::{ExportRecord, Step};
pub use verify::{Verified, verify};

/// Options of an export.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExportOptions {
    /// The inputs in the order in which the forward takes them.
    pub inputs: Vec<Input>,
    /// Names of the outputs to keep; `None` keeps all.
    pub keep: Option<Vec<String>>,
    /// Version of ONNX's operator set, within [`onnx::OPSETS`].
    pub opset: i64,
    /// Passes that rewrite the graph, in order.
    pub passes: Vec<Pass>,
    /// Entries of the file's `metadata_props`.
    pub metadata: BTreeMap<String, String>,
}

#[doc(hidden)]
#[deprecated(note = "is named `ExportOptions`")]
pub type Options = ExportOptions;

/// Symbol of the batch.
pub const BATCH: &str = "N";

impl ExportOptions {
    /// Creates options with one float input `input` of items of this shape in a batch of any size `N`; the rest as in
    /// [`for_inputs`](Self::for_inputs).
    pub fn new(item_shape: impl Into<Vec<usize>>) -> Self {
        let items = item_shape.into().into_iter().map(Axis::Fixed);
        let axes: Vec<Axis> = std::iter::once(Axis::from(BATCH)).chain(items).collect();
        Self::for_inputs([Input::new("input", axes)])
    }

    /// Creates options with these inputs, every output, operator set 18, BatchNorm folded, layers that Burn decomposes
    /// restored, and no metadata.
    pub fn for_inputs(inputs: impl Into<Vec<Input>>) -> Self {
        Self {
            inputs: inputs.into(),
            keep: None,
            opset: DEFAULT_OPSET,
            passes: vec![RESTORE_GEMM, RESTORE_LRN, FOLD_BATCH_NORM],
            metadata: BTreeMap::new(),
        }
    }

    /// Replaces a symbol by a fixed size in every input that has it.
    pub fn fix(mut self, symbol: &str, size: usize) -> Self {
        for axis in self.inputs.iter_mut().flat_map(|input| &mut input.axes) {
            if matches!(axis, Axis::Symbol(known) if known.name() == symbol) {
                *axis = Axis::Fixed(size);
            }
        }
        self
    }

    /// Sets the operator set.
    pub fn opset(self, opset: i64) -> Self {
        Self { opset, ..self }
    }

    /// Turns folding of BatchNorm into the preceding convolution on or off.
    pub fn folding(mut self, fold: bool) -> Self {
        self.passes.retain(|pass| fold || pass.name != FOLD_BATCH_NORM.name);
        self
    }

    /// Keeps only these outputs.
    pub fn keep(self, outputs: &[&str]) -> Self {
        Self { keep: Some(outputs.iter().map(|name| (*name).to_owned()).collect()), ..self }
    }

    fn check(&self) -> Result<()> {
        if !onnx::OPSETS.contains(&self.opset) {
            let (first, last) = (onnx::OPSETS.start(), onnx::OPSETS.end());
            return Err(Error::input(format!("opset {}", self.opset), format!("gnet writes opsets {first} to {last}")));
        }
        let mut names = HashSet::new();
        for Input { name, axes } in &self.inputs {
            if name.is_empty() || !names.insert(name) {
                return Err(Error::input(format!("input '{name}'"), "has no name of its own"));
            }
            if let Some(axis) = axes.iter().position(|axis| *axis == Axis::Fixed(0)) {
                return Err(Error::input(
                    format!("input '{name}'"),
                    format!("axis {axis} is empty: it holds at least one"),
                ));
            }
        }
        match self.traced().largest_run() {
            Some(values) if values <= MAX_INPUT_VALUES => Ok(()),
            _ => {
                let shapes: Vec<_> = self.inputs.iter().map(Input::to_string).collect();
                let reason = format!("{} take more than the 1 GiB they may have", shapes.join(", "));
                Err(Error::input("the inputs", reason).remedy("use a smaller image, fewer channels or a smaller batch"))
            }
        }
    }

    /// Returns the symbols of the inputs, in order of appearance.
    fn symbols(&self) -> Vec<Symbol> {
        trace::symbols(&self.inputs)
    }

    fn traced(&self) -> trace::TraceOptions {
        trace::TraceOptions { inputs: self.inputs.clone(), keep: self.keep.clone(), opset: self.opset }
    }
}

/// Maximum number of values in the inputs while they are traced: 1 GiB in f32.
const MAX_INPUT_VALUES: usize = 1 << 28;

/// Default operator set of an export: supported by every runtime of recent years.
pub const DEFAULT_OPSET: i64 = 18;

/// An exported module.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exported {
    /// The bytes of the ONNX file.
    pub bytes: Bytes,
    /// The decoded model.
    pub model: Model,
    /// Nodes, learned parameters and initializer bytes after lowering, before any pass.
    pub lowered: Step,
    /// The part that pruning removed.
    pub pruned: Pruned,
    /// Record of each pass.
    pub passes: Vec<Rewrites>,
    /// Lowering of each of Burn's operations, before any pass.
    pub log: Vec<Lowering>,
}

/// Exports `forward` of a module.
///
/// The same module and options give the same bytes. The module is not changed.
///
/// ```
/// use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
/// use burn::module::Module;
/// use burn::tensor::{Bool, Device, Int, Tensor};
/// # use gnet_burn as gnet;
/// use gnet::axes;
/// use gnet::export::{ExportOptions, export};
/// use gnet::trace::Input;
///
/// #[derive(Module, Debug)]
/// struct Tagger {
///     words: Embedding,
///     tags: Linear,
/// }
///
/// impl Tagger {
///     fn forward(&self, words: Tensor<2, Int>, padding: Tensor<2, Bool>) -> Tensor<3> {
///         let tags = self.tags.forward(self.words.forward(words));
///         tags.mask_fill(padding.unsqueeze_dim(2), 0.0)
///     }
/// }
///
/// let device = Device::flex();
/// let tagger =
///     Tagger { words: EmbeddingConfig::new(100, 8).init(&device), tags: LinearConfig::new(8, 5).init(&device) };
/// let options = ExportOptions::for_inputs([
///     Input::new("words", axes!["N", "T"]),
///     Input::new("padding", axes!["N", "T"]),
/// ]);
/// let exported = export(&tagger, &options, |tagger, (words, padding)| ("tags", tagger.forward(words, padding)))?;
/// assert_eq!(exported.model.graph.inputs.len(), 2);
/// # Ok::<(), gnet_core::Error>(())
/// ```
///
/// # Errors
/// Fails on options out of range, and with the errors of [`trace::trace`] and [`passes::run`].
///
/// # Panics
/// Panics if `forward` does, see [`trace::trace`].
pub fn export<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    options: &ExportOptions,
    forward: impl Fn(&M, I) -> O,
) -> Result<Exported> {
    exported(trace::subject(module, &forward), options)
}

fn exported(subject: Subject<'_>, options: &ExportOptions) -> Result<Exported> {
    let exported = rewritten(subject, options)?;
    let bytes = Bytes::from(onnx::write(&exported.model)?);
    Ok(Exported { bytes, ..exported })
}

/// Performs an export without encoding its bytes.
fn rewritten(subject: Subject<'_>, options: &ExportOptions) -> Result<Exported> {
    options.check()?;
    let Traced { mut model, pruned, log } = trace::traced(subject, &options.traced())?;
    let lowered = Step::of("prune", &model.graph)?;
    let passes = passes::run(&mut model, &options.passes, &passes::PassOptions::default())?;
    model.metadata = options.metadata.clone();
    model.graph.check_constants_are_read()?;
    Ok(Exported { bytes: Bytes::new(), model, lowered, pruned, passes, log })
}

/// Returns the graph of a module in its training form: nothing pruned, nothing folded. This is what `summary` and
/// `compare` count.
///
/// # Errors
/// Those of [`export`].
pub fn as_trained<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    item_shape: &[usize],
    forward: impl Fn(&M, I) -> O,
) -> Result<Graph> {
    let options = ExportOptions::new(item_shape).folding(false);
    Ok(rewritten(trace::subject(module, &forward), &options)?.model.graph)
}
