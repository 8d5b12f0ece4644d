//! Accepted error of each value of an output: a floor by its size, and a multiple of its noise.
//!
//! Both are taken locally rather than over the whole output, so that an output whose parts differ in size, such as
//! boxes in pixels beside scores below 1, is judged part by part. The parts are the *slices* of an array: all values
//! with one index along one axis, such as a sample, a channel or a row. Of the slices that contain a value the smallest
//! counts. A slice of fewer than [`FEWEST`] values, or of zeros only, is replaced by the whole array.

use super::Tolerance;
use crate::runtime::Array;

/// Minimum number of values of a slice for its largest and its noise to be meaningful: with four draws 32 shifts.
const FEWEST: usize = 8;

/// Shifts of an output by rounding alone, value by value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noise {
    /// Largest shift of each value over all draws; empty before the first.
    most: Vec<f32>,
    pub(crate) draws: usize,
    /// Whether a value was seen that is not a whole number.
    real: bool,
}

impl Noise {
    /// Adds one more draw. An output that has another shape there tells nothing about single values and is skipped.
    pub(crate) fn add(&mut self, still: &Array, moved: &Array) {
        if still.shape != moved.shape {
            return;
        }
        self.most.resize(still.data.len(), 0.0);
        self.draws += 1;
        self.real |= still.data.iter().chain(&moved.data).any(|value| value.is_finite() && value.fract() != 0.0);
        for (most, (a, b)) in self.most.iter_mut().zip(still.data.iter().zip(&moved.data)) {
            let by = if a == b || (a.is_nan() && b.is_nan()) { 0.0 } else { (a - b).abs() };
            // If rounding turns a value into a NaN or back, anything may happen.
            *most = most.max(if by.is_nan() { f32::INFINITY } else { by });
        }
    }

    fn at(&self, place: usize) -> f32 {
        self.most.get(place).copied().unwrap_or(0.0)
    }
}

/// The value that is off most relative to what is accepted for it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Worst {
    /// Difference as a fraction of the accepted one: above 1 is too much.
    pub(crate) used: f64,
    pub(crate) difference: f64,
    /// Accepted difference: the floor and the multiple of the noise.
    pub(crate) accepted: f64,
    pub(crate) floor: f64,
    pub(crate) noise: f64,
    pub(crate) most_accepted: f64,
}

impl Worst {
    /// Judges finite values of two arrays of one shape. `unit` is the smallest scale at which values of this output are
    /// computed, 0 if only their own counts.
    pub(crate) fn of(reference: &Array, other: &Array, tolerance: &Tolerance, noise: &Noise, unit: f64) -> Self {
        let slices = Slices::of(reference, noise);
        let mut worst: Option<Self> = None;
        let mut most_accepted = 0.0_f64;
        for (place, (a, b)) in reference.data.iter().zip(&other.data).enumerate() {
            if !(a.is_finite() && b.is_finite()) {
                continue;
            }
            let (size, pooled) = slices.at(place);
            let floor = tolerance.relative * size.max(unit);
            // A class or an index that rounding changes tells nothing about the values beside it.
            let noise = f64::from(noise.at(place)).max(if noise.real { pooled } else { 0.0 });
            let accepted = tolerance.of(floor, noise);
            if accepted.is_finite() {
                most_accepted = most_accepted.max(accepted);
            }
            let difference = (f64::from(*a) - f64::from(*b)).abs();
            let used = if difference == 0.0 { 0.0 } else { difference / accepted };
            if worst.is_none_or(|worst| used > worst.used) {
                worst = Some(Self { used, difference, accepted, floor, noise, most_accepted: 0.0 });
            }
        }
        Self { most_accepted, ..worst.unwrap_or_default() }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    values: usize,
    largest: f64,
    /// Sum of the squares of the shifts.
    squares: f64,
}

impl Slice {
    fn take(&mut self, value: f32, noise: f32) {
        self.values += 1;
        if value.is_finite() {
            self.largest = self.largest.max(f64::from(value.abs()));
        }
        if noise.is_finite() {
            self.squares += f64::from(noise).powi(2);
        }
    }

    fn noise(&self) -> f64 {
        (self.squares / self.values.max(1) as f64).sqrt()
    }

    fn speaks(&self) -> bool {
        self.values >= FEWEST && self.largest > 0.0
    }
}

struct Slices {
    whole: Slice,
    /// For each axis: the distance between two neighbours along it, and its slices.
    axes: Vec<(usize, Vec<Slice>)>,
}

impl Slices {
    fn of(array: &Array, noise: &Noise) -> Self {
        let mut axes = Vec::new();
        let mut stride = array.data.len();
        for side in &array.shape {
            stride /= side.max(&1);
            axes.push((stride, vec![Slice::default(); *side]));
        }
        let mut this = Self { whole: Slice::default(), axes };
        for (place, value) in array.data.iter().enumerate() {
            let noise = noise.at(place);
            this.whole.take(*value, noise);
            for (stride, slices) in &mut this.axes {
                let slice = place / *stride % slices.len();
                slices[slice].take(*value, noise);
            }
        }
        this
    }

