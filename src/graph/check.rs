//! What every graph must hold, checked after reading, after each pass and before writing.

use std::collections::HashSet;

use super::{Graph, ValueId};
use crate::{Error, Result};

impl Graph {
    /// Checks that the graph is one: names are unique, each value is made once, each reading comes after the making.
    ///
    /// # Errors
    /// The first violation, naming the node or value.
    pub fn check(&self) -> Result<()> {
        self.check_names()?;
        let mut defined = HashSet::new();
        for id in self.inputs.iter().copied().chain(self.initializers.keys().copied()) {
            self.define(id, "an input or initializer", &mut defined)?;
        }
        for node in &self.nodes {
            let place = format!("node {} ({})", self.node_name(node), node.op_type);
            if let Some(id) = node.reads().find(|id| !defined.contains(id)) {
                let reason = format!("reads {}, which nothing before it makes", self.value(id).name);
                return Err(Error::input(place, reason));
            }
            for id in node.makes() {
                self.define(id, &place, &mut defined)?;
            }
        }
        match self.outputs.iter().find(|id| !defined.contains(id)) {
            Some(id) => Err(Error::input(format!("output {}", self.value(*id).name), "nothing makes it")),
            None => Ok(()),
        }
    }

    fn define(&self, id: ValueId, by: &str, defined: &mut HashSet<ValueId>) -> Result<()> {
        match defined.insert(id) {
            true => Ok(()),
            false => {
                Err(Error::input(format!("value {}", self.value(id).name), format!("is made twice, again by {by}")))
            }
        }
    }

    fn check_names(&self) -> Result<()> {
        let mut live: HashSet<ValueId> = self.inputs.iter().chain(&self.outputs).copied().collect();
        live.extend(
            self.nodes.iter().flat_map(|n| n.reads().chain(n.makes())).chain(self.initializers.keys().copied()),
        );
        let mut names = HashSet::new();
        for id in live {
            let name = &self.value(id).name;
            if name.is_empty() {
                return Err(Error::input(format!("graph {}", self.name), "a value has no name"));
            }
            if !names.insert(name) {
                return Err(Error::input(format!("value {name}"), "two values have this name"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Node, Tensor};
    use super::*;

    /// y = Relu(x), z = Add(y, w).
    fn small() -> Graph {
        let mut graph = Graph::new("small");
        let [x, y, z] = ["x", "y", "z"].map(|name| graph.add_value(name, None, None));
        let w = graph.add_initializer("w", Tensor::from_f32(vec![1], &[1.0]).unwrap());
        graph.nodes = vec![Node::new("a", "Relu", vec![x], vec![y]), Node::new("b", "Add", vec![y, w], vec![z])];
        (graph.inputs, graph.outputs) = (vec![x], vec![z]);
        graph
    }

    fn refusal(change: impl Fn(&mut Graph)) -> String {
        let mut graph = small();
        change(&mut graph);
        graph.check().unwrap_err().to_string()
    }

    #[test]
    fn a_graph_that_holds_is_accepted() {
        small().check().unwrap();
    }

    #[test]
    fn each_violation_is_named() {
        assert_eq!(refusal(|g| g.nodes.swap(0, 1)), "node b (Add): reads y, which nothing before it makes");
        assert_eq!(refusal(|g| g.nodes.truncate(1)), "output z: nothing makes it");
        let twice = refusal(|g| g.nodes.push(g.nodes[0].clone()));
        assert_eq!(twice, "value y: is made twice, again by node a (Relu)");
        let same = refusal(|g| g.value_mut(g.outputs[0]).name = "x".into());
        assert_eq!(same, "value x: two values have this name");
        assert!(refusal(|g| g.value_mut(g.outputs[0]).name.clear()).contains("has no name"));
    }
}
