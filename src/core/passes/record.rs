//! Record of an optimisation.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Refusal, Rewrites};
use crate::report::{Cell, Column, Report, Table, number};
use crate::words::{counted, one_or};

/// Record of the optimisation of a file, as `gnet optimize --format json` prints it.
#[derive(Debug, Clone, JsonSchema, Serialize)]
pub struct OptimizeRecord {
    /// Path of the file that was read.
    pub input: String,
    /// Path of the file that was written.
    pub output: String,
    /// Size of the first in bytes, without external data.
    pub bytes_before: u64,
    /// Size of the second in bytes, without external data.
    pub bytes: u64,
    /// Size of the constants that were written beside the second, in bytes; `None` if all are inside.
    pub data_bytes: Option<u64>,
    /// Name of the file that contains them, in the folder of the second.
    pub data_file: Option<String>,
    /// Number of nodes that were read, including those of subgraphs.
    pub nodes_before: usize,
    /// Number of nodes that were written.
    pub nodes: usize,
    /// Version of ONNX's operator set, which is not changed.
    pub opset: i64,
    /// Record of each pass, in order.
    pub passes: Vec<Rewrites>,
    /// Proof that the second file computes the same as the first.
    pub verified: Proof,
}

/// Proof that a rewritten model computes the same as the original, or the reason why there is none.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema, Serialize)]
pub struct Proof {
    /// Engine in which both ran; `None` if none could.
    pub engine: Option<String>,
    /// Sizes of the open axes in these runs, such as `N = 3`; empty for a model without.
    pub sizes: Vec<String>,
    /// Number of runs of each.
    pub runs: usize,
    /// Largest difference of an output value, in the output's unit.
    pub max_abs_diff: Option<f64>,
    /// Reason why nothing is proved; `None` if it is.
    pub reason: Option<String>,
}

impl Proof {
    /// Creates a missing proof, with a reason.
    pub fn none(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { engine, sizes, runs, max_abs_diff, reason } = self;
        if let Some(reason) = reason {
            return write!(f, "not verified: {reason}");
        }
        let at = if sizes.is_empty() { String::new() } else { format!(" at {}", sizes.join(" and ")) };
        let engine = engine.as_deref().unwrap_or("an engine");
        write!(f, "verified in {engine}: {}{at}, ", counted(runs, "run"))?;
        match max_abs_diff {
            Some(difference) if *difference > 0.0 => write!(f, "largest difference {difference:.2e}"),
            _ => f.write_str("no difference"),
        }
    }
}

/// Maximum number of remarks, and of refusals of a pass, that a table lists individually; more are counted.
const LISTED: usize = 8;

impl Report for OptimizeRecord {
    fn tables(&self) -> Vec<Table> {
        let columns = [
            Column::text("pass"),
            Column::number("rewrites"),
            Column::number("refusals").rank(1),
            Column::number("nodes"),
            Column::number("initializers").unit("bytes"),
        ];
        let mut table = Table::new(format!("Optimisation of {}", self.input), columns);
        let before = self.passes.first().map(|pass| pass.initializer_bytes_before);
        table.row(["as read".into(), Cell::Missing, Cell::Missing, self.nodes_before.into(), before.into()]);
        let (idle, busy): (Vec<_>, Vec<_>) =
            self.passes.iter().partition(|pass| pass.applied.is_empty() && pass.refused.is_empty());
        for pass in busy {
            table.row([
                pass.pass.into(),
                pass.applied.len().into(),
                pass.refused.len().into(),
                pass.nodes.into(),
                pass.initializer_bytes.into(),
            ]);
        }
        if !idle.is_empty() {
            // Some run twice.
            let mut names: Vec<_> = idle.iter().map(|pass| pass.pass).collect();
            names.sort_unstable();
            names.dedup();
            table.note(format!("found nothing to do: {}", names.join(", ")));
        }
        let remarks = self.passes.iter().flat_map(|pass| &pass.remarks);
        for remark in remarks.clone().take(LISTED) {
            table.note(remark.as_str());
        }
        if let Some(more) = remarks.count().checked_sub(LISTED).filter(|more| *more > 0) {
            table.note(format!(
                "and {} of the file {} not hold",
                counted(more, "more statement"),
                one_or(more, "does", "do")
            ));
        }
        for pass in &self.passes {
            let line = |refusal: &Refusal| format!("{} left {}: {}", pass.pass, refusal.node, refusal.reason);
            for refusal in pass.refused.iter().take(LISTED) {
                table.note(line(refusal));
            }
            if let Some(more) = pass.refused.len().checked_sub(LISTED).filter(|more| *more > 0) {
                table.note(format!("{} left {more} more", pass.pass));
            }
        }
        let (from, to) = (number::thousands(self.bytes_before.into()), number::thousands(self.bytes.into()));
        table.note(format!("wrote {}: {}, {from} before; opset {}", self.output, counted(to, "byte"), self.opset));
        if let Some((bytes, name)) = self.data_bytes.zip(self.data_file.as_ref()) {
            table.note(format!(
                "and {name} beside it: {} of constants",
                counted(number::thousands(bytes.into()), "byte")
            ));
        }
        table.note(self.verified.to_string());
        vec![table]
    }
}

/// List of available passes, as `gnet optimize --list` prints it.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct PassList {
    /// All passes.
    pub passes: Vec<PassEntry>,
    /// Names of the passes that run by default, in their order.
    pub default: Vec<&'static str>,
}

/// One pass of a [`PassList`].
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct PassEntry {
    /// Name of the pass.
    pub name: &'static str,
    /// Description in one sentence.
    pub about: &'static str,
    /// Whether results stay the same bit for bit.
    pub exact: bool,
}

impl PassList {
    /// Lists the passes of this version.
    pub fn new() -> Self {
        let entry = |pass: super::Pass| PassEntry { name: pass.name, about: pass.about, exact: pass.exact };
        Self { passes: super::ALL.map(entry).to_vec(), default: super::DEFAULT.map(|pass| pass.name).to_vec() }
    }
}

impl Default for PassList {
    fn default() -> Self {
        Self::new()
    }
}

impl Report for PassList {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(
            "Passes",
            [Column::whole("pass"), Column::text("results").rank(1), Column::text("what it does")],
        );
        for pass in &self.passes {
            let results = if pass.exact { "the same bit for bit" } else { "the same up to rounding" };
            table.row([pass.name.into(), results.into(), pass.about.into()]);
        }
        table.note(format!("Default, in this order: {}", self.default.join(", ")));
        vec![table]
    }
}
