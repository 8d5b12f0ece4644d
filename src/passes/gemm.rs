//! Restores `Gemm` from what Burn's `Linear` records: a product, a bias reshaped to one row, and their sum.
//!
//! `Gemm(x, W, b) = x * W + b` with `b` of shape `[n]` broadcast over the rows (ONNX operator `Gemm`, alpha = beta = 1).
//! Requires: `x` and `W` of rank 2, the product read only by the sum, the bias a vector. Ensures: the same result, one
//! node in place of the sum; the product and the reshape are left to the sweep.

use super::{Rewrites, View};
use crate::Result;
use crate::graph::{Graph, Node, ValueId};

/// A linear layer that was found.
struct Linear {
    /// Index of the sum.
    sum: usize,
    /// Index of the product.
    product: usize,
    /// `[x, W, b]`.
    inputs: [ValueId; 3],
}

pub(super) fn restore(graph: &mut Graph) -> Result<Rewrites> {
    let mut rewrites = Rewrites::default();
    let view = View::new(graph);
    let mut found: Vec<_> = (0..graph.nodes.len()).filter_map(|i| recognise(&view, i, &graph.nodes[i])).collect();
    found.retain(|linear| {
        let shared = graph.nodes[linear.product].output().is_some_and(|product| view.uses(product) != 1);
        if shared {
            rewrites.refuse(&graph.nodes[linear.sum], "its product is read by another node too");
        }
        !shared
    });
    for Linear { sum, product, inputs } in found {
        let name = name(graph, &graph.nodes[product].name);
        rename_output(graph, sum, &name);
        let node = &mut graph.nodes[sum];
        node.op_type = "Gemm".to_owned();
        node.inputs = inputs.map(Some).to_vec();
        node.name.clone_from(&name);
        rewrites.applied.push(name);
    }
    Ok(rewrites)
}

/// Reads a sum `x * W + reshape(b)`.
fn recognise(view: &View, index: usize, sum: &Node) -> Option<Linear> {
    if !sum.is("Add") {
        return None;
    }
    let (product, multiply) = view.made_by(sum.input(0), "MatMul")?;
    let (_, reshape) = view.made_by(sum.input(1), "Reshape")?;
    let inputs = [multiply.input(0)?, multiply.input(1)?, reshape.input(0)?];
    let ranks = inputs.map(|id| view.rank(Some(id)));
    // The row [1, n] that the bias was reshaped to broadcasts like the vector [n].
    let row = view.constant(reshape.input(1))?.to_i64()?;
    let row = matches!(row[..], [1, _]) || matches!(row[..], [_]);
    (ranks == [Some(2), Some(2), Some(1)] && row).then_some(Linear { sum: index, product, inputs })
}

/// The layer's own name is that of the product; the sum is named after the module around: of `fc/MatMul` and `Add`
/// comes `fc/Gemm`.
fn name(graph: &Graph, product: &str) -> String {
    let name = match product.rsplit_once("MatMul") {
        Some((before, after)) => format!("{before}Gemm{after}"),
        None => product.to_owned(),
    };
    let taken = graph.nodes.iter().any(|node| node.name == name);
    if taken { product.to_owned() } else { name }
}

/// A value has the name of its node; an output of the graph keeps the one it was promised.
fn rename_output(graph: &mut Graph, node: usize, name: &str) {
    if let Some(output) = graph.nodes[node].output()
        && !graph.outputs.contains(&output)
        && graph.find(name).is_none()
    {
        graph.value_mut(output).name = name.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Dim, Tensor};

    /// `x * W + reshape(b)`, the target of the reshape as given.
    fn linear(target: &[i64]) -> Graph {
        let mut g = Graph::new("g");
        let shape = |dims: [usize; 2]| Some(dims.map(Dim::Known).to_vec());
        let x = g.add_value("x", Some(DType::F32), shape([4, 2]));
        let [p, r, y] = ["p", "r", "y"].map(|n| g.add_value(n, Some(DType::F32), None));
        let w = g.add_initializer("w", Tensor::from_f32(vec![2, 3], &[1.0; 6]).unwrap());
        let b = g.add_initializer("b", Tensor::from_f32(vec![3], &[1.0; 3]).unwrap());
        let t = g.add_initializer("t", Tensor::from_i64(target));
        g.nodes = vec![
            Node::new("fc/MatMul", "MatMul", vec![x, w], vec![p]),
            Node::new("fc/Reshape", "Reshape", vec![b, t], vec![r]),
            Node::new("Add", "Add", vec![p, r], vec![y]),
        ];
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        g
    }

    #[test]
    fn a_linear_layer_becomes_gemm() {
        let mut g = linear(&[1, 3]);
        assert_eq!(restore(&mut g).unwrap().applied, ["fc/Gemm"]);
        let gemm = &g.nodes[2];
        let names: Vec<_> = gemm.reads().map(|id| g.value(id).name.as_str()).collect();
        assert_eq!((gemm.op_type.as_str(), names), ("Gemm", vec!["x", "w", "b"]));
    }

    #[test]
    fn the_layer_is_named_after_its_product_and_an_output_keeps_its_name() {
        let mut last = linear(&[1, 3]);
        restore(&mut last).unwrap();
        assert_eq!((last.nodes[2].name.as_str(), last.value(last.outputs[0]).name.as_str()), ("fc/Gemm", "y"));
        let mut inner = linear(&[1, 3]);
        let y = inner.outputs[0];
        let z = inner.add_value("z", None, None);
        inner.nodes.push(Node::new("Relu", "Relu", vec![y], vec![z]));
        inner.outputs = vec![z];
        restore(&mut inner).unwrap();
        assert_eq!(inner.value(y).name, "fc/Gemm");
    }

    #[test]
    fn a_bias_along_the_rows_is_no_gemm() {
        assert!(restore(&mut linear(&[3, 1])).unwrap().applied.is_empty());
    }

    #[test]
    fn a_product_that_is_read_elsewhere_stays() {
        let mut g = linear(&[1, 3]);
        let product = g.nodes[0].output().unwrap();
        g.outputs.push(product);
        let rewrites = restore(&mut g).unwrap();
        assert_eq!((rewrites.applied.len(), rewrites.refused.len()), (0, 1));
        assert_eq!(g.nodes[2].op_type, "Add");
    }
}
