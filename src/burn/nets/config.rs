//! Configuration of a GoogLeNet: its options, the presets, and the sizes of its feature maps.

use burn::nn::PaddingConfig2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conv_unit::ConvUnitConfig;
use super::widths::{INCEPTION, STEM};
use gnet_core::{Error, Result};

/// Options of a GoogLeNet.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoogLeNetConfig {
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// Number of input channels.
    pub channels: usize,
    /// Number of classes.
    pub classes: usize,
    /// Whether every convolution is followed by batch normalisation; it has a bias exactly if there is none.
    pub batch_norm: bool,
    /// Whether there are auxiliary heads after 4a and 4d.
    pub aux_heads: bool,
    /// Whether there is local response normalisation after the first pool and before the second.
    pub lrn: bool,
    /// Border treatment of the four pools of stride 2.
    pub pooling: Pooling,
}

/// Border treatment of a 3x3 pool of stride 2.
///
/// Both halve an even side. They differ at odd ones: 7 becomes 4 with `pad` and 3 with `ceil`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Pooling {
    /// Padding 1 and rounding down, as in the d2l course.
    #[default]
    Pad,
    /// No padding and rounding up, as in the paper and in Caffe.
    Ceil,
}

impl Pooling {
    const KERNEL: usize = 3;
    const STRIDE: usize = 2;

    /// Returns the side of the feature map after a pool, `None` if no window fits.
    ///
    /// `pad`: `floor((side + 2 - 3) / 2) + 1`. `ceil`: `ceil((side - 3) / 2) + 1`, from side 2 on, where one window
    /// extends over the border by one; PyTorch, Burn and ONNX agree there.
    pub fn output_side(self, side: usize) -> Option<usize> {
        match self {
            Self::Pad => side.saturating_add(2).checked_sub(Self::KERNEL).map(|room| room / Self::STRIDE + 1),
            Self::Ceil => {
                side.saturating_add(Self::STRIDE - 1).checked_sub(Self::KERNEL).map(|room| room / Self::STRIDE + 1)
            }
        }
    }

    pub(super) fn layer(self) -> MaxPool2d {
        let pool = MaxPool2dConfig::new([Self::KERNEL; 2]).with_strides([Self::STRIDE; 2]);
        match self {
            Self::Pad => pool.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init(),
            Self::Ceil => pool.with_ceil_mode(true).init(),
        }
    }
}

gnet_core::named!(Pooling, "pooling", [Pad = "pad", Ceil = "ceil"]);

/// A named network. Both have 1 channel, 96 pixels and 10 classes by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Preset {
    /// The network of the d2l course: biases, no batch normalisation, no heads.
    #[serde(rename = "d2l")]
    D2l,
    /// Batch normalisation, convolutions without bias, auxiliary heads.
    #[serde(rename = "bn-aux")]
    BnAux,
}

impl Preset {
    /// Returns the options that the preset stands for, at its native size; change the fields for another.
    pub fn config(self) -> GoogLeNetConfig {
        let rich = self == Self::BnAux;
        GoogLeNetConfig {
            image_size: 96,
            channels: 1,
            classes: 10,
            batch_norm: rich,
            aux_heads: rich,
            lrn: false,
            pooling: Pooling::Pad,
        }
    }
}

gnet_core::named!(Preset, "preset", [D2l = "d2l", BnAux = "bn-aux"]);

/// Sides of the square feature maps inside a network, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageSides {
    /// The input.
    pub input: usize,
    /// After the 7x7 convolution.
    pub conv1: usize,
    /// After the first pool: the rest of the stem.
    pub stem: usize,
    /// After the second pool: blocks 3a and 3b.
    pub inception3: usize,
    /// After the third pool: blocks 4a to 4e and the heads.
    pub inception4: usize,
    /// After the fourth pool: blocks 5a and 5b.
    pub inception5: usize,
}

impl GoogLeNetConfig {
    /// Largest supported image, in pixels per side: beyond it the heads alone would have billions of parameters.
    pub const MAX_IMAGE_SIZE: usize = 2048;
    /// Maximum number of supported input channels.
    pub const MAX_CHANNELS: usize = 1024;
    /// Maximum number of supported classes.
    pub const MAX_CLASSES: usize = 100_000;

    /// Returns the three convolutions before the first Inception block.
    pub(super) fn stem(&self) -> [ConvUnitConfig; 3] {
        let unit = |input, output, kernel| ConvUnitConfig::new(input, output, kernel, self.batch_norm);
        [unit(self.channels, STEM, 7).with_stride(2), unit(STEM, STEM, 1), unit(STEM, INCEPTION[0].input, 3)]
    }

