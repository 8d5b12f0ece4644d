//! Two sides that should compute the same, with faults planted in one: each verdict, and the layer that is named.

mod cli;
mod data;
mod graphs;
mod sums;
mod unseen;

use std::sync::LazyLock;

use gnet::export;
use gnet::graph::{Attribute, Graph, Model, Node, Tensor};
use gnet::nets::Preset;
use gnet::runtime::{Provider, RunOptions};
use gnet::verify::{
    self, Bisect, Distribution, FileSide, InputSet, Plan, Precision, Search, Side, Verdict, Verification,
};

use crate::common;

/// GoogLeNet for 28 pixels with BatchNorm, in which every parameter matters: folded, and as it was trained.
static FOLDED: LazyLock<Model> = LazyLock::new(|| exported(true));
static UNFOLDED: LazyLock<Model> = LazyLock::new(|| exported(false));

fn exported(fold: bool) -> Model {
    let config = common::config(Preset::BnAux, 28);
    let metadata = common::fresh(Preset::BnAux, config.clone()).metadata();
    let options = export::googlenet_options(&config, &metadata, false).folding(fold);
    export::googlenet(&common::network(&config), &options).unwrap().model
}

/// A copy with a change.
fn changed(model: &Model, change: impl FnOnce(&mut Graph)) -> Model {
    let mut model = model.clone();
    change(&mut model.graph);
    model
}

fn node<'a>(graph: &'a mut Graph, name: &str) -> &'a mut Node {
    graph.nodes.iter_mut().find(|node| node.name == name).unwrap_or_else(|| panic!("there is no node {name}"))
}

/// Multiplies the largest element of a constant.
fn scale_weight(graph: &mut Graph, name: &str, by: f32) {
    let id = graph.find(name).unwrap_or_else(|| panic!("there is no {name}"));
    let tensor = graph.initializer(id).unwrap();
    let mut values = tensor.to_f32().unwrap();
    let largest = (0..values.len()).max_by(|a, b| values[*a].abs().total_cmp(&values[*b].abs())).unwrap();
    values[largest] *= by;
    let shape = tensor.shape().to_vec();
    graph.set_initializer(id, Tensor::from_f32(shape, &values).unwrap());
}

/// Multiplies all elements of a constant: no activation silences all channels.
fn scale_all(graph: &mut Graph, name: &str, by: f32) {
    let id = graph.find(name).unwrap_or_else(|| panic!("there is no {name}"));
    let tensor = graph.initializer(id).unwrap();
    let values: Vec<f32> = tensor.to_f32().unwrap().iter().map(|value| value * by).collect();
    let shape = tensor.shape().to_vec();
    graph.set_initializer(id, Tensor::from_f32(shape, &values).unwrap());
}

fn side(model: &Model, name: &str) -> FileSide {
    FileSide::of_model(name, model, Provider::Tract, &RunOptions::new(1, 1)).unwrap()
}

fn compared_with(reference: &Model, other: &Model, bisect: Bisect) -> gnet::Result<Verification> {
    let (mut reference, other) = (side(reference, "reference"), side(other, "other"));
    let plan = Plan::new(6, &[reference.signature(), other.signature()])?;
    let sets = [Distribution::Normal, Distribution::Pattern]
        .map(|kind| InputSet::random(kind, reference.signature(), &plan, 3).unwrap());
    let options = verify::VerifyOptions { tolerance: Precision::F32.tolerance(), bisect, seed: 3 };
    verify::verify(&mut reference, &mut [other], &sets, &options, &mut |_| {})
}

fn compared(reference: &Model, other: &Model) -> Verification {
    compared_with(reference, other, Bisect::OnFailure).unwrap()
}

/// The search of a comparison that must disagree.
fn search(reference: &Model, other: &Model) -> Search {
    let mut verification = compared(reference, other);
    let comparison = verification.comparisons.remove(0);
    assert_eq!((verification.passed, comparison.verdict), (false, Verdict::Disagree), "{comparison:#?}");
    comparison.search.expect("a failure is searched")
}

