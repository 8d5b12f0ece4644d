//! Choosing, placing and masking elements.

use burn::tensor::{IndexingUpdateOp as Update, Int, Tensor, s};

use crate::lowering::case::{Case, function, on};

/// A vector of positions, on the device of a tensor.
fn at<const D: usize, const L: usize>(x: &Tensor<D>, positions: [i32; L]) -> Tensor<1, Int> {
    Tensor::from_data(positions, &x.device())
}

pub fn cases() -> Vec<Case> {
    let mut cases = chosen();
    cases.extend(placed());
    cases.extend(assigned());
    cases
}

fn chosen() -> Vec<Case> {
    vec![
        function("select", |x| x.clone().select(2, at(&x, [3, 0, 3]))),
        function("select rows", |x| x.clone().select(1, at(&x, [2, 0]))),
        function("gather", |x| x.clone().gather(2, x.argsort(2))),
        function("gather rows", |x| x.clone().gather(1, x.argsort(1))),
        on("gather_nd", [3, 4], |x: Tensor<3>| {
            let tuples = Tensor::<2, Int>::from_data([[0, 1], [0, 2], [0, 0]], &x.device());
            x.clone() + x.gather_nd::<2, 2>(tuples).sum().unsqueeze()
        }),
        function("mask_where", |x| x.clone().mask_where(x.clone().greater(x.clone().cos()), x.cos())),
        function("mask_fill", |x| x.clone().mask_fill(x.greater_elem(0.3), -2.5)),
        function("unfold", |x| x.unfold::<4, _>(2, 3, 2)),
        function("unfold rows", |x| x.unfold::<4, _>(1, 2, 1)),
        function("take", |x| {
            let rows = Tensor::<2, Int>::from_data([[0, 2], [3, 1]], &x.device());
            x.take::<2, 4>(1, rows)
        }),
    ]
}

fn placed() -> Vec<Case> {
    let scatter = |name: &str, update: Update| {
        function(name, move |x| x.clone().scatter(2, x.clone().argsort(2), x.cos(), update))
    };
    let scatter_nd = |name: &str, update: Update| {
        on(name, [3, 4], move |x: Tensor<3>| {
            let tuples = Tensor::<2, Int>::from_data([[0, 1], [0, 2]], &x.device());
            let values = x.clone().slice(s![0..1, 0..2, ..]).squeeze_dim::<2>(0).cos();
            x.scatter_nd(tuples, values, update)
        })
    };
    let select_assign = |name: &str, update: Update| {
        function(name, move |x| {
            let values = x.clone().slice(s![.., .., 0..3]).cos();
            x.clone().select_assign(2, at(&x, [3, 0, 1]), values, update)
        })
    };
    vec![
        scatter("scatter, assign", Update::Assign),
        scatter("scatter, add", Update::Add),
        scatter("scatter, mul", Update::Mul),
        scatter("scatter, min", Update::Min),
        scatter("scatter, max", Update::Max),
        scatter_nd("scatter_nd, assign", Update::Assign),
        scatter_nd("scatter_nd, add", Update::Add),
        scatter_nd("scatter_nd, mul", Update::Mul),
        scatter_nd("scatter_nd, min", Update::Min),
        scatter_nd("scatter_nd, max", Update::Max),
        select_assign("select_assign, assign", Update::Assign),
        select_assign("select_assign, add", Update::Add),
        select_assign("select_assign, mul", Update::Mul),
        select_assign("select_assign, min", Update::Min),
        select_assign("select_assign, max", Update::Max),
        function("select_assign rows, one of them twice", |x| {
            let values = x.clone().slice(s![.., 0..3, ..]).cos();
            x.clone().select_assign(1, at(&x, [2, 0, 2]), values, Update::Add)
        }),
    ]
}

fn assigned() -> Vec<Case> {
    vec![
        function("slice_assign", |x| x.clone().slice_assign(s![.., 1..3, ..], x.slice(s![.., 0..2, ..]).cos())),
        function("slice_assign at the beginning", |x| {
            x.clone().slice_assign(s![.., .., 0..2], x.slice(s![.., .., 3..5]).cos())
        }),
        on("slice_assign at the end", [4, 5], |x: Tensor<3>| {
            x.clone().slice_assign(s![.., 2..4, ..], x.slice(s![.., 0..2, ..]).cos())
        })
        .open(&[1]),
        function("slice_assign of everything", |x| x.clone().slice_assign(s![.., .., ..], x.cos())),
        function("slice_assign along two axes", |x| {
            x.clone().slice_assign(s![.., 1..3, 2..4], x.slice(s![.., 0..2, 0..2]).cos())
        }),
        function("slice_assign with steps", |x| {
            x.clone().slice_assign(s![.., .., 0..5;2], x.slice(s![.., .., 0..3]).cos())
        }),
        function("slice_assign along two axes with steps", |x| {
            x.clone().slice_assign(s![.., 0..4;3, 1..5;2], x.slice(s![.., 0..2, 0..2]).cos())
        }),
        function("slice_assign backwards", |x| {
            x.clone().slice_assign(s![.., .., 1..4;-1], x.slice(s![.., .., 0..3]).cos())
        }),
        function("slice_fill", |x| x.slice_fill(s![.., 1..2, 2..], 0.5)),
    ]
}
