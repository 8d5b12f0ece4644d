//! The exporter for modules of one's own: several inputs of every kind, several open axes, outputs with names, and a module
//! that is left as it was.

mod proof;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Int, Tensor};
use gnet::axes;
use gnet::export::{ExportOptions, export, verify};
use gnet::graph::{DType, Model, shape_text};
use gnet::trace::{Input, Symbol};

use crate::common::stirred;

const WORDS: usize = 11;
const WIDTH: usize = 6;

/// Words to sums of their neighbours' features.
#[derive(Module, Debug)]
struct Tagger {
    words: Embedding,
    places: Embedding,
    tags: Linear,
}

fn tagger(device: &Device) -> Tagger {
    stirred(Tagger {
        words: EmbeddingConfig::new(WORDS, WIDTH).init(device),
        places: EmbeddingConfig::new(40, WIDTH).init(device),
        tags: LinearConfig::new(WIDTH, 4).init(device),
    })
}

impl Tagger {
    /// `[batch, length]` words, those to pass by, and a weight for each text `[batch]`; tags `[batch, length, 4]` and how many
    /// words counted `[batch]`.
    fn forward(&self, words: Tensor<2, Int>, pad: Tensor<2, Bool>, weight: Tensor<1>) -> (Tensor<3>, Tensor<1, Int>) {
        let [batch, length] = words.dims();
        let places = Tensor::<1, Int>::arange(0..length as i64, &words.device()).unsqueeze::<2>().repeat_dim(0, batch);
        let seen = self.words.forward(words) + self.places.forward(places);
        let seen = seen.mask_fill(pad.clone().unsqueeze_dim(2), 0.0);
        // Each word with the mean over its text: a product of both open axes lies on the way.
        let flat = seen.clone().reshape([batch * length, WIDTH]).tanh();
        let seen = flat.reshape([batch, length, WIDTH]) + seen.mean_dim(1);
        let tags = self.tags.forward(seen) * weight.reshape([batch, 1, 1]);
        (tags, pad.bool_not().int().sum_dim(1).squeeze_dim::<1>(1))
    }
}

fn inputs() -> [Input; 3] {
    [Input::new("words", axes!["N", "T"]), Input::new("pad", axes!["N", "T"]), Input::new("weight", axes!["N"])]
}

type Fed = (Tensor<2, Int>, Tensor<2, Bool>, Tensor<1>);

fn tag(tagger: &Tagger, (words, pad, weight): Fed) -> ((&'static str, Tensor<3>), (&'static str, Tensor<1, Int>)) {
    let (tags, count) = tagger.forward(words, pad, weight);
    (("tags", tags), ("count", count))
}

fn ports(model: &Model) -> Vec<String> {
    let graph = &model.graph;
    let port = |id| {
        let value = graph.value(id);
        format!("{} {:?} {}", value.name, value.dtype.unwrap(), shape_text(value.shape.as_deref().unwrap()))
    };
    graph.inputs.iter().chain(&graph.outputs).map(|id| port(*id)).collect()
}

#[test]
fn inputs_of_every_kind_and_two_open_axes() {
    let (tagger, options) = (tagger(&Device::flex()), ExportOptions::for_inputs(inputs()));
    let exported = export(&tagger, &options, tag).unwrap();
    let expected = ["words I64 N x T", "pad Bool N x T", "weight F32 N", "tags F32 N x T x 4", "count I64 N"];
    assert_eq!(ports(&exported.model), expected);
    let verified = verify(&tagger, &options, &exported, tag).unwrap();
    assert_eq!(verified.batches.len(), 2);
    assert!(verified.max_abs_diff <= verified.tolerance, "{verified:?}");
}

#[test]
fn an_open_axis_can_be_fixed_and_an_output_left_out() {
    let (tagger, options) = (tagger(&Device::flex()), ExportOptions::for_inputs(inputs()).fix("T", 9).keep(&["tags"]));
    let exported = export(&tagger, &options, tag).unwrap();
    let expected = ["words I64 N x 9", "pad Bool N x 9", "weight F32 N", "tags F32 N x 9 x 4"];
    assert_eq!(ports(&exported.model), expected);
    assert_eq!(exported.pruned.outputs, ["count"]);
    verify(&tagger, &options, &exported, tag).unwrap();
}

#[test]
fn a_planted_fault_is_found() {
    let (tagger, options) = (tagger(&Device::flex()), ExportOptions::for_inputs(inputs()));
    let exported = export(&tagger, &options, tag).unwrap();
    for (name, wrong) in [
        (
            "another weight",
            (|tagger: &Tagger, (words, pad, weight): Fed| tag(tagger, (words, pad, weight + 0.001)))
                as fn(&Tagger, Fed) -> _,
        ),
        ("no mask", |tagger, (words, pad, weight)| tag(tagger, (words, pad.bool_not(), weight))),
        ("words in another order", |tagger, (words, pad, weight)| tag(tagger, (words.flip([1]), pad, weight))),
    ] {
        let error = verify(&tagger, &options, &exported, wrong).expect_err(name);
        assert!(error.to_string().contains("Burn and tract disagree"), "{name}: {error}");
    }
}

