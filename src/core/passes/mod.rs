//! Passes: rewrites of a graph, in a short, explicit, ordered list.
//!
//! A pass never changes what the graph computes. It records what it did and, if it considered a rewrite and declined,
//! why. A pass may leave nodes and initializers that nothing reads any more; the runner sweeps them before the first
//! pass and after each, so that no pass has to decide whether something else still needs a value, and none meets dead
//! readers. Then the runner checks the graph. Branches of `If` and bodies of loops are rewritten in the same way as the
//! enclosing graph.
//!
//! Most passes are exact: the results are the same bit for bit. Those that are not are marked ([`Pass::exact`]): they
//! round once where the graph rounded twice.
//!
//! ```
//! # use gnet_core as gnet;
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).unwrap();
//! use gnet::{onnx, passes};
//!
//! let mut model = onnx::read_file("dynamic.onnx".as_ref())?;
//! let mut options = passes::PassOptions::default();
//! options.outputs = vec!["y".into()];
//! for done in passes::run(&mut model, &[passes::PRUNE, passes::FOLD_CONSTANTS], &options)? {
//!     println!("{}: {} rewritten, {} refused, {} nodes left", done.pass, done.applied.len(), done.refused.len(), done.nodes);
//! }
//! assert_eq!(model.graph.nodes.len(), 5, "the softmax that makes p is gone");
//! # Ok::<(), gnet::Error>(())
//! ```

mod batch_norm;
mod bodies;
mod channels;
mod common;
mod dead_code;
mod edit;
mod fold;
mod freeze;
mod gemm;
#[cfg(test)]
mod growth;
mod identity;
mod initializers;
mod lrn;
mod pad;
mod prune;
mod record;
mod shapes;
mod stated;
mod view;

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::graph::{Graph, Model, Node};
use crate::{Error, Result};

use bodies::{Order, Scope, each};
// For the engine crate, which asks before it runs a file twice; not part of the public API.
#[doc(hidden)]
pub use common::draws_lots;
pub use record::{OptimizeRecord, PassEntry, PassList, Proof};
use view::View;

/// One rewrite of a model.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Pass {
    /// Name on the command line and in logs.
    pub name: &'static str,
    /// Description in one sentence.
    pub about: &'static str,
    /// Whether results stay the same bit for bit, rather than only up to the rounding of floats.
    pub exact: bool,
    run: fn(&mut Model, &PassOptions) -> Result<Rewrites>,
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Pass {
    /// Creates a custom pass, to be run among the others. `run` returns what it applied and where it declined; the
    /// runner fills in the rest.
    pub const fn new(
        name: &'static str,
        about: &'static str,
        exact: bool,
        run: fn(&mut Model, &PassOptions) -> Result<Rewrites>,
    ) -> Self {
        Self { name, about, exact, run }
    }
}

/// Keeps only the chosen outputs.
pub const PRUNE: Pass = Pass::new("prune", "only the outputs named by --outputs stay", true, prune::prune);
/// Turns initializers that a caller may replace into constants.
pub const FREEZE_DEFAULTS: Pass = Pass::new(
    "freeze-defaults",
    "initializers that are inputs too become constants, which no caller can replace any more",
    true,
    |model, _| Ok(freeze::freeze(model)),
);
/// Records the types and shapes that follow from the inputs.
pub const INFER_SHAPES: Pass = Pass::new(
    "infer-shapes",
    "types and shapes that follow from those of the inputs are written down, for the passes after it",
    true,
    |model, _| Ok(shapes::infer(model)),
);
/// Removes operations that return their input unchanged.
pub const DROP_IDENTITY: Pass = Pass::new(
    "drop-identity",
    "Identity, Dropout and every Cast, Reshape, Transpose, Slice, Pad, Concat .. that changes nothing go",
    true,
    |model, _| Ok(each(&mut model.graph, model.opset, Order::OutsideIn, identity::drop)),
);
/// Folds constants.
pub const FOLD_CONSTANTS: Pass = Pass::new(
    "fold-constants",
    "what is made of constants or known shapes alone is computed, unless the file would grow",
    true,
    |model, options| Ok(fold::fold(model, options)),
);
/// Merges nodes that compute the same.
pub const ELIMINATE_COMMON_SUBEXPRESSIONS: Pass = Pass::new(
    "eliminate-common-subexpressions",
    "of nodes that compute the same of the same inputs one stays",
    true,
    |model, _| Ok(inside_out(model, |graph, _| common::eliminate(graph))),
);
/// Restores `Gemm` from a product and a bias.
pub const RESTORE_GEMM: Pass =
    Pass::new("restore-gemm", "x * W + b becomes one Gemm", false, |model, _| Ok(gemm::restore(model)));
