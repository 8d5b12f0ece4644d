//! The reports: one Markdown page, one JSON document, two SVG curves.

use std::fmt::Write;
use std::path::Path;

use super::record::{Agreement, Reproduction};
use crate::report::curve::{Axis, Chart, Series};
use crate::report::{Cell, Column, Format, Report, Table, json, render};
use crate::train::EpochMetrics;
use crate::{Result, files};
use gnet_core::words::counted;

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
    let series =
        |which: usize, name: &str| Series::new(name, epochs.iter().map(|e| (e.epoch as f64, values(e)[which])));
    let mut chart = Chart::new(title, Axis::linear("epoch"), Axis::linear(unit));
    chart.description = format!("{title} of training and validation images after each epoch.");
    chart.series = vec![series(0, "training"), series(1, "validation")];
    chart
}

fn page(r: &Reproduction) -> Result<String> {
    let mut page = String::from("# GoogLeNet: trained, exported, verified, measured\n\n");
    let failed = r.checks.iter().filter(|check| !check.passed).count();
    let verdict =
        if failed == 0 { "every check passed".to_owned() } else { format!("{} FAILED", counted(failed, "check")) };
    let form = if r.quick { "`gnet reproduce --quick`" } else { "`gnet reproduce`" };
    // Writing to a string cannot fail.
    let _ = writeln!(page, "Written by {form} in {:.0} s: {verdict}.\n", r.seconds);
    append(&mut page, r)?;
    append(&mut page, &r.compare)?;
    let training = &r.training;
    let _ = writeln!(
        page,
        "### Training\n\n{} on {} images for {}: {:.1} % of the test images, {:.1} % of the validation images, \
         {:.0} images/s.\n\n![Loss](loss.svg)\n\n![Accuracy](accuracy.svg)\n",
        training.options.preset,
        training.options.data,
        counted(training.outcome.epochs, "epoch"),
        100.0 * training.outcome.test_accuracy,
        100.0 * training.outcome.validation_accuracy,
        training.outcome.images_per_s
    );
    append(&mut page, &r.export)?;
    for agreement in &r.agreements {
        append(&mut page, agreement)?;
    }
    append(&mut page, &r.summary)?;
    append(&mut page, &r.bench)?;
    append(&mut page, &r.paper)?;
    Ok(page)
}

fn append<R: Report>(page: &mut String, report: &R) -> Result<()> {
    *page += &render(report, Format::Markdown)?;
    page.push('\n');
    Ok(())
}

impl Report for Agreement {
    fn tables(&self) -> Vec<Table> {
        let columns = [Column::text("class"), Column::number("accuracy").unit("%")];
        let mut table = Table::new(format!("Accuracy of the file in {}, by class", self.provider), columns);
        for (class, accuracy) in &self.per_class {
            table.row([class.as_str().into(), Cell::float(100.0 * accuracy, 1)]);
        }
        table.note(format!(
            "checkpoint in Burn {:.1} %, file in {} {:.1} %; the same class for {} of {}",
            100.0 * self.checkpoint_top1,
            self.provider,
            100.0 * self.file_top1,
            self.same_class,
            counted(self.images, "image")
        ));
        vec![table]
    }
}
