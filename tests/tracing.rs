//! Refusals of the tracer and their messages: small modules made to break it.

use burn::module::Module;
use burn::nn::conv::{DeformConv2d, DeformConv2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::{relu, tanh};
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use gnet::export::{BATCH, ExportOptions, Exported, export};
use gnet::runtime::{self, Array, Provider, RunOptions};
use gnet::trace::{NamedOutputs, Output};
use gnet::{ErrorKind, OnnxFile, Result};

use crate::common;
use crate::common::stirred;

/// Two linear layers inside another module, so that a path has more than one part.
#[derive(Module, Debug)]
struct Body {
    first: Linear,
    second: Linear,
}

#[derive(Module, Debug)]
struct Net {
    body: Body,
}

const FEATURES: usize = 6;

fn net() -> Net {
    let linear = || LinearConfig::new(FEATURES, FEATURES).init(&Device::flex());
    stirred(Net { body: Body { first: linear(), second: linear() } })
}

impl Net {
    fn first(&self, x: Tensor<2>) -> Tensor<2> {
        self.body.first.forward(x)
    }

    fn second(&self, x: Tensor<2>) -> Tensor<2> {
        self.body.second.forward(x)
    }
}

fn dynamic() -> ExportOptions {
    ExportOptions::new([FEATURES])
}

fn fixed(batch: usize) -> ExportOptions {
    dynamic().fix(BATCH, batch)
}

/// Returns the error of an export that is refused.
fn refusal<O: NamedOutputs>(options: &ExportOptions, forward: impl Fn(&Net, Tensor<2>) -> O) -> String {
    said(export(&net(), options, forward))
}

fn said(result: Result<Exported>) -> String {
    let error = result.expect_err("it cannot be exported");
    assert_eq!(error.kind(), ErrorKind::Input, "{error}");
    format!("{error} | {}", error.remedy_text().unwrap_or_default())
}

/// The file's answer in tract beside the module's in Burn, for a batch of the given size.
fn both<const D: usize>(
    options: &ExportOptions,
    batch: usize,
    forward: impl Fn(&Net, Tensor<2>) -> Tensor<D>,
) -> (Array, Array) {
    let (net, input) = (net(), Array::noise(vec![batch, FEATURES], 3));
    let exported = export(&net, options, &forward).unwrap();
    let mut session = runtime::load(
        Provider::Tract,
        &OnnxFile::of_bytes(exported.bytes.clone()),
        &RunOptions { batch, ..RunOptions::default() },
    )
    .unwrap();
    let got = runtime::run(session.as_mut(), &input).unwrap().remove(0);
    let data = TensorData::new(input.data, input.shape);
    (common::array(&forward(&net, Tensor::from_data(data, &Device::flex()))), got)
}

fn assert_close((expected, got): (Array, Array)) {
    let agreement = runtime::agreement::Agreement::of(&expected, &got).unwrap();
    assert!(agreement.within(1e-5), "{agreement:?}");
}

#[test]
fn an_operation_that_cannot_be_lowered_is_named_with_its_module_and_shapes() {
    let said = refusal(&dynamic(), |net, x| net.second(net.first(x).cumprod(0)));
    assert!(said.starts_with("operation CumProd in body"), "{said}");
    assert!(said.contains("axis 0, which depends on a symbol (inputs of shape [2, 6])"), "{said}");
    assert!(said.contains("export with a fixed size in its place"), "{said}");
}

#[derive(Module, Debug)]
struct Warp {
    bend: DeformConv2d,
}

#[test]
fn a_layer_that_needs_a_newer_opset_is_named_with_its_own_path() {
    let warp = Warp { bend: DeformConv2dConfig::new([2, 3], [1, 1]).init(&Device::flex()) };
    let result = export(&warp, &ExportOptions::new([2, 5, 5]), |warp, x: Tensor<4>| {
        let offset = x.clone();
        warp.bend.forward(x, offset, None)
    });
    let said = said(result);
    assert!(
        said.starts_with("operation DeformableConv2d in bend: needs opset 19, and opset 18 was asked for"),
        "{said}"
    );
}

/// A forward with a head beside its main output.
struct Answers {
    main: Tensor<2>,
    head: Tensor<2>,
}

impl NamedOutputs for Answers {
    fn named_outputs(&self) -> Vec<Output> {
        vec![Output::new("main", &self.main), Output::new("head", &self.head)]
    }
}

fn with_head(net: &Net, x: Tensor<2>) -> Answers {
    let x = net.first(x);
    Answers { head: net.second(x.clone()).cumprod(0), main: relu(x) }
}

#[test]
fn a_dead_head_may_use_what_cannot_be_exported() {
    let keep = |name: &str| ExportOptions { keep: Some(vec![name.to_owned()]), ..dynamic() };
    let exported = export(&net(), &keep("main"), with_head).unwrap();
    let graph = &exported.model.graph;
    let names: Vec<_> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["body.first/Gemm", "body/Relu"]);
    assert_eq!(exported.pruned.outputs, ["head"]);
    assert_eq!(exported.pruned.params, (FEATURES * FEATURES + FEATURES) as u64);
    let initializers: Vec<_> = graph.initializers().map(|(id, _)| graph.value(id).name.as_str()).collect();
    assert_eq!(initializers, ["body.first.weight", "body.first.bias"]);

    for kept in [keep("head"), dynamic()] {
        assert!(refusal(&kept, with_head).starts_with("operation CumProd in body"));
    }
}

