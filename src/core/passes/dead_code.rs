//! Removes nodes and initializers that no output needs.
//!
//! Assumes: nothing; a node has no effect other than its results. Ensures: every node contributes to an output, and
//! every initializer is read or is an output. The inputs of the graph are its interface and stay, whether read or not,
//! and so does an initializer that is listed among them as a default.

use std::collections::HashSet;

use super::Rewrites;
use super::view::needed;
use crate::graph::Graph;

/// Sweeps a graph. `promised` states that listed initializers are inputs that a caller may feed.
pub(super) fn sweep(graph: &mut Graph, promised: bool) -> Rewrites {
    let mut needed = needed(graph);
    if promised {
        needed.extend(graph.listed_initializers.values());
    }
    let dead = |index: &usize| !graph.nodes[*index].makes().any(|id| needed.contains(&id));
    let dead: HashSet<usize> = (0..graph.nodes.len()).filter(dead).collect();
    let mut rewrites = Rewrites::default();
    let nodes = graph.nodes.iter().enumerate().filter(|(i, _)| dead.contains(i));
    rewrites.applied = nodes.map(|(_, node)| graph.node_name(node).to_owned()).collect();
    let unread = graph.initializers().filter(|(id, _)| !needed.contains(id));
    rewrites.applied.extend(unread.map(|(id, _)| graph.value(id).name.clone()).collect::<Vec<_>>());
    graph.remove_nodes(&dead);
    graph.retain_initializers(|id| needed.contains(&id));
    graph.annotations.retain(|annotation| needed.contains(&annotation.value));
    rewrites
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
        assert_eq!(sweep(&mut graph, true).applied, ["drop", "unused"]);
        assert_eq!(graph.nodes.len(), 1);
        assert_eq!(graph.initializers().map(|(id, _)| id).collect::<Vec<_>>(), [used]);
        graph.check().unwrap();
    }
    #[test]
    fn a_default_of_an_input_is_part_of_the_interface() {
        for (promised, left) in [(true, 1), (false, 0)] {
            let mut graph = Graph::new("g");
            let [x, y] = ["x", "y"].map(|name| graph.add_value(name, None, None));
            let unread = graph.add_initializer("unread", Tensor::from_f32(vec![], &[1.0]).unwrap());
            graph.nodes = vec![Node::new("keep", "Relu", vec![x], vec![y])];
            (graph.inputs, graph.outputs) = (vec![x], vec![y]);
            graph.listed_initializers.insert(1, unread);
            sweep(&mut graph, promised);
            assert_eq!((graph.initializers().count(), graph.listed_initializers.len()), (left, left));
        }
    }
}
