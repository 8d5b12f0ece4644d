//! Arithmetic, comparisons, reductions, functions of real numbers, activations.

use burn::tensor::activation as act;
use burn::tensor::{IndexingUpdateOp, Tensor};
use gnet::runtime::Array;

use super::{above_one, any, function, small};

/// The numbers of an input, by its shape.
type Numbers = fn(Vec<usize>) -> Array;
/// An operation on one tensor.
type Unary = fn(Tensor<3>) -> Tensor<3>;
/// An operation on two.
type Binary = fn(Tensor<3>, Tensor<3>) -> Tensor<3>;

#[test]
fn functions_of_one_number() {
    let cases: [(&str, Numbers, Unary); 30] = [
        ("Exp", any, |x| x.exp()),
        ("Log", small, |x| x.log()),
        ("Log", small, |x| x.log1p()),
        ("Sqrt", small, |x| x.sqrt()),
        ("Reciprocal", small, |x| x.recip()),
        ("Erf", any, |x| x.erf()),
        ("Abs", any, |x| x.abs()),
        ("Neg", any, |x| x.neg()),
        ("Sign", any, |x| x.sign()),
        ("Cos", any, |x| x.cos()),
        ("Cosh", any, |x| x.cosh()),
        ("Sin", any, |x| x.sin()),
        ("Sinh", any, |x| x.sinh()),
        ("Tan", small, |x| x.tan()),
        ("Tanh", any, |x| x.tanh()),
        ("Acos", small, |x| x.acos()),
        ("Acosh", above_one, |x| x.acosh()),
        ("Asin", small, |x| x.asin()),
        ("Asinh", any, |x| x.asinh()),
        ("Atan", any, |x| x.atan()),
        ("Atanh", small, |x| x.atanh()),
        ("Round", any, |x| x.mul_scalar(3.0).round()),
        ("Floor", any, |x| x.floor()),
        ("Ceil", any, |x| x.ceil()),
        ("Floor", any, |x| x.mul_scalar(3.0).trunc()),
        ("Pow", small, |x| x.powf_scalar(1.7)),
        ("Clip", any, |x| x.clamp(-0.5, 0.8)),
        ("Clip", any, |x| x.clamp_min(-0.5)),
        ("Clip", any, |x| x.clamp_max(0.8)),
        ("CumSum", any, |x| x.cumsum(1)),
    ];
    for (op, input, forward) in cases {
        let ops = function(input, forward);
        assert!(ops.iter().any(|found| found == op), "{op}: {ops:?}");
    }
}

#[test]
fn rounding_takes_a_half_to_the_even_number() {
    function(any, |x| x.mul_scalar(4.0).floor().div_scalar(2.0).round());
}

#[test]
fn operations_on_two_tensors() {
    let other = |x: &Tensor<3>| x.clone().cos().add_scalar(1.5);
    let cases: [(&str, Binary); 12] = [
        ("Sub", |x, y| x.sub(y)),
        ("Div", |x, y| x.div(y)),
        ("Floor", |x, y| x.remainder(y)),
        ("Pow", |x, y| x.abs().powf(y)),
        ("Sqrt", |x, y| x.hypot(y)),
        ("Greater", |x, y| x.greater(y).float()),
        ("GreaterOrEqual", |x, y| x.greater_equal(y).float()),
        ("Less", |x, y| x.lower(y).float()),
        ("LessOrEqual", |x, y| x.lower_equal(y).float()),
        ("Equal", |x, y| x.floor().equal(y.floor()).float()),
        ("Not", |x, y| x.floor().not_equal(y.floor()).float()),
        ("Where", |x, y| x.clone().mask_where(x.clone().greater(y.clone()), y)),
    ];
    for (op, forward) in cases {
        let ops = function(any, |x| forward(x.clone(), other(&x)));
        assert!(ops.iter().any(|found| found == op), "{op}: {ops:?}");
    }
}

#[test]
fn operations_with_a_number() {
    let cases: [(&str, Unary); 11] = [
        ("Add", |x| x.add_scalar(1.5)),
        ("Sub", |x| x.sub_scalar(1.5)),
        ("Div", |x| x.div_scalar(1.5)),
        ("Floor", |x| x.remainder_scalar(0.7)),
        ("Greater", |x| x.greater_elem(0.3).float()),
        ("GreaterOrEqual", |x| x.greater_equal_elem(0.3).float()),
        ("Less", |x| x.lower_elem(0.3).float()),
        ("LessOrEqual", |x| x.lower_equal_elem(0.3).float()),
        ("Equal", |x| x.floor().equal_elem(0.0).float()),
        ("Not", |x| x.floor().not_equal_elem(0.0).float()),
        ("Where", |x| x.clone().mask_fill(x.greater_elem(0.3), -2.5)),
    ];
    for (op, forward) in cases {
        let ops = function(any, forward);
        assert!(ops.iter().any(|found| found == op), "{op}: {ops:?}");
    }
}

