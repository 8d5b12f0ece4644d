//! Agreement of two runtimes on one output, and whether it is meaningful.
//!
//! This module holds the measures; the tolerances and their reasons are in [`crate::verify`].

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use super::Array;
use gnet_core::{Error, Result};

/// Agreement of two arrays of one shape, value by value and image by image.
///
/// A NaN beside a NaN, and an infinity beside the same one, count as equal: they are counted and excluded from the
/// measures. One that occurs on one side only is a disagreement: the differences are then infinite (`null` in JSON) and
/// [`within`](Self::within) is false.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Agreement {
    /// Number of images compared: the length of the first axis.
    pub images: usize,
    /// Number of values compared.
    pub values: usize,
    /// Number of values that are NaN or infinite on either side.
    pub not_finite: usize,
    /// Number of those that differ between the sides.
    pub not_finite_apart: usize,
    /// Largest finite `|value|` on either side, to which differences are relative.
    pub largest: f64,
    /// Largest `|a - b|`.
    #[schemars(with = "Option<f64>")]
    pub max_abs_diff: f64,
    /// Mean of `|a - b|`.
    #[schemars(with = "Option<f64>")]
    pub mean_abs_diff: f64,
    /// Largest `|a - b| / max(|a|, |b|)`, 0 if both are 0. Near 0 it is large for harmless differences: read it
    /// together with `max_abs_diff`.
    #[schemars(with = "Option<f64>")]
    pub max_rel_diff: f64,
    /// `max_abs_diff / largest`, 0 if both are 0: the error relative to the size of the output.
    #[schemars(with = "Option<f64>")]
    pub rel_error: f64,
    /// Largest number of `f32` steps (units in the last place) between two values; `None` if one is not finite on one
    /// side only. Near 0 it is large for harmless differences, like `max_rel_diff`.
    pub max_ulp: Option<u32>,
    /// Cosine of the angle between the arrays as vectors; `None` if one of them is 0, or not finite on one side only.
    pub cosine: Option<f64>,
    /// Fraction of the images, 0..1, whose largest value is at the same index. The first among equal values counts, a
    /// NaN never does; an image with a value that is not finite on one side only counts as disagreeing.
    pub top1_agreement: f64,
    /// Fraction of the images, 0..1, whose five largest values are at the same indices, in any order. `None` if an
    /// image has no more than five values.
    pub top5_agreement: Option<f64>,
}

const TOP: usize = 5;

impl Agreement {
    /// Compares `other` with `reference`; the measure is symmetric.
    ///
    /// # Errors
    /// Fails if the shapes differ, or if there is nothing to compare.
    pub fn of(reference: &Array, other: &Array) -> Result<Self> {
        reference.check()?;
        other.check()?;
        if reference.shape != other.shape {
            let reason = format!("shapes {:?} and {:?} differ", reference.shape, other.shape);
            return Err(Error::check("comparison", reason));
        }
        if reference.data.is_empty() {
            return Err(Error::check("comparison", format!("arrays of shape {:?} hold no value", reference.shape)));
        }
        let differences = Differences::of(&reference.data, &other.data);
        let images = reference.rows().len();
        let share = |same: fn(&[f32], &[f32]) -> bool| {
            reference.rows().zip(other.rows()).filter(|(a, b)| same(a, b)).count() as f64 / images as f64
        };
        let few = reference.data.len() / images <= TOP;
        Ok(Self {
            images,
            values: reference.data.len(),
            not_finite: differences.not_finite,
            not_finite_apart: differences.not_finite_apart,
            largest: differences.largest,
            max_abs_diff: differences.max_abs,
            mean_abs_diff: differences.sum_abs / reference.data.len() as f64,
            max_rel_diff: differences.max_rel,
            rel_error: if differences.max_abs == 0.0 { 0.0 } else { differences.max_abs / differences.largest },
            max_ulp: (differences.not_finite_apart == 0).then_some(differences.max_ulp),
            cosine: cosine(&reference.data, &other.data),
            top1_agreement: share(same_top),
            top5_agreement: (!few).then(|| share(same_top5)),
        })
    }

    /// Returns `true` if values that are not finite are the same on both sides and no difference exceeds `tolerance`.
    pub fn within(&self, tolerance: f64) -> bool {
        self.not_finite_apart == 0 && self.max_abs_diff <= tolerance
    }
}

/// Returns the largest difference of two lists of values; infinite if a value is not finite on one side only.
pub(crate) fn farthest(a: &[f32], b: &[f32]) -> f64 {
    Differences::of(a, b).max_abs
}

#[derive(Default)]
struct Differences {
    not_finite: usize,
    not_finite_apart: usize,
    max_abs: f64,
    sum_abs: f64,
    max_rel: f64,
    max_ulp: u32,
    largest: f64,
}

