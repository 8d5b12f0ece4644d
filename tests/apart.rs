//! The library with its engines in processes of their own, which is what gnet's commands do.
//!
//! The program is named once for a whole process, so that these tests have one to themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::PathBuf;
use std::time::Duration;

use gnet::bench::{self, Spec};
use gnet::graph::{Model, Tensor};
use gnet::runtime::{self, Array, Provider, RunOptions};
use gnet::verify::{self, Bisect, Distribution, FileSide, InputSet, Plan, Precision, Side, Verdict};
use gnet::{OnnxFile, onnx, process};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn by_gnet() {
    process::serve_by(env!("CARGO_BIN_EXE_gnet").into());
}

#[test]
fn a_session_computes_the_same_and_says_the_same_of_itself() {
    by_gnet();
    let file = OnnxFile::open(&fixture("two_inputs.onnx")).unwrap();
    let mut session = runtime::load(Provider::Tract, &file, &RunOptions::new(4, 3)).unwrap();
    let shapes: Vec<_> = session.inputs().iter().map(|input| input.shape.clone()).collect();
    assert_eq!(shapes, [vec![3, 3], vec![3, 3], vec![1, 3]]);
    assert_eq!(session.threads_used(), 3);
    assert_eq!(session.notes(), ["uses 3 of 4 threads: one image is the least a thread can take"]);
    assert_eq!(session.run().unwrap_err().to_string(), "run: no input is bound");
    let refused = session.bind(&[Array::noise(vec![3, 3], 1)]).unwrap_err();
    assert_eq!(refused.to_string(), "inputs: 1 array given for 3 (a, b, scale)");
    for seed in [1, 2, 1] {
        let inputs: Vec<Array> = shapes.iter().map(|shape| Array::noise(shape.clone(), seed)).collect();
        session.bind(&inputs).unwrap();
        assert!(session.outputs().is_err());
        session.run().unwrap();
        let [a, b, scale] = inputs.as_slice() else { panic!() };
        let sum = (0..9).map(|i| a.data[i] * scale.data[i % 3] + b.data[i]).collect::<Vec<_>>();
        let found = session.outputs().unwrap();
        assert_eq!((found[0].shape.as_slice(), &found[0].data), (&[3, 3][..], &sum));
    }
}

#[test]
fn an_engine_that_dies_is_an_error_and_the_next_one_runs() {
    by_gnet();
    let run = |name: &str, shape: Vec<usize>| {
        let file = OnnxFile::of_bytes(std::fs::read(fixture(name)).unwrap());
        let mut session = runtime::load(Provider::Tract, &file, &RunOptions::new(1, 1))?;
        runtime::run(session.as_mut(), &Array::noise(shape, 1))
    };
    let died = run("foreign/huge_pad.onnx", vec![1, 4]).unwrap_err();
    assert!(died.to_string().starts_with("tract: the worker died: signal: 6 (SIGABRT)"), "{died}");
    assert!(died.to_string().contains("memory allocation of"), "{died}");
    assert!(run("dynamic.onnx", vec![1, 2, 5, 5]).is_ok());
    let refused = run("bad_operation.onnx", vec![1, 3]).unwrap_err();
    assert!(refused.to_string().contains("Frobnicate"), "{refused}");
}

#[test]
fn a_row_brings_its_samples_from_its_process() {
    let mut spec = Spec::new(fixture("dynamic.onnx"), Provider::Tract);
    (spec.limits.min_time, spec.limits.min_samples) = (Duration::ZERO, 70);
    let run = bench::run_in_worker(env!("CARGO_BIN_EXE_gnet").as_ref(), &spec).unwrap();
    assert_eq!((run.samples, run.samples_ns.len(), run.threads_used), (70, 70, 1));
    let fastest = *run.samples_ns.iter().min().unwrap() as f64 / 1e6;
    assert!((fastest - run.latency_ms.min).abs() < 1e-9, "{fastest} and {}", run.latency_ms.min);
    assert!(run.occupancy.is_some() == cfg!(unix));
}

#[test]
fn a_search_reads_values_out_of_other_processes() {
    by_gnet();
    let model = onnx::read_file(&fixture("dynamic.onnx")).unwrap();
    let mut wrong = onnx::read_file(&fixture("dynamic.onnx")).unwrap();
    let id = wrong.graph.find("m").unwrap();
    let tensor = wrong.graph.initializer(id).unwrap().clone();
    let values: Vec<f32> = tensor.to_f32().unwrap().iter().map(|value| 1.5 * value).collect();
    wrong.graph.set_initializer(id, Tensor::from_f32(tensor.shape().to_vec(), &values).unwrap());
    let side = |model: &Model| FileSide::of_model("side", model, Provider::Tract, &RunOptions::new(1, 1)).unwrap();
    let mut reference = side(&model);
    let plan = Plan::new(4, &[reference.signature()]).unwrap();
    let sets = [InputSet::random(Distribution::Normal, reference.signature(), &plan, 3).unwrap()];
    let options = verify::VerifyOptions::new(Precision::F32.tolerance()).bisect(Bisect::OnFailure).seed(3);
    let mut others = [side(&model), side(&wrong)];
    let verification = verify::verify(&mut reference, &mut others, &sets, &options, &mut |_| {}).unwrap();
    let [same, differing] = &verification.comparisons[..] else { panic!("two comparisons") };
    assert_eq!((same.verdict, same.rows[0].judgement.agreement.max_ulp), (Verdict::Agree, Some(0)));
    let culprit = differing.search.as_ref().unwrap().culprit.as_ref().unwrap();
    assert_eq!((culprit.op.as_str(), culprit.confirmed), ("Gemm", true));
}
