//! Dense arrays exchanged with an engine.

use super::ValueRange;
use super::{Input, element::holds};
use gnet_core::graph::Tensor;
use gnet_core::report::number;
use gnet_core::words::counted;
use gnet_core::{Error, Result};

/// A dense array in row-major order, with its values as `f32` whatever the types of the engine's inputs and outputs:
/// whole numbers are exact up to 2^24 ([`EXACT`](super::EXACT)), booleans are 0 and 1. Images are NCHW.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Values, last axis fastest; their number is the product of the shape.
    pub data: Vec<f32>,
}

impl Array {
    /// Creates an array of this shape.
    ///
    /// # Errors
    /// Fails if the length of `data` differs from the shape's product.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Result<Self> {
        let array = Self { shape, data };
        array.check()?;
        Ok(array)
    }

    /// Creates deterministic noise that resembles a normalised image: mean 0, variance 1, within +-3.47.
    ///
    /// Each value is a sum of four uniform 16-bit numbers (an Irwin-Hall distribution, close to the normal one), taken
    /// from the SplitMix64 sequence that `seed` starts: the same on every machine. Different seeds give different
    /// values.
    pub fn noise(shape: Vec<usize>, seed: u64) -> Self {
        Self::drawn(shape, seed, centred)
    }

    /// Makes each value of 64 bits of the sequence that `seed` starts.
    fn drawn(shape: Vec<usize>, seed: u64, value: impl Fn(u64) -> f32) -> Self {
        let len: usize = shape.iter().product();
        // Neighbouring seeds must not give overlapping stretches of one sequence.
        let start = splitmix(seed);
        let bits = (0..len as u64).map(|i| splitmix(start.wrapping_add(i.wrapping_mul(GOLDEN))));
        Self { shape, data: bits.map(value).collect() }
    }

    /// Refuses a shape that does not fit in memory: [`noise`](Self::noise) and similar functions would end the process.
    ///
    /// # Errors
    /// Fails if the values take more bytes than can be addressed, than 64 GiB, or than the system provides now.
    pub fn check_room(shape: &[usize]) -> Result<()> {
        let len = shape.iter().try_fold(1_usize, |len, side| len.checked_mul(*side));
        let bytes = len.and_then(|len| len.checked_mul(size_of::<f32>()));
        let fits = bytes.is_some_and(|bytes| bytes <= LARGEST && Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
        if fits {
            return Ok(());
        }
        let size = bytes.map_or("more bytes than can be counted".to_owned(), |bytes| number::bytes(bytes as u64));
        Err(Error::input(format!("array of shape {shape:?}"), format!("takes {size}, and there is no room for it")))
    }

    /// Creates deterministic numbers, uniform over 0..1 without 1, from the same sequence as [`noise`](Self::noise).
    pub fn uniform(shape: Vec<usize>, seed: u64) -> Self {
        // The upper 24 bits: as many as an f32 holds.
        Self::drawn(shape, seed, |bits| (bits >> 40) as f32 / (1_u32 << 24) as f32)
    }

    /// Creates deterministic whole numbers, uniform over a range, from the same sequence as [`noise`](Self::noise).
    pub fn whole(shape: Vec<usize>, range: ValueRange, seed: u64) -> Self {
        // The upper half of the product is below the count; every number of a range is exact in f32.
        let place = |bits: u64| ((u128::from(bits) * u128::from(range.count())) >> 64) as i64;
        Self::drawn(shape, seed, |bits| (range.low() + place(bits)) as f32)
    }

    /// Returns the length of the first axis, the number of images of a batch. 1 for a scalar.
    pub fn batch(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Returns the values of each image of the batch, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        let len = self.data.len() / self.batch().max(1);
        self.data.chunks_exact(len.max(1))
    }

    /// Returns the same values as a tensor of 32-bit floats.
    pub(crate) fn tensor(&self) -> Result<Tensor> {
        Tensor::from_f32(self.shape.clone(), &self.data)
    }

    pub(super) fn check(&self) -> Result<()> {
        let expected = self.shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
        if expected == Some(self.data.len()) {
            return Ok(());
        }
        Err(Error::input(
            format!("array of shape {:?}", self.shape),
            format!("holds {}", counted(self.data.len(), "value")),
        ))
    }
}

pub(super) fn check_values(input: &Input, array: &Array) -> Result<()> {
    match array.data.iter().find(|value| !holds(input.dtype, **value)) {
        None => Ok(()),
        Some(value) => {
            let reason = format!("takes {}, and {value} is none", input.dtype);
            Err(Error::input(format!("input '{}'", input.name), reason))
        }
    }
}

