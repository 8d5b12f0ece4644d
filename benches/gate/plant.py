#!/usr/bin/env python3
"""Slower models: a network with a given share more multiply-accumulates.

    target/oracle/bin/python benches/gate/plant.py MODEL.onnx OUT --percent 3,5,10 [--width 160,320,700] [--gnet PATH]

MODEL is what `gnet export --preset bn-aux --image-size 28 --seed 1` writes. Behind `inception3a` come two 1x1 convolutions,
256 -> m -> 256. `--percent` finds the m whose multiply-accumulates are nearest to that share of MODEL's; `--width` gives m.
Writes OUT/base.onnx (a copy), OUT/pPERCENT.onnx or OUT/wWIDTH.onnx, and OUT/plants.json, which `run.py` reads.

A share of the work is not a share of the time: `run.py --plan true` measures each one's true slowdown. On the machine of
the first figures 28x28 GoogLeNet in ONNX Runtime was slower by 3.15, 4.81 and 10.25 % with widths of 160, 320 and 700.

Each file passes onnx.checker, runs in ONNX Runtime with finite outputs, has the multiply-accumulates that were meant, counted
by onnx's shape inference, and, with --gnet, runs in tract and counts the same there.
"""

import argparse
import json
import math
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper, shape_inference

AFTER = "inception3a/Concat"


def shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Shapes of all values at batch 1."""
    inferred = shape_inference.infer_shapes(model, strict_mode=True).graph
    known = {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
    for value in [*inferred.value_info, *inferred.input, *inferred.output]:
        known[value.name] = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
    return known


def macs(model: onnx.ModelProto) -> int:
    """Multiply-accumulates of convolutions and matrix products, one image."""
    known, total = shapes(model), 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            total += math.prod(known[node.output[0]]) * math.prod(known[node.input[1]][1:])
        elif node.op_type in ("Gemm", "MatMul"):
            total += math.prod(known[node.output[0]]) * known[node.input[0]][-1]
    return total


def planted(base: onnx.ModelProto, place: int, width: int) -> onnx.ModelProto:
    model = onnx.ModelProto.FromString(base.SerializeToString())
    joined = model.graph.node[place].output[0]
    channels = shapes(model)[joined][1]
    draw = np.random.default_rng(width)
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            if name == joined:
                node.input[i] = "planted/Conv_1"
    sizes = [(width, channels), (channels, width)]
    for i, (out, into) in enumerate(sizes):
        weight = draw.standard_normal((out, into, 1, 1)).astype(np.float32) / np.float32(math.sqrt(into))
        model.graph.initializer.append(numpy_helper.from_array(weight, f"planted.{i}.weight"))
        node = helper.make_node(
            "Conv", [joined if i == 0 else "planted/Conv_0", f"planted.{i}.weight"], [f"planted/Conv_{i}"],
            name=f"planted/Conv_{i}", kernel_shape=[1, 1],
        )  # fmt: skip
        model.graph.node.insert(place + 1 + i, node)
    return model


def check(path: pathlib.Path, expected: int, gnet: str | None) -> None:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    counts = [macs(model)]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = {value.name: [size if isinstance(size, int) else 1 for size in value.shape] for value in session.get_inputs()}
    draw = np.random.default_rng(0)
    outputs = session.run(None, {name: draw.standard_normal(shape).astype(np.float32) for name, shape in images.items()})
    if not all(np.isfinite(output).all() for output in outputs):
        sys.exit(f"{path}: its outputs are not finite")
    if gnet:
        quietly = {"check": True, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        said = lambda *words: subprocess.run([gnet, *words, "--format", "json"], **quietly).stdout
        counts.append(json.loads(said("summary", str(path)))["macs"])
        said("bench", str(path), "--provider", "tract", "--samples", "1", "--min-time", "0", "--warmup", "0")
    if any(count != expected for count in counts):
        sys.exit(f"{path}: {counts} multiply-accumulates where {expected} were meant")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    listed = lambda kind: lambda text: [kind(part) for part in text.split(",")]
    parser.add_argument("--percent", type=listed(float), default=[], help="shares of the multiply-accumulates")
    parser.add_argument("--width", type=listed(int), default=[], help="channels between the two convolutions")
    parser.add_argument("--gnet", help="the program, to count and to run in tract")
    args = parser.parse_args()

    base = onnx.load(args.model)
    total, known = macs(base), shapes(base)
    place = next((i for i, node in enumerate(base.graph.node) if node.name == AFTER), None)
    if place is None:
        sys.exit(f"{args.model}: has no node {AFTER}: is it what `gnet export` writes of GoogLeNet?")
    _, channels, height, breadth = known[base.graph.node[place].output[0]]
    each = 2 * channels * height * breadth  # for one more channel between the two
    wanted = [(f"p{percent:g}", max(1, round(percent / 100 * total / each))) for percent in args.percent]
    wanted += [(f"w{width}", width) for width in args.width]

    args.out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(args.model, args.out / "base.onnx")
    check(args.out / "base.onnx", total, args.gnet)
    plants = []
    for name, width in wanted:
        path = args.out / f"{name}.onnx"
        onnx.save(planted(base, place, width), path)
        check(path, total + each * width, args.gnet)
        plants.append({"name": name, "file": path.name, "width": width, "macs_percent": 100 * each * width / total})
        print(f"{path}: width {width}, {100 * each * width / total:.2f} % more multiply-accumulates")
    document = {"base": "base.onnx", "macs": total, "plants": plants}
    (args.out / "plants.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