#[test]
fn inputs_that_are_not_the_forwards_are_refused() {
    let tagger = tagger(&Device::flex());
    let refused =
        |inputs: Vec<Input>| export(&tagger, &ExportOptions::for_inputs(inputs), tag).unwrap_err().to_string();
    let [words, pad, weight] = inputs();
    let few = refused(vec![words.clone(), pad.clone()]);
    assert!(few.starts_with("inputs: are fewer than the forward takes"), "{few}");
    let many = refused(vec![words.clone(), pad.clone(), weight.clone(), Input::new("more", axes![1])]);
    assert!(many.starts_with("input 'more': is one more than the forward takes"), "{many}");
    let twice = refused(vec![words.clone(), Input::new("words", axes!["N", "T"]), weight.clone()]);
    assert!(twice.starts_with("input 'words': has no name of its own"), "{twice}");
    let rank = refused(vec![words, Input::new("pad", axes!["N"]), weight]);
    assert!(rank.starts_with("input 'pad': the forward takes a tensor of rank 2, not of shape [2]"), "{rank}");
}

/// Half the size and back: sizes that are whole for multiples only.
#[derive(Module, Debug)]
struct Halves {
    conv: Conv2d,
}

fn halves(module: &Halves, x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let y = module.conv.forward(x.clone());
    // The size of the half is needed in the graph.
    let half = y.reshape([batch, channels, height / 2 * (width / 2)]);
    let half = half + Tensor::<3>::ones([batch, channels, height / 2 * (width / 2)], &x.device());
    half.reshape([batch, channels, height / 2, width / 2])
}

#[test]
fn an_axis_may_be_open_in_multiples() {
    let conv = Conv2dConfig::new([3, 3], [2, 2]).with_stride([2, 2]).init(&Device::flex());
    let module = stirred(Halves { conv });
    let side = |name: &str| Symbol::new(name).multiple_of(2);
    let axes = axes!["N", 3, side("H"), side("W")];
    let options = ExportOptions::for_inputs([Input::new("image", axes)]);
    let exported = export(&module, &options, halves).unwrap();
    let verified = verify(&module, &options, &exported, halves).unwrap();
    assert!(verified.max_abs_diff <= verified.tolerance);
    // Without saying so the half is a floor, which no formula gives.
    let plain = ExportOptions::for_inputs([Input::new("image", axes!["N", 3, "H", "W"])]);
    let error = export(&module, &plain, halves).unwrap_err().to_string();
    assert!(error.contains("no sum of products"), "{error}");
}

#[test]
fn outputs_have_the_names_they_are_given() {
    let tagger = tagger(&Device::flex());
    let options = ExportOptions::for_inputs([Input::new("words", axes!["N", "T"])]);
    let names =
        |model: &Model| model.graph.outputs.iter().map(|id| model.graph.value(*id).name.clone()).collect::<Vec<_>>();
    let twice = export(&tagger, &options, |tagger, words: Tensor<2, Int>| {
        let seen = tagger.words.forward(words);
        (seen.clone().relu_twice(), seen)
    });
    assert_eq!(names(&twice.unwrap().model), ["output", "output_1"]);
    let same = export(&tagger, &options, |tagger, words: Tensor<2, Int>| {
        let seen = tagger.words.forward(words);
        [("a", seen.clone()), ("b", seen)]
    });
    assert_eq!(names(&same.unwrap().model), ["a", "b"]);
}

/// An operation of one's own is what it does.
trait Twice {
    fn relu_twice(self) -> Self;
}

impl<const D: usize> Twice for Tensor<D> {
    fn relu_twice(self) -> Self {
        burn::tensor::activation::relu(burn::tensor::activation::relu(self) + 1.0)
    }
}

#[test]
fn a_module_on_an_autodiff_device_is_exported_and_left_there() {
    let device = Device::flex().autodiff();
    let (live, options) = (tagger(&device), ExportOptions::for_inputs(inputs()));
    let before: Vec<f32> = live.tags.weight.val().to_data().try_to_vec().unwrap();
    let exported = export(&live, &options, tag).unwrap();
    verify(&live, &options, &exported, tag).unwrap();
    assert_eq!(live.devices(), std::slice::from_ref(&device));
    assert!(live.tags.weight.is_require_grad());
    assert_eq!(live.tags.weight.val().to_data().try_to_vec::<f32>().unwrap(), before);
    // Gradients are those of a module that was never exported.
    let words = Tensor::<2, Int>::from_ints([[1, 2, 3]], &device);
    let gradient = |module: &Tagger| {
        let loss = module.tags.forward(module.words.forward(words.clone())).powi_scalar(2).sum();
        let gradients = loss.backward();
        module.tags.weight.val().grad(&gradients).unwrap().to_data().try_to_vec::<f32>().unwrap()
    };
    assert_eq!(gradient(&live), gradient(&tagger(&device)));
    assert_eq!(exported.model.graph.value(exported.model.graph.inputs[0]).dtype, Some(DType::I64));
}
