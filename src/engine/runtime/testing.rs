//! What the tests of every engine share: files and the values of onnx's reference evaluator, stored by
//! `tests/fixtures/make.py`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::Array;
use super::compare::Agreement;

/// Engines differ from the reference by rounding alone.
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

/// The bytes of a file in `tests/fixtures`.
pub(super) fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Inputs of a file and what the reference evaluator made of them.
pub(super) fn case(name: &str) -> (Vec<Array>, Vec<Array>) {
    let mut cases: BTreeMap<String, Case> = serde_json::from_slice(&fixture("reference.json")).unwrap();
    let case = cases.remove(name).unwrap();
    (case.inputs.iter().map(Stored::array).collect(), case.outputs.iter().map(Stored::array).collect())
}

/// The first `n` images of an array.
pub(super) fn head(array: &Array, n: usize) -> Array {
    let data = array.rows().take(n).flatten().copied().collect();
    Array::new([&[n], &array.shape[1..]].concat(), data).unwrap()
}

/// Every output lies within [`TOLERANCE`] of what is expected.
pub(super) fn assert_equal(found: &[Array], expected: &[Array]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let agreement = Agreement::of(expected, found).unwrap();
        assert!(agreement.within(TOLERANCE), "{agreement:?}");
    }
}
