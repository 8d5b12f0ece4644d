//! Comparison of two ways to run a network: is B slower than A by more than is allowed?
//!
//! Each *arm* is a row of a benchmark. Both are measured in pairs of fresh processes that take turns, and a seeded coin decides
//! which begins and whose each turn is, so that a machine that drifts favours neither: without a difference, each sign of a
//! pair's log ratio is as likely as the other, and the signed-rank test of [`gnet_core::stats`] is exact. Pairs during
//! which other work had the processor are dropped and measured again. [`Sequential`](gnet_core::stats::Sequential)
//! decides when to stop.
//!
//! ```
//! # use gnet_engine as gnet;
//! use gnet::ab::{self, AbOptions, Coin, Measure, Pair, Sample, Side, Verdict};
//!
//! /// Measurements made up here; those of processes are [`ab::Workers`].
//! struct Made(f64);
//!
//! impl Measure for Made {
//!     fn sides(&self) -> [Side; 2] {
//!         [Side::new("old", "net.onnx"), Side::new("new", "net.onnx")]
//!     }
//!     fn pair(&mut self, coin: &mut Coin) -> gnet_core::Result<Option<Pair>> {
//!         self.0 += 0.001;
//!         let samples = [2.0, 2.5].map(|ms| ms + self.0).map(|ms| Sample::new(ms, ms, ms));
//!         Ok(Some(Pair::new(coin.toss(), samples)))
//!     }
//! }
//!
//! let clock = gnet::bench::SystemClock::start();
//! let found = ab::compare(&mut Made(0.0), &clock, &AbOptions::default(), &mut |_| true)?;
//! assert_eq!(found.verdict, Verdict::Slower);
//! # Ok::<(), gnet_core::Error>(())
//! ```

mod arm;
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
mod tune;
mod undisturbed;
mod workers;

pub use arm::Arm;
pub use baseline::{Baseline, BaselineRow, DRIFT, Found, Held, How};
pub use coin::{Coin, fresh_seed};
pub use counterpart::{BaselineOptions, Counterpart};
pub use family::family;
pub use interface::same_interface;
pub use measure::{Measure, Pair, Sample, Side, Turns, Watch};
pub use options::{AbOptions, Statistic};
pub use pairs::{PairDone, compare};
pub use record::{ArmRecord, Beside, Comparison, Process, Verdict, Why};
pub use replay::Replay;
pub use tune::{Change, Fate, Trial, Tuning, WORTH};
pub use workers::Workers;
