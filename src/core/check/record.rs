//! The record of `gnet check`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cost::{BatchAxis, Uncounted};
use crate::report::{Cell, Column, Report, Table, Tone, number};
use crate::words::{counted, one_or};
use crate::{Error, Result};

/// Outcome of one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// Name of the rule, such as `max-params`.
    pub rule: String,
    /// The limit, as it was given.
    pub limit: String,
    /// Number counted; for `ops-allowed` the number of nodes with other operations.
    pub found: Option<u64>,
    /// Whether the count is incomplete and therefore a lower bound.
    pub at_least: bool,
    /// Distance of the count above the limit, or below the expected figure (negative); 0 if it is neither; `None` if
    /// that cannot be determined.
    pub off_by: Option<i64>,
    /// Whether the rule holds.
    pub passed: bool,
    /// Reason for the failure, if the numbers do not show it.
    pub reason: Option<String>,
}

/// Verdict on a file for a budget.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// Name of the file.
    pub subject: String,
    /// Whether every rule holds.
    pub passed: bool,
    /// Batch size for memory and bytes moved.
    pub batch: u64,
    /// Axis that was taken as the batch.
    pub batch_axis: BatchAxis,
    /// All rules, in the order in which they are documented.
    pub rules: Vec<Outcome>,
    /// Nodes that could not be counted.
    pub uncounted: Vec<Uncounted>,
}

impl Verdict {
    /// Returns the verdict.
    ///
    /// # Errors
    /// Lists every rule that does not hold, and by how much ([`ErrorKind::Check`](crate::ErrorKind::Check)).
    pub fn check(&self) -> Result<()> {
        let broken: Vec<_> = self.rules.iter().filter(|outcome| !outcome.passed).map(Outcome::complaint).collect();
        if broken.is_empty() {
            return Ok(());
        }
        let reason = format!(
            "{} of {} {} not hold: {}",
            broken.len(),
            counted(self.rules.len(), "rule"),
            one_or(broken.len(), "does", "do"),
            broken.join("; ")
        );
        Err(Error::check(&self.subject, reason))
    }
}

impl Outcome {
    fn complaint(&self) -> String {
        let sign = if self.found.is_some() && !self.is_told_by_reason() { " but " } else { ": " };
        format!("{} {}{sign}{}", self.rule, self.limit, self.fault())
    }

    fn is_told_by_reason(&self) -> bool {
        self.reason.is_some() && !self.at_least
    }

    /// Returns what a broken rule found, and how far off that is: `is 442,624, 624 too many`.
    pub fn fault(&self) -> String {
        if let (Some(reason), true) = (&self.reason, self.is_told_by_reason()) {
            return reason.clone();
        }
        let count = |value: u64| number::thousands(value.into());
        let bound = if self.at_least { "at least " } else { "" };
        let distance = self.off_by.filter(|off| *off != 0).map(|off| {
            format!("{bound}{} {}", count(off.unsigned_abs()), if off > 0 { "too many" } else { "too few" })
        });
        let found = self.found.map(|found| format!("is {bound}{}", count(found)));
        [found, distance, self.reason.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Report for Verdict {
    fn tables(&self) -> Vec<Table> {
        let columns = [
            Column::whole("rule"),
            Column::text("limit"),
            Column::number("found"),
            Column::number("off by").rank(1),
            Column::text("result"),
        ];
        let mut table = Table::new(&self.subject, columns);
        for outcome in &self.rules {
            let (result, tone) = match (outcome.passed, outcome.at_least, outcome.off_by) {
                (true, ..) => ("holds", Tone::Good),
                (false, true, None) => ("cannot be counted", Tone::Bad),
                (false, ..) => ("does not hold", Tone::Bad),
            };
            table.row([
                outcome.rule.as_str().into(),
                outcome.limit.as_str().into(),
                outcome.found.into(),
                outcome.off_by.map_or(Cell::Missing, Cell::from),
                Cell::verdict(result, tone),
            ]);
        }
        for outcome in &self.rules {
            if let Some(reason) = &outcome.reason {
                table.note(format!("{}: {reason}", outcome.rule));
            }
        }
        table.note(self.batch_axis.to_string());
        table.note(format!("memory and bytes moved at batch {}", self.batch));
        vec![table]
    }
}
