//! Choices of a comparison.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use gnet_core::stats::SequentialPlan;
use gnet_core::{Error, Result};

/// Time that stands for a turn of a process.
///
/// The default is `Both`: never far from the better of the two, and not blind. Of 4,000 comparisons simulated on processes
/// (5 % allowed, B slower by 10 %), with ONNX Runtime both together found all, the fastest run all, the median 99.6 %; with
/// tract both 94 %, the fastest run 81 %, the median 88 % (`tests/fixtures/noise_pairs.csv`, one after the other).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Statistic {
    /// The fastest run: least moved by other work, but blind to what spares the fastest run.
    Min,
    /// The median run.
    P50,
    /// Both: the geometric mean of the fastest and the median run.
    #[default]
    Both,
}

gnet_core::named!(Statistic, "statistic", [Min = "min", P50 = "p50", Both = "both"], |thing, names| Error::input(
    thing,
    format!("is not known; the statistics are {}", names.join(", "))
));

impl Statistic {
    /// Returns the value that stands for a turn with this fastest and this median run.
    pub(super) fn value(self, min_ms: f64, p50_ms: f64) -> f64 {
        match self {
            Self::Min => min_ms,
            Self::P50 => p50_ms,
            Self::Both => (min_ms * p50_ms).sqrt(),
        }
    }

    /// Returns what it is in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Min => "the fastest run of each turn",
            Self::P50 => "the median run of each turn",
            Self::Both => "the fastest and the median run of each turn together",
        }
    }

    /// Returns why one would choose it, or not.
    pub(super) fn worth(self) -> &'static str {
        match self {
            Self::Min => "least moved by other work, but blind to what spares it",
            Self::P50 => "what is usual, but moved by all other work",
            Self::Both => "less moved by other work than the median alone, and blind to nothing",
        }
    }
}

/// Choices of a comparison. The looks and their levels are those of [`SequentialPlan::allowing`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AbOptions {
    /// Fraction by which B may be slower: 0.05.
    pub max_regression: f64,
    /// Time that stands for a turn of a process.
    pub statistic: Statistic,
    /// Seed of the order within the pairs.
    pub seed: u64,
    /// Number of clean pairs for an estimate and its interval, after which the evidence is looked at once; `None` for the
    /// looks of the plan.
    pub pairs: Option<usize>,
    /// Pairs to try at most, with those that were disturbed: 48.
    pub max_tries: usize,
    /// After 16 tries with fewer clean pairs than this the machine is too noisy: 4.
    pub min_clean: usize,
    /// Number of comparisons that stand or fall together ([`family`](super::family)): each goes on until it can tell in
    /// spite of the others.
    pub rows: usize,
    /// Time after which no further pair begins; `None` for no limit.
    pub max_time: Option<Duration>,
}

impl Default for AbOptions {
    fn default() -> Self {
        Self {
            max_regression: 0.05,
            statistic: Statistic::default(),
            seed: 0,
            pairs: None,
            max_tries: 48,
            min_clean: 4,
            rows: 1,
            max_time: None,
        }
    }
}

impl AbOptions {
    /// Number of tries after which [`min_clean`](Self::min_clean) must be reached.
    pub(super) const EARLY: usize = 16;

    /// Returns when to look and with what risk.
    pub(super) fn plan(&self) -> SequentialPlan {
        let mut plan = match self.pairs {
            None => SequentialPlan::allowing(self.max_regression),
            Some(pairs) => SequentialPlan::once(pairs, self.max_regression),
        };
        plan.fail_alpha /= self.rows.max(1) as f64;
        plan
    }

    /// Refuses what means nothing, before anything is measured.
    ///
    /// # Errors
    /// Fails on a fraction that is negative, not a number or beyond reason, and on no pair to try.
    pub fn check(&self) -> Result<()> {
        if !(0.0..=MOST_ALLOWED).contains(&self.max_regression) {
            let thing = format!("maximum regression {}", self.max_regression);
            return Err(Error::input(thing, "is not a fraction between 0 and 10, such as 0.05 for 5 %"));
        }
        if self.max_tries == 0 {
            return Err(Error::input("tries 0", "a comparison needs at least one pair"));
        }
        Ok(())
    }
}

/// More than that is surely a typing error.
const MOST_ALLOWED: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_together_lie_between_the_two() {
        assert_eq!(Statistic::default(), Statistic::Both);
        assert_eq!([Statistic::Min, Statistic::P50, Statistic::Both].map(|s| s.value(4.0, 9.0)), [4.0, 9.0, 6.0]);
        assert_eq!("both".parse::<Statistic>().unwrap(), Statistic::Both);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for wrong in [-0.01, f64::NAN, 11.0, f64::INFINITY] {
            assert!(AbOptions { max_regression: wrong, ..AbOptions::default() }.check().is_err(), "{wrong}");
        }
        assert!(AbOptions { max_tries: 0, ..AbOptions::default() }.check().is_err());
        assert!(AbOptions { max_regression: 0.0, ..AbOptions::default() }.check().is_ok());
    }
}
