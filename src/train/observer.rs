//! Who watches a run.

use super::EpochMetrics;
use crate::Result;

/// What is known when the data is loaded and the network is ready.
#[derive(Debug, Clone)]
pub struct RunStarted<'a> {
    /// Name of the data set.
    pub dataset: &'a str,
    /// Images to train on.
    pub train_images: usize,
    /// Images to choose the best epoch by.
    pub validation_images: usize,
    /// Learned parameters of the network, heads included.
    pub params: usize,
    /// The first epoch to come, from 1; more than 1 when a run resumes.
    pub first_epoch: usize,
    /// The last epoch.
    pub epochs: usize,
}

/// One step of the optimiser; loss and accuracy are means over the epoch so far.
#[derive(Debug, Clone, Copy)]
pub struct BatchDone {
    /// The batch, from 1.
    pub batch: usize,
    /// Batches of the epoch.
    pub batches: usize,
    /// Cross-entropy of the main classifier, in nats.
    pub loss: f64,
    /// Top-1 accuracy of the main classifier, 0..1.
    pub accuracy: f64,
    /// Images trained per second of wall clock.
    pub images_per_s: f64,
}

/// Watches a run. Every method does nothing unless it is written.
pub trait Observer {
    /// Something the user should know, in one sentence.
    fn remark(&mut self, _remark: &str) {}

    /// The run begins.
    fn run_started(&mut self, _run: &RunStarted<'_>) {}

    /// An epoch begins; both numbers count from 1.
    fn epoch_started(&mut self, _epoch: usize, _epochs: usize) {}

    /// A batch is done.
    fn batch_done(&mut self, _batch: &BatchDone) {}

    /// An epoch is done, measured on the validation images and saved. `best` says whether it is the best so far.
    ///
    /// # Errors
    /// An error ends the run and is its result; what was saved stays, and the run can be resumed.
    fn epoch_done(&mut self, _metrics: &EpochMetrics, _best: bool) -> Result<()> {
        Ok(())
    }
}

/// An observer that looks away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
