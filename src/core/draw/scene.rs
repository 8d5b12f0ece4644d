//! The content of a picture: boxes and the wires between them, without coordinates.
//!
//! Constants, and nodes computed from constants alone, get no box: their size is counted in the box that reads them. A
//! normalisation, an activation or an arithmetic operation with constants that is the only reader of the layer before
//! becomes a strip in that layer's box.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::facts::{self, Facts};
use super::{DrawOptions, acyclic, path};
use crate::graph::{Graph, Node, ValueId, shape_text};
use crate::words::counted;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Input,
    Output,
    /// One node, possibly with strips.
    Layer,
    /// A module: several nodes under one name.
    Module,
    /// The far end of a wire that is too long to draw.
    Link,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub kind: Kind,
    pub heading: String,
    /// Full name of the node, value or module.
    pub name: String,
    pub shape: Option<String>,
    pub facts: Facts,
    pub strip: Vec<String>,
    pub nodes: Vec<usize>,
}

impl Item {
    /// Creates a box that holds no nodes and costs nothing.
    pub fn free(kind: Kind, heading: &str, name: String, shape: Option<String>) -> Self {
        let heading = heading.to_owned();
        Self { kind, heading, name, shape, facts: Facts::NOTHING, strip: Vec::new(), nodes: Vec::new() }
    }
}

/// One value, drawn from the box that produces it to those that read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    pub label: String,
    pub from: usize,
    /// Indices of the boxes where it ends, sorted and without repetition.
    pub to: Vec<usize>,
}

/// Boxes in topological order, and the wires between them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scene {
    pub items: Vec<Item>,
    /// The wires, sorted by the box and value that they start from.
    pub wires: Vec<Wire>,
}

/// Number of nodes up to which every node gets a box.
const SMALL: usize = 30;

impl Scene {
    pub fn new(graph: &Graph, options: &DrawOptions) -> Self {
        let constant = constants(graph);
        let outputs: HashSet<ValueId> = graph.outputs.iter().copied().collect();
        // A constant that is an output of the graph has to be visible.
        let shown: Vec<usize> = (0..graph.nodes.len())
            .filter(|i| graph.nodes[*i].makes().any(|id| !constant.contains(&id) || outputs.contains(&id)))
            .collect();
        let facts = facts::of_nodes(graph, options.times.as_ref());
        let builder = Builder { graph, facts, constant, shown };
        let members = match options.depth {
            Some(depth) => builder.modules(depth),
            None if options.every_node || builder.shown.len() <= SMALL => builder.each(),
            None => builder.chains(),
        };
        builder.build(members)
    }

    pub fn total(&self) -> Facts {
        let mut boxes = self.items.iter().map(|item| item.facts);
        boxes.next().map_or_else(Facts::default, |first| boxes.fold(first, Facts::plus))
    }
}

/// Finds every value that depends on no input: initializers, and the values computed from them.
fn constants(graph: &Graph) -> HashSet<ValueId> {
    let mut constant: HashSet<ValueId> = graph.given().collect();
    for node in &graph.nodes {
        let makes_itself = node.is("Constant");
        let reads_constants = node.reads().next().is_some() && node.reads().all(|id| constant.contains(&id));
        if makes_itself || (reads_constants && !node.operator().is_some_and(|operator| operator.random)) {
            constant.extend(node.makes());
        }
    }
    constant
}

struct Members {
    /// Name of the module, if they form one.
    module: Option<String>,
    nodes: Vec<usize>,
}

struct Builder<'a> {
    graph: &'a Graph,
    facts: Vec<Facts>,
    constant: HashSet<ValueId>,
    shown: Vec<usize>,
}

