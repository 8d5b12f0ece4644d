//! Restores `Gemm` from a product and the addition of a bias.
//!
//! `Gemm(x, W, b) = x * W + b` with `b` broadcast over the rows (ONNX operator `Gemm`, alpha = beta = 1). The bias is a
//! vector reshaped to one row, as Burn's `Linear` records it, or a constant vector or row itself, as other exporters
//! write it.
//!
//! Assumes, and checks: `x` and `W` are of rank 2 and of an element type that `Gemm` supports; only the addition reads
//! the product; the addition broadcasts in one direction only, from the bias to the product, as `Gemm` does: the bias
//! is one row that is as long as the product's rows, as a number or the same symbol, or a single number.
//! (`[N, 1] + [1, N]` is `[N, N]` in an addition and invalid in a `Gemm`.) Operator set 7 or later; before it `Gemm`
//! had other broadcasting rules. Ensures: the same result up to rounding, which happens once instead of twice; one node
//! replaces the addition; the product and the reshape are left to the sweep.

use std::collections::HashSet;

use super::edit::Names;
use super::{Rewrites, View};
use crate::graph::{DType, Dim, Graph, Model, Node, ValueId};

struct Linear {
    sum: usize,
    product: usize,
    /// The inputs `[x, W, b]`.
    inputs: [ValueId; 3],
}

pub(super) fn restore(model: &mut Model) -> Rewrites {
    if model.opset < 7 {
        return Rewrites::default();
    }
    let mut names = Names::new(&model.graph);
    super::inside_out(model, |graph, _| restore_in(graph, &mut names))
}

fn restore_in(graph: &mut Graph, names: &mut Names) -> Rewrites {
    let mut rewrites = Rewrites::default();
    let view = View::new(graph);
    let mut found: Vec<_> = (0..graph.nodes.len()).filter_map(|i| recognise(&view, i, &graph.nodes[i])).collect();
    found.retain(|linear| {
        let shared = graph.nodes[linear.product].output().is_some_and(|product| view.uses(product) != 1);
        if shared {
            rewrites.refuse(graph, &graph.nodes[linear.sum], "its product is read by another node too");
        }
        !shared
    });
    let outputs: HashSet<ValueId> = graph.outputs.iter().copied().collect();
    let mut nodes: HashSet<String> = graph.nodes.iter().map(|node| node.name.clone()).collect();
    for Linear { sum, product, inputs } in found {
        let name = match graph.nodes[product].name.as_str() {
            // There is nothing to take the layer's name from.
            "" => graph.nodes[sum].name.clone(),
            product => name(&nodes, product),
        };
        // A value has the name of its node; an output of the graph keeps its name.
        if let Some(output) = graph.nodes[sum].output()
            && !outputs.contains(&output)
            && !name.is_empty()
            && names.take(&name)
        {
            graph.value_mut(output).name.clone_from(&name);
        }
        let node = &mut graph.nodes[sum];
        node.op_type = "Gemm".to_owned();
        node.inputs = inputs.map(Some).to_vec();
        node.name.clone_from(&name);
        nodes.insert(name);
        rewrites.applied.push(graph.node_name(&graph.nodes[sum]).to_owned());
    }
    rewrites
}

/// Recognises a sum `x * W + b`, in either order.
fn recognise(view: &View, index: usize, sum: &Node) -> Option<Linear> {
    if !sum.is("Add") || !sum.makes().any(|id| view.uses(id) > 0) {
        return None;
    }
    [(0, 1), (1, 0)].into_iter().find_map(|(first, second)| {
        let (product, multiply) = view.made_by(sum.input(first), "MatMul")?;
        let [x, w] = [multiply.input(0)?, multiply.input(1)?];
        let matrices = [x, w].iter().all(|id| view.graph.rank(*id) == Some(2) && is_multiplied(view, *id));
        let columns = view.shape(Some(w)).filter(|_| matrices)?.get(1)?;
        let bias = row(view, sum.input(second)?)?;
        let length = view.shape(Some(bias))?.last().unwrap_or(&Dim::Known(1));
        let fits = *length == Dim::Known(1) || length == columns && *length != Dim::Unknown;
        fits.then_some(Linear { sum: index, product, inputs: [x, w, bias] })
    })
}

/// Returns `true` if a value has a floating-point type that both operations support.
fn is_multiplied(view: &View, id: ValueId) -> bool {
    matches!(view.graph.value(id).dtype, Some(DType::F16 | DType::BF16 | DType::F32 | DType::F64))
}

/// Returns the value that is one row of a sum, whatever its length: a constant of that shape, or a vector that was
/// reshaped to `[1, n]` or not at all, which broadcasts by itself.
fn row(view: &View, bias: ValueId) -> Option<ValueId> {
    if let Some((_, reshape)) = view.made_by(Some(bias), "Reshape") {
        let target = view.constant(reshape.input(1))?.to_i64()?;
        let row = matches!(target[..], [1, _]) || matches!(target[..], [_]);
        return reshape.input(0).filter(|vector| view.graph.rank(*vector) == Some(1) && row);
    }
    matches!(view.constant(Some(bias))?.shape(), [] | [_] | [1, _]).then_some(bias)
}

