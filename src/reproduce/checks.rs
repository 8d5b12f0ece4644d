//! The checks of a reproduction and their expected values.

use std::fmt::Display;

use super::record::{Agreement, Check, Training};
use super::{Observer, exported};
use crate::card::{Card, CardCounts};
use crate::compare::Comparison;
use crate::cost::Cost;
use crate::export::{ExportRecord, Fresh};
use crate::nets::{GoogLeNetConfig, Preset};
use crate::report::number;
use crate::train::checkpoint::Checkpoint;
use crate::{Result, files};

/// Collects checks and shows each to the observer.
pub(super) struct Checks<'a> {
    observer: &'a mut dyn Observer,
    done: Vec<Check>,
}

impl<'a> Checks<'a> {
    pub fn new(observer: &'a mut dyn Observer) -> Self {
        Self { observer, done: Vec::new() }
    }

    pub fn step(&mut self, what: &str) {
        self.observer.step(what);
    }

    pub fn observer(&mut self) -> &mut dyn Observer {
        self.observer
    }

    pub fn done(self) -> Vec<Check> {
        self.done
    }

    fn add(&mut self, name: impl Into<String>, expected: impl Display, found: impl Display, passed: bool) {
        let check = Check { name: name.into(), expected: expected.to_string(), found: found.to_string(), passed };
        self.observer.checked(&check);
        self.done.push(check);
    }

    fn equal(&mut self, name: impl Into<String>, expected: u64, found: u64) {
        let text = |value: u64| number::thousands(value.into());
        self.add(name, text(expected), text(found), expected == found);
    }

    /// Checks that each preset's traced graph has the counts on its model card.
    pub fn cards(&mut self) -> Result<()> {
        for preset in Preset::ALL {
            let card = Card::of(preset.name())?;
            let config = GoogLeNetConfig {
                image_size: card.input.image_size,
                channels: card.input.channels,
                classes: card.classes,
                ..preset.config()
            };
            let cost = Fresh { preset, config, seed: 0 }.cost()?;
            self.counts(&format!("{preset} network"), &card.network, &cost.main);
            if let Some(heads) = card.heads {
                let (whole, main) = (&cost.whole, &cost.main);
                self.equal(format!("{preset} heads: parameters"), heads.params, whole.params - main.params);
                self.equal(format!("{preset} heads: MACs"), heads.macs, whole.macs - main.macs);
            }
        }
        Ok(())
    }

    fn counts(&mut self, what: &str, card: &CardCounts, cost: &Cost) {
        self.equal(format!("{what}: parameters"), card.params, cost.params);
        self.equal(format!("{what}: weights"), card.weights, cost.weights);
        self.equal(format!("{what}: MACs"), card.macs, cost.macs);
    }

    /// Checks that the three blocks have the counts of the known table.
    pub fn blocks(&mut self, comparison: &Comparison) {
        let passed = comparison.check().is_ok();
        self.add("Inception, 3x3, 5x5", Comparison::expected(), comparison.printed(), passed);
    }

    /// Checks that the loss fell and the test images are recognised.
    pub fn training(&mut self, training: &Training, floor: f64) {
        if let [first, .., last] = training.epochs.as_slice() {
            let expected = format!("below {:.3}", first.train_loss);
            let fell = last.train_loss < first.train_loss;
            self.add("training loss of the last epoch", expected, format!("{:.3}", last.train_loss), fell);
        }
        let accuracy = training.outcome.test_accuracy;
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        self.add("test accuracy", format!("at least {}", percent(floor)), percent(accuracy), accuracy >= floor);
    }

    /// Checks that the heads were removed, that folding arrived at the plain network, and that a second export gives
    /// the same bytes.
    pub fn export(&mut self, record: &ExportRecord, checkpoint: &Checkpoint) -> Result<()> {
        let [trained, plain] = [Preset::BnAux, Preset::D2l].map(|preset| Card::of(preset.name()));
        let heads = trained?.heads.map_or(0, |heads| heads.params);
        self.equal("parameters pruned with the heads", heads, record.pruned_params);
        self.equal("parameters after folding", plain?.network.params, record.params);
        let again = exported(checkpoint)?;
        let same = files::read(std::path::Path::new(&record.path))? == again.1.bytes;
        self.add("a second export", "the same bytes", if same { "the same bytes" } else { "other bytes" }, same);
        // Verification has passed, or there would be no record to check.
        let found =
            record.max_abs_diff.map_or("not compared".to_owned(), |diff| format!("largest difference {diff:.1e}"));
        self.add("Burn against tract on fresh inputs", "within the tolerance", found, record.max_abs_diff.is_some());
        Ok(())
    }

    /// Checks that checkpoint and file assign every test image to the same class.
    pub fn agreement(&mut self, agreement: &Agreement) {
        let (images, same) = (agreement.images as u64, agreement.same_class as u64);
        self.equal(format!("test images that Burn and {} agree on", agreement.provider), images, same);
    }
}
