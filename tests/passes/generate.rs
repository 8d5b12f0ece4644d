//! Random small networks: branches, shared weights, values with several readers, and what the passes look for.

use gnet_core::graph::{Attribute, DType, Dim, Graph, Model, Node, Tensor, ValueId};
use proptest::prelude::*;

/// One decision of the generator: which operation, on which values, with which numbers.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    operation: u8,
    first: u16,
    second: u16,
    seed: u32,
}

/// Decisions for a network, and how it begins.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<u8>(), any::<u16>(), any::<u16>(), any::<u32>());
    let step = step.prop_map(|(operation, first, second, seed)| Step { operation, first, second, seed });
    proptest::collection::vec(step, 1..24)
}

/// The decisions of a fixed series, for tests that count.
pub fn series(number: u64) -> Vec<Step> {
    let mut random = Random(number);
    (0..3 + random.below(20))
        .map(|_| Step {
            operation: random.next() as u8,
            first: random.next() as u16,
            second: random.next() as u16,
            seed: random.next() as u32,
        })
        .collect()
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    /// A multiple of 1/64 between -1 and 1.
    fn number(&mut self) -> f32 {
        (self.below(129) as f32 - 64.0) / 64.0
    }

    pub fn tensor(&mut self, shape: &[usize]) -> Tensor {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| self.number()).collect();
        Tensor::from_f32(shape.to_vec(), &values).unwrap()
    }
}

/// A model and an input for it.
pub struct Sample {
    pub model: Model,
    pub input: Tensor,
}

/// The network that the steps decide on.
pub fn network(steps: &[Step]) -> Sample {
    let mut random = Random(steps.iter().map(|s| u64::from(s.seed)).sum());
    let shape: Vec<usize> = [(1, 2), (1, 4), (3, 4), (3, 4)].map(|(least, range)| least + random.below(range)).to_vec();
    let mut network = Network::new(&shape, random.chance(2));
    steps.iter().for_each(|step| network.step(*step));
    Sample { input: random.tensor(&shape), model: network.finish(&mut random) }
}

/// The network that the steps decide on, for an image of a shape.
pub fn network_of(steps: &[Step], shape: &[usize]) -> Model {
    let mut random = Random(steps.iter().map(|s| u64::from(s.seed)).sum());
    let mut network = Network::new(shape, random.chance(2));
    steps.iter().for_each(|step| network.step(*step));
    network.finish(&mut random)
}

struct Network {
    graph: Graph,
    /// Values that depend on the input, with their shapes.
    values: Vec<(ValueId, Vec<usize>)>,
    /// Weights that can be shared.
    weights: Vec<(ValueId, Vec<usize>)>,
    /// Whether the batch is left open.
    open: bool,
    random: Random,
}

impl Network {
    fn new(shape: &[usize], open: bool) -> Self {
        let mut network =
            Self { graph: Graph::new("random"), values: Vec::new(), weights: Vec::new(), open, random: Random(0) };
        let x = network.graph.add_value("x", Some(DType::F32), Some(network.dims(shape)));
        network.graph.inputs = vec![x];
        network.values.push((x, shape.to_vec()));
        network
    }

    fn dims(&self, shape: &[usize]) -> Vec<Dim> {
        let mut dims: Vec<Dim> = shape.iter().map(|size| Dim::Known(*size)).collect();
        if self.open {
            dims[0] = Dim::symbol("N");
        }
        dims
    }

    fn pick(&self, index: u16) -> (ValueId, Vec<usize>) {
        self.values[usize::from(index) % self.values.len()].clone()
    }

    /// A node over `inputs`; its result has `shape`, which the file may or may not state.
    fn node(&mut self, op: &str, inputs: Vec<ValueId>, shape: &[usize], attributes: &[(&str, Attribute)]) -> ValueId {
        let number = self.graph.nodes.len();
        let stated = (!self.random.chance(3)).then(|| self.dims(shape));
        let made = self.graph.add_value(format!("v{number}"), Some(DType::F32), stated);
        let name = if self.random.chance(5) { String::new() } else { format!("{op}_{number}") };
        let mut node = Node::new(name, op, inputs, vec![made]);
        node.attributes.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        self.graph.nodes.push(node);
        made
    }

