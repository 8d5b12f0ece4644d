//! ONNX messages, written by hand: the field numbers are those of `onnx.proto`.

use super::wire::Message;

pub const FLOAT: i64 = 1;
pub const INT64: i64 = 7;

/// Fields of `ModelProto`.
pub mod model {
    pub const GRAPH: u32 = 7;
    pub const OPSET: u32 = 8;
    pub const METADATA: u32 = 14;
    pub const FUNCTION: u32 = 25;
}

/// Fields of `GraphProto`.
pub mod graph {
    pub const NODE: u32 = 1;
    pub const NAME: u32 = 2;
    pub const INITIALIZER: u32 = 5;
    pub const INPUT: u32 = 11;
    pub const OUTPUT: u32 = 12;
    pub const VALUE_INFO: u32 = 13;
}

/// Fields of `NodeProto`.
pub mod node {
    pub const INPUT: u32 = 1;
    pub const OUTPUT: u32 = 2;
    pub const NAME: u32 = 3;
    pub const OP_TYPE: u32 = 4;
    pub const ATTRIBUTE: u32 = 5;
    pub const DOMAIN: u32 = 7;
}

/// Fields of `TensorProto`.
pub mod tensor {
    pub const DIMS: u32 = 1;
    pub const DATA_TYPE: u32 = 2;
    pub const FLOATS: u32 = 4;
    pub const INT64S: u32 = 7;
    pub const NAME: u32 = 8;
    pub const RAW: u32 = 9;
    pub const EXTERNAL: u32 = 13;
    pub const LOCATION: u32 = 14;
}

/// Numbers of `AttributeProto.AttributeType`, each with the field that holds its value.
pub mod kind {
    pub const FLOAT: (i64, u32) = (1, 2);
    pub const INT: (i64, u32) = (2, 3);
    pub const STRING: (i64, u32) = (3, 4);
    pub const TENSOR: (i64, u32) = (4, 5);
    pub const GRAPH: (i64, u32) = (5, 6);
    pub const FLOATS: (i64, u32) = (6, 7);
    pub const INTS: (i64, u32) = (7, 8);
    pub const STRINGS: (i64, u32) = (8, 9);
    pub const SPARSE_TENSOR: (i64, u32) = (11, 22);
    pub const TYPE_PROTO: (i64, u32) = (13, 14);
}

pub fn opset(domain: &str, version: i64) -> Message {
    Message::new().text(1, domain).int(2, version)
}

/// A model of a graph, with IR version 10 and opset 18.
pub fn model_of(graph: &Message) -> Message {
    Message::new().int(1, 10).message(model::OPSET, &opset("", 18)).message(model::GRAPH, graph)
}

pub fn node_of(name: &str, op: &str, inputs: &[&str], outputs: &[&str]) -> Message {
    Message::new()
        .texts(node::INPUT, inputs)
        .texts(node::OUTPUT, outputs)
        .text(node::NAME, name)
        .text(node::OP_TYPE, op)
}

/// An attribute of a kind, its value written by `fill` into the field it is given.
pub fn attribute(name: &str, (number, field): (i64, u32), fill: impl Fn(Message, u32) -> Message) -> Message {
    fill(Message::new().text(1, name), field).int(20, number)
}

pub fn tensor_of(name: &str, data_type: i64, dims: &[i64]) -> Message {
    let tensor = dims.iter().fold(Message::new(), |tensor, dim| tensor.int(tensor::DIMS, *dim));
    tensor.int(tensor::DATA_TYPE, data_type).text(tensor::NAME, name)
}

/// A tensor of floats, all 0.5.
pub fn floats(name: &str, dims: &[i64]) -> Message {
    let count = dims.iter().product::<i64>() as usize;
    tensor_of(name, FLOAT, dims).bytes(tensor::RAW, &0.5f32.to_le_bytes().repeat(count))
}

pub fn integers(name: &str, values: &[i64]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    tensor_of(name, INT64, &[values.len() as i64]).bytes(tensor::RAW, &raw)
}

/// A dimension: a number, or a symbol.
#[derive(Clone, Copy)]
pub enum Size<'a> {
    Number(i64),
    Symbol(&'a str),
}

pub fn tensor_type(data_type: i64, dims: &[Size<'_>]) -> Message {
    let dim = |size: &Size<'_>| match size {
        Size::Number(number) => Message::new().int(1, *number),
        Size::Symbol(name) => Message::new().text(2, name),
    };
    let shape = Message::new().messages(1, &dims.iter().map(dim).collect::<Vec<_>>());
    Message::new().message(1, &Message::new().int(1, data_type).message(2, &shape))
}

pub fn value(name: &str, kind: &Message) -> Message {
    Message::new().text(1, name).message(2, kind)
}

/// A float value of `[N, width]`.
pub fn batch_of(name: &str, width: i64) -> Message {
    value(name, &tensor_type(FLOAT, &[Size::Symbol("N"), Size::Number(width)]))
}

/// The parts of a small graph that holds: `y = Relu(x) * w + b`.
#[derive(Clone)]
pub struct Parts {
    pub nodes: Vec<Message>,
    pub initializers: Vec<Message>,
    pub inputs: Vec<Message>,
    pub outputs: Vec<Message>,
    pub infos: Vec<Message>,
    pub more: Message,
}

impl Parts {
    pub fn small() -> Self {
        Self {
            nodes: vec![
                node_of("relu", "Relu", &["x"], &["h"]),
                node_of("product", "Gemm", &["h", "w", "b"], &["y"])
                    .message(node::ATTRIBUTE, &attribute("alpha", kind::FLOAT, |m, field| m.float(field, 1.0))),
            ],
            initializers: vec![floats("w", &[3, 2]), floats("b", &[2])],
            inputs: vec![batch_of("x", 3)],
            outputs: vec![batch_of("y", 2)],
            infos: vec![batch_of("h", 3)],
            more: Message::new(),
        }
    }