/// The fault is found at exactly this layer, and a last run confirms it.
#[track_caller]
fn names(reference: &Model, other: &Model, layer: &str, differences: &[&str]) {
    let search = search(reference, other);
    let culprit = search.culprit.as_ref().unwrap_or_else(|| panic!("nothing found: {search:#?}"));
    assert_eq!(culprit.node, layer, "{search:#?}");
    assert!(culprit.confirmed && search.note.is_none() && culprit.unpaired.is_empty(), "{search:#?}");
    assert_eq!(culprit.differences.len(), differences.len(), "{search:#?}");
    for (said, expected) in culprit.differences.iter().zip(differences) {
        assert!(said.contains(expected), "'{said}' does not say '{expected}'");
    }
    assert!(culprit.error_before < 1e-5 && culprit.error_after.is_none_or(|after| after > 1e-5), "{culprit:#?}");
    assert!(!culprit.inputs.is_empty() && culprit.inputs.iter().all(|input| input.min <= input.max));
    let most = 4 + (search.nodes as f64).log2().ceil() as usize;
    assert!(search.runs <= most, "{} runs for {} layers", search.runs, search.nodes);
}

#[test]
fn the_same_file_agrees_with_itself_and_folding_changes_nothing() {
    for other in [&*FOLDED, &*UNFOLDED] {
        let verification = compared(&FOLDED, other);
        assert!(verification.passed, "{verification:#?}");
        verification.check().unwrap();
        let comparison = &verification.comparisons[0];
        assert_eq!((comparison.rows.len(), comparison.search.is_none()), (2, true));
        for row in &comparison.rows {
            assert_eq!((row.judgement.verdict, row.judgement.agreement.images), (Verdict::Agree, 6));
            assert!(row.judgement.spread.unwrap().min > 0.0);
        }
    }
    assert_eq!(compared(&FOLDED, &FOLDED).comparisons[0].rows[0].judgement.agreement.max_ulp, Some(0));
}

#[test]
fn a_wrong_weight_in_the_middle_is_found_at_its_layer() {
    let other = changed(&FOLDED, |g| scale_weight(g, "inception4c.b5x5_reduce.conv.weight", 1.5));
    names(&FOLDED, &other, "inception4c.b5x5_reduce.conv/Conv", &["1 of 12288 values differs"]);
}

#[test]
fn a_wrong_attribute_in_the_middle_is_found_at_its_layer() {
    let other = changed(&FOLDED, |g| {
        node(g, "inception4b.pool_proj/MaxPool").set("pads", Attribute::Ints(vec![0, 0, 2, 2]));
    });
    let says = "attribute pads: [1, 1, 1, 1] against [0, 0, 2, 2]";
    names(&FOLDED, &other, "inception4b.pool_proj/MaxPool", &[says]);
}

#[test]
fn a_fault_in_any_of_the_parallel_branches_is_found_in_its_branch() {
    for branch in ["b1x1", "b5x5", "pool_proj"] {
        let weight = format!("inception3b.{branch}.conv.weight");
        let other = changed(&FOLDED, |g| scale_all(g, &weight, 1.1));
        names(&FOLDED, &other, &format!("inception3b.{branch}.conv/Conv"), &["values differ"]);
    }
}

#[test]
fn of_two_faults_in_parallel_branches_the_first_in_order_is_named() {
    let other = changed(&FOLDED, |g| {
        scale_all(g, "inception3a.pool_proj.conv.weight", 1.1);
        scale_all(g, "inception3a.b3x3_reduce.conv.weight", 1.1);
    });
    names(&FOLDED, &other, "inception3a.b3x3_reduce.conv/Conv", &["values differ"]);
}

#[test]
fn faults_at_both_ends_are_found() {
    let first = changed(&FOLDED, |g| scale_all(g, "conv1.conv.weight", 1.1));
    names(&FOLDED, &first, "conv1.conv/Conv", &["values differ"]);
    let last = changed(&FOLDED, |g| scale_weight(g, "fc.weight", 2.0));
    names(&FOLDED, &last, "fc/Gemm", &["values differ"]);
}

#[test]
fn swapped_branches_are_found_where_they_meet() {
    let other = changed(&FOLDED, |g| node(g, "inception4d/Concat").inputs.swap(2, 3));
    let says = ["input 2: inception4d.b5x5/Relu against", "input 3: inception4d.pool_proj/Relu against"];
    names(&FOLDED, &other, "inception4d/Concat", &says);
}

