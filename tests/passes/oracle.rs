//! ONNX Runtime, from Python, computes the same before and after.
//!
//! `scripts/oracle` makes the environment. Without it this test says so and passes, unless `GNET_ORACLE=required`.

use std::path::Path;
use std::process::Command;

use gnet::graph::{Attribute, Model, Node, Tensor};
use gnet::onnx;
use gnet::passes::{self, DEFAULT, PassOptions};
use serde_json::{Value, json};

use super::generate::{network, series};
use super::judge::computed;
use super::python::interpreter;
use super::wide::wide;

/// A graph before and after, and what it is fed and answers.
struct Case {
    name: String,
    before: Model,
    after: Model,
    runs: Vec<(Vec<Tensor>, Vec<Tensor>)>,
}

/// Removes the statements of a file about another batch, which ONNX Runtime would believe.
fn unstated(mut model: Model) -> Model {
    let made: Vec<_> = model.graph.nodes.iter().flat_map(Node::makes).collect();
    made.into_iter().for_each(|id| model.graph.value_mut(id).shape = None);
    model
}

impl Case {
    fn new(name: String, before: Model, runs: Vec<(Vec<Tensor>, Vec<Tensor>)>) -> Self {
        let mut after = before.clone();
        passes::run(&mut after, &DEFAULT, &PassOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        Self { name, before: unstated(before), after, runs }
    }

    /// Writes both files; what the script reads of them.
    fn write(&self, folder: &Path, number: usize) -> Value {
        let file = |what: &str, model: &Model| {
            let file = format!("{number}.{what}.onnx");
            std::fs::write(folder.join(&file), onnx::write(model).unwrap()).unwrap();
            file
        };
        let array = |tensor: &Tensor| json!({ "shape": tensor.shape(), "data": tensor.to_f32().unwrap() });
        let run = |(inputs, outputs): &(Vec<Tensor>, Vec<Tensor>)| {
            let named = self.before.graph.inputs.iter().map(|id| self.before.graph.value(*id).name.clone());
            let inputs: serde_json::Map<_, _> = named.zip(inputs.iter().map(array)).collect();
            json!({ "inputs": inputs, "outputs": outputs.iter().map(array).collect::<Vec<_>>() })
        };
        json!({
            "name": self.name,
            "before": file("before", &self.before),
            "after": file("after", &self.after),
            "runs": self.runs.iter().map(run).collect::<Vec<_>>(),
        })
    }
}

/// Graphs compared, refused and failed, and what was said of the last two.
fn judged(python: &Path, cases: &[Case]) -> (Value, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<Value> = cases.iter().enumerate().map(|(i, case)| case.write(folder.path(), i)).collect();
    let manifest = folder.path().join("cases.json");
    std::fs::write(&manifest, serde_json::to_vec(&cases).unwrap()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/passes/oracle.py");
    let output = Command::new(python).env("PYTHONUTF8", "1").arg(script).arg(&manifest).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut lines: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    (serde_json::from_str(&lines.pop().unwrap()).unwrap(), lines)
}

fn of_wide(number: u64) -> Case {
    let graph = wide(number);
    let runs = graph.inputs.into_iter().zip(graph.outputs).collect();
    Case::new(format!("wide {number}"), graph.model, runs)
}

fn of_network(number: u64) -> Case {
    let sample = network(&series(number));
    let answer = computed(&sample.model, &sample.input);
    Case::new(format!("network {number}"), sample.model, vec![(vec![sample.input], answer)])
}

#[test]
fn onnx_runtime_computes_the_same_before_and_after() {
    let Some(python) = interpreter() else { return };
    let cases: Vec<Case> = (0..300).map(of_wide).chain((0..100).map(of_network)).collect();
    let (counts, lines) = judged(&python, &cases);
    eprintln!("{counts}\n{}", lines.join("\n"));
    assert_eq!(counts["failed"], 0, "{}", lines.join("\n"));
    assert!(counts["compared"].as_u64().unwrap() >= 360, "too many were refused: {}", lines.join("\n"));
}

#[test]
fn onnx_runtime_finds_what_is_planted() {
    let Some(python) = interpreter() else { return };
    let planted = |number: u64| {
        let mut case = of_wide(number);
        let node = case.after.graph.nodes.iter_mut().rev().find(|node| node.is("Add") || node.is("Gemm"))?;
        match node.is("Gemm") {
            true => drop(node.attributes.insert("beta".into(), Attribute::Float(1.01))),
            false => node.op_type = "Sub".into(),
        }
        Some(case)
    };
    let cases: Vec<Case> = (0..60).filter_map(planted).collect();
    let (counts, _) = judged(&python, &cases);
    let failed = counts["failed"].as_u64().unwrap() as usize;
    assert!(cases.len() >= 20 && failed * 10 >= cases.len() * 5, "{counts} of {}", cases.len());
}
