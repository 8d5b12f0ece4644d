//! Statements of the file about intermediate values, set aside while passes run.
//!
//! Passes rely on the shapes that they find: whether a `Reshape` changes nothing, what a `Shape` returns. A file may
//! state shapes from before its batch was opened, so that a pass is only shown what follows from the graph's inputs. If
//! no input is open, a stated shape fills a gap left by an operation without a rule; with an open one it might be that
//! of another size, and in a body that of another iteration. Statements that were set aside and are not contradicted
//! are restored after the passes have run.

use std::collections::HashMap;

use crate::graph::{Dim, Graph, Model, Sizes, ValueId};
use crate::infer::{self, Overruled};

#[derive(Default)]
pub(super) struct Stated {
    shapes: Vec<(ValueId, Vec<Dim>)>,
    /// Those of the graphs inside a node, by an output of the node, the attribute and the index in it.
    inside: HashMap<(ValueId, String, usize), Stated>,
}

/// Sets aside statements that do not follow from the inputs, and returns those that contradict them.
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
        // A node that inference considers invalid: a runtime may not, and nothing is proved about its outputs.
        Err(_) => {
            let bare = bare.insert(model.graph.clone());
            forget(bare, open);
            bare
        }
    };
    let stated = compare(&mut model.graph, proved, &mut found);
    (stated, found)
}

/// Drops the stated shapes of bodies' values, and with `all` those of the graph's own, except for its inputs.
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

/// Keeps only the proved statements of a graph; `proved` is an equal graph with the proved facts. The rest is returned.
fn compare(graph: &mut Graph, proved: &Graph, found: &mut Vec<Overruled>) -> Stated {
    let mut stated = Stated::default();
    let mut made: Vec<ValueId> = Vec::new();
    for (node, proof) in graph.nodes.iter_mut().zip(&proved.nodes) {
        made.extend(node.makes());
        let Some(key) = node.makes().next() else { continue };
        for ((name, value), proof) in node.attributes.iter_mut().zip(proof.attributes.values()) {
            for (place, (body, proof)) in value.bodies_mut().iter_mut().zip(proof.bodies()).enumerate() {
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
    /// Restores statements that fill a gap, in the graphs and values that still exist.
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
                for (place, body) in value.bodies_mut().iter_mut().enumerate() {
                    if let Some(inside) = self.inside.remove(&(key, name.clone(), place)) {
                        inside.put_back(&mut body.graph);
                    }
                }
            }
        }
    }
}
