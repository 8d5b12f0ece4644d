//! Tolerances: how far two sides may differ, by the precision in which they compute.

use schemars::JsonSchema;
use serde::Serialize;

use crate::runtime::agreement::{SPREAD_OVER_TOLERANCE, Spread};
use gnet_core::graph::{DType, Graph};
use gnet_core::{Error, Result};

/// The coarsest arithmetic that is involved in a comparison. Ordered from fine to coarse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Precision {
    /// 32-bit floats throughout: 24 bits of significand.
    F32,
    /// NVIDIA's TensorFloat-32: factors rounded to 11 bits of significand, sums in f32.
    Tf32,
    /// IEEE half precision: 11 bits of significand, values up to 65,504.
    Fp16,
    /// bfloat16: 8 bits of significand, the range of f32.
    Bf16,
    /// 8-bit integers with a scale per tensor or channel.
    Int8,
}

/// Criteria for the agreement of two sides.
///
/// # The ruler is the network's own noise
///
/// How far two correct engines differ depends on the network and on its inputs: a convolution on noise by a few units
/// in the last place, a `LayerNormalization` of equal numbers by all of its output. So the reference is run again on
/// exactly the inputs that are compared, with its numbers moved by up to one unit in the last place of the precision
/// ([`Draw`](super::Draw): four times at random, once in another order of summation), and the shift of a value is its
/// *noise*. A difference is accepted up to `relative` times the size of the values there, plus `multiple` times the
/// noise. The noise is only measured if the former is not enough, draw by draw until it is.
///
/// The noise of a value is the largest of its own shifts or, if that is more, the root mean square of the shifts of the
/// quietest slice that contains it (its sample, its channel, its row; at least eight values): four draws of one value
/// may all happen to be small, while those of a slice will not, and a noisy neighbour hides nothing. Its size is the
/// largest value of the smallest such slice. The output of a sigmoid counts as 1, because engines compute it as 1/2 and
/// a difference.
///
/// ## The multiple
///
/// At `f32` it is 32: 6 for the extreme, 5 for the engines. The noise estimates the standard deviation of one rounding;
/// of a million normal values the largest is at 4.9 deviations, and beyond 6 is one in 5e8. And an engine accumulates
/// more roundings than the draws do, some of them in one direction: on the networks of `scripts/real-networks` the
/// largest difference was 0.3 to 5 times the largest shift. A state kept between runs gave 1e5 times. At a coarser
/// precision it is 8: there the rounding of factors and results is the error, which the draws imitate one to one.
///
/// ## The floor
///
/// If an output saturates, the noise of a few draws is 0 while two engines approximate the function differently: up to
/// 8 rounding units of the largest value were observed (tract's sigmoid against ONNX Runtime's). 16 are accepted, 16 *
/// 2^-24 = 9.5e-7. At a coarser precision the floor is the following, relative to the whole output's largest value, and
/// the noise only decides above it. A layer that rounds with unit `u` adds an error of about `u` of its values; errors
/// of `L` layers are independent and add up to `sqrt(L) u`. GoogLeNet has `L` = 22; a factor of 2 is margin.
///
/// | precision | a layer's error | `relative` | `multiple` | `min_cosine` | `min_top1` |
/// | --- | --- | ---: | ---: | ---: | ---: |
/// | `f32` | measured | 9.5e-7 | 32 | - | - |
/// | `tf32` | `2^-11`: factors rounded once, their errors scattered over the sum | 5e-3 | 8 | 0.9999 | 0.98 |
/// | `fp16` | `2 * 2^-11`: factors and the stored result rounded | 1e-2 | 8 | 0.9999 | 0.98 |
/// | `bf16` | `2 * 2^-8`: the same with three bits fewer | 8e-2 | 8 | 0.995 | 0.95 |
/// | `int8` | up to `2 * 1/255` of the calibrated range, and what lies outside is cut off | 0.15 | 8 | 0.98 | 0.95 |
///
/// The cosine catches what the largest difference alone would miss at coarse precisions: an error in one direction
/// instead of a scattered one. At `f32`, where each value is judged individually, it is only required with a fraction
/// given by [`with_relative`](Self::with_relative). Top-1 is required for real images, of which one may always flip: on
/// the border between two classes any rounding decides.
///
/// # When agreement is meaningful
///
/// The outputs for any two inputs must be at least 100 floors apart ([`SPREAD_OVER_TOLERANCE`]), using the floor of
/// `f32` at every precision, which shows that the outputs depend on the inputs; and half of all pairs must be at least
/// three times the accepted difference apart: farther than the errors of both, so that one input's output cannot pass
/// for another's.
#[derive(Debug, Clone, Copy, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Tolerance {
    /// Precision that it applies to.
    pub precision: Precision,
    /// Difference accepted whatever the noise, relative to the largest value: at `f32` of the slice of the output that
    /// contains a value, else of the whole output.
    pub relative: f64,
    /// Multiple of its noise by which a value may be off beyond that; 0 if only `relative` is accepted.
    pub multiple: f64,
    /// Smallest accepted cosine between the outputs.
    pub min_cosine: f64,
    /// Smallest accepted fraction of real images with the same top-1 class, one flip being free; `None` for no
    /// requirement.
    pub min_top1: Option<f64>,
}

