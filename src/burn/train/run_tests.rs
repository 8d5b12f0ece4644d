use std::fs;
use std::path::Path;

use burn::module::{ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::*;
use crate::nets::Preset;
use crate::train::{BatchDone, Schedule, Silent};
use gnet_engine::data::{Source, Split};

/// Returns a few real images, so that a run takes a second.
pub(super) fn few(train: usize) -> Dataset {
    let all = Source::Embedded.load().unwrap();
    let some = |split: &Split, count| split.subset(&(0..count).collect::<Vec<_>>()).unwrap();
    Dataset { train: some(&all.train, train), validation: some(&all.validation, 20), test: some(&all.test, 20), ..all }
}

/// Returns the options of a small, quick run: 8 pixels per side, constant rate.
pub(super) fn options(preset: Preset, out: &Path) -> TrainOptions {
    let mut options = TrainOptions::new(preset, Source::Embedded, out.into());
    options.config.image_size = 8;
    options.batch_size = 8;
    options.epochs = 2;
    options.schedule = Schedule::Constant;
    options.warmup_steps = 0;
    options
}

/// Returns every number of a network, weights and running statistics, as bits.
fn bits(model: &GoogLeNet) -> Vec<u32> {
    struct Bits(Vec<u32>);
    impl ModuleVisitor for Bits {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(param.val().try_into_vec_as::<f32>().unwrap().iter().map(|v| v.to_bits()));
        }
    }
    let mut bits = Bits(Vec::new());
    model.visit(&mut bits);
    bits.0
}

pub(super) fn last_bits(out: &Path) -> Vec<u32> {
    bits(&checkpoint::load(&out.join(LAST)).unwrap().model)
}

/// Stops a run after an epoch, as a crash would.
struct StopAfter(usize);

impl Observer for StopAfter {
    fn epoch_done(&mut self, metrics: &EpochMetrics, _: bool) -> Result<()> {
        if metrics.epoch == self.0 { Err(Error::input("the test", "pulled the plug")) } else { Ok(()) }
    }
}

#[test]
fn a_run_that_stopped_and_resumed_is_the_same_to_the_bit() {
    let (dir, data) = (tempfile::tempdir().unwrap(), few(25));
    for (name, schedule) in [("cosine", Schedule::Cosine), ("constant", Schedule::Constant)] {
        let (whole, halves) = (dir.path().join(name), dir.path().join(format!("{name}-halves")));
        let at_once = TrainOptions { schedule, ..options(Preset::BnAux, &whole) };
        let outcome = run_on(&at_once, &data, &mut Silent).unwrap();

        let in_halves = TrainOptions { out: halves.clone(), ..at_once.clone() };
        assert!(run_on(&in_halves, &data, &mut StopAfter(1)).unwrap_err().to_string().contains("pulled the plug"));
        assert_ne!(last_bits(&halves), last_bits(&whole));
        let resumed = run_on(&TrainOptions { resume: true, ..in_halves }, &data, &mut Silent).unwrap();

        assert_eq!(last_bits(&halves), last_bits(&whole), "{name}");
        assert_eq!(resumed.test_accuracy, outcome.test_accuracy, "{name}");
        assert_eq!(resumed.epochs, 2);
    }
}

#[test]
fn a_finished_run_of_constant_rate_can_be_prolonged() {
    let (dir, data) = (tempfile::tempdir().unwrap(), few(24));
    let (whole, grown) = (dir.path().join("whole"), dir.path().join("grown"));
    run_on(&options(Preset::D2l, &whole), &data, &mut Silent).unwrap();
    let short = TrainOptions { epochs: 1, ..options(Preset::D2l, &grown) };
    run_on(&short, &data, &mut Silent).unwrap();
    run_on(&TrainOptions { epochs: 2, resume: true, ..short.clone() }, &data, &mut Silent).unwrap();
    assert_eq!(last_bits(&grown), last_bits(&whole));
    assert_eq!(metrics::read(&grown, 2).unwrap().len(), 2);
    let error = run_on(&TrainOptions { resume: true, ..short }, &data, &mut Silent).unwrap_err();
    assert!(error.to_string().contains("--epochs 1: the run has 2 behind it"), "{error}");
}

#[test]
fn a_run_leaves_a_folder_that_says_everything() {
    let (dir, data) = (tempfile::tempdir().unwrap(), few(24));
    let out = dir.path().join("run");
    let outcome = run_on(&options(Preset::BnAux, &out), &data, &mut Silent).unwrap();
    let mut names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["best", "last", "metrics.jsonl"]);
    let best = checkpoint::load(&out).unwrap();
    assert_eq!(best.path, out.join("best"));
    assert_eq!((best.preset, best.config.image_size, best.config.classes), (Preset::BnAux, 8, 10));
    assert_eq!(best.metadata.test_accuracy, Some(outcome.test_accuracy));
    assert_eq!(best.metadata.validation_accuracy, Some(outcome.validation_accuracy));
    assert_eq!(best.metadata.dataset.as_deref(), Some(data.name.as_str()));
    assert_eq!(best.record.epoch, best.record.best_epoch);
    let again = super::super::evaluate(&best.model, &best.metadata.preprocessing, &data.test).unwrap();
    assert_eq!(again.top1, outcome.test_accuracy, "the saved network is the one that was judged");
    assert_eq!(checkpoint::options_of(&out).unwrap(), TrainOptions { resume: true, ..options(Preset::BnAux, &out) });
}

