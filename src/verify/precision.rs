//! What is accepted: how far two sides may part, by the precision they calculate in.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::graph::{DType, Graph};
use crate::runtime::compare::{Agreement, SPREAD_OVER_TOLERANCE, Spread};
use crate::{Error, Result};

/// The coarsest arithmetic that takes part in a comparison. Ordered from fine to coarse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats throughout: 24 bits of significand.
    F32,
    /// NVIDIA's TensorFloat-32: factors rounded to 11 bits of significand, sums in f32.
    Tf32,
    /// IEEE half precision: 11 bits of significand, values up to 65,504.
    Fp16,
    /// bfloat16: 8 bits of significand, the range of f32.
    Bf16,
    /// 8-bit integers with a scale for each tensor or channel.
    Int8,
}

/// What two sides must hold to agree.
///
/// # Where the numbers come from
///
/// The error is measured against the largest value of the output (`relative`): a logit near 0 is a difference of large
/// terms, and carries their error. A layer that rounds with unit `u` adds an error of about `u` of its values; errors of
/// `L` layers are independent and add up to `sqrt(L) u`. GoogLeNet has `L` = 22; a factor of 2 is room. In `f32` the
/// errors within a sum are as independent: there the bound is a few 1e-6, and 3e-6 is the most that was seen.
///
/// | precision | a layer's error | `relative` | `min_cosine` | `min_top1` |
/// | --- | --- | ---: | ---: | ---: |
/// | `f32` | `sqrt(n) * 2^-24` of its terms, for sums of `n` products in another order, here up to 2,400 (Higham, *Accuracy and Stability of Numerical Algorithms*, section 4.2, random rounding) | 1e-5 | 1 - 1e-7 | - |
/// | `tf32` | `2^-11`: factors rounded once, their errors scattered over the sum | 5e-3 | 0.9999 | 0.98 |
/// | `fp16` | `2 * 2^-11`: factors and the stored result rounded | 1e-2 | 0.9999 | 0.98 |
/// | `bf16` | `2 * 2^-8`: the same with three bits fewer | 8e-2 | 0.995 | 0.95 |
/// | `int8` | up to `2 * 1/255` of the calibrated range, and what lies outside is cut off | 0.15 | 0.98 | 0.95 |
///
/// The cosine catches what the largest difference alone would let through at coarse precisions: an error in one direction
/// instead of a scattered one. Top-1 is asked of real images, where one image may always flip: on the border between
/// two classes any rounding decides. In `f32` it follows from `relative` but for exact borders, so nothing is asked.
///
/// # When agreement means something
///
/// The outputs for any two inputs must lie at least 100 tolerances apart ([`SPREAD_OVER_TOLERANCE`]). At a coarse
/// precision no network could meet that (100 times 1e-2 is the whole output), so there the 100 is counted in the
/// tolerance of `f32`, which shows that the outputs depend on the inputs, and half of all pairs must lie three of its
/// own tolerances apart: farther than both could err, so that one input's output cannot pass for another's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tolerance {
    /// The precision it is for.
    pub precision: Precision,
    /// Largest accepted difference, as a share of the largest value of the output.
    pub relative: f64,
    /// Smallest accepted cosine between the outputs.
    pub min_cosine: f64,
    /// Smallest share of real images with the same top-1 class, one flip being free; `None` asks for nothing.
    pub min_top1: Option<f64>,
}

/// Own tolerances that half of all pairs must lie apart at a precision coarser than f32.
const MEDIAN_OVER_TOLERANCE: f64 = 3.0;

impl Precision {
    /// Every precision, from fine to coarse.
    pub const ALL: [Self; 5] = [Self::F32, Self::Tf32, Self::Fp16, Self::Bf16, Self::Int8];

    /// The name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// What a file calculates in: integers where it quantises, 16 bits where it holds 16-bit constants or casts to
    /// them, else f32. An engine may be coarser than the file; it says so itself.
    pub fn of(graph: &Graph) -> Self {
        let quantised = graph.nodes.iter().any(|node| {
            let op = node.op_type.as_str();
            op.ends_with("uantizeLinear") || op.starts_with("QLinear") || op.ends_with("Integer")
        });
        if quantised {
            return Self::Int8;
        }
        let has = |dtype| graph.values().any(|(_, value)| value.dtype == Some(dtype));
        match (has(DType::BF16), has(DType::F16)) {
            (true, _) => Self::Bf16,
            (_, true) => Self::Fp16,
            _ => Self::F32,
        }
    }

    /// What is accepted at this precision.
    pub fn tolerance(self) -> Tolerance {
        let (relative, min_cosine, min_top1) = match self {
            Self::F32 => (1e-5, 1.0 - 1e-7, None),
            Self::Tf32 => (5e-3, 0.9999, Some(0.98)),
            Self::Fp16 => (1e-2, 0.9999, Some(0.98)),
            Self::Bf16 => (8e-2, 0.995, Some(0.95)),
            Self::Int8 => (0.15, 0.98, Some(0.95)),
        };
        Tolerance { precision: self, relative, min_cosine, min_top1 }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|precision| precision.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::input(format!("precision '{text}'"), "is not known").remedy(format!("use one of {names}"))
        })
    }
}

