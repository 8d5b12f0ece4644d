//! Branches and loops.

use gnet_core::graph::{Attribute, Capture, DType, Graph, Node, Sizes, Subgraph, Tensor, ValueId};
use gnet_core::infer::infer;

use super::build::{Builder, dims};

/// A subgraph with typed inputs, built by `fill`, which returns its outputs.
fn body(inputs: &[(&str, DType, &str)], fill: impl FnOnce(&mut Graph, &[ValueId]) -> Vec<ValueId>) -> Subgraph {
    let mut graph = Graph::new("body");
    graph.inputs = inputs
        .iter()
        .map(|(name, dtype, shape)| graph.add_value(*name, Some(*dtype), (*shape != "none").then(|| dims(shape))))
        .collect();
    let ids = graph.inputs.clone();
    graph.outputs = fill(&mut graph, &ids);
    Subgraph { graph, captures: Vec::new() }
}

fn node(graph: &mut Graph, op: &str, inputs: &[ValueId]) -> ValueId {
    let made = graph.add_value(format!("{op}{}", graph.nodes.len()), None, None);
    graph.nodes.push(Node::new("", op, inputs.to_vec(), vec![made]));
    made
}

/// A branch that applies `op` to the outer value `x`, with constants after it.
fn branch(x: ValueId, op: &str, ints: &[i64]) -> Subgraph {
    let mut inner = ValueId::clone(&x);
    let mut branch = body(&[], |graph, _| {
        inner = graph.add_value("x", None, None);
        let constant = graph.add_initializer("ints", Tensor::from_i64(ints));
        let inputs = if ints.is_empty() { vec![inner] } else { vec![inner, constant] };
        vec![node(graph, op, &inputs)]
    });
    branch.captures = vec![Capture { outer: x, inner }];
    branch
}

fn graph_attribute(name: &'static str, body: Subgraph) -> (&'static str, Attribute) {
    (name, Attribute::Graph(Box::new(body)))
}

fn choice(b: &mut Builder, condition: ValueId, yes: Subgraph, no: Subgraph) -> ValueId {
    b.node("If", &[condition], &[graph_attribute("then_branch", yes), graph_attribute("else_branch", no)])
}

#[test]
fn branches_that_agree_are_known_and_their_inside_is_filled() {
    let mut b = Builder::new(17);
    let (x, c) = (b.input("x", "N,3"), b.typed_input("c", DType::Bool, ""));
    let y = choice(&mut b, c, branch(x, "Relu", &[]), branch(x, "Exp", &[]));
    assert_eq!(b.shape(y), "N x 3");
    let inside = b.model.graph.nodes[0].subgraphs().next().unwrap();
    assert_eq!(inside.graph.value(inside.graph.outputs[0]).shape, Some(dims("N,3")));
    // Two inputs, the result and one value in each branch.
    assert_eq!(b.run().known, 5);
}

#[test]
fn branches_that_differ_leave_open_what_differs() {
    let mut b = Builder::new(17);
    let (x, c) = (b.input("x", "N,3"), b.typed_input("c", DType::Bool, ""));
    let doubled = choice(&mut b, c, branch(x, "Relu", &[]), branch(x, "Tile", &[1, 2]));
    let lifted = choice(&mut b, c, branch(x, "Relu", &[]), branch(x, "Unsqueeze", &[0]));
    assert_eq!((b.shape(doubled).as_str(), b.shape_now(lifted).as_str()), ("N x ?", "no shape"));
    assert_eq!(b.reason(lifted), "its branches make different ranks");
}

#[test]
fn a_size_given_for_an_input_holds_in_branches_too() {
    for (shape, given, made) in [("N,3", "x=7,3", "7 x 3"), ("1,3", "x=8,3", "8 x 3")] {
        let mut b = Builder::new(17);
        let (x, c) = (b.input("x", shape), b.typed_input("c", DType::Bool, ""));
        let stated = |mut branch: Subgraph| {
            let made = branch.graph.outputs[0];
            branch.graph.value_mut(made).shape = Some(dims(shape));
            branch
        };
        let y = choice(&mut b, c, stated(branch(x, "Relu", &[])), stated(branch(x, "Exp", &[])));
        infer(&mut b.model, &Sizes::input(given).unwrap()).unwrap();
        let inside = b.model.graph.nodes[0].subgraphs().next().unwrap();
        assert_eq!(inside.graph.value(inside.graph.outputs[0]).shape, b.model.graph.value(y).shape);
        assert_eq!(b.shape_now(y), made);
    }
}

/// The exporters' form of `x.squeeze(1)`: only if the dimension is 1.
#[test]
fn a_condition_that_the_shapes_decide_takes_one_branch() {
    for (shape, made) in [("N,1,4", "N x 4"), ("N,3,4", "N x 3 x 4")] {
        let mut b = Builder::new(17);
        let x = b.input("x", shape);
        let (all, place, one) = (b.node("Shape", &[x], &[]), b.int(1), b.int(1));
        let size = b.node("Gather", &[all, place], &[]);
        let is_one = b.node("Equal", &[size, one], &[]);
        let y = choice(&mut b, is_one, branch(x, "Squeeze", &[1]), branch(x, "Identity", &[]));
        assert_eq!(b.shape(y), made);
    }
}

