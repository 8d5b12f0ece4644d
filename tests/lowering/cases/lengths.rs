//! Lengths that stay open beside the batch, such as that of a sequence or the sides of an image.

use burn::nn::attention::{MhaInput, MultiHeadAttentionConfig, generate_autoregressive_mask};
use burn::nn::conv::{Conv1dConfig, Conv2dConfig, ConvTranspose2dConfig};
use burn::nn::interpolate::{Interpolate2dConfig, InterpolateMode};
use burn::nn::pool::{AdaptiveAvgPool2dConfig, MaxPool2dConfig};
use burn::nn::{EmbeddingConfig, GroupNormConfig, LayerNormConfig, LinearConfig, PaddingConfig1d};
use burn::tensor::activation as act;
use burn::tensor::module::attention;
use burn::tensor::ops::{AttentionModuleOptions, GridSampleOptions, PadMode};
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, s};

use crate::lowering::case::{Case, function, layer, on};

pub fn cases() -> Vec<Case> {
    let mut cases = sequences();
    cases.extend(moved());
    cases.extend(layers());
    cases
}

/// An operation on items of 4 x 5, both of them open.
fn open<const E: usize>(name: &str, forward: impl Fn(Tensor<3>) -> Tensor<E> + Clone + Send + Sync + 'static) -> Case {
    function(&format!("open {name}"), forward).long(&[0, 1])
}

fn sequences() -> Vec<Case> {
    vec![
        open("softmax", |x| act::softmax(x, 1)),
        open("matmul", |x| x.clone().matmul(x.transpose())),
        open("sum_dim", |x| x.sum_dim(1)),
        open("mean_dim", |x| x.mean_dim(2)),
        open("mean", |x| x.clone() + x.mean().unsqueeze()),
        open("argmax", |x| x.argmax(2).float()),
        open("cumsum", |x| x.cumsum(1)),
        open("sort", |x| x.sort(2)),
        open("argsort", |x| x.argsort_descending(1).float()),
        open("topk", |x| x.topk(3, 2)),
    ]
}

fn moved() -> Vec<Case> {
    vec![
        open("reshape to one axis", |x| x.clone().reshape([x.dims()[0] as i32, -1])),
        open("swap_dims", |x| x.swap_dims(1, 2)),
        open("flip", |x| x.flip([1, 2])),
        open("slice to the end", |x| x.slice(s![.., 1.., 2..])),
        open("slice from the end", |x| x.slice(s![.., -3..-1, ..])),
        open("slice with steps", |x| x.slice(s![.., 0..4;2, ..])),
        open("cat", |x| Tensor::cat(vec![x.clone(), x.cos()], 1)),
        open("repeat_dim", |x| x.repeat_dim(2, 3)),
        open("expand", |x| {
            let dims = x.dims();
            x.clone().mean_dim(1).expand(dims).sub(x)
        }),
        open("pad", |x| x.pad((1, 2, 0, 1), PadMode::Constant(0.5))),
        open("zeros", |x| Tensor::cat(vec![x.clone(), Tensor::zeros(x.shape(), &x.device())], 2)),
        open("rows of the batch", |x| {
            let [n, rows, columns] = x.dims();
            x.reshape([n * rows, columns]).cumsum(1).reshape([n, rows, columns])
        }),
        open("select", |x| {
            let device = x.device();
            x.select(2, Tensor::<1, Int>::from_data([3, 0, 3], &device))
        }),
        open("gather", |x| x.clone().gather(2, x.argsort(2))),
        open("mask_where", |x| x.clone().mask_where(x.clone().greater(x.clone().cos()), x.cos())),
        open("slice_assign", |x| x.clone().slice_assign(s![.., 1..3, ..], x.slice(s![.., 0..2, ..]).cos())),
        open("slice_assign along two axes", |x| {
            x.clone().slice_assign(s![.., 1..3, 2..], x.slice(s![.., 0..2, 2..]).cos())
        }),
        open("slice_assign with steps", |x| {
            x.clone().slice_assign(s![.., .., 0..5;2], x.slice(s![.., .., 0..3]).cos())
        }),
        open("scatter", |x| x.clone().scatter(2, x.clone().argsort(2), x.cos(), IndexingUpdateOp::Add)),
        open("select_assign", |x| {
            let at = Tensor::<1, Int>::from_data([3, 0, 1], &x.device());
            let values = x.clone().slice(s![.., .., 0..3]).cos();
            x.select_assign(2, at, values, IndexingUpdateOp::Add)
        }),
        // Along the axis that is not open.
        on("open cumprod", [4, 5], |x: Tensor<3>| x.cumprod(1)).long(&[1]),
        on("open unfold", [4, 5], |x: Tensor<3>| x.unfold::<4, _>(2, 3, 2)).long(&[0]),
    ]
}

