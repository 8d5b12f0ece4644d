//! Encoding a model as ONNX bytes, or as a file with external data.

mod external;
mod graph;

use prost::Message;

use super::proto::*;
use super::types::entry;
use crate::graph::{Model, Opaque};
use crate::words::counted;
use crate::{Error, Result};

pub(crate) use external::write_referring;
pub use external::{ExternalData, Written, WrittenData, write_bytes, write_file};

/// The operator sets that gnet's exporter writes, oldest first.
///
/// The operations it emits have the same meaning in all of them, and each is tested against ONNX's checker.
pub const OPSETS: std::ops::RangeInclusive<i64> = 17..=23;

/// Maximum size of one protobuf message: 2 GiB less one byte (the protobuf project's limits).
const MAX_BYTES: usize = i32::MAX as usize;

/// Returns the first version of the file format that supports an operator set: the ONNX project's table of versions.
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

/// Encodes a model with its constants inside. The same model gives the same bytes.
///
/// # Errors
/// Fails if the graph is invalid ([`Graph::check`](crate::graph::Graph::check)), or if the model exceeds the 2 GiB
/// limit of a protobuf message.
pub fn write(model: &Model) -> Result<Vec<u8>> {
    encode(message(model)?)
}

fn encode(proto: ModelProto) -> Result<Vec<u8>> {
    let bytes = proto.encoded_len();
    if bytes > MAX_BYTES {
        let reason = format!("takes {}, and an ONNX file can hold {MAX_BYTES}", counted(bytes, "byte"));
        return Err(Error::input("the model", reason).remedy("keep its constants in a file beside it"));
    }
    Ok(proto.encode_to_vec())
}

fn message(model: &Model) -> Result<ModelProto> {
    model.graph.check()?;
    let own = (model.opset != 0).then_some((String::new(), model.opset));
    let opsets = own.into_iter().chain(model.other_opsets.clone());
    let kept = |parts: &[Opaque]| parts.iter().map(|part| part.0.clone()).collect();
    Ok(ModelProto {
        ir_version: model.ir_version.unwrap_or_else(|| ir_version_for(model.opset)),
        producer_name: model.producer_name.clone(),
        producer_version: model.producer_version.clone(),
        domain: model.domain.clone(),
        model_version: model.version,
        doc_string: model.doc.clone(),
        graph: Some(graph::outermost(&model.graph)?),
        opset_import: opsets.map(|(domain, version)| OperatorSetIdProto { domain, version }).collect(),
        metadata_props: model.metadata.iter().map(|(key, value)| entry(key, value)).collect(),
        training_info: kept(&model.training),
        functions: model.functions.iter().map(|function| function.definition.0.clone()).collect(),
        configuration: kept(&model.devices),
    })
}
