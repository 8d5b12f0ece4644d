//! Integers and truth values: what only they have, and what they share with real numbers.

use burn::tensor::ops::PadMode;
use burn::tensor::{Bool, IndexingUpdateOp, Int, IntDType, Tensor, s};

use crate::lowering::case::{Case, Engine, function, halves};

/// Whole numbers from about -15 to 15, of 32 bits: tract takes those of 64 for sizes, with which it hardly computes.
fn whole(x: Tensor<3>) -> Tensor<3, Int> {
    x.mul_scalar(5.0).int().cast(IntDType::I32)
}

/// Other whole numbers, none of them 0.
fn others(x: Tensor<3>) -> Tensor<3, Int> {
    let near = x.cos().mul_scalar(6.0).round();
    near.clone().add(near.equal_elem(0.0).float()).int().cast(IntDType::I32)
}

fn int<const E: usize>(
    name: &str,
    forward: impl Fn(Tensor<3, Int>) -> Tensor<E, Int> + Clone + Send + Sync + 'static,
) -> Case {
    function(&format!("int {name}"), move |x| forward(whole(x)).float())
}

fn ints(
    name: &str,
    forward: impl Fn(Tensor<3, Int>, Tensor<3, Int>) -> Tensor<3, Int> + Clone + Send + Sync + 'static,
) -> Case {
    function(&format!("int {name}"), move |x| forward(whole(x.clone()), others(x)).float())
}

fn bool<const E: usize>(
    name: &str,
    forward: impl Fn(Tensor<3, Bool>) -> Tensor<E, Bool> + Clone + Send + Sync + 'static,
) -> Case {
    function(&format!("bool {name}"), move |x| forward(x.greater_elem(0.1)).float())
}

fn bools(
    name: &str,
    forward: impl Fn(Tensor<3, Bool>, Tensor<3, Bool>) -> Tensor<3, Bool> + Clone + Send + Sync + 'static,
) -> Case {
    function(&format!("bool {name}"), move |x| forward(x.clone().greater_elem(0.1), x.cos().greater_elem(0.2)).float())
}

pub fn cases() -> Vec<Case> {
    let mut cases = arithmetic();
    cases.extend(of_64_bits());
    cases.extend(comparisons());
    cases.extend(bits());
    cases.extend(truth());
    cases.extend(shared());
    cases
}

