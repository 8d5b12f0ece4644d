"""Checks ONNX files with tools that nobody here wrote: the package onnx and ONNX Runtime.

    python check.py MANIFEST.json

The manifest names the files, what each must say about itself, and numbers to compare with; tests/oracle/exchange.rs
writes it. One line a variant, `ok` or `FAILED` with everything that is wrong; then `N variants checked, M failed`.
Exit code 1 when one failed.
"""

import itertools
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

# Largest accepted difference of an output value, as a share of the output's largest value. Two runtimes sum the same
# products in another order: 22 layers of f32 sums of up to 1,728 terms err by some 1e-6; this is room for ten times that.
RELATIVE_TOLERANCE = 1e-5
# Different images must lie at least this many tolerances apart, or agreement would prove nothing.
SPREAD = 100


def array(folder, entry):
    return np.fromfile(folder / entry["file"], "<f4").reshape(entry["shape"])


def duplicates(names):
    seen = set()
    return sorted({name for name in names if name in seen or seen.add(name)})


def described(value):
    """Element type and shape of a ValueInfoProto; a dimension is a number, a symbol, or None."""
    kind = value.type.tensor_type
    size = lambda d: d.dim_value if d.HasField("dim_value") else d.dim_param or None
    return kind.elem_type, [size(d) for d in kind.shape.dim] if kind.HasField("shape") else None


def structure(model, variant):
    """The file by ONNX's own checker, and what the checker lets pass."""
    onnx.checker.check_model(model, full_check=True)
    graph = model.graph
    constants = [i.name for i in graph.initializer]
    made = [name for node in graph.node for name in node.output if name]
    read = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    inputs = [i.name for i in graph.input]
    for name in duplicates(constants + made + inputs):
        yield f"value {name} is made twice"
    for name in duplicates([node.name for node in graph.node]):
        yield f"two nodes have the name '{name}'"
    if not all(node.name for node in graph.node):
        yield "a node has no name"
    # A node cannot leave out a result that another one of its results stands behind.
    beside = {name for node in graph.node if read & {*node.output} for name in node.output}
    for name in sorted({*constants, *made} - read - beside):
        yield f"nothing reads {name}"
    if len(inputs) != 1:
        yield f"has the inputs {inputs}"
    outputs = [o.name for o in graph.output]
    if outputs != variant["outputs"]:
        yield f"has the outputs {outputs}"
    batch = described(graph.input[0])[1][0]
    if batch != (variant["fixed_batch"] or "N"):
        yield f"has the batch dimension {batch}"


def self_description(model, variant):
    """Versions, producer, metadata."""
    opsets = [(o.domain, o.version) for o in model.opset_import]
    if opsets != [("", variant["opset"])]:
        yield f"imports {opsets}"
    lowest = onnx.helper.find_min_ir_version_for(model.opset_import)
    if model.ir_version != lowest:
        yield f"has IR version {model.ir_version}; opset {variant['opset']} came with {lowest}"
    if (model.producer_name, model.producer_version) != ("gnet", variant["producer_version"]):
        yield f"says it is by {model.producer_name} {model.producer_version}"
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if len(metadata) != len(model.metadata_props) or metadata != variant["metadata"]:
        yield f"has the metadata {metadata}"


def inferred(model):
    """What strict shape inference knows from the inputs alone: type and shape by name."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        output.type.tensor_type.ClearField("shape")
    graph = onnx.shape_inference.infer_shapes(bare, check_type=True, strict_mode=True, data_prop=True).graph
    return {v.name: described(v) for v in [*graph.value_info, *graph.output]}


def shapes(model):
    """Strict shape inference, from the inputs alone, against every shape that the file states."""
    known = inferred(model)
    stated = {v.name: described(v) for v in [*model.graph.value_info, *model.graph.output]}
    made = [name for node in model.graph.node for name in node.output]
    missing = [name for name in made if name not in stated]
    if missing:
        yield f"states no shape of {len(missing)} values, {missing[0]} the first"
    for name in made:
        if name in stated and stated[name] != known.get(name):
            yield f"states {stated[name]} of {name}, inference says {known.get(name)}"


def numbers(path, variant, runs):
    """ONNX Runtime's answers against those in the manifest."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    fixed = variant["fixed_batch"]
    if fixed:
        name, shape = session.get_inputs()[0].name, runs[0]["input"].shape
        if not refuses(session, name, np.zeros((fixed + 1, *shape[1:]), np.float32)):
            yield f"is fixed at batch {fixed} and runs a batch of {fixed + 1}"
    answers = [
        (run, dict(zip(variant["outputs"], session.run(variant["outputs"], {"input": run["input"]}))))
        for run in runs
        if fixed in (None, len(run["input"]))
    ]
    if not answers:
        yield "no reference has its batch size"
    for name in variant["outputs"] if answers else []:
        yield from agreement(name, [(run["outputs"][name], answer[name]) for run, answer in answers], variant)


def refuses(session, name, value):
    try:
        session.run(None, {name: value})
        return False
    except Exception:  # ONNX Runtime raises classes of its own, one a status code.
        return True


def agreement(name, pairs, variant):
    if any(expected.shape != got.shape for expected, got in pairs):
        yield f"{name} has the shapes {[got.shape for _, got in pairs]}, not {[e.shape for e, _ in pairs]}"
        return
    expected, got = (np.concatenate(side) for side in zip(*pairs))
    if not (np.isfinite(expected).all() and np.isfinite(got).all()):
        yield f"{name} is not finite"
        return
    scale = float(np.abs(expected).max())
    difference = float(np.abs(expected - got).max()) / scale
    variant["difference"] = max(variant.get("difference", 0.0), difference)
    if difference > RELATIVE_TOLERANCE:
        yield f"{name} differs by {difference:.1e} of its largest value, accepted {RELATIVE_TOLERANCE:.0e}"
    pairs = itertools.combinations(expected, 2)
    spread = min((float(np.abs(a - b).max()) / scale for a, b in pairs), default=None)
    if spread is not None and spread < SPREAD * RELATIVE_TOLERANCE:
        yield f"{name} hardly depends on the image: {spread:.1e} apart"


def problems(folder, variant, references):
    path = folder / variant["file"]
    model = onnx.load(path)
    yield from findings(numbers, path, variant, references[variant["reference"]])
    yield from findings(structure, model, variant)
    yield from findings(self_description, model, variant)
    yield from findings(shapes, model)


def findings(check, *arguments):
    """What a check finds; a refusal by one of the tools is a finding, whatever its class."""
    try:
        yield from check(*arguments)
    except Exception as error:
        yield f"{type(error).__name__}: {error}".replace("\n", " ")


def main():
    manifest = pathlib.Path(sys.argv[1])
    folder, content = manifest.parent, json.loads(manifest.read_text(encoding="utf-8"))
    load = lambda run: {
        "input": array(folder, run["input"]),
        "outputs": {name: array(folder, entry) for name, entry in run["outputs"].items()},
    }
    references = {name: [load(run) for run in runs] for name, runs in content["references"].items()}
    failed = 0
    for variant in content["variants"]:
        found = list(problems(folder, variant, references))
        failed += bool(found)
        difference = f"difference {variant['difference']:.1e}" if "difference" in variant else "not compared"
        more = [f"and {len(found) - 8} more"] if len(found) > 8 else []
        said = "; ".join([*found[:8], *more])
        print(f"FAILED {variant['name']}: {said}" if found else f"ok {variant['name']}: {difference}")
    print(f"{len(content['variants'])} variants checked, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
