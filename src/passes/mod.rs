//! Rewrites of a graph, as a short, visible, ordered list.
//!
//! A pass never changes what the graph computes. It says what it did and, where it looked closely and declined, why. The
//! runner checks the graph after each pass. A pass may leave nodes and initializers that nothing reads any more;
//! [`DEAD_CODE`] sweeps them, so that no pass has to decide what else still needs a value. What only such leftovers read
//! counts as unread. Branches of `If` and bodies of loops are rewritten like the graph around them.
//!
//! Most passes are exact: the results are the same bit for bit. Those that are not say so ([`Pass::exact`]): they round
//! once where the graph rounded twice.

mod batch_norm;
mod bodies;
mod channels;
mod common;
mod dead_code;
mod edit;
mod fold;
mod freeze;
mod gemm;
mod identity;
mod initializers;
mod lrn;
mod pad;
mod prune;
mod record;
mod shapes;
mod view;

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;

use crate::graph::{Graph, Model, Node};
use crate::{Error, Result};

use bodies::{Order, Scope, each};
pub use record::{OptimizeRecord, PassEntry, PassList};
use view::View;

/// One rewrite of a model.
#[derive(Clone, Copy)]
pub struct Pass {
    /// Name on the command line and in logs.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Whether results stay the same bit for bit, and not only up to the rounding of floats.
    pub exact: bool,
    run: fn(&mut Model, &Options) -> Result<Rewrites>,
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Pass {
    /// A pass of one's own, to be run among the others. `run` returns what it applied and where it declined; the runner
    /// fills in the rest.
    pub const fn new(
        name: &'static str,
        about: &'static str,
        exact: bool,
        run: fn(&mut Model, &Options) -> Result<Rewrites>,
    ) -> Self {
        Self { name, about, exact, run }
    }
}

/// Keeps only the chosen outputs.
pub const PRUNE: Pass = Pass::new("prune", "only the outputs named by --outputs stay", true, prune::prune);
/// Makes initializers that a caller may replace constant.
pub const FREEZE_DEFAULTS: Pass = Pass::new(
    "freeze-defaults",
    "initializers that are inputs too become constants, which no caller can replace any more",
    true,
    |model, _| freeze::freeze(model),
);
/// Writes down the types and shapes that follow from the inputs.
pub const INFER_SHAPES: Pass = Pass::new(
    "infer-shapes",
    "types and shapes that follow from those of the inputs are written down, for the passes after it",
    true,
    |model, _| shapes::infer(model),
);
/// Removes what hands its input on.
pub const DROP_IDENTITY: Pass = Pass::new(
    "drop-identity",
    "Identity, Dropout and every Cast, Reshape, Transpose, Slice, Pad, Concat .. that changes nothing go",
    true,
    |model, _| each(&mut model.graph, model.opset, Order::OutsideIn, identity::drop),
);
/// Computes what is made of constants alone.
pub const FOLD_CONSTANTS: Pass = Pass::new(
    "fold-constants",
    "what is made of constants or known shapes alone is computed, unless the file would grow",
    true,
    fold::fold,
);
/// Computes once what is computed twice.
pub const ELIMINATE_COMMON_SUBEXPRESSIONS: Pass = Pass::new(
    "eliminate-common-subexpressions",
    "of nodes that compute the same of the same inputs one stays",
    true,
    |model, _| inside_out(model, |graph, _| common::eliminate(graph)),
);
/// Restores `Gemm` from a product and a bias.
pub const RESTORE_GEMM: Pass =
    Pass::new("restore-gemm", "x * W + b becomes one Gemm", false, |model, _| gemm::restore(model));
/// Restores `LRN` from its decomposition.
pub const RESTORE_LRN: Pass =
    Pass::new("restore-lrn", "local response normalisation becomes one LRN", false, |model, _| {
        inside_out(model, |graph, _| lrn::restore(graph))
    });
/// Moves padding into the operation that follows.
pub const FUSE_PAD: Pass =
    Pass::new("fuse-pad", "a Pad moves into the Conv or pool after it, where that is exact", true, |model, _| {
        inside_out(model, pad::fuse)
    });
/// Folds BatchNorm into the linear operation before it.
pub const FOLD_BATCH_NORM: Pass = Pass::new(
    "fold-batch-norm",
    "BatchNormalization moves into the weight and bias of the Conv, ConvTranspose or Gemm before it",
    false,
    |model, _| batch_norm::fold(model),
);
/// Keeps one of equal initializers.
pub const DEDUPLICATE_INITIALIZERS: Pass = Pass::new(
    "deduplicate-initializers",
    "of initializers with the same type, shape and elements one stays",
    true,
    |model, _| inside_out(model, |graph, _| initializers::deduplicate(graph)),
);
/// Removes what no output needs.
pub const DEAD_CODE: Pass =
    Pass::new("dead-code", "nodes and initializers that no output needs go", true, |model, _| sweep(&mut model.graph));

/// Every pass.
pub const ALL: [Pass; 12] = [
    PRUNE,
    FREEZE_DEFAULTS,
    INFER_SHAPES,
    DROP_IDENTITY,
    ELIMINATE_COMMON_SUBEXPRESSIONS,
    FOLD_CONSTANTS,
    RESTORE_GEMM,
    RESTORE_LRN,
    FUSE_PAD,
    FOLD_BATCH_NORM,
    DEDUPLICATE_INITIALIZERS,
    DEAD_CODE,
];

/// What `gnet optimize` runs unless told otherwise, in this order.
///
/// Shapes come first: what changes nothing and what is constant is told by them. No-ops go before folding, which sees through them then, and after it, which shows more of them. Equal nodes are merged
/// before a weight that only they share keeps BatchNorm from being folded, and again when equal initializers are one.
/// Initializers are merged after the passes that change them.
pub const DEFAULT: [Pass; 12] = [
    INFER_SHAPES,
    DROP_IDENTITY,
    ELIMINATE_COMMON_SUBEXPRESSIONS,
    FOLD_CONSTANTS,
    DROP_IDENTITY,
    RESTORE_GEMM,
    RESTORE_LRN,
    FUSE_PAD,
    FOLD_BATCH_NORM,
    DEDUPLICATE_INITIALIZERS,
    ELIMINATE_COMMON_SUBEXPRESSIONS,
    DEAD_CODE,
];

/// A pass by name.
///
/// # Errors
/// A name that no pass has; the remedy lists them.
pub fn find(name: &str) -> Result<Pass> {
    let names = || ALL.map(|pass| pass.name).join(", ");
    let unknown = || Error::input(format!("pass '{name}'"), "is not known").remedy(format!("use some of {}", names()));
    ALL.into_iter().find(|pass| pass.name == name).ok_or_else(unknown)
}

/// What passes have to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Names of the values that [`PRUNE`] keeps as outputs, in this order.
    pub outputs: Vec<String>,
    /// How many bytes the file may grow by one result of [`FOLD_CONSTANTS`], less the constants that go with it.
    pub growth: u64,
}

