"""Writes the node tests of the Python package `onnx` as pairs of files that gnet reads.

    python cases.py FOLDER

For each data set of each node test: NAME.onnx is the model with its inputs as constants, NAME.expected.onnx holds the
expected outputs as constants, in their order. manifest.json lists the names with the tolerances that the package states.
Data sets with a sequence, an optional or a map among their inputs or outputs are left out and counted.
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases


def tensor(value, name):
    if isinstance(value, onnx.TensorProto):
        copy = onnx.TensorProto()
        copy.CopyFrom(value)
        copy.name = name
        return copy
    if isinstance(value, (np.ndarray, np.generic)):
        return numpy_helper.from_array(np.asarray(value), name)
    raise TypeError(type(value).__name__)


def expected(outputs):
    infos = [onnx.helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in outputs]
    graph = onnx.helper.make_graph([], "expected", [], infos, initializer=outputs)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])


def main():
    folder = pathlib.Path(sys.argv[1])
    manifest, left_out = [], 0
    warnings.filterwarnings("ignore")
    for case in collect_testcases(""):
        for number, (inputs, outputs) in enumerate(case.data_sets or []):
            model = onnx.ModelProto()
            model.CopyFrom(case.model)
            names = [info.name for info in model.graph.input]
            try:
                constants = [tensor(value, name) for name, value in zip(names, inputs)]
                results = [tensor(value, str(i)) for i, value in enumerate(outputs)]
            except TypeError:
                left_out += 1
                continue
            fed = {constant.name for constant in constants}
            rest = [info for info in model.graph.input if info.name not in fed]
            del model.graph.input[:]
            model.graph.input.extend(rest)
            model.graph.initializer.extend(constants)
            name = f"{case.name}.{number}"
            (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
            (folder / f"{name}.expected.onnx").write_bytes(expected(results).SerializeToString())
            manifest.append({"name": name, "rtol": case.rtol, "atol": case.atol})
    (folder / "manifest.json").write_text(json.dumps({"cases": manifest, "left_out": left_out}))


main()
