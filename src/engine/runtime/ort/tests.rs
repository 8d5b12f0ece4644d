//! ONNX Runtime against the values of onnx's reference evaluator, and its refusals.
//!
//! They need a library: the one named by `GNET_TEST_ORT_LIB`, else any that is found. Without one they pass and say so,
//! unless `GNET_ORT_TESTS` is `required`.

use std::path::{Path, PathBuf};

use crate::runtime::agreement::Spread;
use crate::runtime::testing::{TOLERANCE, assert_equal, assert_exact, case, file, fixture, head, wide};
use crate::runtime::{Placement, Provider, load, open, run};
use gnet_core::graph::{DType, Dim, Graph, Model, Node, Sizes, Tensor};
use gnet_core::onnx::{self, ExternalData, decodes};
use gnet_core::{ErrorKind, OnnxFile, Result};

use super::*;

/// Returns options with a library that loads; `None` if there is none.
fn engine() -> Option<EngineOptions> {
    let ort_lib = std::env::var_os("GNET_TEST_ORT_LIB").map(Into::into);
    let is_named = ort_lib.is_some();
    let options = EngineOptions { ort_lib, ..EngineOptions::default() };
    let required = is_named || std::env::var("GNET_ORT_TESTS").is_ok_and(|value| value == "required");
    match library(&options) {
        Ok(_) => Some(options),
        Err(error) if required => panic!("{error}"),
        Err(error) => {
            skipped(&error);
            None
        }
    }
}

#[allow(clippy::print_stderr, reason = "a test that does not run must say so")]
fn skipped(error: &Error) {
    eprintln!("not tested: {error}");
}

fn options(engine: &EngineOptions, threads: usize, batch: usize) -> RunOptions {
    RunOptions { engine: engine.clone(), ..RunOptions::new(threads, batch) }
}

fn session(engine: &EngineOptions, name: &str, batch: usize, threads: usize) -> Result<Box<dyn Session>> {
    load(Provider::Cpu, &file(name), &options(engine, threads, batch))
}

fn refusal(engine: &EngineOptions, name: &str) -> Error {
    session(engine, name, 1, 1).err().unwrap_or_else(|| panic!("{name} was loaded"))
}

#[test]
fn every_batch_and_number_of_threads_equals_the_reference() {
    let Some(engine) = engine() else { return };
    let (inputs, outputs) = case("dynamic");
    assert!(Spread::of(&outputs[0]).unwrap().supports(TOLERANCE), "else equality would say nothing");
    for batch in 1..=5 {
        for threads in 1..=3 {
            let mut session = session(&engine, "dynamic", batch, threads).unwrap();
            assert_eq!(session.inputs()[0].shape, [batch, 2, 5, 5]);
            let found = run(session.as_mut(), &head(&inputs[0], batch)).unwrap();
            assert_equal(&found, &outputs.iter().map(|o| head(o, batch)).collect::<Vec<_>>());
            assert_eq!(session.threads_used(), threads);
        }
    }
}

#[test]
fn several_inputs_fixed_batches_and_mixed_images_equal_the_reference() {
    let Some(engine) = engine() else { return };
    for (name, batch) in [("two_inputs", 3), ("fixed", 2), ("mixing", 4), ("batch_softmax", 4)] {
        let (inputs, outputs) = case(name);
        let mut session = session(&engine, name, batch, 2).unwrap();
        session.bind(&inputs).unwrap();
        session.run().unwrap();
        assert_equal(&session.outputs().unwrap(), &outputs);
    }
}

#[test]
fn every_option_of_the_cpu_leaves_the_answers_as_they_are() {
    let Some(engine) = engine() else { return };
    let (inputs, outputs) = case("dynamic");
    let mut seen = Vec::new();
    for level in GraphOptimization::ALL {
        for (spinning, arena) in [(true, true), (false, false)] {
            let engine = EngineOptions { graph_optimization: level, spinning, arena, ..engine.clone() };
            let mut session = session(&engine, "dynamic", 5, 2).unwrap();
            assert_equal(&run(session.as_mut(), &inputs[0]).unwrap(), &outputs);
            seen.push(session.settings().clone());
        }
    }
    assert_eq!(seen[0]["graph_optimization"], "off");
    assert_eq!((&*seen[1]["spinning"], &*seen[1]["arena"], &*seen[1]["threads"]), ("off", "off", "2"));
    assert!(seen[9]["engine"].starts_with("onnxruntime 1."), "{:?}", seen[9]);
}

