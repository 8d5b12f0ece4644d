//! Nodes with subgraphs: `If`, `Loop` and `Scan`.
//!
//! A branch that may never run may be wrong for the given shapes (exporters guard a `Squeeze` by an `If`), so a fault
//! inside a subgraph is a gap at its node rather than an error of the file. The body of a loop is walked with the
//! shapes that its state has before the loop; dimensions that come out differently become unknown, and the body is
//! walked again until nothing changes.

use std::collections::HashMap;

use super::{Walk, parts, state};
use crate::graph::{Attribute, DType, Dim, Graph, Subgraph, ValueId};
use crate::infer::context::{Context, axis_of};
use crate::infer::fact::{Fact, Known, Shape, Stop, fault, gap};
use crate::infer::number::Num;
use crate::infer::rules::constant::size;
use crate::infer::vector::{Vector, Vectors};
use crate::infer::{Inference, Overruled, merge};
use crate::operators::Control;
use crate::words::counted;

/// Outputs of a node with subgraphs: types and shapes, and elements if they are known.
type Made = (Vec<Fact>, Vec<Option<Vector>>);

/// Number of rounds after which the shapes of a loop's state are given up.
const ROUNDS: usize = 4;

/// Returns the answer for node `index`, if it has subgraphs. Facts known inside these are written into them.
pub(super) fn answer(walk: &mut Walk, graph: &mut Graph, index: usize) -> Option<Known<Made>> {
    match graph.nodes[index].operator()?.control? {
        Control::Branch => Some(branches(walk, graph, index)),
        Control::Loop => Some(looped(walk, graph, index).map(|facts| (facts, Vec::new()))),
        Control::Scan => Some(scanned(walk, graph, index).map(|facts| (facts, Vec::new()))),
        Control::Map => None,
    }
}

struct Body {
    graph: Graph,
    outputs: Vec<Fact>,
    vectors: Vec<Option<Vector>>,
    found: Inference,
}

/// Assumptions about a subgraph's input.
#[derive(Debug, Clone, PartialEq, Default)]
struct Given {
    dtype: Option<DType>,
    shape: Option<Shape>,
    vector: Option<Vector>,
    /// Whether the shape stated by the body is ignored.
    alone: bool,
}

impl Given {
    fn of(cx: &Context, index: usize) -> Self {
        let shape = cx.shape(index).ok().map(<[_]>::to_vec);
        Self { dtype: cx.dtype(index), shape, ..Self::default() }
    }

    fn scalar(dtype: DType) -> Self {
        Self { dtype: Some(dtype), shape: Some(Vec::new()), ..Self::default() }
    }
}

fn subgraph<'a>(graph: &'a Graph, index: usize, name: &str) -> Known<&'a Subgraph> {
    match graph.nodes[index].attributes.get(name) {
        Some(Attribute::Graph(body)) => Ok(body),
        _ => fault(format!("attribute {name} is no graph")),
    }
}

