//! Things inside things inside things: a reader that calls itself must stop before its stack does.

use super::samples::{
    FLOAT, Parts, attribute, batch_of, changed, graph, kind, model, model_of, node, node_of, opset, tensor_type, value,
};
use super::trial::try_bytes;
use super::wire::{GROUP_END, GROUP_START, Message};

/// From what real models nest to far beyond any limit.
const DEPTHS: [usize; 7] = [2, 10, 30, 33, 49, 200, 3000];

/// `outer` around itself, `depth` times.
fn nested(depth: usize, core: Message, outer: impl Fn(&Message) -> Message) -> Message {
    (0..depth).fold(core, |inner, _| outer(&inner))
}

#[test]
fn nested_types_end_in_an_error_or_a_model() {
    // Fields of TypeProto: a sequence, an optional, a map; each holds the inner type in field 1 (a map in field 2).
    for (what, field, inside) in [("sequence", 4, 1), ("optional", 9, 1), ("map", 5, 2)] {
        for depth in DEPTHS {
            let wrap = |inner: &Message| Message::new().message(field, &Message::new().message(inside, inner));
            let kind = nested(depth, tensor_type(FLOAT, &[]), wrap);
            let bytes = changed(|p| {
                p.nodes.push(node_of("n", "Identity", &["deep"], &["copy"]));
                p.inputs.push(value("deep", &kind));
                p.outputs.push(value("copy", &kind));
            });
            let answer = try_bytes(&format!("a {what} {depth} deep"), bytes);
            assert!(answer.is_err() || depth < 1000, "nobody can mean a {what} {depth} deep");
        }
    }
}

fn conditional(name: &str, from: &str, to: &str, body: &Message) -> Message {
    let branch = |name: &str| attribute(name, kind::GRAPH, |m, field| m.message(field, body));
    node_of(name, "If", &[from], &[to]).messages(node::ATTRIBUTE, &[branch("then_branch")])
}

#[test]
fn nested_graphs_end_in_an_error_or_a_model() {
    let body = |nodes: &[Message], output: &str| {
        Message::new()
            .messages(graph::NODE, nodes)
            .text(graph::NAME, "body")
            .message(graph::OUTPUT, &batch_of(output, 3))
    };
    for depth in DEPTHS {
        let core = body(&[node_of("core", "Relu", &["x"], &["r"])], "r");
        let inner = nested(depth, core, |inner| body(&[conditional("again", "x", "r", inner)], "r"));
        let bytes = changed(|p| {
            p.nodes.push(conditional("outer", "x", "z", &inner));
            p.outputs.push(batch_of("z", 3));
        });
        let answer = try_bytes(&format!("graphs {depth} deep"), bytes);
        assert!(answer.is_err() || depth < 1000, "nobody can mean graphs {depth} deep");
    }
}

#[test]
fn unknown_fields_may_nest_as_they_like() {
    for depth in [10, 99, 150, 20_000] {
        let group = Message::new().raw(&Message::new().tag(77, GROUP_START).0.repeat(depth));
        let group = group.raw(&Message::new().tag(77, GROUP_END).0.repeat(depth));
        let _ = try_bytes(&format!("groups {depth} deep"), model_of(&Parts::small().graph()).raw(&group.0).0);
    }
}

/// `FunctionProto`: name 1, input 4, output 5, node 7, opset_import 9, domain 10.
fn function(name: &str, nodes: &[Message]) -> Message {
    let opsets = [opset("", 18), opset("own", 1)];
    Message::new().text(1, name).text(4, "a").text(5, "b").messages(7, nodes).messages(9, &opsets).text(10, "own")
}

fn call(name: &str, from: &str, to: &str) -> Message {
    node_of(name, name, &[from], &[to]).text(node::DOMAIN, "own")
}

fn with_functions(functions: &[Message]) -> Vec<u8> {
    let mut parts = Parts::small();
    parts.nodes.push(call("f0", "x", "z"));
    parts.outputs.push(batch_of("z", 3));
    model_of(&parts.graph()).message(model::OPSET, &opset("own", 1)).messages(model::FUNCTION, functions).0
}

#[test]
fn functions_that_call_themselves_do_no_harm() {
    let itself = [function("f0", &[call("f0", "a", "b")])];
    let each_other = [function("f0", &[call("f1", "a", "b")]), function("f1", &[call("f0", "a", "b")])];
    let _ = try_bytes("a function that calls itself", with_functions(&itself));
    let _ = try_bytes("functions that call each other", with_functions(&each_other));
    let twins = [function("f0", &[node_of("r", "Relu", &["a"], &["b"])]), function("f0", &[])];
    let _ = try_bytes("a function given twice", with_functions(&twins));
}

/// Sixty functions, each calling the next twice: whoever writes the calls out runs out of everything.
#[test]
fn functions_that_double_do_no_harm() {
    let double = |i: usize| {
        let next = format!("f{}", i + 1);
        function(&format!("f{i}"), &[call(&next, "a", "m"), call(&next, "m", "b")])
    };
    let mut functions: Vec<_> = (0..60).map(double).collect();
    functions.push(function("f60", &[node_of("r", "Relu", &["a"], &["b"])]));
    let _ = try_bytes("functions that double", with_functions(&functions));
}

/// Each value is the sum of the one before with itself: paths double with each node, work may not.
#[test]
fn a_graph_with_a_million_million_paths_does_no_harm() {
    let name = |i: usize| if i == 0 { "x".to_owned() } else { format!("v{i}") };
    let nodes = (0..60).map(|i| node_of("", "Add", &[&name(i), &name(i)], &[&name(i + 1)])).collect();
    let mut parts = Parts::small();
    (parts.nodes, parts.initializers, parts.infos) = (nodes, Vec::new(), Vec::new());
    parts.outputs = vec![batch_of("v60", 3)];
    assert_eq!(try_bytes("doubling paths", parts.bytes()), Ok(()));
}
