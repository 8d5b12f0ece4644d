//! Reference implementation of ONNX's operations: slow on purpose, and meant to be obviously right.
//!
//! It serves constant folding (shape arithmetic and small constants) and the tests that prove that a pass changes no
//! result. It is not meant as a runtime: nothing is fused, cached, vectorised or done in parallel. Every real number is
//! computed in 64-bit floats and rounded once to the element type of the result; every whole number in 128 bits,
//! wrapping when stored. There is one file per family of operations; the formulas are those of ONNX's operator
//! documentation, at the version that the model's operator set selects.
//!
//! An operation, or a form of one, that is not implemented is an error, never a guess.

mod binary;
mod call;
mod control;
mod convolution;
mod gather;
mod index;
mod linear;
mod make;
mod movement;
mod normalization;
mod numbers;
mod pool;
mod quantize;
mod reduce;
mod small_float;
mod unary;
mod window;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Sub};

use call::Call;
pub(crate) use numbers::elements;
pub(crate) use numbers::{dtype_of as element_type, of_floats as tensor_of};

use crate::graph::{DType, Graph, Model, Node, Tensor, ValueId};
use crate::operators::{self, Column, operators};
use crate::words::counted;
use crate::{Error, Result};

/// Limits on the work of one node, so that a small file with huge numbers in it cannot exhaust the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum number of elements of one result.
    pub elements: usize,
    /// Maximum number of terms summed or compared for one result, over all its elements.
    pub terms: u64,
}

impl Default for Limits {
    /// Returns 64 million elements and 16 billion terms: minutes, not hours.
    fn default() -> Self {
        Self { elements: 1 << 26, terms: 1 << 34 }
    }
}

/// Computes the outputs of a model from its inputs, in the order of the graph; branches and loops are run.
///
/// # Errors
/// Fails on too few or too many inputs, inputs of another type, an unknown operation, inputs that an operation does not
/// allow, or a result beyond [`Limits::default`]. The error names the node.
///
/// ```
/// # use gnet_core as gnet;
/// use gnet::graph::{Graph, Model, Node, Tensor};
///
/// let mut graph = Graph::new("g");
/// let [x, y] = ["x", "y"].map(|name| graph.add_value(name, None, None));
/// graph.nodes.push(Node::new("relu", "Relu", vec![x], vec![y]));
/// (graph.inputs, graph.outputs) = (vec![x], vec![y]);
/// let x = Tensor::from_f32(vec![2], &[-1.0, 2.0])?;
/// assert_eq!(gnet::reference::run(&Model::new(graph, 18), &[x])?[0].to_f32(), Some(vec![0.0, 2.0]));
/// # Ok::<(), gnet::Error>(())
/// ```
pub fn run(model: &Model, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let graph = &model.graph;
    if graph.inputs.len() != inputs.len() {
        let reason = format!("has {}, not the {} that came", counted(graph.inputs.len(), "input"), inputs.len());
        return Err(Error::input("the graph", reason));
    }
    let mut values = Values::new();
    for (id, tensor) in graph.inputs.iter().zip(inputs) {
        let value = graph.value(*id);
        if value.dtype.is_some_and(|dtype| dtype != tensor.dtype()) {
            return Err(Error::input(format!("input {}", value.name), format!("is given as {}", tensor.dtype())));
        }
        values.insert(*id, tensor.clone());
    }
    self::graph(graph, model.opset, values)
}

type Values = HashMap<ValueId, Tensor>;

fn graph(graph: &Graph, opset: i64, mut values: Values) -> Result<Vec<Tensor>> {
    for (id, tensor) in graph.initializers() {
        values.entry(id).or_insert_with(|| tensor.clone());
    }
    for node in &graph.nodes {
        let made = evaluate(graph, node, opset, &values)?;
        values.extend(node.outputs.iter().zip(made).filter_map(|(id, tensor)| Some(((*id)?, tensor))));
    }
    let output = |id: &ValueId| {
        let missing = || Error::input(format!("output {}", graph.value(*id).name), "nothing makes it");
        values.get(id).cloned().ok_or_else(missing)
    };
    graph.outputs.iter().map(output).collect()
}

