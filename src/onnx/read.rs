//! ONNX bytes as a model. What the graph type cannot hold is refused by name, never dropped.

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use prost::Message;

use super::dtype_of;
use super::proto::*;
use crate::graph::{Attribute, DType, Dim, Graph, Model, Node, Tensor, ValueId};
use crate::{Error, Result, files};

/// Reads an ONNX file.
///
/// # Errors
/// As [`read`], with the file's name.
pub fn read_file(path: &Path) -> Result<Model> {
    let bytes = files::read(path)?;
    read(bytes.into()).map_err(|e| e.in_file(path))
}

/// Reads a model from the bytes of an ONNX file; raw tensor data is shared with them, not copied.
///
/// # Errors
/// Bytes that are no ONNX model, a graph that does not hold, or something this version does not know: subgraphs,
/// functions, sparse tensors, external data. The error names what and where.
pub fn read(bytes: Bytes) -> Result<Model> {
    let proto = ModelProto::decode(bytes)
        .map_err(|e| Error::input(Error::THE_FILE, format!("is no ONNX model, or a damaged one: {e}")))?;
    let Some(graph_proto) = proto.graph else {
        return Err(Error::input(Error::THE_FILE, "is no ONNX model: it holds no graph"));
    };
    if !proto.functions.is_empty() {
        return Err(not_yet("the model", "local functions"));
    }
    let own = |domain: &str| matches!(domain, "" | "ai.onnx");
    let (onnx, others): (Vec<_>, Vec<_>) = proto.opset_import.into_iter().partition(|o| own(&o.domain));
    let Some(opset) = onnx.first().map(|o| o.version) else {
        return Err(Error::input("the model", "imports no version of ONNX's operator set"));
    };
    let model = Model {
        graph: Reader::default().graph(graph_proto)?,
        opset,
        other_opsets: others.into_iter().map(|o| (o.domain, o.version)).collect(),
        ir_version: Some(proto.ir_version),
        producer_name: proto.producer_name,
        producer_version: proto.producer_version,
        doc: proto.doc_string,
        metadata: proto.metadata_props.into_iter().map(|e| (e.key, e.value)).collect(),
    };
    model.graph.check()?;
    Ok(model)
}

fn not_yet(thing: impl std::fmt::Display, what: &str) -> Error {
    Error::input(thing, format!("has {what}, which this version of gnet does not read"))
}

/// Names become numbers here; types given anywhere in the file are kept with the value.
#[derive(Default)]
struct Reader {
    graph: Graph,
    ids: HashMap<String, ValueId>,
}

impl Reader {
    fn graph(mut self, proto: GraphProto) -> Result<Graph> {
        if !proto.sparse_initializer.is_empty() {
            return Err(not_yet("the graph", "sparse initializers"));
        }
        self.graph.name = proto.name;
        for tensor_proto in proto.initializer {
            let name = tensor_proto.name.clone();
            let place = format!("initializer {name}");
            let tensor = tensor(tensor_proto, &place)?;
            if self.ids.contains_key(&name) {
                return Err(Error::input(place, "is given twice"));
            }
            let id = self.graph.add_initializer(&name, tensor);
            self.ids.insert(name, id);
        }
        for info in proto.input {
            let id = self.typed(&info)?;
            // Before IR version 4 every initializer had to be an input too.
            if self.graph.initializer(id).is_none() {
                self.graph.inputs.push(id);
            }
        }
        for info in &proto.value_info {
            self.typed(info)?;
        }
        for info in &proto.output {
            let id = self.typed(info)?;
            self.graph.outputs.push(id);
        }
        for node in proto.node {
            let node = self.node(node)?;
            self.graph.nodes.push(node);
        }
        Ok(self.graph)
    }

