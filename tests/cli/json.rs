//! The program's JSON documents against the page that documents them, `reports/JSON.md`: every key is documented, and
//! every documented key is written; and against the schemas (`gnet schema`), with Python's `jsonschema`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gnet::data::Source;
use gnet::reproduce::ReproduceOptions;
use gnet::train::Silent;
use serde_json::Value;

use super::schemas;
use super::shell::Shell;
use super::trained::training;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/reports/JSON.md"));

/// Keys that a test on any machine need not meet: copies from and to a device, NVIDIA's devices, clocks, governors and control
/// groups, a provider's libraries, nodes that fell back, and remarks on a BatchNorm that stays.
const ELSEWHERE: [&str; 17] = [
    "compare: absent",
    "bench: runs[].after.clock",
    "bench: runs[].after.governors",
    "bench: runs[].after.gpus",
    "bench: runs[].after.throttled",
    "bench: runs[].before.clock",
    "bench: runs[].before.governors",
    "bench: runs[].before.gpus",
    "bench: runs[].before.throttled",
    "bench: runs[].copies",
    "bench: runs[].placement.others",
    "doctor: gpus.devices",
    "doctor: gpus.device_files",
    "doctor: providers[].dependencies[].found",
    "export: refused",
    "runtime install: libraries",
    "verify: comparisons[].redrawn",
];
/// Keys that only ONNX Runtime provides.
const OF_ONNX_RUNTIME: [&str; 3] = ["bench: runs[].placement", "bench: runs[].profile", "doctor: onnxruntime.library"];

/// One documented path. `a[].b` is the key `b` of each object in the list `a`.
#[derive(Debug)]
pub struct Documented {
    pub path: String,
    /// A flag or a condition decides whether it is there.
    pub only: bool,
}

/// The rows of the page, by command.
pub fn page() -> BTreeMap<&'static str, Vec<Documented>> {
    let mut sections = BTreeMap::new();
    for section in PAGE.split("\n## `").skip(1) {
        let (command, rows) = section.split_once('`').unwrap();
        let mut paths: Vec<Documented> = Vec::new();
        for row in rows.lines().filter_map(|line| line.strip_prefix("| `")) {
            let (cells, meaning) = row.split_once("` | ").unwrap_or_else(|| panic!("{command}: {row}"));
            let mut parent = "";
            for name in cells.split("`, `") {
                let path = name.strip_prefix('.').map_or(name.to_owned(), |name| format!("{parent}{name}"));
                if !name.starts_with('.') {
                    let of = name.strip_suffix(".*").unwrap_or(name);
                    parent = of.rfind('.').map_or("", |dot| &name[..=dot]);
                }
                assert!(paths.iter().all(|other| other.path != path), "{command}: {path} stands there twice");
                paths.push(Documented { path, only: meaning.contains("only with") });
            }
        }
        assert!(!paths.is_empty() && sections.insert(command, paths).is_none(), "{command}");
    }
    sections
}

/// The documents that were written, with what of the page was seen in them.
struct Held {
    documents: Vec<(&'static str, Value)>,
    page: BTreeMap<&'static str, Vec<Documented>>,
    seen: BTreeSet<String>,
    wrong: BTreeSet<String>,
}

impl Held {
    fn hold(&mut self, command: &'static str, document: &Value) {
        assert_eq!(document["schema_version"], 1, "{command}");
        let mut rest = document.clone();
        rest.as_object_mut().unwrap().remove("schema_version");
        self.value(command, "", &rest);
        self.documents.push((command, document.clone()));
    }

    /// A reproduction on the tiny images. Its own section leaves open what the documents of other commands hold.
    fn reproduction(&mut self, shell: &Shell, library: Option<&Path>) {
        let mut options = ReproduceOptions::new(shell.path("reports"), env!("CARGO_BIN_EXE_gnet"));
        (options.quick, options.data) = (true, Source::Dir(shell.path("data")));
        options.engine.ort_lib = library.map(Path::to_path_buf);
        gnet::reproduce::run(&options, &mut Silent).unwrap();
        let document: Value = serde_json::from_slice(&shell.read("reports/reproduce.json")).unwrap();
        self.hold("reproduce", &document);
        for command in ["compare", "export", "summary", "bench"] {
            self.value(command, "", &document[command]);
        }
        self.value("compare --paper", "", &document["paper"]);
        self.value("train", "", &document["training"]["outcome"]);
    }