impl Builder<'_> {
    fn node(&self, index: usize) -> &Node {
        &self.graph.nodes[index]
    }

    /// Returns the values read by a node that depend on an input, each once.
    fn data(&self, index: usize) -> BTreeSet<ValueId> {
        self.node(index).reads().filter(|id| !self.constant.contains(id)).collect()
    }

    fn each(&self) -> Vec<Members> {
        self.shown.iter().map(|i| Members { module: None, nodes: vec![*i] }).collect()
    }

    /// Makes one box per layer and the strips that follow it.
    fn chains(&self) -> Vec<Members> {
        let uses = self.graph.uses();
        // For each value at the end of a box, that box.
        let mut ends: HashMap<ValueId, usize> = HashMap::new();
        let mut boxes: Vec<Members> = Vec::new();
        for &index in &self.shown {
            let node = self.node(index);
            let data = self.data(index);
            let only = data.first().filter(|id| data.len() == 1 && uses.get(id) == Some(&1));
            let is_strip = node.operator().is_some_and(|operator| operator.strip);
            let place = match only.and_then(|id| ends.get(id)) {
                Some(place) if is_strip => *place,
                _ => {
                    boxes.push(Members { module: None, nodes: Vec::new() });
                    boxes.len() - 1
                }
            };
            boxes[place].nodes.push(index);
            // A second output in use would leave from the middle of the box.
            let mut used = node.makes().filter(|id| uses.contains_key(id));
            if let (Some(id), None) = (used.next(), used.next()) {
                ends.insert(id, place);
            }
        }
        boxes
    }

    /// Makes one box per module at `depth`; a module that is left and entered again is split deeper, down to its nodes.
    fn modules(&self, depth: usize) -> Vec<Members> {
        let makers: HashMap<ValueId, usize> =
            self.shown.iter().enumerate().flat_map(|(at, i)| self.node(*i).makes().map(move |id| (id, at))).collect();
        let mut edges = Vec::new();
        for (at, i) in self.shown.iter().enumerate() {
            edges.extend(self.data(*i).iter().filter_map(|id| makers.get(id)).map(|from| (*from, at)));
        }
        let names: Vec<&str> = self.shown.iter().map(|i| self.graph.node_name(self.node(*i))).collect();
        let mut depths = vec![depth; names.len()];
        for round in 0.. {
            let (groups, group_of) = grouped(&names, &depths, depth);
            let between: Vec<_> =
                edges.iter().map(|(a, b)| (group_of[*a], group_of[*b])).filter(|(a, b)| a != b).collect();
            let on_cycle = acyclic::on_cycle(groups.len(), &between);
            if !on_cycle.contains(&true) {
                let nodes = |group: Vec<usize>| group.into_iter().map(|at| self.shown[at]).collect();
                let members = |(name, group): (&str, Vec<usize>)| Members {
                    module: (group.len() > 1).then(|| name.to_owned()),
                    nodes: nodes(group),
                };
                return groups.into_iter().map(members).collect();
            }
            // Goes down the tree a few steps at a time, then straight to the bottom: a name can be arbitrarily deep.
            let deeper = |depth: usize| if round < 8 { depth + 1 } else { usize::MAX };
            let cyclic = depths.iter_mut().zip(&group_of).filter(|(_, group)| on_cycle[**group]);
            cyclic.for_each(|(depth, _)| *depth = deeper(*depth));
        }
        self.each()
    }

    fn build(self, members: Vec<Members>) -> Scene {
        let graph = self.graph;
        let mut items: Vec<Item> = graph.inputs.iter().map(|id| self.pill(*id, Kind::Input)).collect();
        let mut makers: HashMap<ValueId, usize> = graph.inputs.iter().enumerate().map(|(i, id)| (*id, i)).collect();
        let mut readers: HashMap<ValueId, BTreeSet<usize>> = HashMap::new();
        for members in members {
            let place = items.len();
            for &i in &members.nodes {
                makers.extend(self.node(i).makes().map(|id| (id, place)));
                self.data(i).into_iter().for_each(|id| _ = readers.entry(id).or_default().insert(place));
            }
            items.push(self.item(members));
        }
        for id in &graph.outputs {
            readers.entry(*id).or_default().insert(items.len());
            items.push(self.pill(*id, Kind::Output));
        }
        let wire = |(id, to): (ValueId, BTreeSet<usize>)| {
            let from = *makers.get(&id)?;
            let to: Vec<usize> = to.into_iter().filter(|to| *to != from).collect();
            (!to.is_empty()).then(|| (from, id, Wire { label: self.label(id), from, to }))
        };
        let mut wires: Vec<_> = readers.into_iter().filter_map(wire).collect();
        wires.sort_by_key(|(from, id, _)| (*from, *id));
        Scene { items, wires: wires.into_iter().map(|(_, _, wire)| wire).collect() }
    }

    fn shape(&self, id: ValueId) -> Option<String> {
        self.graph.value(id).shape.as_ref().map(|shape| shape_text(shape).replace(" x ", "×"))
    }

    fn label(&self, id: ValueId) -> String {
        let value = self.graph.value(id);
        let dtype = value.dtype.map(|dtype| dtype.to_string());
        let known: Vec<String> = dtype.into_iter().chain(self.shape(id)).collect();
        if known.is_empty() { value.name.clone() } else { format!("{}: {}", value.name, known.join(" ")) }
    }

    fn pill(&self, id: ValueId, kind: Kind) -> Item {
        let name = self.graph.value(id).name.clone();
        Item::free(kind, if kind == Kind::Input { "input" } else { "output" }, name, self.shape(id))
    }

    fn item(&self, Members { module, nodes }: Members) -> Item {
        let (first, last) = (self.node(nodes[0]), self.node(nodes[nodes.len() - 1]));
        let facts = nodes.iter().map(|i| self.facts[*i]).reduce(Facts::plus).unwrap_or_default();
        let shape = last.output().and_then(|id| self.shape(id));
        let op = |i: &usize| facts::short_op(self.node(*i)).to_owned();
        let (kind, heading, strip) = match &module {
            Some(_) => (Kind::Module, counted(nodes.len(), "node"), Vec::new()),
            None => (Kind::Layer, facts::heading(self.graph, first), nodes[1..].iter().map(op).collect()),
        };
        let name = module.unwrap_or_else(|| self.graph.node_name(first).to_owned());
        Item { kind, heading, name, shape, facts, strip, nodes }
    }
}

/// Groups nodes with the same module at their depth, in the order of first appearance; also returns the group of each
/// node. A node whose depth exceeds both `least` and its name's depth forms a group of its own.
fn grouped<'a>(names: &[&'a str], depths: &[usize], least: usize) -> (Vec<(&'a str, Vec<usize>)>, Vec<usize>) {
    let mut keys: HashMap<(&str, usize), usize> = HashMap::new();
    let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut group_of = vec![0; names.len()];
    for (at, (name, depth)) in names.iter().zip(depths).enumerate() {
        let module = path::module(name, *depth);
        // Past the end of its path a node is alone.
        let alone = if *depth > path::modules(name).len().max(least) { at + 1 } else { 0 };
        let group = *keys.entry((module, alone)).or_insert_with(|| {
            groups.push((module, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(at);
        group_of[at] = group;
    }
    (groups, group_of)
}
