//! Random graphs of every rank up to five: broadcasts in both directions, scalars, sizes of one and of nothing, two open
//! axes, shapes made of shapes, statements of another batch, results that nothing needs, inputs that are outputs.
//!
//! A node is kept when the reference evaluator computes it at both sizes of the open axes, so that every graph is valid, and
//! valid in ways that no rule of a generator would have thought of.

use std::collections::HashMap;

use gnet_core::graph::{Attribute, DType, Dim, Graph, Model, Node, Tensor, ValueId};
use gnet_core::reference::{self, Limits};

use super::generate::Random;

/// A graph, and what it is fed and answers at two sizes of its open axes.
pub struct Wide {
    pub model: Model,
    pub inputs: [Vec<Tensor>; 2],
    pub outputs: [Vec<Tensor>; 2],
}

const OPSET: i64 = 18;

/// Sizes of `N` and `M` in the two runs. One of them is often one, or that of a fixed axis.
const SIZES: [[[usize; 2]; 2]; 4] = [[[1, 3], [2, 4]], [[1, 2], [1, 5]], [[2, 3], [3, 1]], [[3, 1], [4, 2]]];

const F32: i64 = 1;

/// One of a fixed series.
pub fn wide(number: u64) -> Wide {
    let mut random = Random(number ^ 0x5157);
    let sizes = SIZES[random.below(SIZES.len())];
    let mut build = Build { graph: Graph::new("wide"), random, sizes, at: HashMap::new(), floats: Vec::new() };
    for place in 0..1 + build.random.below(3) {
        build.input(place);
    }
    for _ in 0..6 + build.random.below(18) {
        build.step();
    }
    build.finish()
}

struct Build {
    graph: Graph,
    random: Random,
    sizes: [[usize; 2]; 2],
    /// Value in each of the two runs.
    at: HashMap<ValueId, [Tensor; 2]>,
    /// Values of floats to go on from.
    floats: Vec<ValueId>,
}

impl Build {
    fn dim(&mut self) -> Dim {
        match self.random.below(16) {
            0..5 => Dim::symbol("N"),
            5..7 => Dim::symbol("M"),
            7..11 => Dim::Known(1),
            15 => Dim::Known(if self.random.below(6) == 0 { 0 } else { 4 }),
            size => Dim::Known(2 + size % 3),
        }
    }

    fn size(&self, dim: &Dim, run: usize) -> usize {
        match dim {
            Dim::Symbolic { symbol, .. } => self.sizes[usize::from(symbol == "M")][run],
            dim => dim.known().unwrap(),
        }
    }

    fn input(&mut self, place: usize) {
        let rank = self.random.below(6).min(self.random.below(6) + 1);
        let dims: Vec<Dim> = (0..rank).map(|_| self.dim()).collect();
        let id = self.graph.add_value(format!("x{place}"), Some(DType::F32), Some(dims.clone()));
        let tensors = [0, 1].map(|run| {
            let shape: Vec<usize> = dims.iter().map(|dim| self.size(dim, run)).collect();
            self.random.tensor(&shape)
        });
        self.graph.inputs.push(id);
        self.at.insert(id, tensors);
        self.floats.push(id);
    }

    /// A value of floats; a later one more often.
    fn pick(&mut self) -> ValueId {
        let from = self.random.below(self.floats.len());
        self.floats[from + self.random.below(self.floats.len() - from)]
    }

    fn shape(&self, id: ValueId) -> &[usize] {
        self.at[&id][0].shape()
    }

    fn constant(&mut self, tensor: Tensor) -> ValueId {
        let number = self.graph.values().count();
        let id = match self.random.below(5) {
            0 => {
                let id = self.graph.add_value(format!("k{number}"), Some(tensor.dtype()), None);
                let mut node = Node::new("", "Constant", vec![], vec![id]);
                node.attributes.insert("value".into(), Attribute::Tensor(tensor.clone()));
                self.graph.nodes.push(node);
                id
            }
            _ => self.graph.add_initializer(format!("c{number}"), tensor.clone()),
        };
        self.at.insert(id, [tensor.clone(), tensor]);
        id
    }

    fn ints(&mut self, values: &[i64]) -> ValueId {
        self.constant(Tensor::from_i64(values))
    }

    /// Adds a node when both runs can compute it.
    fn node(&mut self, op: &str, inputs: &[ValueId], attributes: &[(&str, Attribute)]) -> Option<ValueId> {
        self.nodes(op, inputs, attributes, 1).map(|made| made[0])
    }

