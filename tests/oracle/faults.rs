//! Mistakes that an exporter could make, planted in a good file.
//!
//! Each fault leaves a file that loads and runs: a mistake that breaks the file is found by whoever loads it.

use bytes::Bytes;
use gnet::graph::{Dim, Graph, Model, Node, Tensor};
use gnet::onnx;

/// File in which a mistake is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Padded pools, BatchNorm folded.
    Folded,
    /// Padded pools, BatchNorm as it was trained.
    Unfolded,
    /// Pools without padding, rounding up.
    Ceil,
}

/// One mistake.
pub struct Fault {
    pub name: &'static str,
    pub host: Host,
    plant: fn(&mut Graph),
}

impl Fault {
    /// The bytes of `good` with the mistake.
    pub fn plant(&self, good: &Bytes) -> Bytes {
        let mut model = onnx::read(good.clone()).unwrap();
        let before = model.graph.clone();
        (self.plant)(&mut model.graph);
        assert_ne!(model.graph, before, "{} changes something", self.name);
        // Shapes that no longer hold would give the mistake away before the numbers do.
        forget_shapes(&mut model);
        onnx::write(&model).unwrap().into()
    }
}

/// The file `good` without its inner shapes and without a mistake: what makes a planted one a proof.
pub fn control(good: &Bytes) -> Bytes {
    let mut model = onnx::read(good.clone()).unwrap();
    forget_shapes(&mut model);
    onnx::write(&model).unwrap().into()
}

fn forget_shapes(model: &mut Model) {
    let graph = &mut model.graph;
    let inner: Vec<_> = graph.nodes.iter().flat_map(Node::makes).filter(|id| !graph.outputs.contains(id)).collect();
    for id in inner {
        let value = graph.value_mut(id);
        (value.dtype, value.shape) = (None, None);
    }
}

/// Every mistake.
pub const FAULTS: [Fault; 12] = [
    Fault { name: "one weight off by 1 %", host: Host::Folded, plant: perturb_weight },
    Fault { name: "two branches swapped", host: Host::Folded, plant: |g| swap_branches(g, "inception3a/Concat", 2, 3) },
    Fault {
        name: "branches of other widths swapped",
        host: Host::Unfolded,
        plant: |g| swap_branches(g, "inception4d/Concat", 0, 1),
    },
    Fault {
        name: "rounding up where it is down",
        host: Host::Folded,
        plant: |g| set_ceil(g, "inception3b/MaxPool", 1),
    },
    Fault { name: "rounding down where it is up", host: Host::Ceil, plant: |g| set_ceil(g, "inception3b/MaxPool", 0) },
    Fault { name: "the operator's default epsilon", host: Host::Unfolded, plant: default_epsilon },
    Fault { name: "padding dropped", host: Host::Folded, plant: |g| set_pads(g, "conv1.conv/Conv", [0; 4]) },
    Fault {
        name: "padding on one side",
        host: Host::Folded,
        plant: |g| set_pads(g, "inception4b.b3x3.conv/Conv", [0, 0, 2, 2]),
    },
    Fault { name: "a bias lost", host: Host::Folded, plant: zero_bias },
    Fault { name: "scale and shift swapped", host: Host::Unfolded, plant: swap_scale_and_shift },
    Fault { name: "an activation lost", host: Host::Unfolded, plant: skip_activation },
    Fault { name: "a matrix transposed", host: Host::Folded, plant: transpose_matrix },
];

/// Something false that a file says about itself, with what a judge must say of it. The numbers stay right.
pub struct Lie {
    pub name: &'static str,
    pub says: &'static str,
    tell: fn(&mut Model),
}

impl Lie {
    /// The bytes of `good` with the lie.
    pub fn plant(&self, good: &Bytes) -> Bytes {
        let mut model = onnx::read(good.clone()).unwrap();
        (self.tell)(&mut model);
        let bytes: Bytes = onnx::write(&model).unwrap().into();
        assert_ne!(bytes, good, "{} changes something", self.name);
        bytes
    }
}

