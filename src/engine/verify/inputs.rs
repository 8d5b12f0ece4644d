//! Inputs fed to both sides: random samples of several kinds, and real images.
//!
//! Every sample depends only on the seed, the kind, the input and its own number: neither on the batch it runs in nor
//! on the machine. One kind reveals what another hides: sparse inputs a dead branch, constant ones a padding, large
//! ones an overflow or a saturated activation.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Plan, Port, Precision, Signature};
use crate::runtime::{Array, ValueRange};
use gnet_core::graph::DType;
use gnet_core::words::{counted, one_or};
use gnet_core::{Error, Result};

/// A kind of random samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Distribution {
    /// Mean 0 and variance 1, like a normalised image.
    Normal,
    /// Uniform over 0..1, like the pixels of an image that is scaled but not normalised.
    Uniform,
    /// One value everywhere, different in each sample, within -2..2: effects at borders become visible.
    Constant,
    /// One value in twenty is normal, the rest are 0.
    Sparse,
    /// Magnitudes from 0.01 to 100 with uniformly distributed logarithms, with signs in waves that differ between
    /// samples: with random signs the sums of all samples would be alike.
    Large,
    /// Waves with a different direction, frequency and contrast in each sample, plus noise: structure as in images.
    Pattern,
}

impl Distribution {
    /// Returns the kinds for a precision: all, but for integers only those within the range for which images calibrate
    /// them. Values outside are clipped there, which is not a fault.
    pub fn for_precision(precision: Precision) -> &'static [Self] {
        match precision {
            Precision::Int8 => &[Self::Uniform, Self::Pattern],
            _ => &Self::ALL,
        }
    }

    /// Draws sample `number` of an input, in `shape` without the batch axis; `input` is the key of all its samples.
    fn sample(self, port: &Port, shape: &[usize], number: usize, input: u64) -> Vec<f32> {
        let key = input.wrapping_add((number as u64).wrapping_mul(0xE703_7ED1_A0B4_28DB));
        match port.range {
            None => self.real(shape, number, input, key),
            Some(range) => self.whole(port.dtype, range, shape, number, input, key),
        }
    }

    /// Draws whole numbers: one value everywhere for [`Constant`](Self::Constant), the first of the range except for
    /// one value in twenty for [`Sparse`](Self::Sparse), else uniform over the range. Booleans are balanced in every
    /// kind: a mask that hides everything, or almost everything, makes a file compute with infinities.
    fn whole(self, dtype: DType, range: ValueRange, shape: &[usize], number: usize, input: u64, key: u64) -> Vec<f32> {
        let even = || Array::whole(shape.to_vec(), range, key).data;
        match self {
            Self::Constant if dtype != DType::Bool => {
                let place = (golden(input, number) * range.count() as f64) as i64;
                vec![(range.low() + place) as f32; shape.iter().product()]
            }
            Self::Sparse if dtype != DType::Bool => {
                let kept = Array::uniform(shape.to_vec(), key.wrapping_add(2)).data;
                let first = range.low() as f32;
                even().into_iter().zip(kept).map(|(value, kept)| if kept < 0.05 { value } else { first }).collect()
            }
            _ => even(),
        }
    }

    fn real(self, shape: &[usize], number: usize, input: u64, key: u64) -> Vec<f32> {
        let shape = shape.to_vec();
        let normal = || Array::noise(shape.clone(), key).data;
        let uniform = |stream: u64| Array::uniform(shape.clone(), key.wrapping_add(1 + stream)).data;
        match self {
            Self::Normal => normal(),
            Self::Uniform => uniform(0),
            Self::Constant => {
                vec![(4.0 * golden(input, number) - 2.0) as f32; shape.iter().product()]
            }
            Self::Sparse => {
                let kept = uniform(1);
                normal().into_iter().zip(kept).map(|(value, kept)| if kept < 0.05 { value } else { 0.0 }).collect()
            }
            Self::Large => {
                let signs = pattern(&shape, number, vec![0.0; shape.iter().product()]);
                let magnitudes = uniform(0).into_iter().map(|place| 10_f32.powf(4.0 * place - 2.0));
                magnitudes.zip(signs).map(|(value, wave)| value.copysign(wave)).collect()
            }
            Self::Pattern => pattern(&shape, number, normal()),
        }
    }
}

