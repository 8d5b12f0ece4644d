//! No run of a session depends on the ones before it: the node tests of the Python package `onnx`, in every engine at hand.
//!
//! `scripts/oracle` makes the Python environment. Without it this test says so and passes, unless `GNET_ORACLE=required`.

use std::path::Path;
use std::process::Command;

use gnet::OnnxFile;
use gnet::runtime::{self, Array, EngineOptions, Provider, RunOptions};
use serde::Deserialize;

use crate::{python, session};

#[derive(Deserialize)]
struct Case {
    name: String,
    random: bool,
    inputs: Vec<Fed>,
}

#[derive(Deserialize)]
struct Fed {
    name: String,
    shape: Vec<usize>,
    data: Vec<f64>,
}

/// The fewest models that each engine must run; what it refuses or fails at is passed by.
const RUN: [(Provider, usize); 2] = [(Provider::Tract, 950), (Provider::Cpu, 1250)];

/// Checks that it runs, and describes differences from run to run.
fn judged(folder: &Path, case: &Case, (provider, engine): &(Provider, EngineOptions)) -> gnet::Result<Option<String>> {
    let file = OnnxFile::of_bytes(std::fs::read(folder.join(format!("{}.onnx", case.name))).unwrap());
    let batch = case.inputs.iter().find_map(|input| input.shape.first().copied()).unwrap_or(1).max(1);
    let options = RunOptions { engine: engine.clone(), ..RunOptions::new(1, batch) };
    let mut session = runtime::load(*provider, &file, &options)?;
    let array = |input: &runtime::Input| {
        let fed = case.inputs.iter().find(|fed| fed.name == input.name).unwrap();
        Array { shape: fed.shape.clone(), data: fed.data.iter().map(|value| *value as f32).collect() }
    };
    let inputs: Vec<Array> = session.inputs().iter().map(array).collect();
    let others: Vec<Array> = inputs.iter().map(reversed).collect();
    let found = session::differs(session.as_mut(), &inputs, &others)?;
    Ok(found.map(|found| format!("{} in {provider}: {found}", case.name)))
}

#[test]
fn every_run_of_a_node_test_is_as_the_first() {
    let Some(python) = python::interpreter() else { return };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/repeat/models.py");
    let output = Command::new(python).env("PYTHONUTF8", "1").arg(script).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cases: Vec<Case> =
        serde_json::from_slice(&std::fs::read(folder.path().join("manifest.json")).unwrap()).unwrap();
    for engine in session::engines() {
        // ONNX Runtime goes on drawing where it stopped, as the standard lets it; only a new session begins anew.
        let tried = cases.iter().filter(|case| engine.0 == Provider::Tract || !case.random);
        let outcomes: Vec<_> = tried.map(|case| judged(folder.path(), case, &engine)).collect();
        let ran = outcomes.iter().flatten().count();
        let wrong: Vec<&String> = outcomes.iter().flatten().flatten().collect();
        eprintln!("{}: {ran} of {} models run, {} differ from run to run", engine.0, outcomes.len(), wrong.len());
        assert!(wrong.is_empty(), "{wrong:#?}");
        let least = RUN.iter().find(|(provider, _)| *provider == engine.0).map_or(0, |(_, least)| *least);
        assert!(ran >= least, "{ran} models run in {}, {least} did before", engine.0);
    }
}

/// The values in the opposite order: other inputs of the same kind.
fn reversed(array: &Array) -> Array {
    Array { shape: array.shape.clone(), data: array.data.iter().rev().copied().collect() }
}
