//! Rows out of what `gnet bench` writes: its JSON document, and the lines of its log.
//!
//! Only the keys that a page shows are read. Those that came later than the first documents may be absent, so that a page
//! can be made of documents of every age; what is there must make sense.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::row::{Network, Row, batch, day, positive};
use crate::bench::{Profile, log};
use gnet_core::words::counted;

/// Rows of a document, and what else is to be said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub rows: Vec<Row>,
    /// The program, as far as it is told: `gnet 0.1.0`, `gnet 0.1.0 at 4797ac7..`.
    pub program: String,
    pub notes: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    environment: Environment,
    runs: Vec<Value>,
    #[serde(default)]
    not_run: Vec<String>,
}

#[derive(Deserialize)]
struct Environment {
    model: String,
    model_bytes: u64,
    cpu: String,
    gnet: String,
    #[serde(default)]
    profile: String,
}

#[derive(Deserialize)]
struct Line {
    gnet: Build,
    machine: Machine,
    model: Model,
    run: Value,
}

#[derive(Deserialize)]
struct Build {
    version: String,
    commit: Option<String>,
    #[serde(default)]
    profile: String,
}

#[derive(Deserialize)]
struct Machine {
    cpu: Cpu,
}

#[derive(Deserialize)]
struct Cpu {
    name: String,
}

#[derive(Deserialize)]
struct Model {
    path: String,
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    bytes: u64,
    sha256: String,
}

#[derive(Deserialize)]
struct Run {
    provider: String,
    batch: u64,
    threads: u64,
    latency_ms: Latency,
    images_per_s: Option<f64>,
    gmacs_per_s: Option<f64>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default)]
    dims: BTreeMap<String, u64>,
    #[serde(default)]
    inputs: Vec<Fed>,
    started: Option<String>,
    before: Option<Moment>,
    placement: Option<Placement>,
    copies: Option<Copies>,
    profile: Option<Profile>,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct Latency {
    p50: f64,
    p90: Option<f64>,
}

#[derive(Deserialize)]
struct Fed {
    shape: Vec<u64>,
}

#[derive(Deserialize)]
struct Moment {
    #[serde(default)]
    gpus: Vec<Gpu>,
}

#[derive(Deserialize)]
struct Gpu {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Placement {
    requested: String,
    share: f64,
    by: String,
    per_provider: Vec<Share>,
}

#[derive(Deserialize)]
struct Share {
    provider: String,
    nodes: u64,
}

#[derive(Deserialize)]
struct Copies {
    with_copies_ms: Latency,
}

/// Facts of which the value alone tells what it is.
pub const MACHINE: &str = "machine";
pub const INPUT: &str = "input";

/// Reads the document that `gnet bench --format json` prints.
pub fn document(document: &Map<String, Value>) -> Result<Measured, String> {
    let Document { environment: env, runs, not_run } = parsed(Value::Object(document.clone()))?;
    let network = Network { name: env.model, bytes: Some(env.model_bytes) };
    let row = |(place, run): (usize, Value)| {
        let row = parsed(run).and_then(|run: Run| run.row(network.clone(), &env.cpu));
        row.map_err(|reason| format!("runs[{place}]: {reason}"))
    };
    let rows = runs.into_iter().enumerate().map(row).collect::<Result<Vec<_>, _>>()?;
    let mut notes = unoptimised(&env.profile);
    notes.extend(not_run.iter().map(|label| format!("interrupted; not run: {label}")));
    Ok(Measured { rows, program: format!("gnet {}", env.gnet), notes })
}

/// Reads the lines of a log, each with its number there.
pub fn logged(lines: Vec<(usize, Map<String, Value>)>) -> Result<Measured, String> {
    let mut found = Measured { rows: Vec::new(), program: String::new(), notes: Vec::new() };
    let (rows, pairs): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|(_, line)| line.get("kind").and_then(Value::as_str) == Some(log::Line::ROW));
    if !pairs.is_empty() {
        let count = counted(pairs.len(), "process");
        found.notes.push(format!("{count} of comparisons in pairs: `gnet ab` judges them, a page does not show them"));
    }
    for (place, line) in rows {
        let named = |reason| format!("line {place}: {reason}");
        let Line { gnet, machine, model, run } = parsed(Value::Object(line)).map_err(named)?;
        let name = model.path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let network = Network { name: name.clone(), bytes: model.files.first().map(|file| file.bytes) };
        let row = parsed(run).and_then(|run: Run| run.row(network, &machine.cpu.name));
        found.rows.push(row.map_err(named)?);
        let commit = gnet.commit.map_or_else(String::new, |commit| format!(" at {}", short(&commit)));
        let program = format!("gnet {}{commit}", gnet.version);
        if !found.program.contains(&program) {
            let before = if found.program.is_empty() { "" } else { ", " };
            found.program += &format!("{before}{program}");
        }
        let hash = model.files.first().map(|file| format!("{name} has the SHA-256 {}", file.sha256));
        for note in hash.into_iter().chain(unoptimised(&gnet.profile)) {
            if !found.notes.contains(&note) {
                found.notes.push(note);
            }
        }
    }
    Ok(found)
}