/// Returns a position within 0..1 for each sample. Multiples of the golden ratio fill the interval evenly, so that no
/// two samples are close; the seed, which is part of `input`, gives the start.
fn golden(input: u64, number: usize) -> f64 {
    let start = f64::from(Array::uniform(vec![1], input).data[0]);
    (start + number as f64 * 0.618_033_988_749_894_9).fract()
}

/// Adds waves over the last two axes to half of the noise.
fn pattern(shape: &[usize], number: usize, noise: Vec<f32>) -> Vec<f32> {
    let width = shape.last().copied().unwrap_or(1).max(1);
    let height = if shape.len() > 1 { shape[shape.len() - 2].max(1) } else { 1 };
    let angle = 0.7 * number as f32;
    let frequency = 6.0 * (1 + number % 4) as f32;
    let value = |(i, noise): (usize, f32)| {
        let pixel = i % (height * width);
        let (y, x) = ((pixel / width) as f32 / height as f32, (pixel % width) as f32 / width as f32);
        let wave = (frequency * (x * angle.cos() + y * angle.sin()) + angle).sin();
        0.5 * noise + 1.5 * wave + 0.2 * (number % 5) as f32
    };
    noise.into_iter().enumerate().map(value).collect()
}

gnet_core::named!(
    Distribution,
    "inputs",
    [
        Normal = "normal",
        Uniform = "uniform",
        Constant = "constant",
        Sparse = "sparse",
        Large = "large",
        Pattern = "pattern"
    ],
    |thing, names| { Error::input(thing, "is not known").remedy(format!("use some of {}", names.join(", "))) }
);

/// Samples of one kind, distributed to runs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InputSet {
    /// Kind of inputs: a distribution's name, [`IMAGES`] or [`GIVEN`].
    pub name: String,
    /// For each run the arrays of all inputs, in the signature's order.
    pub runs: Vec<Vec<Array>>,
    /// For each input the range of whole numbers that it is fed; `None` for real numbers.
    pub ranges: Vec<Option<ValueRange>>,
}

/// Name of real images as a kind of inputs.
pub const IMAGES: &str = "images";

/// Name of a user's arrays as a kind of inputs.
pub const GIVEN: &str = "given";

impl InputSet {
    /// Creates a set from runs of any sizes, under the name of a kind. The arrays of each run are in the signature's order.
    pub fn new(name: impl Into<String>, runs: Vec<Vec<Array>>, signature: &Signature) -> Self {
        Self { name: name.into(), runs, ranges: signature.inputs.iter().map(|port| port.range).collect() }
    }

    /// Draws random samples for all inputs. An input without a batch axis is drawn anew for each run.
    ///
    /// # Errors
    /// Fails if the inputs do not fit in memory.
    pub fn random(distribution: Distribution, signature: &Signature, plan: &Plan, seed: u64) -> Result<Self> {
        let array = |run: usize, input: usize, port: &Port| {
            let shape = port.at(plan.batch);
            let bytes = shape.iter().chain([&plan.runs]).try_fold(size_of::<f32>(), |n, side| n.checked_mul(*side));
            if bytes.is_none_or(|bytes| bytes > MAX_BYTES) {
                let reason = format!(
                    "{} of the shape {shape:?} {} too large to hold",
                    counted(plan.runs, "run"),
                    one_or(plan.runs, "is", "are")
                );
                return Err(Error::input(format!("input '{}'", port.name), reason).remedy("use fewer --samples"));
            }
            let key = key(seed, distribution, input);
            let data = if shape.first() == Some(&plan.batch) {
                let numbers = run * plan.batch..(run + 1) * plan.batch;
                numbers.flat_map(|number| distribution.sample(port, &shape[1..], number, key)).collect()
            } else {
                distribution.sample(port, &shape, run, key)
            };
            Array::new(shape, data)
        };
        let run = |run| signature.inputs.iter().enumerate().map(|(input, port)| array(run, input, port)).collect();
        Ok(Self::new(distribution.name(), (0..plan.runs).map(run).collect::<Result<_>>()?, signature))
    }