fn layers() -> Vec<Case> {
    let d = Device::flex();
    let same = Conv1dConfig::new(3, 4, 3).with_padding(PaddingConfig1d::Explicit(1, 1));
    let up = ConvTranspose2dConfig::new([3, 2], [2, 2]).with_stride([2, 2]);
    let twice = Interpolate2dConfig::new().with_scale_factor(Some([2.0, 2.0])).with_mode(InterpolateMode::Nearest);
    let causal = AttentionModuleOptions { scale: None, softcap: None, is_causal: true };
    vec![
        layer("open linear", LinearConfig::new(5, 3).init(&d), [4, 5], |m, x: Tensor<3>| m.forward(x)).long(&[0]),
        layer("open layer_norm", LayerNormConfig::new(6).init(&d), [4, 6], |m, x: Tensor<3>| m.forward(x)).long(&[0]),
        layer("open group_norm", GroupNormConfig::new(2, 4).init(&d), [4, 3, 5], |m, x: Tensor<4>| m.forward(x))
            .long(&[1, 2]),
        layer("open embedding", EmbeddingConfig::new(7, 3).init(&d), [5], |m, x: Tensor<2>| {
            m.forward(x.abs().clamp_max(2.0).mul_scalar(3.0).int())
        })
        .long(&[0]),
        layer("open conv1d", same.init(&d), [3, 5], |m, x: Tensor<3>| m.forward(x)).long(&[1]),
        layer("open conv2d, halving", Conv2dConfig::new([2, 3], [2, 2]).with_stride([2, 2]).init(&d), [2, 4, 6], {
            |m, x: Tensor<4>| m.forward(x)
        })
        .long(&[1, 2])
        .in_steps_of(2),
        layer("open conv_transpose2d", up.init(&d), [3, 4, 5], |m, x: Tensor<4>| m.forward(x)).long(&[1, 2]),
        layer("open max_pool2d", MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(), [2, 4, 6], {
            |m, x: Tensor<4>| m.forward(x)
        })
        .long(&[1, 2])
        .in_steps_of(2),
        layer("open global average", AdaptiveAvgPool2dConfig::new([1, 1]).init(), [2, 4, 5], |m, x: Tensor<4>| {
            m.forward(x)
        })
        .long(&[1, 2]),
        layer("open interpolate", twice.init(), [2, 3, 4], |m, x: Tensor<4>| m.forward(x)).long(&[1, 2]),
        on("open grid_sample_2d", [2, 4, 5], |x: Tensor<4>| {
            let grid = x.clone().slice(s![.., 0..2, 0..3, ..]).sin().permute([0, 2, 3, 1]);
            x.grid_sample_2d(grid, GridSampleOptions::default())
        })
        .long(&[1, 2]),
        on("open attention, causal", [2, 5, 4], move |x: Tensor<4>| {
            attention(x.clone(), x.clone().cos(), x.sin(), None, None, causal)
        })
        .long(&[1]),
        layer("open multi_head_attention", MultiHeadAttentionConfig::new(8, 2).init(&d), [5, 8], |m, x: Tensor<3>| {
            let [n, len, _] = x.dims();
            let mask = generate_autoregressive_mask(n, len, &x.device());
            m.forward(MhaInput::self_attn(x).mask_attn(mask)).context
        })
        .long(&[0]),
    ]
}
