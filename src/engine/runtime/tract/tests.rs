//! tract against the values of onnx's reference evaluator, stored by `tests/fixtures/make.py`.

use super::*;
use crate::runtime::agreement::{Agreement, Spread};
use crate::runtime::testing::{TOLERANCE, assert_equal, assert_exact, case, file, fixture, head, wide};
use crate::runtime::{Provider, load, run};
use gnet_core::OnnxFile;
use gnet_core::graph::{Attribute, DType, Dim, Graph, Node, Sizes, Subgraph};

fn session(name: &str, batch: usize, threads: usize) -> Result<Box<dyn Session>> {
    load(Provider::Tract, &file(name), &RunOptions::new(threads, batch))
}

#[test]
fn a_dynamic_batch_equals_the_reference_at_every_size_and_split() {
    let (inputs, outputs) = case("dynamic");
    assert!(Spread::of(&outputs[0]).unwrap().supports(TOLERANCE), "else equality would say nothing");
    for batch in 1..=5 {
        for threads in 1..=6 {
            let mut session = session("dynamic", batch, threads).unwrap();
            let found = run(session.as_mut(), &head(&inputs[0], batch)).unwrap();
            assert_equal(&found, &outputs.iter().map(|o| head(o, batch)).collect::<Vec<_>>());
            let lanes = if batch == 1 { 1 } else { threads.min(batch) };
            assert_eq!(session.threads_used(), lanes, "batch {batch}, {threads} threads");
            assert_eq!(session.notes().is_empty(), lanes == threads, "{:?}", session.notes());
        }
    }
}

#[test]
fn pieces_of_a_share_equal_the_reference() {
    let (inputs, outputs) = case("dynamic");
    let model = Model::parse(&fixture("dynamic.onnx"), &RunOptions::new(2, 5)).unwrap();
    let image = model.largest_value_of_an_image().unwrap();
    assert_eq!(image, 3 * 5 * 5, "the convolution's output");
    for (images, lengths) in [(1, vec![1]), (2, vec![1, 2]), (3, vec![2, 3])] {
        let options = RunOptions::new(2, 5);
        let layout = Layout::of(&model, &options, images * image * size_of::<f32>());
        assert_eq!(layout.lengths(), lengths);
        let mut session = TractSession::new(&model, layout, false).unwrap();
        assert_equal(&run(&mut session, &inputs[0]).unwrap(), &outputs);
    }
}

#[test]
fn a_second_binding_replaces_the_first() {
    let (inputs, outputs) = case("dynamic");
    let mut session = session("dynamic", 5, 2).unwrap();
    let zeros = Array::new(inputs[0].shape.clone(), vec![0.0; inputs[0].data.len()]).unwrap();
    let blank = run(session.as_mut(), &zeros).unwrap();
    assert!(!Agreement::of(&outputs[0], &blank[0]).unwrap().within(TOLERANCE));
    session.bind(&inputs).unwrap();
    assert!(session.outputs().is_err(), "outputs of the former inputs are gone");
    session.run().unwrap();
    session.run().unwrap();
    assert_equal(&session.outputs().unwrap(), &outputs);
}

/// Files that keep a state while they run: loops, nested loops and loops in branches, ONNX's own recurrent layers.
const STATEFUL: [&str; 7] = ["running_sum", "looked_up_sum", "nested_sums", "chosen_sum", "lstm", "gru", "rnn"];

#[test]
fn every_run_starts_anew_whatever_ran_before() {
    for name in STATEFUL {
        let (inputs, outputs) = case(name);
        let others: Vec<Array> = inputs.iter().map(reversed).collect();
        let mut session = session(name, inputs[0].batch(), 2).unwrap();
        session.bind(&inputs).unwrap();
        session.run().unwrap_or_else(|e| panic!("{name}: {e}"));
        let first = session.outputs().unwrap();
        assert_equal(&first, &outputs);
        session.run().unwrap();
        assert_eq!(session.outputs().unwrap(), first, "{name}: the second run");
        session.bind(&others).unwrap();
        session.run().unwrap();
        assert_ne!(session.outputs().unwrap(), first, "{name}: the state would not show");
        session.bind(&inputs).unwrap();
        session.run().unwrap();
        assert_eq!(session.outputs().unwrap(), first, "{name}: the run after other inputs");
    }
}

