//! Graphs other than GoogLeNet: several inputs, masked faults, integers between the layers, wide precisions.

use std::path::Path;

use gnet::graph::{DType, Dim, Graph, Model, Node, Sizes, Tensor, ValueId};
use gnet::onnx;
use gnet::runtime::{Provider, RunOptions};
use gnet::verify::{self, Bisect, Distribution, FileSide, InputSet, Plan, Precision, Side, Verdict, Verification};

use super::{changed, compared, compared_with, search};

/// A graph with the input x of `N x 4`, built node by node.
struct Build {
    graph: Graph,
    x: ValueId,
}

impl Build {
    fn new() -> Self {
        let mut graph = Graph::new("small");
        let x = graph.add_value("x", Some(DType::F32), Some(vec![Dim::symbol("N"), Dim::Known(4)]));
        graph.inputs = vec![x];
        Self { graph, x }
    }

    fn constant(&mut self, name: &str, values: &[f32]) -> ValueId {
        self.graph.add_initializer(name, Tensor::from_f32(vec![values.len()], values).unwrap())
    }

    fn node(&mut self, name: &str, op: &str, inputs: &[ValueId]) -> ValueId {
        // No types in between, as in many a foreign file.
        let value = self.graph.add_value(format!("{name}_out"), None, None);
        self.graph.nodes.push(Node::new(name, op, inputs.to_vec(), vec![value]));
        value
    }

    fn model(mut self, output: ValueId) -> Model {
        self.graph.outputs = vec![output];
        let value = self.graph.value_mut(output);
        (value.dtype, value.shape) = (Some(DType::F32), Some(vec![Dim::symbol("N"), Dim::Known(4)]));
        Model::new(self.graph, 18)
    }
}

/// `x + relu(shift - |x|)`: with a negative shift the second term is always 0.
fn masked(shift: f32) -> Model {
    let mut build = Build::new();
    let x = build.x;
    let shift = build.constant("shift", &[shift]);
    let size = build.node("size", "Abs", &[x]);
    let below = build.node("below", "Sub", &[shift, size]);
    let zero = build.node("zero", "Relu", &[below]);
    let sum = build.node("sum", "Add", &[x, zero]);
    build.model(sum)
}

#[test]
fn a_fault_that_vanishes_on_the_way_is_found_when_asked_for() {
    let (good, bad) = (masked(-1.0), masked(-2.0));
    let verification = compared(&good, &bad);
    assert!(verification.passed && verification.comparisons[0].search.is_none());
    let verification = compared_with(&good, &bad, Bisect::Always).unwrap();
    assert!(verification.passed, "the outputs are the same");
    let culprit = verification.comparisons[0].search.as_ref().unwrap().culprit.as_ref().unwrap();
    assert_eq!((culprit.node.as_str(), culprit.confirmed), ("below", true));
    assert_eq!(culprit.differences, ["shift: 1 of 1 value differs, by up to 1.00e0"]);
}

/// `where(x > threshold, x, -2 x)`: a boolean in between.
fn gated(threshold: f32) -> Model {
    let mut build = Build::new();
    let x = build.x;
    let threshold = build.constant("threshold", &[threshold]);
    let two = build.constant("two", &[-2.0]);
    let gate = build.node("gate", "Greater", &[x, threshold]);
    let scaled = build.node("scaled", "Mul", &[x, two]);
    let chosen = build.node("chosen", "Where", &[gate, x, scaled]);
    let result = build.node("result", "Tanh", &[chosen]);
    build.model(result)
}

#[test]
fn values_that_are_no_floats_are_compared_too() {
    let search = search(&gated(0.0), &gated(0.5));
    let culprit = search.culprit.unwrap();
    assert_eq!((culprit.node.as_str(), culprit.op.as_str(), culprit.confirmed), ("gate", "Greater", true));
    assert_eq!(culprit.error_after, Some(1.0), "false is 0 and true is 1");
    let range = &culprit.inputs[0];
    assert_eq!((range.name.as_str(), range.error), ("x", Some(0.0)));
    assert!(range.min < range.max);
}

