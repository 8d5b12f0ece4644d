//! Norms, and normalisations by the statistics of their input, expanded into sums: the error of their means and
//! variances is then measured like that of any sum.

use super::added::Added;
use gnet_core::graph::{Attribute, DType, Graph, Node, Tensor, ValueId};

/// Expands each `InstanceNormalization` and `LayerNormalization` of `f32` whose rank is known, and each `ReduceL1`,
/// `ReduceL2` and `ReduceSumSquare`, in bodies too. Existing values stay. `typed` is the same graph with its types.
pub(super) fn expand(graph: &mut Graph, typed: &Graph, opset: i64) {
    let nodes = std::mem::take(&mut graph.nodes);
    for (mut node, like) in nodes.into_iter().zip(&typed.nodes) {
        for (body, like) in node.subgraphs_mut().zip(like.subgraphs()) {
            expand(&mut body.graph, &like.graph, opset);
        }
        match norm(graph, typed, &node, opset).or_else(|| normalisation(graph, typed, &node, opset)) {
            Some(mut sums) => graph.nodes.append(&mut sums),
            None => graph.nodes.push(node),
        }
    }
}

fn norm(graph: &mut Graph, typed: &Graph, node: &Node, opset: i64) -> Option<Vec<Node>> {
    let x = node.input(0)?;
    let (each, factors, root) = match node.op_type.as_str() {
        "ReduceL1" => ("Abs", 1, false),
        "ReduceL2" => ("Mul", 2, true),
        "ReduceSumSquare" => ("Mul", 2, false),
        _ => return None,
    };
    if typed.value(x).dtype != Some(DType::F32) {
        return None;
    }
    let mut sums = written_out(graph, typed, node)?;
    let mut sum = Node { op_type: "ReduceSum".to_owned(), ..node.clone() };
    *sum.inputs.first_mut()? = Some(sums.node(each, &vec![x; factors]));
    // A sum takes its axes as an input since operator set 13, other reductions since 18.
    if (13..18).contains(&opset)
        && let Some(Attribute::Ints(axes)) = sum.attributes.remove("axes")
    {
        sum.inputs.push(Some(sums.constant(Tensor::from_i64(&axes))));
    }
    let sum = sums.like(&sum);
    if root {
        sums.node("Sqrt", &[sum]);
    }
    sums.ending_in(node.outputs.clone())
}

fn normalisation(graph: &mut Graph, typed: &Graph, node: &Node, opset: i64) -> Option<Vec<Node>> {
    let x = node.input(0)?;
    let value = typed.value(x);
    let rank = value.shape.as_ref()?.len() as i64;
    // Mean and variance may be outputs too, which few files use.
    if value.dtype != Some(DType::F32) || node.makes().count() != 1 {
        return None;
    }
    let (first, channels) = match node.op_type.as_str() {
        "InstanceNormalization" => (2, true),
        "LayerNormalization" => (node.int("axis").unwrap_or(-1), false),
        _ => return None,
    };
    let first = if first < 0 { first + rank } else { first };
    let axes: Vec<i64> = (first..rank).collect();
    if axes.is_empty() {
        return None;
    }
    let epsilon = Tensor::from_f32(vec![], &[node.float("epsilon").unwrap_or(1e-5)]).ok()?;
    let mut sums = written_out(graph, typed, node)?;
    let mean = mean(&mut sums, x, &axes, opset);
    let centred = sums.node("Sub", &[x, mean]);
    let squares = sums.node("Mul", &[centred, centred]);
    let variance = self::mean(&mut sums, squares, &axes, opset);
    let epsilon = sums.constant(epsilon);
    let variance = sums.node("Add", &[variance, epsilon]);
    let deviation = sums.node("Sqrt", &[variance]);
    let mut result = sums.node("Div", &[centred, deviation]);
    let beside: Vec<i64> = std::iter::once(-1).chain(axes.iter().map(|_| 1)).collect();
    for (place, op) in [(1, "Mul"), (2, "Add")] {
        let Some(mut parameter) = node.input(place) else { continue };
        if channels {
            let shape = sums.constant(Tensor::from_i64(&beside));
            parameter = sums.node("Reshape", &[parameter, shape]);
        }
        result = sums.node(op, &[result, parameter]);
    }
    sums.ending_in(node.outputs.clone())
}

fn written_out<'a>(graph: &'a mut Graph, typed: &Graph, node: &Node) -> Option<Added<'a>> {
    Some(Added::new(graph, format!("{}:written out", typed.value(node.output()?).name)))
}

/// Adds a mean. Axes became an input in operator set 18.
fn mean(sums: &mut Added, of: ValueId, axes: &[i64], opset: i64) -> ValueId {
    let mut mean = Node::new("", "ReduceMean", vec![of], vec![]);
    if opset >= 18 {
        mean.inputs.push(Some(sums.constant(Tensor::from_i64(axes))));
    } else {
        mean.set("axes", Attribute::Ints(axes.to_vec()));
    }
    sums.like(&mean)
}
