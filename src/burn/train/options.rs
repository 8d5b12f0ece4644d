//! Options of a run, checked before anything is loaded.

use std::f64::consts::PI;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::nets::{GoogLeNetConfig, Preset};
use gnet_core::{Error, Result};
use gnet_engine::data::Source;

/// Schedule of the learning rate after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Schedule {
    /// Half a cosine from the full rate to zero at the last step (Loshchilov & Hutter 2016, without restarts).
    Cosine,
    /// Constant.
    Constant,
}

gnet_core::named!(Schedule, "schedule", [Cosine = "cosine", Constant = "constant"]);

/// Options of a run. All except `out` and `resume` are part of the checkpoint.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TrainOptions {
    /// Preset of the network.
    pub preset: Preset,
    /// Configuration of the network; its classes are those of the data.
    pub config: GoogLeNetConfig,
    /// Number of passes over the training images.
    pub epochs: usize,
    /// Number of images per step.
    pub batch_size: usize,
    /// Learning rate after the warm-up.
    pub lr: f64,
    /// Number of steps over which the learning rate rises linearly from zero to `lr`.
    pub warmup_steps: usize,
    /// Momentum of SGD, without dampening: `velocity = momentum * velocity + gradient`.
    pub momentum: f64,
    /// Weight decay: this fraction of each parameter is added to its gradient.
    pub weight_decay: f64,
    /// Schedule of the learning rate.
    pub schedule: Schedule,
    /// Seed of weights, shuffle and dropout.
    pub seed: u64,
    /// Source of the images.
    #[serde(with = "source_as_text")]
    #[schemars(with = "String")]
    pub data: Source,
    /// Folder of the run.
    #[serde(skip)]
    pub out: PathBuf,
    /// Resume the run in `out`.
    #[serde(skip)]
    pub resume: bool,
}

impl TrainOptions {
    /// Returns the defaults for a preset at 28 pixels, the size of Fashion-MNIST's images.
    ///
    /// They were chosen on the validation images of the embedded data. Rates of 0.003 to 0.02 end within three points
    /// of each other there; flips and shifts of the images gain nothing in the same number of epochs. The plain network
    /// needs the higher rate to rise above chance early.
    pub fn new(preset: Preset, data: Source, out: PathBuf) -> Self {
        Self {
            preset,
            config: GoogLeNetConfig { image_size: 28, ..preset.config() },
            epochs: 10,
            batch_size: 32,
            lr: match preset {
                Preset::D2l => 0.02,
                Preset::BnAux => 0.005,
            },
            warmup_steps: 60,
            momentum: 0.9,
            weight_decay: 5e-4,
            schedule: Schedule::Cosine,
            seed: 1,
            data,
            out,
            resume: false,
        }
    }

    /// Checks every option.
    ///
    /// # Errors
    /// Names the flag of the first invalid option.
    pub fn check(&self) -> Result<()> {
        let refuse = |flag: &str, value: &dyn fmt::Display, says: &str| {
            Err(Error::input(format!("--{flag} {value}"), format!("must be {says}")))
        };
        if self.epochs == 0 {
            return refuse("epochs", &self.epochs, "at least 1");
        }
        // Batch normalisation learns nothing from one image per step.
        let smallest = if self.config.batch_norm { 2 } else { 1 };
        if self.batch_size < smallest {
            return refuse("batch-size", &self.batch_size, &format!("at least {smallest}"));
        }
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return refuse("lr", &self.lr, "a number above 0");
        }
        if !(0.0..1.0).contains(&self.momentum) {
            return refuse("momentum", &self.momentum, "at least 0 and below 1");
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return refuse("weight-decay", &self.weight_decay, "a number of at least 0");
        }
        if self.config.channels != 1 && self.config.channels != 3 {
            return refuse("channels", &self.config.channels, "1 (grey) or 3 (RGB)");
        }
        self.config.check().map(drop)
    }

    /// Returns the learning rate of a step, counted from 0, where `steps` is the number of steps in the whole run.
    ///
    /// `lr * (step + 1) / warmup_steps` in the warm-up; then `lr`, or `lr * (1 + cos(pi * t)) / 2` with `t` running
    /// from 0 to 1 over the remaining steps.
    pub(super) fn lr_at(&self, step: usize, steps: usize) -> f64 {
        if step < self.warmup_steps {
            return self.lr * (step + 1) as f64 / self.warmup_steps as f64;
        }
        match self.schedule {
            Schedule::Constant => self.lr,
            Schedule::Cosine => {
                let left = steps.saturating_sub(self.warmup_steps).max(1);
                let t = (step - self.warmup_steps) as f64 / left as f64;
                self.lr * 0.5 * (1.0 + (PI * t).cos())
            }
        }
    }

    /// Checks that these options can resume a run that was started with `begun`.
    ///
    /// Everything that shapes the weights must be equal. The number of epochs may differ under a constant schedule
    /// only, since with a cosine every step depends on the last.
    ///
    /// # Errors
    /// Names every contradicting option with both values.
    pub(super) fn check_continues(&self, begun: &Self) -> Result<()> {
        let mut contradictions = Vec::new();
        let mut same = |flag: &str, given: String, begun: String| {
            if given != begun {
                contradictions.push(format!("--{flag} is {given}, the run has {begun}"));
            }
        };
        let (a, b) = (self, begun);
        same("preset", a.preset.to_string(), b.preset.to_string());
        same("image-size", a.config.image_size.to_string(), b.config.image_size.to_string());
        same("channels", a.config.channels.to_string(), b.config.channels.to_string());
        same("pooling", a.config.pooling.to_string(), b.config.pooling.to_string());
        same("lrn", a.config.lrn.to_string(), b.config.lrn.to_string());
        same("batch-size", a.batch_size.to_string(), b.batch_size.to_string());
        same("lr", a.lr.to_string(), b.lr.to_string());
        same("warmup-steps", a.warmup_steps.to_string(), b.warmup_steps.to_string());
        same("momentum", a.momentum.to_string(), b.momentum.to_string());
        same("weight-decay", a.weight_decay.to_string(), b.weight_decay.to_string());
        same("schedule", a.schedule.to_string(), b.schedule.to_string());
        same("seed", a.seed.to_string(), b.seed.to_string());
        same("data", a.data.to_string(), b.data.to_string());
        if b.schedule == Schedule::Cosine {
            same("epochs", a.epochs.to_string(), b.epochs.to_string());
        }
        if a.config != b.config && contradictions.is_empty() {
            contradictions.push("the network is another".into());
        }
        if contradictions.is_empty() {
            return Ok(());
        }
        Err(Error::input("--resume", contradictions.join("; "))
            .remedy("leave the options out, or train into another --out"))
    }
}