fn arithmetic() -> Vec<Case> {
    vec![
        int("add_scalar", |x| x.add_scalar(2)),
        int("sub_scalar", |x| x.sub_scalar(2)),
        int("mul_scalar", |x| x.mul_scalar(3)),
        int("div_scalar", |x| x.div_scalar(3)),
        int("remainder_scalar", |x| x.remainder_scalar(3)),
        int("powi_scalar", |x| x.powi_scalar(3)),
        int("abs", |x| x.abs()),
        int("neg", |x| x.neg()),
        int("sign", |x| x.sign()),
        int("clamp", |x| x.clamp(-4, 6)),
        int("clamp_min", |x| x.clamp_min(-4)),
        int("clamp_max", |x| x.clamp_max(6)),
        ints("add", |x, y| x.add(y)),
        ints("sub", |x, y| x.sub(y)),
        ints("mul", |x, y| x.mul(y)),
        ints("div", |x, y| x.div(y)),
        ints("remainder", |x, y| x.remainder(y)),
        ints("remainder of a number", |_, y| y.ones_like().mul_scalar(17).remainder(y)),
        ints("powi", |x, y| x.powi(y.abs().remainder_scalar(4))),
        ints("matmul", |x, y| x.matmul(y.transpose())),
        int("sum", |x| x.clone().add(x.sum().unsqueeze())),
        int("sum_dim", |x| x.sum_dim(1)),
        int("prod_dim", |x| x.remainder_scalar(3).add_scalar(1).prod_dim(2)),
        int("mean_dim", |x| x.mean_dim(1)),
        int("mean", |x| x.clone().add(x.mean().unsqueeze())),
        int("max_dim", |x| x.max_dim(2)),
        int("min_dim", |x| x.min_dim(1)),
        int("max_abs_dim", |x| x.max_abs_dim(1)),
        int("max", |x| x.clone().add(x.max().unsqueeze())),
        int("min", |x| x.clone().add(x.min().unsqueeze())),
        int("cumsum", |x| x.cumsum(2)),
        int("cumprod", |x| x.remainder_scalar(3).add_scalar(1).cumprod(1)),
        int("cummax", |x| x.cummax(1)),
        int("cummin", |x| x.cummin(2)),
        int("sort", |x| x.sort(2)),
        int("topk", |x| x.topk(2, 2)),
        int("argmax", |x| x.argmax(2)),
        int("argmin", |x| x.argmin(1)),
        function("int max_dim_with_indices", |x| {
            let (value, index) = whole(x).max_dim_with_indices(2);
            value.float().mul_scalar(10.0).add(index.float())
        }),
        function("int min_dim_with_indices", |x| {
            let (value, index) = whole(x).min_dim_with_indices(1);
            value.float().mul_scalar(10.0).add(index.float())
        }),
        int("max_abs", |x| x.clone().add(x.max_abs().unsqueeze())),
        int("pad", |x| x.pad((1, 2, 0, 1), PadMode::Constant(2.0))),
        int("scatter", |x| {
            let [n, rows, _] = x.dims();
            let at = Tensor::<1, Int>::from_data([3, 0, 2], &x.device()).unsqueeze::<3>().expand([n, rows, 3]);
            x.clone().scatter(2, at, x.clone().slice(s![.., .., 1..4]), IndexingUpdateOp::Add)
        }),
        int("select_assign", |x| {
            let at = Tensor::<1, Int>::from_data([2, 0], &x.device());
            x.clone().select_assign(1, at, x.clone().slice(s![.., 1..3, ..]), IndexingUpdateOp::Add)
        }),
        function("int full", |x| Tensor::cat(vec![Tensor::<3, Int>::full(x.shape(), 3, &x.device()).float(), x], 1)),
        int("cast to 64 bits and back", |x| x.cast(IntDType::I64).add_scalar(1).cast(IntDType::I32)),
    ]
}

/// Integers of 64 bits, which are Burn's usual ones. tract takes them for sizes, and computes hardly anything with those.
fn wide(
    name: &str,
    forward: impl Fn(Tensor<3, Int>, Tensor<3, Int>) -> Tensor<3, Int> + Clone + Send + Sync + 'static,
) -> Case {
    let wide = |x: Tensor<3, Int>| x.cast(IntDType::I64);
    function(&format!("64-bit int {name}"), move |x| forward(wide(whole(x.clone())), wide(others(x))).float())
}

fn of_64_bits() -> Vec<Case> {
    let mut cases = vec![
        wide("sign", |x, _| x.sign()),
        wide("cumsum", |x, _| x.cumsum(2)),
        wide("sort", |x, _| x.sort(2)),
        wide("topk", |x, _| x.topk(2, 2)),
        wide("matmul", |x, y| x.matmul(y.transpose())),
        wide("bitwise_and", |x, y| x.bitwise_and(y)),
        wide("bitwise_or", |x, y| x.bitwise_or(y)),
        wide("bitwise_xor", |x, y| x.bitwise_xor(y)),
        wide("bitwise_not", |x, _| x.bitwise_not()),
    ];
    cases =
        cases.into_iter().map(|case| case.not_in(Engine::Tract, "tract takes integers of 64 bits for sizes")).collect();
    cases.extend([
        wide("add", |x, y| x.add(y)),
        wide("mul", |x, y| x.mul(y)),
        wide("remainder_scalar", |x, _| x.remainder_scalar(3)),
        wide("max_dim", |x, _| x.max_dim(2)),
        wide("cummax", |x, _| x.cummax(1)),
        wide("greater", |x, y| x.greater(y).int()),
        wide("bitwise_left_shift", |x, y| x.bitwise_left_shift(y.abs())),
        wide("bitwise_right_shift", |x, y| x.mul_scalar(1000).bitwise_right_shift(y.abs())),
        wide("bitwise_right_shift_scalar", |x, _| x.bitwise_right_shift_scalar(2)),
    ]);
    cases
}

