//! The record of a gate: what became of each rule, and the verdict on all of them.

use schemars::JsonSchema;
use serde::Serialize;

use gnet_core::report::{Cell, Column, Report, Table, Tone};
use gnet_core::words::{counted, one_or};
use gnet_core::{Error, ErrorKind, Result, named};

/// Result of one rule, or of a whole gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// It holds.
    Held,
    /// It does not hold.
    Failed,
    /// It could not be tried: a provider, a file or data is missing, the model was refused, or somebody interrupted.
    NotRun,
    /// It was tried, and what was measured does not tell.
    Undecided,
}

named!(Status, "status", [Held = "held", Failed = "failed", NotRun = "not_run", Undecided = "undecided"]);

impl Status {
    /// Returns the verdict on a gate whose rules ended like this: a failure outranks all else, a rule that was not run an
    /// undecided one, and only what held in every rule holds. Nothing holds where there are no rules.
    pub fn of_all(rules: impl IntoIterator<Item = Self>) -> Self {
        let rank = |status: &Self| match status {
            Self::Held => 0,
            Self::Undecided => 1,
            Self::NotRun => 2,
            Self::Failed => 3,
        };
        rules.into_iter().max_by_key(rank).unwrap_or(Self::NotRun)
    }

    /// Returns the words of a table.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotRun => "not run",
            other => other.name(),
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Held => Tone::Good,
            Self::Failed => Tone::Bad,
            Self::NotRun | Self::Undecided => Tone::Doubtful,
        }
    }
}

/// A number that was found.
#[derive(Debug, Clone, Copy, PartialEq, JsonSchema, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Found {
    /// A count, or a size in bytes.
    Whole(u64),
    /// A measure.
    Real(f64),
}

impl Found {
    /// Returns the number.
    pub fn value(self) -> f64 {
        match self {
            Self::Whole(count) => count as f64,
            Self::Real(measure) => measure,
        }
    }
}

impl From<u64> for Found {
    fn from(count: u64) -> Self {
        Self::Whole(count)
    }
}

impl From<f64> for Found {
    fn from(measure: f64) -> Self {
        Self::Real(measure)
    }
}

impl From<Found> for Cell {
    fn from(found: Found) -> Self {
        match found {
            Found::Whole(count) => Self::from(count),
            Found::Real(measure) => Self::float(measure, 4),
        }
    }
}

/// Outcome of one rule.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// Section of the file that it stands in, such as `budget`.
    pub section: &'static str,
    /// Name of its key, such as `max_params`.
    pub rule: &'static str,
    /// Subject besides the model, such as `cpu, batch 1, 1 thread`; empty for the file itself.
    pub on: String,
    /// The limit, as it was given or as it follows.
    pub limit: String,
    /// Number that was found, in the unit; `None` if nothing was.
    pub found: Option<Found>,
    /// Unit of `found`: `bytes`, `ms`, `share`, `of accepted`, `other nodes`; `None` for a count.
    pub unit: Option<&'static str>,
    /// Result.
    pub status: Status,
    /// Reason, unless it holds.
    pub reason: Option<String>,
    /// Remedy, if one is known.
    pub remedy: Option<String>,
    /// Time that it took in seconds. The first of several rules that are tried as one has the time of all.
    pub seconds: f64,
}

impl Outcome {
    /// Returns a rule that has not been run yet.
    pub(super) fn new(
        section: &'static str,
        rule: &'static str,
        on: impl Into<String>,
        limit: impl Into<String>,
    ) -> Self {
        Self {
            section,
            rule,
            on: on.into(),
            limit: limit.into(),
            found: None,
            unit: None,
            status: Status::NotRun,
            reason: None,
            remedy: None,
            seconds: 0.0,
        }
    }

    /// Sets what was found.
    pub(super) fn found(&mut self, found: impl Into<Found>, unit: Option<&'static str>) {
        (self.found, self.unit) = (Some(found.into()), unit);
    }

    /// Sets whether it holds; the reason is for the case that it does not.
    pub(super) fn settle(&mut self, holds: bool, reason: impl FnOnce() -> String) {
        self.status = if holds { Status::Held } else { Status::Failed };
        self.reason = (!holds).then(reason);
    }

    /// Ends it with an error: what failed a check fails the rule, everything else kept it from being tried.
    pub(super) fn ended_by(&mut self, error: &Error) {
        self.status = match error.kind() {
            ErrorKind::Check => Status::Failed,
            ErrorKind::Undecided => Status::Undecided,
            _ => Status::NotRun,
        };
        (self.reason, self.remedy) = (Some(error.to_string()), error.remedy_text().map(str::to_owned));
    }

    /// Returns its name: `budget.max_params`, `latency.max_p50 (cpu, batch 1, 1 thread)`.
    pub fn name(&self) -> String {
        match self.on.is_empty() {
            true => format!("{}.{}", self.section, self.rule),
            false => format!("{}.{} ({})", self.section, self.rule, self.on),
        }
    }

    fn told(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or("no reason is known");
        format!("{} {}: {reason}", self.name(), self.limit)
    }
}

/// The verdict of a gate, and what became of each of its rules.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Record {
    /// Name of the gate's file.
    pub gate: String,
    /// Name of the model's file.
    pub model: String,
    /// The verdict.
    pub verdict: Status,
    /// Whether somebody interrupted before all rules were tried.
    pub interrupted: bool,
    /// Time that all of it took in seconds.
    pub seconds: f64,
    /// The rules, in the order in which they were tried.
    pub rules: Vec<Outcome>,
}

