"""A model for every field that the package's schema of ONNX defines: small, valid, with that field set.

The package's own test models use a part of the standard. These use the rest: documentation and properties of everything,
training information, functions, devices, sparse tensors, quantisation annotations, every element type in both its forms,
every kind of attribute and of type.
"""

import copy

import numpy as np
import onnx
from google.protobuf.descriptor import FieldDescriptor
from onnx import TensorProto, helper, numpy_helper

VALUES = {
    FieldDescriptor.CPPTYPE_STRING: "some text, with ünicode",
    FieldDescriptor.CPPTYPE_FLOAT: 0.5,
    FieldDescriptor.CPPTYPE_DOUBLE: 0.5,
}
# Fields that say where elements lie or of what kind something is: the models of `elements` and `attributes` vary them.
DECISIVE = {
    "TensorProto": {
        "dims", "data_type", "segment", "float_data", "int32_data", "string_data", "int64_data", "raw_data",
        "double_data", "uint64_data", "data_location", "external_data",
    },
    "AttributeProto": {
        "type", "f", "i", "s", "t", "g", "sparse_tensor", "tp", "floats", "ints", "strings", "tensors", "graphs",
        "sparse_tensors", "type_protos", "ref_attr_name",
    },
    "SparseTensorProto": {"dims"},
    "NodeProto": {"input", "output", "op_type", "domain"},
    "Tensor": {"elem_type"},
    "SparseTensor": {"elem_type"},
    "Map": {"key_type"},
    "OperatorSetIdProto": {"version"},
}


def info(name, shape=("N", 3)):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def weight(name, shape=(3, 3)):
    return numpy_helper.from_array(np.full(shape, 0.5, np.float32), name)


