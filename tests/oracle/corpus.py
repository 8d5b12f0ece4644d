"""The models that the Python package `onnx` tests its backends with, and its verdict on what gnet makes of them.

    python corpus.py list FOLDER          writes the generated models below FOLDER; prints every model's name and path
    python corpus.py compare MANIFEST     compares pairs of files; prints each pair's differences
    python corpus.py plant FOLDER         writes pairs of which all but the controls differ, to test the comparison with
    python corpus.py seeds FOLDER         writes the smaller models flat into FOLDER, for the fuzz targets to start from
    python corpus.py infer MANIFEST       strips shapes from models, writes those, prints what shape inference says of them

What goes in and out is JSON; tests/corpus is the other side. `list` takes the files that the package ships
(onnx/backend/test/data) and the models that it builds when its tests run (onnx.backend.test.case: every operator's node
tests and the simple models). The nine large networks that it would download are skipped, and named.

Two models are equal when every field of the package's own schema is, as the package parses it, with these
normalisations and no others:
- attributes of a node (by name), opset_import (by domain), metadata_props (by key), value_info (by name) and
  quantization_annotation (by tensor) are sets: their order means nothing. Nodes, inputs, outputs, initializers and
  functions are lists: their order is compared;
- a tensor is its name, documentation, metadata, element type, dimensions and elements. Whether the elements lie in raw
  data, in the typed fields or in an external file is not compared, nor is the data that says which;
- a single number, text or enumeration that is absent is one that has its default value, as in proto3: the package's checker
  and every reader treat them alike. Whether a message is there (a type, a shape, a dimension's value) is compared;
- floats are compared by their bits.
"""

import copy
import json
import pathlib
import shutil
import struct
import sys
import warnings

import numpy as np
import onnx
import schema
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.unknown_fields import UnknownFieldSet
from onnx import helper, numpy_helper

# What makes the elements of a set comparable one by one, by message and field.
SETS = {
    ("NodeProto", "attribute"): "name",
    ("ModelProto", "opset_import"): "domain",
    ("FunctionProto", "opset_import"): "domain",
    ("GraphProto", "value_info"): "name",
    ("FunctionProto", "value_info"): "name",
    ("GraphProto", "quantization_annotation"): "tensor_name",
}
# Where a tensor's elements may lie, and what says where they do.
ELEMENTS = {
    "float_data", "int32_data", "string_data", "int64_data", "raw_data", "double_data", "uint64_data",
    "external_data", "data_location",
}


def key_of(message, field):
    return "key" if field == "metadata_props" else SETS.get((message.DESCRIPTOR.name, field))


def named(item, key):
    return getattr(item, key), item.SerializeToString(deterministic=True)


def bits(value):
    return struct.pack("<d", value) if isinstance(value, float) else value


def shown(value):
    text = repr(value) if not hasattr(value, "DESCRIPTOR") else f"{value.DESCRIPTOR.name} {str(value).strip()!r}"
    return text if len(text) <= 60 else text[:57] + "..."


def differences(a, b, folders, path=""):
    """Every difference of two messages of one type, each with its place."""
    if a.DESCRIPTOR.name == "TensorProto":
        skip = ELEMENTS
        yield from elements(a, b, folders, path)
    else:
        skip = set()
    if len(UnknownFieldSet(a)) != len(UnknownFieldSet(b)):
        yield f"{path}: {len(UnknownFieldSet(a))} fields unknown to the schema became {len(UnknownFieldSet(b))}"
    for field in a.DESCRIPTOR.fields:
        if field.name in skip:
            continue
        place = f"{path}.{field.name}".lstrip(".")
        x, y = getattr(a, field.name), getattr(b, field.name)
        if field.is_repeated:
            yield from lists(list(x), list(y), key_of(a, field.name), folders, place)
        elif field.type == FieldDescriptor.TYPE_MESSAGE or field.containing_oneof:
            there = a.HasField(field.name), b.HasField(field.name)
            if there[0] != there[1]:
                yield f"{place}: {shown(x if there[0] else y)} {'is gone' if there[0] else 'was not there'}"
            elif there[0] and field.type == FieldDescriptor.TYPE_MESSAGE:
                yield from differences(x, y, folders, place)
            elif there[0] and x != y:
                yield f"{place}: {shown(x)} became {shown(y)}"
        elif bits(x) != bits(y):
            yield f"{place}: {shown(x)} became {shown(y)}"


def lists(x, y, key, folders, place):
    if key:
        x, y = (sorted(items, key=lambda item: named(item, key)) for items in (x, y))
        names = [getattr(item, key) for item in x], [getattr(item, key) for item in y]
        if names[0] != names[1]:
            gone, new = (sorted(set(names[i]) - set(names[1 - i])) for i in (0, 1))
            yield f"{place}: {len(x)} became {len(y)}; gone {gone}, new {new}"
            return
    elif len(x) != len(y):
        yield f"{place}: {len(x)} became {len(y)}"
        return
    for i, (p, q) in enumerate(zip(x, y)):
        where = f"{place}[{getattr(p, key) if key else i}]"
        if hasattr(p, "DESCRIPTOR"):
            yield from differences(p, q, folders, where)
        elif bits(p) != bits(q):
            yield f"{where}: {shown(p)} became {shown(q)}"