    /// As [`Network::node`], with the result among the values to go on from.
    fn value(&mut self, op: &str, inputs: Vec<ValueId>, shape: &[usize], attributes: &[(&str, Attribute)]) -> ValueId {
        let made = self.node(op, inputs, shape, attributes);
        self.values.push((made, shape.to_vec()));
        made
    }

    /// A node that makes whole numbers, whose shape the file does not state.
    fn numbers(&mut self, op: &str, inputs: Vec<ValueId>, attributes: &[(&str, Attribute)]) -> ValueId {
        let made = self.node(op, inputs, &[1], attributes);
        let value = self.graph.value_mut(made);
        (value.dtype, value.shape) = (Some(DType::I64), None);
        made
    }

    /// A constant: an initializer, or what a `Constant` node makes.
    fn constant(&mut self, tensor: Tensor) -> ValueId {
        if self.random.chance(4) {
            let shape: Vec<Dim> = tensor.shape().iter().map(|d| Dim::Known(*d)).collect();
            let dtype = tensor.dtype();
            let made = self.node("Constant", vec![], &[1], &[("value", Attribute::Tensor(tensor))]);
            let value = self.graph.value_mut(made);
            (value.dtype, value.shape) = (Some(dtype), Some(shape));
            return made;
        }
        let number = self.graph.values().count();
        self.graph.add_initializer(format!("c{number}"), tensor)
    }

    fn i64s(&mut self, values: &[i64]) -> ValueId {
        self.constant(Tensor::from_i64(values))
    }

    fn floats(&mut self, shape: &[usize]) -> ValueId {
        let tensor = self.random.tensor(shape);
        self.constant(tensor)
    }

    /// A weight: new, or one that another node has, or an equal one.
    fn weight(&mut self, shape: &[usize]) -> ValueId {
        let known: Vec<_> = self.weights.iter().filter(|(_, s)| s == shape).map(|(id, _)| *id).collect();
        if let (Some(id), 0) = (known.first(), self.random.below(4)) {
            return *id;
        }
        if let (Some(tensor), 0) =
            (known.first().and_then(|id| self.graph.initializer(*id).cloned()), self.random.below(3))
        {
            return self.constant(tensor);
        }
        let id = self.floats(shape);
        self.weights.push((id, shape.to_vec()));
        id
    }

