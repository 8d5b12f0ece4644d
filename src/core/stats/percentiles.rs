//! Summaries of latency samples, and the rule that decides when a tail percentile may be stated.

use std::time::Duration;

/// Confidence required of a stated percentile: that of MLPerf's early-stopping rule.
const CONFIDENCE: f64 = 0.99;

/// Summary of a set of latency samples.
///
/// Percentiles are nearest-rank: the q-percentile of `n` sorted samples is the sample of rank `ceil(q n)`, so each is a
/// latency that was really measured. A tail percentile is `None` if there are fewer than [`min_samples`] samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Number of samples, at least 1.
    pub samples: usize,
    /// Smallest sample.
    pub min: Duration,
    /// Largest sample.
    pub max: Duration,
    /// Arithmetic mean, to the nanosecond.
    pub mean: Duration,
    /// First quartile: a quarter of the samples are no longer.
    pub p25: Duration,
    /// Median.
    pub p50: Duration,
    /// Third quartile.
    pub p75: Duration,
    /// 90th percentile; needs 64 samples.
    pub p90: Option<Duration>,
    /// 95th percentile; needs 130 samples.
    pub p95: Option<Duration>,
    /// 99th percentile; needs 662 samples.
    pub p99: Option<Duration>,
}

impl Summary {
    /// Summarises samples in any order; `None` if there are none.
    pub fn of(samples: &[Duration]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let tail = |q| (sorted.len() >= min_samples(q)).then(|| nearest_rank(&sorted, q));
        Some(Self {
            samples: sorted.len(),
            min,
            max,
            mean: mean(&sorted),
            p25: nearest_rank(&sorted, 0.25),
            p50: nearest_rank(&sorted, 0.5),
            p75: nearest_rank(&sorted, 0.75),
            p90: tail(0.9),
            p95: tail(0.95),
            p99: tail(0.99),
        })
    }
}

