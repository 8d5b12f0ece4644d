#!/usr/bin/env python3
"""Writes auto_pad.csv: what ONNX Runtime makes of automatic padding, `pip install onnx onnxruntime numpy`."""

import csv
import itertools
import pathlib

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

ort.set_default_logger_severity(4)


def size(op, length, kernel, attributes):
    """The size of the result; None where ONNX Runtime refuses."""
    weight = {"Conv": (3, 2, kernel), "ConvTranspose": (2, 3, kernel)}.get(op)
    feeds = {"x": np.zeros((1, 2, length), np.float32)}
    if weight:
        feeds["w"] = np.zeros(weight, np.float32)
    else:
        attributes["kernel_shape"] = [kernel]
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, v.shape) for n, v in feeds.items()]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    node = helper.make_node(op, list(feeds), ["y"], **attributes)
    graph = helper.make_graph([node], "one", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    try:
        return ort.InferenceSession(model.SerializeToString()).run(None, feeds)[0].shape[2]
    except Exception:
        return None


with open(pathlib.Path(__file__).with_suffix(".csv"), "w", newline="") as file:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["op", "auto_pad", "length", "kernel", "stride", "dilation", "extra", "size"])
    for op, extra in [("Conv", 0), ("ConvTranspose", 0), ("ConvTranspose", 1), ("MaxPool", 0), ("MaxPool", 1), ("AveragePool", 0)]:
        for pad, *numbers in itertools.product(["SAME_UPPER", "SAME_LOWER"], (4, 5, 7), (1, 2, 3, 5), (1, 2, 3, 4), (1, 2)):
            length, kernel, stride, dilation = numbers
            attributes = {"auto_pad": pad, "strides": [stride], "dilations": [dilation]}
            if extra:
                attributes.update({"output_padding": [1]} if op == "ConvTranspose" else {"ceil_mode": 1})
            made = size(op, length, kernel, attributes)
            if made is not None:
                rows.writerow([op, pad, *numbers, extra, made])