    fn id(&mut self, name: &str) -> ValueId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = self.graph.add_value(name, None, None);
        self.ids.insert(name.to_owned(), id);
        id
    }

    fn typed(&mut self, info: &ValueInfoProto) -> Result<ValueId> {
        let id = self.id(&info.name);
        let Some(kind) = &info.r#type else { return Ok(id) };
        let place = format!("value {}", info.name);
        let Some(tensor) = &kind.tensor_type else { return Err(not_yet(place, "a type other than a tensor")) };
        let Some(dtype) = dtype_of(tensor.elem_type) else {
            return Err(not_yet(place, &format!("element type {}", tensor.elem_type)));
        };
        let shape = tensor.shape.as_ref().map(|s| s.dim.iter().map(|d| dimension(d, &place)).collect()).transpose()?;
        if self.graph.initializer(id).is_none() {
            let value = self.graph.value_mut(id);
            (value.dtype, value.shape) = (Some(dtype), shape.or(value.shape.take()));
        }
        Ok(id)
    }

    fn node(&mut self, proto: NodeProto) -> Result<Node> {
        let place = match proto.name.as_str() {
            "" => format!("node {} of {}", self.graph.nodes.len(), proto.op_type),
            name => format!("node {name} ({})", proto.op_type),
        };
        let mut ids = |names: &[String]| -> Vec<_> {
            names.iter().map(|name| (!name.is_empty()).then(|| self.id(name))).collect()
        };
        let (inputs, outputs) = (ids(&proto.input), ids(&proto.output));
        let attributes = proto.attribute.into_iter().map(|a| {
            let place = format!("{place}, attribute {}", a.name);
            Ok((a.name.clone(), attribute(a, &place)?))
        });
        let attributes = attributes.collect::<Result<_>>()?;
        Ok(Node { name: proto.name, op_type: proto.op_type, domain: proto.domain, inputs, outputs, attributes })
    }
}

fn dimension(proto: &DimensionProto, place: &str) -> Result<Dim> {
    match &proto.value {
        None => Ok(Dim::Unknown),
        Some(DimensionValue::DimParam(text)) if text.is_empty() => Ok(Dim::Unknown),
        Some(DimensionValue::DimParam(text)) => Ok(Dim::parse(text)),
        Some(DimensionValue::DimValue(size)) => usize::try_from(*size)
            .map(Dim::Known)
            .map_err(|_| Error::input(place, format!("has a dimension of {size}"))),
    }
}

fn attribute(proto: AttributeProto, place: &str) -> Result<Attribute> {
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).map_err(|_| not_yet(place, "bytes that are no text"));
    Ok(match proto.r#type() {
        AttributeType::Int => Attribute::Int(proto.i),
        AttributeType::Float => Attribute::Float(proto.f),
        AttributeType::String => Attribute::String(text(proto.s)?),
        AttributeType::Ints => Attribute::Ints(proto.ints),
        AttributeType::Floats => Attribute::Floats(proto.floats),
        AttributeType::Strings => Attribute::Strings(proto.strings.into_iter().map(text).collect::<Result<_>>()?),
        AttributeType::Tensor => match proto.t {
            Some(value) => Attribute::Tensor(tensor(value, place)?),
            None => return Err(Error::input(place, "is a tensor without a value")),
        },
        AttributeType::Graph | AttributeType::Graphs => return Err(not_yet(place, "a subgraph")),
        other => return Err(not_yet(place, &format!("a value of kind {other:?}"))),
    })
}

fn tensor(proto: TensorProto, place: &str) -> Result<Tensor> {
    if proto.data_location != 0 || !proto.external_data.is_empty() {
        return Err(not_yet(place, "external data"));
    }
    let Some(dtype) = dtype_of(proto.data_type) else {
        return Err(not_yet(place, &format!("element type {}", proto.data_type)));
    };
    let shape = proto.dims.iter().map(|d| usize::try_from(*d)).collect::<Result<Vec<_>, _>>();
    let shape = shape.map_err(|_| Error::input(place, format!("has a negative dimension: {:?}", proto.dims)))?;
    let bytes = match proto.raw_data {
        Some(raw) if !raw.is_empty() => raw,
        _ => typed_data(dtype, &proto),
    };
    Tensor::new(dtype, shape, bytes).map_err(|e| Error::input(place, e))
}

/// The elements of a tensor that uses the typed fields instead of raw data: onnx.proto says which type is where.
fn typed_data(dtype: DType, proto: &TensorProto) -> Bytes {
    let ints = &proto.int32_data;
    let bytes: Vec<u8> = match dtype {
        DType::F32 => proto.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::F64 => proto.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::I64 => proto.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::U64 => proto.uint64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::U32 => proto.uint64_data.iter().flat_map(|v| (*v as u32).to_le_bytes()).collect(),
        DType::I32 => ints.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::F16 | DType::BF16 | DType::I16 | DType::U16 => {
            ints.iter().flat_map(|v| (*v as u16).to_le_bytes()).collect()
        }
        DType::I8 | DType::U8 | DType::Bool => ints.iter().map(|v| *v as u8).collect(),
    };
    bytes.into()
}
