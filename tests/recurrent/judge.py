"""Checks model.onnx in a folder and compares ONNX Runtime's outputs with those in cases.json."""

import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

folder = pathlib.Path(sys.argv[1])
model = onnx.load(folder / "model.onnx")
onnx.checker.check_model(model, full_check=True)
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])


def array(record):
    return numpy.array(record["data"], dtype=numpy.float32).reshape(record["shape"])


for case in json.loads((folder / "cases.json").read_text()):
    x = array(case["input"])
    found = session.run(None, {session.get_inputs()[0].name: x})
    expected = [array(record) for record in case["outputs"]]
    assert len(found) == len(expected), (len(found), len(expected))
    for number, (a, b) in enumerate(zip(found, expected)):
        assert a.shape == b.shape, f"output {number} for {x.shape}: {a.shape}, not {b.shape}"
        worst = float(numpy.abs(a - b).max())
        assert worst <= 2e-5 * max(1.0, float(numpy.abs(b).max())), f"output {number} for {x.shape} differs by {worst}"
