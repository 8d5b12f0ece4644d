//! The complete workflow: count, train, export, verify, measure, and write the results down.
//!
//! It works on the embedded images, so that a fresh clone needs nothing else. Everything with a known value is checked;
//! a failed check is recorded like the others and makes the run fail at its end.

mod checks;
mod pages;
mod record;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::bench::{self, Environment, Limits, Measurement, Spec};
use crate::classify::Classifier;
use crate::compare::{Comparison, MeasureOptions, PaperTable};
use crate::cost::{Analysis, Summary, View};
use crate::data::Source;
use crate::export::{self, ExportRecord, Exported};
use crate::metadata::Metadata;
use crate::nets::Preset;
use crate::runtime::{EngineOptions, Provider};
use crate::train;
use crate::train::checkpoint::{self, Checkpoint};
use crate::{Error, OnnxFile, Result};
use gnet_core::files;

pub use record::{Agreement, Check, Reproduction, Training};

const FILE: &str = "googlenet.onnx";
const RUN: &str = "run";

/// Options of a reproduction.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReproduceOptions {
    /// Train for fewer epochs and measure for a shorter time: a test of the workflow, not of the result.
    pub quick: bool,
    /// Images to train and to test with. What the checks expect is known of the embedded ones.
    pub data: Source,
    /// Options of the engines that run the exported file, such as the library of ONNX Runtime.
    pub engine: EngineOptions,
    /// Folder to write to; created if missing.
    pub out: PathBuf,
    /// Program whose [worker](crate::process::serve) takes the measurements.
    pub exe: PathBuf,
}

#[doc(hidden)]
#[deprecated(note = "is named `ReproduceOptions`")]
pub type Options = ReproduceOptions;

impl ReproduceOptions {
    /// Creates options for the whole workflow, written to `out`, with measurements taken by `exe`.
    pub fn new(out: impl Into<PathBuf>, exe: impl Into<PathBuf>) -> Self {
        let (data, engine) = (Source::Embedded, EngineOptions::default());
        Self { quick: false, data, engine, out: out.into(), exe: exe.into() }
    }

    fn limits(&self) -> Limits {
        let min_time = if self.quick { Duration::from_millis(500) } else { Limits::default().min_time };
        let mut limits = Limits::default();
        (limits.min_time, limits.max_time) = (min_time, 5 * min_time);
        limits
    }

    /// Returns the options of measuring the three blocks.
    fn blocks(&self, providers: &[Provider]) -> MeasureOptions {
        let mut blocks = MeasureOptions::new(&self.exe);
        (blocks.providers, blocks.engine) = (providers.to_vec(), self.engine.clone());
        if self.quick {
            (blocks.pairs, blocks.limits.min_time) = (QUICK_PAIRS, Duration::from_millis(100));
        }
        blocks
    }

    fn training(&self, out: PathBuf) -> train::TrainOptions {
        let mut options = train::TrainOptions::new(Preset::BnAux, self.data.clone(), out);
        if self.quick {
            options.epochs = QUICK_EPOCHS;
        }
        options
    }

    /// Returns the minimum accuracy on the test images, 0..1. Chance is 0.1.
    fn floor(&self) -> f64 {
        if self.quick { 0.3 } else { 0.6 }
    }
}

const QUICK_EPOCHS: usize = 2;
/// As many as give an interval.
const QUICK_PAIRS: usize = 5;

/// Observer of a reproduction and of its training. By default every method does nothing.
pub trait Observer: train::Observer {
    /// Called when a step begins.
    fn step(&mut self, _what: &str) {}

    /// Called after a check.
    fn checked(&mut self, _check: &Check) {}
}

impl Observer for train::Silent {}

/// Runs the complete workflow and writes the reports. See [`Reproduction::check`] for the verdict.
///
/// # Errors
/// Fails if a step cannot be carried out, for example because a folder is not writable or a runtime refuses a file.
/// Earlier results in the folder stay until their replacement is complete.
pub fn run(options: &ReproduceOptions, observer: &mut dyn Observer) -> Result<Reproduction> {
    let start = Instant::now();
    files::create_dir(&options.out)?;
    let mut checks = checks::Checks::new(observer);

    checks.step("counting the presets and blocks on their traced graphs");
    checks.cards()?;
    let mut compare = Comparison::count()?;
    checks.blocks(&compare);
    let paper = PaperTable::count()?;

    checks.step("training on real Fashion-MNIST images");
    let training = train(options, checks.observer())?;
    checks.training(&training, options.floor());

    checks.step("exporting and comparing with Burn in tract");
    let checkpoint = checkpoint::load(&training.outcome.checkpoint)?;
    let file = options.out.join(FILE);
    let export = export(&checkpoint, &file)?;
    checks.export(&export, &checkpoint)?;
    let opened = OnnxFile::open_whole(&file)?;
    let summary = summary(&opened, &file)?;

    checks.step("evaluating the checkpoint and the file image by image");
    let providers = providers(&options.engine)?;
    let agreements = evaluate(&checkpoint, &opened, options, &providers)?;
    agreements.iter().for_each(|agreement| checks.agreement(agreement));

    checks.step("measuring");
    let measurement = measure(options, &file, summary.macs, &providers)?;
    compare.measure(&options.blocks(&providers), &mut |_| {})?;

    let reproduction = Reproduction {
        quick: options.quick,
        seconds: start.elapsed().as_secs_f64(),
        checks: checks.done(),
        compare,
        paper,
        training,
        export,
        summary,
        agreements,
        bench: measurement,
    };
    pages::write(&options.out, &reproduction)?;
    Ok(reproduction)
}