/// Number of tolerances by which half of all pairs must differ at a precision coarser than f32.
const MEDIAN_OVER_TOLERANCE: f64 = 3.0;

/// Rounding units of the largest value by which two correct engines may differ at `f32` if the noise is 0.
const FLOOR_UNITS: f64 = 16.0;

impl Precision {
    /// Returns the precision in which a file computes: integers if it quantises, 16 bits if it holds 16-bit constants
    /// or casts to them, else f32. An engine may be coarser than the file, which it reports itself.
    pub fn of(graph: &Graph) -> Self {
        if graph.nodes.iter().any(|node| node.operator().is_some_and(|operator| operator.quantised)) {
            return Self::Int8;
        }
        let has = |dtype| graph.values().any(|(_, value)| value.dtype == Some(dtype));
        match (has(DType::BF16), has(DType::F16)) {
            (true, _) => Self::Bf16,
            (_, true) => Self::Fp16,
            _ => Self::F32,
        }
    }

    /// Returns the tolerance for this precision.
    pub fn tolerance(self) -> Tolerance {
        let (relative, multiple, min_cosine, min_top1) = match self {
            Self::F32 => (FLOOR_UNITS * 0.5_f64.powi(24), 32.0, 1.0 - 1e-7, None),
            Self::Tf32 => (5e-3, 8.0, 0.9999, Some(0.98)),
            Self::Fp16 => (1e-2, 8.0, 0.9999, Some(0.98)),
            Self::Bf16 => (8e-2, 8.0, 0.995, Some(0.95)),
            Self::Int8 => (0.15, 8.0, 0.98, Some(0.95)),
        };
        Tolerance { precision: self, relative, multiple, min_cosine, min_top1 }
    }

    /// Returns the explicit bits of a significand: a number's unit in the last place is that fraction of the power of
    /// two below it. For integers the step of a range of 256.
    pub fn bits(self) -> u32 {
        match self {
            Self::F32 => 23,
            Self::Tf32 | Self::Fp16 => 10,
            Self::Bf16 | Self::Int8 => 7,
        }
    }
}

gnet_core::named!(Precision, "precision", [F32 = "f32", Tf32 = "tf32", Fp16 = "fp16", Bf16 = "bf16", Int8 = "int8"]);

impl Tolerance {
    /// Limits the tolerance to a fraction of the output's largest value. The cosine is then only required as far as
    /// that fraction allows: an error of `r` in every value turns a vector by an angle of about `r`, whose cosine is
    /// `1 - r^2 / 2`.
    ///
    /// # Errors
    /// Fails if the fraction is not between 0 and 1.
    pub fn with_relative(self, relative: f64) -> Result<Self> {
        if !(relative > 0.0 && relative < 1.0) {
            return Err(Error::input(format!("tolerance {relative}"), "is not a share between 0 and 1"));
        }
        Ok(Self { relative, multiple: 0.0, min_cosine: self.cosine_at(relative), ..self })
    }

    /// Returns the required cosine if errors of a fraction of the largest value are accepted.
    pub(super) fn cosine_at(&self, share: f64) -> f64 {
        self.min_cosine.min(1.0 - share * share / 2.0)
    }

    /// Returns the difference accepted whatever the noise, for an output whose largest value is `largest`.
    pub fn accepted(&self, largest: f64) -> f64 {
        self.relative * largest
    }

