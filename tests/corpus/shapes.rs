//! Types and shapes as gnet infers them against those that the package infers, on models stripped of what they state.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::catch_unwind;
use std::path::Path;

use gnet::graph::{Dim, Sizes, Value};
use gnet::infer::infer;
use serde::Deserialize;
use serde_json::json;

use crate::judge::{Corpus, Judge};

/// The package's statement about a tensor.
#[derive(Debug, Clone, Deserialize)]
pub struct Stated {
    /// The number of its element type.
    #[serde(rename = "type")]
    kind: i32,
    shape: Option<Vec<Size>>,
}

/// A dimension as the package states it; `null` is one that it does not know.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Size {
    Number(usize),
    Symbol(String),
    Unknown,
}

/// The package's statements about a model.
#[derive(Debug, Deserialize)]
pub struct Dump {
    pub name: String,
    values: BTreeMap<String, Stated>,
    error: Option<String>,
    /// The operation that makes a value.
    makers: BTreeMap<String, String>,
}

/// Relation of two statements about one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Equal,
    /// gnet knows more.
    More,
    /// gnet knows less.
    Less,
    /// Each knows something that the other does not.
    Apart,
    Contradicted,
}

/// Result of comparing all models.
#[derive(Default)]
pub struct Shapes {
    package: String,
    models: usize,
    /// Models that gnet's inference refuses, with the package's opinion.
    pub refused: Vec<String>,
    /// Models that the package's inference refuses.
    refused_by_package: usize,
    counts: BTreeMap<Standing, usize>,
    /// Of what gnet knows less, by operation.
    less: BTreeMap<String, usize>,
    pub contradictions: Vec<String>,
    pub panics: Vec<String>,
}

impl Shapes {
    pub fn of(judge: &Judge, corpus: &Corpus) -> Self {
        let mut shapes = Self { package: corpus.package.clone(), ..Self::default() };
        for (path, dump) in judge.shapes(corpus) {
            shapes.models += 1;
            shapes.refused_by_package += usize::from(dump.error.is_some());
            match catch_unwind(|| inferred(&path)) {
                Err(_) => shapes.panics.push(dump.name.clone()),
                Ok(Err(reason)) => {
                    let opinion = dump.error.as_deref().unwrap_or("accepted by the package");
                    shapes.refused.push(format!("{}: {reason} ({opinion})", dump.name));
                }
                Ok(Ok(values)) => shapes.compare(&dump, &values),
            }
        }
        shapes
    }

    fn compare(&mut self, dump: &Dump, values: &BTreeMap<String, Value>) {
        for (name, stated) in &dump.values {
            let Some(value) = values.get(name) else { continue };
            let standing = standing(value, stated);
            *self.counts.entry(standing).or_default() += 1;
            let op = dump.makers.get(name).map_or("an input", String::as_str);
            match standing {
                Standing::Less | Standing::Apart => *self.less.entry(op.to_owned()).or_default() += 1,
                Standing::Contradicted => {
                    let ours = (value.dtype, value.shape.as_ref().map(|s| gnet::graph::shape_text(s)));
                    self.contradictions.push(format!("{}, {name} of {op}: {ours:?} against {stated:?}", dump.name));
                }
                Standing::Equal | Standing::More => {}
            }
        }
        // What only gnet speaks of.
        let made = dump.makers.keys().filter(|name| !dump.values.contains_key(*name));
        let more =
            made.filter_map(|name| values.get(name)).filter(|value| value.dtype.is_some() && value.shape.is_some());
        *self.counts.entry(Standing::More).or_default() += more.count();
    }

    fn count(&self, standing: Standing) -> usize {
        self.counts.get(&standing).copied().unwrap_or(0)
    }

    /// Values of which the package knows something that gnet does not.
    pub fn less(&self) -> usize {
        self.count(Standing::Less) + self.count(Standing::Apart)
    }

    pub fn equal(&self) -> usize {
        self.count(Standing::Equal)
    }

    /// Keeps the record as JSON beside that of the round trips.
    pub fn keep(&self) {
        let Some(path) = std::env::var_os("GNET_CORPUS_REPORT") else { return };
        let record = json!({
            "schema_version": 1,
            "package": format!("onnx {}", self.package),
            "models": self.models,
            "refused": self.refused,
            "refused_by_package": self.refused_by_package,
            "equal": self.equal(),
            "more": self.count(Standing::More),
            "less": self.less(),
            "less_by_operation": self.less,
            "contradictions": self.contradictions,
        });
        std::fs::write(Path::new(&path).with_extension("shapes.json"), format!("{record:#}\n")).unwrap();
    }
}

