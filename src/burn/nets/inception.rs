//! The Inception block: four parallel branches over one feature map.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::tensor::{Device, Tensor};

use super::conv_unit::{ConvUnit, ConvUnitConfig};
use super::widths::InceptionWidths;

/// The Inception block with dimension reductions (Szegedy et al., figure 2b).
///
/// The branches keep the side of the feature map (the 3x3 pads 1, the 5x5 pads 2, the pool is 3x3 with stride 1 and
/// padding 1) and are concatenated on axis 1 in the order 1x1, 3x3, 5x5, pool projection.
#[derive(Module, Debug)]
pub struct Inception {
    /// 1x1.
    pub b1x1: ConvUnit,
    /// 1x1 before the 3x3.
    pub b3x3_reduce: ConvUnit,
    /// 3x3.
    pub b3x3: ConvUnit,
    /// 1x1 before the 5x5.
    pub b5x5_reduce: ConvUnit,
    /// 5x5: a real one, whereas torchvision keeps a 3x3 for the sake of its published weights.
    pub b5x5: ConvUnit,
    /// 3x3 max pool of stride 1.
    pub pool: MaxPool2d,
    /// 1x1 after the pool.
    pub pool_proj: ConvUnit,
}

impl Inception {
    /// Creates a block of the given widths.
    pub fn new(widths: &InceptionWidths, batch_norm: bool, device: &Device) -> Self {
        let unit = |input, output, kernel| ConvUnitConfig::new(input, output, kernel, batch_norm).init(device);
        let pool = MaxPool2dConfig::new([3, 3])
            .with_strides([1, 1])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init();
        Self {
            b1x1: unit(widths.input, widths.b1x1, 1),
            b3x3_reduce: unit(widths.input, widths.b3x3_reduce, 1),
            b3x3: unit(widths.b3x3_reduce, widths.b3x3, 3),
            b5x5_reduce: unit(widths.input, widths.b5x5_reduce, 1),
            b5x5: unit(widths.b5x5_reduce, widths.b5x5, 5),
            pool,
            pool_proj: unit(widths.input, widths.pool_proj, 1),
        }
    }

    /// Maps `[images, input, side, side]` to `[images, output, side, side]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let one = self.b1x1.forward(x.clone());
        let three = self.b3x3.forward(self.b3x3_reduce.forward(x.clone()));
        let five = self.b5x5.forward(self.b5x5_reduce.forward(x.clone()));
        let pooled = self.pool_proj.forward(self.pool.forward(x));
        Tensor::cat(vec![one, three, five, pooled], 1)
    }
}
