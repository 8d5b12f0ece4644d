//! The walk over the nodes: rules are applied, answers merged with the statements of the file, elements carried along.

mod control;

use std::collections::HashSet;

use super::context::Context;
use super::fact::{Answer, Fact, MAX_RANK, Shape, Stop, gap};
use super::number::MAX_SYMBOL;
use super::rules::RULES;
use super::vector::{Vector, Vectors};
use super::{Gap, Inference, Overruled, evaluate, merge};
use crate::graph::{DType, Dim, Graph, Model, Node, ValueId};
use crate::{Error, Result};

/// Maximum number of carried elements in total: a bound on memory for any file.
const MAX_CARRIED: usize = 1 << 20;

/// Average number of times that a part of a graph may be visited: bodies of loops are walked until their shapes settle,
/// nested loops more often.
const VISITS: usize = 16;

const WALKS: usize = 4;

/// Infers every value of the model in the order of the nodes.
///
/// Once the shapes of a loop's state are given up, the facts established about the outputs of its body may say more
/// about that state: a model with loops is walked until nothing changes, so that inferring it again finds nothing else.
pub(super) fn walk(model: &mut Model) -> Result<Inference> {
    let loops = |graph: &&Graph| graph.nodes.iter().any(|node| node.is("Loop"));
    if !model.graph.with_subgraphs().iter().any(loops) {
        return once(model);
    }
    let (mut before, mut found) = (shapes(&model.graph), once(model)?);
    for _ in 1..WALKS {
        let now = shapes(&model.graph);
        if now == before {
            break;
        }
        before = now;
        let overruled = std::mem::take(&mut found.overruled);
        found = once(model)?;
        found.overruled.splice(0..0, overruled);
    }
    Ok(found)
}

fn shapes(graph: &Graph) -> Vec<(Option<DType>, Option<Shape>)> {
    let graphs = graph.with_subgraphs();
    graphs.iter().flat_map(|graph| graph.values().map(|(_, value)| (value.dtype, value.shape.clone()))).collect()
}

fn once(model: &mut Model) -> Result<Inference> {
    let mut limits = Limits {
        opset: model.opset,
        defaults_hold: model.ir_version.is_some_and(|version| version < 4),
        functions: model.functions.iter().map(|f| (f.domain.clone(), f.name.clone())).collect(),
        carried: 0,
        visits: parts(&model.graph).saturating_mul(VISITS),
    };
    let mut walk = Walk::new(&mut limits, Vectors::default(), false);
    walk.graph(&mut model.graph)?;
    Ok(walk.found)
}

/// Counts nodes and values of a graph and of all graphs inside it: the cost of a walk over a copy of it.
fn parts(graph: &Graph) -> usize {
    graph.with_subgraphs().iter().map(|graph| graph.nodes.len() + graph.values().count()).sum()
}

/// Limits and settings for a model and all its subgraphs.
struct Limits {
    opset: i64,
    /// Before IR version 4 every initializer had to be listed as an input, which did not imply that a shape may be
    /// replaced.
    defaults_hold: bool,
    /// Functions, operations that the file defines itself, by domain and name.
    functions: HashSet<(String, String)>,
    carried: usize,
    /// Number of parts that may still be visited.
    visits: usize,
}

struct Walk<'a> {
    limits: &'a mut Limits,
    vectors: Vectors,
    found: Inference,
    /// Whether the graph is inside a node and may never run: a fault in it then makes a value unknown rather than being
    /// an error.
    inside: bool,
}

impl<'a> Walk<'a> {
    fn new(limits: &'a mut Limits, vectors: Vectors, inside: bool) -> Self {
        Self { limits, vectors, found: Inference::default(), inside }
    }

    fn graph(&mut self, graph: &mut Graph) -> Result<()> {
        let defaults = graph.listed_initializers.values().filter_map(|id| Some((*id, graph.initializer(*id)?.clone())));
        let defaults: Vec<_> = defaults.filter(|_| self.limits.defaults_hold).collect();
        for (id, tensor) in graph.constants().into_iter().chain(defaults) {
            self.vectors.set_constant(id, tensor);
        }
        for id in &graph.inputs {
            self.note(graph, *id, None, || "its shape is not stated".to_owned());
        }
        (0..graph.nodes.len()).try_for_each(|index| self.node(graph, index))
    }

