"""Runs graphs before and after the passes in ONNX Runtime, at two sizes of their open axes.

    python oracle.py CASES.json

Both run as they are, without ONNX Runtime's own rewrites, and must answer as gnet's reference evaluator did; the one after
runs as a user would run it as well, where the one before answers the same so. One line a graph that failed or could not be run, then the counts as JSON.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

# Two ways of summing the same few products in f32.
TOLERANCE = 1e-4

levels = onnxruntime.GraphOptimizationLevel


def session(path, level):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = level
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def array(record):
    return numpy.array(record["data"], dtype=numpy.float32).reshape(record["shape"])


def difference(expected, found):
    for number, (a, b) in enumerate(zip(expected, found, strict=True)):
        if a.shape != b.shape:
            return f"output {number} has the shape {b.shape}, not {a.shape}"
        # What is no number on both sides is the same.
        scale = max(1e-3, float(numpy.abs(a).max(initial=0.0, where=numpy.isfinite(a))))
        if not numpy.allclose(a, b, rtol=0.0, atol=TOLERANCE * scale, equal_nan=True):
            return f"output {number} differs by {numpy.abs(a - b).max():.2e} of {scale:.2e}"
    return None


def short(error):
    return " ".join(str(error).split())[-300:]


def judge(folder, case):
    """What is wrong with the graph after; what kept the one before from running."""
    try:
        before = session(folder / case["before"], levels.ORT_DISABLE_ALL)
        runs = []
        for run in case["runs"]:
            feed = {name: array(record) for name, record in run["inputs"].items()}
            answer = before.run(None, feed)
            apart = difference([array(record) for record in run["outputs"]], answer)
            if apart:
                return f"ONNX Runtime and the reference evaluator: {apart}", None
            runs.append((feed, answer))
    except Exception as error:
        return None, short(error)
    ways = [levels.ORT_DISABLE_ALL]
    if not fault(folder / case["before"], levels.ORT_ENABLE_ALL, runs):
        ways.append(levels.ORT_ENABLE_ALL)
    faults = (fault(folder / case["after"], level, runs) for level in ways)
    return next(filter(None, faults), None), None


def fault(path, level, runs):
    """Where a file does not answer as it should; `None` when it does."""
    try:
        onnx.checker.check_model(onnx.load(path))
        loaded = session(path, level)
        for number, (feed, answer) in enumerate(runs):
            apart = difference(answer, loaded.run(None, feed))
            if apart:
                return f"run {number}: {apart}"
        return None
    except Exception as error:
        return short(error)


path = pathlib.Path(sys.argv[1])
counts = {"compared": 0, "refused": 0, "failed": 0}
for case in json.loads(path.read_text()):
    wrong, refused = judge(path.parent, case)
    counts["failed" if wrong else "refused" if refused else "compared"] += 1
    if wrong or refused:
        print(f"{'FAILED' if wrong else 'refused'} {case['name']}: {wrong or refused}")
print(json.dumps(counts))
