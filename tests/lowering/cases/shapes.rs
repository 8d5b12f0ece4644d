//! Operations that move elements or make them: the batch stays open through each of them.

use burn::tensor::ops::PadMode;
use burn::tensor::{FloatDType, Tensor, s};

use crate::lowering::case::{Case, function, on};

pub fn cases() -> Vec<Case> {
    let mut cases = arranged();
    cases.extend(cut());
    cases.extend(joined());
    cases.extend(made());
    cases
}

fn arranged() -> Vec<Case> {
    vec![
        function("reshape", |x| x.clone().reshape([x.dims()[0] as i32, -1])),
        function("swap_dims", |x| x.swap_dims(1, 2)),
        function("permute", |x| x.permute([2, 0, 1])),
        function("flatten", |x| x.flatten::<2>(0, 1)),
        function("unsqueeze and squeeze", |x| x.unsqueeze_dim::<4>(2).cos().squeeze_dim::<3>(2)),
        // Batch and rows become one axis and two again.
        function("rows of the batch", |x| {
            let [n, rows, columns] = x.dims();
            x.reshape([n * rows, columns]).cumsum(1).reshape([n, rows, columns])
        }),
        function("flip", |x| x.flip([1, 2])),
        function("flip along the batch", |x| x.flip([0])),
        function("roll_dim", |x| x.roll_dim(2, 1)),
        on("movedim", [2, 3, 4], |x: Tensor<4>| x.movedim(1, 3)),
        function("transpose", |x| x.transpose()),
    ]
}

fn cut() -> Vec<Case> {
    vec![
        function("slice", |x| x.slice(s![.., 1..3, ..])),
        function("slice to the end", |x| x.slice(s![.., .., 2..])),
        function("slice from the end", |x| x.slice(s![.., -3..-1, ..])),
        function("slice with steps", |x| x.slice(s![.., 0..4;2, ..])),
        function("slice backwards", |x| x.slice(s![.., .., 1..5;-1])),
        function("slice backwards with steps", |x| x.slice(s![.., .., 1..4;-2])),
        function("slice the whole batch", |x| x.clone().slice(s![0..x.dims()[0], 1..2, ..])),
        function("slice the last of the batch", |x| x.slice(s![-1.., .., ..])),
        function("narrow", |x| x.narrow(2, 1, 3)),
        function("chunk", |x| x.chunk(2, 1).remove(1)),
        on("split", [4, 6], |x: Tensor<3>| x.split(2, 2).remove(1)),
        function("triu", |x| x.triu(1)),
        function("tril", |x| x.tril(-1)),
    ]
}

fn joined() -> Vec<Case> {
    vec![
        function("cat", |x| Tensor::cat(vec![x.clone(), x.clone().cos(), x], 1)),
        function("stack", |x| Tensor::stack::<4>(vec![x.clone(), x.sin()], 2)),
        function("repeat_dim", |x| x.repeat_dim(2, 3)),
        function("repeat", |x| x.repeat(&[1, 2, 2])),
        function("repeat the batch", |x| x.repeat_dim(0, 2)),
        function("expand", |x| {
            let [n, _, columns] = x.dims();
            x.mean_dim(1).expand([n, 6, columns])
        }),
        function("pad with a number", |x| x.pad((1, 2, 0, 1), PadMode::Constant(0.5))),
        function("pad by reflection", |x| x.pad((2, 1, 1, 2), PadMode::Reflect)),
        function("pad with the edge", |x| x.pad((2, 1, 1, 2), PadMode::Edge)),
    ]
}

fn made() -> Vec<Case> {
    vec![
        function("ones", |x| Tensor::cat(vec![Tensor::ones(x.shape(), &x.device()), x], 1)),
        function("full", |x| Tensor::cat(vec![Tensor::full(x.shape(), 2.5, &x.device()), x], 1)),
        function("zeros", |x| Tensor::cat(vec![x.clone(), Tensor::zeros(x.shape(), &x.device())], 1)),
        function("empty", |x| {
            let empty = Tensor::empty(x.shape(), &x.device());
            empty.mask_where(x.clone().lower_elem(99.0), x)
        }),
        function("cast", |x| x.cast(FloatDType::F64).mul_scalar(3.0).cast(FloatDType::F32)),
        function("to int", |x| x.mul_scalar(5.0).int().float()),
    ]
}
