//! Counts parameters, MACs, memory and bytes moved of a graph, node by node.
//!
//! [`count()`] is strict: it counts everything or names what it cannot count. [`Analysis`] counts what it can,
//! including memory and bytes moved, and names the rest. Both follow the rules below.
//!
//! ```
//! # use gnet_core as gnet;
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).unwrap();
//! use gnet::{cost, onnx};
//!
//! let model = cost::with_shapes(onnx::read_file("dynamic.onnx".as_ref())?);
//! let cost = cost::count(&model.graph)?;
//! assert_eq!((cost.params, cost.weights, cost.macs), (169, 162, 1_458));
//! let heaviest = cost.layers.iter().max_by_key(|layer| layer.macs).unwrap();
//! assert_eq!((heaviest.name.as_str(), heaviest.macs), ("conv", 1_350));
//! # Ok::<(), gnet::Error>(())
//! ```
//!
#![doc = include_str!("counting.md")]

mod analysis;
mod batch;
mod constants;
mod counting;
mod einsum;
mod macs;
mod memory;
mod packed;
mod products;
mod roles;
mod rule;
mod show;
mod sizes;
mod summary;
mod tally;
mod tree;

use schemars::JsonSchema;
use serde::Serialize;

use crate::graph::{Dim, Graph, Model, Sizes};
use crate::infer;
use crate::{Error, Result};

pub use analysis::{Analysis, Quantity, Row, Uncounted};
pub use batch::{BatchAxis, BatchChoice, name_batch};
pub use counting::Counting;
pub use show::{Compute, Show, Sort};
pub use summary::{CONVENTION, Memory, Share, Summary, View};
pub use tree::{group, module, modules, tree};

/// Returns the model with the shapes that follow from those of its inputs, which counting needs and a file need not
/// state. An open batch gets the name that counting expects. A file with a node that its inputs do not allow is
/// returned unchanged.
pub fn with_shapes(model: Model) -> Model {
    with_sizes(model, &Sizes::none())
}

/// Does the same as [`with_shapes`] for inputs of these sizes. Sizes that the file cannot have leave it unchanged.
pub fn with_sizes(model: Model, sizes: &Sizes) -> Model {
    let mut known = model.clone();
    name_batch(&mut known.graph, &BatchChoice::Guess);
    match infer::infer(&mut known, sizes) {
        Ok(_) => known,
        Err(_) => model,
    }
}

/// Cost of one node.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Layer {
    /// Name of the node, or of the module if layers were grouped.
    pub name: String,
    /// Operation, or the content of a group.
    pub op: String,
    /// Shape of the first output; `None` if the graph does not state it.
    pub output_shape: Option<Vec<Dim>>,
    /// Number of learned parameters that are first read by it.
    pub params: u64,
    /// Number of those that are weights.
    pub weights: u64,
    /// Multiply-accumulates for one item of the batch.
    pub macs: u64,
}

/// Unknown counts are 0.
impl From<Row> for Layer {
    fn from(row: Row) -> Self {
        let Row { name, op, output_shape, params, weights, macs, .. } = row;
        let [params, weights, macs] = [params, weights, macs].map(Option::unwrap_or_default);
        Self { name, op, output_shape, params, weights, macs }
    }
}

impl From<&Layer> for Row {
    fn from(layer: &Layer) -> Self {
        let Layer { name, op, output_shape, params, weights, macs } = layer.clone();
        let [params, weights, macs] = [params, weights, macs].map(Some);
        Self { name, op, output_shape, params, weights, macs, ..Self::default() }
    }
}

/// Cost of a graph.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Cost {
    /// Number of learned parameters.
    pub params: u64,
    /// Number of weights of convolutions and linear layers.
    pub weights: u64,
    /// Multiply-accumulates for one item of the batch.
    pub macs: u64,
    /// Floating-point operations by the same count: twice the MACs.
    pub flops: u64,
    /// The layers in execution order.
    pub layers: Vec<Layer>,
}

impl Cost {
    /// Sums up layers.
    pub fn of_layers(layers: Vec<Layer>) -> Self {
        let sum = |f: fn(&Layer) -> u64| layers.iter().map(f).fold(0u64, u64::saturating_add);
        let macs = sum(|l| l.macs);
        Self { params: sum(|l| l.params), weights: sum(|l| l.weights), macs, flops: macs.saturating_mul(2), layers }
    }
}

/// Counts parameters, weights and MACs of a graph by the shapes that it states. One layer per node.
///
/// # Errors
/// Fails on a node whose parameters or MACs cannot be counted: a shape that the graph does not state or leaves open, a
/// count beyond 64 bits, an operation without a rule. [`Analysis`] names such nodes and continues.
pub fn count(graph: &Graph) -> Result<Cost> {
    let analysis = Analysis::of(graph, None)?;
    if let Some(entry) = analysis.uncounted.iter().find(|entry| entry.what != Quantity::Bytes) {
        let Uncounted { name, op, what, reason } = entry;
        let reason = format!("its {} cannot be counted: {reason}", what.name());
        let remedy = "let ONNX's shape inference write the shapes first";
        return Err(Error::input(format!("node {name} ({op})"), reason).remedy(remedy));
    }
    let mut layers: Vec<Layer> = Vec::with_capacity(graph.nodes.len());
    for row in analysis.rows {
        let inside = row.inside.is_some();
        let layer = Layer::from(row);
        match layers.last_mut().filter(|_| inside) {
            // The nodes of a subgraph follow the node that owns it.
            Some(owner) => {
                owner.params = owner.params.saturating_add(layer.params);
                owner.weights = owner.weights.saturating_add(layer.weights);
            }
            None => layers.push(layer),
        }
    }
    Ok(Cost::of_layers(layers))
}

#[cfg(test)]
mod growth_tests;
#[cfg(test)]
mod tests;
