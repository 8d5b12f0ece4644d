//! Nodes that came, went, changed or have another name.

use std::collections::BTreeSet;

use super::pair::{Known, Pairs};
use super::print;
use super::{Change, Kind, NodeChange};
use crate::graph::{Dim, Graph, Node, Value, ValueId};

/// The changes in the order of the graphs, and how many types of inner values only one of the two states.
pub fn changes(a: &Graph, b: &Graph, pairs: &Pairs) -> (Vec<NodeChange>, usize) {
    let known = [Known::new(a), Known::new(b)];
    let mut unstated = 0;
    // What was removed stands before the first node behind it that is left.
    let mut changes = Vec::new();
    let mut next = 0;
    for (place, node) in b.nodes.iter().enumerate() {
        let Some(of_a) = pairs.of_b[place] else {
            changes.push(lone(Kind::Added, b, node));
            continue;
        };
        while next <= of_a {
            if pairs.of_a[next].is_none() {
                changes.push(lone(Kind::Removed, a, &a.nodes[next]));
            }
            next += 1;
        }
        let compared = Compared { a, b, known: &known, pairs };
        changes.extend(compared.nodes(&a.nodes[of_a], node, &mut unstated));
    }
    let rest = (next..a.nodes.len()).filter(|place| pairs.of_a[*place].is_none());
    changes.extend(rest.map(|place| lone(Kind::Removed, a, &a.nodes[place])));
    (changes, unstated)
}

fn lone(kind: Kind, graph: &Graph, node: &Node) -> NodeChange {
    let name = Some(graph.node_name(node).to_owned());
    let (a, b) = if kind == Kind::Added { (None, name) } else { (name, None) };
    NodeChange { kind, a, b, op: print::operation(node), changes: Vec::new() }
}

struct Compared<'a> {
    a: &'a Graph,
    b: &'a Graph,
    known: &'a [Known<'a>; 2],
    pairs: &'a Pairs,
}

impl Compared<'_> {
    /// What differs between counterparts; the elements of constants are compared elsewhere.
    fn nodes(&self, a: &Node, b: &Node, unstated: &mut usize) -> Option<NodeChange> {
        let mut changes: Vec<Change> = Vec::new();
        let (op_a, op_b) = (print::operation(a), print::operation(b));
        changes.extend(Change::of("operation", Some(op_a.clone()), Some(op_b)));
        let attributes: BTreeSet<&String> = a.attributes.keys().chain(b.attributes.keys()).collect();
        for name in attributes {
            // What a `Constant` makes is compared as a weight.
            if a.constant().is_some() && b.constant().is_some() {
                break;
            }
            let text = |node: &Node| node.attributes.get(name).map(print::attribute);
            changes.extend(Change::of(name.as_str(), text(a), text(b)));
        }
        for place in 0..a.inputs.len().max(b.inputs.len()) {
            changes.extend(self.input(place, a.input(place), b.input(place)));
        }
        let count = |node: &Node| Some(node.outputs.iter().flatten().count().to_string());
        changes.extend(Change::of("outputs", count(a), count(b)));
        for (place, (made_a, made_b)) in a.outputs.iter().zip(&b.outputs).enumerate() {
            if let (Some(made_a), Some(made_b)) = (made_a, made_b) {
                changes.extend(made(place, self.a.value(*made_a), self.b.value(*made_b), unstated));
            }
        }
        let kind = match changes.is_empty() {
            false => Kind::Changed,
            true if a.name != b.name => Kind::Renamed,
            true => return None,
        };
        let name = |graph: &Graph, node: &Node| Some(graph.node_name(node).to_owned());
        Some(NodeChange { kind, a: name(self.a, a), b: name(self.b, b), op: op_a, changes })
    }

    fn input(&self, place: usize, a: Option<ValueId>, b: Option<ValueId>) -> Option<Change> {
        let constant = |side: usize, id: Option<ValueId>| id.is_some_and(|id| self.known[side].constant(id).is_some());
        let same = match (a, b) {
            (None, None) => true,
            _ if constant(0, a) && constant(1, b) => true,
            (Some(a), Some(b)) if !constant(0, Some(a)) && !constant(1, Some(b)) => match self.pairs.values.get(&b) {
                Some(counterpart) => *counterpart == a,
                // Sparse constants and the like: nothing makes them, they go by their names.
                None => self.a.is_given(a) && self.b.is_given(b) && self.a.value(a).name == self.b.value(b).name,
            },
            _ => false,
        };
        let name = |graph: &Graph, id: Option<ValueId>| id.map(|id| graph.value(id).name.clone());
        // Equal names of different values would look like no change.
        let (name_a, mut name_b) = (name(self.a, a), name(self.b, b));
        if name_a == name_b {
            name_b = name_b.map(|name| format!("{name}, made by another"));
        }
        if same { None } else { Change::of(format!("input {place}"), name_a, name_b) }
    }
}

/// How the type of a made value differs, where both state it.
fn made(place: usize, a: &Value, b: &Value, unstated: &mut usize) -> Option<Change> {
    let of = |value: &Value| Some(print::value_type(value));
    let what = if place == 0 { "output type".to_owned() } else { format!("output {place} type") };
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
