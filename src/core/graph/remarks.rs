//! What a file says beside the computation: kept, written back, never interpreted.

use crate::words::counted;
use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

/// Documentation and the like of a graph, node, value or tensor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remarks {
    /// Name of a tensor that is the value of an attribute; an initializer has the name of its value.
    pub name: String,
    /// ONNX's `doc_string`.
    pub doc: String,
    /// ONNX's `metadata_props`, in their order.
    pub metadata: Vec<(String, String)>,
    /// What a value's type stands for, such as `IMAGE`: ONNX's type denotation.
    pub denotation: String,
    /// What each dimension of a value stands for, such as `DATA_BATCH`; empty when nothing says so.
    pub dim_denotations: Vec<String>,
    /// What of a value's type was not taken as the file states it, and as what instead; never written back.
    pub set_right: String,
    /// Which overload of a function a node calls.
    pub overload: String,
    /// Documentation of a node's attributes, by their names.
    pub attribute_docs: BTreeMap<String, String>,
    /// On which devices a node is to run: ONNX's `NodeDeviceConfigurationProto`, one after the other.
    pub devices: Vec<Opaque>,
}

/// A part of a file that gnet keeps and writes back without looking inside.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Opaque(pub(crate) Bytes);

impl Opaque {
    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", counted(self.len(), "opaque byte"))
    }
}
