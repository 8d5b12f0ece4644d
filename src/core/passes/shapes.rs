//! Records the types and shapes that follow from those of the inputs.
//!
//! Passes depend on types and shapes: whether a `Reshape` changes nothing, what a `Shape` returns. Files state few of
//! them, and the runner only keeps those that are proved, so [shape inference](crate::infer) runs first. Assumes
//! nothing. Ensures: only types and shapes of values differ. Values that inference cannot determine stay unchanged; a
//! file with a node that inference considers invalid stays unchanged as a whole, with the reason, since a runtime may
//! still accept it.

use super::{Refusal, Rewrites};
use crate::graph::{Graph, Model, Sizes, ValueId};
use crate::infer;

pub(super) fn infer(model: &mut Model) -> Rewrites {
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
    rewrites
}

/// Collects the names of the values about which more is now known, in subgraphs too. Both graphs have the same nodes.
fn learned(before: &Graph, after: &Graph, place: &str, names: &mut Vec<String>) {
    let changed = |id: ValueId| {
        let (old, new) = (before.value(id), after.value(id));
        (old.dtype != new.dtype || old.shape != new.shape).then(|| format!("{place}{}", new.name))
    };
    names.extend(after.inputs.iter().copied().filter_map(changed));
    for (old, new) in before.nodes.iter().zip(&after.nodes) {
        for ((attribute, old_value), new_value) in old.attributes.iter().zip(new.attributes.values()) {
            let place = || format!("{place}{}.{attribute}/", after.node_name(new));
            for (old, new) in old_value.bodies().iter().zip(new_value.bodies()) {
                learned(&old.graph, &new.graph, &place(), names);
            }
        }
        names.extend(new.makes().filter_map(changed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Dim, Node, Tensor};
    use crate::passes::{self, DEAD_CODE, DROP_IDENTITY, FOLD_CONSTANTS, INFER_SHAPES, PassOptions};

    /// Builds x [N, 6] -> Relu -> Reshape to [-1, 6] -> y, with only the shape of x.
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
        passes::run(model, passes, &PassOptions::default()).unwrap()
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

    /// Returns the remarks on a file, and the remaining operations with the shapes of their outputs.
    fn optimized(mut model: Model) -> (Vec<String>, Vec<String>) {
        let log = run(&mut model, &passes::DEFAULT);
        let g = &model.graph;
        let made = g.nodes.iter().map(|node| {
            let shape = g.value(node.output().unwrap()).shape.as_deref().unwrap_or(&[]);
            format!("{} {}", node.op_type, crate::graph::shape_text(shape))
        });
        (log[0].remarks.clone(), made.collect())
    }

    #[test]
    fn a_stated_size_never_takes_the_place_of_a_symbol() {
        let stated = |sizes: [usize; 2]| Some(sizes.map(Dim::Known).to_vec());
        let (remarks, left) = optimized(reshaped(stated([1, 6])));
        let says = "value r: the file says 1 x 6, its node makes N x 6, which stands";
        assert_eq!((remarks, left), (vec![says.to_owned()], vec!["Relu N x 6".to_owned()]));
        assert_eq!(optimized(reshaped(Some(vec![Dim::Known(5)]))).0.len(), 1, "another rank");
        let wrong = Dim::Symbolic { symbol: "N".into(), scale: 2, offset: 0 };
        assert_eq!(optimized(reshaped(Some(vec![wrong, Dim::Known(6)]))).0.len(), 1, "another line");
        assert!(optimized(reshaped(Some(vec![Dim::symbol("batch"), Dim::Known(6)]))).0.is_empty(), "another name");
        let mut output = reshaped(None);
        let y = output.graph.outputs[0];
        output.graph.value_mut(y).shape = stated([1, 6]);
        let (remarks, left) = optimized(output);
        assert_eq!((remarks.len(), left), (1, vec!["Relu N x 6".to_owned()]));
        let mut dtype = reshaped(None);
        let r = dtype.graph.find("r").unwrap();
        dtype.graph.value_mut(r).dtype = Some(DType::I64);
        assert_eq!(optimized(dtype).0, ["value r: the file says i64, its node makes f32, which stands"]);
    }

    /// Builds x [N, 6] -> an unknown operation -> r, which the file states to be `stated`, and the `Shape` of r.
    fn of_another_domain(batch: Dim, stated: [usize; 2]) -> Model {
        let mut model = reshaped(Some(stated.map(Dim::Known).to_vec()));
        let g = &mut model.graph;
        let x = g.inputs[0];
        g.value_mut(x).shape.as_mut().unwrap()[0] = batch;
        g.nodes[0].domain = "some.where".into();
        let r = g.find("r").unwrap();
        let [sizes, z] = ["sizes", "z"].map(|name| g.add_value(name, Some(DType::I64), None));
        g.nodes = vec![
            g.nodes[0].clone(),
            Node::new("shape", "Shape", vec![r], vec![sizes]),
            Node::new("neg", "Abs", vec![sizes], vec![z]),
        ];
        g.outputs = vec![z];
        model
    }

    #[test]
    fn what_nothing_proves_is_believed_only_where_no_input_is_open() {
        let folded = |model: Model, passes: &[passes::Pass]| {
            let mut model = model;
            let log = run(&mut model, passes);
            assert!(log[0].remarks.is_empty());
            let g = &model.graph;
            assert_eq!(g.value(g.find("r").unwrap()).shape, Some(vec![Dim::Known(4), Dim::Known(6)]), "it is kept");
            !g.nodes.iter().any(|node| node.is("Shape"))
        };
        for passes in [&passes::DEFAULT[..], &[FOLD_CONSTANTS]] {
            assert!(!folded(of_another_domain(Dim::symbol("N"), [4, 6]), passes));
            assert!(!folded(of_another_domain(Dim::Unknown, [4, 6]), passes));
        }
        let mut fixed = of_another_domain(Dim::Known(4), [4, 6]);
        assert_eq!(run(&mut fixed, &[FOLD_CONSTANTS])[0].applied, ["shape"]);
    }

    #[test]
    fn a_pass_alone_believes_no_stale_shape_either() {
        let mut model = of_another_domain(Dim::symbol("N"), [4, 6]);
        model.graph.nodes[0].domain.clear();
        let log = run(&mut model, &[FOLD_CONSTANTS]);
        assert_eq!((log[0].applied.len(), log[0].remarks.len()), (0, 1), "{log:?}");
    }
}
