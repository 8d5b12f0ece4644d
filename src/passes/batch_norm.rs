//! Folds BatchNorm, in its inference form, into the convolution before it.
//!
//! `BatchNorm(z) = gamma * (z - mean) / sqrt(var + eps) + beta` per channel (Ioffe & Szegedy 2015, algorithm 2). With
//! `z = W x + b` and `s = gamma / sqrt(var + eps)` this is a convolution with the weight `s W`, scaled per output channel,
//! and the bias `s (b - mean) + beta`. The arithmetic is done in 64-bit floats and rounded once.
//!
//! Requires: the convolution's result is read by the BatchNorm alone, its weight and bias are constants that nothing else
//! reads, everything is f32. Ensures: the same result up to rounding; learned parameters fall from `W, gamma, beta` to
//! `W, b`; the running statistics are gone.

use super::{Rewrites, View};
use crate::graph::{Graph, Node, Tensor, ValueId};
use crate::{Error, Result};

/// One fold that can be made.
struct Fold {
    conv: usize,
    batch_norm: usize,
    weight: ValueId,
    bias: Option<ValueId>,
    new_weight: Tensor,
    new_bias: Tensor,
}

pub(super) fn fold(graph: &mut Graph) -> Result<Rewrites> {
    let mut rewrites = Rewrites::default();
    let mut folds = Vec::new();
    let view = View::new(graph);
    for (index, node) in graph.nodes.iter().enumerate() {
        if !node.is("BatchNormalization") || !node.outputs.iter().skip(1).all(Option::is_none) {
            continue;
        }
        let Some((conv, before)) = view.made_by(node.input(0), "Conv") else {
            rewrites.refuse(node, "no Conv comes before it");
            continue;
        };
        match plan(&view, before, node) {
            Ok((weight, bias, new_weight, new_bias)) => {
                folds.push(Fold { conv, batch_norm: index, weight, bias, new_weight, new_bias });
            }
            Err(reason) => rewrites.refuse(node, reason.to_string()),
        }
    }
    for fold in folds {
        rewrites.applied.push(graph.nodes[fold.batch_norm].name.clone());
        apply(graph, fold);
    }
    Ok(rewrites)
}

type Plan = (ValueId, Option<ValueId>, Tensor, Tensor);

fn plan(view: &View, conv: &Node, batch_norm: &Node) -> Result<Plan> {
    let refuse = |reason: &str| Error::input(&batch_norm.name, reason);
    let alone = |id: Option<ValueId>| id.is_some_and(|id| view.uses(id) == 1);
    if !alone(conv.output()) {
        return Err(refuse("the convolution's result is read by another node too"));
    }
    let weight = conv.input(1).ok_or_else(|| refuse("the convolution has no weight"))?;
    let bias = conv.input(2);
    if !alone(Some(weight)) || bias.is_some_and(|b| !alone(Some(b))) {
        return Err(refuse("another node shares the convolution's weight or bias"));
    }
    let constant = |id: Option<ValueId>| view.constant(id).and_then(Tensor::to_f32);
    let parameters: Option<Vec<_>> = (1..=4).map(|i| constant(batch_norm.input(i))).collect();
    let (Some(values), Some(parameters)) = (constant(Some(weight)), parameters) else {
        return Err(refuse("a weight or statistic is no f32 constant"));
    };
    let old_bias = match bias {
        Some(bias) => constant(Some(bias)).ok_or_else(|| refuse("the convolution's bias is no f32 constant"))?,
        None => vec![0.0; parameters[0].len()],
    };
    let shape = view.constant(Some(weight)).map_or(vec![], |t| t.shape().to_vec());
    let channels = parameters[0].len();
    let consistent = shape.first() == Some(&channels) && channels > 0 && old_bias.len() == channels;
    if !consistent || parameters.iter().any(|p| p.len() != channels) {
        return Err(refuse("the channels of convolution and statistics differ"));
    }
    // 1e-5 is the operator's default.
    let epsilon = batch_norm.float("epsilon").unwrap_or(1e-5);
    let (new_weight, new_bias) = folded(&values, &old_bias, &parameters, epsilon);
    Ok((weight, bias, Tensor::from_f32(shape, &new_weight)?, Tensor::from_f32(vec![channels], &new_bias)?))
}

/// `s W` and `s (b - mean) + beta`; `parameters` are gamma, beta, mean and variance.
fn folded(weight: &[f32], bias: &[f32], parameters: &[Vec<f32>], epsilon: f32) -> (Vec<f32>, Vec<f32>) {
    let at = |which: usize, channel: usize| f64::from(parameters[which][channel]);
    let scale = |c: usize| at(0, c) / (at(3, c) + f64::from(epsilon)).sqrt();
    let per_channel = weight.len() / bias.len();
    let new_weight = weight.iter().enumerate().map(|(i, w)| (f64::from(*w) * scale(i / per_channel)) as f32).collect();
    let shifted = |(c, b): (usize, &f32)| ((f64::from(*b) - at(2, c)) * scale(c) + at(1, c)) as f32;
    (new_weight, bias.iter().enumerate().map(shifted).collect())
}

