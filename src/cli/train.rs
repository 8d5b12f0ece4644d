//! `gnet train`: trains a network and leaves a folder with its checkpoints.

use std::path::{Path, PathBuf};

use gnet::Result;
use gnet::data::Source;
use gnet::nets::{Pooling, Preset};
use gnet::train::{self, Schedule, TrainOptions, checkpoint};

use super::format::FormatArgs;
use super::progress::Progress;
use super::{interrupt, output, values};

/// Options of `gnet train`. The default of an omitted option, with `--resume`, is the value that the run was started
/// with.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The network [default: bn-aux]
    #[arg(long, value_parser = values::one_of::<Preset>(Preset::ALL.map(Preset::name)))]
    preset: Option<Preset>,
    /// Side of the input in pixels; images are resized to it [default: 28]
    #[arg(long, value_name = "PIXELS", value_parser = values::whole::<usize>)]
    image_size: Option<usize>,
    /// Channels of the input, 1 or 3; grey images are repeated [default: 1]
    #[arg(long, value_name = "N", value_parser = values::whole::<usize>)]
    channels: Option<usize>,
    /// Border treatment of the pools [default: pad]
    #[arg(long, value_parser = values::one_of::<Pooling>(Pooling::ALL.map(Pooling::name)))]
    pooling: Option<Pooling>,
    /// Local response normalisation around the stem, as in the first version
    #[arg(long)]
    lrn: bool,
    /// Passes over the training images [default: 10]
    #[arg(long, value_name = "N", value_parser = values::whole::<usize>)]
    epochs: Option<usize>,
    /// Images a step [default: 32]
    #[arg(long, value_name = "IMAGES", value_parser = values::whole::<usize>)]
    batch_size: Option<usize>,
    /// Learning rate after the warm-up [default: 0.005, or 0.02 for d2l]
    #[arg(long, value_parser = values::real, allow_negative_numbers = true)]
    lr: Option<f64>,
    /// Steps over which the learning rate rises from nothing [default: 60]
    #[arg(long, value_name = "STEPS", value_parser = values::whole::<usize>)]
    warmup_steps: Option<usize>,
    /// Momentum of SGD, without dampening [default: 0.9]
    #[arg(long, value_parser = values::real, allow_negative_numbers = true)]
    momentum: Option<f64>,
    /// Weight decay [default: 0.0005]
    #[arg(long, value_parser = values::real, allow_negative_numbers = true)]
    weight_decay: Option<f64>,
    /// Schedule of the learning rate [default: cosine]
    #[arg(long, value_parser = values::one_of::<Schedule>(Schedule::ALL.map(Schedule::name)))]
    schedule: Option<Schedule>,
    /// Seed of weights, shuffle and dropout [default: 1]
    #[arg(long, value_name = "N", value_parser = values::whole::<u64>)]
    seed: Option<u64>,
    /// fashion-mnist, embedded, or a folder with its four files [default: fashion-mnist where it is installed, else
    /// embedded]
    #[arg(long, value_parser = values::source)]
    data: Option<Source>,
    /// Folder of the run: checkpoints and metrics.jsonl
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Go on with the run in --out; no other option needs repeating
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    format: FormatArgs,
}

pub fn run(args: Args) -> Result<()> {
    let options = args.options()?;
    let out = args.out.clone();
    interrupt::last_words(move || kept(&out));
    let mut progress = Progress::new();
    let outcome = train::run(&options, &mut progress);
    progress.clear();
    args.format.write(&outcome?)?;
    let run = options.out.display().to_string();
    output::next(&["gnet", "export", &run, "-o", "model.onnx"]);
    Ok(())
}

/// Describes what an interrupted run leaves behind, and how to continue it.
fn kept(out: &Path) -> String {
    match checkpoint::saved_epoch(out) {
        Some((epoch, epochs)) => {
            let out = output::quoted(&out.display().to_string());
            format!("epoch {epoch} of {epochs} is saved; `gnet train --resume --out {out}` goes on after it")
        }
        None => "no epoch was finished, so that nothing is saved".to_owned(),
    }
}

impl Args {
    /// Returns the validated options: defaults or the resumed run's, overridden by whatever was given.
    fn options(&self) -> Result<TrainOptions> {
        let mut options = match self.resume {
            true => checkpoint::options_of(&self.out)?,
            false => TrainOptions::new(self.preset.unwrap_or(Preset::BnAux), self.source(), self.out.clone()),
        };
        self.lay_over(&mut options);
        options.check().map(|()| options)
    }

