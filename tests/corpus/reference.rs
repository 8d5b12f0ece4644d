//! The reference evaluator against numbers that nobody here computed: the node tests of the Python package `onnx`.
//!
//! `scripts/oracle` makes the Python environment. Without it this test says so and passes, unless `GNET_ORACLE=required`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use gnet::graph::{DType, Node, Tensor};
use gnet::reference::{self, Limits};
use gnet::{Error, onnx};
use serde::Deserialize;

use super::python::interpreter;

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<Case>,
    left_out: usize,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    rtol: f64,
    atol: f64,
}

/// The fewest node tests that must pass; what is refused is counted and named, what differs fails.
const PASSED: usize = 1203;

/// The elements as 64-bit floats; whole numbers are compared as bytes.
fn real(tensor: &Tensor) -> Option<Vec<f64>> {
    let float = matches!(tensor.dtype(), DType::F32 | DType::F64 | DType::F16 | DType::BF16);
    let mut cast = Node::new("", "Cast", vec![], vec![]);
    cast.set("to", 11i64);
    let wide = float.then(|| reference::node(&cast, 18, &[Some(tensor)], Limits::default()).unwrap().remove(0))?;
    Some(wide.bytes().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect())
}

fn difference(case: &Case, expected: &Tensor, found: &Tensor) -> Option<String> {
    if (expected.dtype(), expected.shape()) != (found.dtype(), found.shape()) {
        return Some(format!("{found:?} and not {expected:?}"));
    }
    let Some((e, f)) = real(expected).zip(real(found)) else {
        return (expected != found).then(|| "whole numbers differ".to_owned());
    };
    // Chains of operations in 16 bits, rounded in another order, end two steps apart: of 7 and 10 bits of mantissa.
    let step = match expected.dtype() {
        DType::BF16 => 2f64.powi(-6),
        DType::F16 => 2f64.powi(-9),
        _ => 0.0,
    };
    let close = |a: f64, b: f64| {
        a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= case.atol + case.rtol.max(step) * a.abs()
    };
    e.iter().zip(&f).find(|(a, b)| !close(**a, **b)).map(|(a, b)| format!("{b} and not {a}"))
}

fn judge(folder: &Path, case: &Case) -> Result<Vec<String>, Error> {
    let model = onnx::read_file(&folder.join(format!("{}.onnx", case.name)))?;
    let expected = onnx::read_file(&folder.join(format!("{}.expected.onnx", case.name)))?;
    let expected = reference::run(&expected, &[])?;
    let found = reference::run(&model, &[])?;
    let differ = expected.iter().zip(&found).filter_map(|(e, f)| difference(case, e, f));
    let count = (expected.len() != found.len()).then(|| "another number of outputs".to_owned());
    Ok(differ.chain(count).map(|reason| format!("{}: {reason}", case.name)).collect())
}

#[test]
fn the_node_tests_of_onnx_are_computed_or_refused() {
    let Some(python) = interpreter() else { return };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/cases.py");
    let output = Command::new(python).env("PYTHONUTF8", "1").arg(script).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let manifest: Manifest =
        serde_json::from_slice(&std::fs::read(folder.path().join("manifest.json")).unwrap()).unwrap();
    let (mut passed, mut refused, mut failed) = (0, BTreeMap::<String, usize>::new(), Vec::new());
    for case in &manifest.cases {
        match judge(folder.path(), case) {
            Ok(differences) if differences.is_empty() => passed += 1,
            Ok(differences) => failed.extend(differences),
            Err(error) => {
                // "node x (Op): Op: reason" of a node, "file: .." of what cannot be read.
                let text = error.to_string();
                let reason = text.rsplit(": ").take(2).collect::<Vec<_>>();
                *refused.entry(reason.into_iter().rev().collect::<Vec<_>>().join(": ")).or_default() += 1;
            }
        }
    }
    let total: usize = refused.values().sum();
    eprintln!("{passed} passed, {total} refused, {} failed, {} left out", failed.len(), manifest.left_out);
    refused.iter().for_each(|(reason, count)| eprintln!("{count:4} {reason}"));
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(passed >= PASSED, "{passed} node tests passed, {PASSED} did before");
}