#[test]
fn a_second_binding_replaces_the_first_and_outputs_outlive_the_next_run() {
    let Some(engine) = engine() else { return };
    let (inputs, outputs) = case("dynamic");
    let mut session = session(&engine, "dynamic", 5, 1).unwrap();
    let zeros = Array::new(inputs[0].shape.clone(), vec![0.0; inputs[0].data.len()]).unwrap();
    let blank = run(session.as_mut(), &zeros).unwrap();
    session.bind(&inputs).unwrap();
    assert!(session.outputs().is_err(), "outputs of the former inputs are gone");
    session.run().unwrap();
    session.run_with_copies().unwrap();
    assert_equal(&session.outputs().unwrap(), &outputs);
    assert_ne!(blank[0], session.outputs().unwrap()[0]);
    assert!(!session.has_device_memory());
}

#[test]
fn every_node_lies_on_the_cpu_and_is_weighed_by_its_macs() {
    let Some(engine) = engine() else { return };
    let session = session(&engine, "dynamic", 5, 1).unwrap();
    let assignment = session.assignment().unwrap();
    assert_eq!(assignment.requested, "CPUExecutionProvider");
    let ops: Vec<_> = assignment.nodes.iter().map(|node| node.op.as_str()).collect();
    assert!(ops.contains(&"Conv") && ops.contains(&"Softmax"), "{ops:?}");
    let placement = Placement::of_session(session.as_ref(), &file("dynamic"), &Sizes::none()).unwrap();
    assert_eq!(placement.share, 1.0);
    let sentence = format!("{0} of {0} nodes on CPUExecutionProvider", ops.len());
    assert_eq!(placement.to_string(), sentence);
}

/// A model that takes rows of four out of a table, which lies beside it, and makes 2 x 2 of each: itself and its data. Row `n`
/// holds 4n..4n+4.
fn table(folder: &Path, rows: usize) -> (PathBuf, PathBuf) {
    let mut g = Graph::new("g");
    let ids = g.add_value("ids", Some(DType::I64), Some(vec![Dim::symbol("N"), Dim::Known(1)]));
    let values: Vec<f32> = (0..4 * rows).map(|v| v as f32).collect();
    let table = g.add_initializer("table", Tensor::from_f32(vec![rows, 4], &values).unwrap());
    let shape = g.add_initializer("shape", Tensor::from_i64(&[-1, 2, 2]));
    let [found, y] = ["found", "y"].map(|name| g.add_value(name, Some(DType::F32), None));
    g.nodes = vec![
        Node::new("gather", "Gather", vec![table, ids], vec![found]),
        Node::new("reshape", "Reshape", vec![found, shape], vec![y]),
    ];
    (g.inputs, g.outputs) = (vec![ids], vec![y]);
    let path = folder.join("table.onnx");
    let data = onnx::write_file(&Model::new(g, 18), &path, ExternalData::Always).unwrap().data.unwrap();
    (path, folder.join(data.name))
}