/// Returns the beginning of a hash that tells it from others, with the mark of sources that were not its own.
fn short(hash: &str) -> String {
    let (hash, dirty) = hash.strip_suffix("-dirty").map_or((hash, ""), |hash| (hash, "-dirty"));
    hash.chars().take(8).chain(dirty.chars()).collect()
}

fn unoptimised(profile: &str) -> Vec<String> {
    (profile == "debug").then(|| "measured by a debug build: its times mean nothing".to_owned()).into_iter().collect()
}

/// Parses a part of a document. The reason of a failure is serde's, which names the key.
fn parsed<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|e| e.to_string())
}

impl Run {
    fn row(self, network: Network, cpu: &str) -> Result<Row, String> {
        let rate = |what, value: Option<f64>| value.map(|value| positive(what, value)).transpose();
        let gpus: Vec<String> =
            self.before.into_iter().flat_map(|before| before.gpus).filter_map(|gpu| gpu.name).collect();
        let device = if gpus.is_empty() { cpu.to_owned() } else { gpus.join(", ") };
        let mut facts = self.settings;
        facts.insert("threads".to_owned(), self.threads.to_string());
        facts.extend(self.dims.into_iter().map(|(symbol, size)| (format!("size of {symbol}"), size.to_string())));
        facts.insert(MACHINE.to_owned(), device.clone());
        facts.insert(INPUT.to_owned(), shapes(&self.inputs));
        Ok(Row {
            document: 0,
            network,
            name: self.provider,
            own: true,
            facts,
            batch: batch(self.batch)?,
            ms: positive("latency_ms.p50", self.latency_ms.p50)?,
            statistic: "p50".to_owned(),
            p90_ms: rate("latency_ms.p90", self.latency_ms.p90)?,
            with_copies_ms: rate("copies.with_copies_ms.p50", self.copies.map(|copies| copies.with_copies_ms.p50))?,
            images_per_s: rate("images_per_s", self.images_per_s)?,
            gmacs_per_s: rate("gmacs_per_s", self.gmacs_per_s.filter(|rate| *rate != 0.0))?,
            placement: self.placement.map(Placement::sentence).transpose()?,
            notes: self.notes,
            profile: self.profile.map(checked).transpose()?,
            device: Some(device),
            day: self.started.map(|started| day("started", &started)).transpose()?,
        })
    }
}

/// Returns the shapes of the inputs without their first axis, the batch.
fn shapes(inputs: &[Fed]) -> String {
    let shape = |fed: &Fed| fed.shape.iter().skip(1).map(u64::to_string).collect::<Vec<_>>().join("x");
    inputs.iter().map(shape).collect::<Vec<_>>().join(", ")
}

impl Placement {
    /// Returns `139 of 139 nodes on CUDAExecutionProvider (100.0 % of the MACs)`.
    fn sentence(self) -> Result<String, String> {
        share("placement.share", self.share)?;
        let all = self.per_provider.iter().fold(0u64, |sum, share| sum.saturating_add(share.nodes));
        let there =
            self.per_provider.iter().find(|share| share.provider == self.requested).map_or(0, |share| share.nodes);
        let (percent, by) = (100.0 * self.share, self.by.replace("macs", "MACs"));
        Ok(format!("{there} of {} on {} ({percent:.1} % of the {by})", counted(all, "node"), self.requested))
    }
}

fn share(what: &str, value: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(format!("{what}: is not a share between 0 and 1: {value}")) }
}