/// Maximum size of an array in bytes: a system that promises more memory than it has would end the process later.
const LARGEST: usize = 1 << 36;

/// Increment of SplitMix64: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Computes the output function of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
/// 2014).
fn splitmix(state: u64) -> u64 {
    let mut z = state.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Adds four uniform numbers of 16 bits, centred and scaled to variance 1: one of them has variance 1/12.
fn centred(bits: u64) -> f32 {
    let sum: u32 = [0, 16, 32, 48].iter().map(|shift| (bits >> shift) as u32 & 0xFFFF).sum();
    let middle = 2.0 * 65535.0;
    ((f64::from(sum) - middle) / 65536.0 * 3_f64.sqrt()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::graph::DType;

    #[test]
    fn noise_is_centred_repeatable_and_differs_by_seed() {
        let noise = Array::noise(vec![4, 3, 50, 50], 7);
        let n = noise.data.len() as f64;
        assert_eq!(n, 30_000.0);
        let mean = noise.data.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let variance = noise.data.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / n - mean * mean;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "mean {mean}, variance {variance}");
        assert!(noise.data.iter().all(|v| v.abs() <= 3.47));
        assert_eq!(noise, Array::noise(vec![4, 3, 50, 50], 7));
        let other = Array::noise(vec![4, 3, 50, 50], 8);
        let same = noise.data.iter().zip(&other.data).filter(|(a, b)| a == b).count();
        assert!(same < 100, "{same} of 30000 values are shared with the next seed");
    }

    #[test]
    fn uniform_numbers_fill_the_interval() {
        let numbers = Array::uniform(vec![40, 500], 3);
        let mut tenths = [0; 10];
        numbers.data.iter().for_each(|value| tenths[(value * 10.0) as usize] += 1);
        assert!(tenths.iter().all(|count| (1800..2200).contains(count)), "{tenths:?}");
        assert_eq!(numbers, Array::uniform(vec![40, 500], 3));
        assert_ne!(numbers, Array::uniform(vec![40, 500], 4));
    }

    #[test]
    fn whole_numbers_fill_their_range() {
        let numbers = |range: &str, seed| Array::whole(vec![20, 100], range.parse().unwrap(), seed);
        let mut counts = [0; 7];
        numbers("-3..4", 5).data.iter().for_each(|value| counts[(value + 3.0) as usize] += 1);
        assert!(counts.iter().all(|count| (200..400).contains(count)), "{counts:?}");
        assert!(numbers("7..8", 5).data.iter().all(|value| *value == 7.0));
        let wide = numbers("-16777216..16777217", 5);
        assert!(wide.data.iter().all(|value| value.fract() == 0.0 && value.abs() <= 16_777_216.0));
        assert_eq!(wide, numbers("-16777216..16777217", 5));
        assert_ne!(wide, numbers("-16777216..16777217", 6));
    }

    #[test]
    fn an_array_holds_what_its_shape_says() {
        assert!(Array::new(vec![2, 3], vec![0.0; 6]).is_ok());
        let error = Array::new(vec![2, 3], vec![0.0; 5]).unwrap_err();
        assert_eq!(error.to_string(), "array of shape [2, 3]: holds 5 values");
        assert!(Array::new(vec![usize::MAX, 2], vec![]).is_err());
    }

    #[test]
    fn what_no_memory_holds_is_refused() {
        Array::check_room(&[8, 3, 224, 224]).unwrap();
        Array::check_room(&[]).unwrap();
        let says = |shape: &[usize]| Array::check_room(shape).unwrap_err().to_string();
        assert!(says(&[1, 1 << 40]).ends_with("takes 4.0 TiB, and there is no room for it"), "{}", says(&[1, 1 << 40]));
        assert!(says(&[1 << 40, 1 << 40]).contains("takes more bytes than can be counted"));
    }

    #[test]
    fn rows_are_the_images() {
        let array = Array::new(vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(array.rows().collect::<Vec<_>>(), [[1.0, 2.0], [3.0, 4.0]]);
        assert_eq!(Array::new(vec![], vec![5.0]).unwrap().rows().len(), 1);
        assert_eq!(Array::new(vec![0, 4], vec![]).unwrap().rows().len(), 0);
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_with_its_input() {
        let input = Input { name: "tokens".into(), shape: vec![2], dtype: DType::I64 };
        let array = |data: [f32; 2]| Array::new(vec![2], data.to_vec()).unwrap();
        check_values(&input, &array([3.0, -4.0])).unwrap();
        let error = check_values(&input, &array([3.0, 0.5])).unwrap_err();
        assert_eq!(error.to_string(), "input 'tokens': takes i64, and 0.5 is none");
    }
}