/// Trains in a temporary folder, which replaces an earlier run's only when it is complete.
fn train(options: &ReproduceOptions, observer: &mut dyn Observer) -> Result<Training> {
    let unwritable = |e: std::io::Error| Error::file(&options.out, format!("cannot be written: {e}"));
    let folder = files::temporary_folder_in(&options.out, ".run-").map_err(unwritable)?;
    let mut train_options = options.training(folder.made.path().to_path_buf());
    let mut outcome = train::run(&train_options, observer)?;
    let place = options.out.join(RUN);
    let best = outcome.checkpoint.strip_prefix(folder.made.path()).map(Path::to_path_buf);
    let replaced = folder.finish(|folder| {
        if place.exists() {
            std::fs::remove_dir_all(&place)?;
        }
        std::fs::rename(folder.keep(), &place)
    });
    replaced.map_err(unwritable)?;
    outcome.checkpoint = best.map_or(place.clone(), |best| place.join(best));
    train_options.out = place;
    Ok(Training { epochs: std::mem::take(&mut outcome.metrics), outcome, options: train_options })
}

fn exported(checkpoint: &Checkpoint) -> Result<(export::ExportOptions, Exported)> {
    let options = export::googlenet_options(&checkpoint.config, &checkpoint.metadata, false);
    let exported = export::googlenet(&checkpoint.model, &options)?;
    Ok((options, exported))
}

fn export(checkpoint: &Checkpoint, file: &Path) -> Result<ExportRecord> {
    let (options, exported) = exported(checkpoint)?;
    let verified = export::verify_googlenet(&checkpoint.model, &options, &exported)?;
    files::write(file, &exported.bytes)?;
    ExportRecord::new(file, &exported, Some(&verified))
}

fn summary(file: &OnnxFile, path: &Path) -> Result<Summary> {
    Ok(Summary::new(path.display().to_string(), Analysis::of(&file.model()?.graph, None)?, View::Modules(1)))
}

/// Returns tract, and ONNX Runtime on the CPU if its library is found.
///
/// # Errors
/// Fails if a library that was named explicitly cannot be loaded: it is not silently skipped.
#[cfg_attr(not(feature = "ort"), allow(unused_variables, reason = "tract has no library"))]
fn providers(engine: &EngineOptions) -> Result<Vec<Provider>> {
    let mut providers = vec![Provider::Tract];
    #[cfg(feature = "ort")]
    match crate::runtime::library(engine) {
        Ok(_) => providers.push(Provider::Cpu),
        Err(error) if ["GNET_ORT_LIB", "ORT_DYLIB_PATH"].iter().any(|name| std::env::var_os(name).is_some()) => {
            return Err(error);
        }
        Err(_) => {}
    }
    Ok(providers)
}

/// Evaluates checkpoint and file on the test images, the file in each provider.
fn evaluate(
    checkpoint: &Checkpoint,
    file: &OnnxFile,
    options: &ReproduceOptions,
    providers: &[Provider],
) -> Result<Vec<Agreement>> {
    let test = options.data.load()?.test;
    let Metadata { preprocessing, classes, .. } = &checkpoint.metadata;
    let burn = train::evaluate(&checkpoint.model, preprocessing, &test)?;
    let judge = |provider: &Provider| {
        let found = Classifier::load(file, *provider, 1, &options.engine)?.evaluate(&test)?;
        let same = burn.predictions.iter().zip(&found.predictions).filter(|(a, b)| a == b).count();
        Ok(Agreement {
            provider: *provider,
            images: test.len(),
            same_class: same,
            checkpoint_top1: burn.top1,
            file_top1: found.top1,
            per_class: classes.iter().cloned().zip(found.per_class.iter().filter_map(|c| c.accuracy())).collect(),
        })
    };
    providers.iter().map(judge).collect()
}

fn measure(options: &ReproduceOptions, file: &Path, macs: u64, providers: &[Provider]) -> Result<Measurement> {
    let rows = providers.iter().flat_map(|provider| [(1, 1), (1, 2), (8, 1), (8, 2)].map(|row| (*provider, row)));
    let measure = |(provider, (batch, threads))| {
        let mut spec = Spec::new(file, provider);
        (spec.batch, spec.threads, spec.limits, spec.macs_per_image) = (batch, threads, options.limits(), Some(macs));
        spec.engine = options.engine.clone();
        spec.validate()?;
        bench::run_in_worker(&options.exe, &spec)
    };
    let runs = rows.map(measure).collect::<Result<_>>()?;
    Ok(Measurement::new(Environment::detect(file), runs, Vec::new()))
}
