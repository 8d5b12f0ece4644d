//! A graph and what an ONNX file says beside it.

use std::collections::BTreeMap;

use super::{Graph, Opaque, Value};

/// A graph and what an ONNX file says beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The computation.
    pub graph: Graph,
    /// Version of the operator set of ONNX's own domain; 0 when the file uses none of its operations.
    pub opset: i64,
    /// Versions of other operator sets, by domain.
    pub other_opsets: BTreeMap<String, i64>,
    /// Version of the file format; `None` lets the writer choose the first that knows the opset.
    pub ir_version: Option<i64>,
    /// Name of the program that made the model.
    pub producer_name: String,
    /// Version of that program.
    pub producer_version: String,
    /// Namespace of the model, in reverse domain name notation.
    pub domain: String,
    /// Version of the model itself.
    pub version: i64,
    /// Documentation of the model.
    pub doc: String,
    /// Free pairs: ONNX's `metadata_props`.
    pub metadata: BTreeMap<String, String>,
    /// Operations that the file defines by operations.
    pub functions: Vec<Function>,
    /// How the model is to be trained: ONNX's `TrainingInfoProto`, one after the other.
    pub training: Vec<Opaque>,
    /// Devices that nodes may refer to: ONNX's `DeviceConfigurationProto`, one after the other.
    pub devices: Vec<Opaque>,
}

/// An operation that a file defines by operations, kept as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Operator set it belongs to.
    pub domain: String,
    /// What a node calls it by.
    pub name: String,
    /// Which of several functions of this name it is.
    pub overload: String,
    /// Whether numbers that may be weights stand in the definition: a constant of several elements, or a list of real numbers.
    pub holds_numbers: bool,
    /// The definition.
    pub definition: Opaque,
}

impl Model {
    /// A model of `graph` in ONNX's operator set `opset`, made by this version of gnet.
    pub fn new(graph: Graph, opset: i64) -> Self {
        Self {
            graph,
            opset,
            other_opsets: BTreeMap::new(),
            ir_version: None,
            producer_name: "gnet".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            domain: String::new(),
            version: 0,
            doc: String::new(),
            metadata: BTreeMap::new(),
            functions: Vec::new(),
            training: Vec::new(),
            devices: Vec::new(),
        }
    }

    /// What of the file was not taken as it states it, a sentence a value: a size of -1, say, is one that is not known.
    pub fn notes(&self) -> Vec<String> {
        let graphs = self.graph.with_subgraphs();
        let values = graphs.iter().flat_map(|graph| graph.values()).map(|(_, value)| value);
        let note = |value: &Value| {
            let set_right = &value.remarks.as_ref()?.set_right;
            (!set_right.is_empty()).then(|| format!("value {} {set_right}", value.name))
        };
        values.filter_map(note).collect()
    }
}
