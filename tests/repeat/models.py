"""Writes the node tests of the Python package `onnx` with their inputs, as far as those are numbers.

    python models.py FOLDER

NAME.onnx is the model; manifest.json lists the names with the inputs' names, shapes and values, and whether the model draws
random numbers.
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

# More values than these are large for their size alone.
MOST = 20_000

RANDOM = {"Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}


def numbers(value):
    if not isinstance(value, (np.ndarray, np.generic)):
        return None
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" or array.size > MOST:
        return None
    array = array.astype(np.float64)
    return {"shape": list(array.shape), "data": array.ravel().tolist()} if np.isfinite(array).all() else None


def main():
    folder = pathlib.Path(sys.argv[1])
    warnings.filterwarnings("ignore")
    manifest = []
    for case in collect_testcases(""):
        inputs = (case.data_sets or [([], [])])[0][0]
        names = [info.name for info in case.model.graph.input]
        arrays = [numbers(value) for value in inputs]
        if not arrays or None in arrays or len(arrays) != len(names):
            continue
        (folder / f"{case.name}.onnx").write_bytes(case.model.SerializeToString())
        random = any(node.op_type in RANDOM for node in case.model.graph.node)
        manifest.append({"name": case.name, "random": random,
                         "inputs": [{"name": name, **array} for name, array in zip(names, arrays)]})
    (folder / "manifest.json").write_text(json.dumps(manifest))


main()