    /// Returns the difference accepted for a value with this floor and noise. A fraction of the whole output is already
    /// generous, and covers both.
    pub(super) fn of(&self, floor: f64, noise: f64) -> f64 {
        let noise = self.multiple * noise;
        if self.is_local() { floor + noise } else { floor.max(noise) }
    }

    /// Returns `true` if each value is judged by the slice of the output that contains it.
    pub(super) fn is_local(&self) -> bool {
        self.precision == Precision::F32 && self.multiple > 0.0
    }

    /// Returns the reason why agreement proves nothing for an output whose largest value is `largest` and for which at
    /// most `accepted` is accepted anywhere; `None` if it is meaningful.
    pub(super) fn too_alike(&self, spread: &Spread, largest: f64, accepted: f64) -> Option<String> {
        let fine = match self.precision {
            Precision::F32 => self.relative,
            _ => Precision::F32.tolerance().relative.min(self.relative),
        };
        if !spread.supports(fine * largest) || spread.max == 0.0 {
            return Some(format!(
                "different images give outputs only {:.2e} apart, and {:.2e} would be needed",
                spread.min,
                SPREAD_OVER_TOLERANCE * fine * largest
            ));
        }
        let apart = MEDIAN_OVER_TOLERANCE * accepted;
        (spread.median < apart).then(|| {
            format!(
                "half of the images give outputs less than {:.2e} apart, and {apart:.2e} would be needed",
                spread.median
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Array;
    use crate::runtime::agreement::Agreement;
    use crate::verify::ruler::{Noise, Worst};
    use gnet_core::graph::{Node, Tensor};

    fn array(data: &[f32]) -> Array {
        Array::new(vec![1, data.len()], data.to_vec()).unwrap()
    }

    fn refused(tolerance: &Tolerance, a: &Array, b: &Array, images: bool) -> Option<String> {
        let agreement = Agreement::of(a, b).unwrap();
        let unit = if tolerance.is_local() { 0.0 } else { agreement.largest };
        tolerance.refusal(&agreement, &Worst::of(a, b, tolerance, &Noise::default(), unit), images)
    }

    fn refusal(precision: Precision, a: &[f32], b: &[f32]) -> Option<String> {
        refused(&precision.tolerance(), &array(a), &array(b), true)
    }

    #[test]
    fn a_coarser_precision_accepts_more() {
        let all = Precision::ALL.map(Precision::tolerance);
        assert!(all.is_sorted_by(|a, b| a.relative < b.relative && a.min_cosine >= b.min_cosine));
        assert!(Precision::ALL.is_sorted());
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse::<Precision>().unwrap(), precision);
            assert_eq!(serde_json::to_string(&precision).unwrap(), format!("\"{precision}\""));
        }
        assert!("f64".parse::<Precision>().is_err());
    }

    #[test]
    fn the_difference_is_measured_against_the_largest_value() {
        assert_eq!(refusal(Precision::F32, &[100.0, 0.0], &[100.0, 0.9e-4]), None);
        let says = refusal(Precision::F32, &[100.0, 0.0], &[100.0, 1.1e-4]).unwrap();
        let expected = "a value is off by 1.10e-4 and 9.54e-5 is accepted at f32: 9.5e-5 for its size and 32 times its \
                        noise of 0.0e0";
        assert_eq!(says, expected);
        let share = Precision::F32.tolerance().with_relative(1e-5).unwrap();
        assert_eq!(refused(&share, &array(&[100.0, 0.0]), &array(&[100.0, 0.9e-3]), false), None);
        let says = refused(&share, &array(&[100.0, 0.0]), &array(&[100.0, 1.1e-3]), false).unwrap();
        let expected = "largest difference 1.10e-3, accepted 1.00e-3 (1.1e-5 of the largest value, 1e-5 asked for)";
        assert_eq!(says, expected);
        assert_eq!(refusal(Precision::Tf32, &[100.0, 0.0], &[100.0, 0.4]), None);
        assert!(refusal(Precision::Tf32, &[100.0, 0.0], &[100.0, 0.6]).is_some());
    }

    #[test]
    fn an_error_in_one_direction_is_caught_by_the_cosine() {
        // All but one value are off by 14 % of the largest: within the 15 % of int8, and all upwards.
        let a: Vec<f32> = (0..50).map(|i| if i == 0 { 10.0 } else { 0.1 }).collect();
        let b: Vec<f32> = (0..50).map(|i| if i == 0 { 10.0 } else { 1.5 }).collect();
        let says = refusal(Precision::Int8, &a, &b).unwrap();
        assert!(says.starts_with("cosine 0.7"), "{says}");
    }

    #[test]
    fn what_is_not_finite_is_said_first() {
        let says = refusal(Precision::Int8, &[1.0, f32::NAN], &[2.0, 1.0]).unwrap();
        assert_eq!(says, "1 of 2 values are NaN or infinite on one side and not the same on the other");
        assert_eq!(refusal(Precision::F32, &[1.0, f32::NAN], &[1.0, f32::NAN]), None);
    }

    #[test]
    fn one_image_may_flip_at_a_coarse_precision_and_two_may_not() {
        let near = |flips: usize| {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for image in 0..20 {
                a.extend([1.0, 1.001, 0.0]);
                b.extend(if image < flips { [1.001, 1.0, 0.0] } else { [1.0, 1.001, 0.0] });
            }
            [a, b].map(|data| Array::new(vec![20, 3], data).unwrap())
        };
        let tolerance = Precision::Bf16.tolerance();
        let said = |flips: usize, images| {
            let [a, b] = near(flips);
            refused(&tolerance, &a, &b, images)
        };
        assert_eq!(said(1, true), None);
        assert_eq!(said(2, true).unwrap(), "2 of 20 images change their class, 1 may at bf16");
        assert_eq!(said(2, false), None, "random inputs have no class to change");
    }

    #[test]
    fn outputs_that_hardly_depend_on_the_input_prove_nothing() {
        let fine = Precision::F32.tolerance();
        let said = |tolerance: &Tolerance, min, median| {
            let spread = Spread { images: 8, min, median, max: 1.0 };
            tolerance.too_alike(&spread, 1.0, tolerance.accepted(1.0))
        };
        assert_eq!(said(&fine, 1.1e-4, 1.1e-4), None);
        let says = said(&fine, 0.9e-4, 0.5).unwrap();
        assert_eq!(says, "different images give outputs only 9.00e-5 apart, and 9.54e-5 would be needed");
        let zeros = Spread { images: 8, min: 0.0, median: 0.0, max: 0.0 };
        assert!(fine.too_alike(&zeros, 0.0, 0.0).is_some(), "zeros prove nothing");
        let spread = Spread { images: 8, min: 0.1, median: 0.2, max: 1.0 };
        assert!(fine.too_alike(&spread, 1.0, 0.07).is_some(), "so noisy that one sample's output passes for another's");
        assert!(fine.too_alike(&spread, 1.0, 0.06).is_none());
        let coarse = Precision::Bf16.tolerance();
        assert_eq!(said(&coarse, 1.1e-4, 0.25), None);
        assert!(said(&coarse, 1.1e-4, 0.23).unwrap().starts_with("half of the images"));
        assert!(said(&coarse, 0.9e-4, 0.5).is_some());
        let wide = fine.with_relative(1e-3).unwrap();
        assert!(said(&wide, 0.09, 0.5).is_some(), "100 of the tolerance asked for");
    }

    #[test]
    fn a_tolerance_is_a_share() {
        for bad in [0.0, -1.0, 1.0, f64::NAN, f64::INFINITY] {
            assert!(Precision::F32.tolerance().with_relative(bad).is_err(), "{bad}");
        }
        let wide = Precision::F32.tolerance().with_relative(0.1).unwrap();
        assert!((wide.min_cosine - 0.995).abs() < 1e-12);
    }

    #[test]
    fn a_file_says_its_precision() {
        let mut graph = Graph::new("g");
        let x = graph.add_value("x", Some(DType::F32), None);
        let y = graph.add_value("y", None, None);
        graph.nodes = vec![Node::new("a", "Relu", vec![x], vec![y])];
        assert_eq!(Precision::of(&graph), Precision::F32);
        graph.add_initializer("h", Tensor::new(DType::F16, vec![1], vec![0, 0]).unwrap());
        assert_eq!(Precision::of(&graph), Precision::Fp16);
        graph.add_initializer("b", Tensor::new(DType::BF16, vec![1], vec![0, 0]).unwrap());
        assert_eq!(Precision::of(&graph), Precision::Bf16);
        for op in ["DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "MatMulInteger"] {
            graph.nodes[0].op_type = op.into();
            assert_eq!(Precision::of(&graph), Precision::Int8, "{op}");
        }
    }
}