    /// Computes the side of every feature map from kernels, strides and padding.
    ///
    /// # Errors
    /// Fails if the image is too small for the pools, or larger than [`Self::MAX_IMAGE_SIZE`]; the message states the
    /// smallest size.
    pub fn stage_sides(&self) -> Result<StageSides> {
        let thing = format!("image size {}", self.image_size);
        if self.image_size > Self::MAX_IMAGE_SIZE {
            return Err(Error::input(thing, format!("the largest is {}", Self::MAX_IMAGE_SIZE)));
        }
        self.sides_of(self.image_size).ok_or_else(|| {
            let smallest = self.smallest_image_size();
            let error = Error::input(thing, format!("the smallest with {} pooling is {smallest}", self.pooling));
            match self.pooling {
                Pooling::Pad => error,
                Pooling::Ceil => error.remedy("use a larger image, or pooling pad"),
            }
        })
    }

    /// Returns the smallest image that leaves every feature map at least one pixel.
    pub fn smallest_image_size(&self) -> usize {
        (1..=Self::MAX_IMAGE_SIZE).find(|side| self.sides_of(*side).is_some()).unwrap_or(Self::MAX_IMAGE_SIZE)
    }

    fn sides_of(&self, input: usize) -> Option<StageSides> {
        if input == 0 {
            return None;
        }
        let pool = |side| self.pooling.output_side(side).filter(|side| *side > 0);
        let [first, ..] = self.stem();
        let conv1 = first.output_side(input);
        let stem = pool(conv1)?;
        let inception3 = pool(stem)?;
        let inception4 = pool(inception3)?;
        let inception5 = pool(inception4)?;
        Some(StageSides { input, conv1, stem, inception3, inception4, inception5 })
    }

    /// Checks every option.
    ///
    /// # Errors
    /// Names the first invalid option.
    pub fn check(&self) -> Result<StageSides> {
        for (name, value, most) in
            [("channels", self.channels, Self::MAX_CHANNELS), ("classes", self.classes, Self::MAX_CLASSES)]
        {
            if value == 0 || value > most {
                return Err(Error::input(format!("{name} {value}"), format!("must be 1 to {most}")));
            }
        }
        self.stage_sides()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn both_poolings_give_the_same_maps_at_the_sizes_of_the_course_and_the_paper() {
        for (side, expected) in [(96, [48, 24, 12, 6, 3]), (224, [112, 56, 28, 14, 7])] {
            for pooling in [Pooling::Pad, Pooling::Ceil] {
                let config = GoogLeNetConfig { image_size: side, pooling, ..Preset::D2l.config() };
                let s = config.stage_sides().unwrap();
                assert_eq!([s.conv1, s.stem, s.inception3, s.inception4, s.inception5], expected, "{side} {pooling}");
            }
        }
    }

    #[test]
    fn at_28_pixels_padding_fits_and_ceil_mode_does_not() {
        let pad = GoogLeNetConfig { image_size: 28, ..Preset::D2l.config() };
        let s = pad.stage_sides().unwrap();
        assert_eq!([s.conv1, s.stem, s.inception3, s.inception4, s.inception5], [14, 7, 4, 2, 1]);
        let ceil = GoogLeNetConfig { pooling: Pooling::Ceil, ..pad };
        assert_eq!(ceil.stage_sides().unwrap_err().to_string(), "image size 28: the smallest with ceil pooling is 31");
    }

    #[test]
    fn the_smallest_size_is_the_first_that_fits() {
        for (pooling, smallest) in [(Pooling::Pad, 1), (Pooling::Ceil, 31)] {
            let config = |image_size| GoogLeNetConfig { image_size, pooling, ..Preset::BnAux.config() };
            assert_eq!(config(96).smallest_image_size(), smallest);
            assert!(config(smallest).stage_sides().is_ok());
            assert!(config(smallest - 1).stage_sides().is_err());
        }
    }

    #[test]
    fn impossible_options_are_named() {
        let good = Preset::D2l.config();
        for (config, says) in [
            (GoogLeNetConfig { image_size: 0, ..good.clone() }, "image size 0"),
            (GoogLeNetConfig { image_size: usize::MAX, ..good.clone() }, "the largest is 2048"),
            (GoogLeNetConfig { channels: 0, ..good.clone() }, "channels 0"),
            (GoogLeNetConfig { classes: usize::MAX, ..good.clone() }, "must be 1 to 100000"),
        ] {
            let error = config.init(&Device::flex()).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn names_survive_the_round_trip() {
        for preset in Preset::ALL {
            assert_eq!(preset.to_string().parse::<Preset>().unwrap(), preset);
            assert_eq!(serde_json::to_string(&preset).unwrap(), format!("\"{preset}\""));
        }
        for pooling in [Pooling::Pad, Pooling::Ceil] {
            assert_eq!(pooling.to_string().parse::<Pooling>().unwrap(), pooling);
            assert_eq!(serde_json::to_string(&pooling).unwrap(), format!("\"{pooling}\""));
        }
        assert!("vgg".parse::<Preset>().is_err() && "same".parse::<Pooling>().is_err());
    }
}
