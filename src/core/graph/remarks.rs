//! Annotations in a file besides the computation: kept, written back, never interpreted.

use crate::words::counted;
use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

/// Documentation and other annotations of a graph, node, value or tensor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remarks {
    /// Name of a tensor that is the value of an attribute; an initializer has the name of its value.
    pub name: String,
    /// ONNX's `doc_string`.
    pub doc: String,
    /// ONNX's `metadata_props`, in their order.
    pub metadata: Vec<(String, String)>,
    /// Meaning of a value's type, such as `IMAGE`: ONNX's type denotation.
    pub denotation: String,
    /// Meaning of each dimension of a value, such as `DATA_BATCH`; empty if not stated.
    pub dim_denotations: Vec<String>,
    /// Description of what was not taken from a value's type as stated, and what replaces it; never written back.
    pub set_right: String,
    /// Overload of the function that a node calls.
    pub overload: String,
    /// Documentation of a node's attributes, by name.
    pub attribute_docs: BTreeMap<String, String>,
    /// Devices on which a node is to run: ONNX's `NodeDeviceConfigurationProto`, one entry each.
    pub devices: Vec<Opaque>,
}

/// A part of a file that gnet keeps and writes back without interpreting it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Opaque(pub(crate) Bytes);

impl Opaque {
    /// Returns its size in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `true` if it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", counted(self.len(), "opaque byte"))
    }
}
