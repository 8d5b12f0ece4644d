//! Convolution, optional batch normalisation, ReLU: the unit that everything is built from.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor, activation};

/// Epsilon of every batch normalisation: 1e-3, as in the reference implementation of Inception (TensorFlow's slim) and
/// in torchvision's GoogLeNet. The momentum of the running statistics is 0.1.
pub const BATCH_NORM_EPSILON: f64 = 1e-3;

/// Configuration of a [`ConvUnit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvUnitConfig {
    /// Number of input channels.
    pub input: usize,
    /// Number of output channels.
    pub output: usize,
    /// Side of the square kernel; odd.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Whether batch normalisation follows the convolution, which then has no bias.
    pub batch_norm: bool,
}

impl ConvUnitConfig {
    /// Creates a unit of stride 1.
    pub fn new(input: usize, output: usize, kernel: usize, batch_norm: bool) -> Self {
        Self { input, output, kernel, stride: 1, batch_norm }
    }

    /// Changes the stride.
    pub fn with_stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Returns the number of zeros padded on each side: `kernel / 2`.
    pub fn padding(&self) -> usize {
        self.kernel / 2
    }

    /// Returns the side of the output map for an input of side `side`:
    /// `floor((side + 2 * padding - kernel) / stride) + 1`. The kernel is odd and padded by its half, so one pixel is
    /// enough.
    pub fn output_side(&self, side: usize) -> usize {
        (side + 2 * self.padding() - self.kernel) / self.stride + 1
    }

    /// Creates the module: Xavier uniform weights, bias zero, batch normalisation at scale 1 and shift 0.
    pub fn init(&self, device: &Device) -> ConvUnit {
        let pad = self.padding();
        let mut conv = Conv2dConfig::new([self.input, self.output], [self.kernel, self.kernel])
            .with_stride([self.stride, self.stride])
            .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
            .with_bias(false)
            .with_initializer(Initializer::XavierUniform { gain: 1.0 })
            .init(device);
        // Set separately, because the configuration's initialiser would also draw the bias.
        conv.bias = (!self.batch_norm).then(|| Initializer::Zeros.init([self.output], device));
        let bn =
            self.batch_norm.then(|| BatchNormConfig::new(self.output).with_epsilon(BATCH_NORM_EPSILON).init(device));
        ConvUnit { conv, bn }
    }
}

/// A convolution padded by half its kernel, batch normalisation or a bias, and ReLU.
#[derive(Module, Debug)]
pub struct ConvUnit {
    /// The convolution; it has a bias exactly if there is no batch normalisation.
    pub conv: Conv2d,
    /// Batch normalisation over the channels.
    pub bn: Option<BatchNorm>,
}

impl ConvUnit {
    /// Maps `[images, input, side, side]` to `[images, output, side', side']`, see [`ConvUnitConfig::output_side`].
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.conv.forward(x);
        activation::relu(match &self.bn {
            Some(bn) => bn.forward(x),
            None => x,
        })
    }
}
