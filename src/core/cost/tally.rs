//! The walk over a graph and the graphs inside its nodes that adds everything up.

use std::collections::{HashMap, HashSet};

use super::analysis::{Analysis, Quantity, Row, Uncounted, intensity};
use super::batch::{Batch, BatchAxis};
use super::constants::{Constant, Constants, Root};
use super::macs::macs;
use super::memory::{Live, Wanted, bytes, traffic};
use super::packed;
use super::roles;
use super::sizes::{Counted, Sizes};
use crate::graph::{DType, Function, Graph, Node, Subgraph, ValueId};
use crate::operators::Role;

#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Batch according to the first input.
    batch: Batch,
    items: u64,
    /// Functions, operations that the file defines, by domain and name, and whether their definitions hold numbers.
    functions: HashMap<String, HashMap<String, bool>>,
    graphs: usize,
    rows: Vec<Row>,
    uncounted: Vec<Uncounted>,
    /// Parameters that have been counted, and those that have been counted as weights.
    params: HashSet<Root>,
    weights: HashSet<Root>,
    /// Constants whose bytes have been counted.
    read: HashSet<Root>,
    constant_bytes: u64,
}

/// Surroundings of a graph.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    inside: Option<String>,
    live_bytes: u64,
    /// Constants that it captures from the enclosing graph.
    captured: HashMap<ValueId, Constant>,
}

struct Place<'a> {
    constants: &'a Constants,
    wanted: Wanted,
    one: Sizes<'a>,
    all: Sizes<'a>,
    around: &'a Surroundings,
}

impl Tally {
    pub fn new(batch: Batch, items: u64, functions: &[Function]) -> Self {
        let mut defined: HashMap<String, HashMap<String, bool>> = HashMap::new();
        for function in functions {
            let of_domain = defined.entry(function.domain.clone()).or_default();
            *of_domain.entry(function.name.clone()).or_default() |= function.holds_numbers;
        }
        Self { batch, items, functions: defined, ..Self::default() }
    }

    /// Counts a graph, each node followed by those of its subgraphs.
    pub fn graph(&mut self, graph: &Graph, around: &Surroundings) {
        let constants = Constants::of(graph, self.graphs, around.captured.clone());
        self.graphs += 1;
        let batch = self.batch.clone();
        let at = |items: u64| Sizes::new(graph, &batch, usize::try_from(items).unwrap_or(usize::MAX));
        let place = Place { constants: &constants, wanted: Wanted::of(graph), one: at(1), all: at(self.items), around };
        let live = Live::of(&place.all, &constants, &place.wanted);
        for (id, reason) in live.unknown {
            let name = graph.value(id).name.clone();
            self.uncounted.push(Uncounted { name, op: "input".to_owned(), what: Quantity::Bytes, reason });
        }
        for (node, live) in graph.nodes.iter().zip(live.at) {
            self.node(&place, node, around.live_bytes.saturating_add(live));
        }
    }

    fn node(&mut self, place: &Place, node: &Node, live_bytes: u64) {
        let row = self.row(place, node, live_bytes);
        let (index, name) = (self.rows.len(), row.name.clone());
        self.rows.push(row);
        for body in node.subgraphs() {
            let captured = body.captures.iter();
            let captured = captured.filter_map(|c| Some((c.inner, place.constants.get(c.outer)?.clone()))).collect();
            let around = Surroundings { inside: Some(name.clone()), live_bytes, captured };
            self.graph(&with_captured_types(body, place.all.graph()), &around);
        }
        self.say_that_bodies_run_once(node, index);
    }

    /// Reports that a body is counted as if it ran once: the cost of a node whose bodies cost anything is left open.
    fn say_that_bodies_run_once(&mut self, node: &Node, index: usize) {
        let inside = &self.rows[index + 1..];
        let moves = inside.iter().any(|row| !row.constant && row.read_bytes.zip(row.written_bytes) != Some((0, 0)));
        let computes = inside.iter().any(|row| row.macs != Some(0));
        for (what, open) in [(Quantity::Macs, computes), (Quantity::Bytes, moves)] {
            if open {
                let reason = "each of its subgraphs is counted as if it ran once".to_owned();
                self.uncounted.push(Uncounted {
                    name: self.rows[index].name.clone(),
                    op: node.op_type.clone(),
                    what,
                    reason,
                });
                self.rows[index].uncounted = 1;
            }
        }
    }

