//! A comparison in pairs that looks at its evidence as it comes and stops when it can tell.

use super::signed_rank::SignedRank;

/// When to look, and with what risk.
///
/// Each look is one more chance to be wrong, so every look tests at the overall level divided by [`spending`](Self::spending).
/// With the default looks that keeps the rate of a false "slower" at 0.82 % and of a false "not slower" at 4.1 %, both at
/// a true ratio that is exactly the limit; further from it they are smaller.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SequentialPlan {
    /// Numbers of pairs at which the evidence is looked at, ascending; the last one ends the comparison.
    pub looks: Vec<usize>,
    /// Overall risk of calling B slower than allowed when it is not: 1 %.
    pub fail_alpha: f64,
    /// Overall risk of calling B not slower than allowed when it is: 5 %.
    pub pass_alpha: f64,
    /// Divisor of both levels at each look: 2.6, for the four default looks.
    pub spending: f64,
    /// The log ratio of B to A that is still allowed: ln(1 + m).
    pub margin: f64,
}

impl SequentialPlan {
    /// Returns the plan that allows B to be slower by the fraction `allowed`: looks at 8, 12, 16 and 24 pairs.
    pub fn allowing(allowed: f64) -> Self {
        Self { looks: vec![8, 12, 16, 24], fail_alpha: 0.01, pass_alpha: 0.05, spending: 2.6, margin: allowed.ln_1p() }
    }

    /// Returns the plan that allows the same and looks once, after so many pairs, with the whole level.
    pub fn once(pairs: usize, allowed: f64) -> Self {
        Self { looks: vec![pairs], spending: 1.0, ..Self::allowing(allowed) }
    }
}

/// Result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// B is slower than allowed.
    Slower,
    /// B is not slower than allowed (non-inferiority).
    NotSlower,
    /// Neither could be shown.
    Undecided(Why),
}

/// Why a comparison was not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The pairs scatter so much that a B as fast as A would not have passed either.
    Noisy,
    /// The ratio is too close to what is allowed.
    Close,
}

/// A running comparison: log ratios of B to A in, a decision out. It reads no clock and draws no random numbers; that
/// the order within each pair was decided by a fair coin, independently of everything else, is up to the caller, and all
/// that the error rates assume.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequential {
    plan: SequentialPlan,
    ratios: Vec<f64>,
    /// Smallest p values over the looks so far.
    least: (f64, f64),
    decision: Option<Decision>,
}

/// Half-width of the interval, as a ratio, above which pairs are noisy even when next to nothing is allowed.
const COARSE: f64 = 0.02;

impl Sequential {
    /// Begins a comparison.
    pub fn new(plan: SequentialPlan) -> Self {
        Self { plan, ratios: Vec::new(), least: (1.0, 1.0), decision: None }
    }

    /// Takes the natural logarithm of the next pair's ratio B/A, and returns the decision if there is one. What comes
    /// after a decision does not change it.
    pub fn push(&mut self, log_ratio: f64) -> Option<Decision> {
        if self.decision.is_some() {
            return self.decision;
        }
        self.ratios.push(log_ratio);
        let n = self.ratios.len();
        if self.plan.looks.contains(&n) {
            let (slower, faster) = SignedRank::of(&self.ratios).p_values(self.plan.margin);
            self.least = (self.least.0.min(slower), self.least.1.min(faster));
            self.decision = if self.p_slower() <= self.plan.fail_alpha {
                Some(Decision::Slower)
            } else if self.p_not_slower() <= self.plan.pass_alpha {
                Some(Decision::NotSlower)
            } else {
                (self.plan.looks.last() == Some(&n)).then(|| Decision::Undecided(self.why()))
            };
        }
        self.decision
    }

    /// Returns the decision, if there is one.
    pub fn decision(&self) -> Option<Decision> {
        self.decision
    }

    /// Returns the number of pairs taken.
    pub fn pairs(&self) -> usize {
        self.ratios.len()
    }

    /// Returns the p value of "slower than allowed" that holds at whichever look the comparison stopped: the smallest
    /// one over the looks times the spending, at most 1; before the first look it is 1.
    pub fn p_slower(&self) -> f64 {
        (self.plan.spending * self.least.0).min(1.0)
    }

    /// Returns the p value of "not slower than allowed", in the same way.
    pub fn p_not_slower(&self) -> f64 {
        (self.plan.spending * self.least.1).min(1.0)
    }

