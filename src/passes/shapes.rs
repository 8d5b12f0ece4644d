//! Writes down the types and shapes that follow from those of the inputs.
//!
//! Passes believe what a file states: whether a `Reshape` changes nothing, what a `Shape` makes. Files state little of it, so
//! [shape inference](crate::infer) goes first. Ensures: nothing but types and shapes of values differs. Where inference
//! cannot know, a value stays as it is; a file in which a stated shape contradicts the inputs stays as it was, with the
//! reason, for inference is no judge of what a runtime makes of it.

use super::{Refusal, Rewrites};
use crate::Result;
use crate::graph::{Attribute, Graph, Model, Sizes, Subgraph, ValueId};
use crate::infer;

pub(super) fn infer(model: &mut Model) -> Result<Rewrites> {
    // Constants are shared, not copied.
    let mut inferred = model.clone();
    let mut rewrites = Rewrites::default();
    match infer::infer(&mut inferred, &Sizes::none()) {
        Ok(_) => {
            learned(&model.graph, &inferred.graph, "", &mut rewrites.applied);
            *model = inferred;
        }
        Err(error) => {
            let node = model.graph.name.clone();
            rewrites.refused.push(Refusal { node, reason: format!("its shapes cannot be inferred: {error}") });
        }
    }
    Ok(rewrites)
}

/// The names of the values of which more is known now, in subgraphs too. Both graphs have the same nodes.
fn learned(before: &Graph, after: &Graph, place: &str, names: &mut Vec<String>) {
    let changed = |id: ValueId| {
        let (old, new) = (before.value(id), after.value(id));
        (old.dtype != new.dtype || old.shape != new.shape).then(|| format!("{place}{}", new.name))
    };
    names.extend(after.inputs.iter().copied().filter_map(changed));
    for (old, new) in before.nodes.iter().zip(&after.nodes) {
        for ((attribute, old_value), new_value) in old.attributes.iter().zip(new.attributes.values()) {
            let place = || format!("{place}{}.{attribute}/", after.node_name(new));
            for (old, new) in bodies(old_value).iter().zip(bodies(new_value)) {
                learned(&old.graph, &new.graph, &place(), names);
            }
        }
        names.extend(new.makes().filter_map(changed));
    }
}

fn bodies(value: &Attribute) -> &[Subgraph] {
    match value {
        Attribute::Graph(body) => std::slice::from_ref(body.as_ref()),
        Attribute::Graphs(bodies) => bodies,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Dim, Node, Tensor};
    use crate::passes::{self, DEAD_CODE, DROP_IDENTITY, FOLD_CONSTANTS, INFER_SHAPES, Options};

    /// x [N, 6] -> Relu -> Reshape to [-1, 6] -> y, with the shape of x alone.
    fn reshaped(stated: Option<Vec<Dim>>) -> Model {
        let mut g = Graph::new("g");
        let x = g.add_value("x", Some(DType::F32), Some(vec![Dim::symbol("N"), Dim::Known(6)]));
        let [r, y] = ["r", "y"].map(|n| g.add_value(n, None, None));
        let target = g.add_initializer("target", Tensor::from_i64(&[-1, 6]));
        g.value_mut(r).shape = stated;
        g.nodes =
            vec![Node::new("relu", "Relu", vec![x], vec![r]), Node::new("same", "Reshape", vec![r, target], vec![y])];
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        Model::new(g, 18)
    }

    fn run(model: &mut Model, passes: &[passes::Pass]) -> Vec<Rewrites> {
        passes::run(model, passes, &Options::default()).unwrap()
    }

    #[test]
    fn what_follows_from_the_inputs_is_enough_to_drop_a_reshape() {
        let mut unknown = reshaped(None);
        assert!(run(&mut unknown, &[DROP_IDENTITY])[0].applied.is_empty());
        let mut model = reshaped(None);
        let log = run(&mut model, &[INFER_SHAPES, DROP_IDENTITY, DEAD_CODE, INFER_SHAPES]);
        assert_eq!((&log[0].applied[..], &log[1].applied[..]), (&["r".into(), "y".into()][..], &["same".into()][..]));
        assert!(log[3].applied.is_empty(), "nothing is learned twice");
        assert_eq!(model.graph.nodes.len(), 1);
    }

    #[test]
    fn a_shape_of_what_has_a_fixed_size_is_folded() {
        let mut model = reshaped(None);
        let g = &mut model.graph;
        let r = g.nodes[0].output().unwrap();
        let [sizes, size, scaled] = ["sizes", "size", "scaled"].map(|n| g.add_value(n, None, None));
        let one = g.add_initializer("one", Tensor::from_i64(&[1]));
        g.nodes.push(Node::new("shape", "Shape", vec![r], vec![sizes]));
        g.nodes.push(Node::new("gather", "Gather", vec![sizes, one], vec![size]));
        g.nodes.push(Node::new("neg", "Neg", vec![size], vec![scaled]));
        g.outputs.push(scaled);
        let log = run(&mut model, &[INFER_SHAPES, FOLD_CONSTANTS]);
        assert_eq!(log[1].applied, ["gather"]);
    }

    #[test]
    fn a_file_that_contradicts_itself_stays_as_it_was_with_the_reason() {
        let mut model = reshaped(Some(vec![Dim::Known(5)]));
        let before = model.clone();
        let log = run(&mut model, &[INFER_SHAPES]);
        assert!(log[0].refused[0].reason.contains("value r: the file says 5"), "{:?}", log[0].refused);
        assert_eq!(model, before);
    }
}
