//! Definition of a difference, one change at a time.

use proptest::prelude::*;

use super::*;
use crate::graph::{Attribute, DType, Dim, Node, Tensor, ValueId};
use crate::report::{Format, render};

fn dims(c: usize) -> Option<Vec<Dim>> {
    Some(vec![Dim::symbol("N"), Dim::Known(c)])
}

fn tensor(shape: &[usize], seed: f32) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| seed + i as f32 / 8.0).collect();
    Tensor::from_f32(shape.to_vec(), &values).unwrap()
}

/// Builds input -> fc1 (Gemm) -> act1 (Relu) -> fc2 (Gemm) -> act2 (Relu) -> sum (Add with act1) -> output.
fn sample() -> Model {
    let mut g = Graph::new("sample");
    let x = g.add_value("input", Some(DType::F32), dims(4));
    let mut last = x;
    let mut made: Vec<ValueId> = Vec::new();
    for i in 1..=2 {
        let w = g.add_initializer(format!("fc{i}.weight"), tensor(&[4, 4], i as f32));
        let b = g.add_initializer(format!("fc{i}.bias"), tensor(&[4], 10.0 * i as f32));
        let y = g.add_value(format!("fc{i}:y"), Some(DType::F32), dims(4));
        let z = g.add_value(format!("act{i}:y"), Some(DType::F32), dims(4));
        let mut gemm = Node::new(format!("fc{i}"), "Gemm", vec![last, w, b], vec![y]);
        gemm.set("transB", true);
        g.nodes.extend([gemm, Node::new(format!("act{i}"), "Relu", vec![y], vec![z])]);
        made.push(z);
        last = z;
    }
    let out = g.add_value("output", Some(DType::F32), dims(4));
    g.nodes.push(Node::new("sum", "Add", vec![made[1], made[0]], vec![out]));
    (g.inputs, g.outputs) = (vec![x], vec![out]);
    g.check().unwrap();
    Model::new(g, 18)
}

fn found(a: &Model, b: &Model, tolerance: f64) -> Diff {
    b.graph.check().unwrap();
    diff(("a.onnx", a), ("b.onnx", b), DiffOptions { tolerance }).unwrap()
}

/// Returns the differences that `change` makes to the sample.
fn after(change: impl FnOnce(&mut Model)) -> Diff {
    let mut b = sample();
    change(&mut b);
    found(&sample(), &b, 0.0)
}

fn change(what: &str, a: &str, b: &str) -> Change {
    let side = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Change { what: what.into(), a: side(a), b: side(b) }
}

fn nodes(diff: &Diff) -> Vec<String> {
    let name = |name: &Option<String>| name.clone().unwrap_or("-".into());
    diff.nodes.iter().map(|n| format!("{} {} {} {}", n.kind.name(), n.op, name(&n.a), name(&n.b))).collect()
}

fn id(model: &Model, name: &str) -> ValueId {
    model.graph.find(name).unwrap()
}

#[test]
fn a_model_equals_itself() {
    let diff = after(|_| {});
    assert!(diff.equal && diff.changes() == 0 && diff.check().is_ok());
    assert_eq!((diff.a.nodes, diff.a.initializers, diff.a.elements, diff.a.bytes), (5, 4, 40, 160));
    assert_eq!(diff.a.params, 40);
}

#[test]
fn what_a_file_calls_and_orders_inside_is_no_difference() {
    let diff = after(|m| {
        let y = id(m, "fc1:y");
        m.graph.value_mut(y).name = "another".into();
        // The order of branches does not matter here; initializers may be renumbered.
        let w = id(m, "fc2.weight");
        let kept = m.graph.initializer(w).unwrap().clone();
        m.graph.retain_initializers(|id| id != w);
        m.graph.value_mut(w).name = "unused".into();
        let again = m.graph.add_initializer("fc2.weight", kept);
        m.graph.redirect_reads(&|id| if id == w { again } else { id });
    });
    assert!(diff.equal, "{diff:?}");
}