    /// Returns the Hodges-Lehmann estimate of the log ratio; `None` without pairs.
    pub fn estimate(&self) -> Option<f64> {
        SignedRank::of(&self.ratios).estimate()
    }

    /// Returns an interval for the log ratio with [`Self::confidence`], which holds at every look: at both ends the
    /// level of the test for "not slower", so that this decision never contradicts it. `None` for fewer than 6 pairs.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let level = self.plan.pass_alpha / self.plan.spending;
        SignedRank::of(&self.ratios).interval(level, level)
    }

    /// Returns the confidence of the interval: 90 %.
    pub fn confidence(&self) -> f64 {
        1.0 - 2.0 * self.plan.pass_alpha
    }

    /// Tells noise from closeness: would a B as fast as A have passed with pairs that scatter like this?
    fn why(&self) -> Why {
        let resolved = self
            .interval()
            .zip(self.estimate())
            .is_some_and(|((_, high), estimate)| high - estimate < self.plan.margin.max(COARSE.ln_1p()));
        if resolved { Why::Close } else { Why::Noisy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(log_ratios: impl IntoIterator<Item = f64>, allowed: f64) -> Sequential {
        let mut test = Sequential::new(SequentialPlan::allowing(allowed));
        let _ = log_ratios.into_iter().find_map(|ratio| test.push(ratio));
        test
    }

    /// Returns `n` log ratios around `at`, alternately above and below by up to `width`.
    fn around(at: f64, width: f64, n: usize) -> impl Iterator<Item = f64> {
        (0..n).map(move |i| at + width * (1.0 - i as f64 / 100.0) * if i % 2 == 0 { 1.0 } else { -1.0 })
    }

    #[test]
    fn clear_cases_end_at_the_first_look_that_can_tell() {
        let same = told(around(0.0, 0.01, 24), 0.05);
        assert_eq!((same.decision(), same.pairs()), (Some(Decision::NotSlower), 8));
        let faster = told(around(-0.5, 0.01, 24), 0.05);
        assert_eq!((faster.decision(), faster.pairs()), (Some(Decision::NotSlower), 8));
        // 0.5^8 is above 1 % / 2.6: eight pairs can show nothing of that kind.
        let slower = told(around(0.3, 0.01, 24), 0.05);
        assert_eq!((slower.decision(), slower.pairs()), (Some(Decision::Slower), 12));
        let (low, high) = slower.interval().unwrap();
        assert!(1.05_f64.ln() < low && low < 0.3 && 0.3 < high, "{low} {high}");
        assert!(slower.p_slower() <= 0.01 && slower.p_not_slower() > 0.9);
    }

    #[test]
    fn what_is_not_decided_says_why() {
        let close = told(around(1.05_f64.ln(), 0.01, 24), 0.05);
        assert_eq!((close.decision(), close.pairs()), (Some(Decision::Undecided(Why::Close)), 24));
        let noisy = told(around(0.0, 0.3, 24), 0.05);
        assert_eq!(noisy.decision(), Some(Decision::Undecided(Why::Noisy)));
        // Nothing is allowed: equal programs cannot be told apart from slower ones, which is not the fault of the machine.
        assert_eq!(told(around(0.0, 0.01, 24), 0.0).decision(), Some(Decision::Undecided(Why::Close)));
    }

    #[test]
    fn one_look_has_the_whole_level() {
        let mut test = Sequential::new(SequentialPlan::once(5, 0.05));
        let decisions: Vec<_> = around(0.3, 0.01, 5).map(|ratio| test.push(ratio)).collect();
        // 0.5^5 is 3.1 %: enough for "not slower" and for the interval, too little for "slower".
        assert_eq!(decisions, [None, None, None, None, Some(Decision::Undecided(Why::Close))]);
        assert_eq!((test.p_slower(), test.confidence()), (0.5f64.powi(5), 0.9));
        assert!(test.interval().is_some());
        let same = around(0.0, 0.01, 5).map(|ratio| -ratio);
        let mut test = Sequential::new(SequentialPlan::once(5, 0.05));
        assert_eq!(same.filter_map(|ratio| test.push(ratio)).last(), Some(Decision::NotSlower));
    }

    #[test]
    fn a_decision_stands() {
        let mut test = told(around(0.3, 0.01, 24), 0.05);
        let before = test.clone();
        assert_eq!(test.push(-9.0), Some(Decision::Slower));
        assert_eq!(test, before);
        let begun = told(around(0.3, 0.01, 5), 0.05);
        assert_eq!((begun.decision(), begun.p_slower(), begun.interval()), (None, 1.0, None));
    }
}