def elements(a, b, folders, path):
    """Element type and dimensions are fields like others; here only what the elements are."""
    if a.data_type != b.data_type or list(a.dims) != list(b.dims):
        return
    try:
        x, y = (content(tensor, folder) for tensor, folder in zip((a, b), folders))
    except Exception as error:
        if a.SerializeToString(deterministic=True) != b.SerializeToString(deterministic=True):
            yield f"{path}: the package cannot read the elements of both: {error}"
        return
    if x != y:
        yield f"{path}: the elements differ"


def content(tensor, folder):
    if tensor.data_type == onnx.TensorProto.STRING:
        return list(tensor.string_data)
    if tensor.data_type == onnx.TensorProto.UNDEFINED:
        return tensor.SerializeToString(deterministic=True)
    return numpy_helper.to_array(tensor, str(folder)).tobytes()


def accepted(model, path):
    """Whether the package's checker lets a model pass."""
    try:
        onnx.checker.check_model(str(path))
        return True
    except Exception:
        return False


def compare(manifest):
    verdicts = []
    for pair in json.loads(manifest.read_text(encoding="utf-8"))["pairs"]:
        paths = [pathlib.Path(pair[side]) for side in ("original", "written")]
        try:
            a, b = (onnx.load(path, load_external_data=False) for path in paths)
            found = list(differences(a, b, [path.parent for path in paths]))
            if accepted(a, paths[0]) and not accepted(b, paths[1]):
                found.append("ONNX's checker accepts the one and not the other")
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        verdicts.append({"name": pair["name"], "differences": found})
    return {"pairs": verdicts}


def generated():
    """The models that the package builds instead of shipping them; their data is drawn, their structure is not."""
    from onnx.backend.test.case import model, node

    np.random.seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = node.collect_testcases(None) + model.collect_testcases()
    for case in cases:
        if case.model is not None:
            yield f"{case.kind}-generated/{case.name}", case.model


def listing(folder):
    data = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
    files = []
    for path in sorted(data.rglob("*.onnx")):
        name = path.relative_to(data)
        files.append({"name": str(name.parent if name.name == "model.onnx" else name), "path": str(path)})
    for name, model in [*generated(), *schema.models()]:
        path = folder / f"{name}.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString(deterministic=True))
        files.append({"name": name, "path": str(path)})
    ours = {path.parent for path in data.rglob("*.onnx")}
    absent = sorted(path.parent.name for path in data.rglob("data.json") if path.parent not in ours)
    return {"package": onnx.__version__, "files": files, "not_shipped": absent}


def seeds(folder):
    files = listing(folder / "models")["files"]
    contents = {pathlib.Path(file["path"]).read_bytes() for file in files}
    small = sorted(content for content in contents if len(content) <= 16384)
    for i, content in enumerate(small):
        (folder / f"{i:04}.onnx").write_bytes(content)
    shutil.rmtree(folder / "models")
    return {"seeds": len(small)}


def sample():
    """A model with something in every part that a fault can be planted in."""
    weight = numpy_helper.from_array(np.arange(6, dtype="float32").reshape(2, 3), "w")
    swapped = numpy_helper.from_array(np.ones((2, 3), dtype="float32"), "v")
    info = lambda name, shape: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"], name="gemm", alpha=0.5, transB=1, doc_string="a product"),
        helper.make_node("Gemm", ["x", "v", "b"], ["k"], name="other", transB=1),
        helper.make_node("Concat", ["h", "k"], ["y"], name="join", axis=1),
    ]
    typed = helper.make_tensor("b", onnx.TensorProto.FLOAT, [2], [0.25, -0.0])
    graph = helper.make_graph(
        nodes, "sample", [info("x", ["N", 3])], [info("y", ["N", 4])], [weight, swapped, typed],
        doc_string="a graph", value_info=[info("h", ["N", 2]), info("k", ["N", 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("some", 2)])
    model.doc_string = "a model"
    helper.set_model_props(model, {"one": "1", "two": "2"})
    return model


def change_typed(model):
    model.graph.initializer[2].float_data[1] = 0.0


def to_raw(model):
    tensor = model.graph.initializer[2]
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))


def reorder(model):
    for items in (model.opset_import, model.metadata_props, model.graph.value_info, model.graph.node[0].attribute):
        flipped = [copy.deepcopy(item) for item in reversed(items)]
        del items[:]
        items.extend(flipped)


