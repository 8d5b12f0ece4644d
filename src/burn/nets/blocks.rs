//! The three blocks compared by `gnet compare`: Inception, a plain 3x3 and a plain 5x5 convolution.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::conv_unit::{ConvUnit, ConvUnitConfig};
use super::inception::Inception;
use super::visit;
use super::widths::INCEPTION;

/// A block from the input of Inception 3a to its output: 192 to 256 channels on feature maps of side 28.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Block {
    /// Inception 3a.
    Inception,
    /// One 3x3 convolution, padding 1.
    Conv3x3,
    /// One 5x5 convolution, padding 2.
    Conv5x5,
}

impl Block {
    /// All three, in the order of the table.
    pub const ALL: [Self; 3] = [Self::Inception, Self::Conv3x3, Self::Conv5x5];
    /// Number of input channels.
    pub const INPUT: usize = INCEPTION[0].input;
    /// Number of output channels.
    pub const OUTPUT: usize = INCEPTION[0].output();
    /// Side of the feature maps, input and output.
    pub const SIDE: usize = 28;

    /// Returns the name in reports: `inception`, `conv3x3` or `conv5x5`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inception => "inception",
            Self::Conv3x3 => "conv3x3",
            Self::Conv5x5 => "conv5x5",
        }
    }

    /// Creates the module, with biases and without batch normalisation.
    pub fn init(self, device: &Device) -> BlockModule {
        let plain = |kernel| ConvUnitConfig::new(Self::INPUT, Self::OUTPUT, kernel, false).init(device);
        match self {
            Self::Inception => BlockModule::Inception(Inception::new(&INCEPTION[0], false, device)),
            Self::Conv3x3 => BlockModule::Conv(plain(3)),
            Self::Conv5x5 => BlockModule::Conv(plain(5)),
        }
    }

    /// Creates the module with weights that depend on `seed` only.
    pub fn init_seeded(self, seed: u64, device: &Device) -> BlockModule {
        visit::draw_weights(self.init(device), seed)
    }
}

/// The module of a [`Block`]. To name tensors after the block's own fields, trace the module inside.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a box is no module, and only three of these ever exist")]
pub enum BlockModule {
    /// An Inception block.
    Inception(Inception),
    /// A plain convolution with bias and ReLU.
    Conv(ConvUnit),
}

impl BlockModule {
    /// Maps `[images, 192, side, side]` to `[images, 256, side, side]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Inception(inception) => inception.forward(x),
            Self::Conv(conv) => conv.forward(x),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::learned_params;

    #[test]
    fn the_blocks_have_the_known_parameters_and_keep_the_map() {
        let device = Device::flex();
        for (block, params) in Block::ALL.into_iter().zip([163_696, 442_624, 1_229_056]) {
            let module = block.init_seeded(1, &device);
            assert_eq!(learned_params(&module), params, "{}", block.name());
            let y = module.forward(Tensor::ones([2, Block::INPUT, 5, 5], &device));
            assert_eq!(y.dims(), [2, Block::OUTPUT, 5, 5], "{}", block.name());
        }
    }
}
