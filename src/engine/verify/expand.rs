//! Norms, and normalisations by the statistics of their input, expanded into sums: the error of their means and
//! variances is then measured like that of any sum.

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
    let (each, root) = match node.op_type.as_str() {
        "ReduceL1" => ("Abs", false),
        "ReduceL2" => ("Mul", true),
        "ReduceSumSquare" => ("Mul", false),
        _ => return None,
    };
    if typed.value(x).dtype != Some(DType::F32) {
        return None;
    }
    let mut sums = Sums { graph, name: format!("{}:written out", typed.value(node.output()?).name), nodes: Vec::new() };
    let terms = sums.node(each, &vec![x; if each == "Mul" { 2 } else { 1 }]);
    let mut inputs = vec![Some(terms)];
    inputs.extend(node.inputs.iter().skip(1).copied());
    let mut attributes = node.attributes.clone();
    // A sum takes its axes as an input since operator set 13, other reductions since 18.
    if (13..18).contains(&opset)
        && let Some(Attribute::Ints(axes)) = attributes.remove("axes")
    {
        inputs.push(Some(sums.constant(Tensor::from_i64(&axes))));
    }
    let sum = sums.node("ReduceSum", &[]);
    let reduce = sums.nodes.last_mut()?;
    (reduce.inputs, reduce.attributes) = (inputs, attributes);
    if root {
        sums.node("Sqrt", &[sum]);
    }
    sums.nodes.last_mut()?.outputs = node.outputs.clone();
    Some(sums.nodes)
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
    let mut sums = Sums { graph, name: format!("{}:written out", typed.value(node.output()?).name), nodes: Vec::new() };
    let mean = sums.mean(x, &axes, opset);
    let centred = sums.node("Sub", &[x, mean]);
    let squares = sums.node("Mul", &[centred, centred]);
    let variance = sums.mean(squares, &axes, opset);
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
    sums.nodes.last_mut()?.outputs = node.outputs.clone();
    Some(sums.nodes)
}

struct Sums<'a> {
    graph: &'a mut Graph,
    /// Prefix of their names.
    name: String,
    nodes: Vec<Node>,
}

impl Sums<'_> {
    fn node(&mut self, op: &str, inputs: &[ValueId]) -> ValueId {
        let name = format!("{}:{}", self.name, self.nodes.len());
        let to = self.graph.add_value(&name, Some(DType::F32), None);
        self.nodes.push(Node::new(name, op, inputs.to_vec(), vec![to]));
        to
    }

    fn constant(&mut self, tensor: Tensor) -> ValueId {
        let name = format!("{}:constant{}", self.name, self.nodes.len());
        self.graph.add_initializer(name, tensor)
    }

    /// Adds a mean. Axes became an input in operator set 18.
    fn mean(&mut self, of: ValueId, axes: &[i64], opset: i64) -> ValueId {
        let mut inputs = vec![of];
        if opset >= 18 {
            inputs.push(self.constant(Tensor::from_i64(axes)));
        }
        let mean = self.node("ReduceMean", &inputs);
        if let Some(node) = self.nodes.last_mut().filter(|_| opset < 18) {
            node.set("axes", Attribute::Ints(axes.to_vec()));
        }
        mean
    }
}
