//! Keeps one of initializers that are equal.
//!
//! Requires: the same element type, shape and bytes, looked up by a hash and then compared; neither may be replaced by a
//! caller. Ensures: readers of the later ones read the first; an output of the graph keeps its own. Exact: no bit changes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Rewrites;
use super::edit::Aliases;
use crate::Result;
use crate::graph::{Graph, Tensor, ValueId};

pub(super) fn deduplicate(graph: &mut Graph) -> Result<Rewrites> {
    let mut rewrites = Rewrites::default();
    let (fixed, uses) = (graph.constants(), super::view::live_uses(graph));
    let mut seen: HashMap<u64, Vec<(ValueId, Tensor)>> = HashMap::new();
    let candidates = graph.initializers().filter(|(id, _)| fixed.contains_key(id) && uses.contains_key(id));
    let candidates: Vec<_> = candidates.map(|(id, tensor)| (id, tensor.clone())).collect();
    let mut aliases = Aliases::default();
    for (id, tensor) in candidates {
        let known = seen.entry(hash(&tensor)).or_default();
        match known.iter().find(|(_, other)| *other == tensor) {
            Some((first, _)) if !graph.outputs.contains(&id) => {
                rewrites.applied.push(graph.value(id).name.clone());
                aliases.replace(id, *first);
            }
            Some(_) => {}
            None => known.push((id, tensor)),
        }
    }
    aliases.apply(graph);
    Ok(rewrites)
}

fn hash(tensor: &Tensor) -> u64 {
    let mut hasher = DefaultHasher::new();
    (tensor.dtype(), tensor.shape(), tensor.bytes()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Model, Node};
    use crate::passes::{self, DEAD_CODE, DEDUPLICATE_INITIALIZERS, Options};

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
        let log = passes::run(&mut model, &[DEDUPLICATE_INITIALIZERS, DEAD_CODE], &Options::default()).unwrap();
        assert_eq!((log[0].applied.clone(), model.graph.initializers().count()), (vec!["c3".to_owned()], 5));
        assert_eq!(model.graph.nodes[0].input(4), Some(ids[0]));
        assert_eq!((log[1].initializer_bytes_before, log[1].initializer_bytes), (40, 32));
    }
}
