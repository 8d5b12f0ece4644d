//! Everything that can be counted of a graph, and for what cannot the reason.

use std::collections::HashSet;

use serde::Serialize;

use super::constants::{Constant, Constants};
use super::macs::macs;
use super::memory::{Live, bytes, traffic};
use super::operators::{Role, role};
use super::sizes::{Batch, Counted, Sizes};
use crate::graph::{Dim, Graph, Node, ValueId};
use crate::{Error, Result};

/// What one node costs, or several together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Name of the node, or path of the module when nodes were summed up.
    pub name: String,
    /// Operation, or how many nodes a module holds.
    pub op: String,
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
    /// Counts a graph, with memory and bytes moved for `batch` items: 1, or what the file is fixed to, when `None`.
    ///
    /// Takes time in the number of nodes and looks at no element of a weight.
    ///
    /// # Errors
    /// A batch of 0, or another than the file is fixed to.
    pub fn of(graph: &Graph, batch: Option<usize>) -> Result<Self> {
        let of_file = Batch::of(graph);
        let fixed = of_file.fixed();
        let items = match (batch, fixed) {
            (Some(0), _) => return Err(Error::input("batch 0", "a batch holds at least one item")),
            (Some(asked), Some(fixed)) if asked as u64 != fixed => {
                let reason = format!("the file is fixed to a batch of {fixed}");
                return Err(Error::input(format!("batch {asked}"), reason));
            }
            (asked, fixed) => asked.map_or(fixed.unwrap_or(1), |asked| asked as u64),
        };
        let constants = Constants::of(graph);
        let at = |items: u64| Sizes::new(graph, &of_file, items as usize);
        let mut counter = Counter {
            constants: &constants,
            one: at(1),
            all: at(items),
            fixed: fixed.unwrap_or(1),
            params: HashSet::new(),
            weights: HashSet::new(),
            read: HashSet::new(),
            constant_bytes: 0,
            uncounted: Vec::new(),
        };
        Ok(counter.graph().with_batch(items, fixed))
    }

    fn with_batch(self, batch: u64, fixed_batch: Option<u64>) -> Self {
        Self { batch, fixed_batch, ..self }
    }

    /// What could not be counted of one kind.
    pub fn missing(&self, what: Quantity) -> impl Iterator<Item = &Uncounted> {
        self.uncounted.iter().filter(move |entry| entry.what == what)
    }
}

/// Walks the nodes and remembers which parameters it has met.
struct Counter<'a> {
    constants: &'a Constants,
    /// Sizes for one item.
    one: Sizes<'a>,
    /// Sizes for the batch.
    all: Sizes<'a>,
    /// Items that a file of fixed batch holds.
    fixed: u64,
    params: HashSet<ValueId>,
    weights: HashSet<ValueId>,
    /// Constants whose bytes are counted.
    read: HashSet<ValueId>,
    constant_bytes: u64,
    uncounted: Vec<Uncounted>,
}

