//! Networks that keep their images apart and networks that do not, split and whole, against the plain reference.

use super::super::layout::Layout;
use super::super::model::Model;
use super::super::{Session, TractSession};
use crate::runtime::agreement::Agreement;
use crate::runtime::testing::TOLERANCE;
use crate::runtime::{Array, RunOptions};
use gnet_core::graph::{Attribute, DType, Dim, Graph, Node, Tensor, ValueId};

/// A network under construction: its input `x` has the batch first.
struct Net {
    graph: Graph,
    x: ValueId,
}

impl Net {
    fn new(row: &[usize]) -> Self {
        let mut graph = Graph::new("g");
        let shape = std::iter::once(Dim::parse("N")).chain(row.iter().copied().map(Dim::Known));
        let x = graph.add_value("x", Some(DType::F32), Some(shape.collect()));
        graph.inputs = vec![x];
        Self { graph, x }
    }

    fn op(&mut self, op: &str, inputs: &[ValueId], attributes: &[(&str, Attribute)]) -> ValueId {
        let number = self.graph.nodes.len();
        let output = self.graph.add_value(format!("v{number}"), None, None);
        let mut node = Node::new(format!("n{number}"), op, inputs.to_vec(), vec![output]);
        node.attributes.extend(attributes.iter().map(|(name, value)| ((*name).into(), value.clone())));
        self.graph.nodes.push(node);
        output
    }

    fn ints(&mut self, values: &[i64]) -> ValueId {
        let name = format!("i{}", self.graph.initializers().count());
        self.graph.add_initializer(name, Tensor::from_i64(values))
    }

    /// Adds the number 0 as a scalar.
    fn zero(&mut self) -> ValueId {
        self.graph.add_initializer("zero", Tensor::new(DType::I64, vec![], vec![0; 8]).unwrap())
    }

    fn weights(&mut self, shape: &[usize]) -> ValueId {
        let count = self.graph.initializers().count();
        let noise = Array::noise(shape.to_vec(), count as u64 + 7);
        self.graph.add_initializer(format!("w{count}"), Tensor::from_f32(shape.to_vec(), &noise.data).unwrap())
    }

    fn reshape(&mut self, x: ValueId, shape: &[i64]) -> ValueId {
        let shape = self.ints(shape);
        self.op("Reshape", &[x, shape], &[])
    }

    fn swap(&mut self, x: ValueId, order: &[i64]) -> ValueId {
        self.op("Transpose", &[x], &[("perm", Attribute::Ints(order.to_vec()))])
    }

    /// Runs the batch as a whole, split over two threads, and in pieces, as the layout allows; returns the number of
    /// threads used.
    fn check(mut self, name: &str, y: ValueId) -> usize {
        self.graph.outputs = vec![y];
        let row: Vec<usize> = match self.graph.value(self.x).shape.as_deref() {
            Some([_, row @ ..]) => row.iter().map(|dim| if let Dim::Known(side) = dim { *side } else { 0 }).collect(),
            _ => Vec::new(),
        };
        let ir = gnet_core::graph::Model::new(self.graph, 18);
        let bytes = gnet_core::onnx::write(&ir).unwrap();
        let mut used = Vec::new();
        for batch in [2, 3, 4, 7] {
            let x = Array::noise([&[batch], row.as_slice()].concat(), batch as u64);
            let mut expected = reference(&ir, &x);
            for (threads, bytes_at_once) in [(1, 1 << 20), (1, 1), (2, 1 << 20)] {
                let options = RunOptions::new(threads, batch);
                let model = Model::parse(&bytes, &options).unwrap();
                let layout = Layout::of(&model, &options, bytes_at_once);
                let mut session = TractSession::new(&model, layout, false).unwrap_or_else(|e| panic!("{name}: {e}"));
                session.bind(std::slice::from_ref(&x)).unwrap();
                session.run().unwrap_or_else(|e| panic!("{name}, {threads} threads: {e}"));
                let found = session.outputs().unwrap();
                let expected = expected.get_or_insert_with(|| found.clone());
                for (expected, found) in expected.iter().zip(&found) {
                    let agreement = Agreement::of(expected, found).unwrap();
                    assert!(agreement.within(TOLERANCE), "{name}, {threads} threads of {batch}: {agreement:?}");
                }
                assert_eq!(found.len(), expected.len());
                used.push(session.threads_used());
            }
        }
        used.into_iter().max().unwrap()
    }
}

