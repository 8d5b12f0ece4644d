//! Modules that both exporters are given: plain Burn, as its users write them.

use burn::module::Module;
use burn::nn::conv::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::interpolate::{Interpolate2d, Interpolate2dConfig, InterpolateMode};
use burn::nn::pool::{
    AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, AvgPool2d, AvgPool2dConfig, MaxPool2d, MaxPool2dConfig,
};
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{
    BatchNorm, BatchNormConfig, GroupNorm, GroupNormConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, Lstm,
    LstmConfig, PaddingConfig1d, PaddingConfig2d,
};
use burn::tensor::{Device, Tensor, activation};

/// Two linear layers.
#[derive(Module, Debug)]
pub struct Mlp {
    hidden: Linear,
    last: Linear,
}

impl Mlp {
    pub fn new(device: &Device) -> Self {
        Self { hidden: LinearConfig::new(16, 32).init(device), last: LinearConfig::new(32, 4).init(device) }
    }

    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.last.forward(activation::relu(self.hidden.forward(x)))
    }
}

/// The residual block with a projection (He et al. 2015, figure 2), and a classifier.
#[derive(Module, Debug)]
pub struct Residual {
    first: Conv2d,
    first_norm: BatchNorm,
    second: Conv2d,
    second_norm: BatchNorm,
    projection: Conv2d,
    pool: AdaptiveAvgPool2d,
    classifier: Linear,
}

fn conv(channels: [usize; 2], kernel: usize, device: &Device) -> Conv2d {
    let pad = kernel / 2;
    let padding = PaddingConfig2d::Explicit(pad, pad, pad, pad);
    Conv2dConfig::new(channels, [kernel, kernel]).with_padding(padding).init(device)
}

impl Residual {
    pub fn new(device: &Device) -> Self {
        Self {
            first: conv([3, 8], 3, device),
            first_norm: BatchNormConfig::new(8).init(device),
            second: conv([8, 8], 3, device),
            second_norm: BatchNormConfig::new(8).init(device),
            projection: conv([3, 8], 1, device),
            pool: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            classifier: LinearConfig::new(8, 5).init(device),
        }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let inner = activation::relu(self.first_norm.forward(self.first.forward(x.clone())));
        let inner = self.second_norm.forward(self.second.forward(inner));
        let x = activation::relu(inner + self.projection.forward(x));
        self.classifier.forward(self.pool.forward(x).flatten(1, 3))
    }
}

/// One level of a U-Net: down, up by a transposed convolution, and both side by side.
#[derive(Module, Debug)]
pub struct UNet {
    down: Conv2d,
    pool: MaxPool2d,
    bottom: Conv2d,
    up: ConvTranspose2d,
    last: Conv2d,
}

impl UNet {
    pub fn new(device: &Device) -> Self {
        Self {
            down: conv([1, 4], 3, device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            bottom: conv([4, 8], 3, device),
            up: ConvTranspose2dConfig::new([8, 4], [2, 2]).with_stride([2, 2]).init(device),
            last: conv([8, 1], 1, device),
        }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let side = activation::relu(self.down.forward(x));
        let up = self.up.forward(activation::relu(self.bottom.forward(self.pool.forward(side.clone()))));
        self.last.forward(Tensor::cat(vec![side, up], 1))
    }
}

/// Convolutions over a sequence, grouped and dilated, between two kinds of normalisation.
#[derive(Module, Debug)]
pub struct Sequence {
    depthwise: Conv1d,
    group_norm: GroupNorm,
    dilated: Conv1d,
    layer_norm: LayerNorm,
}

impl Sequence {
    pub fn new(device: &Device) -> Self {
        let conv = Conv1dConfig::new(4, 4, 3);
        let depthwise = conv.clone().with_groups(4).with_padding(PaddingConfig1d::Explicit(1, 1));
        Self {
            depthwise: depthwise.init(device),
            group_norm: GroupNormConfig::new(2, 4).init(device),
            dilated: conv.with_dilation(2).with_padding(PaddingConfig1d::Explicit(2, 2)).init(device),
            layer_norm: LayerNormConfig::new(12).init(device),
        }
    }

    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = activation::gelu(self.group_norm.forward(self.depthwise.forward(x)));
        self.layer_norm.forward(self.dilated.forward(x))
    }
}

/// An average pool and a bilinear interpolation.
#[derive(Module, Debug)]
pub struct Resize {
    pool: AvgPool2d,
    resize: Interpolate2d,
    mix: Conv2d,
}

impl Resize {
    pub fn new(device: &Device) -> Self {
        Self {
            pool: AvgPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            resize: Interpolate2dConfig::new()
                .with_output_size(Some([12, 10]))
                .with_mode(InterpolateMode::Linear)
                .init(),
            mix: conv([2, 3], 3, device),
        }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.mix.forward(self.resize.forward(self.pool.forward(x)))
    }
}

/// Two layers of a transformer encoder.
#[derive(Module, Debug)]
pub struct Encoder {
    encoder: TransformerEncoder,
}

impl Encoder {
    pub fn new(device: &Device) -> Self {
        Self { encoder: TransformerEncoderConfig::new(16, 32, 2, 2).init(device) }
    }

    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.encoder.forward(TransformerEncoderInput::new(x))
    }
}

/// An LSTM and a linear layer on its last state.
#[derive(Module, Debug)]
pub struct Recurrent {
    lstm: Lstm,
    last: Linear,
}

impl Recurrent {
    pub fn new(device: &Device) -> Self {
        Self { lstm: LstmConfig::new(3, 8, true).init(device), last: LinearConfig::new(8, 2).init(device) }
    }

    pub fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        let (_, state) = self.lstm.forward(x, None);
        self.last.forward(state.hidden)
    }
}
