//! Layers with parameters, every one of which matters.

use burn::nn::attention::{MhaInput, MultiHeadAttentionConfig};
use burn::nn::conv::*;
use burn::nn::transformer::{TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::*;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Tensor, s};

use crate::lowering::case::{Case, Engine, layer, on};

fn device() -> Device {
    Device::flex()
}

pub fn cases() -> Vec<Case> {
    let mut cases = convolutions();
    cases.extend(transposed());
    cases.extend(deformable());
    cases.extend(normalisations());
    cases.extend(products());
    cases.extend(attentions());
    cases
}

fn convolutions() -> Vec<Case> {
    let one = Conv1dConfig::new(4, 6, 3).with_stride(2).with_groups(2).with_dilation(2);
    let two = Conv2dConfig::new([3, 5], [3, 2]).with_padding(PaddingConfig2d::Explicit(1, 2, 0, 1));
    let grouped = Conv2dConfig::new([4, 6], [2, 3]).with_groups(2).with_stride([1, 2]).with_dilation([2, 1]);
    let same = Conv2dConfig::new([3, 5], [3, 3]).with_padding(PaddingConfig2d::Same).with_bias(false);
    let three = Conv3dConfig::new([2, 3], [2, 3, 1]).with_padding(PaddingConfig3d::Explicit(1, 0, 2));
    let stepping = Conv3dConfig::new([2, 4], [2, 1, 3]).with_stride([1, 2, 1]).with_dilation([2, 1, 1]).with_groups(2);
    vec![
        layer("conv1d", one.init(&device()), [4, 11], |m, x: Tensor<3>| m.forward(x)).open(&[1]),
        layer("conv2d", two.init(&device()), [3, 7, 6], |m, x: Tensor<4>| m.forward(x)).open(&[1, 2]),
        layer("conv2d in groups", grouped.init(&device()), [4, 7, 6], |m, x: Tensor<4>| m.forward(x)).open(&[1, 2]),
        layer("conv2d, same size", same.init(&device()), [3, 7, 6], |m, x: Tensor<4>| m.forward(x)).open(&[1, 2]),
        layer("conv3d", three.init(&device()), [2, 4, 5, 3], |m, x: Tensor<5>| m.forward(x)).open(&[1, 2, 3]),
        layer("conv3d in groups", stepping.init(&device()), [2, 4, 5, 6], |m, x: Tensor<5>| m.forward(x))
            .open(&[1, 2, 3]),
    ]
}

fn transposed() -> Vec<Case> {
    let one = ConvTranspose1dConfig::new([4, 6], 3).with_stride(2).with_padding(1).with_padding_out(1).with_groups(2);
    let two =
        ConvTranspose2dConfig::new([3, 5], [3, 2]).with_stride([2, 3]).with_padding([1, 0]).with_padding_out([1, 0]);
    let dilated = ConvTranspose2dConfig::new([4, 6], [2, 3]).with_dilation([2, 1]).with_groups(2).with_bias(false);
    let three = ConvTranspose3dConfig::new([2, 3], [2, 1, 2]).with_stride([2, 1, 1]);
    vec![
        layer("conv_transpose1d", one.init(&device()), [4, 5], |m, x: Tensor<3>| m.forward(x)).open(&[1]),
        layer("conv_transpose2d", two.init(&device()), [3, 4, 5], |m, x: Tensor<4>| m.forward(x)).open(&[1, 2]),
        layer("conv_transpose2d in groups", dilated.init(&device()), [4, 4, 5], |m, x: Tensor<4>| m.forward(x))
            .open(&[1, 2]),
        layer("conv_transpose3d", three.init(&device()), [2, 3, 2, 4], |m, x: Tensor<5>| m.forward(x)).open(&[1, 2, 3]),
    ]
}

fn deformable() -> Vec<Case> {
    let absent = "tract has no DeformConv";
    let plain = DeformConv2dConfig::new([2, 3], [3, 2]).with_padding(PaddingConfig2d::Explicit(1, 0, 1, 0));
    let grouped = DeformConv2dConfig::new([4, 6], [2, 2])
        .with_stride([2, 1])
        .with_dilation([1, 2])
        .with_weight_groups(2)
        .with_offset_groups(2)
        .with_bias(false);
    vec![
        // 2 x 3 x 2 channels of offsets, read off the input: the output is as high and one narrower.
        layer("deform_conv2d", plain.init(&device()), [2, 6, 5], |m, x: Tensor<4>| {
            let offset = x.clone().repeat(&[1, 6, 1, 1]).slice(s![.., .., .., 0..4]).sin();
            m.forward(x, offset, None)
        })
        .not_in(Engine::Tract, absent),
        layer("deform_conv2d in groups, with a mask", grouped.init(&device()), [4, 6, 5], |m, x: Tensor<4>| {
            let at = x.clone().slice(s![.., .., 0..3, 0..3]);
            let offset = at.clone().repeat(&[1, 4, 1, 1]).cos();
            m.forward(x, offset, Some(at.repeat(&[1, 2, 1, 1]).sin()))
        })
        .not_in(Engine::Tract, absent),
    ]
}