/// Returns the outputs of the reference; `None` if it lacks an operation: then the batch in one piece is the reference.
fn reference(model: &gnet_core::graph::Model, x: &Array) -> Option<Vec<Array>> {
    if !model.graph.nodes.iter().all(|node| gnet_core::reference::knows(&node.op_type)) {
        return None;
    }
    let given = Tensor::from_f32(x.shape.clone(), &x.data).unwrap();
    let outputs = gnet_core::reference::run(model, &[given]).unwrap();
    Some(outputs.iter().map(|t| Array::new(t.shape().to_vec(), t.to_f32().unwrap()).unwrap()).collect())
}

fn ints(values: &[i64]) -> Attribute {
    Attribute::Ints(values.to_vec())
}

type Build = fn(&mut Net, ValueId) -> ValueId;

/// Each mixes images along the batch of `x`, of shape `[N, 3]`.
const MIXING: [(&str, Build); 20] = [
    ("convolution over the images", |net, x| {
        let kernel = net.weights(&[3, 3, 3]);
        let x = net.swap(x, &[1, 0]);
        let x = net.reshape(x, &[1, 3, -1]);
        let y = net.op("Conv", &[x, kernel], &[("pads", ints(&[1, 1]))]);
        let y = net.reshape(y, &[3, -1]);
        net.swap(y, &[1, 0])
    }),
    ("convolution over the images as height", |net, x| {
        let kernel = net.weights(&[1, 1, 3, 1]);
        let x = net.reshape(x, &[1, 1, -1, 3]);
        let y = net.op("Conv", &[x, kernel], &[("pads", ints(&[1, 0, 1, 0]))]);
        net.reshape(y, &[-1, 3])
    }),
    ("images as channels of a convolution's result", |net, x| {
        let kernel = net.weights(&[1, 1, 3, 1]);
        let x = net.swap(x, &[1, 0]);
        let x = net.reshape(x, &[3, 1, -1, 1]);
        let y = net.op("Conv", &[x, kernel], &[("pads", ints(&[2, 0, 0, 0]))]);
        let y = net.reshape(y, &[3, -1]);
        net.swap(y, &[1, 0])
    }),
    ("transposed convolution over the images", |net, x| {
        let kernel = net.weights(&[3, 3, 3]);
        let x = net.swap(x, &[1, 0]);
        let x = net.reshape(x, &[1, 3, -1]);
        let y = net.op("ConvTranspose", &[x, kernel], &[("pads", ints(&[1, 1]))]);
        let y = net.reshape(y, &[3, -1]);
        net.swap(y, &[1, 0])
    }),
    ("largest over the images", |net, x| pooled(net, x, "MaxPool")),
    ("mean over the images", |net, x| pooled(net, x, "AveragePool")),
    ("gru over the images", |net, x| {
        let (w, r) = (net.weights(&[1, 6, 3]), net.weights(&[1, 6, 2]));
        let x = net.reshape(x, &[-1, 1, 3]);
        let y = net.op(
            "GRU",
            &[x, w, r],
            &[("hidden_size", Attribute::Int(2)), ("linear_before_reset", Attribute::Int(1))],
        );
        net.reshape(y, &[-1, 2])
    }),
    ("lstm over the images", |net, x| {
        let (w, r) = (net.weights(&[1, 8, 3]), net.weights(&[1, 8, 2]));
        let x = net.reshape(x, &[-1, 1, 3]);
        let y = net.op("LSTM", &[x, w, r], &[("hidden_size", Attribute::Int(2))]);
        net.reshape(y, &[-1, 2])
    }),
    ("running sum", |net, x| {
        let axis = net.zero();
        net.op("CumSum", &[x, axis], &[])
    }),
    ("mean", |net, x| {
        let axes = net.ints(&[0]);
        let mean = net.op("ReduceMean", &[x, axes], &[]);
        net.op("Sub", &[x, mean], &[])
    }),
    ("softmax", |net, x| net.op("Softmax", &[x], &[("axis", Attribute::Int(0))])),
    ("softmax of images and features as one axis", |net, x| {
        let flat = net.reshape(x, &[1, -1]);
        let y = net.op("Softmax", &[flat], &[("axis", Attribute::Int(1))]);
        net.reshape(y, &[-1, 3])
    }),
    ("shifted by padding and slicing", |net, x| {
        let pads = net.ints(&[1, 0, 0, 0]);
        let (start, end, axes) = (net.ints(&[0]), net.ints(&[-1]), net.ints(&[0]));
        let padded = net.op("Pad", &[x, pads], &[]);
        net.op("Slice", &[padded, start, end, axes], &[])
    }),
    ("rolled by slices", |net, x| {
        let [zero, one, last] = [0, 1, i64::MAX].map(|n| net.ints(&[n]));
        let head = net.op("Slice", &[x, zero, one, zero], &[]);
        let tail = net.op("Slice", &[x, one, last, zero], &[]);
        net.op("Concat", &[tail, head], &[("axis", Attribute::Int(0))])
    }),
    ("reversed", |net, x| {
        let [start, end, axes, step] = [-1, i64::MIN, 0, -1].map(|n| net.ints(&[n]));
        net.op("Slice", &[x, start, end, axes, step], &[])
    }),
    ("compared with the first image", |net, x| {
        let first = net.ints(&[0]);
        let first = net.op("Gather", &[x, first], &[("axis", Attribute::Int(0))]);
        net.op("Sub", &[x, first], &[])
    }),
    ("product of images with images", |net, x| {
        let turned = net.swap(x, &[1, 0]);
        let all = net.op("MatMul", &[turned, x], &[]);
        net.op("MatMul", &[x, all], &[])
    }),
    ("images regrouped by a reshape", |net, x| {
        let x = net.swap(x, &[1, 0]);
        net.reshape(x, &[-1, 3])
    }),
    ("divided by the number of images", |net, x| {
        let shape = net.op("Shape", &[x], &[("end", Attribute::Int(1))]);
        let count = net.op("Cast", &[shape], &[("to", Attribute::Int(1))]);
        net.op("Div", &[x, count], &[])
    }),
    ("with the place in the batch", |net, x| {
        let ones = net.weights(&[1]);
        let shape = net.op("Shape", &[x], &[("end", Attribute::Int(1))]);
        let grown = net.op("Expand", &[ones, shape], &[]);
        let axis = net.zero();
        let place = net.op("CumSum", &[grown, axis], &[]);
        let place = net.reshape(place, &[-1, 1]);
        net.op("Add", &[x, place], &[])
    }),
];

