//! The schemas of the program's JSON documents: the files in `reports/schemas`, the page `reports/JSON.md`, and Python's
//! `jsonschema`, by which the documents that the program writes are judged.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::json::page;
use super::shell::{INPUT, Shell};
#[path = "../oracle/python.rs"]
pub mod python;

/// Returns what Python's `jsonschema` has against the documents, a line each that begins with the document's place; `None`
/// without the oracle. A key that a schema does not know is a complaint too.
pub fn complaints(documents: &[(&str, Value)]) -> Option<Vec<String>> {
    let shell = Shell::new();
    let names: BTreeSet<_> = documents.iter().map(|(name, _)| *name).collect();
    complaints_by(&names.into_iter().map(|name| (name, schema(&shell, name))).collect(), documents)
}

/// As [`complaints`], by schemas of one's own.
fn complaints_by(schemas: &BTreeMap<&str, Value>, documents: &[(&str, Value)]) -> Option<Vec<String>> {
    let python = python::interpreter()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/documents.py");
    let pipes = |command: &mut Command| command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut judge = pipes(Command::new(python).arg(script));
    // It reads all before it writes.
    let given = json!({"schemas": schemas, "documents": documents}).to_string();
    judge.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    let said = judge.wait_with_output().unwrap();
    assert!(said.status.success(), "the judge itself failed");
    Some(String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect())
}

fn schema(shell: &Shell, name: &str) -> Value {
    serde_json::from_str(&shell.ok(&format!("schema {name}"))).unwrap()
}

/// The names of the documents that have a schema.
fn names(shell: &Shell) -> Vec<String> {
    let list = shell.json("schema");
    list["documents"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

/// The name of a section of the page as a document's: `compare --paper` is `compare-paper`.
pub fn name(section: &str) -> String {
    section.replace(" --", " ").replace(' ', "-")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/schemas")
}

#[test]
fn the_files_are_what_the_program_writes() {
    let shell = Shell::new();
    let mut expected = BTreeMap::new();
    for name in names(&shell) {
        expected.insert(format!("{name}.json"), shell.ok(&format!("schema {name}")));
    }
    let files = |kept: &Path| std::fs::read_dir(kept).into_iter().flatten().map(|entry| entry.unwrap().path());
    if std::env::var_os("GNET_BLESS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(folder()).unwrap();
        files(&folder()).for_each(|file| std::fs::remove_file(file).unwrap());
        expected.iter().for_each(|(file, text)| std::fs::write(folder().join(file), text).unwrap());
    }
    let read = |path: PathBuf| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap())
    };
    let mut found: BTreeMap<_, _> = files(&folder()).map(read).collect();
    if cfg!(not(feature = "ort")) {
        found.retain(|file, _| expected.contains_key(file));
    }
    let differ: BTreeSet<_> =
        found.keys().chain(expected.keys()).filter(|file| found.get(*file) != expected.get(*file)).collect();
    assert!(
        differ.is_empty(),
        "reports/schemas is stale: {differ:?}; `GNET_BLESS=1 cargo test --release --test cli schemas` writes it"
    );
}

/// Keys of a schema, each with whether it is always there: `a.b` is the key `b` of the object `a`, `a[].b` that of each
/// object in the list `a`, `a.*` any key of `a`. Those that hold no others are in `ends`.
#[derive(Default)]
struct Keys {
    required: BTreeMap<String, bool>,
    ends: BTreeSet<String>,
}

impl Keys {
    fn of(root: &Value) -> Self {
        let mut keys = Self::default();
        keys.add(root, root, "");
        keys
    }

