//! Verdict on one output for one kind of inputs.

use schemars::JsonSchema;
use serde::Serialize;

use super::Tolerance;
use super::ruler::{Noise, Worst};
use crate::runtime::Array;
use crate::runtime::agreement::{Agreement, Spread};
use gnet_core::report::Tone;
use gnet_core::{Error, Result};

/// Result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Within the tolerance, and the inputs can tell outputs apart.
    Agree,
    /// Within the tolerance, but the outputs are so similar that it proves nothing.
    Weak,
    /// Beyond the tolerance.
    Disagree,
}

impl Verdict {
    /// Returns the name in tables and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::Weak => "weak",
            Self::Disagree => "disagree",
        }
    }

    /// Returns the tone in which it is shown.
    pub fn tone(self) -> Tone {
        match self {
            Self::Agree => Tone::Good,
            Self::Weak => Tone::Doubtful,
            Self::Disagree => Tone::Bad,
        }
    }
}

/// Criteria for an output, besides its noise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) tolerance: Tolerance,
    /// Smallest scale at which its values are computed; see [`unit`](super::noise::unit).
    pub(super) unit: f64,
    /// Whether it is a count or a decision; see [`Side::counts`](super::Side::counts).
    pub(super) counts: bool,
    pub(super) images: bool,
    /// Whether a user chose the samples: some may be equal, and then the two that are farthest apart show whether inputs
    /// matter.
    pub(super) given: bool,
}

/// Comparison of two sides on one output, with the verdict.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Judgement {
    /// Measures of agreement.
    #[serde(flatten)]
    pub agreement: Agreement,
    /// Accepted difference of the worst value, the one that is off most relative to what is accepted for it, in the
    /// output's unit; `null` if rounding may turn that value into a NaN.
    #[schemars(with = "Option<f64>")]
    pub accepted: f64,
    /// Part of `accepted` due to the size of the values there; the rest is a multiple of the noise.
    pub floor: f64,
    /// Noise of the worst value; `null` if it was not needed.
    pub noise: Option<f64>,
    /// Number of draws from which the noise is taken.
    pub draws: usize,
    /// Difference of the worst value as a fraction of the accepted one; `null` if nothing is accepted.
    #[schemars(with = "Option<f64>")]
    pub used: f64,
    /// Largest difference that is accepted for any value.
    #[serde(skip)]
    pub most_accepted: f64,
    /// Distances between the reference's outputs for different inputs; `null` if one is not finite.
    pub spread: Option<Spread>,
    /// Verdict.
    pub verdict: Verdict,
    /// Reason why it is not `agree`.
    pub reason: Option<String>,
}

impl Judgement {
    /// Compares one output of `other` with the reference's by its size alone: its noise is taken as 0. The rows are the
    /// samples, at least two, all fed different inputs. `images` states that they were real images.
    ///
    /// # Errors
    /// Fails if the shapes differ ([`ErrorKind::Check`](gnet_core::ErrorKind::Check)), if there is nothing to compare, or
    /// if there are fewer than two samples.
    pub fn of(reference: &Array, other: &Array, tolerance: &Tolerance, images: bool) -> Result<Self> {
        if reference.batch() < 2 {
            return Err(Error::input("comparison", "one sample cannot tell outputs apart; it takes two"));
        }
        let rule = Rule { tolerance: *tolerance, unit: 0.0, counts: false, images, given: false };
        Self::by(reference, other, &rule, &Noise::default())
    }

    /// Does the same as [`of`](Self::of) with known noise; a single sample is compared too, if others show that inputs
    /// can tell outputs apart.
    pub(super) fn by(reference: &Array, other: &Array, rule: &Rule, noise: &Noise) -> Result<Self> {
        let Rule { tolerance, unit, images, .. } = rule;
        let agreement = Agreement::of(reference, other)?;
        let unit = if tolerance.is_local() { *unit } else { agreement.largest };
        let worst = Worst::of(reference, other, tolerance, noise, unit);
        let spreads = agreement.images > 1 && reference.data.iter().all(|value| value.is_finite());
        let spread = if spreads { Some(Spread::of(reference)?) } else { None };
        let (verdict, reason) = match tolerance.refusal(&agreement, &worst, *images) {
            Some(reason) => (Verdict::Disagree, Some(explained(reason, reference, other, &agreement))),
            None => {
                let alike = |spread: &Spread| too_alike(rule, spread, &agreement, &worst, &reference.data);
                match empty(&agreement).or_else(|| spread.as_ref().and_then(alike)) {
                    Some(reason) => (Verdict::Weak, Some(reason)),
                    None => (Verdict::Agree, None),
                }
            }
        };
        let Worst { accepted, floor, used, most_accepted, .. } = worst;
        let (noise, draws) = ((noise.draws > 0).then_some(worst.noise), noise.draws);
        Ok(Self { agreement, accepted, floor, noise, draws, used, most_accepted, spread, verdict, reason })
    }