    fn step(&mut self, step: Step) {
        self.random = Random(step.seed.into());
        let (x, shape) = self.pick(step.first);
        let second = self.pick(step.second);
        match (step.operation % 28, shape.len()) {
            (0..=3, 4) => self.convolution(x, &shape),
            (4..=6, _) => self.batch_norm(x, &shape),
            (7, 4) => self.pool(x, &shape),
            (8, 4) => self.pad(x, &shape),
            (9, 4) => self.local_response(x, &shape),
            (10, 4) => {
                let pooled = self.node("GlobalAveragePool", vec![x], &[shape[0], shape[1], 1, 1], &[]);
                self.value("Flatten", vec![pooled], &shape[..2], &[]);
            }
            (11 | 12, _) if shape[1..].iter().product::<usize>() <= 64 => {
                let flat = [shape[0], shape[1..].iter().product()];
                let x = if shape.len() == 2 { x } else { self.value("Flatten", vec![x], &flat, &[]) };
                self.linear(x, &flat);
            }
            (13, _) => drop(self.value("Relu", vec![x], &shape, &[])),
            (14, _) => self.no_op(x, &shape),
            (15, _) => self.no_op(x, &shape),
            (16, _) if second.1 == shape => drop(self.value("Add", vec![x, second.0], &shape, &[])),
            (17, 4)
                if second.1.len() == 4 && [second.1[0], second.1[2], second.1[3]] == [shape[0], shape[2], shape[3]] =>
            {
                let joined = [shape[0], shape[1] + second.1[1], shape[2], shape[3]];
                self.value("Concat", vec![x, second.0], &joined, &[("axis", Attribute::Int(1))]);
            }
            (18 | 19, _) => self.constant_expression(x, &shape),
            (20, 4) => self.computed_reshape(x, &shape),
            (21, _) => self.again(step.second),
            (22, 4) => {
                let turned = [shape[0], shape[1], shape[3], shape[2]];
                self.value("Transpose", vec![x], &turned, &[("perm", Attribute::Ints(vec![0, 1, 3, 2]))]);
            }
            (23, 4) if shape[2] > 1 => {
                let [starts, ends, axes] = [vec![1], vec![i64::MAX], vec![2]].map(|v| self.i64s(&v));
                let cut = [shape[0], shape[1], shape[2] - 1, shape[3]];
                self.value("Slice", vec![x, starts, ends, axes], &cut, &[]);
            }
            (24, 4) => self.transposed_convolution(x, &shape),
            (25, _) => {
                let alpha = [0.0, -0.0, 0.25][self.random.below(3)];
                self.value("LeakyRelu", vec![x], &shape, &[("alpha", Attribute::Float(alpha))]);
            }
            (26, 4) => {
                self.value("Flatten", vec![x], &[shape[0], shape[1..].iter().product()], &[]);
            }
            _ => drop(self.value("Neg", vec![x], &shape, &[])),
        }
    }

    fn convolution(&mut self, x: ValueId, shape: &[usize]) {
        let group = if shape[1].is_multiple_of(2) && self.random.chance(3) { 2 } else { 1 };
        let (features, k) = (group * (1 + self.random.below(2)), 1 + self.random.below(shape[2].min(shape[3]).min(3)));
        let mut inputs = vec![x, self.weight(&[features, shape[1] / group, k, k])];
        if self.random.chance(2) {
            inputs.push(self.weight(&[features]));
        }
        let pad = self.random.below(2);
        let made = [shape[0], features, shape[2] + 2 * pad - k + 1, shape[3] + 2 * pad - k + 1];
        let attributes = [("group", Attribute::Int(group as i64)), ("pads", Attribute::Ints(vec![pad as i64; 4]))];
        let z = self.value("Conv", inputs, &made, &attributes);
        if self.random.chance(2) {
            self.batch_norm(z, &made);
        }
    }

    fn transposed_convolution(&mut self, x: ValueId, shape: &[usize]) {
        if shape[2] > 6 {
            return;
        }
        let group = if shape[1].is_multiple_of(2) && self.random.chance(2) { 2 } else { 1 };
        let inputs = vec![x, self.weight(&[shape[1], 2, 2, 2])];
        let made = [shape[0], 2 * group, shape[2] + 1, shape[3] + 1];
        let z = self.value("ConvTranspose", inputs, &made, &[("group", Attribute::Int(group as i64))]);
        self.batch_norm(z, &made);
    }

    fn batch_norm(&mut self, x: ValueId, shape: &[usize]) {
        let channels = shape[1];
        let mut inputs = vec![x];
        inputs.extend((0..3).map(|_| self.weight(&[channels])));
        let variance: Vec<f32> = (0..channels).map(|_| 0.5 + self.random.number().abs()).collect();
        inputs.push(self.constant(Tensor::from_f32(vec![channels], &variance).unwrap()));
        self.value("BatchNormalization", inputs, shape, &[("epsilon", Attribute::Float(0.01))]);
    }

