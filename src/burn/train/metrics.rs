//! The metrics of an epoch, and `metrics.jsonl`, which holds them line by line.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use gnet_core::words::counted;
use gnet_core::{Error, Result, files};

/// Name of the file inside a run's folder.
pub(super) const FILE: &str = files::RUN_METRICS;

/// One line of `metrics.jsonl`.
///
/// Losses are the cross-entropy of the main classifier in nats, without the auxiliary heads, so that training and
/// validation are comparable. Training figures are means over the epoch, during which the weights changed; accuracies
/// are top-1, 0..1.
#[derive(Debug, Clone, Copy, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EpochMetrics {
    /// Number of the epoch, counted from 1.
    pub epoch: usize,
    /// Learning rate of the epoch's last step.
    pub lr: f64,
    /// Loss on the training images.
    pub train_loss: f64,
    /// Accuracy on the training images.
    pub train_accuracy: f64,
    /// Loss on the validation images.
    pub validation_loss: f64,
    /// Accuracy on the validation images.
    pub validation_accuracy: f64,
    /// Training throughput in images per second, excluding validation.
    pub images_per_s: f64,
    /// Wall-clock time in seconds, including validation and excluding saving.
    pub seconds: f64,
}

impl EpochMetrics {
    /// Returns `true` if this epoch is better than `other`: more accurate on the validation images, or equally accurate
    /// at a lower loss.
    pub fn better_than(&self, other: &Self) -> bool {
        let key = |m: &Self| (m.validation_accuracy, -m.validation_loss);
        key(self) > key(other)
    }
}

/// Writes all lines in one operation, so that the file never ends in a partial line.
pub(super) fn write(folder: &Path, epochs: &[EpochMetrics]) -> Result<()> {
    let path = folder.join(FILE);
    let lines: Result<String> = epochs
        .iter()
        .map(|epoch| serde_json::to_string(epoch).map(|line| line + "\n").map_err(|e| Error::file(&path, e)))
        .collect();
    files::rewrite(&path, lines?.as_bytes())
}

/// Reads the first `count` epochs; later ones were not saved and are trained again.
pub(super) fn read(folder: &Path, count: usize) -> Result<Vec<EpochMetrics>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let path = folder.join(FILE);
    let text = String::from_utf8(files::read(&path)?).map_err(|e| Error::file(&path, e))?;
    let mut epochs = Vec::with_capacity(count);
    for (index, line) in text.lines().take(count).enumerate() {
        let epoch: EpochMetrics = serde_json::from_str(line)
            .map_err(|e| Error::file(&path, format!("line {} is no record of an epoch: {e}", index + 1)))?;
        if epoch.epoch != index + 1 {
            return Err(Error::file(&path, format!("line {} is of epoch {}", index + 1, epoch.epoch)));
        }
        epochs.push(epoch);
    }
    if epochs.len() < count {
        return Err(Error::file(&path, format!("holds {} of {count}", counted(epochs.len(), "epoch"))));
    }
    Ok(epochs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: usize, validation_accuracy: f64, validation_loss: f64) -> EpochMetrics {
        EpochMetrics {
            epoch,
            lr: 0.01,
            train_loss: 0.5,
            train_accuracy: 0.8,
            validation_loss,
            validation_accuracy,
            images_per_s: 100.0,
            seconds: 20.0,
        }
    }

    #[test]
    fn the_better_epoch_is_more_accurate_or_as_accurate_at_lower_loss() {
        let base = epoch(1, 0.8, 0.6);
        assert!(epoch(2, 0.81, 0.9).better_than(&base));
        assert!(epoch(2, 0.8, 0.5).better_than(&base));
        for worse in [epoch(2, 0.8, 0.6), epoch(2, 0.8, 0.7), epoch(2, 0.79, 0.1)] {
            assert!(!worse.better_than(&base));
        }
    }

    #[test]
    fn lines_come_back_and_broken_ones_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let epochs = [epoch(1, 0.1, 2.3), epoch(2, 1.0 / 3.0, 1.9)];
        write(dir.path(), &epochs).unwrap();
        assert_eq!(read(dir.path(), 2).unwrap(), epochs);
        assert_eq!(read(dir.path(), 1).unwrap(), epochs[..1]);
        assert!(read(dir.path(), 3).unwrap_err().to_string().contains("holds 2 epochs of 3"));
        write(dir.path(), &epochs[1..]).unwrap();
        assert!(read(dir.path(), 1).unwrap_err().to_string().contains("line 1 is of epoch 2"));
        std::fs::write(dir.path().join(FILE), "{}\n").unwrap();
        assert!(
            read(dir.path(), 1).unwrap_err().to_string().contains("line 1 is no record of an epoch: missing field")
        );
    }
}