    pub fn graph(&self) -> Message {
        Message::new()
            .messages(graph::NODE, &self.nodes)
            .text(graph::NAME, "sample")
            .messages(graph::INITIALIZER, &self.initializers)
            .messages(graph::INPUT, &self.inputs)
            .messages(graph::OUTPUT, &self.outputs)
            .messages(graph::VALUE_INFO, &self.infos)
            .raw(&self.more.0)
    }

    pub fn bytes(&self) -> Vec<u8> {
        model_of(&self.graph()).0
    }
}

/// The small graph, changed.
pub fn changed(change: impl FnOnce(&mut Parts)) -> Vec<u8> {
    let mut parts = Parts::small();
    change(&mut parts);
    parts.bytes()
}

/// The small graph with one more initializer, which is read.
pub fn with_tensor(tensor: &Message, name: &str) -> Vec<u8> {
    changed(|parts| {
        parts.initializers.push(tensor.clone());
        parts.nodes.push(node_of("reader", "Identity", &[name], &["copy"]));
        parts.outputs.push(Message::new().text(1, "copy"));
    })
}

/// A model with something of everything: a convolution, shape arithmetic, branches, every plain kind of attribute,
/// a subgraph, metadata. What damage is done to, and where fuzzing starts.
pub fn rich() -> Vec<u8> {
    let with = |node: Message, attributes: &[Message]| node.messages(node::ATTRIBUTE, attributes);
    let ints = |name: &str, values: &[i64]| {
        attribute(name, kind::INTS, |m, field| values.iter().fold(m, |m, value| m.int(field, *value)))
    };
    let int = |name: &str, value: i64| attribute(name, kind::INT, |m, field| m.int(field, value));
    let image = |name: &str, dims: [i64; 3]| {
        let sizes = [Size::Symbol("N"), Size::Number(dims[0]), Size::Number(dims[1]), Size::Number(dims[2])];
        value(name, &tensor_type(FLOAT, &sizes))
    };
    let branch = |op: &str| {
        let body = Message::new()
            .message(graph::NODE, &node_of(op, op, &["pooled"], &["chosen"]))
            .text(graph::NAME, op)
            .message(graph::OUTPUT, &image("chosen", [4, 4, 4]));
        attribute(if op == "Relu" { "then_branch" } else { "else_branch" }, kind::GRAPH, |m, f| m.message(f, &body))
    };
    let odd = [
        int("axis", -1),
        attribute("scale", kind::FLOAT, |m, field| m.float(field, 0.5)),
        attribute("mode", kind::STRING, |m, field| m.text(field, "nearest")),
        attribute("names", kind::STRINGS, |m, field| m.text(field, "a").text(field, "b")),
        attribute("rates", kind::FLOATS, |m, field| m.float(field, 1.5).float(field, -0.0)),
        attribute("table", kind::TENSOR, |m, field| m.message(field, &integers("", &[-1, 7]))),
    ];
    let window = [ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
    let norm = ["pooled", "scale", "shift", "mean", "variance"];
    let graph = Message::new()
        .message(
            graph::NODE,
            &with(node_of("conv", "Conv", &["image", "kernel"], &["maps"]), &[ints("pads", &[1, 1, 1, 1])]),
        )
        .message(graph::NODE, &with(node_of("pool", "MaxPool", &["maps"], &["pooled"]), &window))
        .message(graph::NODE, &node_of("norm", "BatchNormalization", &norm, &["normal"]))
        .message(
            graph::NODE,
            &with(node_of("choose", "If", &["flag"], &["branch"]), &[branch("Relu"), branch("Sigmoid")]),
        )
        .message(graph::NODE, &node_of("sum", "Add", &["normal", "branch"], &["total"]))
        .message(graph::NODE, &node_of("shape", "Shape", &["total"], &["sizes"]))
        .message(graph::NODE, &with(node_of("pick", "Gather", &["sizes", "first"], &["batch"]), &[int("axis", 0)]))
        .message(graph::NODE, &with(node_of("join", "Concat", &["batch", "rest"], &["target"]), &[int("axis", 0)]))
        .message(graph::NODE, &node_of("flat", "Reshape", &["total", "target"], &["rows"]))
        .message(graph::NODE, &node_of("linear", "MatMul", &["rows", "matrix"], &["logits"]))
        .message(
            graph::NODE,
            &with(node_of("odd", "Odd", &["logits", "", "first"], &["y", "", "z"]), &odd)
                .text(node::DOMAIN, "some.domain"),
        )
        .text(graph::NAME, "rich")
        .messages(graph::INITIALIZER, &[floats("kernel", &[4, 3, 3, 3]), integers("first", &[0])])
        .messages(graph::INITIALIZER, &norm[1..].iter().map(|name| floats(name, &[4])).collect::<Vec<_>>())
        .messages(graph::INITIALIZER, &[integers("rest", &[-1]), floats("matrix", &[64, 5])])
        .message(graph::INPUT, &image("image", [3, 8, 8]))
        .message(graph::INPUT, &value("flag", &tensor_type(9, &[])))
        .message(graph::OUTPUT, &batch_of("y", 5))
        .message(graph::OUTPUT, &Message::new().text(1, "z"))
        .message(graph::VALUE_INFO, &image("maps", [4, 8, 8]));
    model_of(&graph)
        .message(model::OPSET, &opset("some.domain", 2))
        .text(2, "by hand")
        .text(6, "a model with something of everything")
        .message(model::METADATA, &Message::new().text(1, "key").text(2, "a value, with ünicode"))
        .0
}