fn comparisons() -> Vec<Case> {
    let compare = |name: &str, f: fn(Tensor<3, Int>, Tensor<3, Int>) -> Tensor<3, Bool>| {
        function(&format!("int {name}"), move |x| {
            f(x.clone().int().cast(IntDType::I32), x.round().int().cast(IntDType::I32)).float()
        })
        .of(halves)
    };
    vec![
        compare("greater", |x, y| x.greater(y)),
        compare("greater_equal", |x, y| x.greater_equal(y)),
        compare("lower", |x, y| x.lower(y)),
        compare("lower_equal", |x, y| x.lower_equal(y)),
        compare("equal", |x, y| x.equal(y)),
        compare("not_equal", |x, y| x.not_equal(y)),
        compare("greater_elem", |x, _| x.greater_elem(1)),
        compare("greater_equal_elem", |x, _| x.greater_equal_elem(1)),
        compare("lower_elem", |x, _| x.lower_elem(1)),
        compare("lower_equal_elem", |x, _| x.lower_equal_elem(1)),
        compare("equal_elem", |x, _| x.equal_elem(1)),
        compare("not_equal_elem", |x, _| x.not_equal_elem(1)),
    ]
}

fn bits() -> Vec<Case> {
    vec![
        ints("bitwise_and", |x, y| x.bitwise_and(y)),
        ints("bitwise_or", |x, y| x.bitwise_or(y)),
        ints("bitwise_xor", |x, y| x.bitwise_xor(y)),
        int("bitwise_not", |x| x.bitwise_not()),
        int("bitwise_and_scalar", |x| x.bitwise_and_scalar(6)),
        int("bitwise_or_scalar", |x| x.bitwise_or_scalar(6)),
        int("bitwise_xor_scalar", |x| x.bitwise_xor_scalar(6)),
        ints("bitwise_left_shift", |x, y| x.bitwise_left_shift(y.abs())),
        ints("bitwise_right_shift", |x, y| x.mul_scalar(1000).bitwise_right_shift(y.abs())),
        int("bitwise_left_shift_scalar", |x| x.bitwise_left_shift_scalar(3)),
        int("bitwise_right_shift_scalar", |x| x.bitwise_right_shift_scalar(2)),
    ]
}

/// Two questions about the whole batch, of which one is answered yes and the other no.
fn whether(name: &str, one: fn(Tensor<3>) -> Tensor<1, Bool>, other: fn(Tensor<3>) -> Tensor<1, Bool>) -> Case {
    function(name, move |x| {
        let answers = one(x.clone()).float().add(other(x.clone()).float().mul_scalar(2.0));
        x + answers.unsqueeze()
    })
}

