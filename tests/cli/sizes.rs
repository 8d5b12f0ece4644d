//! Sizes that a file leaves open: one notation in every command, and engines that are fed them.

use std::fs;
use std::path::Path;

use gnet::graph::{DType, Dim, Graph, Model, Node, Tensor};
use gnet::onnx;
use serde_json::{Value, json};

use super::shell::{INPUT, Shell};

const BENCH: &str = "--samples 2 --min-time 0 --warmup 1";

/// A folder with the small files after public reports, and `names.onnx`.
fn shell() -> Shell {
    let shell = Shell::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign");
    for name in ["squeeze_in_if.onnx", "unnamed_axes.onnx"] {
        shell.write(name, fs::read(folder.join(name)).unwrap());
    }
    shell.write("names.onnx", onnx::write(&named()).unwrap());
    shell
}

/// Inputs with names that look like shapes, `a=b,x` of `[N, past + seq, max_x]` and a scalar `1x2`, multiplied.
fn named() -> Model {
    let mut graph = Graph::new("names");
    let shape = ["N", "past + seq", "max_x"].map(Dim::symbol).to_vec();
    let wide = graph.add_value("a=b,x", Some(DType::F32), Some(shape));
    let past = graph.add_value("past", Some(DType::F32), Some(["N", "past", "seq"].map(Dim::symbol).to_vec()));
    let scalar = graph.add_value("1x2", Some(DType::F32), Some(Vec::new()));
    let axes = graph.add_initializer("axes", Tensor::from_i64(&[1, 2]));
    let [sum, sum_past, scaled, y] = ["sum", "sum_past", "scaled", "y"].map(|name| graph.add_value(name, None, None));
    graph.nodes = vec![
        Node::new("sum", "ReduceSum", vec![wide, axes], vec![sum]),
        Node::new("sum_past", "ReduceSum", vec![past, axes], vec![sum_past]),
        Node::new("scale", "Mul", vec![sum, scalar], vec![scaled]),
        Node::new("add", "Add", vec![scaled, sum_past], vec![y]),
    ];
    (graph.inputs, graph.outputs) = (vec![wide, past, scalar], vec![y]);
    Model::new(graph, 18)
}

/// The engines there are, as `--provider` takes them.
fn providers() -> String {
    #[cfg(feature = "ort")]
    if let Some(ort) = super::runtimes::ort() {
        return format!("--provider tract,cpu --ort-lib {}", ort.display());
    }
    "--provider tract,tract".to_owned()
}

/// The shapes that each row of a bench fed.
fn fed(shell: &Shell, line: &str) -> Value {
    let document = shell.json(&format!("bench {line} {} {BENCH}", providers()));
    let runs = document["runs"].as_array().unwrap();
    let shapes = |run: &Value| -> Vec<Value> {
        run["inputs"].as_array().unwrap().iter().map(|input| input["shape"].clone()).collect()
    };
    assert!(runs.len() == 2 && runs.iter().all(|run| shapes(run) == shapes(&runs[0])), "{document}");
    json!(shapes(&runs[0]))
}

#[test]
fn axes_without_a_name_are_given_in_every_command() {
    let shell = shell();
    for given in ["--input x=N,5,3", "--input x=Nx5x3", "--input Nx5x3", "--input x=?,5,?"] {
        assert_eq!(fed(&shell, &format!("unnamed_axes.onnx {given} --batch 2")), json!([[2, 5, 3]]));
        assert_eq!(shell.json(&format!("summary unnamed_axes.onnx {given}"))["macs"], 60, "{given}");
        shell.ok(&format!("check unnamed_axes.onnx {given} --expect-macs 60"));
        shell.ok(&format!("draw unnamed_axes.onnx {given} -o picture.svg"));
        let verified = shell.json(&format!("verify unnamed_axes.onnx {given} {}", providers()));
        assert_eq!((&verified["passed"], verified["inputs"][0]["shape"][1].as_u64()), (&json!(true), Some(5)));
    }
    let picture = |given: &str| {
        shell.ok(&format!("draw unnamed_axes.onnx {given} -o picture.svg"));
        shell.read("picture.svg")
    };
    assert_ne!(picture("--input Nx5x3"), picture("--input Nx7x3"));
    assert_eq!(fed(&shell, "unnamed_axes.onnx --input 4,5,3"), json!([[4, 5, 3]]), "the batch that the sizes fix");
    let says = ["axis 1 is dynamic", "help: it has no name to fix it by; give its shape with --input x=?x?x3"];
    shell.refuses(&format!("bench unnamed_axes.onnx {BENCH}"), INPUT, &says);
    let says = ["batch 2: the sizes given fix it at 4", "help: use batch 4, or leave it open"];
    shell.refuses(&format!("bench unnamed_axes.onnx --input 4,5,3 --batch 2 {BENCH}"), INPUT, &says);
}

