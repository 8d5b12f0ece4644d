#!/usr/bin/env python3
"""Exporting to ONNX: gnet against both exporters of PyTorch, the same network with the same weights, side by side.

    benches/peers/export.py CHECKPOINT [--gnet target/release/gnet] [--rounds 5] [--python INTERPRETER]

CHECKPOINT is a run of `gnet train` (`--preset bn-aux`). Makes a virtual environment under target/peers-export with the
versions below (pip has to reach a package index; PyTorch takes some GB); `--python` names an interpreter that has them, such
as one with PyTorch's smaller build for the CPU alone.

All sides begin with weights on the disk and end with an ONNX file there: `gnet export --no-verify`; `torch.onnx.export` as it
is today (`dynamo=True`, with its optimiser); and the older one (`dynamo=False`, which folds batch normalisation in inference).
Each has a dynamic batch, weights inside the file, and leaves its own check out. PyTorch's side is a plain GoogLeNet with
gnet's layers and names, whose weights were taken out of gnet's own file; it loads them in the fastest way there is (on the
device `meta`, mapped, assigned). Its forward computes both auxiliary heads, as gnet's does, and returns the main logits.

First the three files are held against one another in ONNX Runtime: the batches 1 and 3, the largest difference. Then each side
runs as a process of its own, taking turns; what is printed is the median of the rounds. `ms` is the whole process, `work` that
without starting Python and importing, `export` the call of torch.onnx.export alone. A ratio is the peer's over gnet's whole
process, whatever part of the peer's it is. gnet waits until the disk has the file (fsync), PyTorch does not.

JSON on stdout, a table on stderr.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from sides import ROOT, environment, side_by_side, with_ratios

PACKAGES = ["torch==2.15.0", "numpy==2.4.6", "onnx==1.23.2", "onnxscript==0.7.2", "onnxruntime==1.31.1"]

# Written down before the first run, on two cores; `sides` in the record is what came out.
PREDICTED = {"gnet": {"ms": 150}, "torch dynamo": {"ms": 10000, "export_ms": 8000}, "torch script": {"ms": 3000, "export_ms": 700}}

# The network as anybody would write it in PyTorch. Sizes come from checkpoint.json.
NETWORK = """
import json, sys, torch
from torch import nn

class Unit(nn.Module):
    def __init__(self, i, o, k, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k, stride, k // 2, bias=False)
        self.bn = nn.BatchNorm2d(o, eps=1e-3)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))

class Inception(nn.Module):
    def __init__(self, i, one, three_reduce, three, five_reduce, five, proj):
        super().__init__()
        self.b1x1 = Unit(i, one, 1)
        self.b3x3_reduce, self.b3x3 = Unit(i, three_reduce, 1), Unit(three_reduce, three, 3)
        self.b5x5_reduce, self.b5x5 = Unit(i, five_reduce, 1), Unit(five_reduce, five, 5)
        self.pool, self.pool_proj = nn.MaxPool2d(3, 1, 1), Unit(i, proj, 1)

    def forward(self, x):
        three, five = self.b3x3(self.b3x3_reduce(x)), self.b5x5(self.b5x5_reduce(x))
        return torch.cat([self.b1x1(x), three, five, self.pool_proj(self.pool(x))], 1)