fn checked(profile: Profile) -> Result<Profile, String> {
    if profile.operators.is_empty() {
        return Err("profile: has no operator".to_owned());
    }
    for operator in &profile.operators {
        share("profile: share", operator.share)?;
        if !(operator.mean_ms.is_finite() && operator.mean_ms >= 0.0) {
            return Err(format!("profile: mean_ms: is no time: {}", operator.mean_ms));
        }
    }
    Ok(profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench(change: impl Fn(&mut Value)) -> Result<Measured, String> {
        let mut run = serde_json::json!({
            "provider": "cuda", "batch": 8, "threads": 1, "latency_ms": {"p50": 2.5, "p90": null, "mean": 2.6},
            "images_per_s": 3000.0, "gmacs_per_s": null, "settings": {"cuda_tf32": "on"},
            "inputs": [{"name": "x", "shape": [8, 3, 4, 4]}],
            "placement": {"requested": "CUDAExecutionProvider", "share": 1.0, "by": "macs", "others": [],
                "per_provider": [{"provider": "CUDAExecutionProvider", "nodes": 139, "macs": 1}]},
            "copies": null, "notes": ["a note"]
        });
        change(&mut run);
        let environment =
            serde_json::json!({"model": "g.onnx", "model_bytes": 9, "cpu": "A processor", "gnet": "0.1.0"});
        let whole = serde_json::json!({"environment": environment, "runs": [run], "not_run": ["cuda, batch 9"]});
        document(whole.as_object().unwrap())
    }

    #[test]
    fn a_document_without_newer_keys_is_read() {
        let found = bench(|_| {}).unwrap();
        let row = &found.rows[0];
        assert_eq!((row.batch, row.ms, row.rate()), (8, 2.5, 3000.0));
        assert_eq!(row.placement.as_deref(), Some("139 of 139 nodes on CUDAExecutionProvider (100.0 % of the MACs)"));
        assert_eq!((row.facts["cuda_tf32"].as_str(), row.facts[INPUT].as_str()), ("on", "3x4x4"));
        assert_eq!((row.device.as_deref(), row.day.as_deref()), (Some("A processor"), None));
        assert_eq!(found.program, "gnet 0.1.0");
        assert_eq!(found.notes, ["interrupted; not run: cuda, batch 9"]);
    }

    #[test]
    fn newer_keys_say_what_ran_and_when() {
        let found = bench(|run| {
            run["started"] = "2026-11-28T07:04:01.123Z".into();
            run["before"] = serde_json::json!({"at": "", "gpus": [{"name": "A GPU"}, {"name": null}], "new": 1});
        });
        let row = &found.unwrap().rows[0];
        assert_eq!((row.device.as_deref(), row.day.as_deref()), (Some("A GPU"), Some("2026-11-28")));
    }

    #[test]
    fn nonsense_is_refused_by_its_key() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 9] = [
            (|run| run["batch"] = 0.into(), "runs[0]: batch: must be at least 1"),
            (|run| run["batch"] = (-1).into(), "runs[0]: invalid value"),
            (|run| run["latency_ms"]["p50"] = 0.0.into(), "runs[0]: latency_ms.p50: is not a number above 0: 0"),
            (|run| run["latency_ms"] = Value::Null, "runs[0]: invalid type: null"),
            (|run| run["images_per_s"] = (-1.0).into(), "runs[0]: images_per_s: is not a number above 0: -1"),
            (|run| run["placement"]["share"] = 1.5.into(), "placement.share: is not a share between 0 and 1: 1.5"),
            (|run| run["started"] = "today".into(), "started: is not a date"),
            (
                |run| run["profile"] = serde_json::json!({"kernels_ms": 1.0, "operators": []}),
                "profile: has no operator",
            ),
            (|run| _ = run.as_object_mut().unwrap().remove("provider"), "missing field `provider`"),
        ];
        for (change, says) in cases {
            let reason = bench(change).unwrap_err();
            assert!(reason.contains(says), "{says}: {reason}");
        }
    }

    #[test]
    fn a_hash_is_shortened_to_what_tells_it_apart() {
        assert_eq!(short("4797ac7f00112233"), "4797ac7f");
        assert_eq!(short("4797ac7f00112233-dirty"), "4797ac7f-dirty");
        assert_eq!(short(""), "");
    }
}