fn reversed(array: &Array) -> Array {
    Array { shape: array.shape.clone(), data: array.data.iter().rev().copied().collect() }
}

#[test]
fn a_run_that_failed_half_way_leaves_nothing_behind() {
    let (inputs, outputs) = case("looked_up_sum");
    let beyond = Array::new(vec![4], vec![1.0, 2.0, 99.0, 0.0]).unwrap();
    let mut session = session("looked_up_sum", 4, 1).unwrap();
    for _ in 0..2 {
        session.bind(std::slice::from_ref(&beyond)).unwrap();
        assert!(session.run().is_err() && session.outputs().is_err());
        session.bind(&inputs).unwrap();
        session.run().unwrap();
        assert_equal(&session.outputs().unwrap(), &outputs);
    }
}

#[test]
fn every_piece_of_every_lane_starts_anew() {
    let model = Model::parse(&fixture("running_sum.onnx"), &RunOptions::new(1, 9)).unwrap();
    let lanes = vec![vec![0..2, 2..5], vec![5..6, 6..8], vec![8..9]];
    let x = Array::noise(vec![9, 2], 3);
    let sums = lanes.iter().flatten().flat_map(|piece| {
        let rows: Vec<&[f32]> = x.rows().skip(piece.start).take(piece.len()).collect();
        (1..=rows.len())
            .map(move |n| [0, 1].map(|i| rows[..n].iter().map(|row| row[i]).sum::<f32>()))
            .collect::<Vec<_>>()
    });
    let sums = Array::new(vec![9, 2], sums.flatten().collect()).unwrap();
    let mut session = TractSession::new(&model, Layout { lanes: lanes.clone(), notes: Vec::new() }, false).unwrap();
    session.bind(std::slice::from_ref(&x)).unwrap();
    for _ in 0..3 {
        session.run().unwrap();
        assert_equal(&session.outputs().unwrap()[1..], std::slice::from_ref(&sums));
    }
}

#[test]
fn a_fixed_batch_runs_whole_and_only_at_its_size() {
    let (inputs, outputs) = case("fixed");
    let mut fixed = session("fixed", 2, 2).unwrap();
    assert_eq!(fixed.threads_used(), 1);
    assert_eq!(fixed.notes(), ["uses 1 of 2 threads: the batch is fixed, so it cannot be split"]);
    assert_equal(&run(fixed.as_mut(), &inputs[0]).unwrap(), &outputs);
    let error = session("fixed", 3, 1).err().unwrap();
    assert_eq!(error.to_string(), "batch 3: the file's batch is fixed at 2");
}

#[test]
fn inputs_with_and_without_the_batch_are_split_and_shared() {
    let (inputs, outputs) = case("two_inputs");
    for threads in 1..=3 {
        let mut session = session("two_inputs", 3, threads).unwrap();
        assert_eq!(session.threads_used(), threads);
        let names: Vec<_> = session.inputs().iter().map(|i| (i.name.as_str(), i.shape.as_slice())).collect();
        assert_eq!(names, [("a", &[3, 3][..]), ("b", &[3, 3]), ("scale", &[1, 3])]);
        session.bind(&inputs).unwrap();
        session.run().unwrap();
        assert_equal(&session.outputs().unwrap(), &outputs);
    }
}

#[test]
fn a_network_that_mixes_its_images_is_not_split() {
    for name in ["mixing", "batch_softmax"] {
        let (inputs, outputs) = case(name);
        let mut session = session(name, 4, 2).unwrap();
        assert_eq!(session.threads_used(), 1, "{name}");
        assert!(session.notes()[0].contains("mixes the images"), "{:?}", session.notes());
        assert_equal(&run(session.as_mut(), &inputs[0]).unwrap(), &outputs);
    }
}

