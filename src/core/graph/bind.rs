//! Binding symbols to sizes.

use std::collections::{BTreeMap, HashSet};

use super::sizes::{self, Sizes};
use super::{Dim, Graph, Model, Node, ValueId};
use crate::Result;

impl Model {
    /// Binds symbols of the inputs' shapes: the size replaces the symbol in every shape that the model states,
    /// including those of outputs, intermediate values and subgraphs. Remaining symbolic dimensions only mention other
    /// symbols; a stated size that is a formula of several (`N*T`) becomes [`Dim::Unknown`] while only some of them are
    /// bound.
    ///
    /// ```
    /// # use gnet_core as gnet;
    /// use gnet::graph::{DType, Dim, Graph, Model};
    ///
    /// let mut graph = Graph::new("tokens");
    /// let x = graph.add_value("x", Some(DType::I64), Some(vec![Dim::symbol("N"), Dim::symbol("T")]));
    /// (graph.inputs, graph.outputs) = (vec![x], vec![x]);
    /// let mut model = Model::new(graph, 18);
    /// model.bind(&[("T", 128)])?;
    /// assert_eq!(model.graph.value(x).shape, Some(vec![Dim::symbol("N"), Dim::Known(128)]));
    /// # Ok::<(), gnet::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fails if no input's shape has the symbol (one that only outputs have is determined by the model), if it is given
    /// two sizes, or if a stated size would become negative. The model is then left unchanged.
    pub fn bind<S: AsRef<str>>(&mut self, sizes: &[(S, usize)]) -> Result<()> {
        Sizes::of_dims(sizes).put_into(&mut self.graph)
    }
}

impl Dim {
    /// Substitutes known symbols. A formula of several becomes a number once all are known, and [`Dim::Unknown`] while
    /// only some are; a result that is not a valid size becomes that as well.
    pub(super) fn replace_symbol(&mut self, bound: &BTreeMap<String, Self>) {
        let Self::Symbolic { symbol, .. } = &*self else { return };
        if let Some(size) = bound.get(symbol).cloned().or_else(|| sizes::formula(symbol, bound)) {
            *self = self.bind(&size);
        }
    }
}

impl Graph {
    /// Returns the symbols of the inputs' shapes, in order of appearance.
    pub fn symbols(&self) -> Vec<String> {
        sizes::symbols(self.inputs.iter().flat_map(|id| self.value(*id).shape.iter().flatten()))
    }

    pub(super) fn replace_symbols(&mut self, bound: &BTreeMap<String, Dim>) {
        if bound.is_empty() {
            return;
        }
        let dims = self.values.iter_mut().flat_map(|value| value.shape.iter_mut().flatten());
        dims.for_each(|dim| dim.replace_symbol(bound));
        for body in self.nodes.iter_mut().flat_map(Node::subgraphs_mut) {
            body.graph.replace_symbols(bound);
        }
    }

    /// Drops the stated shapes of all values that depend on `changed`.
    pub(super) fn forget_shapes(&mut self, mut changed: HashSet<ValueId>) {
        if changed.is_empty() {
            return;
        }
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            if node.reads().any(|id| changed.contains(&id)) {
                node.subgraphs_mut().for_each(|body| body.graph.forget_all_shapes());
                let made: Vec<ValueId> = node.makes().collect();
                made.iter().for_each(|id| self.value_mut(*id).shape = None);
                changed.extend(made);
            }
        }
    }

    /// Drops the stated shapes of all values that are not constants.
    fn forget_all_shapes(&mut self) {
        let mut open = self.inputs.clone();
        for node in &mut self.nodes {
            open.extend(node.makes());
            node.subgraphs_mut().for_each(|body| body.graph.forget_all_shapes());
        }
        open.into_iter().for_each(|id| self.value_mut(id).shape = None);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Attribute, DType, Subgraph};
    use super::*;

    /// tokens [N, T], wide [2*T-1] -> inner [N*T, 4, M] -> out [N, T+1, K], with `body` [T, NT] inside a node.
    fn model() -> Model {
        let mut graph = Graph::new("g");
        let mut add = |name: &str, shape: &[&str]| {
            let dim = |text: &&str| text.parse().map_or_else(|_| Dim::parse(text), Dim::Known);
            graph.add_value(name, Some(DType::F32), Some(shape.iter().map(dim).collect()))
        };
        let (tokens, wide) = (add("tokens", &["N", "T"]), add("wide", &["2*T-1"]));
        let (inner, out) = (add("inner", &["N*T", "4", "M"]), add("out", &["N", "T+1", "K"]));
        let mut body = Graph::new("body");
        let made = body.add_value("made", None, Some(vec![Dim::symbol("T"), Dim::symbol("NT")]));
        body.outputs = vec![made];
        let mut node = Node::new("if", "If", vec![tokens, wide], vec![inner]);
        node.attributes
            .insert("then_branch".into(), Attribute::Graph(Box::new(Subgraph { graph: body, captures: vec![] })));
        graph.nodes = vec![node, Node::new("last", "Cut", vec![inner], vec![out])];
        (graph.inputs, graph.outputs) = (vec![tokens, wide], vec![out]);
        Model::new(graph, 18)
    }

    fn shapes(model: &Model) -> String {
        let text = |graph: &Graph| {
            let values = graph.values().filter_map(|(_, value)| value.shape.as_deref().map(super::super::shape_text));
            values.collect::<Vec<_>>().join("; ")
        };
        model.graph.with_subgraphs().into_iter().map(text).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn a_size_takes_its_symbols_place_everywhere() {
        let mut bound = model();
        assert_eq!(bound.graph.symbols(), ["N", "T"]);
        bound.bind(&[("T", 5)]).unwrap();
        assert_eq!(shapes(&bound), "N x 5; 9; ? x 4 x M; N x 6 x K | 5 x NT");
        bound.bind(&[("N", 2)]).unwrap();
        assert_eq!(shapes(&bound), "2 x 5; 9; ? x 4 x M; 2 x 6 x K | 5 x NT");
        let mut together = model();
        together.bind(&[("N".to_owned(), 2), ("T".to_owned(), 5), ("N".to_owned(), 2)]).unwrap();
        assert_eq!(shapes(&together), "2 x 5; 9; 10 x 4 x M; 2 x 6 x K | 5 x NT", "the product once both are known");
        let mut none = model();
        none.bind::<&str>(&[]).unwrap();
        assert_eq!(none, model());
    }

    #[test]
    fn what_cannot_be_bound_is_refused_and_leaves_the_model() {
        for (sizes, says, remedy) in [
            (&[("K", 3)][..], "symbol K: no input's shape has this symbol", "the inputs' symbols are N, T"),
            (&[("T", 3), ("N", 1), ("T", 4)], "symbol T: is given as 3 and as 4", ""),
            (&[("T", 0)], "value wide: its size 2*T-1 is none at T = 0", "give T another size"),
            (&[("T", usize::MAX)], "is none at T = ", ""),
        ] {
            let mut model = model();
            let error = model.bind(sizes).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
            assert!(error.remedy_text().unwrap_or_default().contains(remedy), "{error:?}");
            assert_eq!(model, self::model());
        }
    }
}
