//! `gnet predict`.

use std::path::PathBuf;

use clap::Args;
use gnet::classify::Classifier;
use gnet::data::picture;
use gnet::evaluation::softmax;
use gnet::report::{Cell, Column, Report, Table};
use gnet::runtime::Provider;
use gnet::{OnnxFile, Result};
use schemars::JsonSchema;
use serde::Serialize;

use super::engine::LibraryArgs;
use super::format::FormatArgs;
use super::values;

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// An ONNX file that gnet exported.
    #[arg(value_name = "FILE.onnx")]
    file: PathBuf,
    /// PNG or JPEG files.
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Classes to show of each image, the likeliest first.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..), value_name = "K")]
    top: u16,
    /// Provider that runs the file.
    #[arg(long, default_value_t = Provider::Tract, value_parser = values::provider())]
    provider: Provider,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    library: LibraryArgs,
}

/// Classes of pictures.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Predictions {
    /// The pictures, in the order in which they were given.
    predictions: Vec<Prediction>,
}

/// One image.
#[derive(Debug, JsonSchema, Serialize)]
struct Prediction {
    /// Path of the picture.
    image: String,
    /// Most likely class.
    class: String,
    /// Probability of that class, 0..1.
    probability: f64,
    /// Most likely classes, including the first.
    top: Vec<ClassProbability>,
}

/// A class of one image.
#[derive(Debug, JsonSchema, Serialize)]
struct ClassProbability {
    /// Index of the class, from 0.
    index: usize,
    /// Name of the class.
    class: String,
    /// Its probability, 0..1.
    probability: f64,
}

/// Runs `gnet predict`. Every picture is read before anything is computed, so that a bad one leaves no partial result.
pub fn run(args: &PredictArgs) -> Result<()> {
    let mut classifier =
        Classifier::load(&OnnxFile::open_whole(&args.file)?, args.provider, 1, &args.library.options())?;
    let preprocessing = &classifier.metadata().preprocessing;
    let pixels = args.images.iter().map(|path| picture::load(path, preprocessing)).collect::<Result<Vec<_>>>()?;
    let mut predictions = Vec::with_capacity(pixels.len());
    for (path, pixels) in args.images.iter().zip(&pixels) {
        let scores = classifier.scores(pixels)?.concat();
        let top = likeliest(&classifier, &scores, args.top.into());
        let (class, probability) = top.first().map_or((String::new(), 0.0), |t| (t.class.clone(), t.probability));
        predictions.push(Prediction { image: path.display().to_string(), class, probability, top });
    }
    args.format.write(&Predictions { predictions })
}

fn likeliest(classifier: &Classifier, scores: &[f32], count: usize) -> Vec<ClassProbability> {
    let mut classes: Vec<(usize, f64)> = softmax(scores).into_iter().enumerate().collect();
    // Among equals the first class comes first: the sort is stable.
    classes.sort_by(|a, b| b.1.total_cmp(&a.1));
    let named = |(index, probability)| ClassProbability { index, class: classifier.class_name(index), probability };
    classes.into_iter().take(count).map(named).collect()
}

impl Report for Predictions {
    fn tables(&self) -> Vec<Table> {
        let columns = [Column::path("image"), Column::text("class"), Column::number("probability").unit("%")];
        let mut table = Table::new("", columns);
        for prediction in &self.predictions {
            for top in &prediction.top {
                let percent = Cell::float(100.0 * top.probability, 1);
                table.row([prediction.image.as_str().into(), top.class.as_str().into(), percent]);
            }
        }
        vec![table]
    }
}