    /// Returns `true` if values are further apart than accepted and all are finite, or not finite in the same way: a
    /// difference that noise may explain.
    pub(super) fn is_apart(&self) -> bool {
        self.agreement.not_finite_apart == 0 && self.used > 1.0
    }
}

impl Tolerance {
    pub(super) fn refusal(&self, agreement: &Agreement, worst: &Worst, images: bool) -> Option<String> {
        let Agreement { largest, values, .. } = agreement;
        if agreement.not_finite_apart > 0 {
            let reason = "values are NaN or infinite on one side and not the same on the other";
            return Some(format!("{} of {values} {reason}", agreement.not_finite_apart));
        }
        if worst.used > 1.0 {
            return Some(self.too_far(worst, *largest));
        }
        // If every value is judged individually, nothing is left for an angle to find.
        let least = self.cosine_at(worst.accepted / largest);
        match agreement.cosine {
            Some(cosine) if !self.is_local() && cosine < least => {
                return Some(format!("cosine {cosine:.7}, at least {least} at {}", self.precision));
            }
            _ => {}
        }
        let least = self.min_top1.filter(|_| images)?;
        let count = agreement.images as f64;
        let flipped = (count * (1.0 - agreement.top1_agreement)).round();
        let free = (count * (1.0 - least)).floor().max(1.0);
        (flipped > free)
            .then(|| format!("{flipped} of {count} images change their class, {free} may at {}", self.precision))
    }

    fn too_far(&self, worst: &Worst, largest: f64) -> String {
        let Worst { difference, accepted, floor, noise, .. } = worst;
        let Self { precision, relative, multiple, .. } = self;
        if *multiple == 0.0 {
            let share = difference / largest;
            return format!(
                "largest difference {difference:.2e}, accepted {accepted:.2e} ({share:.1e} of the largest value, \
                 {relative:.0e} asked for)"
            );
        }
        let joined = if self.is_local() { "and" } else { "or" };
        format!(
            "a value is off by {difference:.2e} and {accepted:.2e} is accepted at {precision}: {floor:.1e} for its size \
             {joined} {multiple} times its noise of {noise:.1e}"
        )
    }
}

fn empty(agreement: &Agreement) -> Option<String> {
    let reason = "every value is NaN or infinite on both sides";
    (agreement.not_finite == agreement.values).then(|| reason.to_owned())
}

/// Explains why agreement proves nothing.
///
/// Whole numbers with a tolerance of less than 1 must be equal, and any two that differ are told apart: tokens or
/// classes of two samples may well be the same, if half of all pairs differ. For counts and decisions one pair is enough.
fn too_alike(rule: &Rule, spread: &Spread, agreement: &Agreement, worst: &Worst, values: &[f32]) -> Option<String> {
    let Rule { tolerance, counts, given, .. } = rule;
    if *counts && spread.max > 0.0 {
        return None;
    }
    let exact = tolerance.accepted(agreement.largest) < 1.0 && values.iter().all(|value| value.fract() == 0.0);
    if exact && spread.median > 0.0 {
        return None;
    }
    let spread = if *given { Spread { min: spread.max, median: spread.max, ..*spread } } else { *spread };
    tolerance.too_alike(&spread, agreement.largest, worst.most_accepted)
}

