//! Everything that can be counted of a graph, and for what cannot the reason.

use serde::Serialize;

use super::batch::BatchAxis;
use crate::graph::Dim;

/// What one node costs, or several together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Name of the node, or path of the module when nodes were summed up.
    pub name: String,
    /// Operation, or how many nodes a module holds.
    pub op: String,
    /// The node in whose subgraph it runs; `None` in the graph itself.
    pub inside: Option<String>,
    /// Level in a tree, from 0; `None` in a flat list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// Shape of the first output; `None` when it is not known.
    pub output_shape: Option<Vec<Dim>>,
    /// Learned parameters that it reads first; `None` when the size of one is not known.
    pub params: Option<u64>,
    /// Those of them that are weights.
    pub weights: Option<u64>,
    /// Multiply-accumulates for one item of the batch; `None` when they cannot be counted.
    pub macs: Option<u64>,
    /// Floating-point operations for one item: twice the MACs.
    pub flops: Option<u64>,
    /// Bytes of activations in use while it runs, of all the graph, at the batch; of several nodes the most.
    pub live_bytes: u64,
    /// Bytes it reads at the batch, activations and constants.
    pub read_bytes: Option<u64>,
    /// Bytes it writes at the batch.
    pub written_bytes: Option<u64>,
    /// Arithmetic intensity: FLOPs for each byte read or written, at the batch.
    pub intensity: Option<f64>,
    /// How many of its nodes could not be counted in full.
    pub uncounted: usize,
    /// FLOPs of the whole batch, which the intensity is made of.
    #[serde(skip)]
    pub(super) batch_flops: Option<u64>,
    /// Whether it makes constants only, which is done once and not for each batch.
    #[serde(skip)]
    pub(super) constant: bool,
}

impl Row {
    /// FLOPs for each byte, where both are known and something is moved.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantity {
    /// Parameters and weights.
    Params,
    /// MACs and FLOPs.
    Macs,
    /// Memory and bytes moved.
    Bytes,
}

impl Quantity {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Params => "parameters",
            Self::Macs => "MACs",
            Self::Bytes => "bytes",
        }
    }
}

/// A count of a node, or of an input, that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uncounted {
    /// The node, or the input.
    pub name: String,
    /// Its operation; `input` for an input.
    pub op: String,
    /// Which count.
    pub what: Quantity,
    /// Why.
    pub reason: String,
}

/// What a graph costs, as far as it can be counted. Every total leaves out what [`Analysis::uncounted`] names: it is then a
/// lower bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// Items that memory and bytes moved are for.
    pub batch: u64,
    /// The items that the file is fixed to; `None` when its batch is open.
    pub fixed_batch: Option<u64>,
    /// The axis that was taken for the batch.
    pub batch_axis: BatchAxis,
    /// Learned parameters.
    pub params: u64,
    /// Those of them that are weights: elements of kernels and matrices.
    pub weights: u64,
    /// Multiply-accumulates for one item.
    pub macs: u64,
    /// Floating-point operations for one item: twice the MACs.
    pub flops: u64,
    /// Most bytes of activations in use at once, at the batch.
    pub peak_bytes: u64,
    /// The node that runs then.
    pub peak_at: Option<String>,
    /// Bytes of the constants that the nodes read, in the form in which they read them.
    pub constant_bytes: u64,
    /// Bytes read at the batch.
    pub read_bytes: u64,
    /// Bytes written at the batch.
    pub written_bytes: u64,
    /// FLOPs for each byte read or written; `None` when either could not be counted in full.
    pub intensity: Option<f64>,
    /// The nodes in execution order.
    pub rows: Vec<Row>,
    /// What could not be counted.
    pub uncounted: Vec<Uncounted>,
}

impl Analysis {
    /// What could not be counted of one kind.
    pub fn missing(&self, what: Quantity) -> impl Iterator<Item = &Uncounted> {
        self.uncounted.iter().filter(move |entry| entry.what == what)
    }
}
