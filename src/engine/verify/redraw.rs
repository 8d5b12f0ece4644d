//! Copies of a network with other weights, whose outputs depend on its inputs.
//!
//! A freshly initialised network may hardly depend on its input: the signal dies out on its way through fifty layers,
//! and only the last bias is left. Two sides then agree whatever happened in between. That they compute the same is
//! proved on copies of both: equal structure, equal settings, other weights.
//!
//! Weights are drawn with a variance of `GAIN^2` divided by the number of terms of a sum, so that a layer's output is
//! about as large as its input. That alone would neither carry a signal through an activation, which halves values near
//! 0, nor keep it above the biases. So the weights of each sum add up to 0, and biases are around 1: a component common
//! to all channels, like the mean of an activation, cancels in the next layer and does not grow, and activations work
//! where they are steep. After them a small signal grows slightly from layer to layer (`GAIN`), and a large one
//! shrinks, being clipped on one side.

use std::collections::{BTreeMap, HashMap};

use crate::runtime::Array;
use gnet_core::graph::{DType, Graph, Model, Node, Tensor, ValueId};
use gnet_core::operators::Part;

/// Gain of a layer without an activation.
const GAIN: f32 = 1.1;

/// Weights of a model before they were redrawn, by name: two files that are to be proved by copies must have had the
/// same ones.
pub(super) type Originals = BTreeMap<String, Tensor>;

/// Redraws the weights, biases and statistics of a model's layers; `None` if there are none in `f32`.
pub(super) fn redrawn(model: &Model) -> Option<(Model, Originals)> {
    let mut model = model.clone();
    let mut originals = BTreeMap::new();
    redraw(&mut model.graph, &mut originals);
    (!originals.is_empty()).then_some((model, originals))
}

fn redraw(graph: &mut Graph, originals: &mut Originals) {
    for (id, part) in parts(graph) {
        let name = graph.value(id).name.clone();
        let Some(old) = graph.initializer(id).filter(|tensor| tensor.dtype() == DType::F32 && !tensor.is_empty())
        else {
            continue;
        };
        if let Ok(new) = Tensor::from_f32(old.shape().to_vec(), &drawn(&name, part, old.shape())) {
            originals.insert(name, old.clone());
            graph.set_initializer(id, new);
        }
    }
    for node in &mut graph.nodes {
        node.subgraphs_mut().for_each(|body| redraw(&mut body.graph, originals));
    }
}

/// Finds the initializers that are parameters of layers, each with the part that it has in its first reader.
fn parts(graph: &Graph) -> Vec<(ValueId, Part)> {
    let producers = graph.producers();
    let makes = |id: Option<ValueId>, op: &str| {
        id.and_then(|id| producers.get(&id)).is_some_and(|index| graph.nodes[*index].is(op))
    };
    let mut found: HashMap<ValueId, Part> = HashMap::new();
    let mut order = Vec::new();
    for node in &graph.nodes {
        let added = makes(node.input(0), "MatMul") || makes(node.input(1), "MatMul");
        for (place, id) in node.inputs.iter().enumerate().filter_map(|(place, id)| Some((place, (*id)?))) {
            let Some(shape) = graph.initializer(id).map(Tensor::shape) else { continue };
            let Some(part) = part(node, place, shape.len(), added) else { continue };
            found.entry(id).or_insert_with(|| {
                order.push(id);
                part
            });
        }
    }
    order.into_iter().map(|id| (id, found[&id])).collect()
}

/// Returns the part of an operand of `rank`; `added` states that the node may add a bias to a product.
fn part(node: &Node, place: usize, rank: usize, added: bool) -> Option<Part> {
    if node.is("Add") {
        return (added && rank > 0).then_some(Part::Bias);
    }
    let (_, part) = node.operator()?.parts.iter().find(|(of, _)| *of == place)?;
    match *part {
        Part::Matrix(_) if rank < 2 => None,
        Part::Weight(axis) if node.int("transB") == Some(1) => Some(Part::Weight(1 - axis)),
        part => Some(part),
    }
}

