//! Decoding ONNX bytes into a model. Everything the standard defines is kept, interpreted or not; what it does not
//! allow is refused by name.

mod attribute;
mod external;
mod kind;
mod scope;
mod tensor;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use prost::Message;

use super::proto::*;
use super::types::keep;
use crate::files::{self, Stamp};
use crate::graph::{Function, Model, Opaque};
use crate::{Error, Result};

use external::Beside;
pub(crate) use external::DataFile;
use scope::Scope;

/// An ONNX file that was read, and what it was read from.
pub(crate) struct Found {
    pub(crate) bytes: Bytes,
    pub(crate) stamp: Stamp,
    pub(crate) model: Model,
    /// The files beside it that hold its constants.
    pub(crate) data: Vec<DataFile>,
}

/// Reads an ONNX file, and the files beside it that hold its constants.
///
/// Large files are mapped into memory: the elements of a constant are only read on demand.
///
/// # Errors
/// Those of [`read`], with the file's name; also fails on external data that is missing, too short or outside the
/// model's folder.
pub fn read_file(path: &Path) -> Result<Model> {
    open(path).map(|found| found.model)
}

/// Maximum number of attempts to read a file that is replaced while it is being read. Each needs a writer of its own, so only
/// writers without a pause use them up.
const LOOKS: usize = 100;

/// Reads a file with `read`. A writer that replaces the model meanwhile removes the data of the previous one: in that
/// case the new one is read.
pub(crate) fn open(path: &Path) -> Result<Found> {
    let look = || {
        let (bytes, stamp) = mapped(path)?;
        let mut beside = Beside::model(path);
        let model = decode(bytes.clone(), &mut beside).map_err(|e| e.in_file(path))?;
        Ok(Found { bytes, stamp, model, data: beside.opened() })
    };
    for _ in 1..LOOKS {
        let before = Stamp::at(path);
        let found = look();
        if found.is_ok() || Stamp::at(path) == before {
            return found;
        }
    }
    look()
}

fn mapped(path: &Path) -> Result<(Bytes, Stamp)> {
    if path.is_dir() {
        return Err(Error::file(path, "is a folder where an ONNX file is expected")
            .remedy("write a checkpoint's file with `gnet export CHECKPOINT -o FILE.onnx`"));
    }
    files::mapped(path)
}

/// Decodes a model from the bytes of an ONNX file; raw tensor data is shared with them, not copied.
///
/// # Errors
/// Fails on bytes that are not an ONNX model, an invalid graph, or external data (which only [`read_file`] can find).
/// The error names the fault and its place.
pub fn read(bytes: Bytes) -> Result<Model> {
    decode(bytes, &mut Beside::default())
}

/// As [`read`], with the constants that the model keeps in files below `folder`.
pub(crate) fn read_beside(bytes: Bytes, folder: &Path) -> Result<Model> {
    decode(bytes, &mut Beside::folder(folder))
}

thread_local! {
    static DECODES: Cell<usize> = const { Cell::new(0) };
}

/// Returns the number of models that this thread has decoded, which tests compare with the number of files.
#[doc(hidden)]
pub fn decodes() -> usize {
    DECODES.get()
}

fn decode(bytes: Bytes, beside: &mut Beside) -> Result<Model> {
    DECODES.set(DECODES.get() + 1);
    let refused = |reason: String| match kind::of(&bytes) {
        Some(kind) => kind.error(Error::THE_FILE, "is no ONNX model: it is "),
        None => Error::input(Error::THE_FILE, reason),
    };
    let proto =
        ModelProto::decode(bytes.clone()).map_err(|e| refused(format!("is no ONNX model, or a damaged one: {e}")))?;
    let Some(graph_proto) = proto.graph else {
        return Err(refused("is no ONNX model: it holds no graph".to_owned()));
    };
    let (opset, other_opsets) = opsets(proto.opset_import)?;
    let training = proto.training_info.into_iter().map(|b| Ok(keep::<TrainingInfoProto>(b, "the training info")?.1));
    let model = Model {
        graph: Scope::outermost(graph_proto, beside)?,
        opset,
        other_opsets,
        ir_version: Some(proto.ir_version),
        producer_name: proto.producer_name,
        producer_version: proto.producer_version,
        domain: proto.domain,
        version: proto.model_version,
        doc: proto.doc_string,
        metadata: unique(proto.metadata_props)?,
        functions: proto.functions.into_iter().map(function).collect::<Result<_>>()?,
        training: training.collect::<Result<_>>()?,
        devices: proto.configuration.into_iter().map(Opaque).collect(),
    };
    model.graph.check()?;
    Ok(model)
}

/// Returns the version of ONNX's own operator set, 0 without one, and those of others.
fn opsets(imports: Vec<OperatorSetIdProto>) -> Result<(i64, BTreeMap<String, i64>)> {
    let (mut own, mut others) = (0, BTreeMap::new());
    for import in imports {
        let twice = match import.domain.as_str() {
            "" | "ai.onnx" => std::mem::replace(&mut own, import.version) != 0,
            _ => others.insert(import.domain.clone(), import.version).is_some(),
        };
        if twice {
            return Err(Error::input("the model", format!("imports the operator set {:?} twice", import.domain)));
        }
        if import.version <= 0 {
            let reason = format!("imports version {} of the operator set {:?}", import.version, import.domain);
            return Err(Error::input("the model", reason));
        }
    }
    match own == 0 && others.is_empty() {
        true => Err(Error::input("the model", "imports no version of any operator set")),
        false => Ok((own, others)),
    }
}

fn function(bytes: Bytes) -> Result<Function> {
    let (proto, definition) = keep::<FunctionProto>(bytes, "a function")?;
    let attributes = proto.node.iter().flat_map(|node| &node.attribute).chain(&proto.attribute_proto);
    let holds_numbers = attributes.into_iter().any(holds_numbers);
    Ok(Function { domain: proto.domain, name: proto.name, overload: proto.overload, holds_numbers, definition })
}

/// Returns `true` if an attribute holds more than one number, in whatever form; a graph may contain some.
fn holds_numbers(attribute: &AttributeProto) -> bool {
    let several = |tensor: &TensorProto| tensor.dims.iter().any(|size| *size != 1);
    let sparse = attribute.sparse_tensor.is_some() || !attribute.sparse_tensors.is_empty();
    let inside = attribute.g.iter().map(Box::as_ref).chain(&attribute.graphs);
    let deeper = |graph: &GraphProto| {
        !graph.initializer.is_empty() || graph.node.iter().flat_map(|node| &node.attribute).any(holds_numbers)
    };
    let dense = attribute.t.iter().map(Box::as_ref).chain(&attribute.tensors).any(several);
    dense || sparse || attribute.floats.len() > 1 || inside.into_iter().any(deeper)
}

fn unique(entries: Vec<StringStringEntryProto>) -> Result<BTreeMap<String, String>> {
    let mut metadata = BTreeMap::new();
    for entry in entries {
        if metadata.contains_key(&entry.key) {
            return Err(Error::input("the model", format!("has the metadata {:?} twice", entry.key)));
        }
        metadata.insert(entry.key, entry.value);
    }
    Ok(metadata)
}

fn pairs(entries: Vec<StringStringEntryProto>) -> Vec<(String, String)> {
    entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
}