/// Serialization of a source as the text it is given as.
mod source_as_text {
    use super::*;

    pub fn serialize<S: Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(source)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Source, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::Pooling;

    fn options() -> TrainOptions {
        TrainOptions::new(Preset::BnAux, Source::Embedded, "out".into())
    }

    #[test]
    fn the_defaults_are_sound() {
        for preset in Preset::ALL {
            TrainOptions::new(preset, Source::Embedded, "out".into()).check().unwrap();
        }
    }

    #[test]
    fn impossible_options_are_named_by_their_flag() {
        type Change = fn(&mut TrainOptions);
        let broken: [(&str, Change); 12] = [
            ("--epochs 0", |o| o.epochs = 0),
            ("--batch-size 0", |o| o.batch_size = 0),
            ("--batch-size 1", |o| o.batch_size = 1),
            ("--lr NaN", |o| o.lr = f64::NAN),
            ("--lr 0", |o| o.lr = 0.0),
            ("--lr -1", |o| o.lr = -1.0),
            ("--lr inf", |o| o.lr = f64::INFINITY),
            ("--momentum 1", |o| o.momentum = 1.0),
            ("--momentum NaN", |o| o.momentum = f64::NAN),
            ("--weight-decay -0.1", |o| o.weight_decay = -0.1),
            ("--channels 2", |o| o.config.channels = 2),
            ("image size 28", |o| o.config.pooling = Pooling::Ceil),
        ];
        for (says, change) in broken {
            let mut options = options();
            change(&mut options);
            let error = options.check().unwrap_err().to_string();
            assert!(error.contains(says), "'{error}' does not say '{says}'");
        }
    }

    #[test]
    fn the_rate_rises_then_falls_along_half_a_cosine() {
        let options = TrainOptions { lr: 1.0, warmup_steps: 4, ..options() };
        let rates: Vec<f64> = [0, 3, 4, 9, 14].map(|step| options.lr_at(step, 14)).to_vec();
        for (rate, expected) in rates.iter().zip([0.25, 1.0, 1.0, 0.5, 0.0]) {
            assert!((rate - expected).abs() < 1e-12, "{rates:?}");
        }
        let constant = TrainOptions { schedule: Schedule::Constant, ..options };
        assert_eq!([0, 4, 13].map(|step| constant.lr_at(step, 14)), [0.25, 1.0, 1.0]);
    }

    #[test]
    fn options_survive_json_without_their_folder() {
        let options = TrainOptions { data: Source::Dir("some/where".into()), resume: true, ..options() };
        let text = serde_json::to_string(&options).unwrap();
        let back: TrainOptions = serde_json::from_str(&text).unwrap();
        assert_eq!(back, TrainOptions { out: PathBuf::new(), resume: false, ..options });
    }

    #[test]
    fn contradictions_are_named_all_at_once() {
        let begun = options();
        let error = TrainOptions { lr: 0.5, seed: 9, epochs: 99, ..options() }.check_continues(&begun).unwrap_err();
        let text = error.to_string();
        for says in ["--lr is 0.5, the run has", "--seed is 9", "--epochs is 99"] {
            assert!(text.contains(says), "'{text}' does not say '{says}'");
        }
        let constant = TrainOptions { schedule: Schedule::Constant, ..options() };
        TrainOptions { epochs: 99, ..constant.clone() }.check_continues(&constant).unwrap();
        let mut other = options();
        other.config.aux_heads = false;
        assert!(other.check_continues(&begun).is_err());
    }
}