/// Walks a copy of the subgraph `name` of node `index` with the given inputs.
fn run(walk: &mut Walk, graph: &Graph, index: usize, name: &str, given: &[Given]) -> Known<Body> {
    let body = subgraph(graph, index, name)?;
    if body.graph.inputs.len() != given.len() {
        return fault(format!("{name} has {}, not {}", counted(body.graph.inputs.len(), "input"), given.len()));
    }
    let Some(left) = walk.limits.visits.checked_sub(parts(&body.graph)) else {
        return gap(format!("{name} lies in too many loops"));
    };
    walk.limits.visits = left;
    let mut inner = body.graph.clone();
    let mut vectors = Vectors::default();
    for capture in &body.captures {
        let outer = graph.value(capture.outer);
        let (dtype, shape, other) = (outer.dtype, outer.shape.clone(), outer.other_type.clone());
        let value = inner.value_mut(capture.inner);
        (value.dtype, value.shape, value.other_type) = (dtype, shape, other);
        vectors.take_over(capture.inner, &walk.vectors, capture.outer);
    }
    let mut overruled = Vec::new();
    for (id, given) in body.graph.inputs.iter().zip(given) {
        overruled.extend(assume(&mut inner, *id, given));
        if let Some(vector) = &given.vector {
            vectors.set(*id, vector.clone());
        }
    }
    let mut inside = Walk::new(walk.limits, vectors, true);
    inside.found.overruled = overruled;
    if let Err(error) = inside.graph(&mut inner) {
        return gap(format!("in {name}: {error}"));
    }
    let (vectors, found) = (inside.vectors, inside.found);
    let reasons: HashMap<&str, &str> = found.unknown.iter().map(|gap| (&gap.value[..], &gap.reason[..])).collect();
    let outputs = inner.outputs.iter().map(|id| fact(&inner, *id, name, &reasons)).collect();
    let vectors = inner.outputs.iter().map(|id| vectors.get(*id).cloned()).collect();
    Ok(Body { graph: inner, outputs, vectors, found })
}

/// Writes the assumptions about an input into it, merged with the statements of the file; returns the statement that
/// was overruled.
fn assume(graph: &mut Graph, id: ValueId, given: &Given) -> Option<Overruled> {
    let overruled = state(graph, id, given.dtype, given.shape.clone());
    if given.alone && graph.value(id).other_type.is_none() {
        graph.value_mut(id).shape.clone_from(&given.shape);
    }
    overruled
}

fn fact(graph: &Graph, id: ValueId, name: &str, reasons: &HashMap<&str, &str>) -> Fact {
    let value = graph.value(id);
    let why = || reasons.get(&value.name[..]).unwrap_or(&"its shape is not known");
    let reason = || format!("in {name}: {}", why());
    Fact::new(value.dtype, value.shape.clone().map_or_else(|| gap(reason()), Ok))
}

fn commit(walk: &mut Walk, graph: &mut Graph, index: usize, name: &str, body: Body) {
    if let Some(Attribute::Graph(place)) = graph.nodes[index].attributes.get_mut(name) {
        place.graph = body.graph;
    }
    walk.found.known += body.found.known;
    walk.found.unknown.extend(body.found.unknown);
    walk.found.overruled.extend(body.found.overruled);
}

/// Handles `If`: the facts common to both branches, or those of one branch if the condition is known.
fn branches(walk: &mut Walk, graph: &mut Graph, index: usize) -> Known<Made> {
    let condition = walk.context(graph, index).whole_number(0).ok();
    let [yes, no] = ["then_branch", "else_branch"].map(|name| run(walk, graph, index, name, &[]));
    let made = match condition {
        Some(0) => one_branch(&no),
        Some(_) => one_branch(&yes),
        None => both_branches(&yes, &no).map(|facts| (facts, Vec::new())),
    };
    for (name, body) in [("then_branch", yes), ("else_branch", no)] {
        if let Ok(body) = body {
            commit(walk, graph, index, name, body);
        }
    }
    made
}

fn one_branch(body: &Known<Body>) -> Known<Made> {
    let body = body.as_ref().map_err(Stop::clone)?;
    Ok((body.outputs.clone(), body.vectors.clone()))
}

fn both_branches(yes: &Known<Body>, no: &Known<Body>) -> Known<Vec<Fact>> {
    let (yes, no) = (yes.as_ref().map_err(Stop::clone)?, no.as_ref().map_err(Stop::clone)?);
    if yes.outputs.len() != no.outputs.len() {
        return fault(format!("its branches make {} and {}", yes.outputs.len(), counted(no.outputs.len(), "value")));
    }
    yes.outputs.iter().zip(&no.outputs).map(|(yes, no)| either(yes, no)).collect()
}