#[test]
fn a_folder_with_a_run_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    run_on(&TrainOptions { epochs: 1, ..options(Preset::D2l, &out) }, &few(16), &mut Silent).unwrap();
    let before = last_bits(&out);
    let error = run(&options(Preset::D2l, &out), &mut Silent).unwrap_err();
    assert!(error.to_string().contains("holds a run already"), "{error}");
    assert_eq!(last_bits(&out), before);
    let empty = TrainOptions { resume: true, ..options(Preset::D2l, &dir.path().join("none")) };
    assert!(run(&empty, &mut Silent).unwrap_err().to_string().contains("holds no run to resume"));
    let other = TrainOptions { seed: 8, resume: true, ..options(Preset::D2l, &out) };
    let error = run_on(&other, &few(16), &mut Silent).unwrap_err();
    assert!(error.to_string().contains("--seed is 8, the run has 1"), "{error}");
    let other = TrainOptions { resume: true, ..options(Preset::D2l, &out) };
    let error = run_on(&other, &few(17), &mut Silent).unwrap_err();
    assert!(error.to_string().contains("holds other images"), "{error}");
}

#[test]
fn a_damaged_or_foreign_folder_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    run_on(&TrainOptions { epochs: 1, ..options(Preset::D2l, &out) }, &few(16), &mut Silent).unwrap();
    let refused = |path: &Path, says: &str| {
        let error = checkpoint::load(path).map(|found| found.path).unwrap_err().to_string();
        assert!(error.contains(says), "'{error}' does not say '{says}'");
    };
    refused(&dir.path().join("none"), "there is no such folder");
    refused(dir.path(), "is no checkpoint: it holds neither");
    refused(&out.join("metrics.jsonl"), "is a file; a checkpoint is a folder");

    let (model, record) = (out.join("best/model.bpk"), out.join("best/checkpoint.json"));
    let (weights, text) = (fs::read(&model).unwrap(), fs::read_to_string(&record).unwrap());
    let mut flipped = weights.clone();
    flipped[weights.len() / 2] ^= 1;
    fs::write(&model, &flipped).unwrap();
    refused(&out, "model.bpk: is damaged: its checksum");
    fs::write(&model, &weights[..100]).unwrap();
    refused(&out, "model.bpk: is damaged: 100 bytes");
    fs::remove_file(&model).unwrap();
    refused(&out, "model.bpk");
    fs::write(&model, &weights).unwrap();
    for (broken, says) in [
        (text.replace("\"schema_version\": 1", "\"schema_version\": 2"), "has schema version 2"),
        (text[..text.len() / 2].to_owned(), "checkpoint.json: is no checkpoint of gnet"),
        (text.replace("\"epoch\":", "\"epock\":"), "cannot be understood"),
        (text.replace("\"image_size\": 8", "\"image_size\": 0"), "image size 0"),
        (text.replacen("\"image_size\": 8", "\"image_size\": 9", 1), "contradicts itself"),
        (text.replace("\"classes\": 10", "\"classes\": 11"), "as many classes as the network has"),
        (text.replace("\"batch_norm\": false", "\"batch_norm\": true"), "is not of the network that checkpoint.json"),
    ] {
        fs::write(&record, broken).unwrap();
        refused(&out, says);
    }
}

#[test]
fn a_crash_in_the_middle_of_a_swap_loses_nothing() {
    let (dir, data) = (tempfile::tempdir().unwrap(), few(16));
    let out = dir.path().join("run");
    let begun = TrainOptions { epochs: 1, ..options(Preset::D2l, &out) };
    run_on(&begun, &data, &mut Silent).unwrap();
    let before = last_bits(&out);
    // The old folder has been moved aside, and the new one is half written.
    for name in [LAST, BEST] {
        fs::rename(out.join(name), out.join(format!(".{name}.old"))).unwrap();
        fs::create_dir(out.join(format!(".{name}.new"))).unwrap();
        fs::write(out.join(format!(".{name}.new/model.bpk")), b"half").unwrap();
    }
    assert_eq!(last_bits(&out), before);
    assert_eq!(bits(&checkpoint::load(&out).unwrap().model), before);
    assert!(run(&begun, &mut Silent).unwrap_err().to_string().contains("holds a run already"));
    run_on(&TrainOptions { epochs: 2, resume: true, ..begun }, &data, &mut Silent).unwrap();
    let hidden = fs::read_dir(&out).unwrap().filter(|e| e.as_ref().unwrap().file_name().as_encoded_bytes()[0] == b'.');
    assert_eq!(hidden.count(), 0, "what the crash left is swept");
}

