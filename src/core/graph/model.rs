//! A model: a graph with the other information in an ONNX file.

use std::collections::BTreeMap;

use super::{Graph, Opaque, Value};

/// A graph with the other information in an ONNX file.
///
/// ```
/// # use gnet_core as gnet;
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).unwrap();
/// use gnet::graph::shape_text;
/// use gnet::onnx;
///
/// let model = onnx::read_file("dynamic.onnx".as_ref())?;
/// assert_eq!(model.opset, 18);
/// let names = |ids: &[_]| ids.iter().map(|id| model.graph.value(*id).name.clone()).collect::<Vec<_>>();
/// assert_eq!((names(&model.graph.inputs), names(&model.graph.outputs)), (vec!["x".into()], vec!["y".into(), "p".into()]));
/// let input = model.graph.value(model.graph.inputs[0]);
/// assert_eq!(input.shape.as_deref().map(shape_text).unwrap(), "N x 2 x 5 x 5");
/// let operations: Vec<_> = model.graph.nodes.iter().map(|node| node.op_type.as_str()).collect();
/// assert_eq!(operations, ["Conv", "Relu", "MaxPool", "Reshape", "Gemm", "Softmax"]);
/// # Ok::<(), gnet::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    /// The computation.
    pub graph: Graph,
    /// Version of the operator set of ONNX's own domain; 0 if the file uses none of its operations.
    pub opset: i64,
    /// Versions of other operator sets, by domain.
    pub other_opsets: BTreeMap<String, i64>,
    /// Version of the file format; `None` lets the writer choose the first that supports the opset.
    pub ir_version: Option<i64>,
    /// Name of the program that produced the model.
    pub producer_name: String,
    /// Version of that program.
    pub producer_version: String,
    /// Namespace of the model, in reverse domain name notation.
    pub domain: String,
    /// Version of the model itself.
    pub version: i64,
    /// Documentation of the model.
    pub doc: String,
    /// Key-value pairs: ONNX's `metadata_props`.
    pub metadata: BTreeMap<String, String>,
    /// Operations that the file defines in terms of other operations.
    pub functions: Vec<Function>,
    /// Training information: ONNX's `TrainingInfoProto`, one entry each.
    pub training: Vec<Opaque>,
    /// Devices that nodes may refer to: ONNX's `DeviceConfigurationProto`, one entry each.
    pub devices: Vec<Opaque>,
}

/// A function: an operation that a file defines in terms of other operations, kept unchanged.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Operator set it belongs to.
    pub domain: String,
    /// Name under which nodes call it.
    pub name: String,
    /// Identifier among several functions of this name.
    pub overload: String,
    /// Whether the definition contains numbers that may be weights: a constant of several elements, or a list of real
    /// numbers.
    pub holds_numbers: bool,
    /// The definition.
    pub definition: Opaque,
}

impl Model {
    /// Creates a model of `graph` in ONNX's operator set `opset`, produced by this version of gnet.
    pub fn new(graph: Graph, opset: i64) -> Self {
        Self {
            graph,
            opset,
            producer_name: "gnet".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Self::default()
        }
    }

    /// Describes what was not taken from the file as stated, one sentence per value: a size of -1, for example, means
    /// unknown.
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