class Head(nn.Module):
    def __init__(self, i, side, classes):
        super().__init__()
        kernel = min(5, side)
        self.pool, self.conv = nn.AvgPool2d(kernel, 3), Unit(i, 128, 1)
        self.fc1, self.fc2 = nn.Linear(128 * ((side - kernel) // 3 + 1) ** 2, 1024), nn.Linear(1024, classes)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(self.conv(self.pool(x)).flatten(1))))

ROWS = [
    (192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64), (480, 192, 96, 208, 16, 48, 64),
    (512, 160, 112, 224, 24, 64, 64), (512, 128, 128, 256, 24, 64, 64), (512, 112, 144, 288, 32, 64, 64),
    (528, 256, 160, 320, 32, 128, 128), (832, 256, 160, 320, 32, 128, 128), (832, 384, 192, 384, 48, 128, 128),
]

class GoogLeNet(nn.Module):
    def __init__(self, config):
        super().__init__()
        pad = config["pooling"] == "pad"
        pool = lambda: nn.MaxPool2d(3, 2, padding=1 if pad else 0, ceil_mode=not pad)
        self.conv1, self.conv2, self.conv3 = Unit(config["channels"], 64, 7, 2), Unit(64, 64, 1), Unit(64, 192, 3)
        self.pool1, self.pool2, self.pool3, self.pool4 = pool(), pool(), pool(), pool()
        for name, row in zip(["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"], ROWS):
            setattr(self, "inception" + name, Inception(*row))
        side = (config["image_size"] - 1) // 2 + 1
        for _ in range(3):
            side = (side - 1) // 2 + 1 if pad else -((3 - side) // 2) + 1
        self.aux1, self.aux2 = Head(512, side, config["classes"]), Head(528, side, config["classes"])
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(1024, config["classes"])

    def forward(self, x):
        x = self.pool2(self.conv3(self.conv2(self.pool1(self.conv1(x)))))
        x = self.inception4a(self.pool3(self.inception3b(self.inception3a(x))))
        aux1 = self.aux1(x)
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x)
        x = self.inception5b(self.inception5a(self.pool4(self.inception4e(x))))
        return self.fc(self.avgpool(x).flatten(1))

config = json.load(open(sys.argv[1]))
with torch.device("meta"):
    network = GoogLeNet(config)
"""

# The weights of gnet's file, with every layer still in it, under PyTorch's names.
CONVERT = NETWORK + """
import onnx, numpy
from onnx import numpy_helper
OURS = {"weight": "gamma", "bias": "beta", "running_mean": "running_mean", "running_var": "running_var"}
held = {t.name: numpy_helper.to_array(t) for t in onnx.load(sys.argv[2]).graph.initializer}
state = {}
for name, value in network.state_dict().items():
    module, leaf = name.rsplit(".", 1)
    if leaf == "num_batches_tracked":
        state[name] = torch.zeros((), dtype=torch.int64)
        continue
    array = held[f"{module}.{OURS[leaf]}"] if module.endswith("bn") else held[name]
    # Burn keeps the matrix of a linear layer as [in, out].
    array = array.T if array.ndim == 2 else array
    state[name] = torch.from_numpy(numpy.ascontiguousarray(array))
network.load_state_dict(state, assign=True)
torch.save(state, sys.argv[3])
print("{}")
"""

EXPORT = """
import time
""" + NETWORK.replace("config = json", "start = time.perf_counter()\nconfig = json") + """
import contextlib, logging, os, warnings
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
_, _, weights, target, dynamo = sys.argv
network.load_state_dict(torch.load(weights, mmap=True, weights_only=True), assign=True)
network.eval()
x = torch.zeros(2, config["channels"], config["image_size"], config["image_size"])
names = {"input_names": ["input"], "output_names": ["logits"], "opset_version": 18}
began = time.perf_counter()
with contextlib.redirect_stdout(sys.stderr):
    if dynamo == "dynamo":
        shapes = {"x": {0: torch.export.Dim("N")}}
        torch.onnx.export(network, (x,), target, dynamo=True, dynamic_shapes=shapes, external_data=False, **names)
    else:
        torch.onnx.export(network, (x,), target, dynamo=False, dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}}, **names)
ended = time.perf_counter()
print(json.dumps({"work_ms": (ended - start) * 1e3, "export_ms": (ended - began) * 1e3}))
"""

# What each file holds, and how far it lies from the first.
INSPECT = """
import collections, json, os, sys
import numpy, onnx, onnxruntime
config = json.load(open(sys.argv[1]))
rng = numpy.random.default_rng(1)
shape = (config["channels"], config["image_size"], config["image_size"])
inputs = [rng.standard_normal((batch, *shape), "float32") for batch in (1, 3)]
found, first = {}, None
for name, path in zip(sys.argv[2::2], sys.argv[3::2]):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    logits = [session.run(None, {session.get_inputs()[0].name: x})[0] for x in inputs]
    first = first or logits
    model = onnx.load(path)
    operations = collections.Counter(node.op_type for node in model.graph.node)
    # Whose the constants are cannot be told by their names everywhere: the heads' matrices have sizes of their own.
    found[name] = {
        "bytes": os.path.getsize(path),
        "nodes": len(model.graph.node),
        "batch_norms": operations["BatchNormalization"],
        "elements": sum(int(numpy.prod(t.dims)) for t in model.graph.initializer),
        "heads_kept": operations["AveragePool"] > 0 or any("aux" in t.name for t in model.graph.initializer),
        "max_abs_diff": float(max(numpy.abs(a - b).max() for a, b in zip(logits, first))),
        "largest_logit": float(max(numpy.abs(a).max() for a in first)),
    }
