//! Parameters and multiply-accumulates of a graph, layer by layer.
//!
//! The rules (the same as in the model cards and in the field's tables):
//! - a **weight** is an element of a convolution's kernel or of the matrix of a linear layer (`Conv`, `ConvTranspose`,
//!   `Gemm`, `MatMul`), nothing else;
//! - a **parameter** is a learned number: weights, biases, scale and shift of normalisations. Running statistics are not
//!   learned, integer constants (shapes) and scalars are not either. A parameter that two nodes share counts once, at the
//!   first;
//! - a **MAC** is one multiplication with its addition, in convolutions and matrix products only, without the bias, for
//!   **one item** of the batch. 1 MAC = 2 FLOPs. What tables of networks print as "FLOPS" is usually MACs.
//!
//! Pooling, normalisation, activations and element-wise arithmetic are not counted.

mod summary;
mod tree;

use std::collections::HashSet;

use serde::Serialize;

use crate::graph::{Dim, Graph, Node, Tensor, ValueId, elements};
use crate::{Error, Result};

pub use summary::{CONVENTION, Share, Summary};
pub use tree::group;

/// What one node costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Name of the node, or of the module when layers were grouped.
    pub name: String,
    /// Operation, or what a group holds.
    pub op: String,
    /// Shape of the first output; `None` when the graph does not say.
    pub output_shape: Option<Vec<Dim>>,
    /// Learned parameters that it reads first.
    pub params: u64,
    /// Those of them that are weights.
    pub weights: u64,
    /// Multiply-accumulates for one item of the batch.
    pub macs: u64,
}

/// What a graph costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Learned parameters.
    pub params: u64,
    /// Weights of convolutions and linear layers.
    pub weights: u64,
    /// Multiply-accumulates for one item of the batch.
    pub macs: u64,
    /// Floating-point operations by the same count: twice the MACs.
    pub flops: u64,
    /// The layers in execution order.
    pub layers: Vec<Layer>,
}

impl Cost {
    /// Sums layers up.
    pub fn of_layers(layers: Vec<Layer>) -> Self {
        let sum = |f: fn(&Layer) -> u64| layers.iter().map(f).sum::<u64>();
        let macs = sum(|l| l.macs);
        Self { params: sum(|l| l.params), weights: sum(|l| l.weights), macs, flops: 2 * macs, layers }
    }
}

/// Counts a graph.
///
/// # Errors
/// A node whose MACs depend on a shape that the graph does not state, or whose MACs do not fit in 64 bits.
pub fn count(graph: &Graph) -> Result<Cost> {
    let mut counter = Counter { graph, batch: batch(graph), counted: HashSet::new() };
    Ok(Cost::of_layers(graph.nodes.iter().map(|node| counter.layer(node)).collect::<Result<_>>()?))
}

/// The batch that the shapes are stated for: a fixed first dimension of the input, else 1 (symbols are taken as 1).
fn batch(graph: &Graph) -> u64 {
    let first = graph.inputs.first().and_then(|id| graph.value(*id).shape.as_ref()?.first()?.known());
    first.map_or(1, |batch| (batch as u64).max(1))
}

struct Counter<'a> {
    graph: &'a Graph,
    batch: u64,
    counted: HashSet<ValueId>,
}

impl Counter<'_> {
    fn layer(&mut self, node: &Node) -> Result<Layer> {
        let macs = macs(self.graph, node)?;
        let (mut params, mut weights) = (0, 0);
        for (position, id) in node.inputs.iter().enumerate() {
            let Some((id, tensor)) = id.and_then(|id| Some((id, self.graph.initializer(id)?))) else { continue };
            if is_learned(node, position, tensor) && self.counted.insert(id) {
                params += tensor.len() as u64;
                weights += if is_weight(node, position) { tensor.len() as u64 } else { 0 };
            }
        }
        Ok(Layer {
            name: self.graph.node_name(node).to_owned(),
            op: node.op_type.clone(),
            output_shape: node.output().and_then(|id| self.graph.value(id).shape.clone()),
            params,
            weights,
            macs: macs / self.batch,
        })
    }
}

fn is_learned(node: &Node, position: usize, tensor: &Tensor) -> bool {
    let statistic = node.is("BatchNormalization") && position >= 3;
    tensor.dtype().is_float() && !tensor.shape().is_empty() && !statistic
}

fn is_weight(node: &Node, position: usize) -> bool {
    let product = ["Conv", "ConvTranspose", "Gemm", "MatMul"].iter().any(|op| node.is(op));
    product && (position == 1 || (position == 0 && !node.is("Conv") && !node.is("ConvTranspose")))
}

/// MACs of a node for the whole batch.
///
/// A convolution makes each output element from one kernel window; a transposed one spends one kernel window on each
/// input element; a matrix product makes each output element from one row of length K.
fn macs(graph: &Graph, node: &Node) -> Result<u64> {
    let operand = |i: usize| shape(graph, node, node.input(i));
    let output = || shape(graph, node, node.output());
    let factors = if node.is("Conv") {
        [output()?, &operand(1)?[1..]]
    } else if node.is("ConvTranspose") {
        [operand(0)?, &operand(1)?[1..]]
    } else if node.is("Gemm") {
        let k = if node.int("transA").unwrap_or(0) == 0 { 1 } else { 0 };
        [output()?, &operand(0)?[k..=k]]
    } else if node.is("MatMul") {
        let lhs = operand(0)?;
        [output()?, &lhs[lhs.len().saturating_sub(1)..]]
    } else {
        return Ok(0);
    };
    let product = factors.iter().try_fold(1u64, |n, dims| n.checked_mul(elements(dims, 1)?));
    product.ok_or_else(|| {
        Error::input(place(graph, node), "its MACs cannot be counted: a dimension is unknown or too large")
    })
}