fn fixture(name: &str, shapes: &[&str]) -> gnet::Result<FileSide> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let mut sizes = Sizes::none();
    shapes.iter().for_each(|shape| sizes.extend(Sizes::input(shape).unwrap()));
    FileSide::open(&path, Provider::Tract, &RunOptions { sizes, ..RunOptions::new(1, 1) })
}

fn verified(mut reference: FileSide, other: FileSide, precision: Precision) -> Verification {
    let plan = Plan::new(6, &[reference.signature(), other.signature()]).unwrap();
    let sets: Vec<_> = Distribution::ALL
        .iter()
        .map(|kind| InputSet::random(*kind, reference.signature(), &plan, 0).unwrap())
        .collect();
    let options = verify::VerifyOptions { tolerance: precision.tolerance(), bisect: Bisect::OnFailure, seed: 0 };
    verify::verify(&mut reference, &mut [other], &sets, &options, &mut |_| {}).unwrap()
}

#[test]
fn files_of_other_makes_are_verified_on_random_inputs() {
    for (name, outputs) in [("two_inputs.onnx", 2), ("dynamic.onnx", 2), ("fixed.onnx", 2), ("mixing.onnx", 1)] {
        let verification = verified(fixture(name, &[]).unwrap(), fixture(name, &[]).unwrap(), Precision::F32);
        assert!(verification.passed, "{name}: {verification:#?}");
        assert_eq!(verification.comparisons[0].rows.len(), outputs * Distribution::ALL.len());
    }
}

#[test]
fn a_shape_that_the_file_leaves_open_is_given() {
    let error = fixture("bad_axis.onnx", &[]).err().unwrap();
    assert!(error.to_string().contains("bad_axis.onnx: input 'x': axis 2 is dynamic"), "{error}");
    assert!(error.remedy_text().unwrap().contains("--input x=Nx3xHxW"));
    let side = || fixture("bad_axis.onnx", &["x=Nx3x5x6"]).unwrap();
    let verification = verified(side(), side(), Precision::F32);
    assert!(verification.passed, "{verification:#?}");
    assert_eq!(verification.inputs[0].shape.iter().map(Dim::to_string).collect::<Vec<_>>(), ["N", "3", "5", "6"]);
    assert_eq!(verification.inputs[0].batch, 3);
}

#[test]
fn a_coarse_side_agrees_at_its_own_precision_only() {
    // A product of values rounded to bf16, as an engine in that precision computes it.
    let build = |factor: f32| {
        let mut build = Build::new();
        let x = build.x;
        let factor = build.constant("factor", &[factor]);
        let product = build.node("product", "Mul", &[x, factor]);
        build.model(product)
    };
    let (exact, rounded) = (build(1.0), build(1.0 + 1.0 / 512.0));
    let side = |model: &Model| FileSide::of_model("m", model, Provider::Tract, &RunOptions::new(1, 1)).unwrap();
    let verdict = |precision| verified(side(&exact), side(&rounded), precision).comparisons[0].verdict;
    assert_eq!(verdict(Precision::F32), Verdict::Disagree);
    assert_eq!([Precision::Tf32, Precision::Fp16, Precision::Bf16].map(verdict), [Verdict::Agree; 3]);
    let far = build(1.1);
    let verdict = |precision| verified(side(&exact), side(&far), precision).comparisons[0].verdict;
    assert_eq!((verdict(Precision::Bf16), verdict(Precision::Int8)), (Verdict::Disagree, Verdict::Agree));
}

#[test]
fn the_file_itself_is_judged_and_not_a_copy() {
    // A file that is not changed goes to the engine byte by byte; one node more in the bytes alone would show.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.onnx");
    let good = masked(1.0);
    let bad = changed(&good, |g| g.nodes.iter_mut().for_each(|n| n.op_type = n.op_type.replace("Abs", "Neg")));
    std::fs::write(&path, onnx::write(&bad).unwrap()).unwrap();
    let open = |model| FileSide::of_model("m", model, Provider::Tract, &RunOptions::new(1, 1)).unwrap();
    let file = FileSide::open(&path, Provider::Tract, &RunOptions::new(1, 1)).unwrap();
    assert_eq!(file.model().graph.nodes.len(), 4);
    assert!(!verified(open(&good), file, Precision::F32).passed);
}
