//! Statistics of measured times: percentiles of samples, and comparisons of two programs in pairs of runs.
//!
//! Nothing here reads a clock. A comparison is fed one log ratio a pair: [`Sequential`] looks at them as they come and
//! says when it can tell; [`SignedRank`] is the test behind it, and [`holm`] what many comparisons at once need.
//!
//! ```
//! # use gnet_core as gnet;
//! use gnet::stats::{Decision, Sequential, SequentialPlan};
//!
//! // Twelve pairs in which B took about a tenth longer than A.
//! let mut test = Sequential::new(SequentialPlan::allowing(0.05));
//! let decision = (0..12).find_map(|i| test.push((1.1 + 0.001 * f64::from(i)).ln()));
//! assert_eq!(decision, Some(Decision::Slower));
//! ```

mod batches;
mod holm;
mod median;
#[cfg(test)]
mod noise;
#[cfg(test)]
mod noise_tests;
mod percentiles;
mod sequential;
mod signed_rank;
mod trend;

pub use holm::holm;
pub use median::{MedianInterval, median};
pub use percentiles::{Summary, min_samples};
pub use sequential::{Decision, Sequential, SequentialPlan, Why};
pub use signed_rank::SignedRank;
pub use trend::Trend;
