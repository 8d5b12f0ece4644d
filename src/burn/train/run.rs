//! A whole run: from options to the accuracy on the test images.

use std::path::PathBuf;
use std::time::Instant;

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::Serialize;

use super::checkpoint::{self, FileMark, Record, SCHEMA_VERSION, ShuffleState};
use super::epoch::{self, Epoch};
use super::evaluation::evaluate_prepared;
use super::folder::{self, BEST, Folder, LAST};
use super::{EpochMetrics, Observer, RunStarted, TrainOptions, metrics};
use crate::nets::{self, GoogLeNet, GoogLeNetConfig};
use gnet_core::metadata::{Metadata, Preprocessing};
use gnet_core::report::{Cell, Column, Report, Table};
use gnet_core::words::counted;
use gnet_core::{Error, Result, files};
use gnet_engine::data::{Dataset, Normalization, Prepared};
use gnet_engine::evaluation::Evaluation;

/// Result of a run.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// Top-1 accuracy of the best epoch's network on the test images, 0..1.
    pub test_accuracy: f64,
    /// Top-1 accuracy of the best epoch's network on the validation images, 0..1.
    pub validation_accuracy: f64,
    /// Number of epochs trained.
    pub epochs: usize,
    /// Training throughput in images per second, over all epochs.
    pub images_per_s: f64,
    /// Folder of the best epoch's network.
    pub checkpoint: PathBuf,
    /// Metrics of every epoch, also of those before a run was resumed.
    #[serde(skip)]
    pub metrics: Vec<EpochMetrics>,
}

impl Report for Outcome {
    fn tables(&self) -> Vec<Table> {
        let percent = |name: &str| Column::number(name).unit("%");
        let columns = [
            percent("test accuracy"),
            percent("validation accuracy"),
            Column::number("epochs").rank(1),
            Column::number("images/s").rank(2),
            Column::path("checkpoint"),
        ];
        let mut table = Table::new("", columns);
        table.row([
            Cell::float(100.0 * self.test_accuracy, 1),
            Cell::float(100.0 * self.validation_accuracy, 1),
            self.epochs.into(),
            Cell::float(self.images_per_s, 1),
            self.checkpoint.display().to_string().as_str().into(),
        ]);
        vec![table]
    }
}

/// Trains a network according to the options, or resumes a run. A new network gets the classes of the data.
///
/// # Errors
/// Fails on invalid options; if the folder already holds a run, holds none to resume, or is in use by another process;
/// if the options contradict the run's; if the data cannot be loaded; if the loss is no longer a number; or if the
/// folder is not writable.
pub fn run(options: &TrainOptions, observer: &mut dyn Observer) -> Result<Outcome> {
    options.check()?;
    // Checked again once nobody else can change it; checking now avoids loading the data in vain.
    check_folder(options)?;
    if options.resume {
        options.check_continues(&checkpoint::options_of(&options.out)?)?;
        return run_on(options, &options.data.load()?, observer);
    }
    files::check_dir(&options.out)?;
    let data = options.data.load()?;
    // A new network gets the classes of its data.
    let config = GoogLeNetConfig { classes: data.classes.len(), ..options.config.clone() };
    run_on(&TrainOptions { config, ..options.clone() }, &data, observer)
}

/// Checks that the folder holds a run if and only if one is to be resumed.
fn check_folder(options: &TrainOptions) -> Result<()> {
    if options.resume { folder::last_of(&options.out).map(drop) } else { folder::check_free(&options.out) }
}

/// Does the same as [`run`] on data that is already loaded.
pub(super) fn run_on(options: &TrainOptions, data: &Dataset, observer: &mut dyn Observer) -> Result<Outcome> {
    let run = Trainer::new(options, data)?;
    check_folder(options)?;
    let folder = Folder::enter(&options.out)?;
    if !folder.is_ours() {
        let reason = "is on a file system without locks: see to it that nothing else trains in this folder";
        observer.remark(&format!("{} {reason}", options.out.display()));
    }
    check_folder(options)?;
    let state = if options.resume { run.resumed()? } else { run.fresh()? };
    run.train(state, observer)
}