impl Counter<'_> {
    fn graph(&mut self) -> Analysis {
        let graph = self.all.graph();
        let live = Live::of(&self.all, self.constants);
        for (id, reason) in live.unknown {
            let name = graph.value(id).name.clone();
            self.uncounted.push(Uncounted { name, op: "input".to_owned(), what: Quantity::Bytes, reason });
        }
        let rows: Vec<Row> = graph.nodes.iter().zip(&live.at).map(|(node, live)| self.row(node, *live)).collect();
        let sum = |f: fn(&Row) -> Option<u64>| rows.iter().filter_map(f).fold(0u64, u64::saturating_add);
        let macs = sum(|row| row.macs);
        let (read_bytes, written_bytes) = (sum(|row| row.read_bytes), sum(|row| row.written_bytes));
        let uncounted = std::mem::take(&mut self.uncounted);
        let whole = uncounted.iter().all(|entry| entry.what == Quantity::Params);
        let flops = Some(sum(|row| row.batch_flops)).filter(|_| whole);
        // The first of several equal ones.
        let peak = rows.iter().rev().max_by_key(|row| row.live_bytes).filter(|row| row.live_bytes > 0);
        Analysis {
            batch: 1,
            fixed_batch: None,
            params: sum(|row| row.params),
            weights: sum(|row| row.weights),
            macs,
            flops: macs.saturating_mul(2),
            peak_bytes: peak.map_or(0, |row| row.live_bytes),
            peak_at: peak.map(|row| row.name.clone()),
            constant_bytes: self.constant_bytes,
            read_bytes,
            written_bytes,
            intensity: intensity(flops, Some(read_bytes.saturating_add(written_bytes))),
            rows,
            uncounted,
        }
    }

    fn row(&mut self, node: &Node, live_bytes: u64) -> Row {
        let graph = self.all.graph();
        let constant = self.constants.hold(node);
        let before = self.uncounted.len();
        // What constants alone decide is computed once, not for each item.
        let (params, macs, moved) = match constant {
            true => (Ok((0, 0)), Ok((0, 0)), Ok((0, 0))),
            false => (self.params(node), self.macs(node), traffic(&self.all, self.constants, node)),
        };
        let params = self.note(node, Quantity::Params, params);
        let macs = self.note(node, Quantity::Macs, macs);
        let moved = self.note(node, Quantity::Bytes, moved);
        let mut row = Row {
            name: graph.node_name(node).to_owned(),
            op: node.op_type.clone(),
            depth: None,
            output_shape: node.output().and_then(|id| graph.value(id).shape.clone()),
            params: params.map(|(params, _)| params),
            weights: params.map(|(_, weights)| weights),
            macs: macs.map(|(one, _)| one),
            flops: macs.map(|(one, _)| one.saturating_mul(2)),
            live_bytes,
            read_bytes: moved.map(|(read, _)| read),
            written_bytes: moved.map(|(_, written)| written),
            intensity: None,
            uncounted: usize::from(self.uncounted.len() > before),
            batch_flops: macs.map(|(_, all)| all.saturating_mul(2)),
            constant,
        };
        row.set_intensity();
        row
    }

    /// Keeps the reason of a count that cannot be made.
    fn note<T>(&mut self, node: &Node, what: Quantity, counted: Counted<T>) -> Option<T> {
        counted
            .map_err(|reason| {
                let name = self.all.graph().node_name(node).to_owned();
                self.uncounted.push(Uncounted { name, op: node.op_type.clone(), what, reason });
            })
            .ok()
    }

    /// MACs for one item and for the batch.
    fn macs(&self, node: &Node) -> Counted<(u64, u64)> {
        let all = macs(&self.all, node)?;
        let one = if self.fixed > 1 { all.div_ceil(self.fixed) } else { macs(&self.one, node)? };
        Ok((one, all))
    }

    /// Parameters that the node is the first to read, and of these those that it is the first to read as weights.
    fn params(&mut self, node: &Node) -> Counted<(u64, u64)> {
        let (mut params, mut weights) = (0u64, 0u64);
        for (position, id) in node.inputs.iter().enumerate() {
            let Some((id, constant)) = id.and_then(|id| Some((id, self.constants.get(id)?))) else { continue };
            if self.read.insert(constant.root) {
                let bytes = bytes(&self.all, self.constants, id).unwrap_or(0);
                self.constant_bytes = self.constant_bytes.saturating_add(bytes);
            }
            let role = learned_role(node, position, constant);
            if role == Role::Fixed {
                continue;
            }
            let unknown = || format!("the size of {} is not known", self.all.graph().value(id).name);
            let elements = constant.elements.ok_or_else(unknown)?;
            if self.params.insert(constant.root) {
                params = params.saturating_add(elements);
            }
            if role == Role::Weight && self.weights.insert(constant.root) {
                weights = weights.saturating_add(elements);
            }
        }
        Ok((params, weights))
    }
}

/// What a constant is to the node that reads it: nothing learned when it is one number or no number that learning makes.
fn learned_role(node: &Node, position: usize, constant: &Constant) -> Role {
    match role(node, position) {
        (role, quantised) if !constant.scalar && (quantised || constant.is_float()) => role,
        _ => Role::Fixed,
    }
}
