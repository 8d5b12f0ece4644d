//! Comparison of two ways to run a network: is B slower than A by more than is allowed?
//!
//! Each *arm* is a row of a benchmark. Both are measured in pairs of fresh processes, and a seeded coin decides which goes
//! first in each pair, so that a machine that drifts favours neither: without a difference, each sign of a pair's log
//! ratio is as likely as the other, and the signed-rank test of [`gnet_core::stats`] is exact. Pairs during
//! which other work had the processor are dropped and measured again. [`Sequential`](gnet_core::stats::Sequential)
//! decides when to stop.
//!
//! ```
//! # use gnet_engine as gnet;
//! use gnet::ab::{self, AbOptions, Arm, Measure, Sample, Side, Verdict};
//!
//! /// Measurements made up here; those of processes are [`ab::Workers`].
//! struct Made(f64);
//!
//! impl Measure for Made {
//!     fn sides(&self) -> [Side; 2] {
//!         [Side::new("old", "net.onnx"), Side::new("new", "net.onnx")]
//!     }
//!     fn measure(&mut self, arm: Arm) -> gnet_core::Result<Option<Sample>> {
//!         self.0 += 0.001;
//!         let ms = if arm == Arm::A { 2.0 } else { 2.5 } + self.0;
//!         Ok(Some(Sample::new(ms, ms, ms)))
//!     }
//! }
//!
//! let clock = gnet::bench::SystemClock::start();
//! let found = ab::compare(&mut Made(0.0), &clock, &AbOptions::default(), &mut |_| true)?;
//! assert_eq!(found.verdict, Verdict::Slower);
//! # Ok::<(), gnet_core::Error>(())
//! ```

mod baseline;
mod coin;
mod counterpart;
mod family;
mod interface;
mod measure;
mod options;
mod pairs;
mod print;
mod record;
mod replay;
#[cfg(test)]
mod tests;
mod undisturbed;

pub use baseline::{Baseline, BaselineRow, DRIFT, Found, Held, How};
pub use coin::fresh_seed;
pub use counterpart::{BaselineOptions, Counterpart};
pub use family::family;
pub use interface::same_interface;
pub use measure::{Arm, Measure, Sample, Side, Watch, Workers};
pub use options::{AbOptions, Statistic};
pub use pairs::{PairDone, compare};
pub use record::{ArmRecord, Beside, Comparison, Process, Verdict, Why};
pub use replay::Replay;