    /// Takes real images, prepared according to `metadata`, chosen by the seed without repetition. Makes fewer runs
    /// than planned if there are not enough of them.
    ///
    /// # Errors
    /// Fails if a side does not take one image input of the shape that the metadata describe, if the images cannot be
    /// prepared accordingly, or if there are too few for one run.
    pub fn images(
        preprocessing: &gnet_core::metadata::Preprocessing,
        split: &crate::data::Split,
        signature: &Signature,
        plan: &Plan,
        seed: u64,
    ) -> Result<Self> {
        let image = [preprocessing.channels, preprocessing.image_size, preprocessing.image_size];
        let [port] = &signature.inputs[..] else {
            return Err(Error::input("images", format!("the file takes {}", counted(signature.inputs.len(), "input"))));
        };
        let shape = port.at(plan.batch);
        if shape != [&[plan.batch], &image[..]].concat() {
            return Err(Error::input("images", format!("of {image:?} do not fit the input {port}")));
        }
        let runs = plan.runs.min(split.len() / plan.batch);
        if runs == 0 {
            let reason = format!("there are {}, a run takes {}", split.len(), plan.batch);
            return Err(Error::input("images", reason).remedy("give a larger data set with --data, or fewer --samples"));
        }
        let chosen = chosen(split.len(), runs * plan.batch, seed);
        let arrays = chosen
            .chunks(plan.batch)
            .map(|indices| Ok(vec![Array::new(shape.clone(), crate::data::prepare(preprocessing, split, indices)?)?]));
        Ok(Self { name: IMAGES.to_owned(), runs: arrays.collect::<Result<_>>()?, ranges: vec![None] })
    }

    /// Creates the set of a user's arrays, one run of them, in the signature's order.
    pub fn given(arrays: Vec<Array>) -> Self {
        Self { name: GIVEN.to_owned(), ranges: vec![None; arrays.len()], runs: vec![arrays] }
    }

    /// Returns `true` if a user chose the samples, among which some may be equal.
    pub fn is_given(&self) -> bool {
        self.name == GIVEN
    }

    /// Returns `true` if the samples are real images.
    pub fn is_images(&self) -> bool {
        self.name == IMAGES
    }
}

/// Maximum size of all samples of one input in bytes: 900 images of 224 pixels in three channels.
const MAX_BYTES: usize = 1 << 29;

fn key(seed: u64, distribution: Distribution, input: usize) -> u64 {
    // Multiplied by unrelated odd numbers, so that neighbouring seeds and inputs do not collide.
    seed.wrapping_mul(0xA24B_AED4_963E_E407)
        .wrapping_add((distribution as u64).wrapping_mul(0x9FB2_1C65_1E98_DF25))
        .wrapping_add((input as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93))
}

