//! Hands files to `corpus.py` and takes its verdicts back.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::python::interpreter;
use crate::shapes::Dump;

/// The package, and a folder for what it writes.
pub struct Judge {
    python: PathBuf,
    folder: TempDir,
}

/// The models to read.
#[derive(Debug, Deserialize)]
pub struct Corpus {
    /// Version of the package.
    pub package: String,
    pub files: Vec<File>,
    /// Models that the package names and does not ship.
    pub not_shipped: Vec<String>,
}

/// A model on disk.
#[derive(Debug, Deserialize)]
pub struct File {
    pub name: String,
    pub path: PathBuf,
}

/// Two files to be compared.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pair {
    pub name: String,
    pub original: PathBuf,
    pub written: PathBuf,
}

impl Judge {
    /// `None` when the environment is not there and is not required.
    pub fn new() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("corpus-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Some(Self { python: interpreter()?, folder })
    }

    pub fn corpus(&self) -> Corpus {
        let folder = self.folder("models");
        serde_json::from_value(self.ask("list", &folder)).unwrap()
    }

    /// Pairs with a planted difference, and the place where each must be found; a control has none.
    pub fn planted(&self) -> (Vec<Pair>, Vec<Option<String>>) {
        let mut answer = self.ask("plant", &self.folder("planted"));
        let pairs = answer["pairs"].as_array().unwrap();
        let places = pairs.iter().map(|pair| pair["place"].as_str().map(str::to_owned)).collect();
        (serde_json::from_value(answer["pairs"].take()).unwrap(), places)
    }

    /// The differences of each pair.
    pub fn compare(&self, pairs: &[Pair]) -> Vec<Vec<String>> {
        #[derive(Deserialize)]
        struct Verdict {
            name: String,
            differences: Vec<String>,
        }
        let answer = self.ask_about("compare", "pairs", &json!(pairs));
        let verdicts: Vec<Verdict> = serde_json::from_value(answer["pairs"].clone()).unwrap();
        assert!(verdicts.iter().map(|v| &v.name).eq(pairs.iter().map(|p| &p.name)), "a verdict for each pair");
        verdicts.into_iter().map(|v| v.differences).collect()
    }

    /// Each model that the package can strip, where the stripped one lies and what the package infers of it.
    pub fn shapes(&self, corpus: &Corpus) -> Vec<(PathBuf, Dump)> {
        let folder = self.folder("bare");
        let bare = |i: usize| folder.join(format!("{i}.onnx"));
        let files = corpus.files.iter().enumerate();
        let files: Vec<_> =
            files.map(|(i, file)| json!({ "name": file.name, "path": file.path, "bare": bare(i) })).collect();
        let mut answer = self.ask_about("infer", "files", &json!(files));
        let dumps: Vec<Dump> = serde_json::from_value(answer["models"].take()).unwrap();
        assert!(dumps.iter().map(|d| &d.name).eq(corpus.files.iter().map(|f| &f.name)), "an answer for each model");
        dumps.into_iter().enumerate().map(|(i, dump)| (bare(i), dump)).collect()
    }

    /// A folder of this judge's own, which goes with it.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn ask_about(&self, command: &str, key: &str, content: &Value) -> Value {
        let manifest = self.folder.path().join(format!("{command}.json"));
        std::fs::write(&manifest, json!({ key: content }).to_string()).unwrap();
        self.ask(command, &manifest)
    }

    fn ask(&self, command: &str, argument: &Path) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/corpus.py");
        let mut python = Command::new(&self.python);
        let output = python.env("PYTHONUTF8", "1").arg(script).arg(command).arg(argument).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "corpus.py {command}: {}: {errors}", output.status);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