    /// The commands about runtimes, of which one is installed: its library is what it should be, a text. And a damaged package
    /// of libraries.
    #[cfg(feature = "ort")]
    fn runtimes(&mut self, shell: &Shell) {
        let folder = format!("data/gnet/runtime/cpu-{}", gnet::install::ONNX_RUNTIME);
        let libraries = "data/gnet/runtime/libraries/nvidia-cublas-13.0";
        std::fs::create_dir_all(shell.path(libraries)).unwrap();
        std::fs::create_dir_all(shell.path(&folder)).unwrap();
        shell.write(&format!("{folder}/libonnxruntime.so"), "half");
        let file = serde_json::json!({"name": "libonnxruntime.so", "bytes": 4,
            "sha256": "a11ae06469c63740d7b0ecf802f282a0d46e94f31a654dfcd3c0dc6dc277f904"});
        let manifest = serde_json::json!({"kind": "cpu", "package": "onnxruntime", "version": gnet::install::ONNX_RUNTIME, "wheel": "w",
            "sha256": "", "files": [file]});
        shell.write(&format!("{folder}/manifest.json"), manifest.to_string());
        let home = [("XDG_DATA_HOME", shell.path("data").to_str().unwrap().to_owned())];
        let home = home.each_ref().map(|(name, value)| (*name, value.as_str()));
        for (command, line) in [
            ("runtime install", "runtime install cpu --format json"),
            ("runtime list", "runtime list --format json"),
            ("runtime remove", "runtime remove cpu --format json"),
        ] {
            let ran = shell.gnet_with(&home, &line.split_whitespace().collect::<Vec<_>>());
            self.hold(command, &serde_json::from_str(&ran.out).unwrap_or_else(|reason| panic!("{reason}: {ran}")));
        }
    }