    fn nodes(
        &mut self,
        op: &str,
        inputs: &[ValueId],
        attributes: &[(&str, Attribute)],
        count: usize,
    ) -> Option<Vec<ValueId>> {
        let number = self.graph.values().count();
        let made: Vec<ValueId> =
            (0..count).map(|i| self.graph.add_value(format!("v{number}_{i}"), None, None)).collect();
        let mut node = Node::new(format!("{op}_{number}"), op, inputs.to_vec(), made.clone());
        node.attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let compute = |run: usize| {
            let tensors: Vec<_> = inputs.iter().map(|id| Some(&self.at[id][run])).collect();
            let limits = Limits { elements: 1 << 12, terms: 1 << 16 };
            let made = reference::node(&node, OPSET, &tensors, limits).ok()?;
            let tame = |tensor: &Tensor| {
                let finite = tensor.to_f32().is_none_or(|all| all.iter().all(|v| v.abs() < 1e4));
                finite && tensor.shape().len() <= 5
            };
            made.iter().all(tame).then_some(made)
        };
        let [first, second] = [compute(0)?, compute(1)?];
        for ((id, first), second) in made.iter().zip(first).zip(second) {
            if first.shape().len() != second.shape().len() {
                return None;
            }
            self.state(*id, [&first, &second]);
            if first.dtype() == DType::F32 {
                self.floats.push(*id);
            }
            self.at.insert(*id, [first, second]);
        }
        self.graph.nodes.push(node);
        Some(made)
    }

    /// Makes the file state a value's shape: not at all, correctly, or as in the first run only.
    fn state(&mut self, id: ValueId, [first, second]: [&Tensor; 2]) {
        let open = |(a, b): (&usize, &usize)| match self.sizes.iter().position(|sizes| *sizes == [*a, *b]) {
            _ if a == b => Dim::Known(*a),
            Some(symbol) => Dim::symbol(["N", "M"][symbol]),
            None => Dim::Unknown,
        };
        let right: Vec<Dim> = first.shape().iter().zip(second.shape()).map(open).collect();
        let stale = first.shape().iter().map(|size| Dim::Known(*size)).collect();
        let value = self.graph.value_mut(id);
        value.dtype = Some(first.dtype());
        value.shape = match self.random.below(6) {
            0..2 => None,
            2 => Some(stale),
            _ => Some(right),
        };
    }

    fn step(&mut self) -> Option<ValueId> {
        let x = self.pick();
        let rank = self.shape(x).len();
        let axis = self.random.below(rank.max(1));
        let signed = if self.random.below(2) == 0 { axis as i64 } else { axis as i64 - rank as i64 };
        match self.random.below(24) {
            0..4 => self.broadcast(x),
            4..7 => self.linear(x),
            7 | 8 => self.reshape(x),
            9 | 10 => self.reshape_by_shape(x),
            11 => self.node("Flatten", &[x], &[("axis", Attribute::Int(signed))]),
            12 => {
                let turn = self.random.below(rank + 1) as i64;
                let order = (0..rank as i64).map(|i| (i + turn) % rank as i64).collect();
                let mut perm = vec![("perm", Attribute::Ints(order))];
                perm.truncate(self.random.below(3));
                self.node("Transpose", &[x], &perm)
            }
            13 => {
                let axes = self.ints(&[signed]);
                let op = ["Unsqueeze", "Squeeze"][self.random.below(2)];
                self.node(op, &[x, axes], &[])
            }
            14 => self.expand(x),
            15 => self.slice(x, signed),
            16 => {
                let other = self.pick();
                self.node("Concat", &[x, other], &[("axis", Attribute::Int(signed))])
            }
            // What a reduction makes of nothing differs between runtimes.
            17 if self.at[&x].iter().all(|tensor| !tensor.shape().contains(&0)) => {
                let axes = self.ints(&[signed]);
                let keep = [("keepdims", Attribute::Int(self.random.below(2) as i64))];
                let op = ["ReduceMean", "ReduceSum", "ReduceMax"][self.random.below(3)];
                self.node(op, &[x, axes], &keep)
            }
            18 => {
                let op = ["Relu", "Neg", "Abs", "Identity", "Dropout", "Sum", "Max", "Mean"][self.random.below(8)];
                self.node(op, &[x], &[])
            }
            19 => self.split(x, signed),
            20 => {
                let empty = rank == 0 || self.shape(x).contains(&0);
                match self.random.below(3) {
                    0 if !empty => {
                        let pads = self.ints(&vec![0; 2 * rank]);
                        self.node("Pad", &[x, pads], &[])
                    }
                    1 => self.node("Cast", &[x], &[("to", Attribute::Int(F32))]),
                    _ => self.node("Softmax", &[x], &[("axis", Attribute::Int(signed))]),
                }
            }
            21 => {
                let op = ["Shape", "Size"][self.random.below(2)];
                let sizes = self.node(op, &[x], &[])?;
                let floats = self.node("Cast", &[sizes], &[("to", Attribute::Int(F32))])?;
                self.node("Mul", &[x, floats], &[])
            }
            22 => {
                let which = self.ints(&[0, -1]);
                self.node("Gather", &[x, which], &[("axis", Attribute::Int(signed))])
            }
            _ => self.batch_norm(x),
        }
    }

