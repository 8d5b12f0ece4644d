//! Shared test support of all engines: files and the values of onnx's reference evaluator, stored by
//! `tests/fixtures/make.py`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::agreement::Agreement;
use super::{Array, Session};
use gnet_core::OnnxFile;
use gnet_core::graph::{DType, Dim, Graph, Model, Node, Tensor};

/// Engines only differ from the reference by rounding.
pub(super) const TOLERANCE: f64 = 1e-5;

#[derive(Deserialize)]
struct Case {
    inputs: Vec<Stored>,
    outputs: Vec<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Stored {
    fn array(&self) -> Array {
        Array::new(self.shape.clone(), self.data.clone()).unwrap()
    }
}

/// Returns the bytes of a file in `tests/fixtures`.
pub(super) fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The file of that name there, without its ending.
pub(super) fn file(name: &str) -> OnnxFile {
    OnnxFile::of_bytes(fixture(&format!("{name}.onnx")))
}

/// Inputs of a file and what the reference evaluator made of them.
pub(super) fn case(name: &str) -> (Vec<Array>, Vec<Array>) {
    let mut cases: BTreeMap<String, Case> = serde_json::from_slice(&fixture("reference.json")).unwrap();
    let case = cases.remove(name).unwrap();
    (case.inputs.iter().map(Stored::array).collect(), case.outputs.iter().map(Stored::array).collect())
}

/// Returns the first `n` images of an array.
pub(super) fn head(array: &Array, n: usize) -> Array {
    let data = array.rows().take(n).flatten().copied().collect();
    Array::new([&[n], &array.shape[1..]].concat(), data).unwrap()
}

/// Asserts that every output is within [`TOLERANCE`] of the expected one.
pub(super) fn assert_equal(found: &[Array], expected: &[Array]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let agreement = Agreement::of(expected, found).unwrap();
        assert!(agreement.within(TOLERANCE), "{agreement:?}");
    }
}

/// A file that adds 1 to 64-bit integers and takes a tenth of 64-bit floats: `f32` holds neither result.
pub(super) fn wide() -> OnnxFile {
    let mut graph = Graph::new("wide");
    let one = graph.add_initializer("one", Tensor::from_i64(&[1]));
    let tenth = Tensor::new(DType::F64, vec![1], 0.1_f64.to_le_bytes().to_vec()).unwrap();
    let tenth = graph.add_initializer("tenth", tenth);
    let mut add = |name: &str, dtype| graph.add_value(name, Some(dtype), Some(vec![Dim::symbol("N")]));
    let [x, y] = ["x", "y"].map(|name| add(name, DType::I64));
    let [d, z] = ["d", "z"].map(|name| add(name, DType::F64));
    graph.nodes = vec![Node::new("", "Add", vec![x, one], vec![y]), Node::new("", "Mul", vec![d, tenth], vec![z])];
    (graph.inputs, graph.outputs) = (vec![x, d], vec![y, z]);
    OnnxFile::of_model(Model::new(graph, 18))
}

/// Asserts that a session of [`wide`], loaded for a batch of 3, gives its outputs in their own types.
pub(super) fn assert_exact(session: &mut dyn Session) {
    let array = |data: [f32; 3]| Array::new(vec![3], data.to_vec()).unwrap();
    session.bind(&[array([1_099_511_627_776.0, -3.0, 0.0]), array([0.5, -3.0, 7.0])]).unwrap();
    assert!(session.tensors().is_err(), "nothing has run");
    session.run().unwrap();
    let tensors = session.tensors().unwrap();
    assert_eq!(tensors[0].to_i64().unwrap(), [1_099_511_627_777, -2, 1]);
    let tenths: Vec<u8> = [0.5, -3.0, 7.0].iter().flat_map(|value: &f64| (value * 0.1).to_le_bytes()).collect();
    assert_eq!(tensors[1], Tensor::new(DType::F64, vec![3], tenths).unwrap());
    assert_eq!(session.outputs().unwrap()[0].data, [1_099_511_627_776.0, -2.0, 1.0]);
}
