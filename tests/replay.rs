//! The pruned trace, run on Burn's CPU backend at sizes that were not traced, against the module's own forward: bit for bit,
//! and without ONNX.

use std::cell::Cell;

use burn::module::Module;
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::conv::{Conv1dConfig, ConvTranspose2dConfig};
use burn::nn::interpolate::{Interpolate2dConfig, InterpolateMode};
use burn::nn::pool::{AdaptiveAvgPool2dConfig, AvgPool2dConfig};
use burn::nn::{
    BiLstmConfig, Embedding, EmbeddingConfig, GruConfig, InstanceNormConfig, LayerNormConfig, Linear, LinearConfig,
    PaddingConfig2d,
};
use burn::tensor::{Bool, Device, Int, Tensor, activation};
use gnet::nets::{GoogLeNet, Preset};
use gnet::runtime::Array;
use gnet::trace::{Input, NamedOutputs, Replayed, Symbol, TraceOptions, replay};
use gnet::{ErrorKind, axes};

use crate::common::{config, images, item_shape, network, stirred};

/// A batch of one, which broadcasting could treat apart, and one that was not traced.
const BATCHES: [usize; 2] = [1, 3];

fn options(inputs: impl Into<Vec<Input>>) -> TraceOptions {
    TraceOptions { inputs: inputs.into(), keep: None, opset: 18 }
}

/// Replays a forward of one float input of items of this shape.
#[track_caller]
fn holds<M: Module, const D: usize, O: NamedOutputs>(module: &M, item: &[usize], forward: impl Fn(&M, Tensor<D>) -> O) {
    let axes: Vec<_> = std::iter::once("N".into()).chain(item.iter().map(|size| (*size).into())).collect();
    let options = options([Input::new("x", axes)]);
    for batch in BATCHES {
        let shape = std::iter::once(batch).chain(item.iter().copied()).collect();
        let replayed = replay(module, &options, &[Array::noise(shape, 5)], &forward).unwrap();
        assert!(replayed.values > 0 && replayed.operations > 0, "{replayed:?}");
    }
}

#[derive(Module, Debug)]
struct Nothing {
    width: usize,
}

const NOTHING: Nothing = Nothing { width: 0 };

#[test]
fn googlenet_without_its_heads() {
    for preset in Preset::ALL {
        let config = config(preset, 32);
        let (network, item) = (network(&config), item_shape(&config));
        let axes = axes!["N", item[0], item[1], item[2]];
        let kept = TraceOptions { keep: Some(vec!["logits".to_owned()]), ..options([Input::new("input", axes)]) };
        for batch in BATCHES {
            let replayed = replay(&network, &kept, &[images(7, batch, item)], GoogLeNet::forward).unwrap();
            assert_eq!((replayed.outputs, replayed.values), (vec!["logits".to_owned()], batch * config.classes));
        }
    }
}

