//! Record of a reproduction.

use schemars::JsonSchema;
use serde::Serialize;

use crate::bench::Measurement;
use crate::compare::{Comparison, PaperTable};
use crate::cost::Summary;
use crate::export::ExportRecord;
use crate::report::{Column, Report, Table};
use crate::runtime::Provider;
use crate::train::{self, EpochMetrics, Outcome};
use crate::{Error, Result};
use gnet_core::words::counted;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// Name of the quantity checked.
    pub name: String,
    /// Expected value.
    pub expected: String,
    /// Actual value.
    pub found: String,
    /// Whether it passed.
    pub passed: bool,
}

/// The training of a reproduction.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Training {
    /// Result of the training.
    pub outcome: Outcome,
    /// Metrics of every epoch.
    pub epochs: Vec<EpochMetrics>,
    /// Options of the training.
    pub options: train::TrainOptions,
}

/// The checkpoint in Burn compared with its export in a runtime, on the same test images.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Agreement {
    /// Provider that ran the file.
    pub provider: Provider,
    /// Number of test images.
    pub images: usize,
    /// Number of images that both assign to the same class.
    pub same_class: usize,
    /// Top-1 accuracy of the checkpoint, 0..1.
    pub checkpoint_top1: f64,
    /// Top-1 accuracy of the file, 0..1.
    pub file_top1: f64,
    /// The file's accuracy by class, 0..1.
    pub per_class: Vec<(String, f64)>,
}

/// All results of `gnet reproduce`, as `reproduce.json` holds them.
#[derive(Debug, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Reproduction {
    /// Whether it was the quick form.
    pub quick: bool,
    /// Total wall-clock time in seconds.
    pub seconds: f64,
    /// All checks that were made.
    pub checks: Vec<Check>,
    /// The three blocks.
    pub compare: Comparison,
    /// The paper's Table 1 beside the exact counts.
    pub paper: PaperTable,
    /// The training.
    pub training: Training,
    /// Record of the export.
    pub export: ExportRecord,
    /// The exported file, summarised by module.
    pub summary: Summary,
    /// Checkpoint and file on the test images, one entry per provider.
    pub agreements: Vec<Agreement>,
    /// Latency measurement of the file.
    pub bench: Measurement,
}

impl Reproduction {
    /// Returns the verdict.
    ///
    /// # Errors
    /// Lists the failed checks ([`ErrorKind::Check`](crate::ErrorKind::Check)).
    pub fn check(&self) -> Result<()> {
        let failed: Vec<_> =
            self.checks.iter().filter(|check| !check.passed).map(|check| check.name.as_str()).collect();
        match failed.as_slice() {
            [] => Ok(()),
            names => Err(Error::check(
                "reproduce",
                format!("{} failed: {}", counted(names.len(), "check"), names.join("; ")),
            )),
        }
    }
}

impl Report for Reproduction {
    fn tables(&self) -> Vec<Table> {
        let columns = ["check", "expected", "found", "verdict"].map(Column::text);
        let mut table = Table::new("Checks", columns);
        for check in &self.checks {
            let verdict = if check.passed { "holds" } else { "FAILS" };
            table.row([
                check.name.as_str().into(),
                check.expected.as_str().into(),
                check.found.as_str().into(),
                verdict.into(),
            ]);
        }
        vec![table]
    }
}