/// Restores `LRN` from its decomposition.
pub const RESTORE_LRN: Pass =
    Pass::new("restore-lrn", "local response normalisation becomes one LRN", false, |model, _| {
        Ok(inside_out(model, lrn::restore))
    });
/// Moves padding into the operation that follows.
pub const FUSE_PAD: Pass =
    Pass::new("fuse-pad", "a Pad moves into the Conv or pool after it, where that is exact", true, |model, _| {
        Ok(inside_out(model, pad::fuse))
    });
/// Folds BatchNorm into the preceding linear operation.
pub const FOLD_BATCH_NORM: Pass = Pass::new(
    "fold-batch-norm",
    "BatchNormalization moves into the weight and bias of the Conv, ConvTranspose or Gemm before it",
    false,
    |model, _| Ok(batch_norm::fold(model)),
);
/// Merges equal initializers.
pub const DEDUPLICATE_INITIALIZERS: Pass = Pass::new(
    "deduplicate-initializers",
    "of initializers with the same type, shape and elements one stays",
    true,
    |model, _| Ok(inside_out(model, |graph, _| initializers::deduplicate(graph))),
);
/// Removes everything that no output needs.
pub const DEAD_CODE: Pass =
    Pass::new("dead-code", "nodes and initializers that no output needs go", true, |model, _| Ok(swept(model)));

/// All passes.
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

/// Passes that `gnet optimize` runs by default, in this order.
///
/// Dead parts of the file are removed first. Then shapes are inferred, since no-ops and constants are recognised by
/// them. No-ops are removed before folding, which then sees through them, and after it, since it reveals more of them.
/// Equal nodes are merged before a weight that only they share keeps BatchNorm from being folded, and again once equal
/// initializers are merged. Initializers are merged after the passes that change them.
pub const DEFAULT: [Pass; 12] = [
    DEAD_CODE,
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
];

/// Finds a pass by name.
///
/// # Errors
/// Fails if no pass has this name; the remedy lists them.
pub fn find(name: &str) -> Result<Pass> {
    let names = || ALL.map(|pass| pass.name).join(", ");
    let unknown = || Error::input(format!("pass '{name}'"), "is not known").remedy(format!("use some of {}", names()));
    ALL.into_iter().find(|pass| pass.name == name).ok_or_else(unknown)
}

/// Options of passes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PassOptions {
    /// Names of the values that [`PRUNE`] keeps as outputs, in this order.
    pub outputs: Vec<String>,
    /// Maximum number of bytes by which the file may grow for one result of [`FOLD_CONSTANTS`], minus the constants
    /// that it makes redundant.
    pub growth: u64,
}

#[doc(hidden)]
#[deprecated(note = "is named `PassOptions`")]
pub type Options = PassOptions;

impl Default for PassOptions {
    /// Returns every output; 64 KiB, which is enough for all shape arithmetic.
    fn default() -> Self {
        Self { outputs: Vec::new(), growth: 1 << 16 }
    }
}

/// Record of one pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Rewrites {
    /// Name of the pass.
    pub pass: &'static str,
    /// Names of the nodes, or of the values, that it rewrote or removed; in a subgraph prefixed with the node and
    /// attribute that contain it: `NODE.ATTRIBUTE/NAME`.
    pub applied: Vec<String>,
    /// Places where it declined, with reasons.
    pub refused: Vec<Refusal>,
    /// Wrong statements of the file, one sentence each; only listed for the first pass.
    pub remarks: Vec<String>,
    /// Number of nodes before, including those of subgraphs.
    pub nodes_before: usize,
    /// Number of nodes afterwards.
    pub nodes: usize,
    /// Size of all initializers before, in bytes.
    pub initializer_bytes_before: u64,
    /// Size of all initializers afterwards, in bytes.
    pub initializer_bytes: u64,
}

