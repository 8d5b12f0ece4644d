//! Unrolling: writes out each iteration of a loop.

use std::collections::HashMap;

use burn::backend::Shape;
use burn::backend::ir::{BaseOperationIr as B, CatOpIr, OperationIr, ShapeOpIr, SliceOpIr, TensorId, TensorIr};
use burn::tensor::Slice;

use super::ids::{Fresh, Renamed, renamed};
use super::marks::{Along, Mark};

/// Returns the operations without loops, and the names of the outputs in them.
pub(in crate::trace) fn unroll(
    operations: Vec<OperationIr>,
    outputs: &[TensorId],
) -> (Vec<OperationIr>, Vec<TensorId>) {
    let mut writer = Writer { fresh: Fresh::after(&operations), done: Vec::new(), names: HashMap::new() };
    let mut at = 0;
    while at < operations.len() {
        let begin = Mark::beginning(&operations[at]);
        let ending = || (at..operations.len()).find_map(|end| Some((end, Mark::ending(&operations[end])?)));
        at = match begin.and_then(|begin| Some((begin, ending()?))) {
            Some((begin, (end, mark))) => {
                writer.turns(begin, &operations[at + 1..end], mark);
                end + 1
            }
            None => {
                let mut op = operations[at].clone();
                op.visit_mut(&mut Renamed(&writer.names));
                writer.done.push(op);
                at + 1
            }
        };
    }
    let outputs = outputs.iter().map(|id| renamed(&writer.names, *id)).collect();
    (writer.done, outputs)
}

struct Writer {
    fresh: Fresh,
    done: Vec<OperationIr>,
    /// New names of the outputs of loops.
    names: HashMap<TensorId, TensorId>,
}

impl Writer {
    fn turns(&mut self, mut begin: Mark, body: &[OperationIr], end: Mark) {
        begin.inputs.iter_mut().for_each(|tensor| tensor.id = renamed(&self.names, tensor.id));
        let states = begin.states();
        let turns = begin.along.first().map_or(0, |along| begin.inputs[states].shape[along.axis]);
        let mut state: Vec<TensorId> = begin.inputs[..states].iter().map(|tensor| tensor.id).collect();
        let mut collected: Vec<Vec<TensorIr>> = vec![Vec::new(); end.along.len()];
        for turn in 0..turns {
            let mut names = self.names.clone();
            names.extend(begin.outputs.iter().map(|tensor| tensor.id).zip(state.iter().copied()));
            for (at, along) in begin.along.iter().enumerate() {
                let place = if along.backwards { turns - 1 - turn } else { turn };
                let item = self.item(&begin.inputs[states + at], *along, place, &begin.outputs[states + at]);
                names.insert(begin.outputs[states + at].id, item);
            }
            for op in body {
                let mut op = op.clone();
                names.extend(op.outputs().map(|tensor| (tensor.id, self.fresh.next())).collect::<Vec<_>>());
                op.visit_mut(&mut Renamed(&names));
                self.done.push(op);
            }
            let named = |tensor: &TensorIr| TensorIr { id: renamed(&names, tensor.id), ..tensor.clone() };
            state = end.inputs[..end.states()].iter().map(|tensor| named(tensor).id).collect();
            for (at, list) in collected.iter_mut().enumerate() {
                list.push(named(&end.inputs[end.states() + at]));
            }
        }
        let last = end.outputs[..end.states()].iter().map(|tensor| tensor.id);
        self.names.extend(last.zip(state));
        for (at, (mut items, along)) in collected.into_iter().zip(&end.along).enumerate() {
            if along.backwards {
                items.reverse();
            }
            self.together(items, *along, &end.outputs[end.states() + at]);
        }
    }

    /// Takes one element of a tensor, in the shape in which an iteration reads it.
    fn item(&mut self, whole: &TensorIr, along: Along, place: usize, item: &TensorIr) -> TensorId {
        let all = |length: &usize| Slice::new(0, Some(*length as isize), 1);
        let mut ranges: Vec<Slice> = whole.shape.iter().map(all).collect();
        ranges[along.axis] = Slice::new(place as isize, Some(place as isize + 1), 1);
        let mut shape = whole.shape.to_vec();
        shape[along.axis] = 1;
        let out = TensorIr { shape: Shape::from(shape), ..self.fresh.like(whole) };
        let slice = SliceOpIr { tensor: whole.clone(), ranges, out: out.clone() };
        self.push(whole, B::Slice(slice));
        self.shaped(out, item.shape.clone())
    }

    fn shaped(&mut self, tensor: TensorIr, shape: Shape) -> TensorId {
        if tensor.shape == shape {
            return tensor.id;
        }
        let out = TensorIr { shape, ..self.fresh.like(&tensor) };
        self.push(&tensor, B::Reshape(ShapeOpIr { input: tensor.clone(), out: out.clone() }));
        out.id
    }

    fn together(&mut self, items: Vec<TensorIr>, along: Along, whole: &TensorIr) {
        let mut shape = whole.shape.to_vec();
        shape[along.axis] = 1;
        let shape = Shape::from(shape);
        let mut tensors = Vec::new();
        for item in items {
            let id = self.shaped(item.clone(), shape.clone());
            tensors.push(TensorIr { id, shape: shape.clone(), ..item });
        }
        self.push(whole, B::Cat(CatOpIr { tensors, dim: along.axis, out: whole.clone() }));
    }

    fn push(&mut self, like: &TensorIr, op: B) {
        let dtype = like.dtype;
        self.done.push(match (dtype.is_float(), dtype.is_bool()) {
            (true, _) => OperationIr::BaseFloat(op),
            (_, true) => OperationIr::BaseBool(op),
            _ => OperationIr::BaseInt(op),
        });
    }
}
