//! Shared test support of all engines: files and the values of onnx's reference evaluator, stored by
//! `tests/fixtures/make.py`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::Array;
use super::agreement::Agreement;
use gnet_core::OnnxFile;

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