    fn pool(&mut self, x: ValueId, shape: &[usize]) {
        let (k, stride) = (1 + self.random.below(shape[2].min(shape[3]).min(3)), 1 + self.random.below(2));
        let counted = Attribute::Int(self.random.below(2) as i64);
        let pad = self.random.below(k.min(2));
        let made = [shape[0], shape[1], (shape[2] + 2 * pad - k) / stride + 1, (shape[3] + 2 * pad - k) / stride + 1];
        let attributes = vec![
            ("kernel_shape", Attribute::Ints(vec![k as i64; 2])),
            ("strides", Attribute::Ints(vec![stride as i64; 2])),
            ("pads", Attribute::Ints(vec![pad as i64; 4])),
        ];
        match self.random.chance(2) {
            true => self.value("MaxPool", vec![x], &made, &attributes),
            false => {
                let attributes = [attributes, vec![("count_include_pad", counted)]].concat();
                self.value("AveragePool", vec![x], &made, &attributes)
            }
        };
    }

    /// A `Pad` and, most of the time, what could take it over.
    fn pad(&mut self, x: ValueId, shape: &[usize]) {
        if shape[2].max(shape[3]) > 8 {
            return;
        }
        let infinite = self.random.chance(3);
        let fill = if infinite { f32::NEG_INFINITY } else { [0.0, 0.0, 0.0, 1.0][self.random.below(4)] };
        let pads = self.i64s(&[0, 0, 1, 0, 0, 0, 1, 1]);
        let fill = self.constant(Tensor::from_f32(vec![], &[fill]).unwrap());
        let padded = [shape[0], shape[1], shape[2] + 2, shape[3] + 1];
        if !infinite {
            let made = self.value("Pad", vec![x, pads, fill], &padded, &[]);
            let pool_or_convolution: [fn(&mut Self, ValueId, &[usize]); 2] = [Self::pool, Self::convolution];
            return pool_or_convolution[self.random.below(2)](self, made, &padded);
        }
        // Infinities are kept away from everything else: what becomes of them says nothing about a pass.
        let made = self.node("Pad", vec![x, pads, fill], &padded, &[]);
        let kernel = [("kernel_shape", Attribute::Ints(vec![2, 2]))];
        self.value("MaxPool", vec![made], &[shape[0], shape[1], shape[2] + 1, shape[3]], &kernel);
    }

    /// Adds the operations that Burn records for local response normalisation.
    fn local_response(&mut self, x: ValueId, shape: &[usize]) {
        let [n, c, area] = [shape[0], shape[1], shape[2] * shape[3]];
        let (alpha, k, beta) = (0.25, 1.0, 0.75);
        let [alpha, k, beta] = [alpha, k, beta].map(|v: f32| self.constant(Tensor::from_f32(vec![], &[v]).unwrap()));
        let square = self.node("Mul", vec![x, x], shape, &[]);
        let swap = [("perm", Attribute::Ints(vec![0, 2, 1]))];
        let to = |network: &mut Self, from, target: &[i64], shape: &[usize]| {
            let target = network.i64s(target);
            let made = network.node("Reshape", vec![from, target], shape, &[]);
            network.state(made, shape);
            made
        };
        let flat = to(self, square, &[0, 0, -1], &[n, c, area]);
        let moved = self.node("Transpose", vec![flat], &[n, area, c], &swap);
        let rows = to(self, moved, &[-1, 1, c as i64], &[n * area, 1, c]);
        // The batch is part of this axis.
        self.graph.value_mut(rows).shape = Some(vec![Dim::Unknown, Dim::Known(1), Dim::Known(c)]);
        let window = [
            ("kernel_shape", Attribute::Ints(vec![3])),
            ("strides", Attribute::Ints(vec![1])),
            ("pads", Attribute::Ints(vec![1, 1])),
            ("count_include_pad", Attribute::Int(1)),
        ];
        let pooled = self.node("AveragePool", vec![rows], &[n * area, 1, c], &window);
        self.graph.value_mut(pooled).shape = None;
        let split = to(self, pooled, &[-1, area as i64, c as i64], &[n, area, c]);
        let back = self.node("Transpose", vec![split], &[n, c, area], &swap);
        self.state(back, &[n, c, area]);
        let mean = to(self, back, &[0, 0, shape[2] as i64, shape[3] as i64], shape);
        let scaled = self.node("Mul", vec![mean, alpha], shape, &[]);
        let shifted = self.node("Add", vec![scaled, k], shape, &[]);
        let root = self.node("Pow", vec![shifted, beta], shape, &[]);
        self.value("Div", vec![x, root], shape, &[]);
    }

