//! Validity of a graph, checked after reading, after each pass and before writing.

use std::collections::{HashMap, HashSet};

use super::{Graph, Node, Subgraph, ValueId};
use crate::{Error, Result};

/// Outer names of captured values, by their inner IDs.
type Captured<'a> = HashMap<ValueId, &'a str>;

impl Graph {
    /// Checks that the graph is valid: names are unique, each value is produced once, and is produced before it is
    /// read. The same holds in each subgraph.
    ///
    /// # Errors
    /// Reports the first violation, naming the node or value.
    pub fn check(&self) -> Result<()> {
        self.check_inside(&Captured::new())
    }

    /// Refuses a constant that nothing reads.
    ///
    /// # Errors
    /// Names the first such constant.
    pub fn check_constants_are_read(&self) -> Result<()> {
        let uses = self.uses();
        match self.given().find(|id| !uses.contains_key(id)) {
            Some(id) => Err(Error::input(format!("initializer {}", self.value(id).name), "nothing reads it")),
            None => Ok(()),
        }
    }

    fn check_inside(&self, captured: &Captured) -> Result<()> {
        self.check_names(captured)?;
        let mut defined: HashSet<ValueId> = captured.keys().copied().collect();
        for id in self.inputs.iter().copied().chain(self.given()) {
            self.define(id, &mut defined, || "an input or initializer".to_owned())?;
        }
        for node in &self.nodes {
            if let Some(id) = node.reads().find(|id| !defined.contains(id)) {
                let reason = format!("reads {}, which nothing before it makes", self.value(id).name);
                return Err(Error::input(self.place(node), reason));
            }
            for body in node.subgraphs() {
                self.check_body(body).map_err(|e| Error::input(self.place(node), e))?;
            }
            for id in node.makes() {
                self.define(id, &mut defined, || self.place(node))?;
            }
        }
        match self.outputs.iter().find(|id| !defined.contains(id)) {
            Some(id) => Err(Error::input(format!("output {}", self.value(*id).name), "nothing makes it")),
            None => Ok(()),
        }
    }

    fn check_body(&self, body: &Subgraph) -> Result<()> {
        let names = body.captures.iter().map(|capture| (capture.inner, self.value(capture.outer).name.as_str()));
        body.graph.check_inside(&names.collect()).map_err(|e| Error::input(format!("subgraph {}", body.graph.name), e))
    }

    fn place(&self, node: &Node) -> String {
        format!("node {} ({})", self.node_name(node), node.op_type)
    }

    fn define(&self, id: ValueId, defined: &mut HashSet<ValueId>, by: impl FnOnce() -> String) -> Result<()> {
        match defined.insert(id) {
            true => Ok(()),
            false => {
                let reason = format!("is made twice, again by {}", by());
                Err(Error::input(format!("value {}", self.value(id).name), reason))
            }
        }
    }

    fn check_names(&self, captured: &Captured) -> Result<()> {
        let mut live: HashSet<ValueId> = self.inputs.iter().chain(&self.outputs).copied().collect();
        live.extend(self.nodes.iter().flat_map(|n| n.reads().chain(n.makes())));
        live.extend(self.given().chain(captured.keys().copied()));
        let mut names = HashSet::new();
        for id in live {
            let name = captured.get(&id).copied().unwrap_or(&self.value(id).name);
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
    use super::super::{Attribute, Capture, Tensor};
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

    /// `If(x)` whose one branch computes `inner = Neg(y)`, with y from the outer graph.
    fn branching() -> Graph {
        let mut inside = Graph::new("then");
        let [seen, made] = ["y", "inner"].map(|name| inside.add_value(name, None, None));
        inside.nodes = vec![Node::new("neg", "Neg", vec![seen], vec![made])];
        inside.outputs = vec![made];
        let mut graph = small();
        let y = graph.find("y").unwrap();
        let branch = Subgraph { graph: inside, captures: vec![Capture { outer: y, inner: seen }] };
        let out = graph.add_value("out", None, None);
        let mut node = Node::new("if", "If", vec![graph.inputs[0]], vec![out]);
        node.attributes.insert("then_branch".into(), Attribute::Graph(Box::new(branch)));
        graph.nodes.push(node);
        graph
    }

    #[test]
    fn a_subgraph_reads_what_was_made_around_it() {
        branching().check().unwrap();
        let mut early = branching();
        early.nodes.rotate_right(1);
        assert_eq!(early.check().unwrap_err().to_string(), "node if (If): reads y, which nothing before it makes");
        let mut broken = branching();
        broken.nodes[2].subgraphs_mut().next().unwrap().graph.nodes.clear();
        let error = broken.check().unwrap_err().to_string();
        assert_eq!(error, "node if (If): subgraph then: output inner: nothing makes it");
        let mut renamed = branching();
        let y = renamed.find("y").unwrap();
        renamed.value_mut(y).name = "inner".into();
        let error = renamed.check().unwrap_err().to_string();
        assert_eq!(error, "node if (If): subgraph then: value inner: two values have this name");
        assert_eq!(branching().uses()[&y], 2, "the sum reads it, and the branch");
    }

    #[test]
    fn replacing_a_reading_reaches_into_subgraphs() {
        let mut graph = branching();
        let (x, y) = (graph.inputs[0], graph.find("y").unwrap());
        graph.redirect_reads(&|id| if id == y { x } else { id });
        graph.check().unwrap();
        assert!(!graph.uses().contains_key(&y));
    }

    #[test]
    fn a_value_that_is_captured_twice_becomes_one() {
        let mut graph = branching();
        let (x, y) = (graph.inputs[0], graph.find("y").unwrap());
        let body = graph.nodes[2].subgraphs_mut().next().unwrap();
        let seen = body.graph.add_value("x", None, None);
        let sum = body.graph.add_value("sum", None, None);
        let made = body.graph.outputs[0];
        body.graph.nodes.push(Node::new("add", "Add", vec![made, seen], vec![sum]));
        body.graph.outputs = vec![sum];
        body.captures.push(Capture { outer: x, inner: seen });
        graph.check().unwrap();
        graph.redirect_reads(&|id| if id == y { x } else { id });
        graph.check().unwrap();
        let body = graph.nodes[2].subgraphs().next().unwrap();
        assert_eq!(body.captures, [Capture { outer: x, inner: seen }]);
        assert_eq!(body.graph.nodes[0].input(0), Some(seen));
    }

    #[test]
    fn a_constant_that_nothing_reads_is_found() {
        let mut graph = small();
        graph.check_constants_are_read().unwrap();
        graph.add_initializer("stray", Tensor::from_i64(&[1]));
        let error = graph.check_constants_are_read().unwrap_err().to_string();
        assert_eq!(error, "initializer stray: nothing reads it");
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