#[test]
fn a_file_that_cannot_be_run_is_refused_with_the_reason() {
    for (name, says) in [
        ("bad_output_type", "output 'z': is of type string where real numbers, whole numbers or booleans are expected"),
        ("bad_axis", "input 'x': axis 2 is dynamic; only the first, the batch, may be"),
        ("no_shape", "input 'x': has no shape"),
        ("empty_axis", "input 'x': axis 1 has no positive length"),
        ("strings", "input 'x': is of type string where real numbers, whole numbers or booleans are expected"),
        ("sequence", "input 'x': is no tensor but a sequence, a map or optional"),
        ("optional", "input 'x': is no tensor but a sequence, a map or optional"),
        ("no_input", "model: its graph has no input"),
        ("bad_operation", "node 'odd' (Frobnicate): tract does not have this operation"),
        ("bad_branch", "node 'inner' (Frobnicate): tract does not have this operation"),
        ("bad_output", "output 'z': nothing in the graph makes it"),
    ] {
        let error = session(name, 1, 1).err().unwrap_or_else(|| panic!("{name} was loaded"));
        assert!(error.to_string().contains(says), "{name}: {error}");
        assert!(!error.to_string().contains('\n'), "{name}: {error}");
    }
}

#[test]
fn bytes_that_are_no_model_are_refused() {
    let whole = fixture("dynamic.onnx");
    for (bytes, says) in [
        (&b""[..], "the file: is no ONNX model: it holds no graph"),
        (b"\xff\xff\xff\xff", "the file: is no ONNX model, or a damaged one: "),
        (b"not an ONNX file", "the file: is no ONNX model, or a damaged one: "),
        (&whole[..whole.len() / 2], "the file: is no ONNX model, or a damaged one: "),
    ] {
        let error = load(Provider::Tract, &OnnxFile::of_bytes(bytes.to_vec()), &RunOptions::default()).err().unwrap();
        assert!(error.to_string().starts_with(says), "{error}");
    }
}

#[test]
fn every_type_of_number_goes_in_and_comes_out() {
    for name in ["kinds", "half"] {
        let (inputs, outputs) = case(name);
        for threads in 1..=3 {
            let mut session = session(name, 3, threads).unwrap();
            assert!(session.inputs().iter().all(|input| input.name == input.dtype.to_string()));
            session.bind(&inputs).unwrap();
            session.run().unwrap();
            assert_equal(&session.outputs().unwrap(), &outputs);
        }
    }
    let mut session = session("kinds", 1, 1).unwrap();
    let mut inputs: Vec<Array> = session.inputs().iter().map(|i| Array::uniform(i.shape.clone(), 1)).collect();
    let error = session.bind(&inputs).unwrap_err().to_string();
    assert!(error.starts_with("input 'i8': takes i8, and 0."), "{error}");
    inputs.iter_mut().flat_map(|array| &mut array.data).for_each(|value| *value = -1.0);
    assert_eq!(session.bind(&inputs).unwrap_err().to_string(), "input 'u8': takes u8, and -1 is none");
}

#[test]
fn outputs_in_their_own_types_are_not_rounded() {
    for threads in 1..=3 {
        let mut session = load(Provider::Tract, &wide(), &RunOptions::new(threads, 3)).unwrap();
        assert_exact(session.as_mut());
    }
    let (inputs, _) = case("half");
    let mut session = session("half", 3, 1).unwrap();
    session.bind(&inputs).unwrap();
    session.run().unwrap();
    assert_eq!(session.tensors().unwrap()[0].dtype(), DType::F16);
}

#[test]
fn tokens_and_a_mask_run_at_the_length_that_they_are_given() {
    let (inputs, outputs) = case("tokens");
    let error = session("tokens", 3, 1).err().unwrap();
    assert_eq!(error.to_string(), "input 'tokens': axis 1 is dynamic; only the first, the batch, may be");
    assert!(error.remedy_text().unwrap().starts_with("fix its size with --dim T=SIZE"));
    for threads in 1..=3 {
        let options = RunOptions { sizes: Sizes::dim("T", 5), ..RunOptions::new(threads, 3) };
        let mut session = load(Provider::Tract, &file("tokens"), &options).unwrap();
        assert_eq!(session.threads_used(), threads);
        session.bind(&inputs).unwrap();
        session.run().unwrap();
        assert_equal(&session.outputs().unwrap(), &outputs);
    }
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let mut session = session("two_inputs", 2, 1).unwrap();
    let array = |shape: &[usize]| Array::noise(shape.to_vec(), 1);
    for (given, says) in [
        (vec![array(&[2, 3])], "inputs: 1 array given for 3 (a, b, scale)"),
        (vec![array(&[2, 3]), array(&[1, 3]), array(&[1, 3])], "input 'b': takes the shape [2, 3], not [1, 3]"),
        (
            vec![Array { shape: vec![2, 3], data: vec![0.0] }, array(&[2, 3]), array(&[1, 3])],
            "array of shape [2, 3]: holds 1 value",
        ),
    ] {
        assert_eq!(session.bind(&given).unwrap_err().to_string(), says);
    }
    assert_eq!(session.run().unwrap_err().to_string(), "run: no input is bound");
    assert!(session.outputs().is_err());
}

