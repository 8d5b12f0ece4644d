//! Analysis of a graph: everything that can be counted, and the reasons for what cannot.

use schemars::JsonSchema;
use serde::Serialize;

use super::batch::BatchAxis;
use crate::graph::Dim;

/// Cost of one node, or of several together.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Name of the node, or path of the module if nodes were summed up.
    pub name: String,
    /// Operation, or the number of nodes in a module.
    pub op: String,
    /// Node in whose subgraph it runs; `None` in the graph itself.
    pub inside: Option<String>,
    /// Level in a tree, from 0; only in a tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// Shape of the first output; `None` if unknown.
    pub output_shape: Option<Vec<Dim>>,
    /// Number of learned parameters that are first read by it; `None` if the size of one is unknown.
    pub params: Option<u64>,
    /// Number of those that are weights.
    pub weights: Option<u64>,
    /// Multiply-accumulates for one item of the batch; `None` if they cannot be counted.
    pub macs: Option<u64>,
    /// Floating-point operations for one item: twice the MACs.
    pub flops: Option<u64>,
    /// Activation memory of the whole graph in use while it runs, in bytes, at the batch; for several nodes the
    /// maximum.
    pub live_bytes: u64,
    /// Bytes that it reads, at the batch: activations and constants.
    pub read_bytes: Option<u64>,
    /// Bytes that it writes, at the batch.
    pub written_bytes: Option<u64>,
    /// Arithmetic intensity: FLOPs per byte read or written, at the batch.
    pub intensity: Option<f64>,
    /// Number of its nodes that could not be counted completely.
    pub uncounted: usize,
    /// FLOPs of the whole batch, from which the intensity is computed.
    #[serde(skip)]
    pub(super) batch_flops: Option<u64>,
    /// Whether it only produces constants, which happens once rather than for each batch.
    #[serde(skip)]
    pub(super) constant: bool,
}

impl Row {
    pub(super) fn set_intensity(&mut self) {
        let moved = self.read_bytes.zip(self.written_bytes).map(|(read, written)| read.saturating_add(written));
        self.intensity = intensity(self.batch_flops, moved).filter(|_| self.uncounted == 0);
    }
}

pub(super) fn intensity(flops: Option<u64>, moved: Option<u64>) -> Option<f64> {
    let (flops, moved) = (flops?, moved.filter(|moved| *moved > 0)?);
    Some(flops as f64 / moved as f64)
}

/// A kind of count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Quantity {
    /// Parameters and weights.
    Params,
    /// MACs and FLOPs.
    Macs,
    /// Memory and bytes moved.
    Bytes,
}

impl Quantity {
    /// Returns the display name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Params => "parameters",
            Self::Macs => "MACs",
            Self::Bytes => "bytes",
        }
    }
}

/// A count of a node, or of an input, that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Uncounted {
    /// Name of the node or input.
    pub name: String,
    /// Operation of the node; `input` for an input.
    pub op: String,
    /// Kind of count.
    pub what: Quantity,
    /// Reason.
    pub reason: String,
}

/// Cost of a graph, as far as it can be counted. Every total excludes the entries of [`Analysis::uncounted`]: it is
/// then a lower bound.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Analysis {
    /// Batch size for memory and bytes moved.
    pub batch: u64,
    /// Batch size that the file fixes; `None` if its batch is open.
    pub fixed_batch: Option<u64>,
    /// Axis that was taken as the batch.
    pub batch_axis: BatchAxis,
    /// Number of learned parameters.
    pub params: u64,
    /// Number of those that are weights: elements of kernels and matrices.
    pub weights: u64,
    /// Multiply-accumulates for one item.
    pub macs: u64,
    /// Floating-point operations for one item: twice the MACs.
    pub flops: u64,
    /// Peak memory of activations in use at once, in bytes, at the batch.
    pub peak_bytes: u64,
    /// Node that runs at the peak.
    pub peak_at: Option<String>,
    /// Size of the constants that the nodes read, in bytes, in the form in which they read them.
    pub constant_bytes: u64,
    /// Bytes read, at the batch.
    pub read_bytes: u64,
    /// Bytes written, at the batch.
    pub written_bytes: u64,
    /// FLOPs per byte read or written; `None` if either could not be counted completely.
    pub intensity: Option<f64>,
    /// The nodes in execution order.
    pub rows: Vec<Row>,
    /// Nodes that could not be counted.
    pub uncounted: Vec<Uncounted>,
}

impl Analysis {
    /// Returns the counts of one kind that could not be made.
    pub fn missing(&self, what: Quantity) -> impl Iterator<Item = &Uncounted> {
        self.uncounted.iter().filter(move |entry| entry.what == what)
    }
}