impl Differences {
    fn of(a: &[f32], b: &[f32]) -> Self {
        let mut found = Self::default();
        for (a, b) in a.iter().zip(b) {
            for value in [a, b].into_iter().filter(|value| value.is_finite()) {
                found.largest = found.largest.max(f64::from(value.abs()));
            }
            if !(a.is_finite() && b.is_finite()) {
                found.not_finite += 1;
                found.not_finite_apart += usize::from(!same_odd(*a, *b));
                continue;
            }
            found.max_ulp = found.max_ulp.max(ulps(*a, *b));
            let (a, b) = (f64::from(*a), f64::from(*b));
            let difference = (a - b).abs();
            let size = a.abs().max(b.abs());
            found.max_abs = found.max_abs.max(difference);
            found.sum_abs += difference;
            found.max_rel = found.max_rel.max(if size > 0.0 { difference / size } else { 0.0 });
        }
        if found.not_finite_apart > 0 {
            (found.max_abs, found.sum_abs, found.max_rel) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
        }
        found
    }
}

/// Returns `true` if two values are the same NaN or infinity, as far as arithmetic tells.
fn same_odd(a: f32, b: f32) -> bool {
    (a.is_nan() && b.is_nan()) || (a.is_infinite() && a == b)
}

/// Returns the number of steps between two finite numbers: the `f32` values are numbered in order, both zeros being 0.
fn ulps(a: f32, b: f32) -> u32 {
    let number = |value: f32| {
        let magnitude = i64::from(value.to_bits() & 0x7FFF_FFFF);
        if value.is_sign_negative() { -magnitude } else { magnitude }
    };
    u32::try_from((number(a) - number(b)).unsigned_abs()).unwrap_or(u32::MAX)
}

fn cosine(a: &[f32], b: &[f32]) -> Option<f64> {
    let (mut both, mut here, mut there) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b).filter(|(a, b)| !same_odd(**a, **b)) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        (both, here, there) = (both + a * b, here + a * a, there + b * b);
    }
    let cosine = both / (here.sqrt() * there.sqrt());
    // Rounding may exceed 1 slightly.
    cosine.is_finite().then(|| cosine.clamp(-1.0, 1.0))
}

fn same_top(a: &[f32], b: &[f32]) -> bool {
    let (a, b) = ranked(a, b);
    top1(&a).is_some_and(|place| Some(place) == top1(&b))
}

fn same_top5(a: &[f32], b: &[f32]) -> bool {
    let (a, b) = ranked(a, b);
    top5(&a).is_some_and(|places| Some(places) == top5(&b))
}

/// Returns two images in which equal values that are not finite are replaced according to their order: above or below
/// every number, a NaN below.
fn ranked<'a>(a: &'a [f32], b: &'a [f32]) -> (Cow<'a, [f32]>, Cow<'a, [f32]>) {
    if !a.iter().zip(b).any(|(a, b)| same_odd(*a, *b)) {
        return (Cow::Borrowed(a), Cow::Borrowed(b));
    }
    let finite = |value: f32| if value == f32::INFINITY { f32::MAX } else { f32::MIN };
    let ranked = |(a, b): (&f32, &f32)| if same_odd(*a, *b) { (finite(*a), finite(*b)) } else { (*a, *b) };
    let (a, b): (Vec<f32>, Vec<f32>) = a.iter().zip(b).map(ranked).unzip();
    (a.into(), b.into())
}

/// Returns the indices of the five largest values, ascending; among equal values the first. `None` if one is not
/// finite.
fn top5(values: &[f32]) -> Option<Vec<usize>> {
    if values.len() <= TOP || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.select_nth_unstable_by(TOP - 1, |a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    places.truncate(TOP);
    places.sort_unstable();
    Some(places)
}

/// Returns the index of the largest value, the first among equals; `None` if there is none or one is not finite.
pub fn top1(values: &[f32]) -> Option<usize> {
    if values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut best: Option<usize> = None;
    for (i, value) in values.iter().enumerate() {
        if best.is_none_or(|b| *value > values[b]) {
            best = Some(i);
        }
    }
    best
}

/// Distances between the outputs for different inputs.
///
/// If two runtimes agree on a network whose output hardly depends on its input, that proves nothing: a freshly
/// initialised GoogLeNet puts two images 5e-7 apart, and a comparison at 1e-4 would pass whatever the file did.
#[derive(Debug, Clone, Copy, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Spread {
    /// Number of images.
    pub images: usize,
    /// Distance between the two closest images: the smallest, over all pairs, of the largest `|a - b|`.
    pub min: f64,
    /// Median distance over all pairs of images.
    pub median: f64,
    /// Distance between the two images farthest apart.
    pub max: f64,
}