    fn row(&mut self, place: &Place, node: &Node, live_bytes: u64) -> Row {
        let graph = place.all.graph();
        let constant = place.constants.hold(node);
        let before = self.uncounted.len();
        // Values that depend on constants alone are computed once, not for each item.
        let (params, macs, moved) = match constant {
            true => (Ok((0, 0)), Ok((0, 0)), Ok((0, 0))),
            false => (
                self.params(place, node),
                self.macs(place, node),
                traffic(&place.all, place.constants, &place.wanted, node),
            ),
        };
        let params = self.note(place, node, Quantity::Params, params);
        let macs = self.note(place, node, Quantity::Macs, macs);
        let moved = self.note(place, node, Quantity::Bytes, moved);
        let mut row = Row {
            name: graph.node_name(node).to_owned(),
            op: node.op_type.clone(),
            inside: place.around.inside.clone(),
            depth: None,
            output_shape: node.output().and_then(|id| graph.value(id).shape.clone()),
            params: params.map(|(params, _)| params),
            weights: params.map(|(_, weights)| weights),
            macs: macs.map(|(one, _)| one),
            flops: macs.map(|(one, _)| one.saturating_mul(2)),
            live_bytes: if constant { 0 } else { live_bytes },
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

    fn note<T>(&mut self, place: &Place, node: &Node, what: Quantity, counted: Counted<T>) -> Option<T> {
        counted
            .map_err(|reason| {
                let name = place.all.graph().node_name(node).to_owned();
                self.uncounted.push(Uncounted { name, op: node.op_type.clone(), what, reason });
            })
            .ok()
    }

    /// Counts MACs for one item and for the batch.
    fn macs(&self, place: &Place, node: &Node) -> Counted<(u64, u64)> {
        let all = macs(&place.all, node)?;
        let one = match self.batch.fixed() {
            Some(items) => all.div_ceil(items),
            None => macs(&place.one, node)?,
        };
        Ok((one, all))
    }

    /// Counts parameters that are first read by the node, and those of them that are first read as weights.
    ///
    /// Every constant and every attribute that may hold weights is counted, or known not to be a parameter, or an
    /// error: an unknown operation never makes them 0.
    fn params(&mut self, place: &Place, node: &Node) -> Counted<(u64, u64)> {
        let graph = place.all.graph();
        let (mut params, mut weights) = (0u64, 0u64);
        let mut unknown: Vec<&str> = Vec::new();
        for (position, id) in node.inputs.iter().enumerate() {
            let Some((id, constant)) = id.and_then(|id| Some((id, place.constants.get(id)?))) else { continue };
            if self.read.insert(constant.root) {
                let bytes = bytes(&place.all, place.constants, id).unwrap_or(0);
                self.constant_bytes = self.constant_bytes.saturating_add(bytes);
            }
            let name = &graph.value(id).name;
            let role = match self.role(node, position) {
                Some((role, quantised)) => learned(role, quantised, constant),
                // A single number is not learned.
                None if constant.scalar => Some(Role::Fixed),
                None => {
                    unknown.push(name);
                    continue;
                }
            };
            let role = role.ok_or_else(|| format!("the element type of {name} is not known"))?;
            let (Some(dtype), false) = (constant.dtype, role == Role::Fixed) else { continue };
            let elements = constant.elements.ok_or_else(|| format!("the size of {name} is not known"))?;
            let elements = packed::weights(graph, node, position, dtype, elements)?;
            if self.params.insert(constant.root) {
                params = params.saturating_add(elements);
            }
            if role == Role::Weight && self.weights.insert(constant.root) {
                weights = weights.saturating_add(elements);
            }
        }
        let (of_attributes, of_weights) = self.attributes(node, &mut unknown);
        if !unknown.is_empty() {
            let more = if unknown.len() > 1 { format!(" and {} more", unknown.len() - 1) } else { String::new() };
            return Err(format!("gnet does not know whether {}{more} was learned", unknown[0]));
        }
        Ok((params.saturating_add(of_attributes), weights.saturating_add(of_weights)))
    }

    /// Returns the role of an operand, which is unknown for operations that the file defines itself, and whether integers of
    /// any width there are learned numbers, quantised.
    fn role(&self, node: &Node, position: usize) -> Option<(Role, bool)> {
        let operator = node.operator().filter(|_| self.defines(node).is_none())?;
        Some((operator.role(position)?, operator.quantised_weights))
    }

    /// Returns whether the definition holds numbers; `None` if the file does not define the operation.
    fn defines(&self, node: &Node) -> Option<bool> {
        self.functions.get(&node.domain)?.get(&node.op_type).copied()
    }

    /// Counts parameters in the node's attributes, and those of them that are weights; lists unknown ones.
    fn attributes<'n>(&self, node: &'n Node, unknown: &mut Vec<&'n str>) -> (u64, u64) {
        let defined = self.defines(node);
        if defined == Some(true) {
            unknown.push("what its definition in the file holds");
        }
        let Some(learned) = roles::attributes(node).filter(|_| defined.is_none()) else {
            let may = node.attributes.iter().filter(|(_, value)| roles::may_hold_weights(value));
            unknown.extend(may.map(|(name, _)| name.as_str()));
            return (0, 0);
        };
        let sum = |only: Option<Role>| {
            let counted = learned.iter().filter(|(_, role)| only.is_none_or(|only| only == *role));
            counted.map(|(name, _)| roles::learned_elements(node, name)).fold(0, u64::saturating_add)
        };
        (sum(None), sum(Some(Role::Weight)))
    }

    pub fn analysis(self, fixed_batch: Option<u64>, batch_axis: BatchAxis) -> Analysis {
        let Self { items, rows, uncounted, constant_bytes, .. } = self;
        let sum = |f: fn(&Row) -> Option<u64>| rows.iter().filter_map(f).fold(0u64, u64::saturating_add);
        let macs = sum(|row| row.macs);
        let (read_bytes, written_bytes) = (sum(|row| row.read_bytes), sum(|row| row.written_bytes));
        let whole = uncounted.iter().all(|entry| entry.what == Quantity::Params);
        let flops = Some(sum(|row| row.batch_flops)).filter(|_| whole);
        // The first among equals.
        let peak = rows.iter().rev().max_by_key(|row| row.live_bytes).filter(|row| row.live_bytes > 0);
        Analysis {
            batch: items,
            fixed_batch,
            batch_axis,
            params: sum(|row| row.params),
            weights: sum(|row| row.weights),
            macs,
            flops: macs.saturating_mul(2),
            peak_bytes: peak.map_or(0, |row| row.live_bytes),
            peak_at: peak.map(|row| row.name.clone()),
            constant_bytes,
            read_bytes,
            written_bytes,
            intensity: intensity(flops, Some(read_bytes.saturating_add(written_bytes))),
            rows,
            uncounted,
        }
    }
}

/// Returns the role of a constant in a place of `role`: nothing learned if it is a single number, or a type that is not
/// learned. `None` if its type is unknown.
fn learned(role: Role, quantised: bool, constant: &Constant) -> Option<Role> {
    if role == Role::Fixed || constant.scalar {
        return Some(Role::Fixed);
    }
    let dtype = constant.dtype?;
    // Whole numbers of up to a byte are quantised ones; wider ones are indices and sizes, or sums of quantised
    // products.
    let small = dtype != DType::Bool && (1..=8).contains(&dtype.bits());
    Some(if dtype.is_float() || small || quantised { role } else { Role::Fixed })
}

/// Returns a body whose captured values have their outer types and shapes.
fn with_captured_types(body: &Subgraph, outer: &Graph) -> Graph {
    let mut graph = body.graph.clone();
    for capture in &body.captures {
        let (value, outside) = (graph.value_mut(capture.inner), outer.value(capture.outer));
        (value.dtype, value.other_type) = (outside.dtype, outside.other_type.clone());
        value.shape.clone_from(&outside.shape);
    }
    graph
}