    fn add(&mut self, root: &Value, schema: &Value, path: &str) {
        let dot = if path.is_empty() { "" } else { "." };
        let mut end = true;
        if let Some(to) = schema["$ref"].as_str() {
            end = false;
            self.add(root, root.pointer(to.strip_prefix('#').unwrap()).unwrap(), path);
        }
        for one in schema["anyOf"].as_array().into_iter().flatten() {
            if one["type"] != "null" {
                end = false;
                self.add(root, one, path);
            }
        }
        for (key, inside) in schema["properties"].as_object().into_iter().flatten() {
            end = false;
            let below = format!("{path}{dot}{key}");
            let required = schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == key));
            self.required.insert(below.clone(), required);
            self.add(root, inside, &below);
        }
        for (keyword, step) in [("items", "[]"), ("additionalProperties", ".*")] {
            if let Some(inside) = schema.get(keyword) {
                end = false;
                self.required.insert(format!("{path}{step}"), true);
                self.add(root, inside, &format!("{path}{step}"));
            }
        }
        if end {
            self.ends.insert(path.to_owned());
        }
    }
}

#[test]
fn the_page_and_the_schemas_list_the_same_keys() {
    let shell = Shell::new();
    let page = page();
    let mut wrong = BTreeSet::new();
    let mut without: BTreeSet<String> = names(&shell).into_iter().collect();
    for (section, rows) in &page {
        let name = name(section);
        if cfg!(not(feature = "ort")) && !without.contains(&name) {
            continue;
        }
        without.remove(&name);
        let keys = Keys::of(&schema(&shell, &name));
        let free: Vec<_> = rows.iter().filter_map(|row| row.path.strip_suffix('*')).collect();
        for row in rows {
            let path = row.path.strip_suffix(".*").unwrap_or(&row.path);
            match keys.required.get(path) {
                None => wrong.insert(format!("{section}: {path} stands on the page and not in the schema")),
                Some(required) if *required == row.only => {
                    wrong.insert(format!("{section}: {path} is always there on one of the page and the schema"))
                }
                Some(_) => true,
            };
        }
        for (path, required) in &keys.required {
            let row = rows.iter().find(|row| row.path == *path);
            let open = free.iter().any(|free| path.starts_with(free));
            let stands = row.is_some() || open || !keys.ends.contains(path) || path == "schema_version";
            if !stands {
                wrong.insert(format!("{section}: {path} stands in the schema and not on the page"));
            }
            if !required && !open && row.is_none_or(|row| !row.only) {
                wrong.insert(format!("{section}: {path} may be absent, which the page does not say"));
            }
        }
    }
    wrong.extend(without.iter().map(|name| format!("{name} has a schema and no section on the page")));
    assert!(wrong.is_empty(), "reports/JSON.md and `gnet schema`:\n{}", Vec::from_iter(wrong).join("\n"));
}

#[test]
fn every_key_is_described() {
    fn bare(path: &str, schema: &Value, found: &mut Vec<String>) {
        for place in ["properties", "$defs"] {
            for (key, inside) in schema[place].as_object().into_iter().flatten() {
                let path = format!("{path}.{key}");
                bare(&path, inside, found);
                if inside["description"].as_str().is_none_or(str::is_empty) {
                    found.push(path);
                }
            }
        }
    }
    let shell = Shell::new();
    let mut found = Vec::new();
    for name in names(&shell) {
        let schema = schema(&shell, &name);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        bare(&name, &schema, &mut found);
    }
    assert!(found.is_empty(), "without a description: {found:?}");
}

