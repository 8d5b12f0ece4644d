//! The auxiliary classifier in the middle of the network, used for training only.

use burn::module::Module;
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation};

use super::conv_unit::{ConvUnit, ConvUnitConfig};
use super::dropout::Dropout;

const CONV: usize = 128;
const HIDDEN: usize = 1024;
const DROPOUT: f64 = 0.7;

/// An auxiliary classifier (Szegedy et al., section 5): average pool of kernel `min(5, side)` and stride 3, 1x1
/// convolution to 128 channels, linear to 1024, ReLU, dropout 0.7, linear to the classes.
#[derive(Module, Debug)]
pub struct AuxHead {
    /// The average pool, without padding.
    pub pool: AvgPool2d,
    /// 1x1 convolution to 128 channels.
    pub conv: ConvUnit,
    /// Linear to 1024 features.
    pub fc1: Linear,
    /// Dropout with probability 0.7.
    pub dropout: Dropout,
    /// Linear to the classes.
    pub fc2: Linear,
}

impl AuxHead {
    /// Creates a head for feature maps of `input` channels and side `side`.
    pub fn new(input: usize, side: usize, classes: usize, batch_norm: bool, device: &Device) -> Self {
        let kernel = Self::pool_kernel(side);
        let pooled = Self::pooled_side(side);
        Self {
            pool: AvgPool2dConfig::new([kernel, kernel]).with_strides([3, 3]).init(),
            conv: ConvUnitConfig::new(input, CONV, 1, batch_norm).init(device),
            fc1: linear(CONV * pooled * pooled, HIDDEN, device),
            dropout: Dropout::new(DROPOUT),
            fc2: linear(HIDDEN, classes, device),
        }
    }

    /// Returns the kernel of the average pool on feature maps of side `side`: 5, or the whole map if it is smaller.
    pub fn pool_kernel(side: usize) -> usize {
        side.min(5)
    }

    /// Returns the side of the feature maps after the pool: `floor((side - kernel) / 3) + 1`.
    pub fn pooled_side(side: usize) -> usize {
        (side - Self::pool_kernel(side)) / 3 + 1
    }

    /// Maps `[images, input, side, side]` to logits `[images, classes]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.conv.forward(self.pool.forward(x));
        let x = activation::relu(self.fc1.forward(x.flatten(1, 3)));
        self.fc2.forward(self.dropout.forward(x))
    }
}

/// Creates a linear layer with Xavier uniform weights and zero bias.
pub(super) fn linear(input: usize, output: usize, device: &Device) -> Linear {
    let mut linear = LinearConfig::new(input, output)
        .with_bias(false)
        .with_initializer(Initializer::XavierUniform { gain: 1.0 })
        .init(device);
    linear.bias = Some(Initializer::Zeros.init([output], device));
    linear
}
