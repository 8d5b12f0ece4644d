//! Differences of models outside their graphs, and of the graphs' inputs and outputs.

use std::collections::BTreeMap;

use super::Change;
use super::print;
use crate::graph::{Graph, Model, ValueId};

const LONGEST: usize = 120;

pub fn model(a: &Model, b: &Model) -> Vec<Change> {
    let (a, b) = (properties(a), properties(b));
    let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let shown = |text: Option<&String>| text.map(|text| print::short(text, LONGEST));
    keys.into_iter()
        .filter(|key| a.get(*key) != b.get(*key))
        .map(|key| Change { what: key.clone(), a: shown(a.get(key)), b: shown(b.get(key)) })
        .collect()
}

/// Returns everything a model states outside its graph, by name; properties that are not stated are absent.
fn properties(model: &Model) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut put = |key: &str, value: String| {
        if !value.is_empty() {
            all.insert(key.to_owned(), value);
        }
    };
    put("opset", model.opset.to_string());
    model.other_opsets.iter().for_each(|(domain, version)| put(&format!("opset of {domain}"), version.to_string()));
    put("IR version", model.ir_version.map_or(String::new(), |version| version.to_string()));
    put("producer", model.producer_name.clone());
    put("producer version", model.producer_version.clone());
    put("domain", model.domain.clone());
    put("version", if model.version == 0 { String::new() } else { model.version.to_string() });
    put("documentation", model.doc.clone());
    put("graph name", model.graph.name.clone());
    model.metadata.iter().for_each(|(key, value)| put(&format!("metadata {key}"), format!("\"{value}\"")));
    for function in &model.functions {
        let overload = if function.overload.is_empty() { String::new() } else { format!(":{}", function.overload) };
        let key = format!("function {}::{}{overload}", function.domain, function.name);
        put(&key, print::opaque(&function.definition));
    }
    let parts = |parts: &[crate::graph::Opaque]| parts.iter().map(print::opaque).collect::<Vec<_>>().join(", ");
    put("training", parts(&model.training));
    put("devices", parts(&model.devices));
    all
}

pub fn interface(a: &Graph, b: &Graph) -> Vec<Change> {
    let mut changes = ends("input", (a, &a.inputs), (b, &b.inputs));
    changes.extend(ends("output", (a, &a.outputs), (b, &b.outputs)));
    // A caller may replace these.
    let listed = |graph: &Graph| {
        let mut names: Vec<&str> =
            graph.listed_initializers.values().map(|id| graph.value(*id).name.as_str()).collect();
        names.sort_unstable();
        (!names.is_empty()).then(|| print::short(&names.join(", "), LONGEST))
    };
    changes.extend(Change::of("initializers that are inputs too", listed(a), listed(b)));
    changes
}

fn ends(what: &str, (a, in_a): (&Graph, &[ValueId]), (b, in_b): (&Graph, &[ValueId])) -> Vec<Change> {
    let typed = |graph: &Graph, ids: &[ValueId]| -> Vec<(String, String)> {
        let values = ids.iter().map(|id| graph.value(*id));
        values.map(|value| (value.name.clone(), print::value_type(value))).collect()
    };
    let [listed_a, listed_b] = [typed(a, in_a), typed(b, in_b)];
    let [types_a, types_b] = [&listed_a, &listed_b].map(|listed| listed.iter().cloned().collect::<BTreeMap<_, _>>());
    let mut changes: Vec<Change> = Vec::new();
    for (name, _) in listed_a.iter().chain(listed_b.iter().filter(|(name, _)| !types_a.contains_key(name))) {
        changes.extend(Change::of(format!("{what} {name}"), types_a.get(name).cloned(), types_b.get(name).cloned()));
    }
    let order = |listed: &[(String, String)], others: &BTreeMap<String, String>| {
        let common = listed.iter().map(|(name, _)| name.as_str()).filter(|name| others.contains_key(*name));
        Some(print::short(&common.collect::<Vec<_>>().join(", "), LONGEST))
    };
    changes.extend(Change::of(format!("order of {what}s"), order(&listed_a, &types_b), order(&listed_b, &types_a)));
    changes
}
