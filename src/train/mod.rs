//! Training: a loop of our own, so that a run is repeatable to the bit, stops and resumes anywhere between two epochs,
//! and leaves a folder that says everything about itself.
//!
//! [`run`] trains from [`Options`] and reports to an [`Observer`]; [`checkpoint::load`] brings a network back;
//! [`evaluate`] judges one.
//!
//! # Repeatable
//! All that is random comes from the seed and a counter, never from the state of a generator: weights from the seed,
//! the order of the images from the seed and the epoch, dropout from the seed and the step. A run that was stopped
//! therefore goes on with the same numbers as one that was not, given the weights and the optimiser's velocities.
//!
//! # Honest
//! The best epoch is the one with the highest accuracy on the validation images (of equals, the lower loss). The test
//! images are used once, at the end, on that epoch's network.

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
pub use options::{Options, Schedule};
pub use run::{Outcome, run};
