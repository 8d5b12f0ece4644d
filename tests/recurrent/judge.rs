//! A file before ONNX's checker and ONNX Runtime.

use std::path::Path;
use std::process::Command;

use gnet::runtime::Array;

const SCRIPT: &str = include_str!("judge.py");

/// Checks a file and compares what it gives for each case.
pub fn judge(python: &Path, model: &[u8], cases: &[(Array, Vec<Array>)]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let array = |array: &Array| serde_json::json!({ "shape": array.shape, "data": array.data });
    let case = |(x, expected): &(Array, Vec<Array>)| serde_json::json!({ "input": array(x), "outputs": expected.iter().map(array).collect::<Vec<_>>() });
    let cases: Vec<_> = cases.iter().map(case).collect();
    std::fs::write(folder.path().join("model.onnx"), model).unwrap();
    std::fs::write(folder.path().join("cases.json"), serde_json::to_vec(&cases).unwrap()).unwrap();
    let output = Command::new(python).args(["-c", SCRIPT]).arg(folder.path()).output().unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