print(json.dumps(found))
"""


def configuration(checkpoint):
    """Options of the network in a run's folder, or in a checkpoint's."""
    for folder in (checkpoint, checkpoint / "best"):
        if (folder / "checkpoint.json").is_file():
            config = json.loads((folder / "checkpoint.json").read_text())["config"]
            break
    else:
        sys.exit(f"{checkpoint}: is no checkpoint of gnet; make one with `gnet train --epochs 1 --out {checkpoint}`")
    if not (config["batch_norm"] and config["aux_heads"]) or config["lrn"]:
        sys.exit(f"{checkpoint}: is not of the preset bn-aux")
    return config


def succeed(command):
    """What a program prints as JSON; its complaint ends this one."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def table(record):
    """The record for people."""
    rows = [["", "ms", "work", "export", "CPU ms", "peak MB", "bytes", "nodes", "batch norms", "heads", "times gnet"]]
    for name, side in record["sides"].items():
        if "failed" in side:
            rows.append([name, side["failed"]])
            continue
        part = lambda key: f"{side[key]:.0f}" if key in side else "-"
        file = record["files"][name]
        heads = "kept" if file["heads_kept"] else "gone"
        ratio = f"{side['ratio']['time']}" if "ratio" in side else "1"
        times = [part(key) for key in ("ms", "work_ms", "export_ms", "cpu_ms", "peak_mb")]
        rows.append([name, *times, f"{file['bytes']:,}", str(file["nodes"]), str(file["batch_norms"]), heads, ratio])
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(len(rows[0]))]
    align = lambda i, cell: cell.ljust(widths[i]) if i == 0 else cell.rjust(widths[i])
    return "\n".join("  ".join(align(i, cell) for i, cell in enumerate(row)) for row in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--gnet", default=str(ROOT / "target" / "release" / "gnet"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", metavar="INTERPRETER", help="one with the packages, in place of a new environment")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    config = configuration(args.checkpoint)
    python = args.python or environment("peers-export", PACKAGES)
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        options, weights = f"{folder}/config.json", f"{folder}/weights.pt"
        pathlib.Path(options).write_text(json.dumps(config))
        export = [args.gnet, "export", str(args.checkpoint), "--no-verify", "--format", "json", "-o"]
        succeed([*export, f"{folder}/whole.onnx", "--keep-aux", "--no-fold"])
        succeed([python, "-c", CONVERT, options, f"{folder}/whole.onnx", weights])
        files = {name: f"{folder}/{name.replace(' ', '-')}.onnx" for name in PREDICTED}
        sides = {
            "gnet": [*export, files["gnet"]],
            "torch dynamo": [python, "-c", EXPORT, options, weights, files["torch dynamo"], "dynamo"],
            "torch script": [python, "-c", EXPORT, options, weights, files["torch script"], "script"],
        }
        measured = with_ratios(side_by_side(sides, args.rounds, ()))
        for side in measured.values():
            side.pop("answer", None)
        there = [part for name, path in files.items() if os.path.exists(path) for part in (name, path)]
        record = {
            "schema_version": 1,
            "packages": PACKAGES,
            "network": config,
            "rounds": args.rounds,
            "files": succeed([python, "-c", INSPECT, options, *there]),
            "predicted": PREDICTED,
            "sides": measured,
        }
    record["goal"] = {"gnet_ms": 150, "met": measured["gnet"].get("ms", 151) <= 150}
    print(json.dumps(record, indent=2))
    print(table(record), file=sys.stderr)


if __name__ == "__main__":
    main()
