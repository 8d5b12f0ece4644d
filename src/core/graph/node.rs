//! A node: one operation with its inputs, outputs and attributes.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{DType, Opaque, Remarks, Subgraph, Tensor, ValueId};
use crate::operators::{self, Operator};

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f32),
    /// Text. ONNX stores bytes; those that are not valid UTF-8 are [`Attribute::Opaque`].
    String(String),
    /// A constant tensor.
    Tensor(Tensor),
    /// Whole numbers, such as a kernel's shape.
    Ints(Vec<i64>),
    /// Real numbers.
    Floats(Vec<f32>),
    /// Texts.
    Strings(Vec<String>),
    /// A branch or the body of a loop.
    Graph(Box<Subgraph>),
    /// Several bodies.
    Graphs(Vec<Subgraph>),
    /// A value of another kind (sparse tensors, types, several tensors), kept unchanged.
    Opaque(Opaque),
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

impl From<&str> for Attribute {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

/// The number of an element type, as `Cast` has it.
impl From<DType> for Attribute {
    fn from(value: DType) -> Self {
        Self::Int(value.number().into())
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

impl Attribute {
    /// Returns the branches or bodies that it holds.
    pub fn bodies(&self) -> &[Subgraph] {
        match self {
            Self::Graph(body) => std::slice::from_ref(body.as_ref()),
            Self::Graphs(bodies) => bodies,
            _ => &[],
        }
    }

    /// Returns the branches or bodies that it holds, mutably.
    pub fn bodies_mut(&mut self) -> &mut [Subgraph] {
        match self {
            Self::Graph(body) => std::slice::from_mut(body.as_mut()),
            Self::Graphs(bodies) => bodies,
            _ => &mut [],
        }
    }
}

/// One operation of a graph.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    /// Path of the module it comes from, a slash, and the operation; unique in gnet's exports. Files from other
    /// exporters may leave it empty.
    pub name: String,
    /// Operator, such as `Conv`.
    pub op_type: String,
    /// Operator set it belongs to; empty for ONNX's own.
    pub domain: String,
    /// Inputs, in ONNX's order; `None` is an omitted optional input.
    pub inputs: Vec<Option<ValueId>>,
    /// Outputs, in ONNX's order; `None` is an omitted optional output.
    pub outputs: Vec<Option<ValueId>>,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// Annotations in the file besides the operation; `None` if there are none.
    pub remarks: Option<Box<Remarks>>,
}

impl Node {
    /// Creates a node of ONNX's own operator set, without attributes.
    pub fn new(name: impl Into<String>, op_type: &str, inputs: Vec<ValueId>, outputs: Vec<ValueId>) -> Self {
        Self {
            name: name.into(),
            op_type: op_type.to_owned(),
            inputs: inputs.into_iter().map(Some).collect(),
            outputs: outputs.into_iter().map(Some).collect(),
            ..Self::default()
        }
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: &str, value: impl Into<Attribute>) -> &mut Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }

    /// Returns what is known of its operator, or `None` for one that is in no row of the table.
    pub fn operator(&self) -> Option<&'static Operator> {
        operators::find(&self.domain, &self.op_type)
    }

    /// Returns `true` if it is the operation `op_type` of ONNX's own operator set.
    pub fn is(&self, op_type: &str) -> bool {
        self.op_type == op_type && matches!(self.domain.as_str(), "" | "ai.onnx")
    }

    /// Returns the input at `index`, if there is one.
    pub fn input(&self, index: usize) -> Option<ValueId> {
        self.inputs.get(index).copied().flatten()
    }

    /// Returns the first output, if there is one.
    pub fn output(&self) -> Option<ValueId> {
        self.outputs.first().copied().flatten()
    }

    /// Returns the values it reads: its inputs without omitted ones, then the values its subgraphs capture from the
    /// outer graph.
    pub fn reads(&self) -> impl Iterator<Item = ValueId> {
        let captured = self.subgraphs().flat_map(|body| body.captures.iter().map(|capture| capture.outer));
        self.inputs.iter().copied().flatten().chain(captured)
    }

    /// Returns the branches or bodies among its attributes, in the order of the attributes' names.
    pub fn subgraphs(&self) -> impl Iterator<Item = &Subgraph> {
        self.attributes.values().flat_map(Attribute::bodies)
    }

