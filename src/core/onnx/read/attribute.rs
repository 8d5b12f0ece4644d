//! Attributes: the kinds that gnet interprets, and the others unchanged.

use bytes::Bytes;
use prost::Message;

use super::{external::Beside, tensor};
use crate::graph::{Attribute, Opaque, Subgraph};
use crate::onnx::proto::*;
use crate::{Error, Result};

/// Returns the value of an attribute; `inside` reads the graphs in it.
pub(super) fn attribute(
    mut proto: AttributeProto,
    place: &str,
    beside: &mut Beside,
    mut inside: impl FnMut(GraphProto, &mut Beside) -> Result<Subgraph>,
) -> Result<Attribute> {
    if !proto.ref_attr_name.is_empty() {
        return Err(Error::input(place, "refers to an attribute of a function, outside of any function"));
    }
    let kind = AttributeType::try_from(proto.r#type);
    let kind =
        kind.map_err(|_| Error::input(place, format!("has kind {}, which ONNX does not define", proto.r#type)))?;
    if let Some(other) = held(&proto).find(|held| *held != kind && kind != AttributeType::Undefined) {
        return Err(Error::input(place, format!("says it is of kind {kind:?} and has a value of kind {other:?}")));
    }
    let missing = || Error::input(place, format!("says it is of kind {kind:?} and has no value"));
    Ok(match kind {
        AttributeType::Undefined => return Err(Error::input(place, "does not say what kind of value it has")),
        AttributeType::Int => Attribute::Int(proto.i),
        AttributeType::Float => Attribute::Float(proto.f.unwrap_or_default()),
        AttributeType::Ints => Attribute::Ints(proto.ints),
        AttributeType::Floats => Attribute::Floats(proto.floats),
        AttributeType::String => match text(&proto.s) {
            Some(value) => Attribute::String(value),
            None => opaque(&proto),
        },
        AttributeType::Strings => match proto.strings.iter().map(text).collect() {
            Some(values) => Attribute::Strings(values),
            None => opaque(&proto),
        },
        AttributeType::Tensor => Attribute::Tensor(tensor::dense(*proto.t.take().ok_or_else(missing)?, place, beside)?),
        AttributeType::Graph => Attribute::Graph(Box::new(inside(*proto.g.take().ok_or_else(missing)?, beside)?)),
        AttributeType::Graphs => {
            let graphs = proto.graphs.into_iter().map(|g| inside(g, beside));
            Attribute::Graphs(graphs.collect::<Result<_>>()?)
        }
        AttributeType::SparseTensor if proto.sparse_tensor.is_none() => return Err(missing()),
        AttributeType::TypeProto if proto.tp.is_none() => return Err(missing()),
        AttributeType::Tensors
        | AttributeType::SparseTensor
        | AttributeType::SparseTensors
        | AttributeType::TypeProto
        | AttributeType::TypeProtos => opaque(&proto),
    })
}

/// Returns the kinds for which an attribute has a value. A value that is its kind's default may be absent.
fn held(proto: &AttributeProto) -> impl Iterator<Item = AttributeType> {
    let fields = [
        (proto.f.is_some_and(|f| f.to_bits() != 0), AttributeType::Float),
        (proto.i != 0, AttributeType::Int),
        (!proto.s.is_empty(), AttributeType::String),
        (proto.t.is_some(), AttributeType::Tensor),
        (proto.g.is_some(), AttributeType::Graph),
        (!proto.floats.is_empty(), AttributeType::Floats),
        (!proto.ints.is_empty(), AttributeType::Ints),
        (!proto.strings.is_empty(), AttributeType::Strings),
        (!proto.tensors.is_empty(), AttributeType::Tensors),
        (!proto.graphs.is_empty(), AttributeType::Graphs),
        (proto.sparse_tensor.is_some(), AttributeType::SparseTensor),
        (!proto.sparse_tensors.is_empty(), AttributeType::SparseTensors),
        (proto.tp.is_some(), AttributeType::TypeProto),
        (!proto.type_protos.is_empty(), AttributeType::TypeProtos),
    ];
    fields.into_iter().filter_map(|(there, kind)| there.then_some(kind))
}

fn text(bytes: &Bytes) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

fn opaque(proto: &AttributeProto) -> Attribute {
    Attribute::Opaque(Opaque(proto.encode_to_vec().into()))
}