#[test]
fn a_run_needs_an_image_and_a_thread() {
    assert_eq!(session("dynamic", 0, 1).err().unwrap().to_string(), "batch 0: a run needs at least one");
    assert_eq!(session("dynamic", 1, 0).err().unwrap().to_string(), "threads 0: a run needs at least one");
}

/// Builds the cumulative sum of `x` of `[T, N, 2]` by a `Scan` whose body states `shape` for the state and the step.
fn running_sum(shape: &[&str]) -> Vec<u8> {
    let dims = |shape: &[&str]| {
        let dim = |text: &&str| text.parse().map_or_else(|_| Dim::parse(text), Dim::Known);
        Some(shape.iter().map(dim).collect::<Vec<_>>())
    };
    let mut body = Graph::new("body");
    let [state, step] = ["state", "step"].map(|name| body.add_value(name, Some(DType::F32), dims(shape)));
    let [sum, seen] = ["sum", "seen"].map(|name| body.add_value(name, Some(DType::F32), dims(shape)));
    body.nodes = vec![
        Node::new("add", "Add", vec![state, step], vec![sum]),
        Node::new("see", "Identity", vec![sum], vec![seen]),
    ];
    (body.inputs, body.outputs) = (vec![state, step], vec![sum, seen]);
    let mut graph = Graph::new("g");
    let start = graph.add_value("start", Some(DType::F32), dims(&["N", "2"]));
    let x = graph.add_value("x", Some(DType::F32), dims(&["T", "N", "2"]));
    let [last, all] = ["last", "all"].map(|name| graph.add_value(name, Some(DType::F32), None));
    let mut scan = Node::new("scan", "Scan", vec![start, x], vec![last, all]);
    scan.set("num_scan_inputs", 1);
    let body = Subgraph { graph: body, captures: Vec::new() };
    scan.attributes.insert("body".into(), Attribute::Graph(Box::new(body)));
    graph.nodes = vec![scan];
    (graph.inputs, graph.outputs) = (vec![start, x], vec![last, all]);
    gnet_core::onnx::write(&graph::Model::new(graph, 18)).unwrap()
}

#[test]
fn bodies_have_the_sizes_of_what_is_fed_whatever_they_state() {
    for shape in [["N", "2"], ["batch", "2"], ["1", "2"]] {
        let file = OnnxFile::of_bytes(running_sum(&shape));
        for (steps, batch) in [(4, 3), (1, 2)] {
            let mut sizes = Sizes::dim("N", batch);
            sizes.extend(Sizes::dim("T", steps));
            let options = RunOptions { sizes, ..RunOptions::new(1, batch) };
            let mut session = load(Provider::Tract, &file, &options).unwrap();
            let start = Array::noise(vec![batch, 2], 1);
            let x = Array::noise(vec![steps, batch, 2], 2);
            let mut expected = vec![start.data.clone()];
            for step in x.data.chunks(2 * batch) {
                let last = &expected[expected.len() - 1];
                expected.push(last.iter().zip(step).map(|(a, b)| a + b).collect());
            }
            session.bind(&[start, x]).unwrap();
            session.run().unwrap();
            let outputs = session.outputs().unwrap();
            assert_eq!((&outputs[0].shape, &outputs[0].data), (&vec![batch, 2], &expected[steps]), "{shape:?}");
            assert_eq!((&outputs[1].shape, &outputs[1].data), (&vec![steps, batch, 2], &expected[1..].concat()));
        }
    }
}