fn pooled(net: &mut Net, x: ValueId, op: &str) -> ValueId {
    let x = net.reshape(x, &[1, 1, -1, 3]);
    let y = net.op(op, &[x], &[("kernel_shape", ints(&[3, 1])), ("pads", ints(&[1, 0, 1, 0]))]);
    net.reshape(y, &[-1, 3])
}

#[test]
fn what_runs_along_the_batch_is_not_split() {
    for (name, build) in MIXING {
        let mut net = Net::new(&[3]);
        let x = net.x;
        let y = build(&mut net, x);
        assert_eq!(net.check(name, y), 1, "{name}");
    }
}

/// Each moves the batch axis of `x`, of shape `[N, 4, 6]`, and keeps the images apart.
const APART: [(&str, Build); 10] = [
    ("attention with batch and tokens as one axis", |net, x| {
        let (w, scale) = (net.weights(&[6, 6]), net.weights(&[6]));
        let flat = net.reshape(x, &[-1, 6]);
        let linear = net.op("MatMul", &[flat, w], &[]);
        let linear = net.op("Mul", &[linear, scale], &[]);
        let heads = net.reshape(linear, &[-1, 4, 2, 3]);
        let (q, k) = (net.swap(heads, &[0, 2, 1, 3]), net.swap(heads, &[0, 2, 3, 1]));
        let scores = net.op("MatMul", &[q, k], &[]);
        let scores = net.op("Softmax", &[scores], &[("axis", Attribute::Int(-1))]);
        let mixed = net.op("MatMul", &[scores, q], &[]);
        let mixed = net.swap(mixed, &[0, 2, 1, 3]);
        let y = net.reshape(mixed, &[-1, 4, 6]);
        net.op("Add", &[y, x], &[])
    }),
    ("tokens before images as one axis", |net, x| {
        let w = net.weights(&[6, 5]);
        let turned = net.swap(x, &[1, 0, 2]);
        let flat = net.reshape(turned, &[-1, 6]);
        let y = net.op("MatMul", &[flat, w], &[]);
        let y = net.reshape(y, &[4, -1, 5]);
        net.swap(y, &[1, 0, 2])
    }),
    ("convolution of the rows", |net, x| {
        let w = net.weights(&[5, 4, 3]);
        net.op("Conv", &[x, w], &[("pads", ints(&[1, 1]))])
    }),
    ("pooled and resized", |net, x| {
        let x = net.reshape(x, &[-1, 2, 2, 6]);
        let pooled = net.op("MaxPool", &[x], &[("kernel_shape", ints(&[1, 2])), ("strides", ints(&[1, 2]))]);
        let scales = Tensor::from_f32(vec![4], &[1.0, 1.0, 2.0, 2.0]).unwrap();
        let scales = net.graph.add_initializer("scales", scales);
        let none = net.graph.add_initializer("none", Tensor::from_f32(vec![0], &[]).unwrap());
        net.op("Resize", &[pooled, none, scales], &[("mode", Attribute::String("linear".into()))])
    }),
    ("normalised over the channels", |net, x| net.op("LRN", &[x], &[("size", Attribute::Int(3))])),
    ("layer norm", |net, x| {
        let scale = net.weights(&[6]);
        net.op("LayerNormalization", &[x, scale], &[("axis", Attribute::Int(-1))])
    }),
    ("pieces of the features", |net, x| {
        let [start, end, axes, step] = [-1, i64::MIN, 2, -1].map(|n| net.ints(&[n]));
        let turned = net.op("Slice", &[x, start, end, axes, step], &[]);
        let picked = net.ints(&[3, 0]);
        let picked = net.op("Gather", &[x, picked], &[("axis", Attribute::Int(1))]);
        net.op("Concat", &[turned, picked], &[("axis", Attribute::Int(1))])
    }),
    ("gru over the tokens", |net, x| {
        let (w, r, begin) = (net.weights(&[1, 6, 6]), net.weights(&[1, 6, 2]), net.weights(&[1, 1, 2]));
        let b = net.weights(&[1, 12]);
        let steps = net.swap(x, &[1, 0, 2]);
        let begin = for_each_image(net, x, begin, &[1], &[2]);
        let attributes = [("hidden_size", Attribute::Int(2)), ("linear_before_reset", Attribute::Int(1))];
        let y = net.op("GRU", &[steps, w, r, b, begin], &attributes);
        // The lengths of the sequences, the fifth input, are omitted.
        net.graph.nodes.last_mut().unwrap().inputs.insert(4, None);
        let y = net.swap(y, &[2, 0, 1, 3]);
        net.reshape(y, &[-1, 4, 2])
    }),
    ("a row for every image", |net, x| {
        let token = net.weights(&[1, 1, 6]);
        let tokens = for_each_image(net, x, token, &[], &[1, 6]);
        net.op("Concat", &[tokens, x], &[("axis", Attribute::Int(1))])
    }),
    ("reshaped by its own shape", |net, x| {
        let count = net.op("Shape", &[x], &[("end", Attribute::Int(1))]);
        let rest = net.ints(&[-1]);
        let shape = net.op("Concat", &[count, rest], &[("axis", Attribute::Int(0))]);
        let flat = net.op("Reshape", &[x, shape], &[]);
        let w = net.weights(&[24, 2]);
        net.op("MatMul", &[flat, w], &[])
    }),
];

/// Repeats `value` once for each image of `x`, in the shape `[before.., N, after..]`.
fn for_each_image(net: &mut Net, x: ValueId, value: ValueId, before: &[i64], after: &[i64]) -> ValueId {
    let count = net.op("Shape", &[x], &[("end", Attribute::Int(1))]);
    let (before, after) = (net.ints(before), net.ints(after));
    let shape = net.op("Concat", &[before, count, after], &[("axis", Attribute::Int(0))]);
    net.op("Expand", &[value, shape], &[])
}

#[test]
fn what_keeps_the_images_apart_is_split() {
    for (name, build) in APART {
        let mut net = Net::new(&[4, 6]);
        let x = net.x;
        let y = build(&mut net, x);
        assert_eq!(net.check(name, y), 2, "{name}");
    }
}