/// Every value of the outermost graph by name, after inference.
fn inferred(path: &Path) -> Result<BTreeMap<String, Value>, String> {
    let mut model = gnet::onnx::read_file(path).map_err(|e| e.to_string())?;
    infer(&mut model, &Sizes::none()).map_err(|e| e.to_string())?;
    Ok(model.graph.values().map(|(_, value)| (value.name.clone(), value.clone())).collect())
}

fn standing(value: &Value, stated: &Stated) -> Standing {
    let dtype = match value.dtype.map(gnet::graph::DType::number) {
        Some(number) if number == stated.kind => Standing::Equal,
        Some(_) => return Standing::Contradicted,
        None => Standing::Less,
    };
    let shape = match (&value.shape, &stated.shape) {
        (None, None) => Standing::Equal,
        (Some(_), None) => Standing::More,
        (None, Some(_)) => Standing::Less,
        (Some(ours), Some(theirs)) if ours.len() != theirs.len() => return Standing::Contradicted,
        (Some(ours), Some(theirs)) => ours.iter().zip(theirs).map(|(o, t)| size(o, t)).fold(Standing::Equal, both),
    };
    both(dtype, shape)
}

fn both(a: Standing, b: Standing) -> Standing {
    match (a, b) {
        (Standing::Contradicted, _) | (_, Standing::Contradicted) => Standing::Contradicted,
        (Standing::Equal, other) | (other, Standing::Equal) => other,
        (a, b) if a == b => a,
        _ => Standing::Apart,
    }
}

fn size(ours: &Dim, theirs: &Size) -> Standing {
    match (ours, theirs) {
        (Dim::Known(a), Size::Number(b)) if a == b => Standing::Equal,
        (Dim::Unknown, Size::Unknown) => Standing::Equal,
        (_, Size::Unknown) => Standing::More,
        (Dim::Unknown, _) => Standing::Less,
        (Dim::Symbolic { .. }, Size::Symbol(name)) if ours.to_string() == *name => Standing::Equal,
        // A number is more than a name for it.
        (Dim::Known(_), Size::Symbol(_)) => Standing::More,
        (Dim::Symbolic { .. }, Size::Number(_)) => Standing::Less,
        _ => Standing::Contradicted,
    }
}

impl fmt::Display for Shapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (equal, more, less) = (self.equal(), self.count(Standing::More), self.less());
        let contradictions = self.contradictions.len();
        writeln!(
            f,
            "shapes by onnx {}: {} models, {} refused ({} by the package)",
            self.package,
            self.models,
            self.refused.len(),
            self.refused_by_package
        )?;
        writeln!(
            f,
            "  values: {equal} equal, {more} where gnet knows more, {less} where it knows less, {contradictions} contradictions"
        )?;
        let less: Vec<_> = self.less.iter().map(|(op, count)| format!("{op} {count}")).collect();
        writeln!(f, "  less: {}", less.join(", "))?;
        self.refused.iter().try_for_each(|reason| writeln!(f, "  refused {reason}"))?;
        self.contradictions.iter().try_for_each(|what| writeln!(f, "  contradicted {what}"))
    }
}

#[test]
fn each_way_to_disagree_is_told_apart() {
    let value = |shape: &[&str]| {
        let dim = |text: &&str| match text.parse() {
            Ok(size) => Dim::Known(size),
            Err(_) if *text == "?" => Dim::Unknown,
            Err(_) => Dim::symbol(*text),
        };
        let mut graph = gnet::graph::Graph::default();
        let shape = Some(shape.iter().map(dim).collect());
        let id = graph.add_value("x", Some(gnet::graph::DType::F32), shape);
        graph.value(id).clone()
    };
    let stated = |kind: i32, shape: serde_json::Value| -> Stated {
        serde_json::from_value(json!({ "type": kind, "shape": shape })).unwrap()
    };
    for (ours, kind, theirs, expected) in [
        (&["N", "3", "?"][..], 1, json!(["N", 3, null]), Standing::Equal),
        (&["N", "3"], 7, json!(["N", 3]), Standing::Contradicted),
        (&["N", "3"], 1, json!(["N", 4]), Standing::Contradicted),
        (&["N", "3"], 1, json!(["M", 3]), Standing::Contradicted),
        (&["N", "3"], 1, json!(["N", 3, 1]), Standing::Contradicted),
        (&["N", "3"], 1, json!([null, 3]), Standing::More),
        (&["N", "3"], 1, json!(null), Standing::More),
        (&["N", "?"], 1, json!(["N", 3]), Standing::Less),
        (&["N", "3"], 1, json!([2, 3]), Standing::Less),
        (&["N", "?"], 1, json!([null, 3]), Standing::Apart),
    ] {
        assert_eq!(standing(&value(ours), &stated(kind, theirs.clone())), expected, "{ours:?} against {theirs}");
    }
}