/// The part of a run that stays constant.
struct Trainer<'a> {
    options: &'a TrainOptions,
    data: &'a Dataset,
    preprocessing: Preprocessing,
    train: Prepared,
    validation: Prepared,
    device: Device,
}

/// The part that an epoch changes. `best` is an index into `metrics`.
struct State {
    model: GoogLeNet,
    optimizer: ModuleOptimizer,
    metrics: Vec<EpochMetrics>,
    best: usize,
}

impl<'a> Trainer<'a> {
    fn new(options: &'a TrainOptions, data: &'a Dataset) -> Result<Self> {
        let config = &options.config;
        if config.classes != data.classes.len() {
            let reason = format!("has {}, the network {}", counted(data.classes.len(), "class"), config.classes);
            return Err(Error::input(format!("--data {}", options.data), reason));
        }
        let preprocessing = Normalization::of(&data.train)?.preprocessing(config.image_size, config.channels)?;
        Ok(Self {
            options,
            data,
            train: Prepared::new(&preprocessing, &data.train)?,
            validation: Prepared::new(&preprocessing, &data.validation)?,
            preprocessing,
            device: Device::flex().autodiff(),
        })
    }

    fn fresh(&self) -> Result<State> {
        Ok(State {
            model: self.options.config.init_seeded(self.options.seed, &self.device)?,
            optimizer: epoch::optimizer(self.options),
            metrics: Vec::new(),
            best: 0,
        })
    }

    fn resumed(&self) -> Result<State> {
        let out = &self.options.out;
        let folder = folder::last_of(out)?;
        let record = checkpoint::read_record(&folder)?;
        self.options.check_continues(&record.options)?;
        if record.metadata.preprocessing != self.preprocessing || record.train_images != self.data.train.len() {
            let thing = format!("--data {}", self.options.data);
            return Err(Error::input(thing, format!("holds other images than the run in {}", out.display())));
        }
        if record.epoch > self.options.epochs {
            let thing = format!("--epochs {}", self.options.epochs);
            return Err(Error::input(thing, format!("the run has {} behind it", record.epoch)));
        }
        let state = State {
            model: checkpoint::read_model(&folder, &record, &self.device)?,
            optimizer: checkpoint::read_optimizer(&folder, &record, epoch::optimizer(self.options))?,
            metrics: metrics::read(out, record.epoch - 1)?.into_iter().chain([record.metrics]).collect(),
            best: record.best_epoch - 1,
        };
        self.mend(&record, &state)?;
        Ok(state)
    }

    /// Writes the files that follow from `last`, if the process ended before they were written.
    fn mend(&self, last: &Record, state: &State) -> Result<()> {
        let out = &self.options.out;
        let best = folder::settled(&out.join(BEST));
        if checkpoint::lacks_best(last, best.as_deref()) {
            checkpoint::save(out, BEST, last, &state.model.valid(), None)?;
        } else if best.is_none() {
            return Err(
                Error::file(&out.join(BEST), "the run's best checkpoint is missing").remedy("train into another --out")
            );
        }
        if metrics::read(out, last.epoch).is_ok() { Ok(()) } else { metrics::write(out, &state.metrics) }
    }

    fn train(&self, mut state: State, observer: &mut dyn Observer) -> Result<Outcome> {
        observer.run_started(&RunStarted {
            dataset: &self.data.name,
            train_images: self.data.train.len(),
            validation_images: self.data.validation.len(),
            params: nets::learned_params(&state.model),
            first_epoch: state.metrics.len() + 1,
            epochs: self.options.epochs,
        });
        while state.metrics.len() < self.options.epochs {
            state = self.epoch(state, observer)?;
        }
        self.finish(state)
    }

