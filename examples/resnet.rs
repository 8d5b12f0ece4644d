//! A residual network for images of any size in multiples of 32, BatchNorm folded into its convolutions.
//!
//!     cargo run --release --example resnet -- resnet.onnx

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use gnet::axes;
use gnet::export::{ExportOptions, export, verify};
use gnet::trace::{Input, Symbol};

const CLASSES: usize = 10;

/// A convolution and BatchNorm.
#[derive(Module, Debug)]
struct Unit {
    conv: Conv2d,
    norm: BatchNorm,
}

impl Unit {
    fn new(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Self {
        let pad = kernel / 2;
        let conv = Conv2dConfig::new(channels, [kernel; 2])
            .with_stride([stride; 2])
            .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
            .with_bias(false);
        Self { conv: conv.init(device), norm: BatchNormConfig::new(channels[1]).init(device) }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.conv.forward(x))
    }
}

/// Two convolutions beside a shortcut, which is a convolution where the shape changes (He et al. 2016, figure 2).
#[derive(Module, Debug)]
struct Block {
    first: Unit,
    second: Unit,
    shortcut: Option<Unit>,
}

impl Block {
    fn new(from: usize, to: usize, stride: usize, device: &Device) -> Self {
        Self {
            first: Unit::new([from, to], 3, stride, device),
            second: Unit::new([to, to], 3, 1, device),
            shortcut: (from != to || stride != 1).then(|| Unit::new([from, to], 1, stride, device)),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.second.forward(relu(self.first.forward(x.clone())));
        relu(y + self.shortcut.as_ref().map_or(x.clone(), |shortcut| shortcut.forward(x)))
    }
}

/// A residual network of four stages with one block each.
#[derive(Module, Debug)]
pub struct ResNet {
    stem: Unit,
    pool: MaxPool2d,
    stages: Vec<Block>,
    mean: AdaptiveAvgPool2d,
    head: Linear,
}

impl ResNet {
    /// A freshly initialised network.
    pub fn new(device: &Device) -> Self {
        let widths = [16, 16, 32, 64, 128];
        let stage = |i: usize| Block::new(widths[i], widths[i + 1], if i == 0 { 1 } else { 2 }, device);
        Self {
            stem: Unit::new([3, widths[0]], 7, 2, device),
            pool: MaxPool2dConfig::new([3, 3])
                .with_strides([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(),
            stages: (0..4).map(stage).collect(),
            mean: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            head: LinearConfig::new(widths[4], CLASSES).init(device),
        }
    }

    /// `[batch, 3, height, width]` images to `[batch, CLASSES]` logits.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(relu(self.stem.forward(images)));
        let x = self.stages.iter().fold(x, |x, stage| stage.forward(x));
        self.head.forward(self.mean.forward(x).flatten::<2>(1, 3))
    }
}

/// Returns the inputs of the forward: images of any number and size.
pub fn options() -> ExportOptions {
    let side = |name: &str| Symbol::new(name).multiple_of(32);
    ExportOptions::for_inputs([Input::new("images", axes!["N", 3, side("H"), side("W")])])
}

/// The forward as it is exported, its output named.
pub fn forward(network: &ResNet, images: Tensor<4>) -> (&'static str, Tensor<2>) {
    ("logits", network.forward(images))
}

fn main() -> gnet::Result<()> {
    let path = std::env::args_os().nth(1).unwrap_or_else(|| "resnet.onnx".into());
    let network = ResNet::new(&Device::flex());
    let exported = export(&network, &options(), forward)?;
    let verified = verify(&network, &options(), &exported, forward)?;
    gnet::files::write(path.as_ref(), &exported.bytes)?;
    println!("{}: {} bytes, within {:.1e} of Burn", path.display(), exported.bytes.len(), verified.max_abs_diff);
    Ok(())
}
