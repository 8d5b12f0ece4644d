//! Agreement of two sides, out of what `gnet verify --format json` prints.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::verify::scientific;
use gnet_core::report::{Cell, Column, Table};
use gnet_core::words::counted;

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Agreement {
    passed: bool,
    reference: String,
    seed: Option<u64>,
    tolerance: Tolerance,
    comparisons: Vec<Comparison>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Tolerance {
    precision: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Comparison {
    subject: String,
    verdict: Verdict,
    reason: Option<String>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Agree,
    Weak,
    Disagree,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::Weak => "weak",
            Self::Disagree => "disagree",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Row {
    output: String,
    inputs: String,
    images: u64,
    // A value that is not finite is `null` in JSON.
    largest: Option<f64>,
    max_abs_diff: Option<f64>,
    accepted: Option<f64>,
    used: Option<f64>,
    top1_agreement: Option<f64>,
    verdict: Verdict,
}

impl Agreement {
    /// Reads such a document.
    pub fn read(document: &Map<String, Value>) -> Result<Self, String> {
        let read: Self = serde_json::from_value(Value::Object(document.clone())).map_err(|e| e.to_string())?;
        let all = read.comparisons.iter().all(|comparison| comparison.verdict == Verdict::Agree);
        if read.passed != all {
            return Err("passed: contradicts the verdicts of the comparisons".to_owned());
        }
        Ok(read)
    }

    /// Describes it in a few words.
    pub fn summary(&self) -> String {
        let verdict = if self.passed { "agrees" } else { "does NOT agree" };
        let subjects: Vec<_> = self.comparisons.iter().map(|comparison| comparison.subject.as_str()).collect();
        format!("{} {verdict} with {} ({})", subjects.join(", "), self.reference, self.tolerance.precision)
    }

    /// Returns a table for each side.
    pub fn tables(&self) -> impl Iterator<Item = Table> {
        self.comparisons.iter().map(|comparison| self.table(comparison))
    }

    fn table(&self, comparison: &Comparison) -> Table {
        let columns = [
            Column::text("output"),
            Column::text("inputs"),
            Column::number("samples"),
            Column::number("largest value"),
            Column::number("largest difference"),
            Column::number("accepted"),
        ];
        // Documents of older versions do not tell how much of what is accepted was used.
        let tells = comparison.rows.iter().any(|row| row.used.is_some());
        let used = tells.then(|| Column::number("used").unit("%"));
        let columns = columns.into_iter().chain(used);
        let columns = columns.chain([Column::number("same top-1").unit("%"), Column::text("verdict")]);
        let Tolerance { precision } = &self.tolerance;
        let title = format!("{} against {}, at {precision}", comparison.subject, self.reference);
        let mut table = Table::new(title, columns);
        for row in &comparison.rows {
            let first: [Cell; 6] = [
                row.output.as_str().into(),
                row.inputs.as_str().into(),
                row.images.into(),
                scientific(row.largest),
                scientific(row.max_abs_diff),
                scientific(row.accepted),
            ];
            let used = tells.then(|| Cell::float(row.used.map(|used| 100.0 * used), 0));
            let last = [Cell::float(row.top1_agreement.map(|share| 100.0 * share), 1), row.verdict.name().into()];
            table.row(first.into_iter().chain(used).chain(last));
        }
        let reason = comparison.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        let seed = self.seed.map_or_else(String::new, |seed| format!("; seed of the inputs {seed}"));
        table.note(format!(
            "Verdict: {}{reason} ({}{seed})",
            comparison.verdict.name(),
            counted(comparison.rows.len(), "row")
        ));
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(change: impl Fn(&mut Value)) -> Result<Agreement, String> {
        let mut document = serde_json::json!({
            "passed": true, "reference": "a in cpu", "seed": 0, "tolerance": {"precision": "f32"},
            "comparisons": [{"subject": "a in cuda", "verdict": "agree", "reason": null, "rows": [
                {"output": "y", "inputs": "normal", "images": 8, "largest": 5.8, "max_abs_diff": 5.7e-6,
                 "accepted": 5.8e-5, "top1_agreement": 1.0, "verdict": "agree"}]}]
        });
        change(&mut document);
        Agreement::read(document.as_object().unwrap())
    }

    #[test]
    fn a_document_without_newer_keys_is_read() {
        let read = verify(|_| {}).unwrap();
        assert_eq!(read.summary(), "a in cuda agrees with a in cpu (f32)");
        let table = read.tables().next().unwrap();
        let cells: Vec<_> = table.rows[0].iter().map(Cell::human).collect();
        assert_eq!(cells, ["y", "normal", "8", "5.80e0", "5.70e-6", "5.80e-5", "100.0", "agree"]);
        assert_eq!(table.notes[0].text, "Verdict: agree (1 row; seed of the inputs 0)");
    }

    #[test]
    fn a_document_that_contradicts_itself_is_refused() {
        for (change, says) in [
            ((|d| d["passed"] = false.into()) as fn(&mut Value), "passed: contradicts the verdicts"),
            (|d| d["comparisons"][0]["verdict"] = "disagree".into(), "passed: contradicts the verdicts"),
            (|d| d["comparisons"][0]["verdict"] = "good".into(), "unknown variant `good`"),
            (|d| d["comparisons"][0]["rows"][0]["images"] = (-8).into(), "invalid value"),
        ] {
            let reason = verify(change).unwrap_err();
            assert!(reason.contains(says), "{says}: {reason}");
        }
    }
}
