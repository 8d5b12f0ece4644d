//! Attributes: the kinds that gnet looks into, and the others as they are.

use bytes::Bytes;
use prost::Message;

use super::scope::Scope;
use super::{external::Beside, tensor};
use crate::graph::{Attribute, Capture, Opaque, Subgraph};
use crate::onnx::proto::*;
use crate::{Error, Result};

/// The value of an attribute of a node in `scope`.
pub(super) fn attribute(
    mut proto: AttributeProto,
    place: &str,
    scope: &mut Scope,
    beside: &mut Beside,
) -> Result<Attribute> {
    if !proto.ref_attr_name.is_empty() {
        return Err(Error::input(place, "refers to an attribute of a function, outside of any function"));
    }
    let missing = || Error::input(place, "has no value of the kind that it says it has");
    Ok(match proto.r#type() {
        AttributeType::Undefined => return Err(Error::input(place, "does not say what kind of value it has")),
        AttributeType::Int => Attribute::Int(proto.i),
        AttributeType::Float => Attribute::Float(proto.f),
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
        AttributeType::Tensor => Attribute::Tensor(tensor::dense(proto.t.take().ok_or_else(missing)?, place, beside)?),
        AttributeType::Graph => {
            Attribute::Graph(Box::new(subgraph(proto.g.take().ok_or_else(missing)?, place, scope, beside)?))
        }
        AttributeType::Graphs => {
            let graphs = proto.graphs.into_iter().map(|g| subgraph(g, place, scope, beside));
            Attribute::Graphs(graphs.collect::<Result<_>>()?)
        }
        AttributeType::Tensors
        | AttributeType::SparseTensor
        | AttributeType::SparseTensors
        | AttributeType::TypeProto
        | AttributeType::TypeProtos => opaque(&proto),
    })
}

fn text(bytes: &Bytes) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

fn opaque(proto: &AttributeProto) -> Attribute {
    Attribute::Opaque(Opaque(proto.encode_to_vec().into()))
}

/// A graph inside a node; the names that it does not define are looked up in `scope`.
fn subgraph(proto: GraphProto, place: &str, scope: &mut Scope, beside: &mut Beside) -> Result<Subgraph> {
    let mut inner = Scope::inside(&proto);
    inner.fill(proto, beside).map_err(|e| Error::input(place, e))?;
    let (graph, free) = inner.finish();
    let captures = free.into_iter().map(|(name, inner)| Capture { outer: scope.id(&name), inner });
    Ok(Subgraph { captures: captures.collect(), graph })
}
