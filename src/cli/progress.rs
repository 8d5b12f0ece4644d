//! Display of a training run: a bar on a terminal, otherwise one plain line per epoch. All of it goes to stderr.

use std::io::{self, IsTerminal};

use gnet::Result;
use gnet::report::number;
use gnet::report::number::counted;
use gnet::train::{BatchDone, EpochMetrics, Observer, RunStarted};
use indicatif::{ProgressBar, ProgressStyle};

use super::{output, terminal};

/// Shows a run on stderr.
pub struct Progress {
    /// Bar of the epoch; hidden if stderr is not a terminal.
    bar: ProgressBar,
    terminal: bool,
    epochs: usize,
}

impl Progress {
    pub fn new() -> Self {
        Self { bar: ProgressBar::hidden(), terminal: io::stderr().is_terminal(), epochs: 0 }
    }

    /// Removes the bar, so that further output starts on a new line.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn remark(&mut self, remark: &str) {
        output::note(format_args!("note: {remark}"));
    }

    fn run_started(&mut self, run: &RunStarted<'_>) {
        self.epochs = run.epochs;
        output::note(format_args!(
            "data: {}, {} training and {}; network: {}",
            run.dataset,
            thousands(run.train_images),
            counted(thousands(run.validation_images), "validation image"),
            counted(thousands(run.params), "parameter")
        ));
        if run.first_epoch > 1 {
            output::note(format_args!("resuming after epoch {}", run.first_epoch - 1));
        }
    }

    fn epoch_started(&mut self, epoch: usize, epochs: usize) {
        if self.terminal {
            // The length is set with the first batch.
            self.bar = ProgressBar::new(0).with_style(style()).with_prefix(format!("epoch {epoch}/{epochs}"));
        }
    }

    fn batch_done(&mut self, batch: &BatchDone) {
        self.bar.set_length(batch.batches as u64);
        self.bar.set_message(format!(
            "loss {:.3}  accuracy {:.1} %  {:.0} images/s",
            batch.loss,
            100.0 * batch.accuracy,
            batch.images_per_s
        ));
        self.bar.set_position(batch.batch as u64);
    }

    fn epoch_done(&mut self, metrics: &EpochMetrics, best: bool) -> Result<()> {
        self.clear();
        output::progress(epoch_line(metrics, self.epochs, best, terminal::stderr_width()));
        Ok(())
    }
}

fn style() -> ProgressStyle {
    terminal::bar("{prefix} [{bar:20}] {pos}/{len}  {eta} left  {wide_msg}", "{prefix} {pos}/{len} {wide_msg}")
}

fn thousands(count: usize) -> String {
    number::thousands(count as i128)
}

/// Formats one epoch as a line. On a terminal the least important parts are left out until the rest fits.
fn epoch_line(m: &EpochMetrics, epochs: usize, best: bool, width: Option<u16>) -> String {
    let percent = |share: f64| 100.0 * share;
    let (train, validation) = (percent(m.train_accuracy), percent(m.validation_accuracy));
    // The parts with the largest number are dropped first.
    let mut parts = vec![
        (0, format!("epoch {}/{epochs}", m.epoch)),
        (4, format!("lr {:.5}", m.lr)),
        (2, format!("training: loss {:.3}, accuracy {train:.1} %", m.train_loss)),
        (1, format!("validation: loss {:.3}, accuracy {validation:.1} %", m.validation_loss)),
        (3, format!("{:.0} images/s", m.images_per_s)),
        (5, format!("{:.1} s", m.seconds)),
    ];
    if best {
        parts.push((0, "best".to_owned()));
    }
    let line = |parts: &[(u8, String)]| parts.iter().map(|(_, part)| part.as_str()).collect::<Vec<_>>().join("  ");
    for rank in (1..=5).rev() {
        if width.is_some_and(|width| line(&parts).len() > width.into()) {
            parts.retain(|(its, _)| *its != rank);
        }
    }
    line(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_one_line() {
        let metrics = serde_json::json!({
            "epoch": 2,
            "lr": 0.01,
            "train_loss": 0.51234,
            "train_accuracy": 0.8125,
            "validation_loss": 0.6,
            "validation_accuracy": 0.75,
            "images_per_s": 131.4,
            "seconds": 17.04,
        });
        let metrics: EpochMetrics = serde_json::from_value(metrics).unwrap();
        assert_eq!(
            epoch_line(&metrics, 10, true, None),
            "epoch 2/10  lr 0.01000  training: loss 0.512, accuracy 81.2 %  validation: loss 0.600, accuracy 75.0 %  \
             131 images/s  17.0 s  best"
        );
        for (width, line) in [
            (200, epoch_line(&metrics, 10, true, None).as_str()),
            (
                110,
                "epoch 2/10  training: loss 0.512, accuracy 81.2 %  validation: loss 0.600, accuracy 75.0 %  131 images/s  best",
            ),
            (60, "epoch 2/10  validation: loss 0.600, accuracy 75.0 %  best"),
            (20, "epoch 2/10  best"),
        ] {
            assert_eq!(epoch_line(&metrics, 10, true, Some(width)), line);
        }
    }
}