/// Draws new numbers for a parameter, which depend on its name only.
pub fn drawn(name: &str, part: Part, shape: &[usize]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let seed = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3));
    let normal = Array::noise(vec![count], seed).data;
    let around = |middle: f32| normal.iter().map(|value| middle + 0.1 * value).collect();
    match part {
        Part::Weight(axis) => weights(normal, shape, axis),
        Part::Matrix(back) => weights(normal, shape, shape.len().saturating_sub(1 + back)),
        Part::Stacked(leading) if leading < shape.len() => {
            let sums: usize = shape[..leading].iter().product();
            weights(normal, &[sums, count / sums.max(1)], 0)
        }
        Part::Stacked(_) | Part::Mean => around(0.0),
        Part::Bias | Part::Scale => around(1.0),
        Part::Variance => Array::uniform(vec![count], seed).data.into_iter().map(|value| 0.5 + value).collect(),
    }
}

/// Minimum number of terms of a sum for its weights to add up to 0: with fewer, little would be left.
const FEW: usize = 4;

/// Turns normal numbers into the weights of sums, one for each index along `axis`.
fn weights(mut normal: Vec<f32>, shape: &[usize], axis: usize) -> Vec<f32> {
    let sums = shape.get(axis).copied().unwrap_or(1).max(1);
    let stride: usize = shape.iter().skip(axis + 1).product::<usize>().max(1);
    let terms = (normal.len() / sums).max(1);
    let sum_of = |place: usize| place / stride % sums;
    if terms >= FEW {
        let mut means = vec![0.0_f64; sums];
        normal.iter().enumerate().for_each(|(place, value)| means[sum_of(place)] += f64::from(*value));
        means.iter_mut().for_each(|mean| *mean /= terms as f64);
        normal.iter_mut().enumerate().for_each(|(place, value)| *value -= means[sum_of(place)] as f32);
    }
    let scale = GAIN / (terms as f32).sqrt();
    normal.into_iter().map(|value| scale * value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_of_a_sum_add_up_to_nothing_and_have_its_share_of_the_variance() {
        let shape = [8, 16, 3, 3];
        let weights = drawn("w", Part::Weight(0), &shape);
        for sum in weights.chunks(144) {
            assert!(sum.iter().sum::<f32>().abs() < 1e-4);
        }
        let power: f32 = weights.iter().map(|value| value * value).sum::<f32>() / 8.0;
        assert!((power - GAIN * GAIN).abs() < 0.15, "{power}");
        let columns = drawn("w", Part::Weight(1), &[144, 8]);
        for column in 0..8 {
            assert!((0..144).map(|row| columns[8 * row + column]).sum::<f32>().abs() < 1e-4);
        }
        assert_eq!(weights, drawn("w", Part::Weight(0), &shape));
        assert_ne!(weights, drawn("v", Part::Weight(0), &shape));
        assert!(drawn("v", Part::Variance, &[99]).iter().all(|value| (0.5..1.5).contains(value)));
        assert!(drawn("v", Part::Bias, &[99]).iter().all(|value| (0.6..1.4).contains(value)));
    }

    #[test]
    fn parameters_are_redrawn_and_other_constants_stay() {
        let mut graph = Graph::new("g");
        let x = graph.add_value("x", Some(DType::F32), None);
        let real = |shape: &[usize]| Tensor::from_f32(shape.to_vec(), &vec![0.0; shape.iter().product()]).unwrap();
        let w = graph.add_initializer("w", real(&[4, 4]));
        let b = graph.add_initializer("b", real(&[4]));
        let k = graph.add_initializer("k", real(&[4]));
        let [m, s, y] = ["m", "s", "y"].map(|name| graph.add_value(name, None, None));
        graph.nodes = vec![
            Node::new("matmul", "MatMul", vec![x, w], vec![m]),
            Node::new("add", "Add", vec![b, m], vec![s]),
            Node::new("mul", "Mul", vec![s, k], vec![y]),
        ];
        (graph.inputs, graph.outputs) = (vec![x], vec![y]);
        let model = Model::new(graph, 18);
        let (copy, originals) = redrawn(&model).unwrap();
        assert_eq!(originals.keys().collect::<Vec<_>>(), ["b", "w"]);
        assert_eq!(originals["w"], real(&[4, 4]));
        let of = |model: &Model, id| model.graph.initializer(id).cloned();
        assert!(of(&copy, w) != of(&model, w) && of(&copy, b) != of(&model, b));
        assert_eq!(of(&copy, k), of(&model, k));
        let mut bare = model;
        bare.graph.nodes.retain(|node| node.is("Mul"));
        assert!(redrawn(&bare).is_none());
    }
}
