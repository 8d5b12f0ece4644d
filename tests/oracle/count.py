"""Counts the classic networks among the backend tests of the package onnx, by other means than gnet.

    python count.py

Shapes are those of tensors that ONNX Runtime made when it ran the network, not inferred ones. MACs come from the channels
that go in, the kernel_shape attribute and the places that come out, not from the shape of the weights. What lives while a
node runs is asked anew for each node. Prints one JSON list: a network each, with the path of its file.

The networks' weights are made by ConstantOfShape, so that the files are small. For comparison, the literature's counts of
parameters: AlexNet 60.97M, DenseNet-121 7.98M, GoogLeNet 7.00M, ResNet-50 25.56M, SqueezeNet 1.1 1.24M, VGG-19 143.67M. The
file of DenseNet-121 has 83,648 more: its batch normalisations have scale and shift, and so have the Mul and Add after each.
"""

import json
import math
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

NETWORKS = [
    "bvlc_alexnet",
    "densenet121",
    "inception_v1",
    "inception_v2",
    "resnet50",
    "shufflenet",
    "squeezenet",
    "vgg19",
    "zfnet512",
]
# The operations of these networks that only show their operand in another shape.
VIEWS = {"Reshape", "Unsqueeze"}


def constants(graph):
    """By name, every value that is made of no input: the tensor it shows, and whether it is real numbers.

    Also the shapes of those that nothing is needed to know of but what the file holds.
    """
    known = {i.name: (i.name, i.data_type == onnx.TensorProto.FLOAT) for i in graph.initializer}
    arrays = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    shapes = {name: array.shape for name, array in arrays.items()}
    for node in graph.node:
        made = node.output[0]
        if node.op_type == "ConstantOfShape":
            known[made] = (made, True)
            shapes[made] = tuple(int(size) for size in arrays[node.input[0]])
        elif all(name in known for name in node.input):
            assert node.op_type in VIEWS, node.op_type
            known[made] = known[node.input[0]]
    return known, shapes


def measured(model, names):
    """The shapes that the values have when ONNX Runtime runs the network on zeros."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    have = {o.name for o in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in have)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    given = {i.name for i in model.graph.initializer}
    feeds = {i.name: np.zeros(i.shape, np.float32) for i in session.get_inputs() if i.name not in given}
    made = session.run(names, feeds)
    return {name: array.shape for name, array in [*feeds.items(), *zip(names, made)]}


def attribute(node, name, default):
    found = [onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name]
    return found[0] if found else default


def multiplications(node, shapes):
    x, y = shapes.get(node.input[0]), shapes.get(node.output[0])
    if node.op_type == "Conv":
        channels = x[1] // attribute(node, "group", 1)
        return math.prod(y) * channels * math.prod(attribute(node, "kernel_shape", None))
    if node.op_type == "Gemm":
        assert not attribute(node, "transA", 0)
        return y[0] * y[1] * x[1]
    return 0


def count(path):
    model = onnx.load(path)
    graph = model.graph
    known, held = constants(graph)
    nodes = [node for node in graph.node if node.output[0] not in known]
    made = {node.output[0] for node in nodes}
    shapes = measured(model, sorted(made | (known.keys() - held.keys())))
    constant = {name: held[name] if name in held else shapes.pop(name) for name in known}
    params, weights, moved_weights = {}, {}, 0
    size = lambda name: 4 * math.prod(shapes[name]) if name in shapes else 0
    for node in nodes:
        for position, name in enumerate(node.input):
            if name not in known:
                continue
            shape, (root, real) = constant[name], known[name]
            moved_weights += math.prod(shape) * (4 if real else 8) * (node.op_type not in VIEWS)
            statistic = node.op_type == "BatchNormalization" and position >= 3
            if real and shape and not statistic:
                params[root] = math.prod(shape)
                if node.op_type in ("Conv", "Gemm") and position == 1:
                    weights[root] = math.prod(shape)
    moving = [node for node in nodes if node.op_type not in VIEWS]
    return {
        "params": sum(params.values()),
        "weights": sum(weights.values()),
        "macs": sum(multiplications(node, shapes) for node in nodes),
        "peak_bytes": peak(nodes, [name for name in shapes if name not in made], graph, size),
        "read_bytes": sum(size(name) for node in moving for name in set(node.input)) + moved_weights,
        "written_bytes": sum(size(node.output[0]) for node in moving),
    }


def peak(nodes, inputs, graph, size):
    """For each node, the values that were made and will be read, or are handed back; a view is what it shows."""
    shown = {name: name for name in inputs}
    for node in nodes:
        made = node.output[0]
        shown[made] = shown[node.input[0]] if node.op_type in VIEWS else made
    whole = lambda names: {shown[name] for name in names if name in shown}
    most = 0
    for index, node in enumerate(nodes):
        made = set(inputs) | whole(n.output[0] for n in nodes[: index + 1])
        wanted = whole(name for n in nodes[index:] for name in [*n.input, n.output[0]])
        wanted |= whole(o.name for o in graph.output)
        most = max(most, sum(size(name) for name in made & wanted))
    return most


def main():
    folder = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    found = []
    for name in NETWORKS:
        path = folder / f"light_{name}.onnx"
        found.append({"name": name, "path": str(path), **count(path)})
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