    fn value(&mut self, command: &'static str, path: &str, value: &Value) {
        match value {
            Value::Object(keys) => {
                let dot = if path.is_empty() { "" } else { "." };
                for (key, inside) in keys {
                    self.key(command, &format!("{path}{dot}{key}"), inside);
                }
                for documented in &self.page[command] {
                    let Some(key) = documented.path.strip_prefix(&format!("{path}{dot}")) else { continue };
                    let key = &key[..key.find(['.', '[']).unwrap_or(key.len())];
                    let whole = format!("{path}{dot}{key}");
                    let only = self.page[command].iter().any(|row| row.only && row.path == whole);
                    if key != "*" && !only && !keys.contains_key(key) {
                        self.wrong.insert(format!("{command}: {whole} is documented and not written"));
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.value(command, &format!("{path}[]"), item)),
            _ => {}
        }
    }

    fn key(&mut self, command: &'static str, path: &str, value: &Value) {
        let below =
            |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']));
        let mut found = false;
        for documented in &self.page[command] {
            let free = documented.path.strip_suffix(".*");
            if documented.path == path || free.is_some_and(|free| below(free, path)) {
                self.seen.insert(format!("{command}: {}", documented.path));
                found = true;
            } else if below(path, &documented.path) {
                // A list of plain values, or an object whose keys are the file's: empty ones are seen as well.
                if documented.path[path.len()..] == *"[]" || free == Some(path) {
                    self.seen.insert(format!("{command}: {}", documented.path));
                }
                found = true;
            }
        }
        if !found {
            self.wrong.insert(format!("{command}: {path} is written and not documented"));
        }
        self.value(command, path, value);
    }
}

#[test]
fn every_key_stands_on_the_page_and_every_documented_key_is_written() {
    let shell = Shell::with_run();
    for fixture in ["dynamic", "fixed", "strings", "lstm"] {
        let file = format!("{}/tests/fixtures/{fixture}.onnx", env!("CARGO_MANIFEST_DIR"));
        shell.write(&format!("{fixture}.onnx"), std::fs::read(file).unwrap());
    }
    let x = gnet::graph::Tensor::from_f32(vec![2, 2, 5, 5], &[0.5; 100]).unwrap();
    gnet::arrays::write(&shell.path("x.npz"), &[("x".to_owned(), x)]).unwrap();
    super::formats::picture(&shell, "a.png");
    shell.write("gate.toml", "model = 'strings.onnx'\n[budget]\nmax_params = 1000\nmax_macs = 1\n");
    let mut held = Held { documents: Vec::new(), page: page(), seen: BTreeSet::new(), wrong: BTreeSet::new() };
    held.hold("train", &serde_json::from_str(&training().out).unwrap());
    let quick = "--samples 2 --min-time 0 --warmup 1";
    for (command, line) in [
        ("compare", "compare --measure --pairs 1"),
        ("compare --paper", "compare --paper"),
        ("summary", "summary strings.onnx"),
        ("summary", "summary --preset bn-aux --image-size 28 --tree"),
        ("check", "check strings.onnx --max-params 1"),
        ("check", "check strings.onnx --max-macs 1"),
        ("gate", "gate gate.toml"),
        ("diff", "diff fixed.onnx dynamic.onnx"),
        ("diff", "diff fixed.onnx lstm.onnx"),
        ("optimize", "optimize dynamic.onnx -o o.onnx"),
        ("optimize", "optimize strings.onnx -o o.onnx"),
        ("optimize --list", "optimize --list"),
        ("export", "export run -o x.onnx --no-verify"),
        ("bench", &format!("bench dynamic.onnx {quick}")),
        ("bench", &format!("bench dynamic.onnx --batch 1,2 {quick} --save log.jsonl")),
        ("bench", &format!("bench dynamic.onnx {quick} --baseline log.jsonl")),
        ("bench", &format!("bench dynamic.onnx {quick} --inputs-from x.npz")),
        ("bench", &format!("bench dynamic.onnx {quick} --tune")),
        ("ab", "ab dynamic.onnx --samples 2 --min-time 0"),
        ("verify", "verify fixed.onnx --against dynamic.onnx"),
        ("verify", "verify fixed.onnx --against dynamic.onnx --inputs-from x.npz"),
        ("doctor", "doctor"),
        ("runtime list", "runtime list"),
        ("eval", "eval model.onnx --data data"),
        ("predict", "predict model.onnx a.png"),
        ("schema", "schema"),
    ] {
        let ran = shell.gnet(&format!("{line} --format json"));
        held.hold(command, &serde_json::from_str(&ran.out).unwrap_or_else(|reason| panic!("{reason}: {ran}")));
    }
    shell.ok(&format!("bench dynamic.onnx {quick} --save log.jsonl"));
    held.hold("bench --save", &serde_json::from_slice(&shell.read("log.jsonl")).unwrap());
    #[cfg(feature = "ort")]
    let library = super::runtimes::ort();
    #[cfg(not(feature = "ort"))]
    let library: Option<std::path::PathBuf> = None;
    held.reproduction(&shell, library.as_deref());
    #[cfg(feature = "ort")]
    held.runtimes(&shell);
    if let Some(library) = &library {
        let with = [("GNET_ORT_LIB", library.to_str().unwrap())];
        for line in [&format!("bench dynamic.onnx --provider cpu --profile trace.json {quick}"), "doctor"] {
            let words = line.split_whitespace().chain(["--format", "json"]).collect::<Vec<_>>();
            let ran = shell.gnet_with(&with, &words);
            let command = if line == "doctor" { "doctor" } else { "bench" };
            held.hold(command, &serde_json::from_str(&ran.out).unwrap_or_else(|reason| panic!("{reason}: {ran}")));
        }
    }
    for (command, paths) in &held.page {
        for documented in paths {
            let path = format!("{command}: {}", documented.path);
            let mut elsewhere = ELSEWHERE.iter().chain(OF_ONNX_RUNTIME.iter().filter(|_| library.is_none()));
            if !held.seen.contains(&path) && !elsewhere.any(|begins| path.starts_with(begins)) {
                held.wrong.insert(format!("{path} is documented and was never seen"));
            }
        }
    }
    assert!(held.wrong.is_empty(), "reports/JSON.md:\n{}", Vec::from_iter(held.wrong).join("\n"));
    let names: Vec<_> = held.documents.iter().map(|(command, _)| schemas::name(command)).collect();
    let documents = names.iter().map(String::as_str).zip(held.documents.into_iter().map(|(_, document)| document));
    let said = schemas::complaints(&documents.collect::<Vec<_>>()).unwrap_or_default();
    assert!(said.is_empty(), "documents against `gnet schema`:\n{}", said.join("\n"));
}