#[test]
fn integers_and_truth_values() {
    let whole = |x: Tensor<3>| x.mul_scalar(5.0).int();
    function(any, |x| whole(x).float());
    function(any, |x| whole(x.clone()).add(whole(x.cos())).float());
    function(any, |x| whole(x.clone()).remainder_scalar(3).float());
    function(any, |x| whole(x).abs().sub_scalar(2).float());
    function(any, |x| x.clone().greater_elem(0.1).bool_not().float() + x);
    let both = |x: Tensor<3>| (x.clone().greater_elem(0.1), x.cos().greater_elem(0.2));
    function(any, |x| {
        let (a, b) = both(x);
        a.bool_and(b).float()
    });
    function(any, |x| {
        let (a, b) = both(x);
        a.bool_or(b).int().float()
    });
    function(any, |x| {
        let (a, b) = both(x);
        a.bool_xor(b).float()
    });
    function(any, |x| x.clone().greater_elem(0.5).all_dim(2).float().add(x.mean_dim(2)));
    function(any, |x| x.clone().greater_elem(1.5).any_dim(1).float().add(x.mean_dim(1)));
}

#[test]
fn reductions_along_an_axis() {
    let cases: [(&str, Unary); 13] = [
        ("ReduceSum", |x| x.sum_dim(1)),
        ("ReduceMean", |x| x.mean_dim(2)),
        ("ReduceProd", |x| x.prod_dim(1)),
        ("ReduceMax", |x| x.max_dim(2)),
        ("ReduceMin", |x| x.min_dim(1)),
        ("ReduceMax", |x| x.max_abs_dim(1)),
        ("ReduceSum", |x| x.clone() + x.sum_dims(&[1, 2])),
        ("ArgMax", |x| x.argmax(2).float()),
        ("ArgMin", |x| x.argmin(1).float()),
        ("ArgMax", |x| {
            let (value, index) = x.max_dim_with_indices(1);
            value + index.float()
        }),
        ("ArgMin", |x| {
            let (value, index) = x.min_dim_with_indices(2);
            value + index.float()
        }),
        ("TopK", |x| x.topk(3, 2)),
        ("TopK", |x| {
            let (value, index) = x.topk_with_indices(2, 1);
            value + index.float()
        }),
    ];
    for (op, forward) in cases {
        let ops = function(any, forward);
        assert!(ops.iter().any(|found| found == op), "{op}: {ops:?}");
    }
}

#[test]
fn sorting() {
    function(any, |x| x.sort(2));
    function(any, |x| x.sort_descending(1));
    function(any, |x| x.argsort(2).float());
    function(any, |x| {
        let (value, index) = x.sort_with_indices(1);
        value + index.float()
    });
}

#[test]
fn reductions_of_everything() {
    // A number for the whole batch, added to each element: alone it would have no batch.
    let cases: [fn(Tensor<3>) -> Tensor<1>; 6] =
        [|x| x.sum(), |x| x.mean(), |x| x.div_scalar(3.0).prod(), |x| x.max(), |x| x.min(), |x| x.max_abs()];
    for number in cases {
        function(small, |x| x.clone() + number(x).unsqueeze());
    }
    function(any, |x| x.clone() + x.greater_elem(0.0).any().float().unsqueeze());
    function(any, |x| x.clone() + x.greater_elem(-9.0).all().float().unsqueeze());
}

#[test]
fn activations() {
    let cases: [(&str, Unary); 14] = [
        ("Relu", |x| act::relu(x)),
        ("LeakyRelu", |x| act::leaky_relu(x, 0.2)),
        ("Erf", |x| act::gelu(x)),
        ("Sigmoid", |x| act::sigmoid(x)),
        ("HardSigmoid", |x| act::hard_sigmoid(x, 0.3, 0.4)),
        ("Softplus", |x| act::log_sigmoid(x)),
        ("Softmax", |x| act::softmax(x, 1)),
        ("LogSoftmax", |x| act::log_softmax(x, 2)),
        ("Softmax", |x| act::softmin(x, 2)),
        ("Sigmoid", |x| act::silu(x)),
        ("Tanh", |x| act::mish(x)),
        ("Log", |x| act::softplus(x, 1.3)),
        ("Tanh", |x| act::tanh(x)),
        ("Div", |x| act::softsign(x)),
    ];
    for (op, forward) in cases {
        let ops = function(any, forward);
        assert!(ops.iter().any(|found| found == op), "{op}: {ops:?}");
    }
}

#[test]
fn scattering_and_gathering() {
    let ops = function(any, |x| x.clone().gather(2, x.argsort(2)));
    assert!(ops.contains(&"GatherElements".to_owned()), "{ops:?}");
    let ops = function(any, |x| x.clone().scatter(2, x.clone().argsort(2), x.cos(), IndexingUpdateOp::Add));
    assert!(ops.contains(&"ScatterElements".to_owned()), "{ops:?}");
}
