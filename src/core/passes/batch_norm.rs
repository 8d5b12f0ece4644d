//! Folds BatchNorm, in its inference form, into the preceding linear operation.
//!
//! `BatchNorm(z) = gamma * (z - mean) / sqrt(var + eps) + beta` per channel (Ioffe & Szegedy 2015, algorithm 2). With
//! `s = gamma / sqrt(var + eps)` that is `s z + (beta - s mean)`: each channel of `z` is scaled and shifted. The
//! preceding operations are linear in their weight and add their bias to every element of a channel, so that
//!
//! - `Conv`, `z = W * x + b`: weight `s W`, scaled along its first axis, and bias `s (b - mean) + beta`;
//! - `ConvTranspose`: the same, where the weight is `[C, M / group, ..]` and an input channel of group `g` contributes
//!   to the output channels from `g M / group` on;
//! - `Gemm`, `z = alpha A B + c C`: the columns of `B` (rows if it is transposed) are scaled, `C` becomes
//!   `s (c C - mean) + beta` and its factor becomes 1. `C` must be the same for all rows.
//!
//! The arithmetic is done in 64-bit floats and rounded once.
//!
//! Assumes, and checks: the inference form in the file's operator set, with statistics per channel; the result of the
//! linear operation is read by the BatchNorm alone, counting branches, bodies and outputs; weight, bias and statistics
//! are constants that no caller can replace, and nothing else reads the first two; everything is f32, or everything
//! f64; the number of channels is the same everywhere, and at least one; all numbers stay finite. The channel axis is 1
//! in all three operations, so that image shapes are not needed. Ensures: the same result up to rounding; learned
//! parameters are reduced from `W, gamma, beta` to `W, b`; the running statistics are removed. Consecutive BatchNorms
//! are folded one by one.

use std::collections::{HashMap, HashSet};

use super::channels::Channels;
use super::edit::{Aliases, Names, work};
use super::{Rewrites, View};
use crate::graph::{Graph, Model, Node, Tensor, ValueId};
use crate::reference;

const LINEAR: [&str; 3] = ["Conv", "ConvTranspose", "Gemm"];

/// Replacement of one linear operation and the BatchNorms after it.
struct Fold {
    linear: usize,
    /// BatchNorms that it absorbs, in order.
    batch_norms: Vec<usize>,
    weight: Tensor,
    bias: Tensor,
}

pub(super) fn fold(model: &mut Model) -> Rewrites {
    let mut names = Names::new(&model.graph);
    super::inside_out(model, |graph, scope| fold_in(graph, scope.opset, &mut names))
}

fn fold_in(graph: &mut Graph, opset: i64, names: &mut Names) -> Rewrites {
    let (folds, mut rewrites) = plans(graph, opset);
    let outputs = graph.outputs.iter().copied().collect();
    let mut aliases = Aliases::default();
    let spent = folds.iter().flat_map(|fold| fold.batch_norms.iter().copied()).collect();
    for fold in folds {
        let folded = fold.batch_norms.iter().map(|index| graph.node_name(&graph.nodes[*index]).to_owned());
        rewrites.applied.extend(folded);
        apply(graph, fold, &outputs, names, &mut aliases);
    }
    graph.remove_nodes(&spent);
    aliases.apply(graph);
    rewrites
}

/// Returns the possible folds, and the reasons why the others are impossible.
fn plans(graph: &Graph, opset: i64) -> (Vec<Fold>, Rewrites) {
    let (mut folds, mut rewrites) = (Vec::<Fold>::new(), Rewrites::default());
    let view = View::new(graph);
    let rules = Rules { view: &view, opset, listed: graph.replaceable() };
    // Output of each folded BatchNorm, with the index of its fold: the next one folds into the same operation.
    let mut made: HashMap<ValueId, usize> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        if !node.is("BatchNormalization") || !node.makes().any(|id| view.uses(id) > 0) {
            continue;
        }
        work(1);
        let earlier = node.input(0).and_then(|id| made.get(&id).copied());
        let before = match earlier {
            Some(place) => Some((folds[place].linear, &graph.nodes[folds[place].linear])),
            None => view.maker(node.input(0)).filter(|(_, before)| LINEAR.iter().any(|op| before.is(op))),
        };
        let Some((linear, before)) = before else {
            rewrites.refuse(graph, node, "no Conv, ConvTranspose or Gemm comes before it");
            continue;
        };
        match (rules.plan(before, earlier.map(|place| &folds[place]), node), earlier) {
            (Ok((weight, bias)), Some(place)) => {
                (folds[place].weight, folds[place].bias) = (weight, bias);
                folds[place].batch_norms.push(index);
                made.extend(node.output().map(|id| (id, place)));
            }
            (Ok((weight, bias)), None) => {
                made.extend(node.output().map(|id| (id, folds.len())));
                folds.push(Fold { linear, batch_norms: vec![index], weight, bias });
            }
            (Err(reason), _) => rewrites.refuse(graph, node, reason),
        }
    }
    (folds, rewrites)
}