    /// Returns the branches or bodies among its attributes, mutably.
    pub fn subgraphs_mut(&mut self) -> impl Iterator<Item = &mut Subgraph> {
        self.attributes.values_mut().flat_map(Attribute::bodies_mut)
    }

    /// Makes it read `to(id)` in place of `id`, in its subgraphs too.
    pub fn redirect_reads(&mut self, to: &dyn Fn(ValueId) -> ValueId) {
        self.inputs.iter_mut().flatten().for_each(|id| *id = to(*id));
        self.subgraphs_mut().for_each(|body| body.redirect_captures(to));
    }

    /// Returns the outputs without omitted ones.
    pub fn makes(&self) -> impl Iterator<Item = ValueId> {
        self.outputs.iter().copied().flatten()
    }

    /// Returns a whole-number attribute.
    pub fn int(&self, name: &str) -> Option<i64> {
        let Attribute::Int(value) = self.attributes.get(name)? else { return None };
        Some(*value)
    }

    /// Returns a real-number attribute.
    pub fn float(&self, name: &str) -> Option<f32> {
        let Attribute::Float(value) = self.attributes.get(name)? else { return None };
        Some(*value)
    }

    /// Returns a text attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        let Attribute::String(value) = self.attributes.get(name)? else { return None };
        Some(value)
    }

    /// Returns a tensor attribute.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        let Attribute::Tensor(value) = self.attributes.get(name)? else { return None };
        Some(value)
    }

    /// Returns the output of a `Constant` node, in any numeric form of the operator (`value`, `value_float`,
    /// `value_floats`, `value_int`, `value_ints`); `None` for another operation or another form.
    pub fn constant(&self) -> Option<Tensor> {
        if !self.is("Constant") {
            return None;
        }
        let (name, value) = self.attributes.first_key_value()?;
        match (name.as_str(), value) {
            ("value", Attribute::Tensor(tensor)) => Some(tensor.clone()),
            ("value_float", Attribute::Float(value)) => Tensor::from_f32(Vec::new(), &[*value]).ok(),
            ("value_floats", Attribute::Floats(values)) => Tensor::from_f32(vec![values.len()], values).ok(),
            ("value_int", Attribute::Int(value)) => {
                Tensor::new(DType::I64, Vec::new(), value.to_le_bytes().to_vec()).ok()
            }
            ("value_ints", Attribute::Ints(values)) => Some(Tensor::from_i64(values)),
            _ => None,
        }
    }

    /// Returns the part of the `rank` dimensions that a `Shape` returns: from `start` to `end` (since operator set 15).
    pub(crate) fn shape_range(&self, rank: usize) -> Range<usize> {
        let last = rank as i64;
        let place = |name: &str, default: i64| {
            let at = self.int(name).unwrap_or(default);
            (if at < 0 { at.saturating_add(last) } else { at }).clamp(0, last) as usize
        };
        let (start, end) = (place("start", 0), place("end", last));
        start..end.max(start)
    }

    /// Returns an attribute of real numbers.
    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        let Attribute::Floats(values) = self.attributes.get(name)? else { return None };
        Some(values)
    }

    /// Returns an attribute of whole numbers.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        let Attribute::Ints(values) = self.attributes.get(name)? else { return None };
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_what_its_attribute_says() {
        let constant = |name: &str, value: Attribute| {
            let mut node = Node::new("c", "Constant", vec![], vec![]);
            node.attributes.insert(name.to_owned(), value);
            node.constant()
        };
        let shape = |tensor: Option<Tensor>| tensor.map(|t| (t.dtype(), t.shape().to_vec()));
        assert_eq!(constant("value_ints", Attribute::Ints(vec![1, -2])), Some(Tensor::from_i64(&[1, -2])));
        assert_eq!(shape(constant("value_int", Attribute::Int(7))), Some((DType::I64, vec![])));
        assert_eq!(shape(constant("value_floats", Attribute::Floats(vec![0.5; 3]))), Some((DType::F32, vec![3])));
        assert_eq!(constant("value_float", Attribute::Float(0.5)).unwrap().scalar_f32(), Some(0.5));
        assert_eq!(constant("value", Attribute::Tensor(Tensor::from_i64(&[4]))), Some(Tensor::from_i64(&[4])));
        assert_eq!(constant("value_string", Attribute::String("a".into())), None);
        assert_eq!(Node::new("r", "Relu", vec![], vec![]).constant(), None);
    }
}
