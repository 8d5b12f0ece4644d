//! The proof of an export and that of `verify` are one: what is planted is seen by both.

use std::cell::Cell;

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use gnet::axes;
use gnet::export::{ExportOptions, Exported, export, verify};
use gnet::graph::{Graph, Model, Sizes, Tensor as Constant};
use gnet::onnx;
use gnet::runtime::{Provider, RunOptions};
use gnet::trace::Input;
use gnet::verify::{
    self, Bisect, BurnSide, Comparison, Distribution, FileSide, InputSet, Plan, Precision, Side, Signature, Verdict,
};

use crate::common::stirred;

const WIDTH: usize = 6;

/// Two outputs of one shape, with a layer before both.
#[derive(Module, Debug)]
struct Twins {
    shared: Linear,
    first: Linear,
    second: Linear,
}

fn twins() -> Twins {
    let linear = || LinearConfig::new(WIDTH, WIDTH).init(&Device::flex());
    stirred(Twins { shared: linear(), first: linear(), second: linear() })
}

/// The twins with last layers that ignore what comes before them.
fn deaf() -> Twins {
    let mut twins = twins();
    for last in [&mut twins.first, &mut twins.second] {
        last.weight = Param::from_tensor(last.weight.val().zeros_like());
    }
    twins
}

type Answer = ((&'static str, Tensor<3>), (&'static str, Tensor<3>));

/// Mean over the length beside each step, so that the length matters.
fn forward(twins: &Twins, x: Tensor<3>) -> Answer {
    let seen = twins.shared.forward(x.clone()).tanh() + x.mean_dim(1);
    (("first", twins.first.forward(seen.clone())), ("second", twins.second.forward(seen)))
}

fn options() -> ExportOptions {
    ExportOptions::for_inputs([Input::new("x", axes!["N", "T", WIDTH])])
}

/// The module's export with a change in its bytes alone.
fn planted(twins: &Twins, change: impl FnOnce(&mut Graph)) -> Exported {
    let mut exported = export(twins, &options(), forward).unwrap();
    let mut model = onnx::read(exported.bytes.clone()).unwrap();
    change(&mut model.graph);
    exported.bytes = onnx::write(&model).unwrap().into();
    exported
}

fn weight_off(graph: &mut Graph, name: &str) {
    let id = graph.find(name).unwrap_or_else(|| panic!("there is no {name}"));
    let tensor = graph.initializer(id).unwrap();
    let (shape, mut values) = (tensor.shape().to_vec(), tensor.to_f32().unwrap());
    values[7] += 0.01;
    graph.set_initializer(id, Constant::from_f32(shape, &values).unwrap());
}

fn exchanged(graph: &mut Graph) {
    let [first, second] = graph.outputs[..] else { panic!("there are two outputs") };
    let name = graph.value(first).name.clone();
    graph.value_mut(first).name = std::mem::replace(&mut graph.value_mut(second).name, name);
}

/// What `gnet verify` says of two sides at a length of 5.
fn compared(reference: &mut dyn Side, other: &Model) -> Comparison {
    let sized = RunOptions::new(1, 1).sizes(Sizes::dim("T", 5));
    let other = FileSide::of_model("other", other, Provider::Tract, &sized).unwrap();
    let plan = Plan::new(6, &[other.signature()]).unwrap();
    let sets = [InputSet::random(Distribution::Normal, other.signature(), &plan, 3).unwrap()];
    let how = verify::VerifyOptions::new(Precision::F32.tolerance()).bisect(Bisect::Never).seed(3);
    verify::verify(reference, &mut [other], &sets, &how, &mut |_| {}).unwrap().comparisons.remove(0)
}

fn module_side<'a>(module: &Twins, forward: impl Fn(&Twins, Tensor<3>) -> Answer + 'a) -> BurnSide<'a, Twins> {
    let model = export(module, &options(), self::forward).unwrap().model;
    let signature = Signature::open(&model.graph).unwrap();
    BurnSide::new("twins", module, signature, forward, |module| Ok(export(module, &options(), self::forward)?.model))
}

#[test]
fn a_fault_in_the_bytes_is_seen_by_the_export_and_by_verify() {
    let twins = twins();
    let exported = export(&twins, &options(), forward).unwrap();
    verify(&twins, &options(), &exported, forward).unwrap();
    assert_eq!(compared(&mut module_side(&twins, forward), &exported.model).verdict, Verdict::Agree);
    for (name, fault) in [
        ("a weight off", (|graph: &mut Graph| weight_off(graph, "shared.weight")) as fn(&mut Graph)),
        ("outputs exchanged", exchanged),
    ] {
        let bad = planted(&twins, fault);
        let error = verify(&twins, &options(), &bad, forward).expect_err(name).to_string();
        assert!(error.contains("Burn and tract disagree"), "{name}: {error}");
        let bad = onnx::read(bad.bytes).unwrap();
        let comparison = compared(&mut module_side(&twins, forward), &bad);
        assert_eq!(comparison.verdict, Verdict::Disagree, "{name}: {comparison:#?}");
    }
}

#[test]
fn a_forward_that_does_not_repeat_itself_is_a_reference_for_neither() {
    let twins = twins();
    let exported = export(&twins, &options(), forward).unwrap();
    let calls = Cell::new(0);
    let drifting = |twins: &Twins, x: Tensor<3>| {
        calls.set(calls.get() + 1);
        // The two runs that are compared are right.
        forward(twins, if calls.get() > 2 { x + 0.01 } else { x })
    };
    let says = "does not repeat itself: output 'first' of";
    let error = verify(&twins, &options(), &exported, drifting).unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
    calls.set(0);
    let comparison = compared(&mut module_side(&twins, drifting), &exported.model);
    assert!(comparison.rows.iter().all(|row| row.judgement.verdict == Verdict::Agree));
    assert_eq!(comparison.verdict, Verdict::Disagree);
    assert!(comparison.reason.unwrap().contains(says));
}

#[test]
fn copies_prove_the_bytes_that_are_the_modules_own_alone() {
    let deaf = deaf();
    let exported = export(&deaf, &options(), forward).unwrap();
    assert!(verify(&deaf, &options(), &exported, forward).unwrap().redrawn);
    // No output shows a weight that the last layers do not listen to.
    let bad = planted(&deaf, |graph| weight_off(graph, "shared.weight"));
    let error = verify(&deaf, &options(), &bad, forward).unwrap_err().to_string();
    assert!(error.contains("for agreement to mean anything"), "{error}");
}
