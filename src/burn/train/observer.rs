//! Observation of a run.

use super::EpochMetrics;
use gnet_core::Result;

/// Facts known once the data is loaded and the network is ready.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunStarted<'a> {
    /// Name of the data set.
    pub dataset: &'a str,
    /// Number of training images.
    pub train_images: usize,
    /// Number of validation images, which select the best epoch.
    pub validation_images: usize,
    /// Number of learned parameters of the network, including the heads.
    pub params: usize,
    /// First epoch to be trained, counted from 1; more than 1 if a run is resumed.
    pub first_epoch: usize,
    /// Last epoch.
    pub epochs: usize,
}

/// One step of the optimiser; loss and accuracy are means over the epoch so far.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct BatchDone {
    /// Number of the batch, counted from 1.
    pub batch: usize,
    /// Number of batches in the epoch.
    pub batches: usize,
    /// Cross-entropy of the main classifier, in nats.
    pub loss: f64,
    /// Top-1 accuracy of the main classifier, 0..1.
    pub accuracy: f64,
    /// Throughput in images per second of wall-clock time.
    pub images_per_s: f64,
}

/// Observer of a run. By default every method does nothing.
pub trait Observer {
    /// Called with something that the user should know, in one sentence.
    fn remark(&mut self, _remark: &str) {}

    /// Called when the run starts.
    fn run_started(&mut self, _run: &RunStarted<'_>) {}

    /// Called when an epoch starts; both numbers count from 1.
    fn epoch_started(&mut self, _epoch: usize, _epochs: usize) {}

    /// Called after each batch.
    fn batch_done(&mut self, _batch: &BatchDone) {}

    /// Called after an epoch has been validated and saved. `best` is true if it is the best so far.
    ///
    /// # Errors
    /// An error ends the run and becomes its result; everything saved stays, and the run can be resumed.
    fn epoch_done(&mut self, _metrics: &EpochMetrics, _best: bool) -> Result<()> {
        Ok(())
    }
}

/// An observer that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