fn explained(reason: String, reference: &Array, other: &Array, agreement: &Agreement) -> String {
    if agreement.not_finite_apart == 0 {
        return reason;
    }
    let count = |array: &Array| array.data.iter().filter(|value| !value.is_finite()).count();
    format!("{reason}: {} of the reference's, {} of the other's", count(reference), count(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Precision;
    use gnet_core::report::json;

    fn judged(reference: &[f32], other: &[f32]) -> Judgement {
        let array = |data: &[f32]| Array::new(vec![2, data.len() / 2], data.to_vec()).unwrap();
        Judgement::of(&array(reference), &array(other), &Precision::F32.tolerance(), false).unwrap()
    }

    #[test]
    fn what_json_writes_as_null_may_be_null_by_the_schema() {
        let array = |value: f32| Array::new(vec![2, 2], vec![value, 0.0, 2.0, 3.0]).unwrap();
        let mut noise = Noise::default();
        noise.add(&array(1.0), &array(f32::NAN));
        let rule =
            Rule { tolerance: Precision::F32.tolerance(), unit: 0.0, counts: false, images: false, given: false };
        let one_sided = judged(&[1.0; 4], &[f32::NAN, 1.0, 1.0, 1.0]);
        let nothing_accepted = judged(&[0.0; 4], &[1.0; 4]);
        let all_accepted = Judgement::by(&array(1.0), &array(1.5), &rule, &noise).unwrap();
        let schema: serde_json::Value = serde_json::from_str(&json::schema::<Judgement>().unwrap()).unwrap();
        let mut nulls = Vec::new();
        for judgement in [one_sided, nothing_accepted, all_accepted] {
            let document: serde_json::Value = serde_json::from_str(&json::document(&judgement).unwrap()).unwrap();
            for (key, value) in document.as_object().unwrap().iter().filter(|(_, value)| value.is_null()) {
                let allowed = serde_json::to_string(&schema["properties"][key]).unwrap();
                assert!(allowed.contains("\"null\""), "{key} is {value}, by the schema {allowed}");
                nulls.push(key.clone());
            }
        }
        for key in ["max_abs_diff", "mean_abs_diff", "max_rel_diff", "rel_error", "used", "accepted"] {
            assert!(nulls.iter().any(|null| null == key), "{key} was never null");
        }
    }

    #[test]
    fn each_verdict_has_its_reason() {
        let agree = judged(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.000_003]);
        assert_eq!((agree.verdict, agree.reason), (Verdict::Agree, None));
        let disagree = judged(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.001]);
        assert_eq!(disagree.verdict, Verdict::Disagree);
        assert!(disagree.reason.unwrap().contains("3.81e-6 is accepted"));
        let weak = judged(&[1.0, 2.0, 1.0, 2.000_1], &[1.0, 2.0, 1.0, 2.000_1]);
        assert_eq!(weak.verdict, Verdict::Weak);
        assert!(weak.reason.unwrap().contains("apart"));
    }

    #[test]
    fn whole_numbers_of_two_samples_may_be_the_same_where_most_differ() {
        let judged = |reference: [f32; 8], other: [f32; 8]| {
            let array = |data: [f32; 8]| Array::new(vec![4, 2], data.to_vec()).unwrap();
            Judgement::of(&array(reference), &array(other), &Precision::F32.tolerance(), false).unwrap().verdict
        };
        let classes = [3.0, 1.0, 3.0, 1.0, 2.0, 0.0, 1.0, 1.0];
        assert_eq!(judged(classes, classes), Verdict::Agree);
        let mut other = classes;
        other[7] = 2.0;
        assert_eq!(judged(classes, other), Verdict::Disagree);
        let alike = [3.0, 1.0, 3.0, 1.0, 3.0, 1.0, 1.0, 1.0];
        assert_eq!(judged(alike, alike), Verdict::Weak, "half of the pairs are the same");
        let real = classes.map(|class| class + 0.5);
        assert_eq!(judged(real, real), Verdict::Weak);
        let large = classes.map(|class| class * 1e6);
        assert_eq!(judged(large, large), Verdict::Weak, "3e6 is held to 3, and the same token twice is no proof");
    }

    #[test]
    fn samples_of_a_users_choice_may_be_equal_but_not_all() {
        let verdict = |given, data: [f32; 6]| {
            let array = Array::new(vec![3, 2], data.to_vec()).unwrap();
            let rule = Rule { tolerance: Precision::F32.tolerance(), unit: 0.0, counts: false, images: false, given };
            Judgement::by(&array, &array, &rule, &Noise::default()).unwrap().verdict
        };
        let twice = [1.25, 2.0, 1.25, 2.0, 3.0, 4.0];
        assert_eq!((verdict(false, twice), verdict(true, twice)), (Verdict::Weak, Verdict::Agree));
        assert_eq!(verdict(true, [1.25, 2.0, 1.25, 2.0, 1.25, 2.0]), Verdict::Weak);
    }

    #[test]
    fn the_side_with_a_nan_is_named_and_the_same_nan_agrees() {
        let one = judged(&[1.0, 2.0, 3.0, 4.0], &[1.0, f32::NAN, 3.0, f32::INFINITY]);
        let says = "2 of 4 values are NaN or infinite on one side and not the same on the other: 0 of the reference's, \
                    2 of the other's";
        assert_eq!((one.verdict, one.reason.as_deref()), (Verdict::Disagree, Some(says)));
        assert!(one.spread.is_some());
        let odd = [1.0, f32::NAN, f32::INFINITY, 4.0];
        let both = judged(&odd, &odd);
        assert_eq!((both.verdict, both.spread, both.agreement.not_finite), (Verdict::Agree, None, 2));
        let moved = judged(&odd, &[1.0, f32::NAN, f32::NEG_INFINITY, 4.0]);
        assert_eq!(moved.verdict, Verdict::Disagree);
        let nothing = judged(&[f32::NAN; 4], &[f32::NAN; 4]);
        assert_eq!((nothing.verdict, nothing.reason.unwrap().contains("every value")), (Verdict::Weak, true));
    }

    #[test]
    fn one_sample_is_refused() {
        let one = Array::new(vec![1, 2], vec![1.0, 2.0]).unwrap();
        assert!(Judgement::of(&one, &one, &Precision::F32.tolerance(), false).is_err());
    }
}
