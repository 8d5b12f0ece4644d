//! Pools, interpolation, sampling, windows.

use burn::nn::Unfold4dConfig;
use burn::nn::interpolate::{Interpolate1dConfig, Interpolate2dConfig, InterpolateMode};
use burn::nn::pool::*;
use burn::nn::{PaddingConfig1d, PaddingConfig2d};
use burn::tensor::module::{max_pool1d_with_indices, max_pool2d_with_indices};
use burn::tensor::ops::{GridSampleOptions, GridSamplePaddingMode, InterpolateMode as Sampling, MaxPoolOptions};
use burn::tensor::{Tensor, s};

use crate::lowering::case::{Case, layer, on};

pub fn cases() -> Vec<Case> {
    let mut cases = plain();
    cases.extend(adaptive());
    cases.extend(with_indices());
    cases.extend(interpolations());
    cases.extend(samples());
    cases.extend(windows());
    cases
}

fn plain() -> Vec<Case> {
    let max1 = MaxPool1dConfig::new(3).with_stride(2).with_padding(PaddingConfig1d::Explicit(1, 1));
    let max2 = MaxPool2dConfig::new([3, 2]).with_strides([2, 1]).with_dilation([1, 2]);
    let uneven = MaxPool2dConfig::new([3, 2]).with_padding(PaddingConfig2d::Explicit(0, 1, 1, 0));
    let ceil = MaxPool2dConfig::new([3, 3]).with_strides([2, 2]).with_ceil_mode(true);
    let mut cases = vec![
        layer("max_pool1d", max1.init(), [2, 10], |m, x: Tensor<3>| m.forward(x)).open(&[0, 1]),
        layer("max_pool2d", max2.init(), [2, 8, 7], |m, x: Tensor<4>| m.forward(x)).open(&[0, 1, 2]),
        layer("max_pool2d, uneven padding", uneven.init(), [2, 8, 7], |m, x: Tensor<4>| m.forward(x)).open(&[0, 1, 2]),
        layer("max_pool2d, rounded up", ceil.init(), [2, 8, 6], |m, x: Tensor<4>| m.forward(x)).open(&[0, 1, 2]),
    ];
    for padded in [true, false] {
        let one = AvgPool1dConfig::new(3).with_stride(2).with_padding(PaddingConfig1d::Explicit(1, 1));
        let two = AvgPool2dConfig::new([3, 2]).with_strides([2, 1]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
        let name = |what: &str| format!("{what}, padding {}", if padded { "counted" } else { "not counted" });
        cases.extend([
            layer(&name("avg_pool1d"), one.with_count_include_pad(padded).init(), [2, 10], |m, x: Tensor<3>| {
                m.forward(x)
            })
            .open(&[0, 1]),
            layer(&name("avg_pool2d"), two.with_count_include_pad(padded).init(), [2, 8, 7], |m, x: Tensor<4>| {
                m.forward(x)
            })
            .open(&[0, 1, 2]),
        ]);
    }
    cases
}

fn adaptive() -> Vec<Case> {
    let one = |size| {
        layer(&format!("adaptive_avg_pool1d to {size}"), AdaptiveAvgPool1dConfig::new(size).init(), [2, 12], {
            |m, x: Tensor<3>| m.forward(x)
        })
        .open(&[0, 1])
    };
    let two = |size: [usize; 2]| {
        layer(&format!("adaptive_avg_pool2d to {size:?}"), AdaptiveAvgPool2dConfig::new(size).init(), [2, 12, 8], {
            |m, x: Tensor<4>| m.forward(x)
        })
        .open(&[0, 1, 2])
    };
    let three = |size: [usize; 3]| {
        layer(&format!("adaptive_avg_pool3d to {size:?}"), AdaptiveAvgPool3dConfig::new(size).init(), [2, 6, 4, 5], {
            |m, x: Tensor<5>| m.forward(x)
        })
        .open(&[0, 1, 2, 3])
    };
    vec![
        one(1),
        one(4),
        one(5),
        two([1, 1]),
        two([3, 2]),
        two([5, 4]),
        two([1, 3]),
        three([1, 1, 1]),
        three([3, 2, 5]),
        three([4, 3, 2]),
    ]
}

fn with_indices() -> Vec<Case> {
    vec![
        on("max_pool1d_with_indices", [2, 10], |x: Tensor<3>| {
            let options = MaxPoolOptions::new([3]).with_stride([2]).with_padding([1]);
            let (value, index) = max_pool1d_with_indices(x, options);
            value + index.float()
        }),
        on("max_pool2d_with_indices", [2, 8, 7], |x: Tensor<4>| {
            let (value, index) = max_pool2d_with_indices(x, MaxPoolOptions::new([3, 2]).with_padding([1, 0]));
            value + index.float()
        }),
        on("max_pool2d_with_indices, only the indices", [2, 8, 7], |x: Tensor<4>| {
            let options = MaxPoolOptions { dilation: [1, 2], ..MaxPoolOptions::new([2, 2]).with_stride([1, 2]) };
            max_pool2d_with_indices(x, options).1.float()
        }),
    ]
}

fn interpolations() -> Vec<Case> {
    let mut cases = Vec::new();
    for mode in [InterpolateMode::Nearest, InterpolateMode::Linear, InterpolateMode::Cubic, InterpolateMode::Lanczos] {
        for align_corners in [true, false] {
            for size in [[7, 5], [2, 9]] {
                let config = Interpolate2dConfig::new().with_output_size(Some(size)).with_mode(mode.clone());
                let corners = if align_corners { ", corners aligned" } else { "" };
                let name = format!("interpolate {mode:?} to {size:?}{corners}");
                let layer_ = config.with_align_corners(align_corners).init();
                cases.push(layer(&name, layer_, [2, 3, 4], |m, x: Tensor<4>| m.forward(x)).open(&[0, 1, 2]));
            }
        }
    }
    let by_scale = Interpolate2dConfig::new().with_scale_factor(Some([2.0, 1.5]));
    let one = Interpolate1dConfig::new().with_output_size(Some(9)).with_mode(InterpolateMode::Linear);
    cases.extend([
        layer("interpolate by a factor", by_scale.init(), [2, 4, 6], |m, x: Tensor<4>| m.forward(x)),
        layer("interpolate1d", one.init(), [2, 5], |m, x: Tensor<3>| m.forward(x)).open(&[0, 1]),
    ]);
    cases
}

fn samples() -> Vec<Case> {
    let mut cases = Vec::new();
    for mode in [Sampling::Nearest, Sampling::Bilinear] {
        for padding in [GridSamplePaddingMode::Zeros, GridSamplePaddingMode::Border, GridSamplePaddingMode::Reflection]
        {
            for align_corners in [true, false] {
                let options =
                    GridSampleOptions::new(mode.clone()).with_padding_mode(padding).with_align_corners(align_corners);
                let corners = if align_corners { ", corners aligned" } else { "" };
                let name = format!("grid_sample_2d {mode:?}, {padding:?}{corners}");
                // Places from -1.3 to 1.3, read off the image: two of its channels are a grid.
                cases.push(on(&name, [2, 4, 5], move |x: Tensor<4>| {
                    let grid = x.clone().slice(s![.., 0..2, 0..3, ..]).sin().mul_scalar(1.3).permute([0, 2, 3, 1]);
                    x.grid_sample_2d(grid, options.clone())
                }));
            }
        }
    }
    cases
}

fn windows() -> Vec<Case> {
    let plain = Unfold4dConfig::new([3, 2]);
    let stepping = Unfold4dConfig::new([2, 3]).with_stride([2, 1]).with_dilation([1, 2]).with_padding([1, 2]);
    vec![
        layer("unfold4d", plain.init(), [2, 5, 6], |m, x: Tensor<4>| m.forward(x)).open(&[0, 1, 2]),
        layer("unfold4d with steps", stepping.init(), [2, 5, 6], |m, x: Tensor<4>| m.forward(x)).open(&[0, 1, 2]),
    ]
}