struct Rules<'a> {
    view: &'a View<'a>,
    opset: i64,
    /// Initializers that a caller may replace.
    listed: HashSet<ValueId>,
}

impl Rules<'_> {
    /// Returns the new weight and bias, or the reason why there are none. `earlier` is what the operation has already
    /// become.
    fn plan(&self, linear: &Node, earlier: Option<&Fold>, batch_norm: &Node) -> Result<(Tensor, Tensor), String> {
        if !in_inference(batch_norm, self.opset) {
            return Err("it is in training or normalises by position".to_owned());
        }
        if linear.is("Gemm") && self.opset < 7 {
            return Err("the bias of a Gemm is no vector before operator set 7".to_owned());
        }
        let op = &linear.op_type;
        if !self.alone(batch_norm.input(0)) {
            return Err(format!("the result of the {op} is read by another node too"));
        }
        let read: Vec<_> = linear.reads().skip(1).chain(batch_norm.reads().skip(1)).collect();
        let no_constant = || match read.iter().any(|id| self.listed.contains(id)) {
            true => "a caller may replace a weight or statistic (freeze-defaults makes it constant)".to_owned(),
            false => format!("the {op}'s weight or bias, or a statistic, is no constant of f32 or f64"),
        };
        let weight = match earlier {
            Some(fold) => &fold.weight,
            None => self.own_weight(linear, &no_constant)?,
        };
        let same_type = |tensor: &&Tensor| tensor.dtype() == weight.dtype();
        let numbers = |tensor: Option<&Tensor>| {
            tensor.filter(same_type).and_then(reference::real_numbers).ok_or_else(no_constant)
        };
        let statistic = |i| numbers(self.view.constant(batch_norm.input(i)));
        let parameters = (1..=4).map(statistic).collect::<Result<Vec<_>, _>>()?;
        let channels = parameters[0].len();
        let old_bias = match (earlier, linear.input(2)) {
            (Some(fold), _) => numbers(Some(&fold.bias))?,
            (None, Some(id)) => {
                let bias = self.view.constant(Some(id));
                widened(linear, bias.map_or(&[], Tensor::shape), numbers(bias)?, channels)?
            }
            (None, None) => vec![0.0; channels],
        };
        let of_weight = Channels::of(linear, weight.shape()).filter(|found| found.count() == channels && channels > 0);
        let of_weight = of_weight.ok_or("the channels of weight and statistics differ")?;
        if old_bias.len() != channels || parameters.iter().any(|p| p.len() != channels) {
            return Err("the channels of bias and statistics differ".to_owned());
        }
        // 1e-5 is the operator's default.
        let epsilon = f64::from(batch_norm.float("epsilon").unwrap_or(1e-5));
        let scale: Vec<f64> = (0..channels).map(|c| parameters[0][c] / (parameters[3][c] + epsilon).sqrt()).collect();
        let shifted = |(c, b): (usize, &f64)| (b - parameters[2][c]) * scale[c] + parameters[1][c];
        let bias = old_bias.iter().enumerate().map(shifted).collect();
        let bias = reference::tensor_of(weight.dtype(), vec![channels], bias).ok().filter(finite);
        let weight = of_weight.scaled(weight, &scale);
        weight.zip(bias).ok_or_else(|| "the folded numbers are not finite".to_owned())
    }

    fn alone(&self, id: Option<ValueId>) -> bool {
        id.is_some_and(|id| self.view.uses(id) == 1)
    }

    /// Returns the weight of an operation that has not absorbed anything yet.
    fn own_weight(&self, linear: &Node, no_constant: &dyn Fn() -> String) -> Result<&Tensor, String> {
        let weight = linear.input(1).ok_or("there is no weight")?;
        if !self.alone(Some(weight)) || linear.input(2).is_some_and(|bias| !self.alone(Some(bias))) {
            return Err(format!("another node shares the {}'s weight or bias", linear.op_type));
        }
        self.view.constant(Some(weight)).ok_or_else(no_constant)
    }
}

fn finite(tensor: &Tensor) -> bool {
    reference::real_numbers(tensor).is_some_and(|values| values.iter().all(|value| value.is_finite()))
}

/// Returns `true` if a BatchNorm uses stored statistics, one per channel. Before operator set 7 this was given by
/// `is_test`, before 14 by the number of outputs; since then it is an attribute.
fn in_inference(node: &Node, opset: i64) -> bool {
    let alone = node.outputs.iter().skip(1).all(Option::is_none);
    let set = |name: &str| node.int(name).unwrap_or(0) != 0;
    let inference = match opset {
        ..7 => set("is_test"),
        7..14 => true,
        _ => !set("training_mode"),
    };
    alone && inference && (opset >= 9 || node.int("spatial").unwrap_or(1) != 0)
}