    fn state(&mut self, id: ValueId, shape: &[usize]) {
        self.graph.value_mut(id).shape = Some(self.dims(shape));
    }

    /// A product and a sum with a bias, or a Gemm, and sometimes a BatchNorm.
    fn linear(&mut self, x: ValueId, shape: &[usize]) {
        let (inner, columns) = (shape[1], 1 + self.random.below(3));
        self.state(x, shape);
        let made = [shape[0], columns];
        let bias = self.weight(&[columns]);
        let result = match self.random.below(4) {
            0 => {
                let weight = self.weight(&[inner, columns]);
                let attributes = [("alpha", Attribute::Float(0.5)), ("beta", Attribute::Float(2.0))];
                self.value("Gemm", vec![x, weight, bias], &made, &attributes)
            }
            1 => {
                let weight = self.weight(&[columns, inner]);
                self.value("Gemm", vec![x, weight, bias], &made, &[("transB", Attribute::Int(1))])
            }
            form => {
                let weight = self.weight(&[inner, columns]);
                let product = self.value("MatMul", vec![x, weight], &made, &[]);
                let bias = if form == 2 {
                    let target = self.i64s(&[1, -1]);
                    let row = self.node("Reshape", vec![bias, target], &[1, columns], &[]);
                    self.graph.value_mut(row).shape = None;
                    row
                } else {
                    bias
                };
                let operands = if self.random.chance(2) { vec![product, bias] } else { vec![bias, product] };
                self.value("Add", operands, &made, &[])
            }
        };
        if self.random.chance(2) {
            self.batch_norm(result, &made);
        }
    }

    /// An operation that changes nothing, in one of its many forms.
    fn no_op(&mut self, x: ValueId, shape: &[usize]) {
        let rank = shape.len() as i64;
        let all: Vec<i64> = (0..rank).collect();
        match self.random.below(11) {
            0 => self.value("Identity", vec![x], shape, &[]),
            1 => self.value("Dropout", vec![x], shape, &[]),
            2 => self.value("Cast", vec![x], shape, &[("to", Attribute::Int(1))]),
            3 => self.value("Transpose", vec![x], shape, &[("perm", Attribute::Ints(all))]),
            4 => {
                let mut target = vec![0; shape.len()];
                target[self.random.below(shape.len())] = -1;
                let target = self.i64s(&target);
                self.value("Reshape", vec![x, target], shape, &[])
            }
            5 => {
                let sizes: Vec<i64> = shape[1..].iter().map(|d| *d as i64).collect();
                let target = self.i64s(&[vec![-1], sizes].concat());
                self.value("Reshape", vec![x, target], shape, &[])
            }
            6 => {
                let [starts, ends] = [vec![0; shape.len()], vec![i64::MAX; shape.len()]].map(|v| self.i64s(&v));
                self.value("Slice", vec![x, starts, ends], shape, &[])
            }
            7 => {
                let pads = self.i64s(&vec![0; 2 * shape.len()]);
                self.value("Pad", vec![x, pads], shape, &[])
            }
            8 => self.value("Concat", vec![x], shape, &[("axis", Attribute::Int(1))]),
            9 => self.value("Sum", vec![x], shape, &[]),
            _ => {
                let target = self.i64s(&[1, 1]);
                self.value("Expand", vec![x, target], shape, &[])
            }
        };
    }