    fn source(&self) -> Source {
        self.data.clone().unwrap_or_else(Source::best_available)
    }

    fn lay_over(&self, options: &mut TrainOptions) {
        fn set<T: Clone>(place: &mut T, given: &Option<T>) {
            if let Some(value) = given {
                place.clone_from(value);
            }
        }
        set(&mut options.preset, &self.preset);
        set(&mut options.config.image_size, &self.image_size);
        set(&mut options.config.channels, &self.channels);
        set(&mut options.config.pooling, &self.pooling);
        options.config.lrn |= self.lrn;
        set(&mut options.epochs, &self.epochs);
        set(&mut options.batch_size, &self.batch_size);
        set(&mut options.lr, &self.lr);
        set(&mut options.warmup_steps, &self.warmup_steps);
        set(&mut options.momentum, &self.momentum);
        set(&mut options.weight_decay, &self.weight_decay);
        set(&mut options.schedule, &self.schedule);
        set(&mut options.seed, &self.seed);
        set(&mut options.data, &self.data);
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        args: Args,
    }

    fn options(flags: &[&str]) -> Result<TrainOptions> {
        let flags = ["train", "--out", "no-such-run", "--data", "embedded"].iter().chain(flags);
        Program::try_parse_from(flags).unwrap().args.options()
    }

    #[test]
    fn nothing_given_is_the_defaults_that_the_help_states() {
        let defaults = TrainOptions::new(Preset::BnAux, Source::Embedded, "no-such-run".into());
        assert_eq!(options(&[]).unwrap(), defaults);
        let help = Program::command().render_long_help().to_string();
        for (flag, default) in [
            ("--preset", defaults.preset.to_string()),
            ("--image-size", defaults.config.image_size.to_string()),
            ("--channels", defaults.config.channels.to_string()),
            ("--pooling", defaults.config.pooling.to_string()),
            ("--epochs", defaults.epochs.to_string()),
            ("--batch-size", defaults.batch_size.to_string()),
            ("--lr", defaults.lr.to_string()),
            ("--warmup-steps", defaults.warmup_steps.to_string()),
            ("--momentum", defaults.momentum.to_string()),
            ("--weight-decay", defaults.weight_decay.to_string()),
            ("--schedule", defaults.schedule.to_string()),
            ("--seed", defaults.seed.to_string()),
        ] {
            let start = help.find(&format!("{flag} <")).unwrap();
            let entry = help[start..].split("\n\n").next().unwrap();
            assert!(entry.contains(&format!("[default: {default}")), "{flag}: {entry}");
        }
    }

    #[test]
    fn what_is_given_arrives() {
        let given = options(&[
            "--preset",
            "d2l",
            "--image-size",
            "96",
            "--channels",
            "3",
            "--pooling",
            "ceil",
            "--lrn",
            "--epochs",
            "3",
            "--batch-size",
            "16",
            "--lr",
            "0.5",
            "--warmup-steps",
            "7",
            "--momentum",
            "0",
            "--weight-decay",
            "0.1",
            "--schedule",
            "constant",
            "--seed",
            "42",
        ])
        .unwrap();
        let mut expected = TrainOptions::new(Preset::D2l, Source::Embedded, "no-such-run".into());
        expected.config.image_size = 96;
        expected.config.channels = 3;
        expected.config.pooling = Pooling::Ceil;
        expected.config.lrn = true;
        (expected.epochs, expected.batch_size, expected.warmup_steps, expected.seed) = (3, 16, 7, 42);
        (expected.lr, expected.momentum, expected.weight_decay) = (0.5, 0.0, 0.1);
        expected.schedule = Schedule::Constant;
        assert_eq!(given, expected);
    }

    #[test]
    fn impossible_values_name_their_flag() {
        for (flags, says) in [
            (["--lr", "NaN"], "--lr NaN: must be"),
            (["--lr", "-1"], "--lr -1: must be"),
            (["--epochs", "0"], "--epochs 0: must be"),
            (["--batch-size", "1"], "--batch-size 1: must be"),
            (["--momentum", "1"], "--momentum 1: must be"),
            (["--weight-decay", "inf"], "--weight-decay inf: must be"),
            (["--image-size", "0"], "image size 0"),
            (["--pooling", "ceil"], "the smallest with ceil pooling is 31"),
        ] {
            let error = options(&flags).unwrap_err().to_string();
            assert!(error.contains(says), "'{error}' does not say '{says}'");
        }
        assert!(options(&["--resume"]).unwrap_err().to_string().contains("holds no run to resume"));
    }
}