/// Returns the bias as one number per channel. That of a Gemm is broadcast, and multiplied by `beta`.
fn widened(linear: &Node, shape: &[usize], bias: Vec<f64>, channels: usize) -> Result<Vec<f64>, String> {
    if !linear.is("Gemm") {
        return Ok(bias);
    }
    let beta = f64::from(linear.float("beta").unwrap_or(1.0));
    match shape {
        [] | [1] | [1, 1] => Ok(vec![bias[0] * beta; channels]),
        [n] | [1, n] if *n == channels => Ok(bias.iter().map(|b| b * beta).collect()),
        _ => Err("the bias of the Gemm differs from row to row".to_owned()),
    }
}

fn apply(graph: &mut Graph, fold: Fold, outputs: &HashSet<ValueId>, names: &mut Names, aliases: &mut Aliases) {
    let Fold { linear, batch_norms, weight, bias } = fold;
    let inputs = [1, 2].map(|i| graph.nodes[linear].input(i));
    let weight = inputs[0].map(|id| (replaced(graph, id, weight, names), id));
    let bias = match (inputs[1], weight) {
        (Some(id), _) => replaced(graph, id, bias, names),
        (None, Some((_, old))) => {
            let weight = graph.value(old).name.clone();
            let name = names.fresh(&format!("{}.bias", weight.strip_suffix(".weight").unwrap_or(&weight)));
            graph.add_initializer(name, bias)
        }
        (None, None) => return,
    };
    // The operation takes over the result under its own name; an output of the graph keeps its name.
    let made = batch_norms.iter().map(|index| graph.nodes[*index].output());
    let made: Vec<_> = std::iter::once(graph.nodes[linear].output()).chain(made).flatten().collect();
    let result = made.last().copied();
    let old = graph.nodes[linear].output();
    if let (Some(result), Some(old)) = (result, old)
        && !outputs.contains(&result)
    {
        let name = std::mem::take(&mut graph.value_mut(result).name);
        graph.value_mut(result).name = std::mem::replace(&mut graph.value_mut(old).name, name);
    }
    let node = &mut graph.nodes[linear];
    node.attributes.remove("beta");
    node.inputs.truncate(1);
    node.inputs.extend([weight.map(|(new, _)| new), Some(bias)]);
    node.outputs = vec![result];
    // Dead nodes may still read an intermediate result, which no longer has a producer.
    if let Some(result) = result {
        made.into_iter().for_each(|old| aliases.replace(old, result));
    }
}