/// A place where a pass declined.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Refusal {
    /// Name of the node.
    pub node: String,
    /// Reason why it stayed.
    pub reason: String,
}

impl Rewrites {
    fn refuse(&mut self, graph: &Graph, node: &Node, reason: impl Into<String>) {
        self.refused.push(Refusal { node: graph.node_name(node).to_owned(), reason: reason.into() });
    }
}

/// Runs passes in order, sweeps after each and checks the graph. Of the shapes stated in the file, passes only see what
/// follows from its inputs: a stated shape that contradicts them is dropped, with a remark.
///
/// # Errors
/// Names a pass that fails or leaves an invalid graph.
pub fn run(model: &mut Model, passes: &[Pass], options: &PassOptions) -> Result<Vec<Rewrites>> {
    // Pruning may ask for a value that no output needed, and the sweep itself records what it swept.
    let waits = |pass: &Pass| [PRUNE.name, DEAD_CODE.name].contains(&pass.name);
    if !passes.first().is_some_and(waits) {
        swept(model);
    }
    let (stated, overruled) = stated::set_aside(model);
    let run = |pass: &Pass| -> Result<Rewrites> {
        let named = |e: Error| Error::input(format!("pass {}", pass.name), e);
        let (nodes_before, initializer_bytes_before) = size(&model.graph);
        let rewrites = (pass.run)(model, options).map_err(named)?;
        swept(model);
        model.graph.check().map_err(named)?;
        let (nodes, initializer_bytes) = size(&model.graph);
        Ok(Rewrites { pass: pass.name, nodes_before, nodes, initializer_bytes_before, initializer_bytes, ..rewrites })
    };
    let log = passes.iter().map(run).collect::<Result<Vec<_>>>();
    stated.put_back(&mut model.graph);
    raise_format(model);
    let mut log = log?;
    if let Some(first) = log.first_mut() {
        first.remarks = overruled.iter().map(ToString::to_string).collect();
    }
    Ok(log)
}

/// Raises the format version: before version 4 every initializer was an input too, so a model with one that is not
/// needs version 4.
fn raise_format(model: &mut Model) {
    let unlisted = |graph: &&Graph| {
        let listed = graph.replaceable();
        graph.initializers().any(|(id, _)| !listed.contains(&id))
    };
    let old = model.ir_version.is_some_and(|version| version < 4);
    if old && model.graph.with_subgraphs().iter().any(unlisted) {
        model.ir_version = Some(4);
    }
}

/// Counts nodes and bytes of constants, in subgraphs too.
fn size(graph: &Graph) -> (usize, u64) {
    let all = graph.with_subgraphs();
    (all.iter().map(|graph| graph.nodes.len()).sum(), all.iter().map(|graph| graph.initializer_bytes()).sum())
}

/// Runs a pass on every graph of a model, the innermost first.
fn inside_out(model: &mut Model, run: impl FnMut(&mut Graph, &Scope) -> Rewrites) -> Rewrites {
    each(&mut model.graph, model.opset, Order::InsideOut, run)
}

/// Removes nodes and initializers that no output needs, in subgraphs too: [`DEAD_CODE`] for a graph by itself, whose
/// unread default inputs are removed as well.
///
/// # Errors
/// Currently none.
pub fn sweep(graph: &mut Graph) -> Result<Rewrites> {
    Ok(each(graph, 0, Order::InsideOut, |graph, _| dead_code::sweep(graph, false)))
}

