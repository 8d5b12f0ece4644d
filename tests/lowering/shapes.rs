//! Operations that move elements: the batch stays open through each of them.

use burn::tensor::ops::PadMode;
use burn::tensor::{Int, Tensor, TensorData, s};

use super::{agrees, any, function, nothing};

#[test]
fn reshapes_and_transpositions() {
    function(any, |x| x.clone().reshape([x.dims()[0] as i32, -1]));
    function(any, |x| x.swap_dims(1, 2));
    function(any, |x| x.permute([2, 0, 1]));
    function(any, |x| x.flatten::<2>(0, 1));
    function(any, |x| x.unsqueeze_dim::<4>(2).squeeze_dim::<3>(2));
    // Batch and rows become one axis and two again.
    function(any, |x| {
        let [n, rows, columns] = x.dims();
        x.reshape([n * rows, columns]).add_scalar(1.0).reshape([n, rows, columns])
    });
}

#[test]
fn pieces_of_a_tensor() {
    function(any, |x| x.slice(s![.., 1..3, ..]));
    function(any, |x| x.slice(s![.., .., 2..]));
    function(any, |x| x.slice(s![.., -3..-1, ..]));
    function(any, |x| x.slice(s![.., 0..4;2, ..]));
    function(any, |x| x.slice(s![.., .., 1..5;-1]));
    function(any, |x| x.slice(s![.., .., 1..4;-2]));
    function(any, |x| x.clone().slice(s![0..x.dims()[0], 1..2, ..]));
    function(any, |x| x.narrow(2, 1, 3));
    function(any, |x| x.flip([1, 2]));
    function(any, |x| {
        let mut parts = x.chunk(2, 1);
        parts.remove(1)
    });
    function(any, |x| {
        let device = x.device();
        x.select(2, Tensor::<1, Int>::from_data([3, 0, 3], &device))
    });
}

#[test]
fn tensors_put_together() {
    function(any, |x| Tensor::cat(vec![x.clone(), x.clone().cos(), x], 1));
    function(any, |x| Tensor::stack::<4>(vec![x.clone(), x.sin()], 2));
    function(any, |x| x.repeat_dim(2, 3));
    function(any, |x| x.repeat(&[1, 2, 2]));
    function(any, |x| {
        let [n, _, columns] = x.dims();
        x.mean_dim(1).expand([n, 6, columns])
    });
    function(any, |x| x.clone().slice_assign(s![.., 1..3, ..], x.slice(s![.., 0..2, ..]).cos()));
    function(any, |x| x.clone().slice_assign(s![.., .., 0..2], x.slice(s![.., .., 3..5]).cos()));
}

#[test]
fn padding() {
    function(any, |x| x.pad((1, 2, 0, 1), PadMode::Constant(0.5)));
    function(any, |x| x.pad((2, 1, 1, 2), PadMode::Reflect));
    function(any, |x| x.pad((2, 1, 1, 2), PadMode::Edge));
}

#[test]
fn tensors_of_one_number_have_the_size_of_the_batch() {
    function(any, |x| {
        let shape = x.dims();
        x.clone() + Tensor::ones(shape, &x.device())
    });
    function(any, |x| {
        let shape = x.dims();
        Tensor::full(shape, 2.5, &x.device()).sub(x)
    });
    function(any, |x| {
        let shape = x.dims();
        x.clone().cat_with(Tensor::zeros(shape, &x.device()))
    });
}

/// Concatenation along the second axis, as a method.
trait CatWith {
    fn cat_with(self, other: Self) -> Self;
}

impl CatWith for Tensor<3> {
    fn cat_with(self, other: Self) -> Self {
        Tensor::cat(vec![self, other], 1)
    }
}

#[test]
fn products_of_matrices() {
    function(any, |x| x.clone().matmul(x.transpose()));
    let table: Vec<f32> = (0..15).map(|i| (i as f32).sin()).collect();
    agrees(&nothing(), &[2, 4, 5], any, move |_, x: Tensor<4>| {
        let table = Tensor::<2>::from_data(TensorData::new(table.clone(), [5, 3]), &x.device());
        x.matmul(table.unsqueeze())
    });
}
