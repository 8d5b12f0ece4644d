//! Reads values in between out of both sides and compares them.

use super::{FileSide, Side};
use crate::Result;
use crate::graph::ValueId;
use crate::runtime::Array;
use crate::runtime::compare::Agreement;

/// Two files, the inputs both are fed, and how far values may part.
pub(super) struct Probe<'a> {
    reference: &'a FileSide,
    other: &'a FileSide,
    /// One run's inputs: the reference's and the other's.
    inputs: (Vec<Array>, Vec<Array>),
    relative: f64,
    /// How often both sides were run.
    pub(super) runs: usize,
}

/// One value on both sides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    /// Whether it is the same within the tolerance.
    pub(super) agrees: bool,
    /// The largest difference as a share of the largest value; `None` when the shapes differ or a value is not finite.
    pub(super) error: Option<f64>,
    /// Shape on the reference's side.
    pub(super) shape: Vec<usize>,
    /// Smallest and largest value on the reference's side; NaN where there is one.
    pub(super) range: (f32, f32),
    /// What a number cannot say: other shapes, or values that are not finite.
    pub(super) remark: Option<String>,
}

impl<'a> Probe<'a> {
    pub(super) fn new(
        reference: &'a FileSide,
        other: &'a FileSide,
        inputs: (Vec<Array>, Vec<Array>),
        relative: f64,
    ) -> Self {
        Self { reference, other, inputs, relative, runs: 0 }
    }

    /// Compares pairs of values, in their order. Only what these values need is computed, and nothing else is kept.
    pub(super) fn see(&mut self, pairs: &[(ValueId, ValueId)]) -> Result<Vec<Seen>> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        self.arrays(pairs)?.map(|(a, b)| Seen::of(a, b, self.relative)).collect()
    }

    /// Whether one of these values differs, and the sample that differs most; `None` when shapes differ or no value has
    /// a row for each sample.
    pub(super) fn outputs(&mut self, pairs: &[(ValueId, ValueId)]) -> Result<(bool, Option<usize>)> {
        let samples = self.reference.signature().batch_of(&self.inputs.0);
        let (mut differ, mut worst) = (false, None::<(usize, f64)>);
        for (a, b) in self.arrays(pairs)? {
            if a.shape == b.shape && a.shape.first() == Some(&samples) {
                for (sample, (a, b)) in a.rows().zip(b.rows()).enumerate() {
                    let largest = farthest(a, b);
                    if worst.is_none_or(|(_, most)| largest > most) {
                        worst = Some((sample, largest));
                    }
                }
            }
            differ |= !Seen::of(a, b, self.relative)?.agrees;
        }
        Ok((differ, worst.map(|(sample, _)| sample)))
    }

    fn arrays(&mut self, pairs: &[(ValueId, ValueId)]) -> Result<impl Iterator<Item = (Array, Array)> + use<>> {
        self.runs += 1;
        let (here, there): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        // One engine after the other: each is gone before the next takes its memory.
        let expected = self.reference.exposing(&here)?.run(&self.inputs.0)?;
        let found = self.other.exposing(&there)?.run(&self.inputs.1)?;
        Ok(expected.into_iter().zip(found))
    }

    /// The smallest and largest value of a graph input of the reference, which is the same on both sides.
    pub(super) fn input(&self, name: &str) -> Option<Seen> {
        let place = self.reference.signature().inputs.iter().position(|port| port.name == name)?;
        let array = self.inputs.0.get(place)?;
        Some(Seen { agrees: true, error: Some(0.0), shape: array.shape.clone(), range: range(array), remark: None })
    }
}

impl Seen {
    fn of(a: Array, b: Array, relative: f64) -> Result<Self> {
        let (shape, range) = (a.shape.clone(), range(&a));
        let unlike =
            |remark: String| Ok(Self { agrees: false, error: None, shape: shape.clone(), range, remark: Some(remark) });
        if a.shape != b.shape {
            return unlike(format!("its shape is {:?} on one side and {:?} on the other", a.shape, b.shape));
        }
        if a.data.is_empty() {
            return Ok(Self { agrees: true, error: Some(0.0), shape, range, remark: None });
        }
        let flat = |array: Array| Array { shape: vec![1, array.data.len()], data: array.data };
        let agreement = Agreement::of(&flat(a), &flat(b))?;
        if agreement.not_finite_apart > 0 {
            return unlike(format!("{} of its values are NaN or infinite on one side", agreement.not_finite_apart));
        }
        let agrees = agreement.within(relative * agreement.largest);
        Ok(Self { agrees, error: Some(agreement.rel_error), shape, range, remark: None })
    }
}

/// The largest difference; infinite where one alone is NaN.
fn farthest(a: &[f32], b: &[f32]) -> f64 {
    let apart = a.iter().zip(b).filter(|(a, b)| a != b && !(a.is_nan() && b.is_nan()));
    let differences = apart.map(|(a, b)| f64::from((a - b).abs()));
    differences.fold(0.0, |most, difference| if difference.is_nan() { f64::INFINITY } else { difference.max(most) })
}

fn range(array: &Array) -> (f32, f32) {
    let mut range = (f32::INFINITY, f32::NEG_INFINITY);
    for value in &array.data {
        if value.is_nan() {
            return (f32::NAN, f32::NAN);
        }
        range = (range.0.min(*value), range.1.max(*value));
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(a: &[f32], b: &[f32]) -> Seen {
        let array = |data: &[f32]| Array::new(vec![data.len()], data.to_vec()).unwrap();
        Seen::of(array(a), array(b), 1e-3).unwrap()
    }

    #[test]
    fn a_value_is_judged_against_its_own_size() {
        let near = seen(&[-100.0, 1.0], &[-100.0, 1.09]);
        assert_eq!((near.agrees, near.range), (true, (-100.0, 1.0)));
        assert!(!seen(&[-100.0, 1.0], &[-100.0, 1.11]).agrees);
    }

    #[test]
    fn infinities_and_nans_agree_with_the_same_alone() {
        let inf = f32::INFINITY;
        assert!(seen(&[-inf, 1.0], &[-inf, 1.0]).agrees);
        assert!(!seen(&[-inf, 1.0], &[inf, 1.0]).agrees);
        assert!(seen(&[f32::NAN, 1.0], &[f32::NAN, 1.0]).agrees);
        let nan = seen(&[f32::NAN, 1.0], &[0.5, 1.0]);
        assert_eq!((nan.agrees, nan.error), (false, None));
        assert_eq!(nan.remark.as_deref(), Some("1 of its values are NaN or infinite on one side"));
    }

    #[test]
    fn other_shapes_are_a_difference_and_no_failure() {
        let other = seen(&[1.0, 2.0], &[1.0]);
        assert!(!other.agrees && other.remark.unwrap().contains("[2] on one side and [1] on the other"));
        assert!(seen(&[], &[]).agrees);
    }
}