    /// A constant that may broadcast with a shape, in either direction.
    fn beside(&mut self, shape: &[usize]) -> ValueId {
        let mut sizes: Vec<usize> =
            shape.iter().map(|size| if self.random.below(2) == 0 { *size } else { 1 + self.random.below(2) }).collect();
        match self.random.below(4) {
            0 => sizes.insert(0, 1 + self.random.below(2)),
            1 => drop(sizes.drain(..self.random.below(sizes.len() + 1))),
            _ => {}
        }
        let tensor = self.random.tensor(&sizes);
        self.constant(tensor)
    }

    fn broadcast(&mut self, x: ValueId) -> Option<ValueId> {
        let shape = self.shape(x).to_vec();
        let other = if self.random.below(3) == 0 { self.beside(&shape) } else { self.pick() };
        let operands = if self.random.below(2) == 0 { [x, other] } else { [other, x] };
        let op = ["Add", "Sub", "Mul", "Max"][self.random.below(4)];
        self.node(op, &operands, &[])
    }

    /// A product, and a sum with what may be a bias: a row, a column, a number, known or computed.
    fn linear(&mut self, x: ValueId) -> Option<ValueId> {
        let flat = self.shape(x).len() > 2 && self.random.below(2) == 0;
        let x = if flat { self.node("Flatten", &[x], &[])? } else { x };
        let inner = *self.shape(x).last()?;
        let columns = 1 + self.random.below(3);
        let weight = self.random.tensor(&[inner, columns]);
        let weight = self.constant(weight);
        let product = self.node("MatMul", &[x, weight], &[])?;
        let bias = match self.random.below(6) {
            0 => {
                let vector = self.random.tensor(&[inner]);
                let vector = self.constant(vector);
                self.node("MatMul", &[x, vector], &[])?
            }
            1 => self.pick(),
            2..5 => {
                let vector = self.random.tensor(&[columns]);
                self.constant(vector)
            }
            _ => {
                let shape = self.shape(product).to_vec();
                self.beside(&shape)
            }
        };
        let bias = match self.random.below(3) {
            0 => {
                let target = [&[1, -1][..], &[-1], &[-1, 1], &[0]][self.random.below(4)];
                let target = self.ints(target);
                self.node("Reshape", &[bias, target], &[]).unwrap_or(bias)
            }
            _ => bias,
        };
        let operands = if self.random.below(2) == 0 { [product, bias] } else { [bias, product] };
        let sum = self.node("Add", &operands, &[])?;
        if self.random.below(3) > 0 { self.batch_norm(sum) } else { Some(sum) }
    }

    fn reshape(&mut self, x: ValueId) -> Option<ValueId> {
        const TARGETS: [&[i64]; 9] =
            [&[0, -1], &[1, -1], &[-1], &[0, 0, -1], &[-1, 1], &[0, 1, -1], &[-1, 0], &[0, 0], &[2, -1]];
        let target = TARGETS[self.random.below(TARGETS.len())];
        let target = self.ints(target);
        self.node("Reshape", &[x, target], &[])
    }

