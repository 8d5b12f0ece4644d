//! A model as ONNX bytes.

use std::collections::HashSet;

use bytes::Bytes;
use prost::Message;

use super::number_of;
use super::proto::*;
use crate::graph::{Attribute, Dim, Graph, Model, Node, Tensor, ValueId};
use crate::{Error, Result};

/// The operator sets that gnet writes, oldest first.
///
/// The operations it emits have the same meaning in all of them, and each is tested against ONNX's checker.
pub const OPSETS: std::ops::RangeInclusive<i64> = 17..=23;

/// The first version of the file format that knows an operator set: the ONNX project's table of versions.
fn ir_version_for(opset: i64) -> i64 {
    match opset {
        ..=8 => 3,
        9 => 4,
        10 => 5,
        11 => 6,
        12..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        21..=22 => 10,
        23 => 11,
        24 => 12,
        _ => 13,
    }
}

/// Writes a model. The same model gives the same bytes.
///
/// # Errors
/// When the graph does not hold ([`Graph::check`]) or an initializer is read by nothing.
pub fn write(model: &Model) -> Result<Vec<u8>> {
    model.graph.check()?;
    let mut opset_import = vec![OperatorSetIdProto { domain: String::new(), version: model.opset }];
    let others = model.other_opsets.iter();
    opset_import
        .extend(others.map(|(domain, version)| OperatorSetIdProto { domain: domain.clone(), version: *version }));
    let entry = |(key, value): (&String, &String)| StringStringEntryProto { key: key.clone(), value: value.clone() };
    let proto = ModelProto {
        ir_version: model.ir_version.unwrap_or_else(|| ir_version_for(model.opset)),
        producer_name: model.producer_name.clone(),
        producer_version: model.producer_version.clone(),
        doc_string: model.doc.clone(),
        graph: Some(graph(&model.graph)?),
        opset_import,
        metadata_props: model.metadata.iter().map(entry).collect(),
        functions: Vec::new(),
    };
    Ok(proto.encode_to_vec())
}

fn graph(graph: &Graph) -> Result<GraphProto> {
    let uses = graph.uses();
    if let Some((id, _)) = graph.initializers().find(|(id, _)| !uses.contains_key(id)) {
        return Err(Error::input(format!("initializer {}", graph.value(id).name), "nothing reads it"));
    }
    let ends: HashSet<ValueId> = graph.inputs.iter().chain(&graph.outputs).copied().collect();
    let inner = graph.nodes.iter().flat_map(Node::makes).filter(|id| !ends.contains(id));
    Ok(GraphProto {
        node: graph.nodes.iter().map(|n| node(graph, n)).collect(),
        name: graph.name.clone(),
        initializer: graph.initializers().map(|(id, t)| tensor(&graph.value(id).name, t)).collect(),
        input: graph.inputs.iter().map(|id| value_info(graph, *id)).collect(),
        output: graph.outputs.iter().map(|id| value_info(graph, *id)).collect(),
        // A value of unknown type is left out: an entry without a type is not valid.
        value_info: inner.filter(|id| graph.value(*id).dtype.is_some()).map(|id| value_info(graph, id)).collect(),
        sparse_initializer: Vec::new(),
    })
}

fn node(graph: &Graph, node: &Node) -> NodeProto {
    let name = |id: &Option<ValueId>| id.map(|id| graph.value(id).name.clone()).unwrap_or_default();
    NodeProto {
        input: node.inputs.iter().map(name).collect(),
        output: node.outputs.iter().map(name).collect(),
        name: node.name.clone(),
        op_type: node.op_type.clone(),
        attribute: node.attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        domain: node.domain.clone(),
    }
}

fn attribute(name: &str, value: &Attribute) -> AttributeProto {
    let mut proto = AttributeProto { name: name.to_owned(), ..Default::default() };
    let kind = match value {
        Attribute::Int(v) => {
            proto.i = *v;
            AttributeType::Int
        }
        Attribute::Float(v) => {
            proto.f = *v;
            AttributeType::Float
        }
        Attribute::String(v) => {
            proto.s = Bytes::from(v.clone());
            AttributeType::String
        }
        Attribute::Tensor(v) => {
            proto.t = Some(tensor("", v));
            AttributeType::Tensor
        }
        Attribute::Ints(v) => {
            proto.ints.clone_from(v);
            AttributeType::Ints
        }
        Attribute::Floats(v) => {
            proto.floats.clone_from(v);
            AttributeType::Floats
        }
        Attribute::Strings(v) => {
            proto.strings = v.iter().map(|s| Bytes::from(s.clone())).collect();
            AttributeType::Strings
        }
    };
    proto.set_type(kind);
    proto
}

fn tensor(name: &str, tensor: &Tensor) -> TensorProto {
    TensorProto {
        dims: tensor.shape().iter().map(|d| *d as i64).collect(),
        data_type: number_of(tensor.dtype()),
        name: name.to_owned(),
        raw_data: Some(tensor.bytes().clone()),
        ..Default::default()
    }
}

fn value_info(graph: &Graph, id: ValueId) -> ValueInfoProto {
    let value = graph.value(id);
    let shape = value.shape.as_ref().map(|dims| TensorShapeProto { dim: dims.iter().map(dimension).collect() });
    let tensor_type = value.dtype.map(|dtype| TensorTypeProto { elem_type: number_of(dtype), shape });
    ValueInfoProto { name: value.name.clone(), r#type: tensor_type.map(|t| TypeProto { tensor_type: Some(t) }) }
}

fn dimension(dim: &Dim) -> DimensionProto {
    let value = match dim {
        Dim::Known(size) => Some(DimensionValue::DimValue(*size as i64)),
        Dim::Symbolic { .. } => Some(DimensionValue::DimParam(dim.to_string())),
        Dim::Unknown => None,
    };
    DimensionProto { value }
}
