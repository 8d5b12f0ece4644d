//! Differences between two graphs: nodes that were added, removed, changed or renamed, and constants.

use std::collections::BTreeSet;

use super::level::Level;
use super::{Change, Kind, NodeChange, WeightChange, print, weights};
use crate::graph::{Attribute, Dim, Graph, Node, Value, ValueId};

#[derive(Default)]
pub struct Found {
    pub nodes: Vec<NodeChange>,
    pub weights: Vec<WeightChange>,
    /// Number of types of intermediate values that only one of the two states.
    pub unstated: usize,
}

pub fn compare(level: &Level, tolerance: f64, found: &mut Found) {
    changes(level, tolerance, found);
    let named = |side: usize, name: Option<String>| name.map(|name| format!("{}{name}", level.place[side]));
    let differ = weights::changes(level, tolerance).into_iter();
    found.weights.extend(differ.map(|change| WeightChange { a: named(0, change.a), b: named(1, change.b), ..change }));
}

/// Adds the changes in the order of the graphs; those inside a node follow it.
fn changes(level: &Level, tolerance: f64, found: &mut Found) {
    let (a, b, pairs) = (level.a(), level.b(), &level.pairs);
    // A removed node comes before the next remaining node.
    let mut next = 0;
    for (place, node) in b.nodes.iter().enumerate() {
        let Some(of_a) = pairs.of_b[place] else {
            found.nodes.push(lone(Kind::Added, level, node));
            continue;
        };
        while next <= of_a {
            if pairs.of_a[next].is_none() {
                found.nodes.push(lone(Kind::Removed, level, &a.nodes[next]));
            }
            next += 1;
        }
        paired(level, &a.nodes[of_a], node, tolerance, found);
    }
    let rest = (next..a.nodes.len()).filter(|place| pairs.of_a[*place].is_none());
    found.nodes.extend(rest.map(|place| lone(Kind::Removed, level, &a.nodes[place])));
}

fn called(level: &Level, side: usize, node: &Node) -> String {
    format!("{}{}", level.place[side], level.known[side].graph.node_name(node))
}

fn lone(kind: Kind, level: &Level, node: &Node) -> NodeChange {
    let name = |side: usize| Some(called(level, side, node));
    let (a, b) = if kind == Kind::Added { (None, name(1)) } else { (name(0), None) };
    NodeChange { kind, a, b, op: print::operation(node), changes: Vec::new() }
}

/// Compares counterparts and the graphs inside them; the elements of constants are compared elsewhere.
fn paired<'a>(level: &Level<'a>, a: &'a Node, b: &'a Node, tolerance: f64, found: &mut Found) {
    let mut changes: Vec<Change> = Vec::new();
    let mut inside: Vec<Level> = Vec::new();
    let (op_a, op_b) = (print::operation(a), print::operation(b));
    changes.extend(Change::of("operation", Some(op_a.clone()), Some(op_b)));
    let attributes: BTreeSet<&String> = a.attributes.keys().chain(b.attributes.keys()).collect();
    for name in attributes {
        // The output of a `Constant` is compared as a weight.
        if a.constant().is_some() && b.constant().is_some() {
            break;
        }
        let values = [a, b].map(|node| node.attributes.get(name));
        let [bodies_a, bodies_b] = values.map(|value| value.map_or(&[][..], Attribute::bodies));
        if !bodies_a.is_empty() && bodies_a.len() == bodies_b.len() {
            for (body_a, body_b) in bodies_a.iter().zip(bodies_b) {
                let place = [(0, a), (1, b)].map(|(side, node)| format!("{}.{name}/", called(level, side, node)));
                let inner = level.inside([body_a, body_b], place);
                changes.extend(ends(&inner, name, &mut found.unstated));
                inside.push(inner);
            }
            continue;
        }
        let [text_a, text_b] = values.map(|value| value.map(print::attribute));
        changes.extend(Change::of(name.as_str(), text_a, text_b));
    }
    for place in 0..a.inputs.len().max(b.inputs.len()) {
        changes.extend(read(level, format!("input {place}"), a.input(place), b.input(place)));
    }
    let count = |node: &Node| Some(node.outputs.iter().flatten().count().to_string());
    changes.extend(Change::of("outputs", count(a), count(b)));
    for (place, (made_a, made_b)) in a.outputs.iter().zip(&b.outputs).enumerate() {
        if let (Some(made_a), Some(made_b)) = (made_a, made_b) {
            let what = if place == 0 { "output type".to_owned() } else { format!("output {place} type") };
            changes.extend(retyped(what, level.a().value(*made_a), level.b().value(*made_b), &mut found.unstated));
        }
    }
    let kind = match changes.is_empty() {
        false => Some(Kind::Changed),
        true => (a.name != b.name).then_some(Kind::Renamed),
    };
    if let Some(kind) = kind {
        let (a, b) = (Some(called(level, 0, a)), Some(called(level, 1, b)));
        found.nodes.push(NodeChange { kind, a, b, op: op_a, changes });
    }
    inside.iter().for_each(|inner| compare(inner, tolerance, found));
}