    fn node(&mut self, graph: &mut Graph, index: usize) -> Result<()> {
        let controlled = control::answer(self, graph, index);
        let cx = self.context(graph, index);
        let answer = controlled.unwrap_or_else(|| Ok((ask(&cx, &self.limits.functions)?, Vec::new())));
        let (facts, inner) = match answer {
            Ok(made) => made,
            Err(stop) => {
                let reason = match stop {
                    Stop::Gap(reason) => reason,
                    Stop::Fault(reason) => self.tolerated(wrong(graph, cx.node, reason))?,
                };
                (vec![Fact::new(None, Err(Stop::Gap(reason))); cx.outputs()], Vec::new())
            }
        };
        let open = |fact: &Fact| fact.shape.as_ref().is_ok_and(|shape| shape.contains(&Dim::Unknown));
        let why_open = if facts.iter().any(open) { why_open(&cx) } else { String::new() };
        let outputs = cx.node.outputs.clone();
        let silent = || Fact::new(None, Err(Stop::Gap("the operation does not say what this output is".to_owned())));
        let facts = facts.into_iter().chain(std::iter::repeat_with(silent));
        for (id, fact) in outputs.iter().zip(facts).filter_map(|(id, fact)| Some(((*id)?, fact))) {
            let (shape, reason) = match fact.shape {
                Ok(shape) => (Some(shape).filter(|shape| shape.len() <= MAX_RANK), None),
                Err(Stop::Gap(reason)) => (None, Some(reason)),
                Err(Stop::Fault(reason)) => (None, Some(self.tolerated(wrong(graph, &graph.nodes[index], reason))?)),
            };
            let shape = shape.map(|shape| shape.into_iter().map(bounded).collect::<Shape>());
            self.found.overruled.extend(state(graph, id, fact.dtype, shape));
            self.note(graph, id, Some(index), || reason.unwrap_or_else(|| why_open.clone()));
        }
        let vectors = if inner.is_empty() { evaluate::evaluate(&self.context(graph, index)) } else { inner };
        for (id, vector) in outputs.into_iter().zip(vectors) {
            if let Some(id) = id {
                self.carry(id, vector);
            }
        }
        Ok(())
    }

    /// Returns the reason of an error that a graph inside a node may have, which then leaves less known. It must not
    /// stop the walk, or whether the rest is known would depend on how early the error shows.
    fn tolerated(&self, error: Error) -> Result<String> {
        if self.inside { Ok(error.to_string()) } else { Err(error) }
    }

    fn context<'b>(&'b self, graph: &'b Graph, index: usize) -> Context<'b> {
        Context { node: &graph.nodes[index], opset: self.limits.opset, graph, vectors: &self.vectors }
    }

    /// Stores the elements of a value, within the bound.
    fn carry(&mut self, id: ValueId, vector: Option<Vector>) {
        if let Some(vector) = vector
            && self.limits.carried + vector.items.len() <= MAX_CARRIED
        {
            self.limits.carried += vector.items.len();
            self.vectors.set(id, vector);
        }
    }

    /// Counts a value as known, or records why it is not.
    fn note(&mut self, graph: &Graph, id: ValueId, node: Option<usize>, reason: impl FnOnce() -> String) {
        let value = graph.value(id);
        let open = value.shape.as_ref().is_none_or(|shape| shape.contains(&Dim::Unknown));
        if !open && value.dtype.is_some() {
            self.found.known += 1;
            return;
        }
        let reason = match &value.other_type {
            Some(other) => format!("is of a type that is no tensor: {}", other.kind),
            None if open => reason(),
            None => "its element type is not known".to_owned(),
        };
        let (node, op) = node.map_or_else(Default::default, |index| {
            let node = &graph.nodes[index];
            (graph.node_name(node).to_owned(), node.op_type.clone())
        });
        self.found.unknown.push(Gap { value: value.name.clone(), node, op, reason });
    }
}

fn ask(cx: &Context, functions: &HashSet<(String, String)>) -> Answer {
    let node = cx.node;
    let name = &node.op_type;
    if functions.contains(&(node.domain.clone(), name.clone())) {
        return gap(format!("operation {name} is a function of the file, into which inference does not look"));
    }
    match node.operator().and_then(|operator| RULES.of(operator)) {
        Some(rule) => rule(cx),
        None if node.is(name) => gap(format!("operation {name} is not known")),
        _ => gap(format!("operation {name} of domain {} is not known", node.domain)),
    }
}

/// Explains why a dimension that a rule left open is unknown.
fn why_open(cx: &Context) -> String {
    let open = |id: ValueId| cx.graph.value(id).shape.as_ref().is_none_or(|shape| shape.contains(&Dim::Unknown));
    match cx.node.reads().find(|id| open(*id)) {
        Some(id) => format!("the shape of input {} is not fully known", cx.graph.value(id).name),
        None if cx.node.reads().any(|id| symbolic(cx.graph, id)) => {
            "a dimension depends on data or is no line in one symbol".to_owned()
        }
        None => "depends on data".to_owned(),
    }
}

fn symbolic(graph: &Graph, id: ValueId) -> bool {
    graph.value(id).shape.iter().flatten().any(|dim| matches!(dim, Dim::Symbolic { .. }))
}

/// Merges the facts about a value with the statements of the file; returns the statement that was overruled.
fn state(graph: &mut Graph, id: ValueId, dtype: Option<DType>, shape: Option<Shape>) -> Option<Overruled> {
    let value = graph.value_mut(id);
    if value.other_type.is_some() {
        return None;
    }
    let overruled = Overruled::of(value, dtype, shape.as_deref());
    value.dtype = dtype.or(value.dtype);
    value.shape = match (value.shape.take(), shape) {
        (Some(stated), Some(inferred)) => Some(merge::stated(&inferred, &stated).shape),
        (stated, inferred) => inferred.or(stated),
    };
    overruled
}

fn bounded(dim: Dim) -> Dim {
    match dim {
        Dim::Symbolic { symbol, .. } if symbol.len() > MAX_SYMBOL => Dim::Unknown,
        dim => dim,
    }
}

fn wrong(graph: &Graph, node: &Node, reason: String) -> Error {
    Error::input(format!("node {} ({})", graph.node_name(node), node.op_type), reason)
}