#[test]
fn names_may_hold_what_parts_shapes() {
    let shell = shell();
    let by_symbol = "--dim past=7 --dim seq=2 --dim max_x=4";
    let by_shape = "--input a=b,x=N,9,4 --input past=Nx7x2";
    let mixed = "--input past=Nx7xseq --dim seq=2 --input a=b,x=N,?,4 --input 1x2=";
    for given in [by_symbol, by_shape, mixed] {
        assert_eq!(fed(&shell, &format!("names.onnx {given} --batch 3")), json!([[3, 9, 4], [3, 7, 2], []]), "{given}");
        assert_eq!(shell.json(&format!("verify names.onnx {given} {}", providers()))["passed"], true);
        assert_eq!(shell.json(&format!("summary names.onnx {given}"))["uncounted"], json!([]), "{given}");
    }
    for (given, says) in [
        ("--input past=N,7,2 --dim past=8", "shape of input past: past would be both 8 and 7"),
        ("--dim past=7 --dim seq=2 --input a=b,x=N,8,4", "symbol past + seq: is given as 8 and comes to 9"),
        ("--input past=N,7,2 --input past=N,7,2", "shape of input past: is given twice"),
        (
            "--input a=b=N,9,4",
            "input a=b: the model has no input of this name\n  help: the inputs are a=b,x, past, 1x2",
        ),
        ("--input N,9,4", "has no name, and the model has 3 inputs"),
        ("--input 1x2=3", "shape of input 1x2: 3 given, the file says scalar"),
        (
            "--dim T=3",
            "symbol T: no input's shape has this symbol\n  help: the inputs' symbols are N, past + seq, max_x, past",
        ),
    ] {
        for command in ["summary names.onnx".to_owned(), format!("bench names.onnx {BENCH}")] {
            shell.refuses(&format!("{command} {given}"), INPUT, &["error: names.onnx: ", says]);
        }
    }
}

#[test]
fn a_size_that_the_file_fixes_can_be_counted_with_and_not_fed() {
    let shell = shell();
    assert_eq!(shell.json("summary unnamed_axes.onnx --input Nx5x3")["macs"], 60);
    let says = ["4 given for axis 2, which the file fixes at 3", "help: an engine takes no other size"];
    shell.refuses(&format!("bench unnamed_axes.onnx --input Nx5x4 {BENCH}"), INPUT, &says);
    shell.refuses(&format!("verify unnamed_axes.onnx --input Nx5x4 {}", providers()), INPUT, &says);
    // The weights do not fit: counting says what would not work.
    shell.refuses("summary unnamed_axes.onnx --input Nx5x4", INPUT, &["cannot be multiplied"]);
}

/// The branch that is not taken squeezes an axis of 1: written into the file, another size makes it invalid.
#[cfg(feature = "ort")]
#[test]
fn a_branch_that_is_not_taken_may_be_invalid_at_the_sizes_fed() {
    use gnet::graph::Sizes;
    use gnet::runtime::{Array, EngineOptions, Provider, RunOptions, load, run};

    let shell = shell();
    let Some(ort) = super::runtimes::ort() else { return };
    let bench = format!("bench squeeze_in_if.onnx --provider cpu --ort-lib {} {BENCH}", ort.display());
    for (flags, shape) in [("--dim C=4", json!([1, 4, 3])), ("--input x=2xCx3 --dim C=1", json!([2, 1, 3]))] {
        let run = shell.json(&format!("{bench} {flags}"))["runs"][0].clone();
        assert_eq!(run["inputs"][0]["shape"], shape, "{run}");
    }
    let file = gnet::OnnxFile::open(&shell.path("squeeze_in_if.onnx")).unwrap();
    let engine = EngineOptions { ort_lib: Some(ort), ..EngineOptions::default() };
    for (size, made) in [(4, vec![2, 4, 3]), (1, vec![2, 3])] {
        let options = RunOptions { engine: engine.clone(), sizes: Sizes::dim("C", size), ..RunOptions::new(1, 2) };
        let mut session = load(Provider::Cpu, &file, &options).unwrap();
        let x = Array::noise(vec![2, size, 3], 1);
        let outputs = run(session.as_mut(), &x).unwrap();
        assert_eq!((&outputs[0].shape, &outputs[0].data), (&made, &x.data), "C = {size}");
    }
}