/// Required ratio of spread to tolerance.
pub const SPREAD_OVER_TOLERANCE: f64 = 100.0;

impl Spread {
    /// Computes the spread of the images of one output, whose inputs all differed.
    ///
    /// # Errors
    /// Fails if there are fewer than two images, or if a value is not finite.
    pub fn of(output: &Array) -> Result<Self> {
        output.check()?;
        let rows: Vec<&[f32]> = output.rows().collect();
        if rows.len() < 2 {
            return Err(Error::check("spread", "it takes the outputs of at least two images"));
        }
        if output.data.iter().any(|value| !value.is_finite()) {
            return Err(Error::check("spread", "an output is NaN or infinite"));
        }
        let pairs = rows.iter().enumerate().flat_map(|(i, a)| rows[i + 1..].iter().map(move |b| (a, b)));
        let mut distances: Vec<f64> = pairs.map(|(a, b)| farthest(a, b)).collect();
        distances.sort_unstable_by(f64::total_cmp);
        let last = distances.len() - 1;
        // For an even number the lower of the two in the middle, which is the more cautious one.
        Ok(Self { images: rows.len(), min: distances[0], median: distances[last / 2], max: distances[last] })
    }

    /// Returns `true` if a comparison at `tolerance` can tell the images apart: any two are at least 100 tolerances
    /// apart.
    pub fn supports(&self, tolerance: f64) -> bool {
        self.min >= SPREAD_OVER_TOLERANCE * tolerance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[usize], data: &[f32]) -> Array {
        Array::new(shape.to_vec(), data.to_vec()).unwrap()
    }