#[test]
fn data_beside_a_model_is_read_where_it_lies() {
    let Some(engine) = engine() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (path, place) = table(dir.path(), 1000);
    let file = OnnxFile::open_whole(&path).unwrap();
    let data = file.by_reference().unwrap().clone();
    assert!(data.reference().is_some() && data.bytes.len() < 1000, "the table stays where it is");
    let before = decodes();
    let mut session = load(Provider::Cpu, &file, &options(&engine, 1, 2)).unwrap();
    let rows = run(session.as_mut(), &Array::new(vec![2, 1], vec![3.0, 999.0]).unwrap()).unwrap().remove(0);
    assert_eq!((rows.shape, rows.data[0], rows.data[7]), (vec![2, 2, 2], 12.0, 3999.0));
    assert_eq!(decodes(), before, "the one when the file was opened is the only one");
    // What another process was told to load is the same.
    let (handed, along) = data.handed();
    let there = OnnxFile::received(handed, along.to_vec()).unwrap();
    load(Provider::Cpu, &there, &options(&engine, 1, 2)).unwrap();
    // tract takes it in one piece.
    #[cfg(feature = "tract")]
    assert_eq!(load(Provider::Tract, &file, &RunOptions::new(1, 2)).unwrap().inputs().len(), 1);
    // Data that is replaced while the engine loads it is not what was judged.
    gnet_core::files::write(&place, &std::fs::read(&place).unwrap()).unwrap();
    let error = load(Provider::Cpu, &there, &options(&engine, 1, 2)).err().unwrap();
    assert!(error.to_string().contains("was replaced or changed while it was read"), "{error}");
}

#[test]
fn files_that_cannot_be_run_are_refused_with_the_reason() {
    let Some(engine) = engine() else { return };
    for (name, says) in [
        ("bad_output_type", "output 'z': is of type string where real numbers, whole numbers or booleans are expected"),
        ("bad_axis", "input 'x': axis 2 is dynamic; only the first, the batch, may be"),
        ("bad_operation", "Frobnicate"),
        ("bad_output", "ONNX Runtime: "),
        ("fixed", "batch 1: the file's batch is fixed at 2"),
    ] {
        let error = refusal(&engine, name);
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert!(error.to_string().contains(says), "{name}: {error}");
        assert!(!error.to_string().contains('\n') && !error.to_string().contains("onnxruntime_src"), "{name}: {error}");
    }
    let whole = fixture("dynamic.onnx");
    for bytes in [&b""[..], b"\xff\xff\xff\xff", b"not an ONNX file", &whole[..whole.len() / 2]] {
        let error = load(Provider::Cpu, &OnnxFile::of_bytes(bytes.to_vec()), &options(&engine, 1, 1)).err().unwrap();
        assert!(error.to_string().starts_with("ONNX Runtime: "), "{error}");
    }
}

#[test]
fn numbers_of_every_type_tokens_and_masks_equal_the_reference() {
    let Some(engine) = engine() else { return };
    for (name, sizes) in [("kinds", Sizes::none()), ("tokens", Sizes::dim("T", 5))] {
        let (inputs, outputs) = case(name);
        let options = RunOptions { sizes, ..options(&engine, 1, 3) };
        let mut session = load(Provider::Cpu, &file(name), &options).unwrap();
        session.bind(&inputs).unwrap();
        session.run().unwrap();
        assert_equal(&session.outputs().unwrap(), &outputs);
        let halves: Vec<Array> = session
            .inputs()
            .iter()
            .map(|i| Array::new(i.shape.clone(), vec![0.5; i.shape.iter().product()]).unwrap())
            .collect();
        assert!(session.bind(&halves).unwrap_err().to_string().contains(", and 0.5 is none"), "{name}");
    }
    let error = refusal(&engine, "tokens");
    assert_eq!(error.to_string(), "input 'tokens': axis 1 is dynamic; only the first, the batch, may be");
    assert!(error.remedy_text().unwrap().starts_with("fix its size with --dim T=SIZE"));
    assert!(refusal(&engine, "half").to_string().starts_with("input 'f16': is of type f16 where "));
}

#[test]
fn outputs_in_their_own_types_are_not_rounded() {
    let Some(engine) = engine() else { return };
    assert_exact(load(Provider::Cpu, &wide(), &options(&engine, 1, 3)).unwrap().as_mut());
}