/// Returns the sample of rank `ceil(q n)`, counted from 1. `sorted` is not empty.
fn nearest_rank(sorted: &[Duration], q: f64) -> Duration {
    // 0.9 * 70 is 63.00000000000001 in binary: without the slack its ceiling would be one rank too high.
    let rank = (q * sorted.len() as f64 - 1e-9).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn mean(samples: &[Duration]) -> Duration {
    let nanos: u128 = samples.iter().map(Duration::as_nanos).sum();
    let mean = nanos / samples.len() as u128;
    Duration::new((mean / 1_000_000_000) as u64, (mean % 1_000_000_000) as u32)
}

/// Returns the smallest number of samples that supports the percentile `q` (0 < q < 1) with a confidence of 99 %.
///
/// This is the early-stopping rule of the MLPerf inference rules (MLCommons, appendix "Early Stopping Criterion"; its load
/// generator's `early_stopping.cc`) at its smallest sample count, where no query is discarded and the largest latency is
/// itself the estimate. If the true share of queries at or under that latency were less than `q`, then seeing at most
/// one query (the largest) on its far side would have a probability of at most
///
/// ```text
/// P(X <= 1), X ~ Binomial(n, 1 - q)   =   q^n + n (1 - q) q^(n - 1)
/// ```
///
/// and the rule requires it to be at most 1 - 0.99. It gives 64, 130 and 662 for 0.9, 0.95 and 0.99.
///
/// ```
/// # use gnet_core as gnet;
/// assert_eq!(gnet::stats::min_samples(0.99), 662);
/// ```
///
/// For a `q` outside 0..1 no number suffices, and the result is `usize::MAX`.
pub fn min_samples(q: f64) -> usize {
    if !(q > 0.0 && q < 1.0) {
        return usize::MAX;
    }
    let supported = |n: usize| binomial_tail(n, 1, 1.0 - q) <= 1.0 - CONFIDENCE;
    // The tail falls with n: find an upper end by doubling, then bisect.
    let mut high = 2;
    while !supported(high) {
        let Some(doubled) = high.checked_mul(2) else { return usize::MAX };
        high = doubled;
    }
    let mut low = high / 2;
    while low < high {
        let middle = low + (high - low) / 2;
        if supported(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// Computes `P(X <= t)` for `X ~ Binomial(n, p)`, with 0 < p < 1, by adding the terms from `x = 0`.
fn binomial_tail(n: usize, t: usize, p: f64) -> f64 {
    let q = 1.0 - p;
    let mut term = (n as f64 * q.ln()).exp();
    let mut sum = term;
    for x in 0..t.min(n) {
        term *= (n - x) as f64 / (x + 1) as f64 * p / q;
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(values: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        values.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn the_rule_gives_mlperfs_counts() {
        // The three figures of the MLCommons inference rules.
        assert_eq!([0.9, 0.95, 0.99].map(min_samples), [64, 130, 662]);
    }

    #[test]
    fn a_percentile_that_is_none_needs_endless_samples() {
        for q in [0.0, 1.0, -1.0, 2.0, f64::NAN] {
            assert_eq!(min_samples(q), usize::MAX, "{q}");
        }
    }

    #[test]
    fn the_tail_is_a_distribution() {
        assert!((binomial_tail(3, 0, 0.5) - 0.125).abs() < 1e-12);
        assert!((binomial_tail(3, 1, 0.5) - 0.5).abs() < 1e-12);
        assert!((binomial_tail(3, 3, 0.5) - 1.0).abs() < 1e-12);
        assert!((binomial_tail(3, 9, 0.5) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_summary_of_known_samples() {
        let summary = Summary::of(&millis((1..=100).rev())).unwrap();
        assert_eq!(summary.samples, 100);
        assert_eq!([summary.min, summary.p50, summary.max], [1, 50, 100].map(Duration::from_millis));
        assert_eq!([summary.p25, summary.p75], [25, 75].map(Duration::from_millis));
        assert_eq!(summary.mean, Duration::from_micros(50_500));
        assert_eq!(summary.p90, Some(Duration::from_millis(90)));
        assert_eq!((summary.p95, summary.p99), (None, None));
    }

    #[test]
    fn each_tail_percentile_appears_with_its_last_missing_sample() {
        let at = |n: u64| Summary::of(&millis(0..n)).unwrap();
        assert_eq!((at(63).p90, at(64).p90), (None, Some(Duration::from_millis(57))));
        assert_eq!((at(129).p95, at(130).p95), (None, Some(Duration::from_millis(123))));
        assert_eq!((at(661).p99, at(662).p99), (None, Some(Duration::from_millis(655))));
    }

    #[test]
    fn a_rank_that_is_whole_is_not_rounded_up() {
        assert_eq!(Summary::of(&millis(1..=70)).unwrap().p90, Some(Duration::from_millis(63)));
    }

    #[test]
    fn no_samples_have_no_summary() {
        assert_eq!(Summary::of(&[]), None);
    }

    proptest! {
        #[test]
        fn a_summary_is_ordered_and_within_range(nanos in prop::collection::vec(0u64..10_000_000_000, 1..900)) {
            let samples: Vec<_> = nanos.into_iter().map(Duration::from_nanos).collect();
            let s = Summary::of(&samples).unwrap();
            prop_assert!(s.min <= s.mean && s.mean <= s.max);
            let ladder: Vec<_> =
                [Some(s.min), Some(s.p25), Some(s.p50), Some(s.p75), s.p90, s.p95, s.p99, Some(s.max)].into_iter().flatten().collect();
            prop_assert!(ladder.is_sorted());
            prop_assert!(ladder.iter().all(|value| samples.contains(value)), "a percentile is a measured sample");
            let at_or_under = samples.iter().filter(|sample| **sample <= s.p50).count();
            prop_assert!(2 * at_or_under >= samples.len());
        }

        #[test]
        fn the_order_of_the_samples_does_not_matter(
            (samples, shuffled) in prop::collection::vec(0u64..1_000, 1..200)
                .prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle()))
        ) {
            prop_assert_eq!(Summary::of(&millis(samples)), Summary::of(&millis(shuffled)));
        }
    }
}