#[test]
fn shapes_that_only_one_states_are_counted_and_no_difference() {
    let diff = after(|m| {
        for name in ["fc1:y", "act1:y"] {
            let id = id(m, name);
            m.graph.value_mut(id).shape = None;
        }
        let id = id(m, "fc2:y");
        m.graph.value_mut(id).shape = Some(vec![Dim::Unknown, Dim::Known(4)]);
    });
    assert!(diff.equal, "{diff:?}");
    assert_eq!(diff.unstated_shapes, 3);
    let diff = after(|m| {
        let id = id(m, "fc1:y");
        m.graph.value_mut(id).shape = dims(5);
    });
    assert_eq!(nodes(&diff), ["changed Gemm fc1 fc1"]);
    assert_eq!(diff.nodes[0].changes, [change("output type", "f32 N x 4", "f32 N x 5")]);
}

#[test]
fn the_header_is_compared_key_by_key() {
    let diff = after(|m| {
        m.opset = 21;
        m.producer_version = "9".into();
        m.metadata.insert("gnet.classes".into(), String::new());
        m.other_opsets.insert("com.microsoft".into(), 1);
        m.doc = "x".repeat(300);
    });
    let whats: Vec<&str> = diff.model.iter().map(|c| c.what.as_str()).collect();
    let expected = ["documentation", "metadata gnet.classes", "opset", "opset of com.microsoft", "producer version"];
    assert_eq!(whats, expected);
    assert_eq!(
        diff.model[1..4],
        [
            change("metadata gnet.classes", "", "\"\""),
            change("opset", "18", "21"),
            change("opset of com.microsoft", "", "1"),
        ]
    );
    assert!(diff.model[0].b.as_ref().unwrap().len() < 160);
    assert!(diff.nodes.is_empty() && diff.weights.is_empty() && !diff.equal);
}

#[test]
fn inputs_and_outputs_are_compared_by_name() {
    let diff = after(|m| {
        let (x, y) = (id(m, "input"), id(m, "output"));
        m.graph.value_mut(x).shape = Some(vec![Dim::Known(1), Dim::Known(4)]);
        m.graph.value_mut(y).name = "logits".into();
        let z = m.graph.add_value("mask", Some(DType::Bool), None);
        m.graph.inputs.insert(0, z);
    });
    assert_eq!(
        diff.interface,
        [
            change("input input", "f32 N x 4", "f32 1 x 4"),
            change("input mask", "", "bool ?"),
            change("output output", "f32 N x 4", ""),
            change("output logits", "", "f32 N x 4"),
        ]
    );
    // The nodes are the same: an input without a namesake is paired with the one that is left.
    assert_eq!(nodes(&diff), Vec::<String>::new());
    let two = |swap: bool| {
        let mut m = sample();
        let z = m.graph.add_value("mask", Some(DType::Bool), None);
        m.graph.inputs.insert(usize::from(swap), z);
        m
    };
    assert_eq!(
        found(&two(false), &two(true), 0.0).interface,
        [change("order of inputs", "mask, input", "input, mask")]
    );
}

#[test]
fn an_initializer_that_a_caller_may_replace_is_part_of_the_interface() {
    let diff = after(|m| {
        let w = id(m, "fc1.bias");
        m.graph.listed_initializers.insert(1, w);
    });
    assert_eq!(diff.interface, [change("initializers that are inputs too", "", "fc1.bias")]);
    assert!(diff.nodes.is_empty() && diff.weights.is_empty());
}

#[test]
fn attributes_that_came_went_and_changed() {
    let diff = after(|m| {
        let node = &mut m.graph.nodes[0];
        node.attributes.remove("transB");
        node.set("alpha", 0.5f32).set("axes", Attribute::Ints((0..100).collect()));
        m.graph.nodes[2].set("transB", false);
    });
    assert_eq!(nodes(&diff), ["changed Gemm fc1 fc1", "changed Gemm fc2 fc2"]);
    let [alpha, axes, gone] = &diff.nodes[0].changes[..] else { panic!("{diff:?}") };
    assert_eq!((alpha, gone), (&change("alpha", "", "0.5"), &change("transB", "1", "")));
    assert!(axes.b.as_ref().unwrap().len() < 130);
    assert_eq!(diff.nodes[1].changes, [change("transB", "1", "0")]);
}