    #[test]
    fn an_array_agrees_with_itself() {
        let a = Array::noise(vec![3, 10], 1);
        let agreement = Agreement::of(&a, &a).unwrap();
        assert_eq!((agreement.images, agreement.values, agreement.not_finite), (3, 30, 0));
        assert_eq!((agreement.max_abs_diff, agreement.mean_abs_diff, agreement.max_rel_diff), (0.0, 0.0, 0.0));
        assert!((agreement.cosine.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!((agreement.top1_agreement, agreement.top5_agreement), (1.0, Some(1.0)));
        assert_eq!((agreement.rel_error, agreement.max_ulp), (0.0, Some(0)));
        assert!(agreement.within(0.0));
    }

    #[test]
    fn known_differences() {
        let a = array(&[2, 2], &[1.0, 0.0, 0.0, 2.0]);
        let b = array(&[2, 2], &[1.5, 0.0, 4.0, 2.0]);
        let agreement = Agreement::of(&a, &b).unwrap();
        assert_eq!((agreement.max_abs_diff, agreement.mean_abs_diff, agreement.max_rel_diff), (4.0, 4.5 / 4.0, 1.0));
        assert_eq!((agreement.top1_agreement, agreement.top5_agreement), (0.5, None));
        assert_eq!((agreement.largest, agreement.rel_error), (4.0, 1.0));
        // The number of steps from 0 to 4 is given by the bits of 4.0: exponent 129, no mantissa.
        assert_eq!(agreement.max_ulp, Some(129 << 23));
        let cosine = 5.5 / (5.0_f64.sqrt() * 22.25_f64.sqrt());
        assert!((agreement.cosine.unwrap() - cosine).abs() < 1e-12);
        assert!(agreement.within(4.0) && !agreement.within(3.999));
        assert_eq!(Agreement::of(&b, &a).unwrap(), agreement, "it is symmetric");
    }

    #[test]
    fn values_that_are_not_finite_agree_with_the_same_alone() {
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        for (here, there) in odd.into_iter().flat_map(|here| odd.map(|there| (here, there))) {
            let a = array(&[2, 2], &[here, 1.0, 2.0, 3.0]);
            let b = array(&[2, 2], &[there, 1.0, 2.0, 3.5]);
            let agreement = Agreement::of(&a, &b).unwrap();
            let same = here.to_bits() == there.to_bits();
            assert_eq!((agreement.not_finite, agreement.not_finite_apart), (1, usize::from(!same)));
            assert_eq!(agreement.within(0.5), same, "{here} {there}");
            assert_eq!((agreement.largest, agreement.top1_agreement), (3.5, if same { 1.0 } else { 0.5 }));
            assert_eq!((agreement.cosine.is_some(), agreement.max_ulp.is_some()), (same, same));
            assert_eq!(agreement.max_abs_diff, if same { 0.5 } else { f64::INFINITY });
            assert_eq!(serde_json::to_value(&agreement).unwrap()["max_abs_diff"].is_null(), !same);
        }
        let one = array(&[1, 2], &[f32::NAN, 1.0]);
        let other = array(&[1, 2], &[1.0, 1.0]);
        assert!(!Agreement::of(&one, &other).unwrap().within(f64::INFINITY));
        assert!(!Agreement::of(&other, &one).unwrap().within(f64::INFINITY));
    }

    #[test]
    fn a_nan_of_both_sides_is_never_on_top_and_an_infinity_is() {
        let tops = |a: &[f32], b: &[f32]| {
            let agreement = Agreement::of(&array(&[1, a.len()], a), &array(&[1, b.len()], b)).unwrap();
            (agreement.top1_agreement, agreement.top5_agreement)
        };
        let nan = f32::NAN;
        assert_eq!(tops(&[nan, 1.0, 2.0], &[nan, 1.0, 2.0]).0, 1.0);
        assert_eq!(tops(&[nan, 1.0, 2.0], &[nan, 2.0, 1.0]).0, 0.0);
        assert_eq!(tops(&[f32::INFINITY, 1.0, 2.0], &[f32::INFINITY, 2.0, 1.0]).0, 1.0);
        let (a, b) = ([nan, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0], [nan, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!((tops(&a, &a).1, tops(&a, &b).1), (Some(1.0), Some(0.0)));
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let a = array(&[2, 2], &[0.0; 4]);
        let error = Agreement::of(&a, &array(&[4], &[0.0; 4])).unwrap_err();
        assert_eq!(error.to_string(), "comparison: shapes [2, 2] and [4] differ");
        let empty = array(&[0, 2], &[]);
        assert!(Agreement::of(&empty, &empty).is_err());
        let broken = Array { shape: vec![2], data: vec![0.0] };
        assert!(Agreement::of(&broken, &broken).is_err());
    }

    #[test]
    fn a_vector_of_zeros_has_no_direction() {
        let zeros = array(&[2], &[0.0, 0.0]);
        let agreement = Agreement::of(&zeros, &zeros).unwrap();
        assert_eq!((agreement.cosine, agreement.rel_error), (None, 0.0));
    }

    #[test]
    fn the_first_of_equal_values_is_on_top() {
        assert_eq!(top1(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(top1(&[-2.0, -1.0]), Some(1));
        assert_eq!((top1(&[]), top1(&[1.0, f32::NAN])), (None, None));
    }

    #[test]
    fn steps_between_numbers_are_counted_across_zero() {
        let next = |value: f32| f32::from_bits(value.to_bits() + 1);
        assert_eq!((ulps(1.0, next(1.0)), ulps(-1.0, -next(1.0)), ulps(2.0, 1.0)), (1, 1, 1 << 23));
        assert_eq!((ulps(0.0, -0.0), ulps(f32::from_bits(1), -f32::from_bits(2))), (0, 3));
        assert_eq!(ulps(f32::MAX, f32::MIN), 2 * f32::MAX.to_bits());
    }

    #[test]
    fn the_five_largest_are_a_set_and_the_first_of_equals_counts() {
        let a = array(&[1, 7], &[7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
        let swapped = array(&[1, 7], &[3.0, 4.0, 5.0, 6.0, 7.0, 2.0, 1.0]);
        let other = array(&[1, 7], &[7.0, 6.0, 5.0, 4.0, 2.0, 3.0, 1.0]);
        let shares = |b: &Array| {
            let agreement = Agreement::of(&a, b).unwrap();
            (agreement.top1_agreement, agreement.top5_agreement)
        };
        assert_eq!(shares(&swapped), (0.0, Some(1.0)));
        assert_eq!(shares(&other), (1.0, Some(0.0)));
        assert_eq!(top5(&[1.0; 9]), Some(vec![0, 1, 2, 3, 4]));
        assert_eq!((top5(&[1.0; 5]), top5(&[1.0, 2.0, 3.0, 4.0, 5.0, f32::NAN])), (None, None));
    }

    #[test]
    fn a_network_that_ignores_its_input_supports_no_comparison() {
        let alike = array(&[3, 2], &[0.1, 0.2, 0.1, 0.200_000_5, 5.0, 5.0]);
        let spread = Spread::of(&alike).unwrap();
        assert!(spread.min < 1e-6 && spread.max > 4.0 && spread.median > 4.0);
        assert!(!spread.supports(1e-4));
        let apart = array(&[2, 2], &[0.0, 1.0, 0.5, 1.0]);
        let spread = Spread::of(&apart).unwrap();
        assert_eq!((spread.min, spread.max), (0.5, 0.5));
        assert!(spread.supports(0.005) && !spread.supports(0.006));
    }

    #[test]
    fn a_spread_takes_two_finite_images() {
        assert!(Spread::of(&array(&[1, 2], &[0.0, 1.0])).is_err());
        assert!(Spread::of(&array(&[2, 1], &[0.0, f32::NAN])).is_err());
    }
}