#[test]
fn a_wrong_branch_is_a_gap_and_no_error() {
    let mut b = Builder::new(17);
    let (x, c) = (b.input("x", "N,3"), b.typed_input("c", DType::Bool, ""));
    let y = choice(&mut b, c, branch(x, "Squeeze", &[1]), branch(x, "Relu", &[]));
    assert_eq!(b.reason(y), "in then_branch: node Squeeze0 (Squeeze): dimension 1 of N x 3 is not 1");
}

/// A loop over `trips`, with state `x`: `state` makes its next value from (iteration, condition, x).
fn loops(
    trips: Option<i64>,
    cond_out: &str,
    state: impl FnOnce(&mut Graph, ValueId) -> ValueId,
) -> (Builder, Vec<ValueId>) {
    let mut b = Builder::new(17);
    let x = b.input("x", "N,3");
    let m = match trips {
        Some(trips) => b.int(trips),
        None => b.typed_input("m", DType::I64, ""),
    };
    let inputs = [("i", DType::I64, ""), ("go", DType::Bool, ""), ("s", DType::F32, "none")];
    let inside = body(&inputs, |graph, ids| {
        let go = node(graph, cond_out, &[ids[1]]);
        let next = state(graph, ids[2]);
        let row = node(graph, "Exp", &[ids[2]]);
        vec![go, next, row]
    });
    let made = {
        let id = b.outputs("Loop", &[m, x, x], &[graph_attribute("body", inside)], 2);
        b.model.graph.nodes[0].inputs = vec![Some(m), None, Some(x)];
        id
    };
    (b, made)
}

#[test]
fn a_loop_keeps_the_shape_of_its_state_and_stacks_the_rest() {
    let (mut b, made) = loops(Some(5), "Identity", |graph, s| node(graph, "Relu", &[s]));
    assert_eq!((b.shape(made[0]).as_str(), b.shape_now(made[1]).as_str()), ("N x 3", "5 x N x 3"));
    let (mut b, made) = loops(Some(5), "Not", |graph, s| node(graph, "Relu", &[s]));
    assert_eq!((b.shape(made[0]).as_str(), b.shape_now(made[1]).as_str()), ("N x 3", "? x N x 3"));
    let (mut b, made) = loops(None, "Identity", |graph, s| node(graph, "Relu", &[s]));
    assert_eq!(b.shape(made[1]), "? x N x 3");
}

#[test]
fn a_state_that_grows_is_open_along_that_dimension() {
    let grow = |graph: &mut Graph, s: ValueId| {
        let made = node(graph, "Concat", &[s, s]);
        graph.nodes.last_mut().unwrap().set("axis", 1i64);
        made
    };
    let (mut b, made) = loops(Some(5), "Identity", grow);
    assert_eq!((b.shape(made[0]).as_str(), b.shape_now(made[1]).as_str()), ("N x ?", "5 x N x ?"));
    let lift = |graph: &mut Graph, s: ValueId| {
        let axes = graph.add_initializer("axes", Tensor::from_i64(&[0]));
        node(graph, "Unsqueeze", &[s, axes])
    };
    let (mut b, made) = loops(Some(5), "Identity", lift);
    assert_eq!(b.shape(made[0]), "no shape");
    assert_eq!(b.reason(made[0]), "its shape changes in the loop");
}

#[test]
fn a_scan_takes_items_along_its_axes() {
    let mut b = Builder::new(17);
    let (state, x) = (b.input("state", "N,3"), b.input("x", "N,T,3"));
    let inside = body(&[("s", DType::F32, "none"), ("item", DType::F32, "none")], |graph, ids| {
        let sum = node(graph, "Add", ids);
        let copy = node(graph, "Identity", &[sum]);
        vec![sum, copy]
    });
    let attributes = [
        graph_attribute("body", inside),
        ("num_scan_inputs", Attribute::Int(1)),
        ("scan_input_axes", Attribute::Ints(vec![1])),
        ("scan_output_axes", Attribute::Ints(vec![-1])),
    ];
    let made = b.outputs("Scan", &[state, x], &attributes, 2);
    assert_eq!((b.shape(made[0]).as_str(), b.shape_now(made[1]).as_str()), ("N x 3", "N x 3 x T"));
}

#[test]
fn loops_in_loops_in_loops_end() {
    let mut inside: Option<Subgraph> = None;
    for _ in 0..24 {
        inside =
            Some(body(&[("i", DType::I64, ""), ("go", DType::Bool, ""), ("s", DType::F32, "none")], |graph, ids| {
                let go = node(graph, "Identity", &[ids[1]]);
                let mut next = node(graph, "Concat", &[ids[2], ids[2]]);
                graph.nodes.last_mut().unwrap().set("axis", 0i64);
                if let Some(deeper) = inside.take() {
                    let made = node(graph, "Loop", &[ids[0], ids[1], next]);
                    let attribute = Attribute::Graph(Box::new(deeper));
                    graph.nodes.last_mut().unwrap().attributes.insert("body".into(), attribute);
                    next = made;
                }
                vec![go, next]
            }));
    }
    let mut b = Builder::new(17);
    let (x, m, c) = (b.input("x", "2,3"), b.int(9), b.typed_input("c", DType::Bool, ""));
    let y = b.node("Loop", &[m, c, x], &[graph_attribute("body", inside.unwrap())]);
    assert!(b.reason(y).contains("lies in too many loops"), "{}", b.reason(y));
}
