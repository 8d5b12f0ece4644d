//! Shared support of the integration tests: networks in which every parameter matters, images unlike one another,
//! numbers out of Burn.
#![allow(dead_code, reason = "each test program uses a part")]

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use gnet::export::Fresh;
use gnet::nets::{BATCH_NORM_EPSILON, GoogLeNet, GoogLeNetConfig, Preset};
use gnet::runtime::Array;

/// The preset for images of `image_size` pixels.
pub fn config(preset: Preset, image_size: usize) -> GoogLeNetConfig {
    GoogLeNetConfig { image_size, ..preset.config() }
}

/// A freshly initialised network's description, for its metadata and its costs.
pub fn fresh(preset: Preset, config: GoogLeNetConfig) -> Fresh {
    Fresh { preset, config, seed: 1 }
}

/// A network with the parameters of [`stirred`].
pub fn network(config: &GoogLeNetConfig) -> GoogLeNet {
    stirred(config.init(&Device::flex()).expect("the configuration is valid"))
}

/// The shape of one image.
pub fn item_shape(config: &GoogLeNetConfig) -> [usize; 3] {
    [config.channels, config.image_size, config.image_size]
}

/// Gives every parameter a value that shows when it is lost, confused or folded wrongly.
///
/// A fresh network hides most mistakes: its biases and means are 0, its scales and variances 1, and its signal dies out
/// on the way. Here kernels and matrices are uniform at He's bound, so that the signal lives; variances go from 0.003,
/// where the epsilon of 0.001 weighs a quarter, to 3; scales are of either sign. The values depend on the parameter's
/// path alone.
pub fn stirred<M: Module>(module: M) -> M {
    module.map(&mut Stir::default())
}

#[derive(Default)]
struct Stir {
    path: Vec<String>,
}

impl Stir {
    fn values(&self, shape: &[usize]) -> Vec<f32> {
        let name = self.path.last().map_or("", String::as_str);
        let (path, of_module) = (self.path.join("."), self.path[..self.path.len() - 1].join("."));
        let variance = |i| 10_f32.powf(1.5 * uniform(&format!("{of_module}.running_var"), i) - 1.0);
        let value = |i| {
            let x = uniform(&path, i);
            match name {
                "running_var" => variance(i),
                // Normalised channels keep about the power they come with, whatever their variance says.
                "gamma" => (variance(i) + BATCH_NORM_EPSILON as f32).sqrt() * (x + 0.5_f32.copysign(x)),
                "running_mean" => 0.5 * x,
                _ => 0.25 * x,
            }
        };
        let fan_in: usize = match shape {
            [inputs, _] => *inputs,
            [_, rest @ ..] => rest.iter().product(),
            [] => 1,
        };
        let he = (6.0 / fan_in as f32).sqrt();
        let count = shape.iter().product();
        match shape.len() {
            0 | 1 => (0..count).map(value).collect(),
            _ => (0..count).zip(uniforms(&path)).map(|(_, x)| he * x).collect(),
        }
    }
}

impl ModuleMapper for Stir {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape().dims::<D>();
        let data = TensorData::new(self.values(&shape), shape);
        let (tensor, id) = (Tensor::from_data(data, &param.lazy_device()), param.id);
        param.transform_for_load(tensor, id)
    }
}

/// Uniform numbers in -1..1 that depend on `key` alone: SplitMix64 from the FNV-1a hash of the key.
fn uniforms(key: &str) -> impl Iterator<Item = f32> {
    let start = key.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3));
    (1_u64..).map(move |i| {
        let mut z = start.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    })
}

fn uniform(key: &str, index: usize) -> f32 {
    uniforms(key).nth(index).unwrap_or_default()
}

/// `count` images, from the one numbered `first` on: noise on a wave of its own direction, frequency and height for each.
pub fn images(first: usize, count: usize, [channels, height, width]: [usize; 3]) -> Array {
    let mut array = Array::noise(vec![count, channels, height, width], first as u64);
    let item = channels * height * width;
    for (i, value) in array.data.iter_mut().enumerate() {
        let (number, pixel) = (first + i / item, i % (height * width));
        let (y, x) = ((pixel / width) as f32 / height as f32, (pixel % width) as f32 / width as f32);
        let angle = 1.1 * number as f32;
        let wave = (5.0 * (1 + number % 3) as f32 * (x * angle.cos() + y * angle.sin()) + angle).sin();
        *value = 0.3 * *value + wave + 0.5 * (number % 4) as f32 - 0.5;
    }
    array
}

/// An array as a tensor of rank 4.
pub fn tensor(array: &Array) -> Tensor<4> {
    Tensor::from_data(TensorData::new(array.data.clone(), array.shape.clone()), &Device::flex())
}

/// A tensor's numbers.
pub fn array<const D: usize>(tensor: &Tensor<D>) -> Array {
    let data = tensor.to_data();
    let shape = data.shape().to_vec();
    Array::new(shape, data.try_to_vec().expect("gnet computes in f32")).expect("a tensor holds what its shape says")
}

/// The bits of a tensor's numbers, for comparisons that allow no difference at all.
pub fn bits<const D: usize>(tensor: &Tensor<D>) -> Vec<u32> {
    array(tensor).data.into_iter().map(f32::to_bits).collect()
}