#[test]
fn a_document_that_is_off_is_noticed() {
    let shell = Shell::new();
    shell.write("m.onnx", include_bytes!("../fixtures/dynamic.onnx"));
    let good = shell.json("summary m.onnx");
    type Fault = (&'static str, &'static str, fn(&mut Value));
    let faults: [Fault; 7] = [
        ("$", "'more' was unexpected", |d| d["more"] = 1.into()),
        ("$.layers[0]", "'more' was unexpected", |d| d["layers"][0]["more"] = 1.into()),
        ("$.memory", "'peak_bytes' is a required property", |d| {
            d["memory"].as_object_mut().unwrap().remove("peak_bytes");
        }),
        ("$.params", "'1' is not of type 'integer'", |d| d["params"] = "1".into()),
        ("$.macs", "None is not of type 'integer'", |d| d["macs"] = Value::Null),
        ("$.layers[0].output_shape[0]", "-1 is less than the minimum of 0", |d| {
            d["layers"][0]["output_shape"][0] = (-1).into();
        }),
        ("$.schema_version", "1 was expected", |d| d["schema_version"] = 2.into()),
    ];
    let planted = faults.iter().map(|(_, _, plant)| {
        let mut document = good.clone();
        plant(&mut document);
        ("summary", document)
    });
    let documents: Vec<_> = std::iter::once(("summary", good.clone())).chain(planted).collect();
    let Some(said) = complaints(&documents) else { return };
    assert_eq!(said.len(), faults.len(), "{said:#?}");
    for (i, (path, reason, _)) in faults.iter().enumerate() {
        let begins = format!("{} summary: {path}: ", i + 1);
        assert!(said[i].starts_with(&begins) && said[i].contains(reason), "{begins}{reason}: {}", said[i]);
    }
}

#[test]
fn a_document_that_is_none_is_refused_with_those_there_are() {
    let shell = Shell::new();
    shell.refuses("schema bnch", INPUT, &["'bnch'", "bench", "runtime-list"]);
    shell.refuses("schema bench --format csv", INPUT, &["--format"]);
    assert!(shell.ok("schema").contains("compare-paper"));
}

/// The schema that <https://bencher.dev/docs/reference/bencher-metric-format> gives.
const BENCHER: &str = r#"{"$schema": "http://json-schema.org/draft-07/schema", "type": "object", "patternProperties": {".+": {
    "type": "object", "patternProperties": {".+": {"type": "object", "required": ["value"], "properties": {
        "value": {"type": "number"}, "lower_value": {"type": "number"}, "upper_value": {"type": "number"}}}}}}}"#;

/// The entries of `customSmallerIsBetter`, by the type `BenchmarkResult` in github-action-benchmark's `src/extract.ts`; a range
/// as `src/extractRangeInfo.ts` takes it apart.
const ACTION: &str = r#"{"$schema": "http://json-schema.org/draft-07/schema", "type": "array", "items": {
    "type": "object", "required": ["name", "unit", "value"], "properties": {
        "name": {"type": "string"}, "unit": {"type": "string"}, "value": {"type": "number"},
        "range": {"type": "string", "pattern": "^± [0-9]+\\.[0-9]+$"}, "extra": {"type": "string"}}}}"#;

#[test]
fn trackers_get_what_they_document() {
    let shell = Shell::with_model();
    let line = "bench model.onnx --batch 1,2,1 --samples 2 --min-time 0 --warmup 1 --format";
    let read = |format: &str| -> Value { serde_json::from_str(&shell.ok(&format!("{line} {format}"))).unwrap() };
    let (bencher, action) = (read("bencher"), read("github-benchmark"));
    let row = "model.onnx, tract, batch 1, 1 thread";
    assert!(bencher[row]["latency"]["value"].as_f64().unwrap() > 1000.0, "nanoseconds: {bencher}");
    let names: BTreeSet<_> = action.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), action.as_array().unwrap().len(), "{action}");
    assert!(names.contains(row) && names.contains(format!("{row}, 2").as_str()), "{names:?}");
    let measures = bencher.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>();
    assert_eq!(measures, names.into_iter().filter(|name| !name.ends_with(": peak memory")).collect());
    let schemas =
        [("bencher", BENCHER), ("action", ACTION)].map(|(name, text)| (name, serde_json::from_str(text).unwrap()));
    let Some(said) = complaints_by(&schemas.into(), &[("bencher", bencher), ("action", action)]) else { return };
    assert!(said.is_empty(), "{said:#?}");
    let refused =
        shell.refuses("summary model.onnx --format bencher", INPUT, &["'bencher'", "table, json, csv, markdown"]);
    assert!(!refused.error().contains("github"), "{refused}");
}