    /// Returns the size and the noise of the smallest slices that contain a value.
    fn at(&self, place: usize) -> (f64, f64) {
        let slices = self.axes.iter().map(|(stride, slices)| &slices[place / stride % slices.len()]);
        slices.filter(|slice| slice.speaks()).fold((self.whole.largest, self.whole.noise()), |(size, noise), slice| {
            (size.min(slice.largest), noise.min(slice.noise()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Precision;

    fn array(shape: &[usize], data: Vec<f32>) -> Array {
        Array::new(shape.to_vec(), data).unwrap()
    }

    fn noise(still: &Array, moves: &[&Array]) -> Noise {
        let mut noise = Noise::default();
        moves.iter().for_each(|moved| noise.add(still, moved));
        noise
    }

    /// Returns the array with each value off by `by(place)`.
    fn off(array: &Array, by: impl Fn(usize) -> f32) -> Array {
        let data = array.data.iter().enumerate().map(|(place, value)| value + by(place)).collect();
        Array { shape: array.shape.clone(), data }
    }

    /// Builds eight samples of ten boxes in pixels and ten scores.
    fn detector() -> Array {
        let value =
            |i: usize| if (i / 10).is_multiple_of(2) { 300.0 + (i % 7) as f32 } else { 0.1 * (1 + i % 3) as f32 };
        array(&[8, 2, 10], (0..160).map(value).collect())
    }

    #[test]
    fn a_small_part_is_judged_by_its_own_size_and_noise() {
        let still = detector();
        let pixels = |i: usize| if (i / 10).is_multiple_of(2) { 1e-4 } else { 1e-8 };
        let noise = noise(&still, &[&off(&still, pixels)]);
        let tolerance = Precision::F32.tolerance();
        let used = |place: usize, by: f32| {
            let other = off(&still, |i| if i == place { by } else { 0.0 });
            Worst::of(&still, &other, &tolerance, &noise, 0.0).used
        };
        assert!(used(0, 2e-3) < 1.0, "a pixel's share within its noise");
        assert!(used(10, 1e-4) > 1.0, "the same in a score is a fault");
        assert!(used(10, 3e-7) < 1.0);
        let without = Noise::default();
        let worst = Worst::of(&still, &off(&still, |_| 1e-3), &tolerance, &without, 0.0);
        assert!((worst.floor - tolerance.relative * 0.3).abs() < 1e-9, "{worst:?}");
    }

    #[test]
    fn one_noisy_value_hides_no_other() {
        let still = array(&[8, 16], (0..128).map(|i| 1.0 + (i % 5) as f32).collect());
        let noise = noise(&still, &[&off(&still, |i| if i == 37 { 0.5 } else { 1e-7 })]);
        let tolerance = Precision::F32.tolerance();
        let used = |place: usize| {
            let other = off(&still, |i| if i == place { 0.1 } else { 0.0 });
            Worst::of(&still, &other, &tolerance, &noise, 0.0).used
        };
        assert!(
            used(37) < 1.0 && used(36) > 1.0 && used(37 + 16) > 1.0,
            "its sample and its channel are not judged by it"
        );
    }

    #[test]
    fn a_value_that_no_draw_moved_has_the_noise_of_its_slice() {
        let still = array(&[8, 16], (0..128).map(|i| 1.0 + (i % 5) as f32).collect());
        let noise = noise(&still, &[&off(&still, |i| if i % 9 == 0 { 0.0 } else { 1e-5 })]);
        let worst = Worst::of(
            &still,
            &off(&still, |i| if i == 9 { 1e-4 } else { 0.0 }),
            &Precision::F32.tolerance(),
            &noise,
            0.0,
        );
        assert!(worst.used < 1.0 && worst.noise > 5e-6, "{worst:?}");
    }

    #[test]
    fn zeros_are_judged_by_what_is_around_them() {
        // A unit that is silent for every sample.
        let still = array(&[8, 16], (0..128).map(|i| if i % 16 == 3 { 0.0 } else { 1.0 }).collect());
        let tolerance = Precision::F32.tolerance();
        let used = |by: f32| {
            let other = off(&still, |i| if i == 3 { by } else { 0.0 });
            Worst::of(&still, &other, &tolerance, &Noise::default(), 0.0).used
        };
        assert!(used(5e-7) < 1.0 && used(5e-6) > 1.0);
        let nothing = array(&[8, 16], vec![0.0; 128]);
        let worst = Worst::of(&nothing, &off(&nothing, |_| 1e-30), &tolerance, &Noise::default(), 0.0);
        assert!(worst.used > 1.0, "of zeros alone nothing is accepted");
        assert_eq!(Worst::of(&nothing, &nothing, &tolerance, &Noise::default(), 0.0).used, 0.0);
        assert!(Worst::of(&nothing, &off(&nothing, |_| 5e-7), &tolerance, &Noise::default(), 1.0).used < 1.0);
    }

    #[test]
    fn what_rounding_makes_nan_may_be_anything_and_another_shape_says_nothing() {
        let still = array(&[1, 8], vec![1.0; 8]);
        let moved = off(&still, |i| if i == 2 { f32::NAN } else { 0.0 });
        let noise = noise(&still, &[&moved, &array(&[8, 1], vec![9.0; 8])]);
        assert_eq!(noise.draws, 1);
        let tolerance = Precision::F32.tolerance();
        let used = |place: usize| {
            let other = off(&still, |i| if i == place { 5.0 } else { 0.0 });
            Worst::of(&still, &other, &tolerance, &noise, 0.0).used
        };
        assert!(used(2) < 1.0 && used(3) > 1.0);
    }
}
