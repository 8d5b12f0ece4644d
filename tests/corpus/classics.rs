//! The classic networks among the backend tests of the package `onnx`, against the count of `oracle/count.py`.
//!
//! `scripts/oracle` makes the Python environment. Without it the test says so and passes, unless `GNET_ORACLE=required`.

use std::path::{Path, PathBuf};
use std::process::Command;

use gnet::cost::Analysis;
use gnet::graph::Sizes;
use gnet::infer::infer;
use gnet::onnx;
use serde::Deserialize;

use super::python::interpreter;

/// Counts of a network according to the script.
#[derive(Debug, Deserialize)]
struct Known {
    name: String,
    path: PathBuf,
    params: u64,
    weights: u64,
    macs: u64,
    peak_bytes: u64,
    read_bytes: u64,
    written_bytes: u64,
}

#[test]
fn the_classic_networks_count_as_an_independent_count_says() {
    let Some(python) = interpreter() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/count.py");
    let output = Command::new(python).env("PYTHONUTF8", "1").arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let networks: Vec<Known> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(networks.len(), 9);
    for known in networks {
        let mut model = onnx::read_file(&known.path).unwrap();
        infer(&mut model, &Sizes::none()).unwrap();
        let found = Analysis::of(&model.graph, None).unwrap();
        assert_eq!(found.uncounted, [], "{}", known.name);
        let counted = [found.params, found.weights, found.macs];
        assert_eq!(counted, [known.params, known.weights, known.macs], "parameters, weights, MACs of {}", known.name);
        let bytes = [found.peak_bytes, found.read_bytes, found.written_bytes];
        let expected = [known.peak_bytes, known.read_bytes, known.written_bytes];
        assert_eq!(bytes, expected, "peak memory, bytes read, bytes written of {}", known.name);
        let [params, weights, macs] = counted;
        eprintln!("{:14} {params:>11} parameters {weights:>11} weights {macs:>14} MACs", known.name);
    }
}