#[test]
fn messages_lose_the_place_they_were_thrown_at() {
    for (message, said) in [
        ("/src/a/graph.cc:1587 void onnxruntime::Graph::Init() The (z) is missing.\nStack", "The (z) is missing."),
        ("/a/b.cc:3 Status f(const Tensor&, int (*)(int)) const [with T = float] Broken", "Broken"),
        ("/a/b.cc:3 Provider& g() [ONNXRuntimeError] : 1 : FAIL : Failed : twice", "Failed : twice"),
        ("Load model failed:Fatal error: x.cc:7", "Load model failed:Fatal error: x.cc:7"),
        ("", "no reason given"),
    ] {
        assert_eq!(said_plainly(message), said);
    }
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let Some(engine) = engine() else { return };
    let mut session = session(&engine, "two_inputs", 2, 1).unwrap();
    let array = |shape: &[usize]| Array::noise(shape.to_vec(), 1);
    assert_eq!(session.run().unwrap_err().to_string(), "run: no input is bound");
    assert_eq!(session.copy_in().unwrap_err().to_string(), "run: no input is bound");
    let error = session.bind(&[array(&[2, 3])]).unwrap_err();
    assert_eq!(error.to_string(), "inputs: 1 array given for 3 (a, b, scale)");
    let error = session.bind(&[array(&[2, 3]), array(&[1, 3]), array(&[1, 3])]).unwrap_err();
    assert_eq!(error.to_string(), "input 'b': takes the shape [2, 3], not [1, 3]");
    assert!(session.outputs().is_err());
}

#[test]
fn a_provider_that_the_library_lacks_is_unavailable_and_nothing_runs_in_its_place() {
    let Some(engine) = engine() else { return };
    let has_cuda = library(&engine).unwrap().has("CUDAExecutionProvider");
    for provider in [Provider::Cuda, Provider::TensorRt] {
        // A library that has the provider only loads it if its own libraries and a device are available.
        if has_cuda {
            continue;
        }
        let error = load(provider, &file("dynamic"), &options(&engine, 1, 1)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("is built without"), "{error}");
        assert!(error.remedy_text().unwrap().contains("`gnet runtime install cuda`"));
    }
}

#[test]
fn what_is_newer_than_the_library_has_a_remedy() {
    for message in [
        "Load model failed:/src/core/graph/model.cc:180 onnxruntime::Model::Model(...) Unsupported model IR version: 99, max \
         supported IR version: 13",
        "/src/core/graph/model_load_utils.h:46 void onnxruntime::ValidateOpsetForDomain(int) ONNX Runtime only *guarantees* \
         support for models stamped with official released onnx opset versions. Opset 99 is under development",
        "Fatal error: com.example:Odd(-1) is not a registered function/op",
    ] {
        assert!(remedy(message).unwrap().contains("a newer ONNX Runtime (--ort-lib points at it)"), "{message}");
    }
    assert_eq!(remedy("Node (n1) Op (Det) [ShapeInferenceError] ..."), None);
    let place = "/src/core/graph/model_load_utils.h:46 void onnxruntime::ValidateOpsetForDomain(int) Opset 99 is new";
    assert_eq!(said_plainly(place), "Opset 99 is new");
}

#[test]
fn a_process_has_one_library() {
    let Some(engine) = engine() else { return };
    let loaded = library(&engine).unwrap();
    assert!(loaded.has("CPUExecutionProvider") && loaded.version.starts_with("1."), "{loaded:?}");
    assert_eq!(library(&EngineOptions { ort_lib: Some(loaded.path.clone()), ..engine.clone() }).unwrap(), loaded);
    let other = EngineOptions { ort_lib: Some("/another/libonnxruntime.so".into()), ..engine };
    let error = library(&other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("a process runs one ONNX Runtime"), "{error}");
}

#[test]
fn a_profile_is_written_when_it_is_asked_for() {
    let Some(engine) = engine() else { return };
    let dir = tempfile::tempdir().unwrap();
    let profile = Some(dir.path().join("profile"));
    let engine = EngineOptions { profile, ..engine };
    let (inputs, _) = case("dynamic");
    let mut session = open(Provider::Cpu, &file("dynamic"), &options(&engine, 1, 5)).unwrap();
    run(session.as_mut(), &inputs[0]).unwrap();
    let file = session.finish_profile().unwrap().unwrap();
    let events: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert!(events.as_array().unwrap().iter().any(|event| event["args"]["op_name"] == "Softmax"), "{events}");
    assert_eq!(session.finish_profile().unwrap(), None, "it ends once");
}
