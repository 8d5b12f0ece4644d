//! Reading intermediate values out of both sides and comparing them.

use std::collections::HashMap;

use super::judge::Rule;
use super::noise::unit;
use super::trial::{Trial, settle};
use super::{Draw, FileSide, Judgement, Side, Tolerance};
use crate::runtime::Array;
use crate::runtime::agreement::farthest;
use gnet_core::Result;
use gnet_core::graph::ValueId;
use gnet_core::words::one_or;

/// Two files, the inputs both are fed, and the tolerance for values.
pub(super) struct Probe<'a> {
    reference: &'a FileSide,
    other: &'a FileSide,
    /// Inputs of one run: the reference's and the other's.
    inputs: (Vec<Array>, Vec<Array>),
    tolerance: Tolerance,
    /// Most recent draw of the reference: most are requested repeatedly.
    copy: Option<(Draw, Option<FileSide>)>,
    pub(super) runs: usize,
}

/// One value on both sides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    /// Whether it is the same within what its size and its noise allow.
    pub(super) agrees: bool,
    /// Largest difference relative to the largest value; `None` if the shapes differ or a value is not finite.
    pub(super) error: Option<f64>,
    pub(super) shape: Vec<usize>,
    /// Smallest and largest value on the reference's side; NaN if there is one.
    pub(super) range: (f32, f32),
    /// Remark on what a number cannot express: different shapes, or values that are not finite.
    pub(super) remark: Option<String>,
}

impl<'a> Probe<'a> {
    pub(super) fn new(
        reference: &'a FileSide,
        other: &'a FileSide,
        inputs: (Vec<Array>, Vec<Array>),
        tolerance: Tolerance,
    ) -> Self {
        Self { reference, other, inputs, tolerance, copy: None, runs: 0 }
    }

    /// Compares pairs of values, in order. Only what these values need is computed, and nothing else is kept.
    pub(super) fn see(&mut self, pairs: &[(ValueId, ValueId)]) -> Result<Vec<Seen>> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let arrays = self.arrays(pairs)?;
        self.judged(arrays, pairs)
    }

    /// Compares the arrays of pairs of values, by their noise where their size does not explain the difference.
    fn judged(&mut self, arrays: Vec<(Array, Array)>, pairs: &[(ValueId, ValueId)]) -> Result<Vec<Seen>> {
        let Self { reference, inputs, copy, tolerance, .. } = self;
        let (mut seen, mut trials) = (Vec::new(), Vec::new());
        for (place, ((a, b), (here, _))) in arrays.into_iter().zip(pairs).enumerate() {
            let unit = unit(&reference.model().graph, *here);
            let rule = Rule { tolerance: *tolerance, unit, counts: false, images: false, given: false };
            seen.push(Seen::of(&a, &b));
            trials.extend(trial(place, a, b, rule)?);
        }
        let ports = &reference.signature().inputs;
        let draws = Draw::all(SEED, tolerance.precision.bits());
        settle(&mut trials.iter_mut().collect::<Vec<_>>(), draws, |draw, places| {
            let values: Vec<ValueId> = places.iter().map(|place| pairs[*place].0).collect();
            let made = match copy.take() {
                Some((of, made)) if of == draw => made,
                _ => reference.drawn(draw)?,
            };
            let (_, made) = copy.insert((draw, made));
            let Some(moved) = made else { return Ok(HashMap::new()) };
            // A copy that an engine cannot run tells nothing.
            let answers = moved.exposing(&values).and_then(|mut side| side.run(&draw.inputs(&inputs.0, ports, 0)));
            Ok(places.iter().copied().zip(answers.unwrap_or_default()).collect())
        })?;
        trials.iter().for_each(|trial| seen[trial.place].judge(&trial.judgement));
        Ok(seen)
    }

    /// Returns whether one of these values differs, and the sample that differs most; `None` if shapes differ or no
    /// value has a row per sample.
    pub(super) fn outputs(&mut self, pairs: &[(ValueId, ValueId)]) -> Result<(bool, Option<usize>)> {
        let samples = self.reference.signature().batch_of(&self.inputs.0);
        let mut worst = None::<(usize, f64)>;
        let arrays = self.arrays(pairs)?;
        for (a, b) in &arrays {
            if a.shape == b.shape && a.shape.first() == Some(&samples) {
                for (sample, (a, b)) in a.rows().zip(b.rows()).enumerate() {
                    let largest = farthest(a, b);
                    if worst.is_none_or(|(_, most)| largest > most) {
                        worst = Some((sample, largest));
                    }
                }
            }
        }
        let differ = self.judged(arrays, pairs)?.iter().any(|seen| !seen.agrees);
        Ok((differ, worst.map(|(sample, _)| sample)))
    }

    fn arrays(&mut self, pairs: &[(ValueId, ValueId)]) -> Result<Vec<(Array, Array)>> {
        self.runs += 1;
        let (here, there): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        // One engine after the other: each is dropped before the next takes its memory.
        let expected = self.reference.exposing(&here)?.run(&self.inputs.0)?;
        let found = self.other.exposing(&there)?.run(&self.inputs.1)?;
        Ok(expected.into_iter().zip(found).collect())
    }

    /// Returns the smallest and largest value of a graph input of the reference, which is the same on both sides.
    pub(super) fn input(&self, name: &str) -> Option<Seen> {
        let place = self.reference.signature().inputs.iter().position(|port| port.name == name)?;
        self.inputs.0.get(place).map(|array| Seen::of(array, array))
    }
}

const SEED: u64 = 0;

/// Returns `None` if there is nothing to judge but the shapes.
fn trial(place: usize, a: Array, b: Array, rule: Rule) -> Result<Option<Trial>> {
    let judged = a.shape == b.shape && !a.data.is_empty();
    if judged { Trial::new(place, a, b, rule).map(Some) } else { Ok(None) }
}

impl Seen {
    /// Compares shapes alone.
    fn of(a: &Array, b: &Array) -> Self {
        let agrees = a.shape == b.shape;
        let remark = || format!("its shape is {:?} on one side and {:?} on the other", a.shape, b.shape);
        let error = agrees.then_some(0.0);
        Self { agrees, error, shape: a.shape.clone(), range: range(a), remark: (!agrees).then(remark) }
    }

    fn judge(&mut self, judgement: &Judgement) {
        let apart = judgement.agreement.not_finite_apart;
        let remark = || format!("{apart} of its values {} NaN or infinite on one side", one_or(apart, "is", "are"));
        self.agrees = apart == 0 && judgement.used <= 1.0;
        self.error = (apart == 0).then_some(judgement.agreement.rel_error);
        self.remark = (apart > 0).then(remark);
    }
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
        let tolerance = crate::verify::Precision::F32.tolerance().with_relative(1e-3).unwrap();
        let (a, b) = (array(a), array(b));
        let mut seen = Seen::of(&a, &b);
        let rule = Rule { tolerance, unit: 0.0, counts: false, images: false, given: false };
        trial(0, a, b, rule).unwrap().iter().for_each(|trial| seen.judge(&trial.judgement));
        seen
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
        assert_eq!(nan.remark.as_deref(), Some("1 of its values is NaN or infinite on one side"));
    }

    #[test]
    fn other_shapes_are_a_difference_and_no_failure() {
        let other = seen(&[1.0, 2.0], &[1.0]);
        assert!(!other.agrees && other.remark.unwrap().contains("[2] on one side and [1] on the other"));
        assert!(seen(&[], &[]).agrees);
    }
}