fn evaluate(graph: &Graph, of: &Node, opset: i64, values: &Values) -> Result<Vec<Tensor>> {
    if let Some(id) = of.reads().find(|id| !values.contains_key(id)) {
        return Err(Error::input(format!("value {}", graph.value(id).name), "nothing makes it"));
    }
    let inputs: Vec<_> = of.inputs.iter().map(|id| id.and_then(|id| values.get(&id))).collect();
    let made = match control::evaluate(&control::Around { node: of, opset, values }) {
        Some(made) => made.and_then(|made| complete(of, made)),
        None => node(of, opset, &inputs, Limits::default()),
    };
    made.map_err(|e| Error::input(format!("node {} ({})", graph.node_name(of), of.op_type), e))
}

/// Computes the outputs of one node: as many tensors as the node has outputs, including omitted ones.
///
/// `inputs` has an entry for each of the node's inputs, `None` if an optional one is omitted.
///
/// # Errors
/// Fails on an unknown operation or form of it, inputs that it does not allow, or a result beyond `limits`.
pub fn node(node: &Node, opset: i64, inputs: &[Option<&Tensor>], limits: Limits) -> Result<Vec<Tensor>> {
    let unknown = || Error::input(&node.op_type, "the reference evaluator does not know this operation");
    let operation = node.operator().and_then(|operator| OPERATIONS.of(operator)).ok_or_else(unknown)?;
    // A tensor without elements can still claim an axis of any length.
    if inputs.iter().flatten().any(|t| t.shape().iter().any(|size| *size > limits.elements)) {
        return Err(Error::input(&node.op_type, "an input is past the limits"));
    }
    complete(node, operation(&Call { node, opset, inputs, limits })?)
}

fn complete(node: &Node, made: Vec<Tensor>) -> Result<Vec<Tensor>> {
    match node.outputs.len() > made.len() {
        true => Err(Error::input(&node.op_type, format!("its output {} is not computed", made.len()))),
        false => Ok(made),
    }
}

/// Returns `true` if an operation of ONNX's own domain is implemented, at least in some form.
pub fn knows(op_type: &str) -> bool {
    operators::find("", op_type).and_then(|operator| OPERATIONS.of(operator)).is_some()
}

/// Returns the elements of a tensor of whole numbers that fit 64 bits; `None` for any other.
pub(crate) fn whole_numbers(tensor: &Tensor) -> Option<Vec<i64>> {
    numbers::Array::of(tensor).ok()?.to_i64().ok()
}

/// Returns the elements of a tensor of 32- or 64-bit floats; `None` for any other.
pub(crate) fn real_numbers(tensor: &Tensor) -> Option<Vec<f64>> {
    let wide = matches!(tensor.dtype(), DType::F32 | DType::F64);
    wide.then(|| numbers::Array::of(tensor).ok()?.floats().ok().map(<[f64]>::to_vec))?
}

/// Returns the value of a half float of IEEE 754, which `f32` holds exactly.
#[doc(hidden)]
pub fn half_to_f32(bits: u16) -> f32 {
    small_float::F16.decode(bits) as f32
}

type Operation = fn(&Call) -> Result<Vec<Tensor>>;

static OPERATIONS: Column<Operation> = Column(operators!(result));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::{Domain, all};

    /// An operator that gains a rule leaves this list, and a row without one has to be put on it.
    #[test]
    fn what_has_no_rule_is_known() {
        let own = all().filter(|operator| operator.domain == Domain::Onnx && operator.control.is_none());
        let unknown = own.filter(|operator| OPERATIONS.of(operator).is_none());
        let names: Vec<_> = unknown.map(|operator| operator.name).collect();
        let expected = "\
            AffineGrid Attention Bernoulli BitCast BlackmanWindow CausalConvWithState CenterCropPad Col2Im \
            ConcatFromSequence CumProd DFT DeformConv Det Einsum GRU GridSample HammingWindow HannWindow \
            ImageDecoder LSTM LinearAttention MaxRoiPool MaxUnpool MelWeightMatrix Multinomial \
            NegativeLogLikelihoodLoss NonMaxSuppression Optional OptionalGetElement OptionalHasElement QLinearConv \
            QLinearMatMul RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike RegexFullMatch Resize \
            RoiAlign RotaryEmbedding STFT SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert \
            SequenceLength SimplifiedLayerNormalization SoftmaxCrossEntropyLoss SplitToSequence StringConcat \
            StringNormalizer StringSplit SwiGLU TensorScatter TfIdfVectorizer Unique Upsample";
        assert_eq!(names.join(" "), expected);
    }
}
