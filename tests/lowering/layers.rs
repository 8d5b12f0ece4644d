//! Layers with parameters, every one of which matters.

use burn::nn::conv::*;
use burn::nn::interpolate::{Interpolate2dConfig, InterpolateMode};
use burn::nn::pool::*;
use burn::nn::*;
use burn::tensor::{Device, Tensor};
use proptest::prelude::*;

use super::common::stirred;
use super::{agrees, any, nothing};

fn device() -> Device {
    Device::flex()
}

#[test]
fn convolutions() {
    let one = stirred(Conv1dConfig::new(4, 6, 3).with_stride(2).with_groups(2).with_dilation(2).init(&device()));
    agrees(&one, &[4, 11], any, |m, x: Tensor<3>| m.forward(x));
    let two = Conv2dConfig::new([3, 5], [3, 2]).with_padding(PaddingConfig2d::Explicit(1, 2, 0, 1));
    agrees(&stirred(two.init(&device())), &[3, 7, 6], any, |m, x: Tensor<4>| m.forward(x));
    let three = Conv3dConfig::new([2, 3], [2, 3, 1]).with_padding(PaddingConfig3d::Explicit(1, 0, 2));
    agrees(&stirred(three.init(&device())), &[2, 4, 5, 3], any, |m, x: Tensor<5>| m.forward(x));
}

#[test]
fn transposed_convolutions() {
    let one = ConvTranspose1dConfig::new([4, 6], 3).with_stride(2).with_padding(1).with_padding_out(1).with_groups(2);
    agrees(&stirred(one.init(&device())), &[4, 5], any, |m, x: Tensor<3>| m.forward(x));
    let two =
        ConvTranspose2dConfig::new([3, 5], [3, 2]).with_stride([2, 3]).with_padding([1, 0]).with_padding_out([1, 0]);
    agrees(&stirred(two.init(&device())), &[3, 4, 5], any, |m, x: Tensor<4>| m.forward(x));
    let three = ConvTranspose3dConfig::new([2, 3], [2, 1, 2]).with_stride([2, 1, 1]);
    agrees(&stirred(three.init(&device())), &[2, 3, 2, 4], any, |m, x: Tensor<5>| m.forward(x));
}