    /// The value times, or plus, what is made of constants.
    fn constant_expression(&mut self, x: ValueId, shape: &[usize]) {
        let channels = shape[1];
        let [a, b] = [self.weight(&[channels]), self.weight(&[channels])];
        let row: Vec<i64> = std::iter::once(channels as i64).chain(shape[2..].iter().map(|_| 1)).collect();
        let op = ["Mul", "Add", "Sub", "Max"][self.random.below(4)];
        let made = self.node(op, vec![a, b], &[channels], &[]);
        self.graph.value_mut(made).shape = None;
        let target = self.i64s(&row);
        let factor = self.node("Reshape", vec![made, target], &[channels], &[]);
        self.graph.value_mut(factor).shape = None;
        let factor = if self.random.chance(3) {
            let same = self.node("Identity", vec![factor], &[channels], &[]);
            self.graph.value_mut(same).shape = None;
            same
        } else {
            factor
        };
        let op = ["Add", "Mul"][self.random.below(2)];
        self.value(op, vec![x, factor], shape, &[]);
    }

    /// The chain of Shape, Gather, Unsqueeze and Concat that exporters leave behind, in front of a Reshape.
    fn computed_reshape(&mut self, x: ValueId, shape: &[usize]) {
        let sizes = self.numbers("Shape", vec![x], &[]);
        let gathered: Vec<ValueId> = [0i64, 1]
            .into_iter()
            .map(|axis| {
                let index = self.constant(Tensor::new(DType::I64, vec![], axis.to_le_bytes().to_vec()).unwrap());
                let size = self.numbers("Gather", vec![sizes, index], &[("axis", Attribute::Int(0))]);
                let axes = self.i64s(&[0]);
                self.numbers("Unsqueeze", vec![size, axes], &[])
            })
            .collect();
        let rest = match self.random.below(3) {
            0 => self.i64s(&[-1]),
            1 => {
                let [from, to] = [self.i64s(&[2]), self.i64s(&[4])];
                self.numbers("Slice", vec![sizes, from, to], &[])
            }
            _ => self.i64s(&[shape[2] as i64, shape[3] as i64]),
        };
        let flat = self.graph.initializer(rest).is_some_and(|t| t.len() == 1)
            || self.graph.nodes.iter().any(|n| n.output() == Some(rest) && n.constant().is_some_and(|t| t.len() == 1));
        let target = self.numbers("Concat", vec![gathered[0], gathered[1], rest], &[("axis", Attribute::Int(0))]);
        if !flat {
            self.value("Reshape", vec![x, target], shape, &[]);
            return;
        }
        let made = self.node("Reshape", vec![x, target], &[shape[0], shape[1], shape[2] * shape[3]], &[]);
        let back = self.i64s(&[0, 0, shape[2] as i64, shape[3] as i64]);
        self.value("Reshape", vec![made, back], shape, &[]);
    }

    /// A node that is there already, once more.
    fn again(&mut self, index: u16) {
        let node = self.graph.nodes.get(usize::from(index) % self.graph.nodes.len().max(1)).cloned();
        let Some(node) = node else { return };
        let shape = self.values.iter().find(|(id, _)| Some(*id) == node.output()).map(|(_, shape)| shape.clone());
        let Some(shape) = shape else { return };
        let attributes: Vec<_> = node.attributes.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        self.value(&node.op_type, node.reads().collect(), &shape, &attributes);
    }

    /// The last value is an output, and some others may be: what is left is dead.
    fn finish(mut self, random: &mut Random) -> Model {
        let last = self.values.len() - 1;
        if last == 0 {
            let (x, shape) = self.pick(0);
            self.value("Relu", vec![x], &shape, &[]);
        }
        let mut outputs: Vec<ValueId> =
            self.values[1..].iter().map(|(id, _)| *id).filter(|_| random.chance(5)).collect();
        let (end, _) = self.values[self.values.len() - 1];
        outputs.retain(|id| *id != end);
        outputs.push(end);
        self.graph.outputs = outputs;
        Model::new(self.graph, 18)
    }
}