fn apply(graph: &mut Graph, fold: Fold) {
    graph.set_initializer(fold.weight, fold.new_weight);
    let bias = match fold.bias {
        Some(bias) => {
            graph.set_initializer(bias, fold.new_bias);
            bias
        }
        None => {
            let name = bias_name(graph, &graph.value(fold.weight).name);
            graph.add_initializer(name, fold.new_bias)
        }
    };
    // The convolution takes over the result under its own name; an output of the graph keeps the name it was promised.
    let result = graph.nodes[fold.batch_norm].output();
    let old = graph.nodes[fold.conv].output();
    if let (Some(result), Some(old)) = (result, old)
        && !graph.outputs.contains(&result)
    {
        let name = std::mem::take(&mut graph.value_mut(result).name);
        graph.value_mut(result).name = std::mem::replace(&mut graph.value_mut(old).name, name);
    }
    let conv = &mut graph.nodes[fold.conv];
    conv.inputs.truncate(2);
    conv.inputs.push(Some(bias));
    // The BatchNorm now makes what nobody reads, from itself; the sweep removes it.
    let outputs = std::mem::replace(&mut conv.outputs, vec![result]);
    let batch_norm = &mut graph.nodes[fold.batch_norm];
    (batch_norm.inputs[0], batch_norm.outputs) = (result, outputs);
}

/// `conv.bias` beside `conv.weight`, or the first free name after it.
fn bias_name(graph: &Graph, weight: &str) -> String {
    let base = format!("{}.bias", weight.strip_suffix(".weight").unwrap_or(weight));
    let mut name = base.clone();
    let mut count = 0;
    while graph.find(&name).is_some() {
        count += 1;
        name = format!("{base}_{count}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::{self, DEAD_CODE, FOLD_BATCH_NORM};

    /// Conv (2 -> 2 channels, 1x1) and BatchNorm, with a bias when asked.
    fn unit(with_bias: bool) -> Graph {
        let mut g = Graph::new("g");
        let [x, z, y] = ["x", "z", "y"].map(|n| g.add_value(n, None, None));
        let mut vector = |name: &str, v: [f32; 2]| g.add_initializer(name, Tensor::from_f32(vec![2], &v).unwrap());
        let parameters = [("gamma", [2.0, -3.0]), ("beta", [0.5, 1.0]), ("mean", [1.0, -1.0]), ("var", [3.0, 8.0])];
        let parameters = parameters.map(|(name, v)| vector(name, v));
        let bias = with_bias.then(|| vector("c.bias", [4.0, 5.0]));
        let w = g.add_initializer("c.weight", Tensor::from_f32(vec![2, 2, 1, 1], &[1.0, 2.0, 3.0, 4.0]).unwrap());
        let mut batch_norm = Node::new("bn", "BatchNormalization", [vec![z], parameters.to_vec()].concat(), vec![y]);
        batch_norm.set("epsilon", 1.0);
        let conv = Node::new("c", "Conv", [vec![x, w], bias.into_iter().collect()].concat(), vec![z]);
        g.nodes = vec![conv, batch_norm];
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        g
    }

    fn values(g: &Graph, name: &str) -> Vec<f32> {
        g.initializer(g.find(name).unwrap()).unwrap().to_f32().unwrap()
    }

    #[test]
    fn the_algebra_is_that_of_the_paper() {
        // s = gamma / sqrt(var + 1) = [1, -1]
        for (with_bias, bias) in [(false, [-0.5, 0.0]), (true, [3.5, -5.0])] {
            let mut g = unit(with_bias);
            passes::run(&mut g, &[FOLD_BATCH_NORM, DEAD_CODE]).unwrap();
            assert_eq!(values(&g, "c.weight"), [1.0, 2.0, -3.0, -4.0]);
            assert_eq!(values(&g, "c.bias"), bias);
            assert_eq!((g.nodes.len(), g.initializers().count()), (1, 2));
            assert_eq!(g.value(g.outputs[0]).name, "y", "the output keeps its name");
        }
    }

    #[test]
    fn a_shared_weight_or_result_is_refused_with_the_reason() {
        let mut shared_result = unit(false);
        let z = shared_result.nodes[0].output().unwrap();
        shared_result.outputs.push(z);
        let mut shared_weight = unit(false);
        let (x, w) = (shared_weight.inputs[0], shared_weight.nodes[0].input(1).unwrap());
        let other = shared_weight.add_value("other", None, None);
        shared_weight.nodes.push(Node::new("d", "Conv", vec![x, w], vec![other]));
        shared_weight.outputs.push(other);
        for (mut g, says) in
            [(shared_result, "read by another node"), (shared_weight, "shares the convolution's weight")]
        {
            let before = g.clone();
            let log = passes::run(&mut g, &[FOLD_BATCH_NORM, DEAD_CODE]).unwrap();
            assert!(log[0].refused[0].reason.contains(says), "{:?}", log[0]);
            assert_eq!(g, before, "a refusal changes nothing");
        }
    }

    #[test]
    fn a_batch_norm_without_a_convolution_stays() {
        let mut g = unit(false);
        g.nodes[0].op_type = "Relu".into();
        g.nodes[0].inputs.truncate(1);
        let log = fold(&mut g).unwrap();
        assert_eq!((log.applied.len(), log.refused[0].reason.as_str()), (0, "no Conv comes before it"));
    }
}
