//! Arithmetic, comparisons, functions of real numbers, activations.

use burn::nn::{PReluConfig, SwiGluConfig};
use burn::tensor::activation as act;
use burn::tensor::{Device, Tensor, TensorData};

use crate::lowering::case::{Case, above_one, function, halves, layer, on, small, unusual};

pub fn cases() -> Vec<Case> {
    let mut cases = one_operand();
    cases.extend(two_operands());
    cases.extend(with_a_number());
    cases.extend(activations());
    cases
}

fn one_operand() -> Vec<Case> {
    vec![
        function("exp", |x| x.exp()),
        function("log", |x| x.log()).of(small),
        function("log1p", |x| x.log1p()).of(small),
        function("sqrt", |x| x.sqrt()).of(small),
        function("recip", |x| x.recip()).of(small),
        function("erf", |x| x.erf()),
        function("abs", |x| x.abs()),
        function("neg", |x| x.neg()),
        function("sign", |x| x.sign()).of(halves),
        function("cos", |x| x.cos()),
        function("cosh", |x| x.cosh()),
        function("sin", |x| x.sin()),
        function("sinh", |x| x.sinh()),
        function("tan", |x| x.tan()).of(small),
        function("tanh", |x| x.tanh()),
        function("acos", |x| x.acos()).of(small),
        function("acosh", |x| x.acosh()).of(above_one),
        function("asin", |x| x.asin()).of(small),
        function("asinh", |x| x.asinh()),
        function("atan", |x| x.atan()),
        function("atanh", |x| x.atanh()).of(small),
        function("round", |x| x.round()).of(halves),
        function("floor", |x| x.floor()).of(halves),
        function("ceil", |x| x.ceil()).of(halves),
        function("trunc", |x| x.mul_scalar(3.0).trunc()),
        function("square", |x| x.square()),
        function("is_nan", |x| x.is_nan().float()).of(unusual),
        function("is_inf", |x| x.is_inf().float()).of(unusual),
        function("is_finite", |x| x.is_finite().float()).of(unusual),
    ]
}

/// A second operand, with other numbers: of either sign, and none near 0.
fn other(x: &Tensor<3>) -> Tensor<3> {
    x.clone().cos().add_scalar(1.5).mul(x.clone().sign())
}

fn pair<const E: usize>(
    name: &str,
    forward: impl Fn(Tensor<3>, Tensor<3>) -> Tensor<E> + Clone + Send + Sync + 'static,
) -> Case {
    function(name, move |x| forward(x.clone(), other(&x)))
}

/// Two operands of few different numbers: some are equal, some are greater and some less.
fn coarse<const E: usize>(
    name: &str,
    forward: impl Fn(Tensor<3>, Tensor<3>) -> Tensor<E> + Clone + Send + Sync + 'static,
) -> Case {
    function(name, move |x| forward(x.clone(), x.round())).of(halves)
}

fn two_operands() -> Vec<Case> {
    vec![
        pair("add", |x, y| x.add(y)),
        pair("sub", |x, y| x.sub(y)),
        pair("mul", |x, y| x.mul(y)),
        pair("div", |x, y| x.div(y)),
        pair("remainder", |x, y| x.remainder(y)),
        pair("powf", |x, y| x.abs().powf(y)),
        pair("powi", |x, y| y.abs().powi(x.round())),
        pair("hypot", |x, y| x.hypot(y)),
        pair("atan2", |x, y| x.atan2(y)),
        function("atan2 on the axes", |x| x.clone().atan2(x.abs().sub_scalar(1.0).round())).of(halves),
        coarse("greater", |x, y| x.greater(y).float()),
        coarse("greater_equal", |x, y| x.greater_equal(y).float()),
        coarse("lower", |x, y| x.lower(y).float()),
        coarse("lower_equal", |x, y| x.lower_equal(y).float()),
        coarse("equal", |x, y| x.equal(y).float()),
        coarse("not_equal", |x, y| x.not_equal(y).float()),
        pair("max_pair", |x, y| x.max_pair(y)),
        pair("min_pair", |x, y| x.min_pair(y)),
        function("operands of other shapes", |x| x.clone().mean_dim(1).sub(x.max_dim(2))),
        function("matmul", |x| x.clone().matmul(x.transpose())),
        on("matmul with a constant", [4, 5], |x: Tensor<3>| {
            let columns = x.dims()[2];
            let table: Vec<f32> = (0..columns * 3).map(|i| (i as f32).sin()).collect();
            let table = Tensor::<2>::from_data(TensorData::new(table, [columns, 3]), &x.device());
            x.matmul(table.unsqueeze())
        }),
        on("cross", [3, 5], |x: Tensor<3>| x.clone().cross(other(&x), 1)).open(&[1]),
        on("cross along the last axis", [4, 3], |x: Tensor<3>| x.clone().cross(x.cos(), -1)).open(&[0]),
    ]
}

