"""Asks ONNX's checker, its shape inference and ONNX Runtime about the exports of the lowering tests.

    python oracle.py MANIFEST.json

tests/lowering/oracle.rs writes the manifest and reads the answer: a JSON object a line, one a file, with what is wrong with
the file (`file`) and with its numbers (`numbers`).
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "oracle"))
from check import described, findings, inferred, structure  # noqa: E402


def shapes(model):
    """Strict shape inference, from the inputs alone, may know less than the file states, but nothing else."""
    known = inferred(model)
    for value in [*model.graph.value_info, *model.graph.output]:
        kind, shape = described(value)
        other_kind, other = known.get(value.name, (kind, None))
        if kind != other_kind:
            yield f"states the type {kind} of {value.name}, inference says {other_kind}"
        if shape is None or other is None:
            continue
        # Inference names what it cannot compute `unk__0` and the like.
        pairs = zip(shape, other)
        if len(shape) != len(other) or any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs):
            yield f"states {shape} of {value.name}, inference says {other}"


def numbers(path, case, array):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    for run in case["runs"]:
        (got,), expected = session.run(None, {name: array(run["input"])}), array(run["output"])
        where = f"batch {len(array(run['input']))}"
        if got.shape != expected.shape:
            yield f"{where}: has the shape {got.shape}, not {expected.shape}"
        elif not (np.isfinite(got).all() and np.isfinite(expected).all()):
            yield f"{where}: is not finite"
        else:
            scale = float(np.abs(expected).max())
            difference = float(np.abs(expected - got).max()) / scale if scale else 0.0
            if difference > case["tolerance"]:
                yield f"{where}: differs by {difference:.1e} of its largest value"


def main():
    manifest = pathlib.Path(sys.argv[1])
    content = json.loads(manifest.read_text(encoding="utf-8"))
    values = np.fromfile(manifest.parent / "numbers.f32", "<f4")
    array = lambda at: values[at["offset"] : at["offset"] + at["len"]].reshape(at["shape"])
    for case in content["cases"]:
        for entry in case["files"]:
            path = manifest.parent / entry["file"]
            model = onnx.load(path)
            expected = {"outputs": ["output"], "fixed_batch": None}
            said = [*findings(structure, model, expected), *findings(shapes, model)]
            wrong = list(findings(numbers, path, case, array))
            answer = {"case": case["name"], "opset": entry["opset"], "file": said, "numbers": wrong}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