fn either(yes: &Fact, no: &Fact) -> Known<Fact> {
    let dtype = match (yes.dtype, no.dtype) {
        (Some(yes), Some(no)) if yes != no => return fault(format!("its branches make {yes} and {no}")),
        (yes, no) => yes.or(no),
    };
    let shape = match (&yes.shape, &no.shape) {
        (Ok(yes), Ok(no)) => common(yes, no).map_or_else(|| gap("its branches make different ranks"), Ok),
        (Err(stop), _) | (_, Err(stop)) => Err(stop.clone()),
    };
    Ok(Fact::new(dtype, shape))
}

/// Returns the common shape of two: dimensions that differ are unknown.
fn common(first: &[Dim], second: &[Dim]) -> Option<Shape> {
    let dim = |(a, b): (&Dim, &Dim)| if a == b { a.clone() } else { Dim::Unknown };
    (first.len() == second.len()).then(|| first.iter().zip(second).map(dim).collect())
}

/// Walks a loop's body until the shapes of its state settle, given the inputs `before` it; the body produces the
/// condition before the state.
fn settle(walk: &mut Walk, graph: &Graph, index: usize, before: &[Given], state: &mut [Given]) -> Known<Body> {
    let inside = &subgraph(graph, index, "body")?.graph;
    for (state, id) in state.iter_mut().zip(inside.inputs.iter().skip(before.len())) {
        // A statement that the first round contradicts must not come back when the state's shape is given up.
        let stated = inside.value(*id).shape.as_ref();
        state.alone =
            state.shape.as_ref().zip(stated).is_some_and(|(given, stated)| merge::stated(given, stated).contradicts);
    }
    for round in 0..=ROUNDS {
        let given: Vec<Given> = before.iter().chain(state.iter()).cloned().collect();
        let body = run(walk, graph, index, "body", &given)?;
        if body.outputs.len() < 1 + state.len() {
            return fault(format!("body has {} for {} of state", counted(body.outputs.len(), "output"), state.len()));
        }
        let mut settled = true;
        for (state, out) in state.iter_mut().zip(&body.outputs[1..]) {
            let weaker = match (&state.shape, &out.shape) {
                (Some(before), Ok(after)) => common(before, after),
                _ => None,
            };
            settled &= weaker == state.shape;
            // Nor may one that the loop itself contradicts.
            state.alone |= weaker.is_some() && weaker != state.shape;
            state.shape = weaker.filter(|_| round + 1 < ROUNDS);
            state.dtype = state.dtype.or(out.dtype);
        }
        if settled {
            return Ok(body);
        }
    }
    gap("the shapes of its state do not settle")
}

fn state_facts(state: &[Given]) -> impl Iterator<Item = Fact> {
    let shape = |given: &Given| given.shape.clone().map_or_else(|| gap("its shape changes in the loop"), Ok);
    state.iter().map(move |given| Fact::new(given.dtype, shape(given)))
}

/// Handles `Loop`: trip count, condition, state; the body gets the iteration number, the condition and the state, and
/// produces the condition, the state and the stacked outputs.
fn looped(walk: &mut Walk, graph: &mut Graph, index: usize) -> Known<Vec<Fact>> {
    let cx = walk.context(graph, index);
    let mut state: Vec<Given> = (2..cx.inputs()).map(|input| Given::of(&cx, input)).collect();
    let trips = if cx.has(0) { cx.numbers(0).ok().and_then(|n| n.first().cloned()) } else { None };
    let starts = !cx.has(1) || cx.whole_number(1).is_ok_and(|flag| flag != 0);
    // The body only runs if the condition holds.
    let condition = Given { vector: Some(Vector::scalar(Num::Int(1))), ..Given::scalar(DType::Bool) };
    let before = [Given::scalar(DType::I64), condition];
    let body = settle(walk, graph, index, &before, &mut state)?;
    let goes_on = body.vectors.first().and_then(Option::as_ref).is_some_and(|v| matches!(v.items[..], [Num::Int(1)]));
    let count = match trips {
        Some(Num::Int(trips)) if starts && goes_on => Dim::Known(usize::try_from(trips).unwrap_or(0)),
        Some(trips @ Num::Line { .. }) if starts && goes_on => size(&trips)?,
        _ => Dim::Unknown,
    };
    let stacked = body.outputs[1 + state.len()..].iter().map(|out| {
        Fact::new(out.dtype, out.shape.clone().map(|shape| [count.clone()].into_iter().chain(shape).collect()))
    });
    let facts = state_facts(&state).chain(stacked).collect();
    commit(walk, graph, index, "body", body);
    Ok(facts)
}

