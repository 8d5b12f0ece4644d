//! The exports of all cases before judges that nobody here wrote, in one process: ONNX's checker and shape inference, and
//! ONNX Runtime.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use gnet::runtime::Array;
use serde::Deserialize;
use serde_json::{Value, json};

use super::case::{Engine, TOLERANCE};
use super::judge::Outcome;

/// The script's findings about one file.
#[derive(Debug, Deserialize)]
pub struct Answer {
    pub case: String,
    pub opset: i64,
    /// Faults of the file.
    pub file: Vec<String>,
    /// Faults of its numbers.
    pub numbers: Vec<String>,
}

/// Asks about files: what a case came to, and the bytes to judge by opset.
pub fn ask(python: &Path, files: &[(&Outcome, &BTreeMap<i64, bytes::Bytes>)]) -> Vec<Answer> {
    let folder = tempfile::Builder::new().prefix("lowering-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut numbers = Vec::new();
    let mut cases = Vec::new();
    for (i, (outcome, files)) in files.iter().enumerate() {
        let mut add = |array: &Array| -> Value {
            let offset = numbers.len();
            numbers.extend_from_slice(&array.data);
            json!({ "offset": offset, "len": array.data.len(), "shape": array.shape })
        };
        let runs: Vec<Value> = outcome.runs.iter().map(|(x, y)| json!({ "input": add(x), "output": add(y) })).collect();
        let file = |(opset, bytes): (&i64, &bytes::Bytes)| {
            let file = format!("{i}.{opset}.onnx");
            std::fs::write(folder.path().join(&file), bytes).unwrap();
            json!({ "opset": opset, "file": file })
        };
        let files: Vec<Value> = files.iter().map(file).collect();
        let case = &outcome.case;
        cases.push(json!({ "name": case.name, "tolerance": TOLERANCE, "runs": runs, "files": files }));
    }
    let bytes: Vec<u8> = numbers.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.path().join("numbers.f32"), bytes).unwrap();
    let manifest = folder.path().join("manifest.json");
    std::fs::write(&manifest, json!({ "cases": cases }).to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lowering/oracle.py");
    let output = Command::new(python).env("PYTHONUTF8", "1").arg(script).arg(&manifest).output().unwrap();
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the faults in the answers about good files; a case that ONNX Runtime cannot run must fail there.
pub fn complaints(outcomes: &[&Outcome], answers: &[Answer]) -> Vec<String> {
    let mut wrong = Vec::new();
    for outcome in outcomes {
        let of_case: Vec<_> = answers.iter().filter(|answer| answer.case == outcome.case.name).collect();
        if of_case.len() != outcome.files.len() {
            wrong.push(format!("{}: {} answers for {} files", outcome.case.name, of_case.len(), outcome.files.len()));
        }
        for answer in of_case {
            let place = format!("{}, opset {}", answer.case, answer.opset);
            wrong.extend(answer.file.iter().map(|said| format!("{place}: {said}")));
            match outcome.case.excuse(Engine::OnnxRuntime) {
                None => wrong.extend(answer.numbers.iter().map(|said| format!("{place}: {said}"))),
                Some(reason) if answer.numbers.is_empty() => {
                    wrong.push(format!("{place}: ONNX Runtime agrees, which it cannot: {reason}"));
                }
                Some(_) => {}
            }
        }
    }
    wrong
}
