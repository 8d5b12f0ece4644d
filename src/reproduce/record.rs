//! What a reproduction came to.

use serde::Serialize;

use crate::bench::Measurement;
use crate::compare::{Comparison, PaperTable};
use crate::cost::Summary;
use crate::export::ExportRecord;
use crate::report::{Column, Report, Table};
use crate::runtime::Provider;
use crate::train::{self, EpochMetrics, Outcome};
use crate::words::counted;
use crate::{Error, Result};

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// What it should be.
    pub expected: String,
    /// What it was.
    pub found: String,
    /// Whether it holds.
    pub passed: bool,
}

/// The training of a reproduction.
#[derive(Debug, Clone, Serialize)]
pub struct Training {
    /// How it ended.
    pub outcome: Outcome,
    /// Every epoch.
    pub epochs: Vec<EpochMetrics>,
    /// What it was asked to do.
    pub options: train::Options,
}

/// The checkpoint in Burn and its export in a runtime, on the same test images.
#[derive(Debug, Clone, Serialize)]
pub struct Agreement {
    /// What ran the file.
    pub provider: Provider,
    /// Test images.
    pub images: usize,
    /// Images that both put into the same class.
    pub same_class: usize,
    /// Top-1 accuracy of the checkpoint, 0..1.
    pub checkpoint_top1: f64,
    /// Top-1 accuracy of the file, 0..1.
    pub file_top1: f64,
    /// The file's accuracy by class, 0..1.
    pub per_class: Vec<(String, f64)>,
}

/// Everything that `gnet reproduce` found, as `reproduce.json` holds it.
#[derive(Debug, Serialize)]
pub struct Reproduction {
    /// Whether it was the quick form.
    pub quick: bool,
    /// Wall-clock time of all of it.
    pub seconds: f64,
    /// Every check that was made.
    pub checks: Vec<Check>,
    /// The three blocks.
    pub compare: Comparison,
    /// The paper's Table 1 beside the exact counts.
    pub paper: PaperTable,
    /// The training.
    pub training: Training,
    /// The export.
    pub export: ExportRecord,
    /// The exported file, module by module.
    pub summary: Summary,
    /// Checkpoint and file on the test images, one entry a provider.
    pub agreements: Vec<Agreement>,
    /// The file's speed.
    pub bench: Measurement,
}

impl Reproduction {
    /// The verdict.
    ///
    /// # Errors
    /// The checks that do not hold ([`ErrorKind::Check`](crate::ErrorKind::Check)).
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
