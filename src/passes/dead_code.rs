//! Removes nodes and initializers that no output needs.

use std::collections::HashSet;

use super::Rewrites;
use crate::Result;
use crate::graph::{Graph, ValueId};

pub(super) fn sweep(graph: &mut Graph) -> Result<Rewrites> {
    let mut needed: HashSet<ValueId> = graph.outputs.iter().copied().collect();
    let mut dead = HashSet::new();
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if node.makes().any(|id| needed.contains(&id)) {
            needed.extend(node.reads());
        } else {
            dead.insert(index);
        }
    }
    let mut rewrites = Rewrites::default();
    rewrites.applied.extend(dead_names(graph, &dead));
    graph.remove_nodes(&dead);
    graph.retain_initializers(|id| needed.contains(&id));
    Ok(rewrites)
}

fn dead_names(graph: &Graph, dead: &HashSet<usize>) -> Vec<String> {
    graph.nodes.iter().enumerate().filter(|(i, _)| dead.contains(i)).map(|(_, n)| n.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Node, Tensor};

    #[test]
    fn what_no_output_needs_goes_and_the_rest_stays() {
        let mut graph = Graph::new("g");
        let [x, y, head] = ["x", "y", "head"].map(|name| graph.add_value(name, None, None));
        let [used, unused] =
            ["used", "unused"].map(|n| graph.add_initializer(n, Tensor::from_f32(vec![], &[1.0]).unwrap()));
        graph.nodes = vec![
            Node::new("keep", "Add", vec![x, used], vec![y]),
            Node::new("drop", "Mul", vec![y, unused], vec![head]),
        ];
        (graph.inputs, graph.outputs) = (vec![x], vec![y]);
        assert_eq!(sweep(&mut graph).unwrap().applied, ["drop"]);
        assert_eq!(graph.nodes.len(), 1);
        assert_eq!(graph.initializers().map(|(id, _)| id).collect::<Vec<_>>(), [used]);
        graph.check().unwrap();
    }
}
