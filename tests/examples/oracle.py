"""Checks the files of the examples with the package onnx and runs them in ONNX Runtime.

    python oracle.py FOLDER

FOLDER/manifest.json names each file with its runs: inputs and expected outputs by name, each with its shape and a file of
little-endian f32 numbers, which are cast to what the file takes. Prints one line for each thing that is wrong.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

# As a share of an output's largest value: some hundred layers of f32 sums in another order err by a few 1e-6.
TOLERANCE = 2e-5
TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}


def array(folder, entry):
    return np.fromfile(folder / entry["file"], "<f4").reshape(entry["shape"])


def wrong(folder, example):
    onnx.checker.check_model(str(folder / example["file"]), full_check=True)
    session = onnxruntime.InferenceSession(str(folder / example["file"]))
    inputs = {port.name: TYPES[port.type] for port in session.get_inputs()}
    for run in example["runs"]:
        feeds = {name: array(folder, entry).astype(inputs[name]) for name, entry in run["inputs"].items()}
        names = [port.name for port in session.get_outputs()]
        if names != list(run["outputs"]):
            yield f"has the outputs {names}"
            return
        for name, found in zip(names, session.run(names, feeds)):
            expected, where = array(folder, run["outputs"][name]), f"{run['sizes']}: output {name}"
            if found.shape != expected.shape:
                yield f"{where} has the shape {found.shape}, not {expected.shape}"
            elif not np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max():
                yield f"{where} is off by {np.abs(found - expected).max()} of {np.abs(expected).max()}"


def main():
    folder = pathlib.Path(sys.argv[1])
    for example in json.loads((folder / "manifest.json").read_text()):
        for reason in wrong(folder, example):
            print(f"{example['file']}: {reason}")


main()
