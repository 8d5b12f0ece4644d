//! `gnet eval`.

use std::path::{Path, PathBuf};

use clap::Args;
use gnet::classify::{self, Classifier};
use gnet::data::{Dataset, Source, SplitName};
use gnet::evaluation::Evaluation;
use gnet::report::number::counted;
use gnet::report::{Cell, Column, Report, Table};
use gnet::runtime::Provider;
use gnet::{Error, OnnxFile, Result};
use schemars::JsonSchema;
use serde::Serialize;

use super::engine::LibraryArgs;
use super::format::FormatArgs;
use super::{output, values};

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// A checkpoint folder, or an ONNX file that gnet exported.
    #[arg(value_name = "CHECKPOINT|FILE.onnx")]
    subject: PathBuf,
    /// fashion-mnist, embedded, or a folder with its four files [default: what the network was trained on]
    #[arg(long, value_parser = values::source)]
    data: Option<Source>,
    /// The images to use.
    #[arg(long, default_value_t = SplitName::Test, value_parser = values::one_of::<SplitName>(SplitName::ALL.map(SplitName::name)))]
    split: SplitName,
    /// Provider that runs an ONNX file [default: tract]
    #[arg(long, value_parser = values::provider())]
    provider: Option<Provider>,
    /// Threads an ONNX file may use [default: 1]
    #[arg(long, value_name = "N", value_parser = values::whole::<usize>)]
    threads: Option<usize>,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    library: LibraryArgs,
}

/// Accuracy on labelled images.
#[derive(Debug, JsonSchema, Serialize)]
pub struct EvalRecord {
    /// Checkpoint or file that was judged.
    subject: String,
    /// Source of the images.
    data: String,
    /// Part of them: `train`, `validation` or `test`.
    split: &'static str,
    /// Number of images.
    images: usize,
    /// Fraction of the images put into their class, 0..1.
    top1: f64,
    /// Mean cross-entropy in nats.
    loss: f64,
    /// The same by class.
    per_class: Vec<ClassRow>,
    /// Class of each image, in the data set's order.
    predictions: Vec<usize>,
}

/// Accuracy on the images of one class.
#[derive(Debug, JsonSchema, Serialize)]
struct ClassRow {
    /// Name of the class.
    class: String,
    /// Number of its images.
    images: usize,
    /// Number of those that were put into it.
    correct: usize,
    /// Fraction of those, 0..1; `None` if there is no image of it.
    accuracy: Option<f64>,
}

pub fn run(args: &EvalArgs) -> Result<()> {
    let judged = match std::fs::metadata(&args.subject) {
        Ok(found) if found.is_dir() => checkpoint(args)?,
        Err(_) if !args.subject.is_symlink() => {
            return Err(Error::file(&args.subject, "there is no such checkpoint or file"));
        }
        _ => file(args)?,
    };
    args.format.write(&judged)
}

fn file(args: &EvalArgs) -> Result<EvalRecord> {
    let provider = args.provider.unwrap_or(Provider::Tract);
    let mut classifier = Classifier::load(
        &OnnxFile::open_whole(&args.subject)?,
        provider,
        args.threads.unwrap_or(1),
        &args.library.options(),
    )?;
    let dataset = classifier.metadata().dataset.as_deref();
    let source = match &args.data {
        Some(source) => source.clone(),
        None => classify::trained_on(dataset).map_err(|e| e.in_file(&args.subject))?,
    };
    let data = load(&source, &classifier.metadata().classes)?;
    let images = args.split.of(&data);
    let evaluation = classifier.evaluate(images)?;
    Ok(record(&args.subject, &data, args.split, evaluation, |class| classifier.class_name(class)))
}

#[cfg(feature = "burn")]
fn checkpoint(args: &EvalArgs) -> Result<EvalRecord> {
    runs_in_burn(args)?;
    let checkpoint = gnet::train::checkpoint::load(&args.subject)?;
    let metadata = &checkpoint.metadata;
    let data = load(args.data.as_ref().unwrap_or(&checkpoint.record.options.data), &metadata.classes)?;
    let images = args.split.of(&data);
    let evaluation = gnet::train::evaluate(&checkpoint.model, &metadata.preprocessing, images)?;
    let name = |class: usize| metadata.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
    Ok(record(&args.subject, &data, args.split, evaluation, name))
}

#[cfg(not(feature = "burn"))]
fn checkpoint(args: &EvalArgs) -> Result<EvalRecord> {
    Err(Error::unavailable(args.subject.display(), "this build reads no checkpoints (feature burn)"))
}

/// Refuses options that only apply to files: a checkpoint is not run by a provider.
#[cfg(feature = "burn")]
fn runs_in_burn(args: &EvalArgs) -> Result<()> {
    let provider = args.provider.map(|provider| format!("--provider {provider}"));
    let threads = args.threads.map(|threads| format!("--threads {threads}"));
    match provider.or(threads).or(args.library.is_given().then(|| "--ort-lib".to_owned())) {
        None => Ok(()),
        Some(option) => Err(Error::input(option, "is for ONNX files; a checkpoint runs in Burn")
            .remedy("leave it out, or evaluate the file that `gnet export` writes")),
    }
}

fn load(source: &Source, classes: &[String]) -> Result<Dataset> {
    output::progress(format_args!("data: {source}"));
    classify::images(source, classes)
}

fn record(
    subject: &Path,
    data: &Dataset,
    split: SplitName,
    evaluation: Evaluation,
    name: impl Fn(usize) -> String,
) -> EvalRecord {
    let rows = evaluation.per_class.iter().enumerate().map(|(class, counts)| ClassRow {
        class: name(class),
        images: counts.images,
        correct: counts.correct,
        accuracy: counts.accuracy(),
    });
    EvalRecord {
        subject: subject.display().to_string(),
        data: data.name.clone(),
        split: split.name(),
        images: evaluation.predictions.len(),
        top1: evaluation.top1,
        loss: evaluation.loss,
        per_class: rows.collect(),
        predictions: evaluation.predictions,
    }
}

impl Report for EvalRecord {
    fn tables(&self) -> Vec<Table> {
        let columns = [
            Column::text("class"),
            Column::number("images"),
            Column::number("correct"),
            Column::number("accuracy").unit("%"),
        ];
        let mut table = Table::new(format!("{} on {} ({} images)", self.subject, self.data, self.split), columns);
        for row in &self.per_class {
            let percent = row.accuracy.map(|accuracy| 100.0 * accuracy);
            table.row([row.class.as_str().into(), row.images.into(), row.correct.into(), Cell::float(percent, 1)]);
        }
        table.note(format!(
            "top-1: {:.1} % of {}, loss {:.4}",
            100.0 * self.top1,
            counted(self.images, "image"),
            self.loss
        ));
        vec![table]
    }
}
