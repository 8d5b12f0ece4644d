//! Reads each model, writes it, and lets the package compare the two.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::catch_unwind;
use std::path::Path;

use serde_json::json;

use crate::judge::{Corpus, Judge, Pair};

/// Result for one model.
#[derive(Debug)]
pub enum Outcome {
    /// Read, written, and the same.
    Equal,
    /// Read and written, but not the same.
    Different(Vec<String>),
    /// Not read, with the reason.
    Refused(String),
    /// Read, but not written.
    Unwritten(String),
    /// A panic.
    Panicked,
}

impl Outcome {
    pub fn is_wrong(&self) -> bool {
        !matches!(self, Self::Equal | Self::Refused(_))
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different(_) => "different",
            Self::Refused(_) => "refused",
            Self::Unwritten(_) => "unwritten",
            Self::Panicked => "panicked",
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Equal | Self::Panicked => Vec::new(),
            Self::Different(differences) => differences.clone(),
            Self::Refused(reason) | Self::Unwritten(reason) => vec![reason.clone()],
        }
    }
}

/// One model and what became of it.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    pub outcome: Outcome,
}

/// Results for all of them.
pub struct Tally {
    package: String,
    not_shipped: Vec<String>,
    pub cases: Vec<Case>,
}

impl Tally {
    pub fn of(judge: &Judge, corpus: &Corpus) -> Self {
        let folder = judge.folder("written");
        let (mut cases, mut pairs) = (Vec::new(), Vec::new());
        for (number, file) in corpus.files.iter().enumerate() {
            let written = folder.join(format!("{number}.onnx"));
            let outcome = catch_unwind(|| round_trip(&file.path, &written)).unwrap_or(Outcome::Panicked);
            if matches!(outcome, Outcome::Equal) {
                pairs.push(Pair { name: file.name.clone(), original: file.path.clone(), written });
            }
            cases.push(Case { name: file.name.clone(), outcome });
        }
        let written = cases.iter_mut().filter(|case| matches!(case.outcome, Outcome::Equal));
        for (case, differences) in written.zip(judge.compare(&pairs)) {
            if !differences.is_empty() {
                case.outcome = Outcome::Different(differences);
            }
        }
        Self { package: corpus.package.clone(), not_shipped: corpus.not_shipped.clone(), cases }
    }

    pub fn refused(&self) -> usize {
        self.cases.iter().filter(|case| matches!(case.outcome, Outcome::Refused(_))).count()
    }

    /// Keeps the record as JSON where `GNET_CORPUS_REPORT` says.
    pub fn keep(&self) {
        let Some(path) = std::env::var_os("GNET_CORPUS_REPORT") else { return };
        let case = |c: &Case| json!({ "name": c.name, "outcome": c.outcome.word(), "details": c.outcome.details() });
        let record = json!({
            "schema_version": 1,
            "package": format!("onnx {}", self.package),
            "not_shipped": self.not_shipped,
            "counts": self.counts(),
            "families": self.families(),
            "cases": self.cases.iter().map(case).collect::<Vec<_>>(),
        });
        std::fs::write(path, format!("{record:#}\n")).unwrap();
    }

    fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        self.cases.iter().for_each(|case| *counts.entry(case.outcome.word()).or_default() += 1);
        counts
    }

    /// Returns the number of models of each family.
    fn families(&self) -> BTreeMap<&str, usize> {
        let mut families = BTreeMap::new();
        self.cases.iter().for_each(|c| *families.entry(c.name.split('/').next().unwrap_or("")).or_default() += 1);
        families
    }

    /// Returns how often each reason was given, without the place it was given for.
    fn reasons(&self) -> BTreeMap<String, usize> {
        let mut reasons = BTreeMap::new();
        for case in &self.cases {
            if let Outcome::Refused(reason) = &case.outcome {
                let reason = reason.rsplit(": ").next().unwrap_or(reason);
                *reasons.entry(reason.to_owned()).or_default() += 1;
            }
        }
        reasons
    }
}

/// Equal until the package says otherwise.
fn round_trip(from: &Path, to: &Path) -> Outcome {
    match gnet::onnx::read_file(from) {
        Err(reason) => Outcome::Refused(reason.to_string()),
        Ok(model) => match gnet::onnx::write(&model) {
            Err(reason) => Outcome::Unwritten(reason.to_string()),
            Ok(bytes) => {
                std::fs::write(to, bytes).unwrap();
                Outcome::Equal
            }
        },
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<_> = self.counts().iter().map(|(word, count)| format!("{count} {word}")).collect();
        writeln!(f, "onnx {}: {} models, {}", self.package, self.cases.len(), counts.join(", "))?;
        let families: Vec<_> = self.families().iter().map(|(name, count)| format!("{count} {name}")).collect();
        writeln!(f, "  families: {}", families.join(", "))?;
        for (reason, count) in self.reasons() {
            writeln!(f, "  {count} refused: {reason}")?;
        }
        for case in self.cases.iter().filter(|case| case.outcome.is_wrong()) {
            let details = case.outcome.details();
            writeln!(f, "  {} {}: {}", case.outcome.word(), case.name, details.join("; "))?;
        }
        write!(f, "  named but not shipped: {}", self.not_shipped.join(", "))
    }
}