#[test]
fn long_attributes_that_differ_at_their_ends_look_different() {
    let with = |last: i64| {
        let mut m = sample();
        m.graph.nodes[0].set("axes", Attribute::Ints((0..500).chain([last]).collect()));
        m.graph.nodes[0].set("table", Attribute::Tensor(tensor(&[50], last as f32)));
        m
    };
    let diff = found(&with(1), &with(2), 0.0);
    assert_eq!(diff.nodes[0].changes.len(), 2);
    assert!(diff.nodes[0].changes.iter().all(|c| c.a != c.b));
}

#[test]
fn a_new_name_is_a_new_name_and_nothing_else() {
    let diff = after(|m| {
        for node in &mut m.graph.nodes {
            node.name = format!("module.{}", node.name);
        }
    });
    assert_eq!(
        nodes(&diff),
        [
            "renamed Gemm fc1 module.fc1",
            "renamed Relu act1 module.act1",
            "renamed Gemm fc2 module.fc2",
            "renamed Relu act2 module.act2",
            "renamed Add sum module.sum",
        ]
    );
    assert!(diff.weights.is_empty() && !diff.equal);
    // Everything has another name, including values and weights.
    let diff = after(|m| {
        let all: Vec<ValueId> = m.graph.values().map(|(id, _)| id).collect();
        let ends = [m.graph.inputs.clone(), m.graph.outputs.clone()].concat();
        all.iter().filter(|id| !ends.contains(id)).for_each(|id| m.graph.value_mut(*id).name.insert_str(0, "v_"));
        m.graph.nodes.iter_mut().for_each(|node| node.name.clear());
    });
    assert!(diff.nodes.iter().all(|n| n.kind == Kind::Renamed && n.changes.is_empty()), "{:?}", nodes(&diff));
    assert_eq!(diff.nodes.len(), 5);
    let weights: Vec<_> = diff.weights.iter().map(|w| (w.kind, w.b.as_deref().unwrap())).collect();
    assert_eq!(weights, ["v_fc1.bias", "v_fc1.weight", "v_fc2.bias", "v_fc2.weight"].map(|n| (Kind::Renamed, n)));
}

#[test]
fn new_names_and_new_weights_are_still_the_same_nodes() {
    let diff = after(|m| {
        for (i, node) in m.graph.nodes.iter_mut().enumerate() {
            node.name = format!("n{i}");
        }
        for i in 1..=2 {
            let w = id(m, &format!("fc{i}.weight"));
            m.graph.set_initializer(w, tensor(&[4, 4], -1.0));
        }
    });
    assert!(diff.nodes.iter().all(|n| n.kind == Kind::Renamed), "{:?}", nodes(&diff));
    assert_eq!((diff.nodes.len(), diff.weights.len()), (5, 2));
}

#[test]
fn a_node_that_came_shifts_no_names() {
    // Numbers for names, as an exporter gives them, and an additional node at the front.
    let numbered = |more: bool| {
        let mut m = sample();
        if more {
            let y = m.graph.add_value("more", Some(DType::F32), dims(4));
            let x = m.graph.inputs[0];
            m.graph.nodes[0].inputs[0] = Some(y);
            let w = m.graph.add_initializer("more.weight", tensor(&[4, 4], 9.0));
            m.graph.nodes.insert(0, Node::new("", "Gemm", vec![x, w], vec![y]));
        }
        for (i, node) in m.graph.nodes.iter_mut().enumerate() {
            node.name = format!("n{i}");
        }
        m
    };
    let diff = found(&numbered(false), &numbered(true), 0.0);
    assert_eq!(
        nodes(&diff),
        [
            "added Gemm - n0",
            "changed Gemm n0 n1",
            "renamed Relu n1 n2",
            "renamed Gemm n2 n3",
            "renamed Relu n3 n4",
            "renamed Add n4 n5",
        ]
    );
    assert_eq!(diff.nodes[1].changes, [change("input 0", "input", "more")]);
    let [added] = &diff.weights[..] else { panic!("{:?}", diff.weights) };
    assert_eq!((added.kind, added.b.as_deref(), added.elements), (Kind::Added, Some("more.weight"), 16));
    let back = found(&numbered(true), &numbered(false), 0.0);
    assert_eq!(nodes(&back)[0], "removed Gemm n0 -");
    assert_eq!(back.weights[0].kind, Kind::Removed);
}

