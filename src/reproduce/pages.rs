//! The reports: one page in Markdown, one document in JSON, two curves in SVG.

use std::fmt::Write;
use std::path::Path;

use super::record::{Agreement, Reproduction};
use crate::report::curve::{Chart, Series};
use crate::report::{Cell, Column, Format, Report, Table, json, render};
use crate::train::EpochMetrics;
use crate::{Result, files};

/// Writes the reports into a folder.
pub(super) fn write(out: &Path, reproduction: &Reproduction) -> Result<()> {
    let epochs = &reproduction.training.epochs;
    let loss = chart("Loss", "cross-entropy (nats)", epochs, |e| [e.train_loss, e.validation_loss]);
    let accuracy =
        chart("Accuracy", "top-1 (%)", epochs, |e| [100.0 * e.train_accuracy, 100.0 * e.validation_accuracy]);
    files::write(&out.join("loss.svg"), loss.svg()?.as_bytes())?;
    files::write(&out.join("accuracy.svg"), accuracy.svg()?.as_bytes())?;
    files::write(&out.join("reproduce.json"), json::document(reproduction)?.as_bytes())?;
    files::write(&out.join("reproduce.md"), page(reproduction)?.as_bytes())
}

fn chart(title: &str, unit: &str, epochs: &[EpochMetrics], values: impl Fn(&EpochMetrics) -> [f64; 2]) -> Chart {
    let series = |which: usize, name: &str| Series {
        name: name.to_owned(),
        points: epochs.iter().map(|e| (e.epoch as f64, values(e)[which])).collect(),
    };
    Chart {
        title: title.to_owned(),
        x_label: "epoch".to_owned(),
        y_label: unit.to_owned(),
        series: vec![series(0, "training"), series(1, "validation")],
    }
}

fn page(r: &Reproduction) -> Result<String> {
    let mut page = String::from("# GoogLeNet: trained, exported, verified, measured\n\n");
    let failed = r.checks.iter().filter(|check| !check.passed).count();
    let verdict = if failed == 0 { "every check passed".to_owned() } else { format!("{failed} checks FAILED") };
    let form = if r.quick { "`gnet reproduce --quick`" } else { "`gnet reproduce`" };
    // Writing to a string cannot fail.
    let _ = writeln!(page, "Written by {form} in {:.0} s: {verdict}.\n", r.seconds);
    section(&mut page, "Checks", r)?;
    section(&mut page, "Inception against 3x3 and 5x5", &r.compare)?;
    let training = &r.training;
    let _ = writeln!(
        page,
        "## Training\n\n{} on {} images for {} epochs: {:.1} % of the test images, {:.1} % of the validation images, \
         {:.0} images/s.\n\n![Loss](loss.svg)\n\n![Accuracy](accuracy.svg)\n",
        training.options.preset,
        training.options.data,
        training.outcome.epochs,
        100.0 * training.outcome.test_accuracy,
        100.0 * training.outcome.validation_accuracy,
        training.outcome.images_per_s
    );
    section(&mut page, "Export", &r.export)?;
    section(&mut page, "Accuracy of the file by class", &r.agreement)?;
    section(&mut page, "The file, module by module", &r.summary)?;
    section(&mut page, "Speed", &r.bench)?;
    section(&mut page, "The paper's table", &r.paper)?;
    Ok(page)
}

fn section<R: Report>(page: &mut String, title: &str, report: &R) -> Result<()> {
    let _ = writeln!(page, "## {title}\n\n{}", render(report, Format::Markdown)?);
    Ok(())
}

impl Report for Agreement {
    fn tables(&self) -> Vec<Table> {
        let columns = [Column::text("class"), Column::number("accuracy").unit("%")];
        let mut table = Table::new("", columns);
        for (class, accuracy) in &self.per_class {
            table.row([class.as_str().into(), Cell::float(100.0 * accuracy, 1)]);
        }
        table.note(format!(
            "checkpoint in Burn {:.1} %, file in tract {:.1} %; the same class for {} of {} images",
            100.0 * self.checkpoint_top1,
            100.0 * self.file_top1,
            self.same_class,
            self.images
        ));
        vec![table]
    }
}
