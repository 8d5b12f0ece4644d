//! The walk over the nodes: rules asked, answers merged with what the file states, elements carried along.

use std::collections::HashMap;

use super::context::Context;
use super::fact::{Answer, Fact, MAX_RANK, Shape, Stop};
use super::number::MAX_SYMBOL;
use super::vector::Vector;
use super::{Gap, Inference, evaluate, merge, table};
use crate::graph::{DType, Dim, Graph, Model, Node, ValueId, shape_text};
use crate::{Error, Result};

/// All carried elements together: a bound on memory for any file.
const MAX_CARRIED: usize = 1 << 20;

/// Infers every value of the model in the order of the nodes.
pub(super) fn walk(model: &mut Model) -> Result<Inference> {
    let mut walk = Walk { opset: model.opset, vectors: HashMap::new(), carried: 0, found: Inference::default() };
    let graph = &mut model.graph;
    for (id, tensor) in graph.constants() {
        walk.carry(id, Vector::of_tensor(&tensor));
    }
    for id in &graph.inputs {
        walk.note(graph, *id, None, || "the file does not state its shape".to_owned());
    }
    for index in 0..graph.nodes.len() {
        walk.node(graph, index)?;
    }
    Ok(walk.found)
}

struct Walk {
    opset: i64,
    vectors: HashMap<ValueId, Vector>,
    carried: usize,
    found: Inference,
}

impl Walk {
    fn node(&mut self, graph: &mut Graph, index: usize) -> Result<()> {
        let cx = Context { node: &graph.nodes[index], opset: self.opset, graph, vectors: &self.vectors };
        let answer = ask(&cx);
        let facts = match answer {
            Ok(facts) => facts,
            Err(Stop::Gap(reason)) => vec![Fact::new(None, Err(Stop::Gap(reason))); cx.outputs()],
            Err(Stop::Fault(reason)) => return Err(wrong(graph, cx.node, reason)),
        };
        let why_open = why_open(&cx);
        let outputs = cx.node.outputs.clone();
        let silent = || Fact::new(None, Err(Stop::Gap("the operation does not say what this output is".to_owned())));
        let facts = facts.into_iter().chain(std::iter::repeat_with(silent));
        for (id, fact) in outputs.iter().zip(facts).filter_map(|(id, fact)| Some(((*id)?, fact))) {
            let (dtype, shape, reason) = match fact.shape {
                Ok(shape) => (fact.dtype, Some(shape), None),
                Err(Stop::Gap(reason)) => (fact.dtype, None, Some(reason)),
                Err(Stop::Fault(reason)) => return Err(wrong(graph, &graph.nodes[index], reason)),
            };
            state(graph, id, dtype, shape)?;
            self.note(graph, id, Some(index), || reason.unwrap_or_else(|| why_open.clone()));
        }
        let cx = Context { node: &graph.nodes[index], opset: self.opset, graph, vectors: &self.vectors };
        let vectors = evaluate::evaluate(&cx);
        for (id, vector) in outputs.into_iter().zip(vectors) {
            if let Some(id) = id {
                self.carry(id, vector);
            }
        }
        Ok(())
    }

    /// Keeps the elements of a value, within the bound.
    fn carry(&mut self, id: ValueId, vector: Option<Vector>) {
        if let Some(vector) = vector
            && self.carried + vector.items.len() <= MAX_CARRIED
        {
            self.carried += vector.items.len();
            self.vectors.insert(id, vector);
        }
    }

    /// Counts a value as known, or notes why it is not.
    fn note(&mut self, graph: &Graph, id: ValueId, node: Option<usize>, reason: impl FnOnce() -> String) {
        let value = graph.value(id);
        let open = value.shape.as_ref().is_none_or(|shape| shape.contains(&Dim::Unknown));
        if !open && value.dtype.is_some() {
            self.found.known += 1;
            return;
        }
        let reason = if open { reason() } else { "its element type is not known".to_owned() };
        let (node, op) = node.map_or_else(Default::default, |index| {
            let node = &graph.nodes[index];
            (graph.node_name(node).to_owned(), node.op_type.clone())
        });
        self.found.unknown.push(Gap { value: value.name.clone(), node, op, reason });
    }
}

/// What the operation says of its outputs.
fn ask(cx: &Context) -> Answer {
    let node = cx.node;
    if !node.is(&node.op_type) {
        return Err(Stop::Gap(format!("operation {} of domain {} is not known", node.op_type, node.domain)));
    }
    match table::rule(&node.op_type) {
        Some(rule) => rule(cx),
        None => Err(Stop::Gap(format!("operation {} is not known", node.op_type))),
    }
}

/// Why a dimension that a rule left open is open.
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

/// Merges what was inferred of a value with what the file states of it.
fn state(graph: &mut Graph, id: ValueId, dtype: Option<DType>, shape: Option<Shape>) -> Result<()> {
    let value = graph.value_mut(id);
    let contradiction = |file: String, node: String| {
        Err(Error::input(format!("value {}", value.name), format!("the file says {file}, its node makes {node}")))
    };
    if let (Some(stated), Some(inferred)) = (value.dtype, dtype)
        && stated != inferred
    {
        return contradiction(stated.to_string(), inferred.to_string());
    }
    let shape =
        shape.filter(|shape| shape.len() <= MAX_RANK).map(|shape| shape.into_iter().map(bounded).collect::<Shape>());
    let merged = match (&value.shape, shape) {
        (Some(stated), Some(inferred)) => match merge::shapes(&inferred, stated) {
            Some(merged) => Some(merged),
            None => return contradiction(shape_text(stated), shape_text(&inferred)),
        },
        (stated, inferred) => inferred.or_else(|| stated.clone()),
    };
    value.dtype = value.dtype.or(dtype);
    value.shape = merged;
    Ok(())
}

/// A dimension without an endless name.
fn bounded(dim: Dim) -> Dim {
    match dim {
        Dim::Symbolic { symbol, .. } if symbol.len() > MAX_SYMBOL => Dim::Unknown,
        dim => dim,
    }
}

fn wrong(graph: &Graph, node: &Node, reason: String) -> Error {
    Error::input(format!("node {} ({})", graph.node_name(node), node.op_type), reason)
}