#[test]
fn an_operation_in_the_place_of_another() {
    let diff = after(|m| m.graph.nodes[1].op_type = "Sigmoid".into());
    assert_eq!(nodes(&diff), ["changed Relu act1 act1"]);
    assert_eq!(diff.nodes[0].changes, [change("operation", "Relu", "Sigmoid")]);
    let diff = after(|m| m.graph.nodes[1].domain = "ai.onnx".into());
    assert!(diff.equal, "two spellings of one domain");
}

#[test]
fn wires_that_lead_elsewhere_are_told() {
    let diff = after(|m| m.graph.nodes[4].inputs.swap(0, 1));
    assert_eq!(diff.nodes[0].changes, [change("input 0", "act2:y", "act1:y"), change("input 1", "act1:y", "act2:y")]);
    let diff = after(|m| m.graph.nodes[0].inputs.truncate(2));
    assert_eq!(diff.nodes[0].changes, [change("input 2", "fc1.bias", "")]);
}

#[test]
fn weights_are_sorted_by_how_far_they_lie_apart() {
    let diff = after(|m| {
        for (name, by) in [("fc1.weight", 0.25f32), ("fc2.weight", 2.0), ("fc2.bias", 0.0001)] {
            let id = id(m, name);
            let old = m.graph.initializer(id).unwrap().clone();
            let mut values = old.to_f32().unwrap();
            values[1] += by;
            m.graph.set_initializer(id, Tensor::from_f32(old.shape().to_vec(), &values).unwrap());
        }
    });
    let names: Vec<_> = diff.weights.iter().map(|w| w.a.as_deref().unwrap()).collect();
    assert_eq!(names, ["fc2.weight", "fc1.weight", "fc2.bias"]);
    let first = &diff.weights[0];
    assert_eq!((first.kind, first.different, first.max_abs), (Kind::Changed, Some(1), Some(2.0)));
    assert_eq!(first.mean_abs, Some(2.0 / 16.0));
    assert!((first.relative.unwrap() - 2.0 / 3.875).abs() < 1e-12 && first.cosine.unwrap() < 1.0);
    assert!(diff.nodes.is_empty(), "weights are not told twice");
    let message = diff.check().unwrap_err().to_string();
    assert_eq!(message, "b.onnx: differs from a.onnx: 3 in weights");
}

#[test]
fn a_tolerance_makes_close_weights_equal() {
    let mut b = sample();
    let w = id(&b, "fc1.bias");
    let mut values = b.graph.initializer(w).unwrap().to_f32().unwrap();
    values.iter_mut().for_each(|v| *v += 0.001);
    b.graph.set_initializer(w, Tensor::from_f32(vec![4], &values).unwrap());
    assert_eq!(found(&sample(), &b, 0.0).weights.len(), 1);
    assert!(found(&sample(), &b, 0.01).equal);
    for tolerance in [f64::NAN, -1.0, f64::INFINITY] {
        let error = diff(("a", &sample()), ("b", &b), DiffOptions { tolerance }).unwrap_err();
        assert!(error.to_string().starts_with("--tolerance "), "{error}");
    }
}

#[test]
fn another_type_or_shape_is_told_with_what_it_costs() {
    let diff = after(|m| {
        let w = id(m, "fc1.bias");
        // 10, 10.125, 10.25, 10.375 as 16-bit floats: exact.
        let halves: Vec<u8> = [0x4900u16, 0x4910, 0x4920, 0x4930].iter().flat_map(|h| h.to_le_bytes()).collect();
        m.graph.set_initializer(w, Tensor::new(DType::F16, vec![4], halves).unwrap());
        let w = id(m, "fc2.weight");
        m.graph.set_initializer(w, tensor(&[16], 2.0));
    });
    let found: Vec<_> = diff
        .weights
        .iter()
        .map(|w| (w.kind, w.a_type.as_deref().unwrap(), w.b_type.as_deref().unwrap(), w.max_abs))
        .collect();
    let expected = [(Kind::Retyped, "f32 4 x 4", "f32 16", None), (Kind::Retyped, "f32 4", "f16 4", Some(0.0))];
    assert_eq!(found, expected);
}

