//! Verification of the result of `gnet optimize` before it replaces anything.

use std::path::Path;

use gnet::graph::{DType, Dim, Graph, Model, Node, Sizes, Tensor};
use gnet::passes::{self, DEFAULT, PassOptions, Proof};
use gnet::runtime::RunOptions;
use gnet::{ErrorKind, onnx, verify};

use super::generate::{network, series};

fn compared(before: &Model, after: &Model) -> gnet::Result<Proof> {
    verify::rewritten(before, after, &RunOptions::new(1, 1), &mut |_| ())
}

/// x `[N, 3, T]` -> `op` -> y, with a constant vector of three beside it.
fn model(op: &str, shape: &[Dim], constant: [f32; 3]) -> Model {
    let mut g = Graph::new("g");
    let x = g.add_value("x", Some(DType::F32), Some(shape.to_vec()));
    let y = g.add_value("y", Some(DType::F32), None);
    let c = g.add_initializer("c", Tensor::from_f32(vec![3, 1], &constant).unwrap());
    g.nodes = vec![Node::new("it", op, vec![x, c], vec![y])];
    (g.inputs, g.outputs) = (vec![x], vec![y]);
    Model::new(g, 18)
}

#[test]
fn each_open_axis_has_two_sizes_named_or_not() {
    let open = [Dim::symbol("N"), Dim::Known(3), Dim::symbol("T")];
    let same = |shape: &[Dim]| compared(&model("Mul", shape, [1.0, 2.0, 3.0]), &model("Mul", shape, [1.0, 2.0, 3.0]));
    let proof = same(&open).unwrap();
    assert_eq!(proof.sizes, ["N = 1, T = 6", "N = 3, T = 5"]);
    assert_eq!((proof.engine.as_deref(), proof.runs, proof.max_abs_diff), (Some("tract"), 8, Some(0.0)));
    assert_eq!(proof.to_string(), "verified in tract: 8 runs at N = 1, T = 6 and N = 3, T = 5, no difference");
    let unnamed = same(&[Dim::Unknown, Dim::Known(3), Dim::Unknown]).unwrap();
    assert_eq!(unnamed.sizes, ["x axis 0 = 1, x axis 2 = 6", "x axis 0 = 3, x axis 2 = 5"]);
    let fixed = same(&[Dim::Known(2), Dim::Known(3), Dim::Known(4)]).unwrap();
    assert_eq!((fixed.sizes.len(), fixed.runs), (0, 4));
    assert_eq!(fixed.to_string(), "verified in tract: 4 runs, no difference");
}

#[test]
fn a_difference_that_one_size_alone_shows_is_found() {
    let open = [Dim::symbol("N"), Dim::Known(3)];
    let mut before = model("Mul", &open, [1.0; 3]);
    let row = Tensor::from_f32(vec![3], &[1.0, 2.0, 3.0]).unwrap();
    before.graph.set_initializer(before.graph.find("c").unwrap(), row);
    // The batch of one, written into the file.
    let mut after = before.clone();
    let g = &mut after.graph;
    let target = g.add_initializer("target", Tensor::from_i64(&[1, -1]));
    let flat = g.add_value("flat", Some(DType::F32), None);
    let y = g.outputs[0];
    g.nodes[0].outputs = vec![Some(flat)];
    g.nodes.push(Node::new("last", "Reshape", vec![flat, target], vec![y]));
    g.value_mut(y).shape = None;
    let error = compared(&before, &after).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Check, "{error}");
    assert!(compared(&before, &before).is_ok());
}

#[test]
fn a_changed_number_is_a_disagreement() {
    let open = [Dim::symbol("N"), Dim::Known(3), Dim::Known(2)];
    let error = compared(&model("Mul", &open, [1.0; 3]), &model("Mul", &open, [1.0, 1.0, 1.01])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Check);
    assert!(error.to_string().starts_with("the rewritten model in tract at N = 1: output 'y'"), "{error}");
    let gone = compared(&model("Mul", &open, [1.0; 3]), &model("Transpose", &open, [1.0; 3])).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Check, "{gone}");
}

#[test]
fn what_cannot_be_compared_says_why() {
    let reason = |model: &Model| compared(model, model).unwrap().reason.unwrap();
    let open = [Dim::symbol("N"), Dim::Known(3), Dim::Known(2)];
    let mut random = model("Mul", &open, [1.0; 3]);
    let noise = random.graph.add_value("noise", Some(DType::F32), None);
    random.graph.nodes.push(Node::new("r", "RandomNormalLike", vec![random.graph.inputs[0]], vec![noise]));
    assert_eq!(reason(&random), "RandomNormalLike gives other results each time");
    let mut shapeless = model("Mul", &open, [1.0; 3]);
    let x = shapeless.graph.inputs[0];
    shapeless.graph.value_mut(x).shape = None;
    assert_eq!(reason(&shapeless), "input 'x': has no shape in the file");
    let mut unknown = model("Mul", &open, [1.0; 3]);
    (unknown.graph.nodes[0].domain, unknown.graph.nodes[0].op_type) = ("some.where".into(), "MapRows".into());
    assert!(reason(&unknown).starts_with("tract: "), "{}", reason(&unknown));
}

