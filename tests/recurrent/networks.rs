//! Networks that loop.

use burn::module::Module;
use burn::nn::{BiGru, BiGruConfig, BiLstm, BiLstmConfig, Gru, GruConfig, Linear, LinearConfig, Lstm, LstmConfig};
use burn::tensor::activation::tanh;
use burn::tensor::{Device, Tensor};
use gnet::runtime::Array;

use crate::common::{array, stirred};

/// Numbers of one step of a sequence.
pub const WIDTH: usize = 3;
const HIDDEN: usize = 5;

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "there are ten of them in all")]
pub enum Network {
    Lstm(Lstm),
    Gru(Gru),
    BiLstm(BiLstm),
    BiGru(BiGru),
    Own(Own),
}

/// A recurrence written by hand.
#[derive(Module, Debug)]
pub struct Own {
    input: Linear,
    hidden: Linear,
    way: usize,
}

impl Network {
    pub fn loops(&self) -> usize {
        match self {
            Self::BiLstm(_) | Self::BiGru(_) => 2,
            Self::Own(own) if own.way == 1 => 2,
            _ => 1,
        }
    }

    pub fn forward(&self, x: Tensor<3>) -> (Tensor<3>, Vec<Tensor<2>>) {
        match self {
            Self::Lstm(lstm) => {
                let (out, state) = lstm.forward(x, None);
                (out, vec![state.cell, state.hidden])
            }
            Self::Gru(gru) => (gru.forward(x, None), vec![]),
            Self::BiLstm(lstm) => {
                let (out, state) = lstm.forward(x, None);
                (out, vec![state.cell.sum_dim(0).squeeze_dim(0), state.hidden.mean_dim(0).squeeze_dim(0)])
            }
            Self::BiGru(gru) => {
                let (out, state) = gru.forward(x, None);
                (out, vec![state.sum_dim(0).squeeze_dim(0)])
            }
            Self::Own(own) => own.forward(x),
        }
    }

    pub fn run(&self, x: Tensor<3>) -> Vec<Array> {
        let (out, states) = self.forward(x);
        std::iter::once(array(&out)).chain(states.iter().map(array)).collect()
    }
}

impl Own {
    fn forward(&self, x: Tensor<3>) -> (Tensor<3>, Vec<Tensor<2>>) {
        let [batch, _, _] = x.dims();
        let zeros = Tensor::<2>::zeros([batch, HIDDEN], &x.device());
        let turn = |x: &Tensor<2>, h: Tensor<2>| tanh(self.input.forward(x.clone()) + self.hidden.forward(h));
        match self.way {
            // Results stacked after the loop, the steps cut before.
            0 => {
                let steps: Vec<Tensor<2>> = x.iter_dim(1).map(|x| x.squeeze_dim(1)).collect();
                let (mut h, mut all) = (zeros, Vec::new());
                for x in &steps {
                    h = turn(x, h);
                    all.push(h.clone());
                }
                (Tensor::stack(all, 1), vec![h])
            }
            // The same steps there and back; what comes back is turned around.
            1 => {
                let steps: Vec<Tensor<2>> = x.iter_dim(1).map(|x| x.squeeze_dim(1)).collect();
                let (mut h, mut there) = (zeros.clone(), Vec::new());
                for x in &steps {
                    h = turn(x, h);
                    there.push(h.clone().unsqueeze_dim::<3>(1));
                }
                let (mut g, mut back) = (zeros, Vec::new());
                for x in steps.iter().rev() {
                    g = turn(x, g);
                    back.push(g.clone().unsqueeze_dim::<3>(1));
                }
                back.reverse();
                (Tensor::cat(vec![Tensor::cat(there, 1), Tensor::cat(back, 1)], 2), vec![h + g])
            }
            // Length before batch, with the step before beside this one.
            _ => {
                let x = x.swap_dims(0, 1);
                let [length, batch, _] = x.dims();
                let mut before = Tensor::<2>::ones([batch, WIDTH], &x.device());
                let mut h = zeros;
                let mut all = Vec::new();
                for t in 0..length {
                    let now: Tensor<2> = x.clone().slice([t..t + 1, 0..batch, 0..WIDTH]).squeeze_dim(0);
                    h = turn(&(now.clone() + before), h);
                    before = now;
                    all.push(h.clone());
                }
                (Tensor::stack::<3>(all, 0).swap_dims(0, 1), vec![h])
            }
        }
    }
}

pub fn all() -> Vec<(String, Network)> {
    let device = Device::flex();
    let own = |way: usize| {
        let linear = |width: usize| LinearConfig::new(width, HIDDEN).init(&device);
        Network::Own(Own { input: linear(WIDTH), hidden: linear(HIDDEN), way })
    };
    let mut all = vec![
        ("LSTM".to_owned(), Network::Lstm(LstmConfig::new(WIDTH, HIDDEN, true).init(&device))),
        (
            "reversed LSTM".to_owned(),
            Network::Lstm(LstmConfig::new(WIDTH, HIDDEN, true).with_reverse(true).init(&device)),
        ),
        (
            "LSTM without bias, clipped".to_owned(),
            Network::Lstm(
                LstmConfig::new(WIDTH, HIDDEN, false).with_clip(Some(0.2)).with_input_forget(true).init(&device),
            ),
        ),
        ("GRU".to_owned(), Network::Gru(GruConfig::new(WIDTH, HIDDEN, true).init(&device))),
        (
            "GRU, reset before".to_owned(),
            Network::Gru(GruConfig::new(WIDTH, HIDDEN, true).with_reset_after(false).init(&device)),
        ),
        ("bidirectional LSTM".to_owned(), Network::BiLstm(BiLstmConfig::new(WIDTH, HIDDEN, true).init(&device))),
        ("bidirectional GRU".to_owned(), Network::BiGru(BiGruConfig::new(WIDTH, HIDDEN, true).init(&device))),
    ];
    all.extend((0..3).map(|way| (format!("own recurrence {way}"), own(way))));
    all.into_iter().map(|(name, network)| (name, stirred(network))).collect()
}

/// One LSTM for each of two sequences.
#[derive(Module, Debug)]
pub struct Pair {
    question: Lstm,
    answer: Lstm,
}

pub fn pair() -> Pair {
    let lstm = || LstmConfig::new(WIDTH, HIDDEN, true).init(&Device::flex());
    stirred(Pair { question: lstm(), answer: lstm() })
}

/// Runs a question and an answer: the beginning of the answer depends on the end of the question.
pub fn both(pair: &Pair, (question, answer): (Tensor<3>, Tensor<3>)) -> Tensor<3> {
    let (_, state) = pair.question.forward(question, None);
    pair.answer.forward(answer, Some(state)).0
}