/// Compares inputs and outputs of graphs inside nodes; `attribute` is the name of the graphs there.
fn ends(level: &Level, attribute: &str, unstated: &mut usize) -> Vec<Change> {
    let (a, b) = (level.a(), level.b());
    let count = |ids: &[ValueId]| Some(ids.len().to_string());
    let mut changes = Vec::new();
    changes.extend(Change::of(format!("{attribute} inputs"), count(&a.inputs), count(&b.inputs)));
    changes.extend(Change::of(format!("{attribute} outputs"), count(&a.outputs), count(&b.outputs)));
    for (place, (x, y)) in a.inputs.iter().zip(&b.inputs).enumerate() {
        let what = format!("{attribute} input {place} type");
        changes.extend(retyped(what, a.value(*x), b.value(*y), unstated));
    }
    for (place, (x, y)) in a.outputs.iter().zip(&b.outputs).enumerate() {
        changes.extend(read(level, format!("{attribute} output {place}"), Some(*x), Some(*y)));
    }
    changes
}

fn read(level: &Level, place: String, a: Option<ValueId>, b: Option<ValueId>) -> Option<Change> {
    let constant = |side: usize, id: Option<ValueId>| id.is_some_and(|id| level.known[side].constant(id).is_some());
    let same = match (a, b) {
        (None, None) => true,
        _ if constant(0, a) && constant(1, b) => true,
        (Some(a), Some(b)) if !constant(0, Some(a)) && !constant(1, Some(b)) => match level.pairs.values.get(&b) {
            Some(counterpart) => *counterpart == a,
            // Sparse constants and the like: no node produces them, so they are compared by name.
            None => {
                let (graph_a, graph_b) = (level.a(), level.b());
                graph_a.is_given(a) && graph_b.is_given(b) && graph_a.value(a).name == graph_b.value(b).name
            }
        },
        _ => false,
    };
    let name = |graph: &Graph, id: Option<ValueId>| id.map(|id| graph.value(id).name.clone());
    // Equal names of different values would look like no change.
    let (name_a, mut name_b) = (name(level.a(), a), name(level.b(), b));
    if name_a == name_b {
        name_b = name_b.map(|name| format!("{name}, made by another"));
    }
    if same { None } else { Change::of(place, name_a, name_b) }
}

/// Compares the types of a value, if both state one.
fn retyped(what: String, a: &Value, b: &Value, unstated: &mut usize) -> Option<Change> {
    let of = |value: &Value| Some(print::value_type(value));
    let change = Change::of(what, of(a), of(b))?;
    let open = |value: &Value| value.dtype.is_none() && value.other_type.is_none();
    let dims = |value: &Value| value.shape.clone();
    let compatible = match (dims(a), dims(b)) {
        (Some(a), Some(b)) => {
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || *a == Dim::Unknown || *b == Dim::Unknown)
        }
        _ => true,
    };
    let types = a.dtype == b.dtype && a.other_type == b.other_type;
    if compatible && (types || open(a) || open(b)) {
        *unstated += 1;
        return None;
    }
    Some(change)
}