fn shape<'a>(graph: &'a Graph, node: &Node, id: Option<ValueId>) -> Result<&'a [Dim]> {
    let shape = id.and_then(|id| graph.value(id).shape.as_deref());
    match shape {
        Some(shape) if shape.len() >= 2 || !(node.is("Conv") || node.is("ConvTranspose") || node.is("Gemm")) => {
            Ok(shape)
        }
        Some(_) => Err(Error::input(place(graph, node), "an operand has fewer than two dimensions")),
        None => {
            let reason = "its MACs cannot be counted: the file states no shape for an operand";
            Err(Error::input(place(graph, node), reason).remedy("let ONNX's shape inference write the shapes first"))
        }
    }
}

fn place(graph: &Graph, node: &Node) -> String {
    format!("node {} ({})", graph.node_name(node), node.op_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::DType;

    fn dims(shape: &[usize]) -> Option<Vec<Dim>> {
        Some(shape.iter().map(|d| Dim::Known(*d)).collect())
    }

    /// One node with operand shapes, the second constant.
    fn one(op: &str, x: Option<Vec<Dim>>, w: &[usize], y: Option<Vec<Dim>>) -> Graph {
        let mut g = Graph::new("g");
        let x = g.add_value("x", Some(DType::F32), x);
        let w = g.add_initializer("w", Tensor::from_f32(w.to_vec(), &vec![0.5; w.iter().product()]).unwrap());
        let y = g.add_value("y", Some(DType::F32), y);
        g.nodes = vec![Node::new("n", op, vec![x, w], vec![y])];
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        g
    }

    #[test]
    fn products_count_their_macs_for_one_item() {
        let batch = |rest: &[usize]| Some([vec![Dim::symbol("N")], dims(rest).unwrap()].concat());
        for (op, x, w, y, macs) in [
            ("Conv", batch(&[4, 8, 8]), vec![6, 2, 3, 3], batch(&[6, 8, 8]), 6 * 64 * 18),
            ("ConvTranspose", batch(&[4, 8, 8]), vec![4, 6, 2, 2], batch(&[6, 16, 16]), 4 * 64 * 24),
            ("Gemm", batch(&[10]), vec![10, 3], batch(&[3]), 30),
            ("MatMul", batch(&[5, 10]), vec![10, 3], batch(&[5, 3]), 150),
            // A fixed batch of 4 costs four times as much in all and the same for one item.
            ("Gemm", dims(&[4, 10]), vec![10, 3], dims(&[4, 3]), 30),
        ] {
            let cost = count(&one(op, x, &w, y)).unwrap();
            let weights = w.iter().product::<usize>() as u64;
            assert_eq!((cost.macs, cost.flops, cost.weights), (macs, 2 * macs, weights), "{op}");
        }
    }

    #[test]
    fn a_shape_that_is_not_stated_is_an_error_and_not_a_zero() {
        let error = count(&one("Conv", None, &[6, 2, 3, 3], None)).unwrap_err().to_string();
        assert!(error.contains("node n (Conv)") && error.contains("states no shape"), "{error}");
        let open = Some(vec![Dim::symbol("N"), Dim::Known(6), Dim::Unknown, Dim::Unknown]);
        assert!(count(&one("Conv", None, &[6, 2, 3, 3], open)).unwrap_err().to_string().contains("unknown"));
        let error = count(&one("Conv", None, &[6, 2, 3, 3], dims(&[1]))).unwrap_err().to_string();
        assert!(error.contains("fewer than two dimensions"), "{error}");
    }

    #[test]
    fn a_node_without_a_name_goes_by_what_it_makes() {
        let mut graph = one("Conv", None, &[6, 2, 3, 3], None);
        graph.nodes[0].name.clear();
        assert!(count(&graph).unwrap_err().to_string().starts_with("node y (Conv): "));
        graph.nodes[0].op_type = "Relu".into();
        assert_eq!(count(&graph).unwrap().layers[0].name, "y");
    }

    #[test]
    fn statistics_scalars_and_shapes_are_no_parameters() {
        let mut g = one("MatMul", dims(&[1, 2]), &[2, 2], dims(&[1, 2]));
        let y = g.outputs[0];
        let vector = Tensor::from_f32(vec![2], &[1.0; 2]).unwrap();
        let vectors = ["gamma", "beta", "mean", "var"].map(|n| g.add_initializer(n, vector.clone()));
        let scalar = g.add_initializer("half", Tensor::from_f32(vec![], &[0.5]).unwrap());
        let target = g.add_initializer("target", Tensor::from_i64(&[1, 2]));
        let [a, b, c] = ["a", "b", "c"].map(|n| g.add_value(n, None, None));
        g.nodes.push(Node::new("bn", "BatchNormalization", [vec![y], vectors.to_vec()].concat(), vec![a]));
        g.nodes.push(Node::new("mul", "Mul", vec![a, scalar], vec![b]));
        g.nodes.push(Node::new("reshape", "Reshape", vec![b, target], vec![c]));
        // A second reading of the same weight is no second parameter.
        g.nodes.push(g.nodes[0].clone());
        let cost = count(&g).unwrap();
        let params: Vec<_> = cost.layers.iter().map(|l| l.params).collect();
        assert_eq!((params, cost.weights), (vec![4, 4, 0, 0, 0], 4));
    }
}
