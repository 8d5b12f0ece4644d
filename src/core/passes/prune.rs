//! Keeps only the chosen outputs, and the parts that they need.
//!
//! Assumes, and checks: names of values whose type the file states, because an output has to have one. Ensures: the
//! outputs are these, in the given order; everything that no output needs is removed. Inputs stay, whether read or not:
//! they are the graph's interface.

use std::collections::{HashMap, HashSet};

use super::{PassOptions, Rewrites};
use crate::graph::{Graph, Model, Node, Value, ValueId};
use crate::{Error, Result};

pub(super) fn prune(model: &mut Model, options: &PassOptions) -> Result<Rewrites> {
    let graph = &mut model.graph;
    if options.outputs.is_empty() {
        return Err(Error::input("prune", "no output is named").remedy("name them with --outputs NAME,.."));
    }
    let made = graph.nodes.iter().flat_map(Node::makes).chain(graph.outputs.iter().copied());
    let made: HashMap<&str, ValueId> = made.map(|id| (graph.value(id).name.as_str(), id)).collect();
    let outputs = options.outputs.iter().map(|name| output(graph, &made, name)).collect::<Result<Vec<_>>>()?;
    let mut chosen = HashSet::new();
    if let Some(twice) = outputs.iter().position(|id| !chosen.insert(*id)) {
        return Err(Error::input(format!("output {}", options.outputs[twice]), "is named twice"));
    }
    let gone = graph.outputs.iter().filter(|id| !chosen.contains(id));
    let mut applied: Vec<String> = gone.map(|id| graph.value(*id).name.clone()).collect();
    graph.outputs = outputs;
    applied.extend(super::sweep(graph)?.applied);
    Ok(Rewrites { applied, ..Rewrites::default() })
}

fn output(graph: &Graph, made: &HashMap<&str, ValueId>, name: &str) -> Result<ValueId> {
    let place = || format!("output {name}");
    let names = || graph.outputs.iter().map(|id| graph.value(*id).name.as_str()).collect::<Vec<_>>().join(", ");
    let missing =
        || Error::input(place(), "nothing in the graph makes it").remedy(format!("its outputs are {}", names()));
    let id = *made.get(name).ok_or_else(missing)?;
    match graph.value(id) {
        Value { dtype: Some(_), .. } | Value { other_type: Some(_), .. } => Ok(id),
        _ => Err(Error::input(place(), "its element type stands nowhere in the file, and an output needs one")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Opaque, OtherType};
    use crate::passes::{self, PRUNE};

    /// Builds x -> a -> b and x -> c, with outputs b and c; the type of a is not stated.
    fn branches() -> Model {
        let mut g = Graph::new("g");
        let [x, a, b, c] = ["x", "a", "b", "c"].map(|n| g.add_value(n, (n != "a").then_some(DType::F32), None));
        let node = |name: &str, from, to| Node::new(name, "Relu", vec![from], vec![to]);
        g.nodes = vec![node("na", x, a), node("nb", a, b), node("nc", x, c)];
        (g.inputs, g.outputs) = (vec![x], vec![b, c]);
        Model::new(g, 18)
    }

    fn pruned(outputs: &[&str]) -> Result<Model> {
        let mut model = branches();
        let outputs = outputs.iter().map(|name| (*name).to_owned()).collect();
        passes::run(&mut model, &[PRUNE], &PassOptions { outputs, ..PassOptions::default() })?;
        Ok(model)
    }

    #[test]
    fn what_the_chosen_outputs_need_stays_in_the_order_they_are_named() {
        let model = pruned(&["c"]).unwrap();
        assert_eq!((model.graph.nodes.len(), model.graph.nodes[0].name.as_str()), (1, "nc"));
        let model = pruned(&["c", "b"]).unwrap();
        let names: Vec<_> = model.graph.outputs.iter().map(|id| model.graph.value(*id).name.as_str()).collect();
        assert_eq!((names, model.graph.nodes.len()), (vec!["c", "b"], 3));
    }

    #[test]
    fn a_name_that_cannot_be_an_output_is_refused() {
        let refusal = |outputs: &[&str]| pruned(outputs).unwrap_err().to_string();
        assert!(refusal(&["y"]).contains("output y: nothing in the graph makes it"));
        assert!(refusal(&["x"]).contains("output x: nothing in the graph makes it"));
        assert!(refusal(&["a"]).contains("its element type stands nowhere"));
        assert!(refusal(&["b", "b"]).contains("output b: is named twice"));
        assert!(refusal(&[]).contains("no output is named"));
    }
    #[test]
    fn a_sequence_can_be_an_output() {
        let mut model = branches();
        let a = model.graph.find("a").unwrap();
        model.graph.value_mut(a).other_type = Some(OtherType { kind: "sequence", stated: Opaque::default() });
        let options = PassOptions { outputs: vec!["a".into()], ..PassOptions::default() };
        assert!(passes::run(&mut model, &[PRUNE], &options).is_ok());
    }
}
