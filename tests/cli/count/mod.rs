//! Counting and checking whole files.

mod budget;
mod foreign;
mod summaries;

use std::path::Path;

use gnet::graph::{DType, Dim, Graph, Model, Node, Tensor};
use gnet::onnx;

use super::shell::Shell;

/// A shell with `block.onnx`, Inception 3a's 3x3 branch as a network of its own, and the fixtures.
fn shell() -> Shell {
    let shell = Shell::new();
    shell.write("block.onnx", onnx::write(&block()).unwrap());
    for name in ["dynamic.onnx", "fixed.onnx", "two_inputs.onnx", "bad_axis.onnx", "bad_operation.onnx"] {
        shell.write(
            name,
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap(),
        );
    }
    shell
}

/// The plain 3x3 convolution of the GoogLeNet chapter's table: 192 to 256 channels at 28 x 28, 442,368 weights.
fn block() -> Model {
    let mut graph = Graph::new("block");
    let dims =
        |sizes: &[usize]| Some([vec![Dim::symbol("N")], sizes.iter().map(|d| Dim::Known(*d)).collect()].concat());
    let x = graph.add_value("x", Some(DType::F32), dims(&[192, 28, 28]));
    let constant = |graph: &mut Graph, name: &str, shape: &[usize]| {
        graph.add_initializer(name, Tensor::from_f32(shape.to_vec(), &vec![0.5; shape.iter().product()]).unwrap())
    };
    let w = constant(&mut graph, "body.conv.weight", &[256, 192, 3, 3]);
    let b = constant(&mut graph, "body.conv.bias", &[256]);
    let y = graph.add_value("y", Some(DType::F32), None);
    let z = graph.add_value("z", Some(DType::F32), dims(&[256, 28, 28]));
    let mut conv = Node::new("body.conv/Conv", "Conv", vec![x, w, b], vec![y]);
    conv.set("kernel_shape", [3, 3]).set("pads", [1, 1, 1, 1]);
    graph.nodes = vec![conv, Node::new("body/Relu", "Relu", vec![y], vec![z])];
    (graph.inputs, graph.outputs) = (vec![x], vec![z]);
    Model::new(graph, 17)
}