#[test]
fn a_constant_node_is_as_good_as_an_initializer() {
    let diff = after(|m| {
        let w = id(m, "fc1.bias");
        let old = m.graph.initializer(w).unwrap().clone();
        m.graph.retain_initializers(|id| id != w);
        let mut node = Node::new("constant", "Constant", vec![], vec![w]);
        node.attributes.insert("value".into(), Attribute::Tensor(old));
        m.graph.nodes.insert(0, node);
    });
    assert_eq!(nodes(&diff), ["added Constant - constant"]);
    assert!(diff.weights.is_empty(), "{:?}", diff.weights);
}

#[test]
fn the_record_reads_in_every_format() {
    let diff = after(|m| {
        m.opset = 19;
        m.graph.nodes[1].name = "other".into();
        let w = id(m, "fc1.weight");
        m.graph.set_initializer(w, tensor(&[4, 4], f32::NAN));
    });
    let json: serde_json::Value = serde_json::from_str(&render(&diff, Format::Json).unwrap()).unwrap();
    assert_eq!((&json["equal"], &json["nodes"][0]["kind"]), (&false.into(), &"renamed".into()));
    assert!(json["weights"][0]["max_abs"].is_null(), "infinite");
    assert_eq!(json["model"][0]["what"], "opset");
    let table = render(&diff, Format::Table).unwrap();
    for part in ["a.onnx (a) and b.onnx (b)", "3 differences", "Model", "Nodes", "Weights", "fc1.weight", "other"] {
        assert!(table.contains(part), "{part} in {table}");
    }
    assert!(!table.contains("Inputs and outputs"), "tables without rows are left out");
    for format in [Format::Csv, Format::Markdown] {
        render(&diff, format).unwrap();
    }
    assert!(render(&after(|_| {}), Format::Table).unwrap().ends_with("\nequal\n"));
}

proptest! {
    /// For any changes to a model, both directions report the same differences, and a model equals itself.
    #[test]
    fn both_directions_tell_the_same(edits in proptest::collection::vec((0usize..8, 0usize..5), 0..6)) {
        let mut b = sample();
        for (edit, at) in edits {
            let count = b.graph.nodes.len();
            let node = &mut b.graph.nodes[at % count];
            match edit {
                0 => node.name.push('x'),
                1 => node.name.clear(),
                2 => node.op_type.push('x'),
                3 => _ = node.set("axis", at as i64),
                4 => node.domain = "d".into(),
                5 => {
                    let name = format!("fc{}.weight", 1 + at % 2);
                    let id = b.graph.find(&name).unwrap();
                    b.graph.set_initializer(id, tensor(&[4, 4], at as f32));
                }
                6 => {
                    let (x, y) = (b.graph.inputs[0], b.graph.add_value(format!("new{count}"), None, None));
                    b.graph.nodes.insert(0, Node::new("new", "Tanh", vec![x], vec![y]));
                }
                _ => b.opset += 1,
            }
        }
        let a = sample();
        let (there, back) = (found(&a, &b, 0.0), found(&b, &a, 0.0));
        prop_assert_eq!(there.equal, back.equal);
        prop_assert_eq!(there.model.len(), back.model.len());
        prop_assert_eq!(there.weights.len(), back.weights.len());
        let kinds = |diff: &Diff, kind: Kind| diff.nodes.iter().filter(|n| n.kind == kind).count();
        prop_assert_eq!(kinds(&there, Kind::Added), kinds(&back, Kind::Removed));
        prop_assert_eq!(kinds(&there, Kind::Removed), kinds(&back, Kind::Added));
        prop_assert!(found(&b, &b, 0.0).equal);
        prop_assert_eq!(there, found(&a, &b, 0.0), "the same each time");
    }
}

