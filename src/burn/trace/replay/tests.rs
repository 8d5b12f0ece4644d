//! Faults planted in a trace.

use burn::backend::ir::{ActivationOperationIr, BaseOperationIr, NumericOperationIr, ScalarIr};
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Tensor, activation};

use super::*;
use crate::axes;
use crate::trace::constants::Constant;
use crate::trace::size::Size;
use crate::trace::{Input, OperationIr};

#[derive(Module, Debug)]
struct Net {
    linear: Linear,
}

fn forward(net: &Net, x: Tensor<3>) -> Tensor<3> {
    let [batch, rows, _] = x.dims();
    let counted = Tensor::<1, burn::tensor::Int>::arange(0..batch as i64, &x.device()).float();
    let y = activation::softmax(net.linear.forward(x), 2).mul_scalar(3.0) + counted.reshape([batch, 1, 1]);
    y.slice([0..batch, 1..rows])
}

/// Plants a fault in the trace and returns the result of the replay.
fn planted(fault: impl Fn(&mut Trace)) -> Result<Replayed> {
    let net = Net { linear: LinearConfig::new(4, 5).init(&Device::flex()) };
    let options = TraceOptions { inputs: vec![Input::new("x", axes!["N", 3, 4])], keep: None, opset: 18 };
    let (mut trace, _) = align::aligned(subject(&net, &forward), &options).unwrap();
    fault(&mut trace);
    let input = Array::noise(vec![4, 3, 4], 1);
    let x = Tensor::from_data(TensorData::new(input.data.clone(), input.shape.clone()), &Device::flex());
    compare(&trace, &[4], &[input], &forward(&net, x).named_outputs())
}

fn operation(trace: &mut Trace, is: impl Fn(&OperationIr) -> bool) -> &mut OperationIr {
    trace.operations.iter_mut().find(|op| is(op)).unwrap()
}

#[test]
fn a_sound_trace_holds() {
    assert_eq!(planted(|_| ()).unwrap().values, 4 * 2 * 5);
}

#[test]
fn an_attribute() {
    let scale = |trace: &mut Trace| {
        let is_scale = |op: &OperationIr| matches!(op, OperationIr::NumericFloat(_, NumericOperationIr::MulScalar(_)));
        let OperationIr::NumericFloat(_, NumericOperationIr::MulScalar(op)) = operation(trace, is_scale) else {
            panic!()
        };
        op.rhs = ScalarIr::Float(f64::from(3.0_f32.next_up()));
    };
    let axis = |trace: &mut Trace| {
        let is_softmax = |op: &OperationIr| matches!(op, OperationIr::Activation(ActivationOperationIr::Softmax(_)));
        let OperationIr::Activation(ActivationOperationIr::Softmax(op)) = operation(trace, is_softmax) else {
            panic!()
        };
        op.axis = 1;
    };
    for said in [planted(scale), planted(axis)] {
        let error = said.unwrap_err();
        assert_eq!(error.kind(), gnet_core::ErrorKind::Check);
        assert!(error.to_string().contains("of 40 values differ, the first at "), "{error}");
    }
}

#[test]
fn a_constant() {
    let weight = |trace: &mut Trace| {
        let id = trace.names.iter().find(|(_, name)| *name == "linear.weight").map(|(id, _)| *id).unwrap();
        let Some(Constant::Same(tensor)) = trace.constants.get_mut(&id) else { panic!("a parameter is constant") };
        let mut values = tensor.to_f32().unwrap();
        values[7] += 0.001;
        *tensor = gnet_core::graph::Tensor::from_f32(tensor.shape().to_vec(), &values).unwrap();
    };
    let count = |trace: &mut Trace| {
        let counts = trace.constants.values_mut().find(|constant| matches!(constant, Constant::Count { .. }));
        let Some(Constant::Count { start, .. }) = counts else { panic!("the batch is counted") };
        *start += 1;
    };
    assert_eq!(planted(weight).unwrap_err().kind(), gnet_core::ErrorKind::Check);
    assert_eq!(planted(count).unwrap_err().kind(), gnet_core::ErrorKind::Check);
}

#[test]
fn a_size_and_a_bound() {
    let bound = |trace: &mut Trace| {
        let is_slice = |op: &OperationIr| matches!(op, OperationIr::BaseFloat(BaseOperationIr::Slice(_)));
        let index = trace.operations.iter().position(is_slice).unwrap();
        (trace.numbers[index][2], trace.numbers[index][3]) = (Size::fixed(0), Size::fixed(2));
    };
    assert_eq!(planted(bound).unwrap_err().kind(), gnet_core::ErrorKind::Check);
    let unfit = |trace: &mut Trace| {
        let output = trace.outputs[0].id;
        trace.sizes.insert(output, vec![Size::Unfit(vec![4, 25, 49]), Size::fixed(2), Size::fixed(5)]);
    };
    let said = planted(unfit).unwrap_err();
    assert!(said.to_string().contains("is no sum of products of the symbols"), "{said}");
}

#[test]
fn an_operation_that_is_gone() {
    let said = planted(|trace| {
        trace.operations.remove(1);
        trace.numbers.remove(1);
    });
    assert!(said.unwrap_err().to_string().contains("reads a tensor that has no value and no maker"));
}
