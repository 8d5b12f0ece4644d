//! Each lowering against Burn's own result: the operation is traced, exported with a dynamic batch, and run in tract at
//! batches that were not traced, on inputs in which no two numbers are equal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;
#[path = "lowering/functions.rs"]
mod functions;
#[path = "lowering/layers.rs"]
mod layers;
#[path = "lowering/shapes.rs"]
mod shapes;

use burn::module::Module;
use burn::nn::activation::Relu;
use burn::tensor::{Device, Tensor, TensorData};
use gnet::export::{Options, export};
use gnet::runtime::{self, Array, Provider, RunOptions};

/// A module without parameters, for operations that need none.
#[derive(Module, Debug)]
struct Nothing {
    relu: Relu,
}

fn nothing() -> Nothing {
    Nothing { relu: Relu::new() }
}

/// What an exported file was made of, for tests that look closer.
struct Seen {
    /// The operations of the file, in order.
    ops: Vec<String>,
}

/// Exports `forward` for items of a shape, runs the file in tract at several batches, and compares with Burn.
#[track_caller]
fn agrees<M: Module, const D: usize, const E: usize>(
    module: &M,
    item: &[usize],
    input: impl Fn(Vec<usize>) -> Array,
    forward: impl Fn(&M, Tensor<D>) -> Tensor<E>,
) -> Seen {
    let mut ops = Vec::new();
    for opset in [18, 17] {
        let exported = export(module, &Options { opset, ..Options::new(item) }, &forward).unwrap();
        for batch in [1, 3] {
            let options = RunOptions { batch, ..RunOptions::default() };
            let x = input(std::iter::once(batch).chain(item.iter().copied()).collect());
            let mut session = runtime::load(Provider::Tract, &exported.bytes, &options).unwrap();
            let got = runtime::infer(session.as_mut(), &x).unwrap().remove(0);
            let data = TensorData::new(x.data, x.shape);
            let expected = common::array(&forward(module, Tensor::from_data(data, &Device::flex())));
            let agreement = runtime::compare::Agreement::of(&expected, &got).unwrap();
            assert!(agreement.within(2e-5), "opset {opset}, batch {batch}: {agreement:?}\n{expected:?}\n{got:?}");
            assert!(spread(&expected) > 0.0, "the result is the same everywhere: it would show nothing");
        }
        ops = exported.model.graph.nodes.iter().map(|node| node.op_type.clone()).collect();
    }
    Seen { ops }
}

/// The distance between the least and the greatest number.
fn spread(array: &Array) -> f32 {
    let (least, most) = array.data.iter().fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
    most - least
}

/// Numbers from about -3 to 3, no two of them equal or whole.
fn any(shape: Vec<usize>) -> Array {
    Array::noise(shape, 7)
}

/// Numbers from 0.05 to 0.95.
fn small(shape: Vec<usize>) -> Array {
    let mut array = Array::uniform(shape, 7);
    array.data.iter_mut().for_each(|v| *v = 0.05 + 0.9 * *v);
    array
}

/// Numbers above 1.
fn above_one(shape: Vec<usize>) -> Array {
    let mut array = Array::uniform(shape, 7);
    array.data.iter_mut().for_each(|v| *v = 1.05 + 2.0 * *v);
    array
}

/// Checks an operation on a tensor of rank 3, of items of `[4, 5]`.
#[track_caller]
fn function<const E: usize>(input: fn(Vec<usize>) -> Array, forward: impl Fn(Tensor<3>) -> Tensor<E>) -> Vec<String> {
    agrees(&nothing(), &[4, 5], input, |_, x| forward(x)).ops
}
