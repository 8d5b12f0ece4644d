//! Token ids and a mask: inputs other than floats, with a length that the file leaves open.

use gnet::graph::{DType, Dim, Graph, Model, Node, Tensor, ValueId};
use gnet::onnx;
use serde_json::{Value, json};

use super::shell::{CHECK, INPUT, Shell};

/// Rows of the embedding.
const VOCABULARY: usize = 30;

const BENCH: &str = "--samples 2 --min-time 0 --warmup 1";

/// `tokens` i64 `[N, T]` and `mask` bool `[N, T]` to `logits` f32 `[N, T, 3]` and `classes` i64 `[N, T]`: embedding, what the
/// mask hides set to 0, a linear layer. Row `changed` of the embedding is another.
fn model(changed: Option<usize>) -> Model {
    let mut graph = Graph::new("tokens");
    let open = |last: &[usize]| {
        let last = last.iter().map(|size| Dim::Known(*size));
        Some([Dim::symbol("N"), Dim::symbol("T")].into_iter().chain(last).collect::<Vec<_>>())
    };
    let tokens = graph.add_value("tokens", Some(DType::I64), open(&[]));
    let mask = graph.add_value("mask", Some(DType::Bool), open(&[]));
    let mut table: Vec<f32> = (0..VOCABULARY * 4).map(|i| (0.7 * i as f32).sin()).collect();
    if let Some(row) = changed {
        table[4 * row] += 0.5;
    }
    let matrix: Vec<f32> = (0..12).map(|i| (1.3 * i as f32).cos()).collect();
    let floats = |shape: &[usize], data: &[f32]| Tensor::from_f32(shape.to_vec(), data).unwrap();
    let table = graph.add_initializer("table", floats(&[VOCABULARY, 4], &table));
    let matrix = graph.add_initializer("matrix", floats(&[4, 3], &matrix));
    let zero = graph.add_initializer("zero", floats(&[1], &[0.0]));
    let last = graph.add_initializer("last", Tensor::from_i64(&[-1]));
    let mut node = |op: &str, inputs: Vec<ValueId>, (name, dtype, shape): (&str, DType, Option<Vec<Dim>>)| {
        let made = graph.add_value(name, Some(dtype), shape);
        graph.nodes.push(Node::new(format!("block/{op}"), op, inputs, vec![made]));
        made
    };
    let index = node("Cast", vec![tokens], ("index", DType::I32, open(&[])));
    let embedded = node("Gather", vec![table, index], ("embedded", DType::F32, open(&[4])));
    let column = node("Unsqueeze", vec![mask, last], ("column", DType::Bool, open(&[1])));
    let shown = node("Where", vec![column, embedded, zero], ("shown", DType::F32, open(&[4])));
    let logits = node("MatMul", vec![shown, matrix], ("logits", DType::F32, open(&[3])));
    let classes = node("ArgMax", vec![logits], ("classes", DType::I64, open(&[])));
    graph.nodes[0].set("to", 6);
    graph.nodes[5].set("axis", -1).set("keepdims", 0);
    (graph.inputs, graph.outputs) = (vec![tokens, mask], vec![logits, classes]);
    Model::new(graph, 18)
}

/// A folder with `open.onnx`, the same with `T` at 6, and one with another last row in its embedding.
fn shell() -> Shell {
    let shell = Shell::new();
    let mut fixed = model(None);
    fixed.bind(&[("T", 6)]).unwrap();
    for (name, model) in
        [("open.onnx", model(None)), ("fixed.onnx", fixed), ("other.onnx", model(Some(VOCABULARY - 1)))]
    {
        shell.write(name, onnx::write(&model).unwrap());
    }
    shell
}

/// The engines there are, as `--provider` takes them.
fn providers() -> (&'static str, String) {
    #[cfg(feature = "ort")]
    if let Some(ort) = super::runtimes::ort() {
        return ("tract,cpu", format!("--ort-lib {}", ort.display()));
    }
    ("tract", String::new())
}

fn input(name: &str, dtype: &str, range: &str) -> Value {
    json!({"name": name, "dtype": dtype, "shape": [2, 6], "range": range})
}