#[test]
fn a_layer_that_changes_its_shape_is_found() {
    // An unpadded convolution and the pooling after it give maps of another size, which the global pool hides.
    let other = changed(&FOLDED, |g| {
        node(g, "conv1/MaxPool").set("strides", Attribute::Ints(vec![1, 1]));
        let inner: Vec<_> = g.nodes.iter().flat_map(Node::makes).filter(|id| !g.outputs.contains(id)).collect();
        inner.into_iter().for_each(|id| g.value_mut(id).shape = None);
    });
    let search = search(&FOLDED, &other);
    let culprit = search.culprit.unwrap();
    assert_eq!((culprit.node.as_str(), culprit.confirmed, culprit.error_after), ("conv1/MaxPool", true, None));
    assert!(culprit.remark.unwrap().contains("[1, 64, 7, 7] on one side and [1, 64, 14, 14] on the other"));
}

#[test]
fn a_nan_of_one_side_is_found_where_it_arises() {
    // Further up an activation would swallow it: in tract the larger of NaN and 0 is 0.
    let broken = changed(&FOLDED, |g| scale_weight(g, "fc.weight", f32::NAN));
    let search = search(&FOLDED, &broken);
    let culprit = search.culprit.unwrap();
    assert_eq!((culprit.node.as_str(), culprit.confirmed), ("fc/Gemm", true));
    assert!(culprit.remark.unwrap().contains("NaN or infinite on one side"));
    let verification = compared(&FOLDED, &broken);
    let reason = verification.check().unwrap_err().to_string();
    let says = "6 of 60 values are NaN or infinite on one side and not the same on the other: 0 of the reference's, 6 of \
                the other's";
    assert!(reason.contains(says), "{reason}");
    assert!(reason.ends_with("they part at fc/Gemm (Gemm)"), "{reason}");
    let json = serde_json::to_value(&verification).unwrap();
    assert!(json["comparisons"][0]["rows"][0]["max_abs_diff"].is_null());
}

#[test]
fn a_nan_of_both_sides_agrees_and_is_reported_and_hides_nothing() {
    use gnet::report::Report;
    let broken = changed(&FOLDED, |g| scale_weight(g, "fc.weight", f32::NAN));
    let verification = compared(&broken, &broken);
    assert!(verification.passed, "{verification:#?}");
    let row = &verification.comparisons[0].rows[0].judgement;
    assert_eq!((row.agreement.not_finite, row.agreement.not_finite_apart), (6, 0));
    let notes: Vec<_> = verification.tables()[0].notes.iter().map(|note| note.text.clone()).collect();
    let notes = notes.join("\n");
    assert!(notes.contains("12 values are the same NaN or infinity on both sides"), "{notes}");
    let other = changed(&broken, |g| scale_all(g, "inception3b.b1x1.conv.weight", 1.1));
    names(&broken, &other, "inception3b.b1x1.conv/Conv", &["values differ"]);
}

#[test]
fn a_fault_is_found_between_files_of_different_structure() {
    // One file has its BatchNorm folded, the other has not: convolutions make other values under the same names.
    let other = changed(&UNFOLDED, |g| {
        node(g, "inception4a.pool_proj/MaxPool").set("pads", Attribute::Ints(vec![0, 0, 2, 2]));
    });
    names(&FOLDED, &other, "inception4a.pool_proj/MaxPool", &["attribute pads"]);
    let other = changed(&UNFOLDED, |g| scale_all(g, "inception4c.b3x3.conv.weight", 1.1));
    let search = search(&FOLDED, &other);
    let culprit = search.culprit.unwrap();
    // Before and after the fold only the activation's result is the same.
    assert_eq!(culprit.node, "inception4c.b3x3/Relu");
    assert_eq!(culprit.unpaired, ["inception4c.b3x3.conv/Conv"]);
    assert!(search.note.unwrap().contains("inception4c.b3x3.conv/Conv"));
}

#[test]
fn a_file_without_shared_names_is_paired_by_position() {
    let foreign = changed(&FOLDED, |g| {
        scale_all(g, "inception4e.b3x3.conv.weight", 1.1);
        for (i, node) in g.nodes.iter_mut().enumerate() {
            node.name = format!("node_{i}");
        }
        let ids: Vec<_> = g.values().map(|(id, _)| id).collect();
        ids.into_iter().enumerate().for_each(|(i, id)| g.value_mut(id).name = i.to_string());
    });
    names(&FOLDED, &foreign, "inception4e.b3x3.conv/Conv", &["values differ"]);
}