#[test]
fn pools() {
    let max = MaxPool1dConfig::new(3).with_stride(2).with_padding(PaddingConfig1d::Explicit(1, 1)).init();
    agrees(&max, &[2, 9], any, |m, x: Tensor<3>| m.forward(x));
    let max = MaxPool2dConfig::new([3, 2]).with_strides([2, 1]).with_dilation([1, 2]).init();
    agrees(&max, &[2, 8, 7], any, |m, x: Tensor<4>| m.forward(x));
    for count_include_pad in [true, false] {
        let average = AvgPool1dConfig::new(3).with_stride(2).with_padding(PaddingConfig1d::Explicit(1, 1));
        let average = average.with_count_include_pad(count_include_pad).init();
        agrees(&average, &[2, 9], any, |m, x: Tensor<3>| m.forward(x));
        let average = AvgPool2dConfig::new([3, 2]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
        let average = average.with_count_include_pad(count_include_pad).init();
        agrees(&average, &[2, 8, 7], any, |m, x: Tensor<4>| m.forward(x));
    }
}

#[test]
fn adaptive_pools_of_sizes_that_divide_and_that_do_not() {
    for size in [1, 3, 4, 5] {
        agrees(&AdaptiveAvgPool1dConfig::new(size).init(), &[2, 12], any, |m, x: Tensor<3>| m.forward(x));
    }
    for size in [[1, 1], [3, 2], [5, 4], [2, 5]] {
        agrees(&AdaptiveAvgPool2dConfig::new(size).init(), &[2, 12, 8], any, |m, x: Tensor<4>| m.forward(x));
    }
}

#[test]
fn normalisations() {
    agrees(&stirred(BatchNormConfig::new(3).init(&device())), &[3, 5], any, |m, x: Tensor<3>| m.forward(x));
    agrees(&stirred(LayerNormConfig::new(6).init(&device())), &[4, 6], any, |m, x: Tensor<3>| m.forward(x));
    agrees(&stirred(GroupNormConfig::new(2, 4).init(&device())), &[4, 3, 5], any, |m, x: Tensor<4>| m.forward(x));
    agrees(&stirred(InstanceNormConfig::new(4).init(&device())), &[4, 3, 5], any, |m, x: Tensor<4>| m.forward(x));
    agrees(&stirred(RmsNormConfig::new(6).init(&device())), &[4, 6], any, |m, x: Tensor<3>| m.forward(x));
    let local = LocalResponseNormConfig::new(3).init();
    agrees(&local, &[5, 3, 4], any, |m, x: Tensor<4>| m.forward(x));
}

#[test]
fn linear_layers_of_any_rank() {
    let linear = stirred(LinearConfig::new(5, 3).init(&device()));
    agrees(&linear, &[5], any, |m, x: Tensor<2>| m.forward(x));
    agrees(&linear, &[4, 5], any, |m, x: Tensor<3>| m.forward(x));
    agrees(&linear, &[2, 4, 5], any, |m, x: Tensor<4>| m.forward(x));
    let bare = stirred(LinearConfig::new(5, 3).with_bias(false).init(&device()));
    agrees(&bare, &[4, 5], any, |m, x: Tensor<3>| m.forward(x));
}

#[test]
fn activations_with_parameters() {
    agrees(&stirred(PReluConfig::new().with_num_parameters(4).init(&device())), &[4, 5], any, |m, x: Tensor<3>| {
        m.forward(x)
    });
    agrees(&stirred(SwiGluConfig::new(5, 3).init(&device())), &[4, 5], any, |m, x: Tensor<3>| m.forward(x));
}

#[test]
fn an_embedding_picks_rows() {
    let table = stirred(EmbeddingConfig::new(7, 3).init(&device()));
    agrees(&table, &[5], any, |m, x: Tensor<2>| m.forward(x.abs().clamp_max(2.0).mul_scalar(3.0).int()));
}

#[test]
fn interpolations() {
    for mode in [InterpolateMode::Nearest, InterpolateMode::Linear, InterpolateMode::Cubic] {
        for size in [[7, 5], [2, 9]] {
            let layer = Interpolate2dConfig::new().with_output_size(Some(size)).with_mode(mode.clone()).init();
            agrees(&layer, &[2, 3, 4], any, |m, x: Tensor<4>| m.forward(x));
        }
    }
}

#[test]
fn attention_and_a_transformer() {
    let attention = stirred(attention::MultiHeadAttentionConfig::new(8, 2).init(&device()));
    agrees(&attention, &[5, 8], any, |m, x: Tensor<3>| m.forward(attention::MhaInput::self_attn(x)).context);
    let encoder = transformer::TransformerEncoderConfig::new(8, 16, 2, 2).with_norm_first(true);
    agrees(&stirred(encoder.init(&device())), &[5, 8], any, |m, x: Tensor<3>| {
        m.forward(transformer::TransformerEncoderInput::new(x))
    });
}

#[test]
fn recurrent_layers() {
    let lstm = stirred(LstmConfig::new(4, 6, true).init(&device()));
    agrees(&lstm, &[5, 4], any, |m, x: Tensor<3>| m.forward(x, None).0);
    let gru = stirred(GruConfig::new(4, 6, true).init(&device()));
    agrees(&gru, &[5, 4], any, |m, x: Tensor<3>| m.forward(x, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn convolutions_of_random_shapes(
        (groups, ins, outs) in (1..3_usize, 1..4_usize, 1..4_usize),
        (kernel, stride, dilation) in (1..4_usize, 1..3_usize, 1..3_usize),
        side in 7..12_usize,
        pads in prop::array::uniform4(0..3_usize),
    ) {
        let [top, left, bottom, right] = pads;
        let config = Conv2dConfig::new([ins * groups, outs * groups], [kernel, 2])
            .with_groups(groups)
            .with_stride([stride, 1])
            .with_dilation([1, dilation])
            .with_padding(PaddingConfig2d::Explicit(top, left, bottom, right));
        agrees(&stirred(config.init(&device())), &[ins * groups, side, side], any, |m, x: Tensor<4>| m.forward(x));
    }

    #[test]
    fn adaptive_pools_of_random_shapes(side in 1..12_usize, rows in 1..12_usize, columns in 1..12_usize) {
        prop_assume!(rows <= side);
        let pool = AdaptiveAvgPool2dConfig::new([rows, columns]).init();
        agrees(&pool, &[2, side, columns + 3], any, |m, x: Tensor<4>| m.forward(x));
    }

    #[test]
    fn pieces_of_random_shapes(len in 3..9_usize, start in 0..3_usize, take in 1..6_usize, step in 1..3_isize) {
        let end = (start + take).min(len);
        agrees(&nothing(), &[len, 2], any, |_, x: Tensor<3>| {
            x.slice([burn::tensor::Slice::full(), burn::tensor::Slice::new(start as isize, Some(end as isize), step)])
        });
    }
}
