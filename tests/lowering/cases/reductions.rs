//! Reductions, sorting and running results.

use burn::tensor::Tensor;

use crate::lowering::case::{Case, function, small};

pub fn cases() -> Vec<Case> {
    let mut cases = along_an_axis();
    cases.extend(of_everything());
    cases.extend(sorting());
    cases
}

fn along_an_axis() -> Vec<Case> {
    vec![
        function("sum_dim", |x| x.sum_dim(1)),
        function("mean_dim", |x| x.mean_dim(2)),
        function("prod_dim", |x| x.prod_dim(1)),
        function("max_dim", |x| x.max_dim(2)),
        function("min_dim", |x| x.min_dim(1)),
        function("max_abs_dim", |x| x.max_abs_dim(1)),
        function("sum_dims", |x| x.clone() + x.sum_dims(&[1, 2])),
        function("argmax", |x| x.argmax(2).float()),
        function("argmin", |x| x.argmin(1).float()),
        function("max_dim_with_indices", |x| {
            let (value, index) = x.max_dim_with_indices(1);
            value + index.float()
        }),
        function("min_dim_with_indices", |x| {
            let (value, index) = x.min_dim_with_indices(2);
            value + index.float()
        }),
        function("max_dim_with_indices, only the indices", |x| x.max_dim_with_indices(1).1.float()),
        function("var", |x| x.var(1)),
        function("median", |x| x.median(2)),
        function("cumsum", |x| x.cumsum(1)),
        function("cumprod", |x| x.cumprod(2)),
        function("cummax", |x| x.cummax(2)),
        function("cummin", |x| x.cummin(1)),
        function("cumprod of a long axis", |x| x.repeat_dim(1, 9).cos().cumprod(1)),
        function("cummax along the batch", |x| x.cummax(2).max_dim(1)),
    ]
}

fn of_everything() -> Vec<Case> {
    // A number for the whole batch, added to each element: alone it would have no batch.
    let all = |name: &str, number: fn(Tensor<3>) -> Tensor<1>| {
        function(name, move |x| x.clone() + number(x).unsqueeze()).of(small)
    };
    vec![
        all("sum", |x| x.sum()),
        all("mean", |x| x.mean()),
        all("prod", |x| x.add_scalar(0.5).prod()),
        all("max", |x| x.max()),
        all("min", |x| x.min()),
        all("max_abs", |x| x.max_abs()),
    ]
}

fn sorting() -> Vec<Case> {
    vec![
        function("sort", |x| x.sort(2)),
        function("sort_descending", |x| x.sort_descending(1)),
        function("argsort", |x| x.argsort(2).float()),
        function("argsort_descending", |x| x.argsort_descending(1).float()),
        function("sort_with_indices", |x| {
            let (value, index) = x.sort_with_indices(1);
            value + index.float()
        }),
        function("topk", |x| x.topk(3, 2)),
        function("argtopk", |x| x.argtopk(2, 1).float()),
        function("topk_with_indices", |x| {
            let (value, index) = x.topk_with_indices(2, 1);
            value + index.float()
        }),
    ]
}