#[test]
fn a_folder_is_trained_in_by_one_process() {
    let (dir, data) = (tempfile::tempdir().unwrap(), few(16));
    let out = dir.path().join("run");
    let (fresh, resumed) = (options(Preset::D2l, &out), TrainOptions { resume: true, ..options(Preset::D2l, &out) });
    /// Starts the other runs when the first epoch is saved, then stops.
    struct Meddler<'a>(&'a Dataset, [&'a TrainOptions; 2]);
    impl Observer for Meddler<'_> {
        fn epoch_done(&mut self, _: &EpochMetrics, _: bool) -> Result<()> {
            let errors = self.1.map(|other| run_on(other, self.0, &mut Silent).unwrap_err().to_string());
            assert!(errors[0].ends_with("run: holds a run already"), "{errors:?}");
            assert!(errors[1].ends_with("run: another gnet is training in this folder"), "{errors:?}");
            Err(Error::input("the test", "pulled the plug"))
        }
    }
    run_on(&fresh, &data, &mut Meddler(&data, [&fresh, &resumed])).unwrap_err();
    run_on(&resumed, &data, &mut Silent).unwrap();
    // Two cannot start in it either, if neither has saved anything.
    let new = dir.path().join("new");
    fs::create_dir(&new).unwrap();
    let held = Folder::enter(&new).unwrap();
    let error = run_on(&options(Preset::D2l, &new), &data, &mut Silent).unwrap_err().to_string();
    assert!(error.ends_with("new: another gnet is training in this folder"), "{error}");
    drop(held);
    assert!(new.is_dir(), "it was there before");
}

#[test]
fn a_reader_takes_the_best_epoch_wherever_it_is_saved() {
    let (dir, data) = (tempfile::tempdir().unwrap(), few(16));
    let out = dir.path().join("run");
    run_on(&TrainOptions { epochs: 1, ..options(Preset::D2l, &out) }, &data, &mut Silent).unwrap();
    fs::rename(out.join(BEST), dir.path().join("older")).unwrap();
    let found = checkpoint::load(&out).unwrap();
    assert_eq!((found.path, bits(&found.model)), (out.join(LAST), last_bits(&out)));
    // A best epoch that has been removed and is not the last one.
    let record = out.join("last/checkpoint.json");
    let text = fs::read_to_string(&record).unwrap().replace("\"epoch\": 1", "\"epoch\": 2");
    fs::write(&record, text).unwrap();
    let error = checkpoint::load(&out).map(|found| found.path).unwrap_err().to_string();
    assert!(error.contains("it holds neither checkpoint.json nor best/"), "{error}");
}

/// Keeps the losses of every batch and epoch.
#[derive(Default)]
struct Losses {
    epochs: Vec<f64>,
    batches: usize,
}

impl Observer for Losses {
    fn batch_done(&mut self, batch: &BatchDone) {
        self.batches += 1;
        assert!(batch.batch <= batch.batches && batch.loss.is_finite() && batch.images_per_s > 0.0);
    }

    fn epoch_done(&mut self, metrics: &EpochMetrics, _: bool) -> Result<()> {
        self.epochs.push(metrics.train_loss);
        Ok(())
    }
}

#[test]
fn the_plain_network_learns() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(Preset::D2l, &dir.path().join("run"));
    (options.config.image_size, options.epochs, options.lr) = (16, 8, 0.02);
    let mut losses = Losses::default();
    run_on(&options, &few(96), &mut losses).unwrap();
    assert_eq!(losses.batches, 8 * 12);
    let (first, last) = (losses.epochs[0], losses.epochs[7]);
    assert!(last < 0.97 * first, "{:?}", losses.epochs);
}

#[test]
fn the_network_with_batch_normalisation_and_heads_learns() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(Preset::BnAux, &dir.path().join("run"));
    (options.config.image_size, options.epochs, options.lr, options.batch_size) = (16, 8, 0.005, 16);
    let mut losses = Losses::default();
    let outcome = run_on(&options, &few(160), &mut losses).unwrap();
    assert!(losses.epochs[7] < 0.7 * losses.epochs[0], "{:?}", losses.epochs);
    assert!(outcome.validation_accuracy >= 0.3, "chance is 0.1: {outcome:?}");
}

#[test]
fn a_rate_that_is_too_high_ends_in_an_error_and_not_in_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let options = TrainOptions { lr: 1e30, ..options(Preset::D2l, &out) };
    let error = run_on(&options, &few(24), &mut Silent).unwrap_err().to_string();
    assert!(error.contains("training diverged"), "{error}");
    assert!(!out.join(LAST).exists() && !out.join(BEST).exists());
}

#[test]
fn classes_must_be_those_of_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(Preset::D2l, &dir.path().join("run"));
    options.config.classes = 9;
    let error = run_on(&options, &few(16), &mut Silent).unwrap_err().to_string();
    assert!(error.contains("has 10 classes, the network 9"), "{error}");
}
