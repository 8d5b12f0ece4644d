//! Row selection: the bound on the whole numbers of an input that select rows of a table.

use std::collections::HashSet;

use super::{Graph, Node, ValueId, place_of};

impl Graph {
    /// Returns the number of rows of the smallest table from which the values of `id` select rows, such as the
    /// embedding of token ids: a `Gather` or `GatherElements` with the value, or one derived from it by casts and
    /// rearrangements alone, as its indices. `None` if there is none whose size the graph states.
    pub fn selected_rows(&self, id: ValueId) -> Option<usize> {
        let mut smallest: Option<usize> = None;
        // Graphs to search, each with the values in it that hold those of `id`; nodes are in topological order.
        let mut open = vec![(self, HashSet::from([id]))];
        while let Some((graph, mut holding)) = open.pop() {
            for node in &graph.nodes {
                if node.input(1).is_some_and(|indices| holding.contains(&indices)) {
                    smallest = [smallest, graph.rows_selected_by(node)].into_iter().flatten().min();
                }
                if keeps(node, &holding) {
                    holding.extend(node.makes());
                }
                for body in node.subgraphs() {
                    let inside = body.captures.iter().filter(|capture| holding.contains(&capture.outer));
                    let inside: HashSet<ValueId> = inside.map(|capture| capture.inner).collect();
                    if !inside.is_empty() {
                        open.push((&body.graph, inside));
                    }
                }
            }
        }
        smallest
    }

    /// Returns the length of the axis along which a node selects by its second input.
    fn rows_selected_by(&self, node: &Node) -> Option<usize> {
        if !(node.is("Gather") || node.is("GatherElements")) {
            return None;
        }
        let shape = self.value(node.input(0)?).shape.as_ref()?;
        shape[place_of(node.int("axis").unwrap_or(0), shape.len())?].known()
    }
}

fn keeps(node: &Node, holding: &HashSet<ValueId>) -> bool {
    let holds = |id: ValueId| holding.contains(&id);
    let arranges = node.operator().is_some_and(|operator| operator.hands_on) && node.input(0).is_some_and(holds);
    arranges || node.is("Concat") && node.reads().any(holds)
}

#[cfg(test)]
mod tests {
    use super::super::{Attribute, Capture, DType, Dim, Subgraph, Tensor};
    use super::*;

    struct Build(Graph, ValueId);

    impl Build {
        fn new() -> Self {
            let mut graph = Graph::new("g");
            let tokens = graph.add_value("tokens", Some(DType::I64), None);
            graph.inputs = vec![tokens];
            Self(graph, tokens)
        }

        fn table(&mut self, rows: usize, columns: usize) -> ValueId {
            let name = format!("table{}", self.0.values().count());
            self.0.add_initializer(name, Tensor::from_f32(vec![rows, columns], &vec![0.0; rows * columns]).unwrap())
        }

        fn node(&mut self, op: &str, inputs: Vec<ValueId>) -> ValueId {
            let made = self.0.add_value(format!("v{}", self.0.values().count()), None, None);
            self.0.nodes.push(Node::new("", op, inputs, vec![made]));
            made
        }

        fn rows(&self) -> Option<usize> {
            self.0.selected_rows(self.1)
        }
    }

    #[test]
    fn the_smallest_table_is_found_through_casts_and_reshapes() {
        let mut b = Build::new();
        let (large, small) = (b.table(30, 2), b.table(9, 2));
        b.node("Gather", vec![large, b.1]);
        assert_eq!(b.rows(), Some(30));
        let cast = b.node("Cast", vec![b.1]);
        let flat = b.node("Reshape", vec![cast, b.1]);
        b.node("Gather", vec![small, flat]);
        assert_eq!(b.rows(), Some(9));
        let sum = b.node("Add", vec![flat, flat]);
        let other = b.table(2, 2);
        b.node("Gather", vec![other, sum]);
        assert_eq!(b.rows(), Some(9), "what is computed of the value selects other rows");
    }

    #[test]
    fn the_axis_counts_and_a_table_that_is_no_constant_too() {
        let mut b = Build::new();
        let table = b.table(30, 7);
        b.node("GatherElements", vec![table, b.1]);
        b.0.nodes[0].set("axis", -1);
        assert_eq!(b.rows(), Some(7));
        b.0.nodes[0].set("axis", i64::MIN);
        assert_eq!(b.rows(), None);
        b.0.nodes[0].set("axis", 0);
        assert_eq!(b.rows(), Some(30));
        let made = b.node("Relu", vec![table]);
        b.node("Gather", vec![made, b.1]);
        assert_eq!(b.rows(), Some(30), "nothing is known of it");
        b.0.value_mut(made).shape = Some(vec![Dim::Known(5), Dim::Unknown]);
        assert_eq!(b.rows(), Some(5));
    }

    #[test]
    fn a_value_that_is_selected_from_selects_nothing() {
        let mut b = Build::new();
        let which = b.table(4, 1);
        let picked = b.node("Gather", vec![b.1, which]);
        assert_eq!(b.rows(), None);
        let table = b.table(11, 1);
        b.node("Gather", vec![table, picked]);
        assert_eq!(b.rows(), Some(11), "what is picked of the tokens are tokens");
    }

    #[test]
    fn a_branch_that_selects_is_looked_into() {
        let mut inside = Graph::new("then");
        let seen = inside.add_value("seen", None, None);
        let table = inside.add_initializer("table", Tensor::from_f32(vec![6, 1], &[0.0; 6]).unwrap());
        let made = inside.add_value("made", None, None);
        inside.nodes = vec![Node::new("", "Gather", vec![table, seen], vec![made])];
        inside.outputs = vec![made];
        let mut b = Build::new();
        let branch = Subgraph { graph: inside, captures: vec![Capture { outer: b.1, inner: seen }] };
        let condition = b.table(1, 1);
        b.node("If", vec![condition]);
        b.0.nodes[0].attributes.insert("then_branch".into(), Attribute::Graph(Box::new(branch)));
        assert_eq!(b.rows(), Some(6));
    }
}
