//! Training: a custom loop, so that a run is reproducible bit for bit, can stop and resume between any two epochs, and
//! leaves a folder that documents it completely.
//!
//! [`run`] trains from [`TrainOptions`] and reports to an [`Observer`]; [`checkpoint::load`] restores a network;
//! [`evaluate`] evaluates one.
//!
//! # Repeatable
//! All randomness comes from the seed and a counter, never from the state of a generator: weights from the seed, the
//! order of the images from the seed and the epoch, dropout from the seed and the step. A resumed run therefore
//! continues with the same numbers as an uninterrupted one, given the weights and the optimiser's velocities.
//!
//! # Honest
//! The best epoch is the one with the highest accuracy on the validation images (ties are broken by the lower loss).
//! The test images are used once, at the end, on that epoch's network.

pub mod checkpoint;
mod epoch;
mod evaluation;
mod folder;
mod metrics;
mod observer;
mod options;
mod run;
mod shuffle;

pub use checkpoint::Checkpoint;
pub use evaluation::evaluate;
pub use metrics::EpochMetrics;
pub use observer::{BatchDone, Observer, RunStarted, Silent};
pub use options::{Schedule, TrainOptions};
pub use run::{Outcome, run};

#[doc(hidden)]
#[deprecated(note = "is named `TrainOptions`")]
pub type Options = TrainOptions;