#[test]
fn a_bench_feeds_tokens_of_the_vocabulary_at_the_length_it_is_given() {
    let shell = shell();
    let (providers, ort) = providers();
    let line = format!("bench open.onnx --dim T=6 --batch 2 --provider {providers} {ort} {BENCH}");
    let document = shell.json(&line);
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.len(), providers.split(',').count());
    for run in runs {
        assert_eq!(run["dims"], json!({"T": 6}), "{run}");
        assert_eq!(run["inputs"], json!([input("tokens", "i64", "0..30"), input("mask", "bool", "0..2")]));
        // 6 tokens, each a product of 4 with 4 x 3.
        let rate = run["images_per_s"].as_f64().unwrap();
        assert!((run["gmacs_per_s"].as_f64().unwrap() * 1e9 / rate - 72.0).abs() < 1e-6, "{run}");
    }
    assert!(shell.ok(&line).contains("T is 6, tokens within 0..30, mask within 0..2"));
    let said = shell.json(&format!("bench fixed.onnx --batch 2 --range tokens=7..9 --range mask=1..2 {BENCH}"));
    assert_eq!(said["runs"][0]["inputs"], json!([input("tokens", "i64", "7..9"), input("mask", "bool", "1..2")]));
    assert_eq!(said["runs"][0]["dims"], json!({}));
}

#[test]
fn engines_and_lengths_agree_and_another_row_of_the_embedding_is_found() {
    let shell = shell();
    let (providers, ort) = providers();
    let engines = if providers == "tract" { "tract,tract" } else { providers };
    let document = shell.json(&format!("verify open.onnx --dim T=9 --provider {engines} {ort}"));
    assert_eq!((&document["passed"], &document["dims"]), (&json!(true), &json!({"T": 9})));
    let tokens = json!({"name": "tokens", "dtype": "i64", "shape": ["N", 9], "range": "0..30", "batch": 4});
    assert_eq!(document["inputs"][0], tokens);
    let outputs: Vec<&str> = document["comparisons"][0]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["output"].as_str().unwrap())
        .collect();
    assert!(outputs.contains(&"logits") && outputs.contains(&"classes"), "{outputs:?}");

    // One file may have fixed what the other leaves open.
    shell.ok(&format!("verify open.onnx --against fixed.onnx --dim T=6 --provider {providers} {ort}"));
    let line = format!("verify other.onnx --against open.onnx --dim T=6 --provider {providers} {ort}");
    let ran = shell.gnet(&line);
    assert_eq!(ran.code, Some(CHECK), "{ran}");
    assert!(ran.error().contains("they part at block/Gather (Gather)"), "{ran}");
    shell.ok(&format!("{line} --range tokens=0..{}", VOCABULARY - 1));
}

#[test]
fn what_cannot_be_fed_is_refused_by_name() {
    let shell = shell();
    let open = "input 'tokens': axis 1 is ";
    let remedy = "help: fix its size with --dim T=SIZE";
    shell.refuses(&format!("bench open.onnx {BENCH}"), INPUT, &["error: open.onnx: ", open, "dynamic", remedy]);
    shell.refuses("verify open.onnx --against fixed.onnx", INPUT, &[open, "dynamic", remedy]);
    for (flags, says) in [
        ("--dim K=3", "symbol K: no input's shape has this symbol"),
        ("--dim K=3", "help: the inputs' symbols are N, T"),
        ("--dim T=6 --dim T=7", "symbol T: is given as 6 and as 7"),
        ("--dim T=0", "a size of 0 leaves nothing to compute"),
        ("--dim T", "is not SYMBOL=SIZE"),
        ("--dim T=6 --range ids=0..3", "range of input 'ids': there is no such input"),
        ("--dim T=6 --range mask=0..3", "range of input 'mask': 0..3 is not within its type bool"),
        ("--dim T=6 --range tokens=0..3 --range tokens=0..4", "range of input 'tokens': is given twice"),
        ("--range tokens=3..3", "holds no number"),
        ("--range tokens=0..99999999", "goes beyond 16777216"),
    ] {
        shell.refuses(&format!("bench open.onnx {flags} {BENCH}"), INPUT, &[says]);
    }
    for (flags, says) in [
        ("--dim T=6 --dim K=3", "error: --dim K=3: no input's shape has this symbol"),
        ("--dim T=6 --dim T=7", "open.onnx: symbol T: is given as 6 and as 7"),
        ("--dim T=6 --range logits=0..3", "help: the inputs are tokens, mask"),
    ] {
        shell.refuses(&format!("verify open.onnx --against open.onnx {flags}"), INPUT, &[says]);
    }
    // Another length than the other file's.
    shell.refuses("verify open.onnx --against fixed.onnx --dim T=7", INPUT, &["tokens N x 7", "tokens N x 6"]);
    // Beyond the vocabulary the engine itself refuses.
    let ran = shell.gnet(&format!("bench open.onnx --dim T=6 --range tokens=30..31 {BENCH}"));
    assert_eq!(ran.code, Some(INPUT), "{ran}");
}