#[test]
fn the_files_that_passes_were_wrong_on_are_proved() {
    for name in ["gat_pairwise", "dead_reader_split", "dead_reader_if", "stale_value_info", "stale_reshape_row"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/foreign/{name}.onnx"));
        let before = onnx::read_file(&path).unwrap();
        let mut after = before.clone();
        passes::run(&mut after, &DEFAULT, &PassOptions::default()).unwrap();
        let proof = compared(&before, &after).unwrap_or_else(|e| panic!("{name}: {e}"));
        eprintln!("{name}: {proof}");
        assert!(proof.reason.is_none() || name == "dead_reader_if", "{name}: {proof}");
    }
}

#[test]
fn random_networks_are_proved_and_a_planted_fault_is_not() {
    let (mut proved, mut planted, mut caught) = (0, 0, 0);
    for number in 0..40 {
        let before = network(&series(number)).model;
        let mut after = before.clone();
        passes::run(&mut after, &DEFAULT, &PassOptions::default()).unwrap();
        let proof = compared(&before, &after).unwrap_or_else(|e| panic!("network {number}: {e}"));
        if proof.reason.is_some() {
            continue;
        }
        proved += 1;
        let relu = after.graph.nodes.iter_mut().find(|node| node.is("Relu"));
        let Some(relu) = relu else { continue };
        planted += 1;
        relu.op_type = "Neg".into();
        caught += usize::from(compared(&before, &after).is_err());
    }
    assert!(proved >= 30, "{proved} of 40 were proved");
    assert!(caught * 10 >= planted * 9 && caught >= 5, "{caught} of {planted} planted faults were caught");
}

#[test]
fn sizes_that_are_given_stand_for_the_axes_that_they_fix() {
    let constant = [1.0, 2.0, 3.0];
    let at = |shape: &[Dim], flags: &[&str]| {
        let mut sizes = Sizes::none();
        for flag in flags {
            sizes.extend(match flag.strip_prefix("--") {
                Some(dim) => {
                    Sizes::dim(dim.split_once('=').unwrap().0, dim.split_once('=').unwrap().1.parse().unwrap())
                }
                None => Sizes::input(flag).unwrap(),
            });
        }
        let (before, options) = (model("Mul", shape, constant), RunOptions { sizes, ..RunOptions::new(1, 1) });
        verify::rewritten(&before, &before, &options, &mut |_| ())
    };
    let open = [Dim::symbol("N"), Dim::Known(3), Dim::symbol("T")];
    assert_eq!(at(&open, &["--T=7"]).unwrap().sizes, ["N = 1", "N = 3"]);
    assert_eq!(at(&open, &["x=B,3,7"]).unwrap().sizes, ["B = 1", "B = 3"]);
    assert_eq!(at(&open, &["x=2,3,7"]).unwrap().sizes, [""; 0]);
    let unnamed = [Dim::Unknown, Dim::Known(3), Dim::Unknown];
    assert_eq!(at(&unnamed, &["x=2,3,?"]).unwrap().sizes, ["x axis 2 = 6", "x axis 2 = 5"]);
    let error = at(&open, &["--K=7"]).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (ErrorKind::Input, "symbol K: no input's shape has this symbol".into())
    );
    let error = at(&open, &["x=N,4,T"]).unwrap_err();
    assert!(error.to_string().contains("4 given for axis 1, which the file fixes at 3"), "{error}");
}

#[test]
fn a_formula_over_other_axes_follows_from_them() {
    let mut twice = model("Mul", &[Dim::symbol("N"), Dim::Known(3), Dim::symbol("T")], [1.0; 3]);
    let wide = [Dim::symbol("N"), Dim::Known(3), Dim::symbol("T + 1")];
    let g = &mut twice.graph;
    let (wide, z) = (g.add_value("wide", Some(DType::F32), Some(wide.to_vec())), g.add_value("z", None, None));
    let (x, joined) = (g.inputs[0], g.outputs[0]);
    g.nodes = vec![Node::new("join", "Concat", vec![x, wide], vec![z]), Node::new("it", "Relu", vec![z], vec![joined])];
    g.nodes[0].set("axis", 2);
    g.inputs.push(wide);
    assert_eq!(compared(&twice, &twice).unwrap().sizes, ["N = 1, T = 6", "N = 3, T = 5"]);
}
