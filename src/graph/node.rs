//! A node: one operation, its wires and its attributes.

use std::collections::BTreeMap;

use super::{Tensor, ValueId};

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f32),
    /// Text; ONNX stores bytes, which must be UTF-8 here.
    String(String),
    /// A constant tensor.
    Tensor(Tensor),
    /// Whole numbers, such as a kernel's shape.
    Ints(Vec<i64>),
    /// Real numbers.
    Floats(Vec<f32>),
    /// Texts.
    Strings(Vec<String>),
}

impl From<i64> for Attribute {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Attribute {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<f32> for Attribute {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl<const D: usize> From<[usize; D]> for Attribute {
    fn from(values: [usize; D]) -> Self {
        values.to_vec().into()
    }
}

impl From<Vec<usize>> for Attribute {
    fn from(values: Vec<usize>) -> Self {
        Self::Ints(values.into_iter().map(|v| v as i64).collect())
    }
}

/// One operation of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The path of the module it comes from, a slash, and the operation; unique in what gnet exports. A file of others
    /// may leave it empty.
    pub name: String,
    /// Operation, such as `Conv`.
    pub op_type: String,
    /// Operator set it belongs to; empty for ONNX's own.
    pub domain: String,
    /// What it reads, in ONNX's order; `None` is an optional input left out.
    pub inputs: Vec<Option<ValueId>>,
    /// What it makes, in ONNX's order; `None` is an optional output left out.
    pub outputs: Vec<Option<ValueId>>,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
}

impl Node {
    /// A node of ONNX's own operator set, without attributes.
    pub fn new(name: impl Into<String>, op_type: &str, inputs: Vec<ValueId>, outputs: Vec<ValueId>) -> Self {
        Self {
            name: name.into(),
            op_type: op_type.to_owned(),
            domain: String::new(),
            inputs: inputs.into_iter().map(Some).collect(),
            outputs: outputs.into_iter().map(Some).collect(),
            attributes: BTreeMap::new(),
        }
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: &str, value: impl Into<Attribute>) -> &mut Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }

    /// Whether it is the operation `op_type` of ONNX's own operator set.
    pub fn is(&self, op_type: &str) -> bool {
        self.op_type == op_type && matches!(self.domain.as_str(), "" | "ai.onnx")
    }

    /// The input at `index`, when there is one.
    pub fn input(&self, index: usize) -> Option<ValueId> {
        self.inputs.get(index).copied().flatten()
    }

    /// The first output, when there is one.
    pub fn output(&self) -> Option<ValueId> {
        self.outputs.first().copied().flatten()
    }

    /// The inputs that are there.
    pub fn reads(&self) -> impl Iterator<Item = ValueId> {
        self.inputs.iter().copied().flatten()
    }

    /// The outputs that are there.
    pub fn makes(&self) -> impl Iterator<Item = ValueId> {
        self.outputs.iter().copied().flatten()
    }

    /// A whole-number attribute.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.attributes.get(name)? {
            Attribute::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A real-number attribute.
    pub fn float(&self, name: &str) -> Option<f32> {
        match self.attributes.get(name)? {
            Attribute::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// An attribute of whole numbers.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attributes.get(name)? {
            Attribute::Ints(values) => Some(values),
            _ => None,
        }
    }
}
