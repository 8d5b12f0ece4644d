//! Forms of an operation that are refused, and what is said.

use burn::nn::interpolate::{Interpolate2dConfig, InterpolateMode};
use burn::nn::pool::AdaptiveAvgPool2dConfig;
use burn::tensor::ops::{GridSampleOptions, InterpolateMode as Sampling};
use burn::tensor::{Distribution, IndexingUpdateOp, Int, Tensor, s};

use crate::lowering::case::{Case, function, layer, on};

/// Forwards that no export takes, with a part of what is said.
pub fn cases() -> Vec<(Case, &'static str)> {
    let nearest = Interpolate2dConfig::new().with_output_size(Some([7, 5])).with_mode(InterpolateMode::NearestExact);
    let one_length = "is written for one length of axis";
    vec![
        (layer("interpolate NearestExact", nearest.init(), [2, 3, 4], |m, x: Tensor<4>| m.forward(x)), "on a CPU"),
        (
            on("grid_sample_2d Bicubic", [2, 4, 5], |x: Tensor<4>| {
                let grid = x.clone().slice(s![.., 0..2, 0..3, ..]).permute([0, 2, 3, 1]);
                x.grid_sample_2d(grid, GridSampleOptions::new(Sampling::Bicubic))
            }),
            "on a CPU",
        ),
        (function("cumprod along an open axis", |x| x.cumprod(2)).long(&[1]), one_length),
        (function("unfold along an open axis", |x| x.unfold::<4, _>(2, 2, 2)).long(&[1]).in_steps_of(2), one_length),
        (
            layer("adaptive_avg_pool2d of an open side", AdaptiveAvgPool2dConfig::new([2, 2]).init(), [2, 4, 4], {
                |m, x: Tensor<4>| m.forward(x)
            })
            .long(&[1]),
            one_length,
        ),
        // Burn divides by a length that it has read as a number.
        (function("var along an open axis", |x| x.var(2)).long(&[1]), "in more than its shapes"),
        (
            function("slice_assign with steps to an open end", |x| {
                let len = x.dims()[2];
                x.clone().slice_assign(s![.., .., 0..len as isize;2], x.slice(s![.., .., 0..len as isize;2]).cos())
            })
            .long(&[1])
            .in_steps_of(2),
            "whose places depend on a symbol",
        ),
        (
            function("select_assign of truth values, or", |x| {
                let at = Tensor::<1, Int>::from_data([2, 0], &x.device());
                let (mask, new) = (x.clone().greater_elem(0.1), x.slice(s![.., 0..2, ..]).greater_elem(0.5));
                mask.select_assign(1, at, new, IndexingUpdateOp::Add).float()
            }),
            "truth values",
        ),
        (
            function("random numbers", |x| {
                x.clone() + Tensor::<2>::random([4, 5], Distribution::Default, &x.device()).unsqueeze()
            }),
            "comes from a generator",
        ),
    ]
}