/// Returns the name of the layer: that of the product, while the addition is named after the enclosing module:
/// `fc/MatMul` and `Add` give `fc/Gemm`.
fn name(nodes: &HashSet<String>, product: &str) -> String {
    let name = match product.rsplit_once("MatMul") {
        Some((before, after)) => format!("{before}Gemm{after}"),
        None => product.to_owned(),
    };
    if nodes.contains(&name) { product.to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Tensor;

    /// Builds `x * W + reshape(b)`, with the given target of the reshape.
    fn linear(target: &[i64]) -> Model {
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
        Model::new(g, 18)
    }

    #[test]
    fn a_linear_layer_becomes_gemm() {
        let mut model = linear(&[1, 3]);
        assert_eq!(restore(&mut model).applied, ["fc/Gemm"]);
        let g = &model.graph;
        let names: Vec<_> = g.nodes[2].reads().map(|id| g.value(id).name.as_str()).collect();
        assert_eq!((g.nodes[2].op_type.as_str(), names), ("Gemm", vec!["x", "w", "b"]));
    }

    #[test]
    fn a_constant_row_is_a_bias_on_either_side() {
        for (shape, fits) in [
            (vec![3], true),
            (vec![1, 3], true),
            (vec![1], true),
            (vec![], true),
            (vec![3, 1], false),
            (vec![2], false),
        ] {
            for swap in [false, true] {
                let mut model = linear(&[1, 3]);
                let g = &mut model.graph;
                let values = vec![1.0; shape.iter().product()];
                let c = g.add_initializer("c", Tensor::from_f32(shape.clone(), &values).unwrap());
                let product = g.nodes[0].outputs[0];
                g.nodes[2].inputs = if swap { vec![Some(c), product] } else { vec![product, Some(c)] };
                assert_eq!(restore(&mut model).applied.len(), usize::from(fits), "{shape:?}");
            }
        }
    }

    #[test]
    fn the_layer_is_named_after_its_product_and_an_output_keeps_its_name() {
        let mut last = linear(&[1, 3]);
        restore(&mut last);
        let g = &last.graph;
        assert_eq!((g.nodes[2].name.as_str(), g.value(g.outputs[0]).name.as_str()), ("fc/Gemm", "y"));
        let mut inner = linear(&[1, 3]);
        let g = &mut inner.graph;
        let y = g.outputs[0];
        let z = g.add_value("z", None, None);
        g.nodes.push(Node::new("Relu", "Relu", vec![y], vec![z]));
        g.outputs = vec![z];
        restore(&mut inner);
        assert_eq!(inner.graph.value(y).name, "fc/Gemm");
    }

    #[test]
    fn nodes_without_names_leave_the_names_of_values_alone() {
        let mut model = linear(&[1, 3]);
        let g = &mut model.graph;
        g.nodes.iter_mut().for_each(|node| node.name.clear());
        let z = g.add_value("z", None, None);
        let sum = Node::new("", "Relu", vec![g.outputs[0]], vec![z]);
        g.nodes.push(sum);
        g.outputs = vec![z];
        assert_eq!(restore(&mut model).applied, ["y"]);
        model.graph.check().unwrap();
    }

    #[test]
    fn a_bias_along_the_rows_is_no_gemm_and_an_old_gemm_broadcasts_otherwise() {
        assert!(restore(&mut linear(&[3, 1])).applied.is_empty());
        let mut old = linear(&[1, 3]);
        old.opset = 6;
        assert!(restore(&mut old).applied.is_empty());
    }

    #[test]
    fn a_product_that_is_read_elsewhere_stays() {
        let mut model = linear(&[1, 3]);
        let product = model.graph.nodes[0].output().unwrap();
        model.graph.outputs.push(product);
        let rewrites = restore(&mut model);
        assert_eq!((rewrites.applied.len(), rewrites.refused.len()), (0, 1));
        assert_eq!(model.graph.nodes[2].op_type, "Add");
    }
    /// Builds `x [N, K] * w [K, columns] + bias`, where the bias is an input of a length, reshaped to one row.
    fn open(columns: Dim, length: Dim) -> bool {
        let mut model = linear(&[1, -1]);
        let g = &mut model.graph;
        let x = g.inputs[0];
        g.value_mut(x).shape = Some(vec![Dim::symbol("N"), Dim::symbol("K")]);
        let w = g.add_value("v", Some(DType::F32), Some(vec![Dim::symbol("K"), columns]));
        let b = g.add_value("c", Some(DType::F32), Some(vec![length]));
        g.nodes[0].inputs[1] = Some(w);
        g.nodes[1].inputs[0] = Some(b);
        g.inputs.extend([w, b]);
        !restore(&mut model).applied.is_empty()
    }

    #[test]
    fn the_bias_is_proved_to_broadcast_one_way() {
        let (n, m) = (|| Dim::symbol("N"), || Dim::symbol("M"));
        assert!(!open(Dim::Known(1), n()), "[N, 1] + [1, N] is [N, N]");
        assert!(!open(Dim::Known(1), Dim::Known(3)) && !open(m(), n()) && !open(m(), Dim::Known(3)));
        assert!(!open(Dim::Unknown, Dim::Unknown) && !open(Dim::Known(3), Dim::Unknown));
        assert!(open(m(), m()) && open(Dim::Known(3), Dim::Known(3)));
        assert!(open(m(), Dim::Known(1)) && open(Dim::Unknown, Dim::Known(1)), "one number fits any row");
    }
}