impl Record {
    /// Returns the verdict as the end of a program.
    ///
    /// # Errors
    /// Every rule that does not hold, with its reason, as the kind of the verdict: [`ErrorKind::Check`] if one failed, else
    /// [`ErrorKind::Unavailable`] if one was not run, else [`ErrorKind::Undecided`]; [`ErrorKind::Interrupted`] if somebody
    /// interrupted.
    pub fn check(&self) -> Result<()> {
        let parts: Vec<_> = [Status::Failed, Status::NotRun, Status::Undecided]
            .into_iter()
            .filter_map(|status| self.part(status))
            .collect();
        let told = format!("of {}, {}", counted(self.rules.len(), "rule"), parts.join("; "));
        let error = match self.verdict {
            _ if self.interrupted => Error::interrupted(&self.gate, format!("was interrupted: {told}")),
            Status::Held => return Ok(()),
            Status::Failed => Error::check(&self.gate, told),
            Status::NotRun => Error::unavailable(&self.gate, told),
            Status::Undecided => Error::undecided(&self.gate, told),
        };
        let decisive = self.rules.iter().filter(|rule| rule.status == self.verdict);
        let mut remedies: Vec<&str> = decisive.filter_map(|rule| rule.remedy.as_deref()).collect();
        remedies.dedup();
        Err(match remedies[..] {
            [] => error,
            _ => error.remedy(remedies.join("; ")),
        })
    }

    /// Returns `2 failed: ..; ..`.
    fn part(&self, status: Status) -> Option<String> {
        let rules: Vec<_> = self.rules.iter().filter(|rule| rule.status == status).collect();
        let verb = match status {
            Status::Failed => "failed",
            Status::Undecided => one_or(rules.len(), "is undecided", "are undecided"),
            _ => one_or(rules.len(), "was not run", "were not run"),
        };
        let told: Vec<_> = rules.iter().map(|rule| rule.told()).collect();
        (!rules.is_empty()).then(|| format!("{} {verb}: {}", rules.len(), told.join("; ")))
    }
}

impl Report for Record {
    fn tables(&self) -> Vec<Table> {
        let columns = [
            Column::whole("rule"),
            Column::path("on").rank(2),
            Column::text("limit"),
            Column::number("found"),
            Column::text("unit").rank(1),
            Column::whole("result"),
        ];
        let mut table = Table::new(format!("{} for {}", self.gate, self.model), columns);
        for rule in &self.rules {
            table.row([
                format!("{}.{}", rule.section, rule.rule).into(),
                if rule.on.is_empty() { Cell::Missing } else { rule.on.as_str().into() },
                rule.limit.as_str().into(),
                rule.found.map_or(Cell::Missing, Cell::from),
                rule.unit.map_or(Cell::Missing, Cell::from),
                Cell::verdict(rule.status.words(), rule.status.tone()),
            ]);
        }
        for rule in self.rules.iter().filter(|rule| rule.status != Status::Held) {
            let remedy = rule.remedy.as_ref().map_or(String::new(), |remedy| format!(" ({remedy})"));
            let reason = rule.reason.as_deref().unwrap_or_default();
            table.verdict(format!("{}: {}: {reason}{remedy}", rule.status.words(), rule.name()), rule.status.tone());
        }
        let verdict = match self.verdict {
            Status::Held => format!("every rule holds: {}", counted(self.rules.len(), "rule")),
            other => format!("verdict: {}", other.words()),
        };
        table.verdict(verdict, self.verdict.tone());
        vec![table]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(status: Status) -> Outcome {
        let reason = (status != Status::Held).then(|| "because".to_owned());
        Outcome { status, reason, ..Outcome::new("budget", "max_params", "", "1M") }
    }

    fn record(rules: &[Status]) -> Record {
        let rules: Vec<_> = rules.iter().map(|status| rule(*status)).collect();
        Record {
            gate: "gate.toml".into(),
            model: "net.onnx".into(),
            verdict: Status::of_all(rules.iter().map(|rule| rule.status)),
            interrupted: false,
            seconds: 0.5,
            rules,
        }
    }

    #[test]
    fn a_failure_outranks_what_was_not_run_and_that_what_is_undecided() {
        use Status::{Failed, Held, NotRun, Undecided};
        for (rules, code) in [
            (&[Held, Held][..], 0),
            (&[Held, Undecided], 4),
            (&[Undecided, NotRun, Held], 3),
            (&[NotRun, Undecided, Failed, Held], 1),
            (&[Failed], 1),
            (&[], 3),
        ] {
            let ended = record(rules).check().map_or_else(|error| error.kind().exit_code(), |()| 0);
            assert_eq!(ended, code, "{rules:?}");
            let stopped = Record { interrupted: true, ..record(rules) };
            assert_eq!(stopped.check().unwrap_err().kind().exit_code(), 130, "{rules:?}");
        }
    }

    #[test]
    fn every_reason_is_told() {
        use Status::{Failed, Held, NotRun, Undecided};
        let error = record(&[NotRun, Held, Failed, Undecided, Failed]).check().unwrap_err();
        let one = "budget.max_params 1M: because";
        assert_eq!(
            error.to_string(),
            format!("gate.toml: of 5 rules, 2 failed: {one}; {one}; 1 was not run: {one}; 1 is undecided: {one}")
        );
    }

    #[test]
    fn an_error_ends_a_rule_by_its_kind() {
        for (error, status) in [
            (Error::check("a", "b"), Status::Failed),
            (Error::undecided("a", "b"), Status::Undecided),
            (Error::unavailable("a", "b"), Status::NotRun),
            (Error::input("a", "b"), Status::NotRun),
            (Error::interrupted("a", "b"), Status::NotRun),
        ] {
            let mut outcome = rule(Status::Held);
            outcome.ended_by(&error.remedy("mend it"));
            assert_eq!((outcome.status, outcome.remedy.as_deref()), (status, Some("mend it")));
        }
    }
}