/// Handles `Scan`: the state, then the tensors scanned along an axis; the body gets one item of each. In opset 8 a
/// first input holds the lengths, and everything has a leading batch axis.
fn scanned(walk: &mut Walk, graph: &mut Graph, index: usize) -> Known<Vec<Fact>> {
    let cx = walk.context(graph, index);
    let (batched, skip) = if cx.opset < 9 { (true, 1) } else { (false, 0) };
    let scans = usize::try_from(cx.need_int("num_scan_inputs")?).unwrap_or(0);
    let Some(states) = cx.inputs().checked_sub(scans + skip).filter(|_| scans > 0) else {
        return fault(format!("attribute num_scan_inputs is {scans} for {}", counted(cx.inputs(), "input")));
    };
    let axes = |name, place: usize| Ok(cx.ints(name)?.and_then(|axes| axes.get(place)).copied().unwrap_or(0));
    let mut batch = Dim::Unknown;
    let mut length = Dim::Unknown;
    let mut items = |place: usize, is_state: bool| -> Known<Given> {
        let mut given = Given::of(&cx, skip + place);
        let Some(shape) = &mut given.shape else { return Ok(given) };
        if batched {
            if shape.is_empty() {
                return fault(format!("input {} has no batch", cx.name(skip + place)));
            }
            batch = merge::equal(&shape.remove(0), &batch, "the batches")?;
        }
        if !is_state {
            let axis = if batched { 0 } else { axes("scan_input_axes", place - states)? };
            let axis = axis_of(axis, shape.len())?;
            length = merge::equal(&shape.remove(axis), &length, "the lengths that are scanned")?;
        }
        Ok(given)
    };
    let mut state = (0..states).map(|place| items(place, true)).collect::<Known<Vec<_>>>()?;
    let scanned = (states..states + scans).map(|place| items(place, false)).collect::<Known<Vec<_>>>()?;
    let output_axes = cx.ints("scan_output_axes")?.unwrap_or_default().to_vec();
    let given: Vec<Given> = state.iter().chain(&scanned).cloned().collect();
    let body = run(walk, graph, index, "body", &given)?;
    if body.outputs.len() < state.len() {
        return fault(format!("body has {} for {} of state", counted(body.outputs.len(), "output"), state.len()));
    }
    // The operator requires the state to keep its shape.
    for (state, out) in state.iter_mut().zip(&body.outputs) {
        state.shape = match (&state.shape, &out.shape) {
            (Some(before), Ok(after)) => merge::shapes(before, after),
            (before, after) => before.clone().or_else(|| after.clone().ok()),
        };
        state.dtype = state.dtype.or(out.dtype);
    }
    let front = |shape: Shape| if batched { [batch.clone()].into_iter().chain(shape).collect() } else { shape };
    let stack = |(place, out): (usize, &Fact)| {
        let shape = out.shape.clone().and_then(|mut shape| {
            let axis = output_axes.get(place).copied().filter(|_| !batched).unwrap_or(0);
            shape.insert(axis_of(axis, shape.len() + 1)?, length.clone());
            Ok(front(shape))
        });
        Fact::new(out.dtype, shape)
    };
    let stacked = body.outputs[state.len()..].iter().enumerate().map(stack);
    let kept = state_facts(&state).map(|fact| Fact::new(fact.dtype, fact.shape.map(front)));
    let facts = kept.chain(stacked).collect();
    commit(walk, graph, index, "body", body);
    Ok(facts)
}