    fn epoch(&self, state: State, observer: &mut dyn Observer) -> Result<State> {
        let State { model, mut optimizer, mut metrics, best } = state;
        let (number, start) = (metrics.len() + 1, Instant::now());
        observer.epoch_started(number, self.options.epochs);
        let epoch = Epoch { options: self.options, images: &self.train, device: &self.device, epoch: number };
        let (model, lr, trained) = epoch.train(model, &mut optimizer, observer)?;
        // Applies the pending updates of batch normalisation: running statistics lag one step behind until they are
        // read.
        let settled = model.valid();
        let judged = evaluate_prepared(&settled, &self.validation)?;
        let measured = EpochMetrics {
            epoch: number,
            lr,
            train_loss: trained.loss,
            train_accuracy: trained.accuracy,
            validation_loss: judged.loss,
            validation_accuracy: judged.top1,
            images_per_s: trained.images_per_s,
            seconds: start.elapsed().as_secs_f64(),
        };
        metrics.push(measured);
        let is_best = number == 1 || measured.better_than(&metrics[best]);
        let state = State { model, optimizer, metrics, best: if is_best { number - 1 } else { best } };
        self.save(&state, &settled, is_best)?;
        observer.epoch_done(&measured, is_best)?;
        Ok(state)
    }

    /// Saves an epoch. `last` is written first: it makes the epoch part of the run, and the others follow from it
    /// ([`Trainer::mend`]).
    fn save(&self, state: &State, settled: &GoogLeNet, is_best: bool) -> Result<()> {
        let out = &self.options.out;
        let record = self.record(state);
        checkpoint::save(out, LAST, &record, settled, Some(&state.optimizer))?;
        metrics::write(out, &state.metrics)?;
        if is_best { checkpoint::save(out, BEST, &record, settled, None) } else { Ok(()) }
    }

    fn record(&self, state: &State) -> Record {
        let options = self.options;
        let metrics = state.metrics[state.metrics.len() - 1];
        Record {
            schema_version: SCHEMA_VERSION,
            gnet_version: env!("CARGO_PKG_VERSION").into(),
            preset: options.preset,
            config: options.config.clone(),
            metadata: Metadata {
                preset: options.preset.to_string(),
                classes: self.data.classes.clone(),
                preprocessing: self.preprocessing.clone(),
                dataset: Some(self.data.name.clone()),
                validation_accuracy: Some(metrics.validation_accuracy),
                test_accuracy: None,
            },
            epoch: metrics.epoch,
            metrics,
            best_epoch: state.best + 1,
            seed: options.seed,
            shuffle: ShuffleState { generator: "chacha8".into(), next_epoch: metrics.epoch + 1 },
            train_images: self.data.train.len(),
            options: options.clone(),
            model: FileMark { bytes: 0, crc32: 0 },
            optimizer: None,
        }
    }

    /// Evaluates the best network on the test images and records the result in its checkpoint.
    fn finish(&self, state: State) -> Result<Outcome> {
        let out = &self.options.out;
        let mut best = checkpoint::load(&out.join(BEST))?;
        let test: Evaluation = evaluate_prepared(&best.model, &Prepared::new(&self.preprocessing, &self.data.test)?)?;
        best.record.metadata.test_accuracy = Some(test.top1);
        checkpoint::write_record(&best.path, &best.record)?;
        // Every epoch trains the same number of images, so the rates average harmonically.
        let seconds_an_image: f64 = state.metrics.iter().map(|m| 1.0 / m.images_per_s).sum();
        Ok(Outcome {
            test_accuracy: test.top1,
            validation_accuracy: state.metrics[state.best].validation_accuracy,
            epochs: state.metrics.len(),
            images_per_s: state.metrics.len() as f64 / seconds_an_image,
            checkpoint: out.join(BEST),
            metrics: state.metrics,
        })
    }
}

#[cfg(test)]
#[path = "ends_tests.rs"]
mod ends_tests;
#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