fn with_a_number() -> Vec<Case> {
    vec![
        function("add_scalar", |x| x.add_scalar(1.5)),
        function("sub_scalar", |x| x.sub_scalar(1.5)),
        function("mul_scalar", |x| x.mul_scalar(1.5)),
        function("div_scalar", |x| x.div_scalar(1.5)),
        function("remainder_scalar", |x| x.remainder_scalar(0.7)),
        function("remainder_scalar, negative", |x| x.remainder_scalar(-0.7)),
        function("powf_scalar", |x| x.powf_scalar(1.7)).of(small),
        function("powi_scalar", |x| x.powi_scalar(3)),
        function("powi_scalar, negative", |x| x.powi_scalar(-2)).of(small),
        function("clamp", |x| x.clamp(-0.5, 0.8)),
        function("clamp_min", |x| x.clamp_min(-0.5)),
        function("clamp_max", |x| x.clamp_max(0.8)),
        function("greater_elem", |x| x.greater_elem(0.5).float()).of(halves),
        function("greater_equal_elem", |x| x.greater_equal_elem(0.5).float()).of(halves),
        function("lower_elem", |x| x.lower_elem(0.5).float()).of(halves),
        function("lower_equal_elem", |x| x.lower_equal_elem(0.5).float()).of(halves),
        function("equal_elem", |x| x.floor().equal_elem(0.0).float()),
        function("not_equal_elem", |x| x.floor().not_equal_elem(0.0).float()),
    ]
}

fn activations() -> Vec<Case> {
    let device = Device::flex();
    vec![
        function("relu", act::relu),
        function("leaky_relu", |x| act::leaky_relu(x, 0.2)),
        layer("prelu, one slope", PReluConfig::new().init(&device), [4, 5], |m, x: Tensor<3>| m.forward(x))
            .open(&[0, 1]),
        layer("prelu, a slope a channel", PReluConfig::new().with_num_parameters(4).init(&device), [4, 5], {
            |m, x: Tensor<3>| m.forward(x)
        })
        .open(&[1]),
        function("gelu", act::gelu),
        function("gelu_approximate", act::gelu_approximate),
        function("sigmoid", act::sigmoid),
        function("hard_sigmoid", |x| act::hard_sigmoid(x, 0.3, 0.4)),
        function("hard_swish", act::hard_swish),
        function("log_sigmoid", act::log_sigmoid),
        function("softmax", |x| act::softmax(x, 1)),
        function("softmax of the last axis", |x| act::softmax(x, 2)),
        function("quiet_softmax", |x| act::quiet_softmax(x, 1)),
        function("log_softmax", |x| act::log_softmax(x, 2)),
        function("softmin", |x| act::softmin(x, 2)),
        function("silu", act::silu),
        function("mish", act::mish),
        function("softplus", |x| act::softplus(x, 1.3)),
        function("softsign", act::softsign),
        function("elu", |x| act::elu(x, 0.7)),
        function("celu", |x| act::celu(x, 0.7)),
        function("selu", act::selu),
        function("relu6", act::relu6),
        function("hardtanh", |x| act::hardtanh(x, -0.7, 0.9)),
        function("tanhshrink", act::tanhshrink),
        function("hard_shrink", |x| act::hard_shrink(x, 0.6)),
        function("soft_shrink", |x| act::soft_shrink(x, 0.6)),
        function("thresholded_relu", |x| act::thresholded_relu(x, 0.4)),
        function("tanh as an activation", act::tanh),
        on("glu", [4, 6], |x: Tensor<3>| act::glu(x, 2)).open(&[0]),
        layer("swiglu", SwiGluConfig::new(5, 3).init(&device), [4, 5], |m, x: Tensor<3>| m.forward(x)).open(&[0]),
    ]
}