/// Replaces the elements of a constant: in place for an initializer, as an additional one for the output of a
/// `Constant` node.
fn replaced(graph: &mut Graph, id: ValueId, tensor: Tensor, names: &mut Names) -> ValueId {
    if graph.initializer(id).is_some() {
        graph.set_initializer(id, tensor);
        return id;
    }
    let name = names.fresh(&format!("{}.folded", graph.value(id).name));
    graph.add_initializer(name, tensor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Attribute;
    use crate::passes::{self, DEAD_CODE, FOLD_BATCH_NORM, PassOptions};

    /// Folds and sweeps a graph; returns it with the record of folding.
    fn folded(graph: Graph) -> (Graph, Rewrites) {
        let mut model = Model::new(graph, 18);
        let mut log = passes::run(&mut model, &[FOLD_BATCH_NORM, DEAD_CODE], &PassOptions::default()).unwrap();
        (model.graph, log.remove(0))
    }

    /// Builds Conv (2 -> 2 channels, 1x1) and BatchNorm, optionally with a bias.
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
            let g = folded(unit(with_bias)).0;
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
        for (g, says) in [(shared_result, "read by another node"), (shared_weight, "shares the Conv's weight")] {
            let before = g.clone();
            let (g, log) = folded(g);
            assert!(log.refused[0].reason.contains(says), "{log:?}");
            assert_eq!(g, before, "a refusal changes nothing");
        }
    }

    #[test]
    fn a_batch_norm_without_a_convolution_stays() {
        let mut g = unit(false);
        g.nodes[0].op_type = "Relu".into();
        g.nodes[0].inputs.truncate(1);
        let reason = folded(g).1.refused[0].reason.clone();
        assert_eq!(reason, "no Conv, ConvTranspose or Gemm comes before it");
    }

    /// Asserts that folding leaves one node, which computes the same from `x`.
    fn same_with_one_node(graph: Graph, x: &Tensor) {
        let before = reference::run(&Model::new(graph.clone(), 18), std::slice::from_ref(x)).unwrap();
        let (graph, log) = folded(graph);
        assert_eq!((graph.nodes.len(), log.refused.len()), (1, 0), "{log:?}");
        let after = reference::run(&Model::new(graph, 18), std::slice::from_ref(x)).unwrap();
        let pairs = before[0].to_f32().unwrap().into_iter().zip(after[0].to_f32().unwrap());
        pairs.for_each(|(a, b)| assert!((a - b).abs() <= 1e-5 * a.abs().max(1.0), "{a} became {b}"));
    }

    fn ramp(shape: &[usize]) -> Tensor {
        let values: Vec<f32> = (0..shape.iter().product()).map(|i: usize| (i * 5 % 13) as f32 / 4.0 - 1.0).collect();
        Tensor::from_f32(shape.to_vec(), &values).unwrap()
    }

    /// Builds `op` with a weight of `shape` and a bias, and a BatchNorm over `channels`.
    fn linear(op: &str, shape: &[usize], bias: &[usize], channels: usize, attributes: &[(&str, Attribute)]) -> Graph {
        let mut g = Graph::new("g");
        let [x, z, y] = ["x", "z", "y"].map(|n| g.add_value(n, None, None));
        let [w, b] = [("w", shape), ("b", bias)].map(|(name, shape)| g.add_initializer(name, ramp(shape)));
        let mut statistic = |name: &str, first: f32| {
            let values: Vec<f32> = (0..channels).map(|c| first + c as f32 / 2.0).collect();
            g.add_initializer(name, Tensor::from_f32(vec![channels], &values).unwrap())
        };
        let parameters = [("gamma", -0.7), ("beta", 0.3), ("mean", -1.0), ("var", 0.2)].map(|(n, v)| statistic(n, v));
        let mut node = Node::new("l", op, vec![x, w, b], vec![z]);
        attributes.iter().for_each(|(name, value)| drop(node.attributes.insert((*name).into(), value.clone())));
        let batch_norm = Node::new("bn", "BatchNormalization", [vec![z], parameters.to_vec()].concat(), vec![y]);
        g.nodes = vec![node, batch_norm];
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        g
    }

    #[test]
    fn each_linear_operation_takes_it_over() {
        let grouped = [("group", Attribute::Int(2)), ("strides", Attribute::Ints(vec![2, 1]))];
        same_with_one_node(linear("Conv", &[4, 3, 2, 2], &[4], 4, &grouped), &ramp(&[2, 6, 3, 3]));
        same_with_one_node(linear("ConvTranspose", &[6, 2, 2, 3], &[4], 4, &grouped), &ramp(&[2, 6, 3, 3]));
        let factors = || vec![("alpha", Attribute::Float(-2.0)), ("beta", Attribute::Float(0.5))];
        let turned = [factors(), vec![("transB", Attribute::Int(1))]].concat();
        for bias in [&[][..], &[1], &[3], &[1, 3]] {
            same_with_one_node(linear("Gemm", &[4, 3], bias, 3, &factors()), &ramp(&[2, 4]));
            same_with_one_node(linear("Gemm", &[3, 4], bias, 3, &turned), &ramp(&[2, 4]));
        }
    }

    #[test]
    fn a_run_of_batch_norms_folds_whole() {
        let mut g = linear("Conv", &[2, 1, 1, 1], &[2], 2, &[]);
        let [y, again] = [g.outputs[0], g.add_value("again", None, None)];
        let parameters = g.nodes[1].inputs[1..].to_vec();
        let mut second = Node::new("bn2", "BatchNormalization", vec![y], vec![again]);
        second.inputs.extend(parameters);
        g.nodes.push(second);
        g.outputs = vec![again];
        same_with_one_node(g, &ramp(&[1, 1, 2, 2]));
    }

    #[test]
    fn what_cannot_be_folded_says_why() {
        let reason = |graph: Graph, opset: i64| {
            let mut model = Model::new(graph, opset);
            fold(&mut model).refused[0].reason.clone()
        };
        let conv = || linear("Conv", &[2, 1, 1, 1], &[2], 2, &[]);
        assert_eq!(reason(conv(), 6), "it is in training or normalises by position");
        let mut training = conv();
        training.nodes[1].set("training_mode", true);
        assert_eq!(reason(training, 15), "it is in training or normalises by position");
        let mut open = conv();
        open.listed_initializers.insert(1, open.find("gamma").unwrap());
        assert!(reason(open, 18).contains("freeze-defaults makes it constant"));
        assert!(reason(linear("Gemm", &[4, 3], &[2, 3], 3, &[]), 18).contains("differs from row to row"));
        assert!(reason(linear("Conv", &[3, 1, 1, 1], &[2], 2, &[]), 18).contains("channels of weight"));
        let mut negative = conv();
        negative.set_initializer(negative.find("var").unwrap(), Tensor::from_f32(vec![2], &[-1.0, 1.0]).unwrap());
        assert_eq!(reason(negative, 18), "the folded numbers are not finite");
    }
}