/// Returns `count` of `total` indices in an order that the seed determines.
fn chosen(total: usize, count: usize, seed: u64) -> Vec<usize> {
    let keys = Array::uniform(vec![total], seed).data;
    let mut places: Vec<usize> = (0..total).collect();
    places.sort_by(|a, b| keys[*a].total_cmp(&keys[*b]).then(a.cmp(b)));
    places.truncate(count);
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::graph::Dim;

    fn signature() -> Signature {
        let port = |name: &str, shape: Vec<Dim>| Port::new(name, shape);
        let image = vec![Dim::symbol("N"), Dim::Known(2), Dim::Known(6), Dim::Known(5)];
        let inputs = vec![port("image", image), port("scale", vec![Dim::Known(1), Dim::Known(3)])];
        Signature { inputs, outputs: vec!["y".into()] }
    }

    fn set(distribution: Distribution, plan: Plan, seed: u64) -> InputSet {
        InputSet::random(distribution, &signature(), &plan, seed).unwrap()
    }

    /// Returns all samples of the first input.
    fn samples(set: &InputSet) -> Vec<Vec<f32>> {
        set.runs.iter().flat_map(|run| run[0].rows().map(<[f32]>::to_vec)).collect()
    }

    #[test]
    fn a_sample_depends_on_seed_and_number_and_not_on_the_batch() {
        for distribution in Distribution::ALL {
            let one = samples(&set(distribution, Plan { batch: 2, runs: 3 }, 5));
            assert_eq!(one, samples(&set(distribution, Plan { batch: 3, runs: 2 }, 5)), "{distribution}");
            let mut all: Vec<Vec<f32>> = one.clone();
            all.extend(samples(&set(distribution, Plan { batch: 3, runs: 2 }, 6)));
            for (i, a) in all.iter().enumerate() {
                assert!(all[i + 1..].iter().all(|b| a != b), "{distribution} repeats sample {i}");
                assert!(a.iter().all(|value| value.is_finite()));
            }
        }
    }

    #[test]
    fn an_input_without_a_batch_is_drawn_for_each_run() {
        let set = set(Distribution::Normal, Plan { batch: 2, runs: 2 }, 1);
        let shapes: Vec<_> = set.runs[0].iter().map(|array| array.shape.clone()).collect();
        assert_eq!(shapes, [vec![2, 2, 6, 5], vec![1, 3]]);
        assert_ne!(set.runs[0][1], set.runs[1][1]);
    }

    #[test]
    fn each_kind_is_what_it_says() {
        let wide = Signature {
            inputs: vec![Port::new("x", vec![Dim::symbol("N"), Dim::Known(4000)])],
            outputs: vec!["y".into()],
        };
        let values = |distribution| {
            let set = InputSet::random(distribution, &wide, &Plan { batch: 4, runs: 2 }, 9).unwrap();
            set.runs.into_iter().flat_map(|mut run| run.remove(0).data).collect::<Vec<f32>>()
        };
        let share = |values: &[f32], is: fn(f32) -> bool| {
            values.iter().filter(|value| is(**value)).count() as f64 / values.len() as f64
        };
        let sparse = values(Distribution::Sparse);
        assert!((share(&sparse, |v| v != 0.0) - 0.05).abs() < 0.01);
        let large = values(Distribution::Large);
        assert!(
            (share(&large, |v| v.abs() > 1.0) - 0.5).abs() < 0.02 && (0.3..0.7).contains(&share(&large, |v| v < 0.0))
        );
        assert!(large.iter().all(|v| (0.01..=100.0).contains(&v.abs())));
        assert!(values(Distribution::Uniform).iter().all(|v| (0.0..1.0).contains(v)));
        let constant = values(Distribution::Constant);
        assert!(constant.chunks(4000).all(|sample| sample.iter().all(|v| *v == sample[0] && v.abs() <= 2.0)));
    }

    #[test]
    fn tokens_stay_in_their_range_and_masks_are_even() {
        let shape = || vec![Dim::symbol("N"), Dim::Known(500)];
        let tokens = Port { dtype: DType::I64, range: Some("3..50".parse().unwrap()), ..Port::new("tokens", shape()) };
        let mask = Port { dtype: DType::Bool, range: Some(ValueRange::BITS), ..Port::new("mask", shape()) };
        let signature = Signature { inputs: vec![tokens, mask], outputs: vec!["y".into()] };
        for distribution in Distribution::ALL {
            let set = InputSet::random(distribution, &signature, &Plan { batch: 4, runs: 2 }, 9).unwrap();
            let mut samples: Vec<&[f32]> = Vec::new();
            for run in &set.runs {
                samples.extend(run[0].rows());
                assert!(run[0].data.iter().all(|v| v.fract() == 0.0 && (3.0..50.0).contains(v)), "{distribution}");
                let shown = run[1].data.iter().sum::<f32>() / run[1].data.len() as f32;
                assert!(run[1].data.iter().all(|v| [0.0, 1.0].contains(v)) && (0.4..0.6).contains(&shown));
            }
            let firsts = samples.iter().flat_map(|sample| sample.iter()).filter(|v| **v == 3.0).count();
            match distribution {
                Distribution::Constant => assert!(samples.iter().all(|s| s.iter().all(|v| *v == s[0]))),
                Distribution::Sparse => assert!((3700..3900).contains(&firsts), "{firsts} of 4000"),
                _ => assert!((40..130).contains(&firsts), "{firsts} of 4000, and 85 are an even share"),
            }
            for (i, a) in samples.iter().enumerate() {
                assert!(samples[i + 1..].iter().all(|b| a != b), "{distribution} repeats sample {i}");
            }
        }
    }

    #[test]
    fn names_lead_back() {
        for distribution in Distribution::ALL {
            assert_eq!(distribution.to_string().parse::<Distribution>().unwrap(), distribution);
        }
        assert!("gauss".parse::<Distribution>().unwrap_err().remedy_text().unwrap().contains("sparse"));
        assert!(!Distribution::for_precision(Precision::Int8).contains(&Distribution::Large));
    }

    #[test]
    fn a_shape_that_no_memory_holds_is_refused() {
        let huge = vec![Dim::symbol("N"), Dim::Known(1 << 40), Dim::Known(1 << 40)];
        let signature = Signature { inputs: vec![Port::new("x", huge)], outputs: vec!["y".into()] };
        let error = InputSet::random(Distribution::Normal, &signature, &Plan { batch: 1, runs: 2 }, 0).unwrap_err();
        assert!(error.to_string().contains("are too large to hold"), "{error}");
    }

    #[test]
    fn images_are_chosen_by_the_seed_without_repetition() {
        use gnet_core::metadata::Preprocessing;
        let split = crate::data::Split::new(2, 1, (0..40).collect(), vec![0; 10]).unwrap();
        let preprocessing = Preprocessing { image_size: 2, channels: 1, mean: vec![0.0], std: vec![1.0] };
        let shape = vec![Dim::symbol("N"), Dim::Known(1), Dim::Known(2), Dim::Known(2)];
        let signature = Signature { inputs: vec![Port::new("x", shape)], outputs: vec!["y".into()] };
        let images = |plan: Plan, seed| InputSet::images(&preprocessing, &split, &signature, &plan, seed);
        let set = images(Plan { batch: 4, runs: 3 }, 7).unwrap();
        assert_eq!((set.runs.len(), set.is_images()), (2, true), "10 images are two runs of 4");
        let mut firsts: Vec<_> = samples(&set).iter().map(|image| (image[0] * 255.0).round() as u8).collect();
        assert_ne!(samples(&set), samples(&images(Plan { batch: 4, runs: 3 }, 8).unwrap()));
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 8);
        let error = images(Plan { batch: 16, runs: 2 }, 7).unwrap_err().to_string();
        assert_eq!(error, "images: there are 10, a run takes 16");
        let wrong = Preprocessing { image_size: 3, ..preprocessing.clone() };
        let error = InputSet::images(&wrong, &split, &signature, &Plan { batch: 2, runs: 2 }, 0).unwrap_err();
        assert_eq!(error.to_string(), "images: of [1, 3, 3] do not fit the input x N x 1 x 2 x 2");
    }
}