    /// Adds the exporters' shape arithmetic: sizes taken out of a shape and joined again, here those of any value.
    fn reshape_by_shape(&mut self, x: ValueId) -> Option<ValueId> {
        let of = if self.random.below(2) == 0 { x } else { self.pick() };
        let sizes = self.node("Shape", &[of], &[])?;
        let index = -(self.random.below(2) as i64);
        let index = self.constant(Tensor::new(DType::I64, vec![], index.to_le_bytes().to_vec()).unwrap());
        let size = self.node("Gather", &[sizes, index], &[("axis", Attribute::Int(0))])?;
        let zero = self.ints(&[0]);
        let size = self.node("Unsqueeze", &[size, zero], &[])?;
        let rest = self.ints(&[-1]);
        let parts = if self.random.below(2) == 0 { [size, rest] } else { [rest, size] };
        let target = self.node("Concat", &parts, &[("axis", Attribute::Int(0))])?;
        self.node("Reshape", &[x, target], &[])
    }

    fn expand(&mut self, x: ValueId) -> Option<ValueId> {
        let target = match self.random.below(3) {
            0 => {
                let ones = vec![1; 1 + self.random.below(4)];
                self.ints(&ones)
            }
            1 => {
                let other = self.pick();
                self.node("Shape", &[other], &[])?
            }
            _ => self.node("Shape", &[x], &[])?,
        };
        self.node("Expand", &[x, target], &[])
    }

    fn slice(&mut self, x: ValueId, axis: i64) -> Option<ValueId> {
        let (start, end) = [(0, i64::MAX), (0, 1), (0, 3), (-1, i64::MAX), (1, 9), (0, -1)][self.random.below(6)];
        let [start, end, axis] = [start, end, axis].map(|value| self.ints(&[value]));
        self.node("Slice", &[x, start, end, axis], &[])
    }

    /// Two parts, one of which may be left unread, of a value or of a constant.
    fn split(&mut self, x: ValueId, axis: i64) -> Option<ValueId> {
        let (source, axis) = match self.random.below(2) {
            0 => (x, axis),
            _ => {
                let tensor = self.random.tensor(&[4, 2]);
                (self.constant(tensor), 0)
            }
        };
        let parts = [("axis", Attribute::Int(axis)), ("num_outputs", Attribute::Int(2))];
        // A runtime leaves no part empty.
        let place = if axis < 0 { axis + self.shape(source).len() as i64 } else { axis } as usize;
        if self.at[&source].iter().any(|tensor| tensor.shape().get(place).is_none_or(|size| *size < 2)) {
            return None;
        }
        let made = self.nodes("Split", &[source], &parts, 2)?;
        let read = made[self.random.below(2)];
        self.node("Mul", &[x, read], &[]).or(Some(read))
    }

    fn batch_norm(&mut self, x: ValueId) -> Option<ValueId> {
        let channels = *self.shape(x).get(1)?;
        let vectors = [0; 4].map(|_| self.random.tensor(&[channels]));
        let mut inputs = vec![x];
        for (place, vector) in vectors.into_iter().enumerate() {
            let positive: Vec<f32> = vector.to_f32()?.iter().map(|value| value.abs() + 0.5).collect();
            let vector = if place == 3 { Tensor::from_f32(vec![channels], &positive).ok()? } else { vector };
            inputs.push(self.constant(vector));
        }
        self.node("BatchNormalization", &inputs, &[])
    }

    /// The last value is an output and some others may be, an input or a constant by way of an `Identity` too.
    fn finish(mut self) -> Wide {
        if self.random.below(4) == 0 {
            let given = self.graph.initializers().map(|(id, _)| id).filter(|id| self.at[id][0].dtype() == DType::F32);
            let given: Vec<ValueId> = given.chain(self.graph.inputs.iter().copied()).collect();
            let source = given[self.random.below(given.len())];
            self.node("Identity", &[source], &[]);
        }
        if self.graph.nodes.is_empty() || self.graph.inputs.contains(self.floats.last().unwrap()) {
            let x = self.pick();
            self.node("Relu", &[x], &[]).unwrap();
        }
        let made: Vec<ValueId> = self.floats.iter().copied().filter(|id| !self.graph.inputs.contains(id)).collect();
        let mut outputs: Vec<ValueId> = made.iter().copied().filter(|_| self.random.below(8) == 0).collect();
        let last = *made.last().unwrap();
        outputs.retain(|id| *id != last);
        outputs.push(last);
        let of = |ids: &[ValueId], run: usize| ids.iter().map(|id| self.at[id][run].clone()).collect();
        let inputs = [0, 1].map(|run| of(&self.graph.inputs, run));
        let answers = [0, 1].map(|run| of(&outputs, run));
        self.graph.outputs = outputs;
        Wide { model: Model::new(self.graph, OPSET), inputs, outputs: answers }
    }
}