#[test]
fn an_output_that_does_not_exist_is_refused_with_those_that_do() {
    let options = ExportOptions { keep: Some(vec!["main".to_owned(), "side".to_owned()]), ..dynamic() };
    assert!(refusal(&options, with_head).contains("output side: the network has no such output; it has main, head"));
}

fn batch(x: &Tensor<2>) -> usize {
    x.dims()[0]
}

/// `[N * N]`: a size that no formula gives, and none is needed.
fn squared(net: &Net, x: Tensor<2>) -> Tensor<1> {
    let x = net.first(x);
    let images = batch(&x);
    x.clone().matmul(x.swap_dims(0, 1)).reshape([images * images])
}

/// The same size where it must be computed: a line through two batch sizes, but not through three.
fn spread(net: &Net, x: Tensor<2>) -> Tensor<2> {
    let images = batch(&x);
    let ones = Tensor::<2>::ones([images * images, FEATURES], &x.device());
    net.first(x).sum_dim(0) * ones
}

/// Another activation from batch 5 on.
fn forked(net: &Net, x: Tensor<2>) -> Tensor<2> {
    let large = batch(&x) > 4;
    let x = net.first(x);
    if large { tanh(x) } else { relu(x) }
}

/// Another number of operations from batch 5 on.
fn longer(net: &Net, x: Tensor<2>) -> Tensor<2> {
    let large = batch(&x) > 4;
    let x = relu(net.first(x));
    if large { tanh(x) } else { x }
}

/// The same operations on other layers from batch 5 on.
fn rewired(net: &Net, x: Tensor<2>) -> Tensor<2> {
    let large = batch(&x) > 4;
    let (first, second) = (net.first(x.clone()), net.second(x));
    if large { second - first } else { first - second }
}

/// A mean over the batch, written with the batch size as a number.
fn scaled(net: &Net, x: Tensor<2>) -> Tensor<2> {
    let images = batch(&x) as f32;
    net.first(x) / images
}

/// The batch size in a tensor that the forward makes.
fn shifted(net: &Net, x: Tensor<2>) -> Tensor<2> {
    let images = batch(&x) as f32;
    let x = net.first(x);
    let shift = TensorData::new(vec![images; FEATURES], [1, FEATURES]);
    let shift = Tensor::from_data(shift, &x.device());
    x + shift
}

#[test]
fn what_depends_on_the_batch_size_is_refused() {
    let says = |said: String, what: &str| {
        assert!(said.contains(what), "{said}");
        assert!(said.contains("| ") && said.contains("export with a fixed size"), "{said}");
    };
    says(refusal(&dynamic(), spread), "is no sum of products of the symbols: 4 at N = 2, 25 at N = 5, 49 at N = 7");
    says(refusal(&dynamic(), forked), "depends on N in more than its shapes");
    says(refusal(&dynamic(), longer), "depends on N in more than its shapes");
    says(refusal(&dynamic(), rewired), "depends on N in more than its shapes");
    says(refusal(&dynamic(), scaled), "depends on N in more than its shapes");
    says(refusal(&dynamic(), shifted), "is made by the forward and depends on N");
}