#[test]
fn layers() {
    let device = &Device::flex();
    holds(
        &stirred(Conv1dConfig::new(4, 6, 3).with_stride(2).with_groups(2).init(device)),
        &[4, 11],
        |m, x: Tensor<3>| m.forward(x),
    );
    let up = ConvTranspose2dConfig::new([3, 5], [3, 2]).with_stride([2, 3]).with_padding_out([1, 0]);
    holds(&stirred(up.init(device)), &[3, 4, 5], |m, x: Tensor<4>| m.forward(x));
    let pool = AvgPool2dConfig::new([3, 2]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init();
    holds(&pool, &[2, 8, 7], |m, x: Tensor<4>| m.forward(x));
    holds(&AdaptiveAvgPool2dConfig::new([3, 2]).init(), &[2, 12, 8], |m, x: Tensor<4>| m.forward(x));
    let resize = Interpolate2dConfig::new().with_output_size(Some([5, 9])).with_mode(InterpolateMode::Linear).init();
    holds(&resize, &[2, 4, 6], |m, x: Tensor<4>| m.forward(x));
    holds(&stirred(LayerNormConfig::new(5).init(device)), &[4, 5], |m, x: Tensor<3>| m.forward(x));
    holds(&stirred(InstanceNormConfig::new(4).init(device)), &[4, 7], |m, x: Tensor<3>| m.forward(x));
    // Which way Burn takes a linear layer of rank 3 apart depends on the batch; the trace has it whole.
    holds(&stirred(LinearConfig::new(6, 9).init(device)), &[7, 6], |m, x: Tensor<3>| m.forward(x));
    holds(&stirred(LinearConfig::new(6, 2).with_bias(false).init(device)), &[3, 4, 6], |m, x: Tensor<4>| m.forward(x));
}

#[test]
fn operations() {
    holds(&NOTHING, &[4, 5], |_, x: Tensor<3>| activation::softmax(x.clone(), 2) + activation::gelu(x));
    holds(&NOTHING, &[4, 5], |_, x: Tensor<3>| {
        x.clone().narrow(0, 0, 1) + x.clone().slice([0..1, 1..2]).repeat_dim(1, 4)
    });
    holds(&NOTHING, &[4, 5], |_, x: Tensor<3>| x.pad((1, 2, 0, 3), 0.5));
    holds(&NOTHING, &[4, 5], |_, x: Tensor<3>| x.clone().argmax(2).float() + x.sort(1).sum_dim(2));
    holds(&NOTHING, &[4, 5], |_, x: Tensor<3>| {
        let [batch, rows, width] = x.dims();
        let last = x.clone().narrow(0, batch - 1, 1);
        (x.reshape([batch * rows, width]), last)
    });
    holds(&NOTHING, &[4, 5], |_, x: Tensor<3>| {
        let above = x.clone().greater_elem(0.2);
        (above.clone(), above.clone().bool_not().int().sum_dim(1), x.mask_fill(above, -1.0))
    });
    holds(&NOTHING, &[4, 5], |_, x: Tensor<3>| {
        let [batch, _, _] = x.dims();
        let half = x.clone().slice([0..batch, 0..2]) * 0.5;
        x.slice_assign([0..batch, 1..3, 0..5], half)
    });
}

/// Words to what attends to them.
#[derive(Module, Debug)]
struct Reader {
    words: Embedding,
    attention: MultiHeadAttention,
    out: Linear,
}

impl Reader {
    fn forward(&self, words: Tensor<2, Int>, pad: Tensor<2, Bool>) -> (Tensor<3>, Tensor<2, Int>) {
        let places = Tensor::<1, Int>::arange(0..words.dims()[1] as i64, &words.device());
        let x = self.words.forward(words.clone()) + places.float().unsqueeze::<2>().unsqueeze_dim::<3>(2);
        let seen = self.attention.forward(MhaInput::self_attn(x).mask_pad(pad)).context;
        (self.out.forward(seen), words.mul_scalar(2))
    }
}

fn read(reader: &Reader, (words, pad): (Tensor<2, Int>, Tensor<2, Bool>)) -> (Tensor<3>, Tensor<2, Int>) {
    reader.forward(words, pad)
}

#[test]
fn integers_booleans_and_two_open_axes() {
    let device = &Device::flex();
    let reader = stirred(Reader {
        words: EmbeddingConfig::new(11, 6).init(device),
        attention: MultiHeadAttentionConfig::new(6, 2).init(device),
        out: LinearConfig::new(6, 4).init(device),
    });
    let options = options([Input::new("words", axes!["N", "T"]), Input::new("pad", axes!["N", "T"])]);
    for [batch, length] in [[1, 2], [3, 9], [4, 1]] {
        let count = batch * length;
        let words = Array::new(vec![batch, length], (0..count).map(|i| (7 * i % 11) as f32).collect()).unwrap();
        let pad = Array::new(vec![batch, length], (0..count).map(|i| f32::from(i % 5 == 4)).collect()).unwrap();
        let replayed = replay(&reader, &options, &[words, pad], read).unwrap();
        assert_eq!(replayed.values, 5 * count);
    }
}

#[test]
fn loops_take_as_many_turns_as_there_are_steps() {
    let device = &Device::flex();
    let options = options([Input::new("x", axes!["N", "T", 3])]);
    let (lstm, gru) = (BiLstmConfig::new(3, 5, true).init(device), GruConfig::new(3, 5, true).init(device));
    let (lstm, gru) = (stirred(lstm), stirred(gru));
    let mut operations = Vec::new();
    for [batch, length] in [[1, 1], [3, 1], [2, 6], [4, 11]] {
        let x = [Array::noise(vec![batch, length, 3], 3)];
        let replayed = replay(&lstm, &options, &x, |m, x: Tensor<3>| {
            let (out, state) = m.forward(x, None);
            (out, state.cell, state.hidden)
        });
        assert_eq!(replayed.unwrap().values, batch * 10 * (length + 2));
        let replayed: Replayed = replay(&gru, &options, &x, |m, x: Tensor<3>| m.forward(x, None)).unwrap();
        operations.push((length, replayed.operations));
    }
    let [(_, one), (_, other), (_, six), (_, eleven)] = operations[..] else { panic!("there are four runs") };
    assert_eq!((one, (eleven - six) * 5), (other, (six - one) * 5), "{operations:?}");
}

/// Replays a forward that says in which of its calls it is: the traced ones come first.
fn refusal(forward: impl Fn(usize, Tensor<2>) -> Tensor<2>) -> gnet::Error {
    let calls = Cell::new(0);
    let counted = |_: &Nothing, x: Tensor<2>| {
        calls.set(calls.get() + 1);
        forward(calls.get(), x)
    };
    replay(&NOTHING, &options([Input::new("x", axes!["N", 6])]), &[Array::noise(vec![4, 6], 1)], counted).unwrap_err()
}

/// Runs of a trace with one symbol.
const TRACED: usize = 3;

/// A forward that computes one thing when it is traced, and another otherwise.
type Forked = fn(bool, Tensor<2>) -> Tensor<2>;

#[test]
fn a_forward_that_computes_something_else_is_found() {
    let faults: [(&str, Forked); 4] = [
        ("the last bit", |traced, x| if traced { x.mul_scalar(1.0) } else { x.mul_scalar(1.0 + f32::EPSILON) }),
        ("a bound", |traced, x| x.slice([0..1, if traced { 1..4 } else { 2..5 }])),
        ("an axis", |traced, x| x.sort(usize::from(traced))),
        ("a shape", |traced, x| if traced { x.sum_dim(0) } else { x.sum_dim(1) }),
    ];
    for (name, forward) in faults {
        let error = refusal(|call, x| forward(call <= TRACED, x));
        assert_eq!(error.kind(), ErrorKind::Check, "{name}: {error}");
        assert!(error.to_string().starts_with("replay of output 'output': "), "{name}: {error}");
    }
}

#[test]
fn inputs_that_the_options_do_not_allow_are_refused() {
    let side = |name: &str| Symbol::new(name).multiple_of(2);
    let options = options([Input::new("a", axes!["N", side("H")]), Input::new("b", axes!["N", 3])]);
    let said = |a: [usize; 2], b: [usize; 2]| {
        let arrays = [Array::noise(a.to_vec(), 1), Array::noise(b.to_vec(), 2)];
        let forward = |_: &Nothing, (a, b): (Tensor<2>, Tensor<2>)| a.sum_dim(1) + b;
        replay(&NOTHING, &options, &arrays, forward).map_err(|e| (e.kind(), e.to_string()))
    };
    said([2, 8], [2, 3]).unwrap();
    for (a, b, name) in [([2, 8], [3, 3], "b"), ([2, 8], [2, 4], "b"), ([2, 7], [2, 3], "a")] {
        let (kind, text) = said(a, b).unwrap_err();
        assert_eq!(kind, ErrorKind::Input);
        assert!(text.starts_with(&format!("input '{name}': has the shape")), "{text}");
    }
    let few = replay(&NOTHING, &options, &[Array::noise(vec![2, 8], 1)], |_, (a, b): (Tensor<2>, Tensor<2>)| {
        a.sum_dim(1) + b
    });
    assert!(few.unwrap_err().to_string().starts_with("inputs: are 1, and the forward takes 2"));
}