def base():
    """y = (x * w) through a node with an attribute."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="product"),
        helper.make_node("Softmax", ["h"], ["y"], name="softmax", axis=1),
    ]
    graph = helper.make_graph(nodes, "graph", [info("x")], [info("y")], [weight("w")], value_info=[info("h")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("other", 1)])
    helper.set_model_props(model, {"key": "value"})
    return model


def sparse(name, linear=True):
    values = numpy_helper.from_array(np.array([1, 2], np.float32), name)
    at = [1, 5] if linear else [[0, 1], [1, 2]]
    return helper.make_sparse_tensor(values, numpy_helper.from_array(np.array(at, np.int64), "places"), [3, 3])


def reads(model, name):
    """Makes a new node read `name`."""
    model.graph.node.add().CopyFrom(helper.make_node("Identity", [name], [f"copy_of_{name}"], name=f"read_{name}"))
    model.graph.output.add().name = f"copy_of_{name}"


def host_sparse(model):
    model.graph.sparse_initializer.add().CopyFrom(sparse("odd"))
    reads(model, "odd")
    return model.graph.sparse_initializer[0]


def host_type(kind):
    def host(model):
        model.graph.input.append(onnx.ValueInfoProto(name="odd"))
        stated = getattr(model.graph.input[-1].type, kind)
        stated.SetInParent()
        if kind in ("sequence_type", "optional_type"):
            stated.elem_type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, ["N", None]))
        elif kind == "map_type":
            stated.key_type = TensorProto.INT64
            stated.value_type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, []))
        elif kind in ("tensor_type", "sparse_tensor_type"):
            stated.elem_type = TensorProto.FLOAT
        reads(model, "odd")
        return stated

    return host


def host_function(model):
    node = helper.make_node("Relu", ["a"], ["b"])
    function = helper.make_function("other", "own", ["a"], ["b"], [node], [helper.make_opsetid("", 21)])
    model.functions.add().CopyFrom(function)
    model.graph.node.add().CopyFrom(helper.make_node("own", ["h"], ["called"], domain="other", name="call"))
    model.graph.output.add().name = "called"
    return model.functions[0]


def host_training(model):
    training = model.training_info.add()
    training.initialization.CopyFrom(helper.make_graph([helper.make_node("Constant", [], ["c"], value_float=0.0)], "i", [], [info("c", [])]))
    training.algorithm.CopyFrom(helper.make_graph([helper.make_node("Relu", ["x"], ["g"])], "a", [], [info("g")]))
    training.initialization_binding.add(key="w", value="c")
    training.update_binding.add(key="w", value="g")
    return training


def host_annotation(model):
    annotation = model.graph.quantization_annotation.add(tensor_name="h")
    annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="w")
    return annotation


def host_device(model):
    return model.configuration.add(name="machine", num_devices=2, device=["one", "two"])


def host_sharding(model):
    host_device(model)
    on_node = model.graph.node[0].device_configurations.add(configuration_id="machine", pipeline_stage=1)
    spec = on_node.sharding_spec.add(tensor_name="x", device=[0, 1])
    spec.index_to_device_group_map.add(key=-1, value=[0, 1])
    spec.sharded_dim.add(axis=0).simple_sharding.add(dim_param="N", num_shards=2)
    return on_node


# Where in a model a message of each kind stands; what is not there yet is put there.
HOSTS = {
    "model": lambda m: m,
    "opset": lambda m: m.opset_import[0],
    "property": lambda m: m.metadata_props[0],
    "graph": lambda m: m.graph,
    "node": lambda m: m.graph.node[0],
    "attribute": lambda m: m.graph.node[1].attribute[0],
    "input": lambda m: m.graph.input[0],
    "output": lambda m: m.graph.output[0],
    "value": lambda m: m.graph.value_info[0],
    "initializer": lambda m: m.graph.initializer[0],
    "type": lambda m: m.graph.input[0].type,
    "type of an output": lambda m: m.graph.output[0].type,
    "dimension": lambda m: m.graph.input[0].type.tensor_type.shape.dim[0],
    "known dimension": lambda m: m.graph.value_info[0].type.tensor_type.shape.dim[1],
    "sparse initializer": host_sparse,
    "values of a sparse initializer": lambda m: host_sparse(m).values,
    "places of a sparse initializer": lambda m: host_sparse(m).indices,
    "sequence": host_type("sequence_type"),
    "optional": host_type("optional_type"),
    "map": host_type("map_type"),
    "sparse type": host_type("sparse_tensor_type"),
    "opaque type": host_type("opaque_type"),
    "shapeless": host_type("tensor_type"),
    "function": host_function,
    "function's node": lambda m: host_function(m).node[0],
    "training": host_training,
    "training's graph": lambda m: host_training(m).algorithm,
    "annotation": host_annotation,
    "device": host_device,
    "device of a node": host_sharding,
    "sharding": lambda m: host_sharding(m).sharding_spec[0],
    "device group": lambda m: host_sharding(m).sharding_spec[0].index_to_device_group_map[0],
    "sharded dimension": lambda m: host_sharding(m).sharding_spec[0].sharded_dim[0],
    "simple sharding": lambda m: host_sharding(m).sharding_spec[0].sharded_dim[0].simple_sharding[0],
}


def fields():
    for place, host in HOSTS.items():
        model = base()
        host(model)
        yield f"{place}", model
        for field in host(base()).DESCRIPTOR.fields:
            kind = host(base()).DESCRIPTOR.name
            if field.name in DECISIVE.get(kind, ()) or (field.name == "name" and place not in ("model", "graph", "device")):
                continue
            model = base()
            if put(host(model), field):
                yield f"{place}.{field.name}", model


def put(message, field):
    """Sets a field to something; whether that is possible without knowing more."""
    if field.message_type is not None:
        if field.message_type.name != "StringStringEntryProto" or message.DESCRIPTOR.name == "TensorAnnotation":
            return False
        getattr(message, field.name).add(key="a key", value="a value")
        return True
    value = VALUES.get(field.cpp_type, 3)
    if field.type == FieldDescriptor.TYPE_BYTES:
        value = b"\xff\x00"
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)
    return True


def elements():
    """Each element type, in raw data and in its typed field."""
    for name, number in TensorProto.DataType.items():
        if number == TensorProto.UNDEFINED:
            continue
        values = [b"a", b"", b"\xff"] if number == TensorProto.STRING else [1, 0, 1]
        for raw in (False, True):
            model = base()
            try:
                tensor = helper.make_tensor("odd", number, [3], values)
                if raw:
                    tensor = numpy_helper.from_array(numpy_helper.to_array(tensor), "odd")
            except Exception:  # The package cannot make it; there is nothing to read.
                continue
            model.graph.initializer.append(tensor)
            reads(model, "odd")
            yield f"{name} {'raw' if raw else 'typed'}", model


def attributes():
    """Each kind of attribute, and a branch that reads what stands around it."""
    body = helper.make_graph([helper.make_node("Neg", ["h"], ["inner"])], "body", [], [info("inner")], [weight("own")])
    kind = helper.make_tensor_type_proto(TensorProto.FLOAT, ["N"])
    values = {
        "float": 0.5, "no float": 0.0, "int": -3, "no int": 0, "text": "text", "no text": "", "bytes": b"\xff\x00",
        "tensor": weight("inside"), "sparse": sparse("inside", linear=False), "graph": body, "type": kind,
        "floats": [0.5, -0.0], "ints": [1, -2], "texts": ["a", ""], "byte texts": [b"\xff", b"a"],
        "tensors": [weight("one"), weight("two")], "sparses": [sparse("one"), sparse("two")], "graphs": [body, body],
        "types": [kind, kind],
    }
    empty = {
        "empty floats": onnx.AttributeProto.FLOATS, "empty ints": onnx.AttributeProto.INTS,
        "empty texts": onnx.AttributeProto.STRINGS, "empty tensors": onnx.AttributeProto.TENSORS,
        "empty graphs": onnx.AttributeProto.GRAPHS, "empty types": onnx.AttributeProto.TYPE_PROTOS,
    }
    made = {name: helper.make_attribute("odd", value) for name, value in values.items()}
    made |= {name: onnx.AttributeProto(name="odd", type=number) for name, number in empty.items()}
    for name, attribute in made.items():
        model = base()
        node = helper.make_node("Odd", ["h"], ["made"], name="odd", domain="other")
        node.attribute.append(attribute)
        model.graph.node.append(node)
        model.graph.output.add().name = "made"
        yield name, model


def dimensions():
    """Texts of dimensions that look like arithmetic."""
    for text in ["N+0", "1*N", "+N", "N-0", "2*N+1", "-1*N", "-N", "03*N", "N+01", "N + 1", "0", "7", "?", " ", "N*N", "a.b"]:
        model = base()
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = text
        yield f"dimension {text}", model
    for size in (0, 1 << 40, (1 << 63) - 1):
        model = base()
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = size
        yield f"size {size}", model


def models():
    for family in (fields, elements, attributes, dimensions):
        for name, model in family():
            yield f"schema/{family.__name__}/{name.replace('/', ' ')}", copy.deepcopy(model)
