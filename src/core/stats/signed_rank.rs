//! Wilcoxon's signed-rank test, exact, with the estimate and the interval that belong to it.

use super::median::median;

/// A sample of differences, ranked by their size.
///
/// Under the null hypothesis each difference has either sign with equal probability, whatever its size, so that the sum
/// of the ranks of the positive ones has a distribution that can be counted: no assumption of normal or equal noise.
/// Equal sizes share the mean of their ranks. A difference of zero keeps its rank but counts for neither sign (Pratt
/// 1959), so a sample of zeros rejects nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedRank {
    /// The differences in ascending order.
    sorted: Vec<f64>,
}

impl SignedRank {
    /// Takes differences in any order. Those that are not finite are the caller's mistake: they count as they sort.
    pub fn of(differences: &[f64]) -> Self {
        let mut sorted = differences.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    /// Returns the exact p values of two one-sided tests against a true difference of `shift`: of seeing differences as
    /// large as these if it is not larger, and as small as these if it is not smaller.
    ///
    /// ```
    /// # use gnet_core as gnet;
    /// let found = gnet::stats::SignedRank::of(&[0.1, 0.2, 0.4]).p_values(0.0);
    /// assert_eq!(found, (0.125, 1.0));
    /// ```
    pub fn p_values(&self, shift: f64) -> (f64, f64) {
        let shifted: Vec<f64> = self.sorted.iter().map(|difference| difference - shift).collect();
        let (ranks, positive) = doubled_ranks(&shifted);
        let null = null(&ranks);
        let sum = |part: &[f64]| part.iter().sum::<f64>().min(1.0);
        (sum(&null[positive..]), sum(&null[..=positive]))
    }

    /// Returns the Hodges-Lehmann estimate of the true difference: the median of the means of all pairs, each also with
    /// itself. `None` for an empty sample.
    pub fn estimate(&self) -> Option<f64> {
        median(&self.walsh())
    }

    /// Returns the differences that the two tests do not reject, those from below at the level `lower` and those from
    /// above at `upper`: a confidence interval of at least 1 - `lower` - `upper`. `None` if the sample is too small for
    /// either level, for `n` differences reject nothing below 0.5^n.
    pub fn interval(&self, lower: f64, upper: f64) -> Option<(f64, f64)> {
        let means = self.walsh();
        let n = self.sorted.len();
        let (low, high) = (critical(n, lower)?, critical(n, upper)?);
        Some((means[means.len() - low], means[high - 1]))
    }

    /// Returns the means of all pairs in ascending order (Walsh averages).
    fn walsh(&self) -> Vec<f64> {
        let ends = self.sorted.iter().enumerate();
        let mut means: Vec<f64> =
            ends.flat_map(|(i, a)| self.sorted[i..].iter().map(move |b| f64::midpoint(*a, *b))).collect();
        means.sort_by(f64::total_cmp);
        means
    }
}

/// Returns the smallest sum of positive ranks of `n` differences that is as rare as `level`; `None` if none is.
fn critical(n: usize, level: f64) -> Option<usize> {
    let ranks: Vec<usize> = (1..=n).map(|rank| 2 * rank).collect();
    let null = null(&ranks);
    let mut tail = 0.0;
    let rare = |sum: &usize| {
        tail += null[2 * sum];
        tail <= level
    };
    (0..=n * (n + 1) / 2).rev().take_while(rare).last()
}

/// Returns twice the rank of each difference other than zero, and the sum of those of the positive ones. A rank that
/// several share is a whole number or a half: doubled they are all whole.
fn doubled_ranks(differences: &[f64]) -> (Vec<usize>, usize) {
    let mut by_size = differences.to_vec();
    by_size.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let (mut ranks, mut positive, mut before) = (Vec::new(), 0, 0);
    for tied in by_size.chunk_by(|a, b| a.abs() == b.abs()) {
        // The mean of before + 1 ..= before + tied, doubled.
        let doubled = 2 * before + tied.len() + 1;
        before += tied.len();
        for difference in tied.iter().filter(|difference| **difference != 0.0) {
            ranks.push(doubled);
            positive += if *difference > 0.0 { doubled } else { 0 };
        }
    }
    (ranks, positive)
}

/// Returns the probability of each sum of doubled ranks when every sign is a fair coin: rank by rank, each either adds
/// to the sum or does not. Exact for up to 53 ranks, each probability being a multiple of 0.5^n.
fn null(ranks: &[usize]) -> Vec<f64> {
    let mut chances = vec![0.0; ranks.iter().sum::<usize>() + 1];
    chances[0] = 1.0;
    let mut reached = 0;
    for rank in ranks {
        reached += rank;
        for sum in (0..=reached).rev() {
            let with = if sum >= *rank { chances[sum - rank] } else { 0.0 };
            chances[sum] = 0.5 * (chances[sum] + with);
        }
    }
    chances
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Made by `tests/fixtures/signed_rank.py` with scipy 1.17.1: `stats.wilcoxon(.., method="exact")` where no sizes are
    /// equal and none is zero, else the share of all 2^n assignments of signs to scipy's ranks; numpy's medians.
    const KNOWN: &str = include_str!("../../../tests/fixtures/signed_rank.json");

    #[derive(serde::Deserialize)]
    struct Known {
        x: Vec<f64>,
        greater: f64,
        less: f64,
        estimate: f64,
    }

    #[test]
    fn p_values_and_estimates_are_scipys() {
        let known: Vec<Known> = serde_json::from_str(KNOWN).unwrap();
        assert!(known.len() >= 20);
        for case in known {
            let ranked = SignedRank::of(&case.x);
            let (greater, less) = ranked.p_values(0.0);
            assert!((greater - case.greater).abs() < 1e-12, "{:?}: {greater} is {}", case.x, case.greater);
            assert!((less - case.less).abs() < 1e-12, "{:?}: {less} is {}", case.x, case.less);
            assert!((ranked.estimate().unwrap() - case.estimate).abs() < 1e-12, "{:?}", case.x);
        }
    }

    #[test]
    fn critical_sums_are_those_of_the_prototype() {
        // `[thresholds]` of the figures that the procedure was designed with: levels of 1 % and 5 % over 2.6.
        let at = |level: f64| [8, 12, 16, 24].map(|n| critical(n, level / 2.6));
        assert_eq!(at(0.01), [None, Some(72), Some(118), Some(242)]);
        assert_eq!(at(0.05), [Some(34), Some(66), Some(109), Some(223)]);
    }

    #[test]
    fn an_empty_or_small_sample_tells_nothing() {
        let none = SignedRank::of(&[]);
        assert_eq!((none.p_values(0.0), none.estimate(), none.interval(0.5, 0.5)), ((1.0, 1.0), None, None));
        assert_eq!(SignedRank::of(&[1.0, 2.0]).interval(0.2, 0.3), None);
        assert_eq!(SignedRank::of(&[1.0, 2.0]).interval(0.25, 0.25), Some((1.0, 2.0)));
        assert_eq!(SignedRank::of(&[0.0; 9]).p_values(0.0), (1.0, 1.0), "zeros are evidence of nothing");
    }

    proptest! {
        #[test]
        fn the_interval_is_what_the_tests_do_not_reject(
            x in prop::collection::hash_set(-1000i32..1000, 6..16), lower in 0.02..0.2, upper in 0.02..0.2
        ) {
            let x: Vec<f64> = x.into_iter().map(|v| f64::from(v) + f64::from(v).sin() / 7.0).collect();
            let ranked = SignedRank::of(&x);
            let (low, high) = ranked.interval(lower, upper).unwrap();
            let nudge = 1e-7;
            prop_assert!(low <= high);
            prop_assert!(ranked.p_values(low - nudge).0 <= lower && ranked.p_values(low + nudge).0 > lower);
            prop_assert!(ranked.p_values(high + nudge).1 <= upper && ranked.p_values(high - nudge).1 > upper);
        }

        #[test]
        fn what_is_turned_round_has_the_other_tail(x in prop::collection::vec(-5i32..=5, 1..14)) {
            let x: Vec<f64> = x.into_iter().map(f64::from).collect();
            let turned: Vec<f64> = x.iter().map(|v| -v).collect();
            let (greater, less) = SignedRank::of(&x).p_values(0.0);
            prop_assert_eq!(SignedRank::of(&turned).p_values(0.0), (less, greater));
        }
    }
}