/// Builds the sample with an `If` whose branch multiplies `act2:y` by its own constant and by one of the enclosing
/// graph.
fn branched(change: impl FnOnce(&mut Graph, &mut Node)) -> Model {
    let mut model = sample();
    let g = &mut model.graph;
    let flag = g.add_value("flag", Some(DType::Bool), Some(vec![]));
    let around = g.add_initializer("around", tensor(&[4], 1.0));
    let chosen = g.add_value("chosen", Some(DType::F32), dims(4));
    let mut inside = Graph::new("branch");
    let [seen, outside] = ["act2:y", "around"].map(|name| inside.add_value(name, None, None));
    let own = inside.add_initializer("own", tensor(&[4], 2.0));
    let [once, twice] = ["once", "twice"].map(|name| inside.add_value(name, None, None));
    inside.nodes = vec![
        Node::new("first", "Mul", vec![seen, own], vec![once]),
        Node::new("then", "Add", vec![once, outside], vec![twice]),
    ];
    inside.outputs = vec![twice];
    let outer = [(g.find("act2:y").unwrap(), seen), (around, outside)];
    let captures = outer.map(|(outer, inner)| crate::graph::Capture { outer, inner }).to_vec();
    let branch = crate::graph::Subgraph { graph: inside, captures };
    let mut node = Node::new("if", "If", vec![flag], vec![chosen]);
    for name in ["then_branch", "else_branch"] {
        node.attributes.insert(name.into(), Attribute::Graph(Box::new(branch.clone())));
    }
    g.inputs.push(flag);
    g.outputs.push(chosen);
    change(g, &mut node);
    g.nodes.push(node);
    g.check().unwrap();
    model
}

/// Changes the then branch.
fn in_branch(change: impl FnOnce(&mut Graph)) -> Diff {
    let changed = branched(|_, node| {
        if let Some(Attribute::Graph(body)) = node.attributes.get_mut("then_branch") {
            change(&mut body.graph);
        }
    });
    found(&branched(|_, _| ()), &changed, 0.0)
}

#[test]
fn what_changed_in_a_branch_is_told_by_its_place() {
    assert!(in_branch(|_| ()).equal);
    let diff = in_branch(|g| g.nodes[1].op_type = "Sub".into());
    assert_eq!(nodes(&diff), ["changed Add if.then_branch/then if.then_branch/then"]);
    assert_eq!((&diff.nodes[0].changes[..], diff.changes()), (&[change("operation", "Add", "Sub")][..], 1));
    let diff = in_branch(|g| g.nodes[0].name = "second".into());
    assert_eq!(nodes(&diff), ["renamed Mul if.then_branch/first if.then_branch/second"]);
    let diff = in_branch(|g| {
        let own = g.find("own").unwrap();
        g.set_initializer(own, tensor(&[4], 2.5));
    });
    assert_eq!((nodes(&diff).len(), diff.weights.len()), (0, 1));
    assert_eq!((diff.weights[0].a.as_deref(), diff.weights[0].max_abs), (Some("if.then_branch/own"), Some(0.5)));
    let diff = in_branch(|g| {
        let made = g.add_value("more", None, None);
        g.nodes.push(Node::new("last", "Neg", vec![g.outputs[0]], vec![made]));
        g.outputs = vec![made];
    });
    assert_eq!(nodes(&diff), ["changed If if if", "added Neg - if.then_branch/last"]);
    assert_eq!(diff.nodes[0].changes, [change("then_branch output 0", "twice", "more")]);
}

#[test]
fn a_constant_that_branches_capture_is_compared_where_it_stands() {
    let changed = branched(|g, _| {
        let around = g.find("around").unwrap();
        g.set_initializer(around, tensor(&[4], 3.0));
    });
    let diff = found(&branched(|_, _| ()), &changed, 0.0);
    assert_eq!((diff.changes(), diff.weights[0].a.as_deref()), (1, Some("around")));
    let other = branched(|g, node| {
        let (y, first) = (g.find("act2:y").unwrap(), g.find("act1:y").unwrap());
        node.redirect_reads(&|id| if id == y { first } else { id });
    });
    let diff = found(&branched(|_, _| ()), &other, 0.0);
    let named = [
        "changed Mul if.else_branch/first if.else_branch/first",
        "changed Mul if.then_branch/first if.then_branch/first",
    ];
    assert_eq!(nodes(&diff), named);
}

#[test]
fn names_inside_a_branch_are_no_difference() {
    let diff = in_branch(|g| {
        let ids = ["once", "twice"].map(|name| g.find(name).unwrap());
        ids.into_iter().zip(["1", "2"]).for_each(|(id, name)| g.value_mut(id).name = name.into());
    });
    assert!(diff.equal, "{diff:?}");
}