#[test]
fn what_depends_on_the_batch_size_is_exported_for_one() {
    for size in [3, 6] {
        assert_close(both(&fixed(size), size, spread));
        assert_close(both(&fixed(size), size, forked));
        assert_close(both(&fixed(size), size, longer));
        assert_close(both(&fixed(size), size, rewired));
        assert_close(both(&fixed(size), size, scaled));
        assert_close(both(&fixed(size), size, shifted));
    }
}

/// Shapes that are lines in the batch other than the batch itself.
fn folded(net: &Net, x: Tensor<2>) -> Tensor<3> {
    let images = batch(&x);
    net.first(x).reshape([images, 2, FEATURES / 2])
}

fn unrolled(net: &Net, x: Tensor<2>) -> Tensor<1> {
    let images = batch(&x);
    net.first(x).reshape([images * FEATURES])
}

fn doubled(net: &Net, x: Tensor<2>) -> Tensor<2> {
    let x = net.first(x);
    Tensor::cat(vec![x.clone(), tanh(x)], 0)
}

#[test]
fn lines_in_the_batch_size_are_exported_for_any() {
    let shape = |exported: Exported| {
        let graph = exported.model.graph;
        gnet::graph::shape_text(graph.value(graph.outputs[0]).shape.as_ref().unwrap())
    };
    assert_eq!(shape(export(&net(), &dynamic(), folded).unwrap()), "N x 2 x 3");
    assert_eq!(shape(export(&net(), &dynamic(), unrolled).unwrap()), "6*N");
    assert_eq!(shape(export(&net(), &dynamic(), doubled).unwrap()), "2*N x 6");
    // 1 and 9 are none of the sizes that were traced.
    for size in [1, 9] {
        assert_close(both(&dynamic(), size, folded));
        assert_close(both(&dynamic(), size, unrolled));
        assert_close(both(&dynamic(), size, doubled));
        assert_close(both(&dynamic(), size, squared));
    }
}

#[test]
fn a_tensor_from_another_device_is_refused() {
    let elsewhere = |net: &Net, x: Tensor<2>| {
        let _ = net.first(x);
        Tensor::<2>::ones([2, FEATURES], &Device::flex())
    };
    assert!(refusal(&dynamic(), elsewhere).contains("returned a tensor that is not on the device of its input"));
}

#[test]
fn what_no_operation_makes_is_passed_on() {
    assert_close(both(&dynamic(), 3, |_, x| x));
    let weight = |net: &Net, _: Tensor<2>| net.body.first.weight.val();
    let exported = export(&net(), &dynamic(), weight).unwrap();
    let [node] = exported.model.graph.nodes.as_slice() else { panic!("{:?}", exported.model.graph.nodes) };
    assert_eq!(node.op_type, "Identity");
}

#[test]
fn an_operation_without_inputs_is_named_with_what_it_makes() {
    let said = refusal(&dynamic(), |net, x| {
        net.first(x.clone()) + Tensor::random([1, FEATURES], Distribution::Default, &x.device())
    });
    assert!(said.contains("has no lowering to ONNX: comes from a generator"), "{said}");
    assert!(said.contains("(no inputs, output of shape [1, 6])"), "{said}");
}

#[test]
fn an_input_of_another_rank_is_refused() {
    let said = refusal(&ExportOptions::new([1, FEATURES]), |net, x| net.first(x));
    assert!(said.contains("input 'input': the forward takes a tensor of rank 2, not of shape [2, 1, 6]"), "{said}");
}

#[test]
fn a_refusal_does_not_spoil_the_next_export() {
    refusal(&dynamic(), spread);
    refusal(&dynamic(), with_head);
    // A forward that reads numbers panics inside Burn, and the scope it leaves must not stay open.
    let reads = |net: &Net, x: Tensor<2>| {
        let sum: f32 = x.clone().sum().into_scalar();
        net.first(x) * sum
    };
    std::panic::catch_unwind(|| refusal(&dynamic(), reads)).expect_err("a trace has no numbers");
    assert_close(both(&dynamic(), 4, folded));
}

#[test]
fn several_threads_may_export_at_once() {
    let bytes = || export(&net(), &dynamic(), folded).unwrap().bytes;
    let expected = bytes();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(bytes)).collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() == expected));
    });
}