impl Default for Options {
    /// Every output; 64 KiB, which holds all arithmetic on shapes.
    fn default() -> Self {
        Self { outputs: Vec::new(), growth: 1 << 16 }
    }
}

/// What one pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rewrites {
    /// Name of the pass.
    pub pass: &'static str,
    /// Names of the nodes, or of the values, that it rewrote or removed; in a subgraph after the node and attribute that it
    /// lies in: `NODE.ATTRIBUTE/NAME`.
    pub applied: Vec<String>,
    /// Where it declined, and why.
    pub refused: Vec<Refusal>,
    /// Nodes before, those of subgraphs included.
    pub nodes_before: usize,
    /// Nodes afterwards.
    pub nodes: usize,
    /// Bytes of all initializers before.
    pub initializer_bytes_before: u64,
    /// Bytes of all initializers afterwards.
    pub initializer_bytes: u64,
}

/// A place where a pass declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Name of the node.
    pub node: String,
    /// Why it stayed.
    pub reason: String,
}

impl Rewrites {
    fn refuse(&mut self, graph: &Graph, node: &Node, reason: impl Into<String>) {
        self.refused.push(Refusal { node: graph.node_name(node).to_owned(), reason: reason.into() });
    }
}

/// Runs passes in order and checks the graph after each.
///
/// # Errors
/// A pass that fails or leaves a graph that does not hold, named.
pub fn run(model: &mut Model, passes: &[Pass], options: &Options) -> Result<Vec<Rewrites>> {
    let run = |pass: &Pass| -> Result<Rewrites> {
        let named = |e: Error| Error::input(format!("pass {}", pass.name), e);
        let (nodes_before, initializer_bytes_before) = size(&model.graph);
        let rewrites = (pass.run)(model, options).map_err(named)?;
        model.graph.check().map_err(named)?;
        let (nodes, initializer_bytes) = size(&model.graph);
        Ok(Rewrites { pass: pass.name, nodes_before, nodes, initializer_bytes_before, initializer_bytes, ..rewrites })
    };
    let log = passes.iter().map(run).collect();
    raise_format(model);
    log
}

/// Before version 4 of the file format every initializer was an input too: a model with one that is not is of version 4.
fn raise_format(model: &mut Model) {
    let unlisted = |graph: &&Graph| {
        let listed: HashSet<_> = graph.listed_initializers.values().copied().collect();
        graph.initializers().any(|(id, _)| !listed.contains(&id))
    };
    let old = model.ir_version.is_some_and(|version| version < 4);
    if old && model.graph.with_subgraphs().iter().any(unlisted) {
        model.ir_version = Some(4);
    }
}

/// Nodes and bytes of constants, in subgraphs too.
fn size(graph: &Graph) -> (usize, u64) {
    let all = graph.with_subgraphs();
    (all.iter().map(|graph| graph.nodes.len()).sum(), all.iter().map(|graph| graph.initializer_bytes()).sum())
}

/// Runs a pass in every graph of a model, the innermost first.
fn inside_out(model: &mut Model, run: impl FnMut(&mut Graph, &Scope) -> Result<Rewrites>) -> Result<Rewrites> {
    each(&mut model.graph, model.opset, Order::InsideOut, run)
}

/// Removes nodes and initializers that no output needs, in subgraphs too: [`DEAD_CODE`] for a graph alone.
///
/// # Errors
/// None today.
pub fn sweep(graph: &mut Graph) -> Result<Rewrites> {
    each(graph, 0, Order::InsideOut, |graph, _| dead_code::sweep(graph))
}
