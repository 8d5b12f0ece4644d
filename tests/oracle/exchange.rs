//! Hands files and numbers to `check.py` and takes its verdict back.

use std::path::Path;
use std::process::Command;

use gnet::runtime::Array;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::variants::{Reference, Run, Variant};

/// A folder with everything that `check.py` reads.
pub struct Exchange {
    folder: TempDir,
    references: serde_json::Map<String, Value>,
    variants: Vec<Value>,
}

/// Verdict of `check.py`.
#[derive(Debug)]
pub struct Verdict {
    /// Whether it found no fault.
    pub passed: bool,
    /// Its lines, one a variant and a last one with the count.
    pub lines: Vec<String>,
    /// Its exit status and what it wrote to stderr.
    pub errors: String,
}

impl Exchange {
    pub fn new() -> Self {
        // Beside the build: a temporary folder of the system may lie in memory, and this takes most of a gigabyte.
        let folder = tempfile::Builder::new().prefix("oracle-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self { folder, references: serde_json::Map::new(), variants: Vec::new() }
    }

    pub fn reference(&mut self, reference: Reference) {
        let run = |(i, Run { input, outputs }): (usize, &Run)| {
            let file = |what: &str| format!("{}.{i}.{what}.f32", self.references.len());
            let outputs = outputs.iter().map(|(name, output)| (*name, self.array(&file(name), output)));
            let outputs: serde_json::Map<_, _> = outputs.map(|(name, entry)| (name.to_owned(), entry)).collect();
            json!({ "input": self.array(&file("input"), input), "outputs": outputs })
        };
        let runs: Value = reference.runs.iter().enumerate().map(run).collect();
        self.references.insert(reference.name, runs);
    }

    /// Writes the elements, row-major and little-endian.
    fn array(&self, file: &str, array: &Array) -> Value {
        let bytes: Vec<u8> = array.data.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(self.folder.path().join(file), bytes).unwrap();
        json!({ "file": file, "shape": array.shape })
    }

    pub fn variant(&mut self, variant: Variant) {
        let file = format!("{}.onnx", self.variants.len());
        std::fs::write(self.folder.path().join(&file), &variant.bytes).unwrap();
        self.variants.push(json!({
            "name": variant.name,
            "file": file,
            "reference": variant.reference,
            "opset": variant.opset,
            "fixed_batch": variant.fixed_batch,
            "outputs": variant.outputs,
            "metadata": variant.metadata,
            "producer_version": env!("CARGO_PKG_VERSION"),
        }));
    }

    pub fn len(&self) -> usize {
        self.variants.len()
    }

    pub fn check(self, python: &Path) -> Verdict {
        let manifest = self.folder.path().join("manifest.json");
        let content = json!({ "references": self.references, "variants": self.variants });
        std::fs::write(&manifest, content.to_string()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/check.py");
        let output = Command::new(python).env("PYTHONUTF8", "1").arg(script).arg(&manifest).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Verdict {
            passed: output.status.success(),
            lines: text(&output.stdout).lines().map(str::to_owned).collect(),
            errors: format!("{}: {}", output.status, text(&output.stderr)),
        }
    }
}
