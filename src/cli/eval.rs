//! `gnet eval`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use gnet::classify::Classifier;
use gnet::data::{Dataset, Source, Split};
use gnet::evaluation::Evaluation;
use gnet::report::{Cell, Column, Report, Table};
use gnet::runtime::Provider;
use gnet::{Error, Result};
use serde::Serialize;

use super::engine::{LibraryArgs, provider};
use super::format::FormatArgs;
use super::output;

/// Arguments of `gnet eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// A checkpoint folder, or an ONNX file that gnet exported.
    #[arg(value_name = "CHECKPOINT|FILE.onnx")]
    subject: PathBuf,
    /// fashion-mnist, embedded, or a folder with its four files [default: what the network was trained on]
    #[arg(long)]
    data: Option<Source>,
    /// Which images.
    #[arg(long, value_enum, default_value_t = SplitName::Test)]
    split: SplitName,
    /// What runs an ONNX file.
    #[arg(long, value_name = "NAME", default_value_t = Provider::Tract, value_parser = provider())]
    provider: Provider,
    /// Threads an ONNX file may use.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    library: LibraryArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SplitName {
    Train,
    Validation,
    Test,
}

impl SplitName {
    fn of(self, data: &Dataset) -> (&'static str, &Split) {
        match self {
            Self::Train => ("train", &data.train),
            Self::Validation => ("validation", &data.validation),
            Self::Test => ("test", &data.test),
        }
    }
}

/// The record of `gnet eval`.
#[derive(Debug, Serialize)]
struct EvalRecord {
    subject: String,
    data: String,
    split: &'static str,
    images: usize,
    top1: f64,
    loss: f64,
    per_class: Vec<ClassRow>,
    /// The class of each image, in the data set's order.
    predictions: Vec<usize>,
}

#[derive(Debug, Serialize)]
struct ClassRow {
    class: String,
    images: usize,
    correct: usize,
    accuracy: Option<f64>,
}

/// Runs `gnet eval`.
pub fn run(args: &EvalArgs) -> Result<()> {
    let judged = if args.subject.is_dir() { checkpoint(args)? } else { file(args)? };
    args.format.write(&judged)
}

fn file(args: &EvalArgs) -> Result<EvalRecord> {
    let mut classifier = Classifier::load(&args.subject, args.provider, args.threads, &args.library.options())?;
    let data = load(args, classifier.metadata().dataset.as_deref())?;
    let (split, images) = args.split.of(&data);
    let evaluation = classifier.evaluate(images)?;
    Ok(record(&args.subject, &data, split, evaluation, |class| classifier.class_name(class)))
}

#[cfg(feature = "burn")]
fn checkpoint(args: &EvalArgs) -> Result<EvalRecord> {
    let checkpoint = gnet::train::checkpoint::load(&args.subject)?;
    let metadata = &checkpoint.metadata;
    let data = load(args, metadata.dataset.as_deref())?;
    let (split, images) = args.split.of(&data);
    let evaluation = gnet::train::evaluate(&checkpoint.model, &metadata.preprocessing, images)?;
    let name = |class: usize| metadata.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
    Ok(record(&args.subject, &data, split, evaluation, name))
}

#[cfg(not(feature = "burn"))]
fn checkpoint(args: &EvalArgs) -> Result<EvalRecord> {
    Err(Error::unavailable(args.subject.display(), "this build reads no checkpoints (feature burn)"))
}

/// The data asked for, else what the network was trained on.
fn load(args: &EvalArgs, trained_on: Option<&str>) -> Result<Dataset> {
    let source = match (&args.data, trained_on) {
        (Some(source), _) => source.clone(),
        (None, Some("embedded")) => Source::Embedded,
        (None, Some("fashion-mnist")) => Source::FashionMnist,
        (None, _) => {
            return Err(Error::input(args.subject.display(), "does not say which data it was trained on")
                .remedy("give --data fashion-mnist, --data embedded or --data FOLDER"));
        }
    };
    output::note(format_args!("data: {source}"));
    source.load()
}

fn record(
    subject: &Path,
    data: &Dataset,
    split: &'static str,
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
        split,
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
        table.note(format!("top-1: {:.1} % of {} images, loss {:.4}", 100.0 * self.top1, self.images, self.loss));
        vec![table]
    }
}