impl Tolerance {
    /// The same with another share of the largest value. The cosine is then asked for only as far as that share allows:
    /// an error of `r` in every value turns a vector by an angle of about `r`, whose cosine is `1 - r^2 / 2`.
    ///
    /// # Errors
    /// A share that is not between 0 and 1.
    pub fn with_relative(self, relative: f64) -> Result<Self> {
        if !(relative > 0.0 && relative < 1.0) {
            return Err(Error::input(format!("tolerance {relative}"), "is not a share between 0 and 1"));
        }
        let min_cosine = self.min_cosine.min(1.0 - relative * relative / 2.0);
        Ok(Self { relative, min_cosine, ..self })
    }

    /// The largest difference accepted for an output whose largest value is `largest`.
    pub fn accepted(&self, largest: f64) -> f64 {
        self.relative * largest
    }

    /// Why the two do not agree; `None` when they do. `images` says that the inputs were real images.
    pub fn refusal(&self, agreement: &Agreement, images: bool) -> Option<String> {
        let Agreement { largest, max_abs_diff, rel_error, values, .. } = agreement;
        if agreement.not_finite_apart > 0 {
            let reason = "values are NaN or infinite on one side and not the same on the other";
            return Some(format!("{} of {values} {reason}", agreement.not_finite_apart));
        }
        let accepted = self.accepted(*largest);
        if !agreement.within(accepted) {
            return Some(format!(
                "largest difference {max_abs_diff:.2e}, accepted {accepted:.2e} ({rel_error:.1e} of the largest value, \
                 {:.0e} at {})",
                self.relative, self.precision
            ));
        }
        match agreement.cosine {
            Some(cosine) if cosine < self.min_cosine => {
                return Some(format!("cosine {cosine:.7}, at least {} at {}", self.min_cosine, self.precision));
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

    /// Why agreement proves nothing for an output whose largest value is `largest`; `None` when it does.
    pub fn too_alike(&self, spread: &Spread, largest: f64) -> Option<String> {
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
        let apart = MEDIAN_OVER_TOLERANCE * self.accepted(largest);
        (self.precision != Precision::F32 && spread.median < apart).then(|| {
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
    use crate::graph::{Node, Tensor};
    use crate::runtime::Array;

    fn array(data: &[f32]) -> Array {
        Array::new(vec![1, data.len()], data.to_vec()).unwrap()
    }

    fn refusal(precision: Precision, a: &[f32], b: &[f32]) -> Option<String> {
        precision.tolerance().refusal(&Agreement::of(&array(a), &array(b)).unwrap(), true)
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
        assert_eq!(refusal(Precision::F32, &[100.0, 0.0], &[100.0, 0.9e-3]), None);
        let says = refusal(Precision::F32, &[100.0, 0.0], &[100.0, 1.1e-3]).unwrap();
        assert_eq!(says, "largest difference 1.10e-3, accepted 1.00e-3 (1.1e-5 of the largest value, 1e-5 at f32)");
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
            let array = |data: Vec<f32>| Array::new(vec![20, 3], data).unwrap();
            Agreement::of(&array(a), &array(b)).unwrap()
        };
        let tolerance = Precision::Bf16.tolerance();
        assert_eq!(tolerance.refusal(&near(1), true), None);
        let says = tolerance.refusal(&near(2), true).unwrap();
        assert_eq!(says, "2 of 20 images change their class, 1 may at bf16");
        assert_eq!(tolerance.refusal(&near(2), false), None, "random inputs have no class to change");
    }

    #[test]
    fn outputs_that_hardly_depend_on_the_input_prove_nothing() {
        let tolerance = Precision::F32.tolerance();
        let spread = |min, median, max| Spread { images: 8, min, median, max };
        assert_eq!(tolerance.too_alike(&spread(1.1e-3, 1.1e-3, 1.0), 1.0), None);
        let says = tolerance.too_alike(&spread(0.9e-3, 0.5, 1.0), 1.0).unwrap();
        assert_eq!(says, "different images give outputs only 9.00e-4 apart, and 1.00e-3 would be needed");
        assert!(tolerance.too_alike(&spread(0.0, 0.0, 0.0), 0.0).is_some(), "zeros prove nothing");
        let coarse = Precision::Bf16.tolerance();
        assert_eq!(coarse.too_alike(&spread(1.1e-3, 0.25, 1.0), 1.0), None);
        assert!(coarse.too_alike(&spread(1.1e-3, 0.23, 1.0), 1.0).unwrap().starts_with("half of the images"));
        assert!(coarse.too_alike(&spread(0.9e-3, 0.5, 1.0), 1.0).is_some());
        let wide = tolerance.with_relative(1e-3).unwrap();
        assert!(wide.too_alike(&spread(0.09, 0.5, 1.0), 1.0).is_some(), "100 of the tolerance asked for");
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