/// ONNX Runtime, where a library of it is found: the one of `GNET_TEST_ORT_LIB`, else any. Without one this says so,
/// unless `GNET_ORT_TESTS` is `required`.
#[cfg(feature = "ort")]
fn with_onnx_runtime() -> Option<RunOptions> {
    let ort_lib = std::env::var_os("GNET_TEST_ORT_LIB").map(Into::into);
    let engine = gnet::runtime::EngineOptions { ort_lib, ..Default::default() };
    if let Err(error) = gnet::runtime::library(&engine) {
        let required = std::env::var("GNET_ORT_TESTS").is_ok_and(|value| value == "required");
        assert!(!required && engine.ort_lib.is_none(), "{error}");
        eprintln!("not tested: {error}");
        return None;
    }
    Some(RunOptions { engine, ..RunOptions::new(1, 1) })
}

/// Right files on which engines part further than a share of the largest value allows: sigmoids near 0, a normalisation of
/// equal numbers, NaN on both sides.
#[cfg(feature = "ort")]
#[test]
fn what_rounding_does_is_no_disagreement_and_what_a_weight_does_is_one() {
    let Some(options) = with_onnx_runtime() else { return };
    let verdict = |reference: &Model, other: &Model| {
        let mut reference = side(reference, "reference");
        let other = FileSide::of_model("other", other, Provider::Cpu, &options).unwrap();
        let plan = Plan::new(8, &[reference.signature()]).unwrap();
        let sets = Distribution::ALL.map(|k| InputSet::random(k, reference.signature(), &plan, 0).unwrap());
        let options = verify::VerifyOptions { tolerance: Precision::F32.tolerance(), bisect: Bisect::Never, seed: 0 };
        verify::verify(&mut reference, &mut [other], &sets, &options, &mut |_| {}).unwrap().comparisons[0].verdict
    };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign");
    for (file, weight) in [("sigmoid_low", "w"), ("layernorm_plain64", "g"), ("odd_nan", "w")] {
        let model = gnet::onnx::read_file(&folder.join(format!("{file}.onnx"))).unwrap();
        assert_eq!(verdict(&model, &model), Verdict::Agree, "{file}");
        let by = if file == "odd_nan" { f32::NEG_INFINITY } else { 1.01 };
        let wrong = changed(&model, |graph| scale_all(graph, weight, by));
        assert_eq!(verdict(&model, &wrong), Verdict::Disagree, "{file}");
    }
}

#[cfg(feature = "ort")]
#[test]
fn onnx_runtime_agrees_with_tract_and_its_faults_are_found() {
    let Some(options) = with_onnx_runtime() else { return };
    let cpu = |model| FileSide::of_model("other", model, Provider::Cpu, &options).unwrap();
    let mut reference = side(&FOLDED, "reference");
    let plan = Plan::new(4, &[reference.signature()]).unwrap();
    let sets = Distribution::ALL.map(|k| InputSet::random(k, reference.signature(), &plan, 3).unwrap());
    let options = verify::VerifyOptions { tolerance: Precision::F32.tolerance(), bisect: Bisect::OnFailure, seed: 3 };
    let wrong = changed(&FOLDED, |g| {
        node(g, "inception4b.pool_proj/MaxPool").set("pads", Attribute::Ints(vec![0, 0, 2, 2]));
    });
    let mut others = [cpu(&FOLDED), cpu(&UNFOLDED), cpu(&wrong)];
    let verification = verify::verify(&mut reference, &mut others, &sets, &options, &mut |_| {}).unwrap();
    let verdicts: Vec<_> = verification.comparisons.iter().map(|comparison| comparison.verdict).collect();
    assert_eq!(verdicts, [Verdict::Agree, Verdict::Agree, Verdict::Disagree], "{verification:#?}");
    let search = verification.comparisons[2].search.as_ref().unwrap();
    let culprit = search.culprit.as_ref().unwrap();
    assert_eq!((culprit.node.as_str(), culprit.confirmed), ("inception4b.pool_proj/MaxPool", true), "{search:#?}");
}

/// The network with a last layer that ignores what comes before it.
fn deaf() -> Model {
    changed(&FOLDED, |g| scale_all(g, "fc.weight", 0.0))
}