fn normalisations() -> Vec<Case> {
    let d = device();
    vec![
        layer("batch_norm", BatchNormConfig::new(3).init(&d), [3, 5], |m, x: Tensor<3>| m.forward(x)).open(&[1]),
        layer("batch_norm of images", BatchNormConfig::new(3).init(&d), [3, 5, 4], |m, x: Tensor<4>| m.forward(x))
            .open(&[1, 2]),
        layer("layer_norm", LayerNormConfig::new(6).init(&d), [4, 6], |m, x: Tensor<3>| m.forward(x)).open(&[0]),
        layer("group_norm", GroupNormConfig::new(2, 4).init(&d), [4, 3, 5], |m, x: Tensor<4>| m.forward(x))
            .open(&[1, 2]),
        layer("instance_norm", InstanceNormConfig::new(3).init(&d), [3, 4, 5], |m, x: Tensor<4>| m.forward(x))
            .open(&[1, 2]),
        layer("rms_norm", RmsNormConfig::new(6).init(&d), [4, 6], |m, x: Tensor<3>| m.forward(x)).open(&[0]),
        layer("local_response_norm", LocalResponseNormConfig::new(5).init(), [6, 3, 4], |m, x: Tensor<4>| m.forward(x))
            .open(&[1, 2]),
    ]
}

fn products() -> Vec<Case> {
    let d = device();
    let linear = LinearConfig::new(5, 3);
    vec![
        layer("linear", linear.init(&d), [5], |m, x: Tensor<2>| m.forward(x)),
        layer("linear of rank 3", linear.init(&d), [4, 5], |m, x: Tensor<3>| m.forward(x)).open(&[0]),
        layer("linear of rank 4", linear.init(&d), [2, 4, 5], |m, x: Tensor<4>| m.forward(x)).open(&[0, 1]),
        layer("linear without bias", linear.clone().with_bias(false).init(&d), [4, 5], |m, x: Tensor<3>| m.forward(x))
            .open(&[0]),
        layer("linear with a square matrix", LinearConfig::new(5, 5).init(&d), [5], |m, x: Tensor<2>| m.forward(x)),
        layer("embedding", EmbeddingConfig::new(7, 3).init(&d), [5], |m, x: Tensor<2>| {
            m.forward(x.abs().clamp_max(2.0).mul_scalar(3.0).int())
        })
        .open(&[0]),
        layer("lstm", LstmConfig::new(4, 6, true).init(&d), [5, 4], |m, x: Tensor<3>| m.forward(x, None).0),
        layer("lstm backwards", LstmConfig::new(4, 6, false).with_reverse(true).init(&d), [5, 4], |m, x: Tensor<3>| {
            m.forward(x, None).0
        }),
        layer("gru", GruConfig::new(4, 6, true).init(&d), [5, 4], |m, x: Tensor<3>| m.forward(x, None)),
    ]
}

/// Query, key and value of two heads, from an input of `[heads, length, width]`.
fn heads(x: Tensor<4>) -> [Tensor<4>; 3] {
    [x.clone(), x.clone().cos(), x.sin()]
}

fn attentions() -> Vec<Case> {
    let d = device();
    let options = |scale, softcap, is_causal| AttentionModuleOptions { scale, softcap, is_causal };
    let encoder = TransformerEncoderConfig::new(8, 16, 2, 2).with_norm_first(true);
    vec![
        on("attention", [2, 5, 4], move |x: Tensor<4>| {
            let [q, k, v] = heads(x);
            attention(q, k, v, None, None, options(None, None, false))
        }),
        on("attention, causal", [2, 5, 4], move |x: Tensor<4>| {
            let [q, k, v] = heads(x);
            attention(q, k, v, None, None, options(Some(0.3), None, true))
        }),
        on("attention with a mask, a bias and a cap", [2, 5, 4], move |x: Tensor<4>| {
            let [q, k, v] = heads(x);
            let scores = q.clone().matmul(k.clone().swap_dims(2, 3));
            // Each query overlooks the key that it fits best.
            let mask = scores.clone().greater_equal(scores.clone().max_dim(3));
            attention(q, k, v, Some(mask), Some(scores.cos()), options(None, Some(2.0), false))
        }),
        layer("multi_head_attention", MultiHeadAttentionConfig::new(8, 2).init(&d), [5, 8], |m, x: Tensor<3>| {
            m.forward(MhaInput::self_attn(x)).context
        })
        .open(&[0]),
        layer("transformer_encoder", encoder.init(&d), [5, 8], |m, x: Tensor<3>| {
            m.forward(TransformerEncoderInput::new(x))
        })
        .open(&[0]),
    ]
}
