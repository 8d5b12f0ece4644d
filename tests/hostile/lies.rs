//! Well-formed bytes whose content does not hold together.

use super::samples::{
    Parts, Size, attribute, batch_of, changed, floats, graph, kind, model, model_of, node, node_of, opset, tensor_type,
    value,
};
use super::trial::{Refused, each_is_refused};
use super::wire::Message;

fn refused(name: &'static str, says: &'static [&'static str], change: impl FnOnce(&mut Parts)) -> Refused {
    Refused { name, says, bytes: changed(change) }
}

#[test]
fn a_graph_that_is_none_is_refused() {
    let relu = |name: &str, from: &str, to: &str| node_of(name, "Relu", &[from], &[to]);
    each_is_refused(vec![
        refused("a cycle", &["first", "loose"], |p| {
            p.nodes.push(relu("first", "loose", "tied"));
            p.nodes.push(relu("second", "tied", "loose"));
        }),
        refused("a node that reads itself", &["knot", "self"], |p| p.nodes.push(relu("knot", "self", "self"))),
        refused("nodes out of order", &["product", "h"], |p| p.nodes.swap(0, 1)),
        refused("an input that nothing makes", &["lost", "nowhere"], |p| p.nodes.push(relu("lost", "nowhere", "z"))),
        refused("an output that nothing makes", &["ghost"], |p| p.outputs.push(batch_of("ghost", 1))),
        refused("a value made twice", &["again", "h"], |p| p.nodes.push(relu("again", "x", "h"))),
        refused("a value made twice by one node", &["split", "twin"], |p| {
            p.nodes.push(node_of("split", "Split", &["x"], &["twin", "twin"]));
        }),
        refused("an initializer given twice", &["w"], |p| p.initializers.push(floats("w", &[3, 2]))),
        refused("an initializer that a node makes", &["over", "w"], |p| p.nodes.push(relu("over", "x", "w"))),
        refused("an input that a node makes", &["over", "x"], |p| p.nodes.push(relu("over", "h", "x"))),
        refused("an input given twice", &["x"], |p| p.inputs.push(batch_of("x", 3))),
        refused("an input without a name", &["name"], |p| p.inputs.push(batch_of("", 3))),
        refused("an output without a name", &["name"], |p| p.outputs.push(batch_of("", 3))),
        refused("an initializer without a name", &["name"], |p| p.initializers.push(floats("", &[1]))),
        refused("a node without an operation", &["idle"], |p| p.nodes.push(node_of("idle", "", &["x"], &["z"]))),
    ]);
}

#[test]
fn versions_that_make_no_sense_are_refused() {
    let graph = Parts::small().graph();
    let with = |version: i64| {
        Message::new().int(1, 8).message(model::OPSET, &opset("", version)).message(model::GRAPH, &graph).0
    };
    let twice = model_of(&graph).message(model::OPSET, &opset("", 7)).0;
    each_is_refused(vec![
        Refused { name: "no opset", bytes: Message::new().int(1, 8).message(7, &graph).0, says: &["operator set"] },
        Refused { name: "opset -5", bytes: with(-5), says: &["-5"] },
        Refused { name: "opset 0", bytes: with(0), says: &["0"] },
        Refused { name: "two opsets of one domain", bytes: twice, says: &["operator set"] },
    ]);
}

#[test]
fn attributes_that_contradict_themselves_are_refused() {
    let with = |name: &'static str, says, attribute: Message| {
        refused(name, says, |p| p.nodes[0] = p.nodes[0].clone().message(node::ATTRIBUTE, &attribute))
    };
    let lie = |(number, _): (i64, u32), (_, field): (i64, u32)| (number, field);
    let empty = |kind: (i64, u32)| attribute("odd", kind, |m, _| m);
    each_is_refused(vec![
        with(
            "a number where the kind says float",
            &["relu", "odd"],
            attribute("odd", lie(kind::FLOAT, kind::INT), |m, field| m.int(field, 3)),
        ),
        with(
            "a text where the kind says number",
            &["relu", "odd"],
            attribute("odd", lie(kind::INT, kind::STRING), |m, field| m.text(field, "three")),
        ),
        with(
            "floats where the kind says numbers",
            &["relu", "odd"],
            attribute("odd", lie(kind::INTS, kind::FLOATS), |m, field| m.float(field, 3.0)),
        ),
        with("a tensor without one", &["relu", "odd"], empty(kind::TENSOR)),
        with("a graph without one", &["relu", "odd"], empty(kind::GRAPH)),
        with("a sparse tensor without one", &["relu", "odd"], empty(kind::SPARSE_TENSOR)),
        with("a type without one", &["relu", "odd"], empty(kind::TYPE_PROTO)),
        with("kind 99", &["relu", "odd"], attribute("odd", (99, 3), |m, field| m.int(field, 1))),
        with("no kind", &["relu", "odd"], Message::new().text(1, "odd").int(3, 1)),
        with("no name", &["relu"], attribute("", kind::INT, |m, field| m.int(field, 1))),
        refused("an attribute given twice", &["product", "alpha"], |p| {
            let again = attribute("alpha", kind::FLOAT, |m, field| m.float(field, 2.0));
            p.nodes[1] = p.nodes[1].clone().message(node::ATTRIBUTE, &again);
        }),
    ]);
}

#[test]
fn types_that_make_no_sense_are_refused() {
    let typed = |name: &'static str, says, kind: Message| refused(name, says, |p| p.infos.push(value("h", &kind)));
    each_is_refused(vec![
        typed("element type 99", &["h", "99"], tensor_type(99, &[Size::Number(3)])),
        typed("element type -1", &["h", "-1"], tensor_type(-1, &[Size::Number(3)])),
    ]);
}

#[test]
fn subgraphs_are_held_to_the_same() {
    let body = |nodes: &[Message]| {
        Message::new().messages(graph::NODE, nodes).text(graph::NAME, "body").message(graph::OUTPUT, &batch_of("r", 3))
    };
    let with = |name: &'static str, says, body: Message| {
        refused(name, says, |p| {
            let branch = |name: &str| attribute(name, kind::GRAPH, |m, field| m.message(field, &body));
            let choose = node_of("choose", "If", &["x"], &["z"]);
            p.nodes.push(choose.messages(node::ATTRIBUTE, &[branch("then_branch"), branch("else_branch")]));
            p.outputs.push(batch_of("z", 3));
        })
    };
    each_is_refused(vec![
        with(
            "a subgraph that reads what is nowhere",
            &["choose", "nowhere"],
            body(&[node_of("inner", "Relu", &["nowhere"], &["r"])]),
        ),
        with(
            "a subgraph that reads what comes later",
            &["choose", "z"],
            body(&[node_of("inner", "Relu", &["z"], &["r"])]),
        ),
        with(
            "a cycle in a subgraph",
            &["inner"],
            body(&[node_of("inner", "Relu", &["q"], &["r"]), node_of("other", "Relu", &["r"], &["q"])]),
        ),
        with("a subgraph whose output nothing makes", &["r"], body(&[])),
        with(
            "a value made twice in a subgraph",
            &["r"],
            body(&[node_of("inner", "Relu", &["x"], &["r"]), node_of("other", "Relu", &["x"], &["r"])]),
        ),
    ]);
}