#[test]
fn outputs_that_do_not_depend_on_the_input_are_proved_on_copies_with_other_weights() {
    let deaf = deaf();
    let verification = compared(&deaf, &deaf);
    let comparison = &verification.comparisons[0];
    assert!(verification.passed && comparison.search.is_none(), "{verification:#?}");
    assert!(comparison.rows.iter().all(|row| row.judgement.verdict == Verdict::Weak));
    let copies = comparison.redrawn.as_ref().unwrap();
    assert!(copies.weights > 100 && copies.rows.iter().any(|row| row.judgement.verdict == Verdict::Agree));
    // What nothing else would show.
    let other = changed(&deaf, |g| {
        node(g, "inception4b.pool_proj/MaxPool").set("pads", Attribute::Ints(vec![0, 0, 2, 2]));
    });
    let verification = compared(&deaf, &other);
    let comparison = &verification.comparisons[0];
    assert_eq!((verification.passed, comparison.verdict), (false, Verdict::Disagree));
    assert!(comparison.reason.as_ref().unwrap().starts_with("copies with redrawn weights part: output 'logits'"));
    let culprit = comparison.search.as_ref().unwrap().culprit.as_ref().unwrap();
    assert_eq!(culprit.node, "inception4b.pool_proj/MaxPool");
}

#[test]
fn outputs_that_do_not_depend_on_the_input_prove_nothing() {
    // The weights are not the same, so that no copy of both can be drawn.
    let other = changed(&deaf(), |g| scale_weight(g, "conv1.conv.weight", 1.5));
    let verification = compared(&deaf(), &other);
    let comparison = &verification.comparisons[0];
    assert_eq!((verification.passed, comparison.verdict), (false, Verdict::Weak));
    let error = verification.check().unwrap_err();
    assert_eq!(error.kind(), gnet::ErrorKind::Check);
    assert!(error.to_string().contains("agreement proves nothing: output 'logits' on normal inputs: different images"));
    assert!(comparison.search.is_none() && comparison.redrawn.is_none(), "there is no layer to find");
}

#[test]
fn sides_that_cannot_be_compared_are_named() {
    let config = common::config(Preset::BnAux, 28);
    let metadata = common::fresh(Preset::BnAux, config.clone()).metadata();
    let heads = export::googlenet(&common::network(&config), &export::googlenet_options(&config, &metadata, true))
        .unwrap()
        .model;
    let error = compared_with(&FOLDED, &heads, Bisect::Never).unwrap_err();
    assert_eq!(error.to_string(), "outputs: one gives logits, the other logits, aux1, aux2");
    assert_eq!(error.kind(), gnet::ErrorKind::Check);
    let larger = config_model(32, 10);
    let error = compared_with(&FOLDED, &larger, Bisect::Never).unwrap_err();
    assert_eq!(error.kind(), gnet::ErrorKind::Input);
    let says = "other against reference: inputs: takes input N x 1 x 32 x 32, the other takes input N x 1 x 28 x 28";
    assert_eq!(error.to_string(), says);
    let fewer = config_model(28, 7);
    let error = compared_with(&FOLDED, &fewer, Bisect::Never).unwrap_err();
    assert_eq!(error.to_string(), "other, output 'logits': comparison: shapes [6, 10] and [6, 7] differ");
    assert_eq!(error.kind(), gnet::ErrorKind::Check);
}

fn config_model(image_size: usize, classes: usize) -> Model {
    let config = gnet::nets::GoogLeNetConfig { classes, ..common::config(Preset::BnAux, image_size) };
    let metadata = common::fresh(Preset::BnAux, config.clone()).metadata();
    export::googlenet(&common::network(&config), &export::googlenet_options(&config, &metadata, false)).unwrap().model
}

#[test]
fn a_search_of_files_that_agree_sees_every_layer() {
    let verification = compared_with(&FOLDED, &FOLDED, Bisect::Always).unwrap();
    let search = verification.comparisons[0].search.as_ref().unwrap();
    assert!(search.culprit.is_none() && search.nodes == 139, "{search:#?}");
    assert_eq!(search.note.as_deref(), Some("every layer agrees"));
    let never = changed(&FOLDED, |g| scale_weight(g, "fc.weight", 2.0));
    assert!(compared_with(&FOLDED, &never, Bisect::Never).unwrap().comparisons[0].search.is_none());
}