/// Every lie.
pub const LIES: [Lie; 6] = [
    Lie {
        name: "a shape that is not so",
        says: "of inception4a/Concat, inference says (1, ['N', 512, 2, 2])",
        tell: |model| {
            state(model, "inception4a/Concat", [Dim::symbol("N"), Dim::Known(512), Dim::Known(2), Dim::Known(3)])
        },
    },
    Lie {
        name: "a batch that is not so",
        says: "of conv1/Relu, inference says (1, ['N', 64, 14, 14])",
        tell: |model| state(model, "conv1/Relu", [Dim::Known(3), Dim::Known(64), Dim::Known(14), Dim::Known(14)]),
    },
    Lie { name: "a version of the format", says: "has IR version 7", tell: |model| model.ir_version = Some(7) },
    Lie { name: "a producer", says: "says it is by someone", tell: |model| model.producer_name = "someone".to_owned() },
    Lie {
        name: "another class",
        says: "has the metadata",
        tell: |model| model.metadata.values_mut().for_each(|value| value.push('x')),
    },
    Lie {
        name: "two nodes of one name",
        says: "two nodes have the name 'conv1/Relu'",
        tell: |model| node(&mut model.graph, "conv2/Relu").name = "conv1/Relu".to_owned(),
    },
];

fn state(model: &mut Model, value: &str, shape: [Dim; 4]) {
    let id = model.graph.find(value).unwrap_or_else(|| panic!("there is no value {value}"));
    model.graph.value_mut(id).shape = Some(shape.to_vec());
}

/// The node `name`.
fn node<'a>(graph: &'a mut Graph, name: &str) -> &'a mut Node {
    graph.nodes.iter_mut().find(|node| node.name == name).unwrap_or_else(|| panic!("there is no node {name}"))
}

/// Multiplies the largest element of a kernel in the middle of the network by 1.01.
///
/// The largest, because no comparison of outputs sees all of them: 1 % of a typical element moves the logits by less
/// than the rounding of f32 does, and an element whose channel ReLU silences moves nothing. Those are for the test in
/// tests/export.rs that compares every constant of a file with the network's parameter, bit for bit.
fn perturb_weight(graph: &mut Graph) {
    let id = graph.find("inception4c.b5x5_reduce.conv.weight").expect("the weight is there");
    let tensor = graph.initializer(id).expect("the weight is a constant");
    let (shape, mut values) = (tensor.shape().to_vec(), tensor.to_f32().unwrap());
    let largest = (0..values.len()).max_by(|a, b| values[*a].abs().total_cmp(&values[*b].abs())).unwrap_or_default();
    values[largest] *= 1.01;
    graph.set_initializer(id, Tensor::from_f32(shape, &values).unwrap());
}

fn zero_bias(graph: &mut Graph) {
    let id = graph.find("inception5a.b5x5.conv.bias").expect("the bias is there");
    let shape = graph.initializer(id).expect("the bias is a constant").shape().to_vec();
    let zeros = vec![0.0; shape.iter().product()];
    graph.set_initializer(id, Tensor::from_f32(shape, &zeros).unwrap());
}

fn swap_branches(graph: &mut Graph, concat: &str, one: usize, other: usize) {
    node(graph, concat).inputs.swap(one, other);
}

fn set_ceil(graph: &mut Graph, pool: &str, mode: i64) {
    node(graph, pool).set("ceil_mode", mode);
}

fn set_pads(graph: &mut Graph, conv: &str, pads: [usize; 4]) {
    node(graph, conv).set("pads", pads);
}

/// 1e-5 is what ONNX takes when the attribute is missing.
fn default_epsilon(graph: &mut Graph) {
    node(graph, "inception4b.b3x3.bn/BatchNormalization").attributes.remove("epsilon");
}

fn swap_scale_and_shift(graph: &mut Graph) {
    node(graph, "inception4e.b1x1.bn/BatchNormalization").inputs.swap(1, 2);
}

fn skip_activation(graph: &mut Graph) {
    let relu = graph.nodes.iter().find(|node| node.name == "inception4a.b1x1/Relu").expect("the node is there");
    let (before, after) = (relu.input(0), relu.output());
    for input in graph.nodes.iter_mut().flat_map(|node| &mut node.inputs).filter(|input| **input == after) {
        *input = before;
    }
    graph.nodes.retain(|node| node.output() != after);
}

/// Reads the classifier's matrix `[inputs, classes]` as `[classes, inputs]` would lie in memory.
fn transpose_matrix(graph: &mut Graph) {
    let id = graph.find("fc.weight").expect("the matrix is there");
    let tensor = graph.initializer(id).expect("the matrix is a constant");
    let (&[rows, columns], values) = (tensor.shape().as_array().expect("it is one"), tensor.to_f32().unwrap());
    let moved: Vec<f32> = (0..rows * columns).map(|i| values[(i % columns) * rows + i / columns]).collect();
    graph.set_initializer(id, Tensor::from_f32(vec![rows, columns], &moved).unwrap());
}