/// Removes everything that no output needs. An initializer that a caller may replace is part of the interface and
/// stays; before version 4 of the file format every initializer had to be listed, which does not make it part of the
/// interface.
fn swept(model: &mut Model) -> Rewrites {
    let promised = model.ir_version.is_none_or(|version| version >= 4);
    each(&mut model.graph, model.opset, Order::InsideOut, |graph, _| dead_code::sweep(graph, promised))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Attribute, Capture, DType, Subgraph, Tensor, ValueId};

    /// Builds `y = x + a` where `a, b = Split(k)`, and a dead node that reads `b`, added by `dead`.
    fn split(dead: impl Fn(&mut Graph, ValueId) -> Node) -> Model {
        let mut g = Graph::new("g");
        let [x, a, b, y] = ["x", "a", "b", "y"].map(|name| g.add_value(name, Some(DType::F32), None));
        let k = g.add_initializer("k", Tensor::from_f32(vec![4], &[1.0, 2.0, 3.0, 4.0]).unwrap());
        let mut split = Node::new("split", "Split", vec![k], vec![a, b]);
        split.set("num_outputs", 2i64);
        let reader = dead(&mut g, b);
        g.nodes = vec![split, reader, Node::new("add", "Add", vec![x, a], vec![y])];
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        Model::new(g, 18)
    }

    fn node(g: &mut Graph, reads: ValueId) -> Node {
        let made = g.add_value("dead", Some(DType::F32), None);
        Node::new("reader", "Relu", vec![reads], vec![made])
    }

    /// Adds a dead `If`, with a branch that captures.
    fn branch(g: &mut Graph, reads: ValueId) -> Node {
        let mut body = Graph::new("then");
        let [seen, made] = ["b", "inside"].map(|name| body.add_value(name, Some(DType::F32), None));
        body.nodes = vec![Node::new("neg", "Neg", vec![seen], vec![made])];
        body.outputs = vec![made];
        let branch = Subgraph { graph: body, captures: vec![Capture { outer: reads, inner: seen }] };
        let on = g.add_initializer("on", Tensor::new(DType::Bool, vec![], vec![1]).unwrap());
        let made = g.add_value("dead", Some(DType::F32), None);
        let mut node = Node::new("reader", "If", vec![on], vec![made]);
        for name in ["then_branch", "else_branch"] {
            node.attributes.insert(name.into(), Attribute::Graph(Box::new(branch.clone())));
        }
        node
    }

    #[test]
    fn a_reader_that_no_output_needs_holds_nothing_back() {
        for model in [split(node), split(branch)] {
            for passes in ALL.iter().map(std::slice::from_ref).chain([&DEFAULT[..]]) {
                if passes[0].name == PRUNE.name {
                    continue;
                }
                let mut model = model.clone();
                let log = run(&mut model, passes, &PassOptions::default()).unwrap();
                assert_eq!(model.graph.nodes.iter().filter(|node| node.name == "reader").count(), 0);
                let swept = log.iter().any(|pass| pass.applied.contains(&"reader".to_owned()));
                assert_eq!(swept, passes.iter().any(|pass| pass.name == DEAD_CODE.name), "{passes:?}");
            }
        }
    }

    #[test]
    fn a_mask_that_only_a_dead_node_reads_is_not_read() {
        let mut g = Graph::new("g");
        let [x, y, mask, dead, z] =
            ["x", "y", "mask", "dead", "z"].map(|name| g.add_value(name, Some(DType::F32), None));
        g.nodes = vec![
            Node::new("drop", "Dropout", vec![x], vec![y, mask]),
            Node::new("not", "Not", vec![mask], vec![dead]),
            Node::new("relu", "Relu", vec![y], vec![z]),
        ];
        (g.inputs, g.outputs) = (vec![x], vec![z]);
        let mut model = Model::new(g, 18);
        assert_eq!(run(&mut model, &[DROP_IDENTITY], &PassOptions::default()).unwrap()[0].applied, ["drop"]);
        assert_eq!(model.graph.nodes.len(), 1);
    }

    #[test]
    fn what_nothing_needed_can_still_be_asked_for() {
        let mut model = split(node);
        let options = PassOptions { outputs: vec!["dead".to_owned()], ..PassOptions::default() };
        run(&mut model, &[PRUNE, FOLD_CONSTANTS], &options).unwrap();
        let operations: Vec<_> = model.graph.nodes.iter().map(|node| node.op_type.as_str()).collect();
        assert_eq!(operations, ["Relu"]);
    }
}
