//! A U-Net, which goes up again by transposed convolutions, for images of any size in multiples of 4.
//!
//!     cargo run --release --example unet -- unet.onnx

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{GroupNorm, GroupNormConfig, PaddingConfig2d};
use burn::tensor::activation::{gelu, sigmoid};
use burn::tensor::{Device, Tensor};
use gnet::axes;
use gnet::export::{ExportOptions, export, verify};
use gnet::trace::{Input, Symbol};

/// Two convolutions that keep the size, normalised in groups of channels.
#[derive(Module, Debug)]
struct Level {
    first: Conv2d,
    second: Conv2d,
    norm: GroupNorm,
}

impl Level {
    fn new(from: usize, to: usize, device: &Device) -> Self {
        let conv = |channels| {
            Conv2dConfig::new(channels, [3, 3]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init(device)
        };
        Self { first: conv([from, to]), second: conv([to, to]), norm: GroupNormConfig::new(4, to).init(device) }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        gelu(self.norm.forward(self.second.forward(gelu(self.first.forward(x)))))
    }
}

/// Two levels down, two up, each beside what had its size before (Ronneberger et al. 2015, figure 1).
#[derive(Module, Debug)]
pub struct UNet {
    down: [Level; 3],
    half: MaxPool2d,
    double: [ConvTranspose2d; 2],
    up: [Level; 2],
    head: Conv2d,
}

impl UNet {
    /// A freshly initialised network.
    pub fn new(device: &Device) -> Self {
        let double = |from, to| ConvTranspose2dConfig::new([from, to], [2, 2]).with_stride([2, 2]).init(device);
        Self {
            down: [Level::new(3, 8, device), Level::new(8, 16, device), Level::new(16, 32, device)],
            half: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            double: [double(32, 16), double(16, 8)],
            up: [Level::new(32, 16, device), Level::new(16, 8, device)],
            head: Conv2dConfig::new([8, 1], [1, 1]).init(device),
        }
    }

    /// `[batch, 3, height, width]` images to the probability `[batch, 1, height, width]` that a pixel is of the thing.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let fine = self.down[0].forward(images);
        let middle = self.down[1].forward(self.half.forward(fine.clone()));
        let coarse = self.down[2].forward(self.half.forward(middle.clone()));
        let beside = |x: Tensor<4>, level: usize, other: Tensor<4>| {
            self.up[level].forward(Tensor::cat(vec![other, self.double[level].forward(x)], 1))
        };
        let x = beside(beside(coarse, 0, middle), 1, fine);
        sigmoid(self.head.forward(x))
    }
}

/// Returns the inputs of the forward: images of any number, of a size that can be halved twice.
pub fn options() -> ExportOptions {
    let side = |name: &str| Symbol::new(name).multiple_of(4);
    ExportOptions::for_inputs([Input::new("images", axes!["N", 3, side("H"), side("W")])])
}

/// The forward as it is exported, its output named.
pub fn forward(network: &UNet, images: Tensor<4>) -> (&'static str, Tensor<4>) {
    ("mask", network.forward(images))
}

fn main() -> gnet::Result<()> {
    let path = std::env::args_os().nth(1).unwrap_or_else(|| "unet.onnx".into());
    let network = UNet::new(&Device::flex());
    let exported = export(&network, &options(), forward)?;
    let verified = verify(&network, &options(), &exported, forward)?;
    gnet::files::write(path.as_ref(), &exported.bytes)?;
    println!("{}: {} bytes, within {:.1e} of Burn", path.display(), exported.bytes.len(), verified.max_abs_diff);
    Ok(())
}
