//! Forwards that loop, and forwards that only appear to.

use burn::backend::capture::CaptureBackend;
use burn::module::Module;
use burn::nn::{BiLstmConfig, GruConfig, Linear, LinearConfig, LstmConfig};
use burn::tensor::activation::tanh;
use burn::tensor::{Device, Tensor};

use super::*;
use crate::trace::lower::operation_name;

fn id<const D: usize>(tensor: &Tensor<D>) -> TensorId {
    tensor.clone().try_into_primitive::<CaptureBackend>().unwrap().id()
}

/// Runs `forward` on `[2, length, 3]` for several lengths, and folds the recorded operations.
fn folded<M: Module>(module: &M, forward: impl Fn(&M, Tensor<3>) -> Vec<TensorId>) -> Option<Vec<Tape>> {
    let device = Device::capture();
    let module = module.valid();
    let mut values = HashMap::new();
    let run = |length: usize| {
        let captured = device.capture_scope(|scope| {
            let module = module.clone().to_device(&device);
            let x = Tensor::<3>::zeros([2, length, 3], &Device::flex()).to_device(&device);
            let input = id(&x);
            let outputs = forward(&module, x);
            scope.complete([input], outputs)
        });
        let captured = captured.unwrap();
        values.extend(captured.values);
        let is_work = |op: &OperationIr| !matches!(op, OperationIr::Init(_) | OperationIr::Drop(_));
        let operations: Vec<OperationIr> = captured.graph.operations.into_iter().filter(is_work).collect();
        let outputs = captured.graph.outputs;
        Tape { operations: live::live(&operations, outputs.iter().copied()), outputs, sizes: vec![2, length] }
    };
    let runs: Vec<Tape> = [2, 5, 7].into_iter().map(run).collect();
    assert!(runs[0].operations.len() < runs[1].operations.len(), "the length does not show");
    let rolled = reroll(&runs, &values)?;
    // Unrolled again, a run is as long as before: an iteration takes its steps, does its work, and is joined.
    for (run, rolled) in runs.iter().zip(&rolled) {
        let names = |operations: &[OperationIr]| {
            let work =
                operations.iter().map(operation_name).filter(|name| ["Matmul", "Add", "Tanh", "Mul"].contains(name));
            work.fold(HashMap::<&str, usize>::new(), |mut counts, name| {
                *counts.entry(name).or_default() += 1;
                counts
            })
        };
        let (unrolled, outputs) = unroll(rolled.operations.clone(), &rolled.outputs);
        assert_eq!(names(&run.operations), names(&unrolled));
        assert_eq!(outputs.len(), run.outputs.len());
    }
    Some(rolled)
}

/// Number of states of a loop, and the axes of the tensors it iterates over and collects.
type Loop = (usize, Vec<Along>, Vec<Along>);

/// Returns the loops in a run.
fn marks(run: &Tape) -> Vec<Loop> {
    let begins = run.operations.iter().filter_map(Mark::beginning);
    let ends = run.operations.iter().filter_map(Mark::ending);
    begins.zip(ends).map(|(begin, end)| (begin.states(), begin.along, end.along)).collect()
}

const FORWARDS: Along = Along { axis: 1, backwards: false };
const BACKWARDS: Along = Along { axis: 1, backwards: true };

#[test]
fn burns_recurrent_layers() {
    let device = Device::flex();
    let lstm = LstmConfig::new(3, 4, true).init(&device);
    let runs = folded(&lstm, |m, x| {
        let (out, state) = m.forward(x, None);
        vec![id(&out), id(&state.cell), id(&state.hidden)]
    });
    assert_eq!(marks(&runs.unwrap()[0]), [(2, vec![FORWARDS], vec![FORWARDS])]);
    let gru = GruConfig::new(3, 4, true).init(&device);
    let runs = folded(&gru, |m, x| vec![id(&m.forward(x, None))]).unwrap();
    assert_eq!(marks(&runs[2]), [(1, vec![FORWARDS], vec![FORWARDS])]);
    let both = BiLstmConfig::new(3, 4, true).init(&device);
    let runs = folded(&both, |m, x| vec![id(&m.forward(x, None).0)]).unwrap();
    let [there, back] = [(2, vec![FORWARDS], vec![FORWARDS]), (2, vec![BACKWARDS], vec![BACKWARDS])];
    assert_eq!(marks(&runs[1]), [there, back]);
    let lengths: Vec<usize> = runs.iter().map(|run| run.operations.len()).collect();
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
}

#[derive(Module, Debug)]
struct Cell {
    input: Linear,
    hidden: Linear,
    other: Linear,
}

fn cell() -> Cell {
    let linear = |width: usize| LinearConfig::new(width, 4).init(&Device::flex());
    Cell { input: linear(3), hidden: linear(4), other: linear(4) }
}

