//! The few ways in which passes change the wires of a graph.

use std::collections::HashSet;

use crate::graph::{Graph, ValueId};

/// Lets everything that reads `made` read the equal value `source` instead. A graph output keeps its name: then it is
/// `source` that goes, and its maker makes the output.
///
/// Refuses with the reason where both names are promised to somebody.
pub(super) fn merge(graph: &mut Graph, source: ValueId, made: ValueId) -> Result<(), &'static str> {
    if !graph.outputs.contains(&made) {
        inherit(graph, made, source);
        graph.replace_reads(made, source);
        return Ok(());
    }
    if graph.outputs.contains(&source) {
        return Err("its input and its result are both outputs of the graph");
    }
    let maker = graph.nodes.iter_mut().flat_map(|node| &mut node.outputs).find(|id| **id == Some(source));
    let Some(maker) = maker else { return Err("it gives an input or constant of the graph the name of an output") };
    *maker = Some(made);
    inherit(graph, source, made);
    graph.replace_reads(source, made);
    // The node that made the output from the source is unwired: it must not make the output a second time.
    Ok(())
}

/// What is known of the value that goes is known of the equal one that stays.
fn inherit(graph: &mut Graph, from: ValueId, to: ValueId) {
    let old = graph.value(from).clone();
    let value = graph.value_mut(to);
    value.dtype = value.dtype.or(old.dtype);
    value.shape = value.shape.take().or(old.shape);
}

/// `base`, or the first name after it that no value has.
pub(super) fn fresh_name(graph: &Graph, base: &str) -> String {
    let names: HashSet<&str> = graph.values().map(|(_, value)| value.name.as_str()).collect();
    let mut name = base.to_owned();
    let mut count = 0;
    while names.contains(name.as_str()) {
        count += 1;
        name = format!("{base}_{count}");
    }
    name
}
