//! What a file states of values in between, set aside while passes run.
//!
//! Passes believe the shapes that they find: whether a `Reshape` changes nothing, what a `Shape` makes. A file may state what
//! held before somebody opened its batch, so that a pass is shown only what follows from the graph's inputs. Where no input
//! is open, a stated shape fills a gap that an operation without a rule leaves; with an open one it might be that of another
//! size, and in a body that of another iteration. What was set aside and is not contradicted comes back when the passes
//! have run.

use std::collections::HashMap;

use crate::graph::{Attribute, Dim, Graph, Model, Sizes, Subgraph, ValueId};
use crate::infer::{self, Overruled};

/// What was set aside of a graph.
#[derive(Default)]
pub(super) struct Stated {
    shapes: Vec<(ValueId, Vec<Dim>)>,
    /// Of the graphs inside a node, by a value that the node makes, the attribute and the place in it.
    inside: HashMap<(ValueId, String, usize), Stated>,
}

/// Sets aside what does not follow from the inputs, and says what contradicts them.
pub(super) fn set_aside(model: &mut Model) -> (Stated, Vec<Overruled>) {
    // Constants are shared, not copied.
    let mut proved = model.clone();
    let open = |id: &ValueId| {
        let value = proved.graph.value(*id);
        value.other_type.is_none() && value.shape.as_ref().is_none_or(|shape| shape.iter().any(|d| d.known().is_none()))
    };
    let (open, mut found) = (proved.graph.inputs.iter().any(open), Vec::new());
    forget(&mut proved.graph, open);
    let mut bare = None;
    let proved = match infer::infer(&mut proved, &Sizes::none()) {
        Ok(_) => &proved.graph,
        // A node that inference takes for wrong: a runtime may not, and nothing is proved of what it makes.
        Err(_) => {
            let bare = bare.insert(model.graph.clone());
            forget(bare, open);
            bare
        }
    };
    let stated = compare(&mut model.graph, proved, &mut found);
    (stated, found)
}

/// Drops the stated shapes of bodies' values, and with `all` those of the graph's own, but for what it is fed.
fn forget(graph: &mut Graph, all: bool) {
    let mut made: Vec<ValueId> = Vec::new();
    for node in &mut graph.nodes {
        made.extend(node.makes());
        for body in node.subgraphs_mut() {
            body.graph.inputs.clone().into_iter().for_each(|id| body.graph.value_mut(id).shape = None);
            forget(&mut body.graph, true);
        }
    }
    if all {
        made.into_iter().for_each(|id| graph.value_mut(id).shape = None);
    }
}

/// Leaves of what a graph states what is proved, an equal graph knows the proof. The rest is returned.
fn compare(graph: &mut Graph, proved: &Graph, found: &mut Vec<Overruled>) -> Stated {
    let mut stated = Stated::default();
    let mut made: Vec<ValueId> = Vec::new();
    for (node, proof) in graph.nodes.iter_mut().zip(&proved.nodes) {
        made.extend(node.makes());
        let Some(key) = node.makes().next() else { continue };
        for ((name, value), proof) in node.attributes.iter_mut().zip(proof.attributes.values()) {
            for (place, (body, proof)) in bodies_mut(value).iter_mut().zip(bodies(proof)).enumerate() {
                let inside = compare(&mut body.graph, &proof.graph, found);
                stated.inside.insert((key, name.clone(), place), inside);
            }
        }
    }
    made.extend(graph.inputs.iter());
    for id in made {
        let (value, proof) = (graph.value_mut(id), proved.value(id));
        found.extend(Overruled::of(value, proof.dtype, proof.shape.as_deref()));
        value.dtype = value.dtype.and(proof.dtype);
        if let Some(shape) = value.shape.take() {
            value.shape.clone_from(&proof.shape);
            if value.shape.as_ref() != Some(&shape) {
                stated.shapes.push((id, shape));
            }
        }
    }
    stated
}

impl Stated {
    /// Puts back what fills a gap, in the graphs and values that are still there.
    pub(super) fn put_back(mut self, graph: &mut Graph) {
        for (id, stated) in self.shapes {
            let value = graph.value_mut(id);
            value.shape = Some(match value.shape.take() {
                Some(proved) => infer::settle(&proved, &stated).shape,
                None => stated,
            });
        }
        for node in &mut graph.nodes {
            let Some(key) = node.makes().next() else { continue };
            for (name, value) in &mut node.attributes {
                for (place, body) in bodies_mut(value).iter_mut().enumerate() {
                    if let Some(inside) = self.inside.remove(&(key, name.clone(), place)) {
                        inside.put_back(&mut body.graph);
                    }
                }
            }
        }
    }
}

/// The graphs that an attribute holds.
pub(super) fn bodies(value: &Attribute) -> &[Subgraph] {
    match value {
        Attribute::Graph(body) => std::slice::from_ref(body.as_ref()),
        Attribute::Graphs(bodies) => bodies,
        _ => &[],
    }
}

fn bodies_mut(value: &mut Attribute) -> &mut [Subgraph] {
    match value {
        Attribute::Graph(body) => std::slice::from_mut(body.as_mut()),
        Attribute::Graphs(bodies) => bodies,
        _ => &mut [],
    }
}