def swap_elements(model):
    one, two = model.graph.initializer[0], model.graph.initializer[1]
    one.raw_data, two.raw_data = two.raw_data, one.raw_data


# What is planted, the place that must be named, and how. A control has no place: it must be found equal.
FAULTS = {
    "a changed attribute": ("graph.node[0].attribute[alpha].f", lambda m: setattr(m.graph.node[0].attribute[0], "f", 0.25)),
    "a lost attribute": ("graph.node[0].attribute", lambda m: m.graph.node[0].attribute.pop()),
    "a lost document of a node": ("graph.node[0].doc_string", lambda m: m.graph.node[0].ClearField("doc_string")),
    "a lost document of the graph": ("graph.doc_string", lambda m: m.graph.ClearField("doc_string")),
    "a lost document of the model": ("doc_string", lambda m: m.ClearField("doc_string")),
    "two swapped tensors": ("graph.initializer[0]: the elements differ", swap_elements),
    "initializers in another order": ("graph.initializer[0].name", lambda m: m.graph.initializer.reverse()),
    "the sign of a zero": ("graph.initializer[2]: the elements differ", change_typed),
    "a tensor of another element type": ("graph.initializer[0].data_type", lambda m: setattr(m.graph.initializer[0], "data_type", 6)),
    "a lost dimension": ("graph.input[0].type.tensor_type.shape.dim", lambda m: m.graph.input[0].type.tensor_type.shape.dim.pop()),
    "a symbol that became unknown": ("shape.dim[0].dim_param", lambda m: m.graph.output[0].type.tensor_type.shape.dim[0].Clear()),
    "a lost shape": ("graph.value_info[h].type.tensor_type.shape", lambda m: m.graph.value_info[0].type.tensor_type.ClearField("shape")),
    "a lost value_info": ("graph.value_info: 2 became 1; gone ['k']", lambda m: m.graph.value_info.pop()),
    "a lost opset": ("opset_import", lambda m: m.opset_import.pop()),
    "a lost property": ("metadata_props", lambda m: m.metadata_props.pop()),
    "nodes in another order": ("graph.node[0].input: 3 became 2", lambda m: m.graph.node.reverse()),
    "a node reading another value": ("graph.node[2].input[0]", lambda m: m.graph.node[2].input.__setitem__(0, "k")),
    "another IR version": ("ir_version", lambda m: setattr(m, "ir_version", 7)),
    "control: raw data for typed fields": (None, to_raw),
    "control: sets in another order": (None, reorder),
    "control: nothing at all": (None, lambda m: None),
}


def plant(folder):
    pairs = []
    for i, (name, (place, change)) in enumerate(FAULTS.items()):
        model = sample()
        original, written = folder / f"{i}.onnx", folder / f"{i}.changed.onnx"
        original.write_bytes(model.SerializeToString(deterministic=True))
        change(model)
        written.write_bytes(model.SerializeToString(deterministic=True))
        pairs.append({"name": name, "original": str(original), "written": str(written), "place": place})
    return {"pairs": pairs}


def strip(model):
    """Takes away what the file states of values that nodes make, so that inference has something to do."""
    del model.graph.value_info[:]
    for output in model.graph.output:
        if output.type.HasField("tensor_type"):
            output.type.tensor_type.ClearField("shape")


def described(value):
    """Element type and shape of a tensor; a dimension is a number, a symbol, or None. Other types are None."""
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.elem_type:
        return None
    kind = value.type.tensor_type
    # The package numbers what it does not know: unk__0, unk__1, ..
    symbol = lambda d: None if d.dim_param.startswith("unk__") else d.dim_param or None
    size = lambda d: d.dim_value if d.HasField("dim_value") else symbol(d)
    return {"type": kind.elem_type, "shape": [size(d) for d in kind.shape.dim] if kind.HasField("shape") else None}


def infer(manifest):
    models = []
    for entry in json.loads(manifest.read_text(encoding="utf-8"))["files"]:
        model = onnx.load(entry["path"], load_external_data=False)
        strip(model)
        pathlib.Path(entry["bare"]).write_bytes(model.SerializeToString(deterministic=True))
        record = {"name": entry["name"], "values": {}, "error": None}
        try:
            graph = onnx.shape_inference.infer_shapes(model, strict_mode=False, data_prop=True).graph
            record["values"] = {v.name: d for v in [*graph.value_info, *graph.output] if (d := described(v))}
        except Exception as error:
            record["error"] = f"{type(error).__name__}: {error}"
        record["makers"] = {name: node.op_type for node in model.graph.node for name in node.output if name}
        models.append(record)
    return {"models": models}


def main():
    command, argument = sys.argv[1], pathlib.Path(sys.argv[2])
    commands = {"list": listing, "compare": compare, "plant": plant, "seeds": seeds, "infer": infer}
    json.dump(commands[command](argument), sys.stdout)


if __name__ == "__main__":
    main()
