//! Merges equal initializers.
//!
//! Assumes, and checks: the same element type, shape and bytes; a caller can
//! replace neither; the removed one is not an output and has no quantisation parameters of its own. Ensures: readers of
//! the later ones read the first; an output of the graph keeps its own. Exact: the results are the same bit for bit.

use std::collections::{HashMap, HashSet};

use super::Rewrites;
use super::edit::{Aliases, work};
use crate::graph::{Graph, Tensor, ValueId};

pub(super) fn deduplicate(graph: &mut Graph) -> Rewrites {
    let mut rewrites = Rewrites::default();
    let (fixed, uses) = (graph.constants(), super::view::live_uses(graph));
    let mut seen: HashMap<Tensor, ValueId> = HashMap::new();
    let candidates = graph.initializers().filter(|(id, _)| fixed.contains_key(id) && uses.contains_key(id));
    let candidates: Vec<_> = candidates.map(|(id, tensor)| (id, tensor.clone())).collect();
    let described = graph.annotations.iter().map(|annotation| annotation.value);
    let kept: HashSet<ValueId> = graph.outputs.iter().copied().chain(described).collect();
    let mut aliases = Aliases::default();
    for (id, tensor) in candidates {
        work(1);
        let first = *seen.entry(tensor).or_insert(id);
        if first != id && !kept.contains(&id) {
            rewrites.applied.push(graph.value(id).name.clone());
            aliases.replace(id, first);
        }
    }
    aliases.apply(graph);
    rewrites
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Annotation, DType, Model, Node};
    use crate::passes::{self, DEDUPLICATE_INITIALIZERS, PassOptions};

    #[test]
    fn equal_initializers_become_one_and_others_stay() {
        let mut g = Graph::new("g");
        let x = g.add_value("x", None, None);
        let zero = vec![0u8; 8];
        let tensors = [
            Tensor::new(DType::I64, vec![1], zero.clone()),
            Tensor::new(DType::F64, vec![1], zero.clone()),
            Tensor::new(DType::I64, vec![1, 1], zero.clone()),
            Tensor::new(DType::I64, vec![1], zero),
            Tensor::from_f32(vec![1], &[0.0]),
            Tensor::from_f32(vec![1], &[-0.0]),
        ];
        let ids: Vec<_> =
            tensors.into_iter().enumerate().map(|(i, t)| g.add_initializer(format!("c{i}"), t.unwrap())).collect();
        let y = g.add_value("y", None, None);
        g.nodes.push(Node::new("n", "Odd", [vec![x], ids.clone()].concat(), vec![y]));
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        let mut model = Model::new(g, 18);
        let log = passes::run(&mut model, &[DEDUPLICATE_INITIALIZERS], &PassOptions::default()).unwrap();
        assert_eq!((log[0].applied.clone(), model.graph.initializers().count()), (vec!["c3".to_owned()], 5));
        assert_eq!(model.graph.nodes[0].input(4), Some(ids[0]));
        assert_eq!((log[0].initializer_bytes_before, log[0].initializer_bytes), (40, 32));
    }
    #[test]
    fn what_is_promised_or_described_keeps_its_own_constant() {
        let graph = |change: &dyn Fn(&mut Graph, ValueId)| {
            let mut g = Graph::new("g");
            let x = g.add_value("x", None, None);
            let [a, b] = ["a", "b"].map(|name| g.add_initializer(name, Tensor::from_i64(&[7])));
            let y = g.add_value("y", None, None);
            g.nodes.push(Node::new("n", "Sum", vec![x, a, b], vec![y]));
            (g.inputs, g.outputs) = (vec![x], vec![y]);
            change(&mut g, b);
            deduplicate(&mut g).applied.len()
        };
        assert_eq!(graph(&|_, _| ()), 1);
        assert_eq!(graph(&|g, b| g.outputs.push(b)), 0);
        let listed = |g: &mut Graph, b| assert_eq!(g.listed_initializers.insert(1, b), None);
        assert_eq!(graph(&listed), 0, "a caller may replace it");
        let described = |g: &mut Graph, b| {
            let scale = g.add_initializer("scale", Tensor::from_i64(&[1]));
            g.annotations.push(Annotation { value: b, parameters: vec![("SCALE_TENSOR".into(), scale)] });
        };
        assert_eq!(graph(&described), 0);
    }
}
