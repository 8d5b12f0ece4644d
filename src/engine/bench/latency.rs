//! Times in the form in which a record states them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use gnet_core::stats::Summary;

/// Percentiles of the steady state, in milliseconds. Nearest-rank; `None` (`null`) if there are too few samples: p90
/// takes 64, p99 662 ([`gnet_core::stats::min_samples`]).
#[derive(Debug, Clone, Copy, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Latency {
    /// Fastest run.
    pub min: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// First quartile.
    pub p25: f64,
    /// Median.
    pub p50: f64,
    /// Third quartile.
    pub p75: f64,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}

impl Latency {
    /// Converts a summary to milliseconds.
    pub fn of(summary: &Summary) -> Self {
        Self {
            min: millis(summary.min),
            mean: millis(summary.mean),
            p25: millis(summary.p25),
            p50: millis(summary.p50),
            p75: millis(summary.p75),
            p90: summary.p90.map(millis),
            p99: summary.p99.map(millis),
        }
    }
}

impl Latency {
    /// Returns the interquartile range as a fraction of the median.
    pub(super) fn spread(&self) -> f64 {
        (self.p75 - self.p25) / self.p50
    }

    /// Returns the mean less the median as a fraction of the median; 0 for a median of 0.
    pub(super) fn apart(&self) -> f64 {
        if self.p50 > 0.0 { (self.mean - self.p50) / self.p50 } else { 0.0 }
    }
}

pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Computes the throughput; `None` if a run is too short for the clock.
pub(super) fn per_second(images: usize, time: Duration) -> Option<f64> {
    (!time.is_zero()).then(|| images as f64 / time.as_secs_f64())
}