type H = Tensor<2>;

/// Folds a recurrence `h = turn(t, x_t, h, previous h)`, of which `after` reads what it needs.
fn recurrence(turn: impl Fn(&Cell, usize, H, H, H) -> H, after: impl Fn(&[H]) -> TensorId) -> Option<Vec<Loop>> {
    let runs = folded(&cell(), |cell, x| {
        let mut all = vec![Tensor::zeros([2, 4], &x.device()), Tensor::ones([2, 4], &x.device())];
        for (t, x) in x.iter_dim(1).enumerate() {
            let [before, h] = [2, 1].map(|back| all[all.len() - back].clone());
            all.push(turn(cell, t, x.squeeze_dim(1), h, before));
        }
        vec![after(&all[2..])]
    });
    runs.map(|runs| marks(&runs[0]))
}

fn plain(cell: &Cell, x: H, h: H) -> H {
    tanh(cell.input.forward(x) + cell.hidden.forward(h))
}

fn last(all: &[H]) -> TensorId {
    id(&all[all.len() - 1])
}

#[test]
fn what_is_collected_may_be_stacked_or_not() {
    let turn = |cell: &Cell, _: usize, x: H, h: H, _: H| plain(cell, x, h);
    assert_eq!(recurrence(turn, last), Some(vec![(1, vec![FORWARDS], vec![])]));
    let stacked = recurrence(turn, |all| id(&Tensor::stack::<3>(all.to_vec(), 1)));
    assert_eq!(stacked, Some(vec![(1, vec![FORWARDS], vec![FORWARDS])]));
    let turned = recurrence(turn, |all| id(&Tensor::stack::<3>(all.iter().rev().cloned().collect(), 1)));
    assert_eq!(turned, Some(vec![(1, vec![FORWARDS], vec![BACKWARDS])]));
}

#[test]
fn what_is_the_same_in_each_turn_goes_before_the_loop() {
    let turn = |cell: &Cell, _: usize, x: H, h: H, _: H| plain(cell, x, h) - cell.other.weight.val().exp().sum_dim(0);
    assert!(recurrence(turn, last).is_some());
    let runs = folded(&cell(), |cell, x| {
        let scale = || cell.other.weight.val().exp().sum_dim(0);
        let zeros = Tensor::zeros([2, 4], &x.device());
        vec![id(&x.iter_dim(1).fold(zeros, |h, x| plain(cell, x.squeeze_dim(1), h) - scale()))]
    });
    let run = runs.unwrap().remove(0);
    let place = |is: &dyn Fn(&OperationIr) -> bool| run.operations.iter().position(is).unwrap();
    assert!(place(&|op| operation_name(op) == "Exp") < place(&|op| Mark::beginning(op).is_some()));
}

#[test]
fn what_is_no_loop_of_one_body_stays_as_it_is() {
    let refused = |name: &str, found: Option<Vec<Loop>>| assert_eq!(found, None, "{name}");
    refused("a state from two turns before", recurrence(|cell, _, x, h, before| plain(cell, x, h + before), last));
    refused("every other turn", {
        let turn = |cell: &Cell, t: usize, x: H, h: H, _: H| match t % 2 {
            0 => plain(cell, x, h),
            _ => tanh(plain(cell, x, h)),
        };
        recurrence(turn, last)
    });
    refused("other parameters in one turn", {
        let turn = |cell: &Cell, t: usize, x: H, h: H, _: H| match t {
            1 => tanh(cell.input.forward(x) + cell.other.forward(h)),
            _ => plain(cell, x, h),
        };
        recurrence(turn, last)
    });
    refused("a number that counts", recurrence(|cell, t, x, h, _| plain(cell, x, h).mul_scalar(t as f32 + 1.0), last));
    let turn = |cell: &Cell, _: usize, x: H, h: H, _: H| plain(cell, x, h);
    refused("a turn in the middle", recurrence(turn, |all| id(&(all[0].clone() + all[all.len() - 1].clone()))));
    refused(
        "results in another order",
        recurrence(turn, |all| {
            let mut all = all.to_vec();
            all.swap(0, 1);
            id(&Tensor::stack::<3>(all, 1))
        }),
    );
    refused("a result left out", recurrence(turn, |all| id(&Tensor::stack::<3>(all[1..].to_vec(), 1))));
    refused("a turn left out", {
        let runs = folded(&cell(), |cell, x| {
            let mut h = Tensor::zeros([2, 4], &x.device());
            for x in x.iter_dim(1).skip(1) {
                h = plain(cell, x.squeeze_dim(1), h);
            }
            vec![id(&h)]
        });
        runs.map(|runs| marks(&runs[0]))
    });
}
