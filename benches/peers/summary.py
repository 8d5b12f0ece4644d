#!/usr/bin/env python3
"""Counting and cleaning ONNX files: gnet against onnx-tool and onnxslim, on the same files, side by side.

    benches/peers/summary.py MODEL.onnx.. [--gnet target/release/gnet] [--rounds 5] [--large 500]

Makes a virtual environment under target/peers with the versions below (pip has to reach a package index). For each model:
`gnet summary` against onnx-tool's profile, and `gnet optimize` against onnxslim. Then `gnet summary` of a file of --large
megabytes (0 leaves it out), with its weights inside and beside it: the goal is less than 50 ms and 50 MB.

Every measurement is a process of its own from start to end: wall time and the largest resident set that the system reports.
The programs take turns, and what is printed is the median of the rounds. Python's share is what its user waits for as well;
`work` is the time without starting the interpreter and importing. A ratio is the peer's number over gnet's. The counts differ
where the rules do: onnx-tool counts MACs of element-wise operations, pools and biases too, and statistics as parameters.
JSON on stdout.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from sides import ROOT, environment, side_by_side, with_ratios

PACKAGES = ["onnx==1.23.2", "onnx-tool==1.0.1", "onnxslim==0.1.98"]

PROFILE = """
import contextlib, io, json, sys, time
import numpy, onnx_tool
start = time.perf_counter()
with contextlib.redirect_stdout(io.StringIO()):
    graph = onnx_tool.Model(sys.argv[1]).graph
    size = lambda d: d if isinstance(d, int) and d > 0 else 1
    shapes = {name: [size(d) for d in graph.tensormap[name].get_shape()] for name in graph.input}
    graph.shape_infer({name: numpy.zeros(shape, "float32") for name, shape in shapes.items()})
    graph.profile()
macs = graph.macs[0] if isinstance(graph.macs, (list, tuple)) else graph.macs
print(json.dumps({"work_ms": (time.perf_counter() - start) * 1e3, "macs": int(macs), "params": int(graph.params)}))
"""

SLIM = """
import json, os, sys, time
import onnx, onnxslim
start = time.perf_counter()
slim = onnxslim.slim(sys.argv[1])
onnx.save(slim, sys.argv[2])
work = (time.perf_counter() - start) * 1e3
print(json.dumps({"work_ms": work, "nodes": len(slim.graph.node), "bytes": os.path.getsize(sys.argv[2])}))
"""

LARGE = """
import sys, numpy, onnx
from onnx import TensorProto, helper, numpy_helper
folder, megabytes = sys.argv[1], int(sys.argv[2])
# Matrices of 1,000 by 1,000 floats are 4 MB each.
count = max(1, megabytes // 4)
rng = numpy.random.default_rng(1)
weight = lambda i: numpy_helper.from_array(rng.standard_normal((1000, 1000), numpy.float32), f"w{i}")
nodes = [helper.make_node("MatMul", [f"v{i}", f"w{i}"], [f"v{i + 1}"], name=f"layer{i}/MatMul") for i in range(count)]
info = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1000])
graph = helper.make_graph(nodes, "large", [info("v0")], [info(f"v{count}")], [weight(i) for i in range(count)])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
onnx.save(model, f"{folder}/inside.onnx")
onnx.save(model, f"{folder}/beside.onnx", save_as_external_data=True, location="beside.data", size_threshold=1024)
"""


def forget(path):
    """Takes a file out of the system's memory, so that the first round reads it from the disk as a file that came from elsewhere.

    Just written in one piece, it lies there in blocks of 2 MB, and Linux adds a whole block to the resident set of whoever
    maps the file and looks at one byte of it: memory that nobody asked for and that any process may have back.
    """
    if hasattr(os, "posix_fadvise"):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL.onnx")
    parser.add_argument("--gnet", default=str(ROOT / "target" / "release" / "gnet"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", type=int, default=500, metavar="MB")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    python = environment("peers", PACKAGES)
    answers = ("macs", "params", "nodes", "bytes")
    record = {"schema_version": 1, "packages": PACKAGES, "rounds": args.rounds, "models": [], "large": {}}
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        for model in args.models:
            summary = {
                "gnet": [args.gnet, "summary", model, "--format", "json"],
                "onnx-tool": [python, "-c", PROFILE, model],
            }
            optimize = {
                "gnet": [args.gnet, "optimize", model, "-o", f"{folder}/gnet.onnx", "--format", "json"],
                "onnxslim": [python, "-c", SLIM, model, f"{folder}/slim.onnx"],
            }
            record["models"].append({
                "model": pathlib.Path(model).name,
                "bytes": os.path.getsize(model),
                "summary": with_ratios(side_by_side(summary, args.rounds, answers)),
                "optimize": with_ratios(side_by_side(optimize, args.rounds, answers)),
            })
            print(f"{model}: done", file=sys.stderr)
        if args.large:
            subprocess.run([python, "-c", LARGE, folder, str(args.large)], check=True, stdout=sys.stderr)
            for path in pathlib.Path(folder).iterdir():
                forget(path)
            for place in ("inside", "beside"):
                command = {"gnet": [args.gnet, "summary", f"{folder}/{place}.onnx", "--format", "json"]}
                found = side_by_side(command, args.rounds, answers)["gnet"]
                record["large"][place] = found | {"goal": "under 50 ms and 50 MB", "met": found.get("ms", 51) < 50 and found["peak_mb"] < 50}
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