fn truth() -> Vec<Case> {
    vec![
        bool("not", |x| x.bool_not()),
        bools("and", |x, y| x.bool_and(y)),
        bools("or", |x, y| x.bool_or(y)),
        bools("xor", |x, y| x.bool_xor(y)),
        function("bool to int", |x| x.greater_elem(0.1).int().float()),
        whether("all", |x| x.clone().greater_elem(-9.0).all(), |x| x.greater_elem(0.0).all()),
        whether("any", |x| x.clone().greater_elem(9.0).any(), |x| x.greater_elem(0.0).any()),
        function("all_dim", |x| x.clone().greater_elem(0.5).all_dim(2).float().add(x.mean_dim(2))),
        function("any_dim", |x| x.clone().greater_elem(1.0).any_dim(1).float().add(x.mean_dim(1))),
        function("int all_dim", |x| whole(x.clone()).all_dim(2).float().add(x.mean_dim(2))),
        function("int any_dim", |x| whole(x.clone()).add_scalar(4).clamp_max(0).any_dim(1).float().add(x.mean_dim(1))),
        function("float all_dim", |x| x.clone().round().all_dim(1).float().add(x.mean_dim(1))).of(halves),
        function("float any_dim", |x| x.clone().clamp_min(2.0).sub_scalar(2.0).any_dim(2).float().add(x.mean_dim(2))),
        whether("int all", |x| whole(x).mul_scalar(2).add_scalar(1).all(), |x| x.int().all()).of(halves),
        whether("int any", |x| whole(x).mul_scalar(0).any(), |x| x.int().clamp_max(0).any()).of(halves),
        whether("float all", |x| x.clone().add_scalar(0.25).all(), |x| x.all()).of(halves),
        whether("float any", |x| x.clone().mul_scalar(0.0).any(), |x| x.clamp_min(0.0).any()).of(halves),
        bools("equal", |x, y| x.equal(y)),
        bools("not_equal", |x, y| x.not_equal(y)),
        bool("equal_elem", |x| x.equal_elem(true)),
        bool("not_equal_elem", |x| x.not_equal_elem(true)),
    ]
}

/// The operations on any kind of element, of integers and truth values.
macro_rules! moved {
    ($make:ident) => {
        vec![
            $make("reshape", |x| x.clone().reshape([x.dims()[0] as i32, -1])),
            $make("swap_dims", |x| x.swap_dims(1, 2)),
            $make("permute", |x| x.permute([2, 0, 1])),
            $make("flip", |x| x.flip([1, 2])),
            $make("expand", |x| {
                let [n, rows, columns] = x.dims();
                x.unsqueeze_dim::<4>(1).expand([n, 6, rows, columns])
            }),
            $make("slice", |x| x.slice(s![.., 1..3, ..])),
            $make("slice_assign", |x| {
                let new = x.clone().slice(s![.., 0..2, ..]).flip([1]);
                x.slice_assign(s![.., 1..3, ..], new)
            }),
            $make("select", |x| {
                let device = x.device();
                x.select(2, Tensor::<1, Int>::from_data([3, 0, 3], &device))
            }),
            $make("gather", |x| {
                let [n, rows, _] = x.dims();
                let indices = Tensor::<1, Int>::from_data([3, 0, 2], &x.device()).unsqueeze::<3>().expand([n, rows, 3]);
                x.gather(2, indices)
            }),
            $make("mask_where", |x| {
                let flipped = x.clone().flip([2]);
                x.clone().mask_where(x.equal(flipped.clone()).bool_not(), flipped)
            }),
            $make("repeat_dim", |x| x.repeat_dim(2, 3)),
            $make("cat", |x| Tensor::cat(vec![x.clone(), x.flip([2])], 1)),
            $make("unfold", |x| x.unfold::<4, _>(2, 3, 2)),
            $make("roll", |x| x.roll_dim(2, 1)),
        ]
    };
}

fn shared() -> Vec<Case> {
    let mut cases: Vec<Case> = moved!(int);
    cases.extend::<Vec<Case>>(moved!(bool));
    cases.extend([
        int("mask_fill", |x| x.clone().mask_fill(x.greater_elem(3), -2)),
        bool("mask_fill", |x| x.clone().mask_fill(x.flip([1]), true)),
        function("int zeros", |x| Tensor::cat(vec![Tensor::<3, Int>::zeros(x.shape(), &x.device()).float(), x], 1)),
        function("int ones", |x| Tensor::cat(vec![Tensor::<3, Int>::ones(x.shape(), &x.device()).float(), x], 1)),
        bool("zeros", |x| Tensor::cat(vec![Tensor::zeros(x.shape(), &x.device()), x], 1)),
        bool("ones", |x| Tensor::cat(vec![Tensor::ones(x.shape(), &x.device()), x], 1)),
    ]);
    cases
}
