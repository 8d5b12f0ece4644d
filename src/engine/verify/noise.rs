//! Effect of rounding on a network: copies of it, and of its inputs, moved by units in the last place.
//!
//! An engine that rounds differently, or sums in another order, computes the same as the network would if its numbers
//! were off by about a unit in the last place (backward error analysis: Higham, *Accuracy and Stability of Numerical
//! Algorithms*, section 1.5). The variation of such copies' outputs is therefore what rounding alone may change in the
//! output of this network on these inputs, however ill-conditioned it is and wherever it saturates.
//!
//! Three kinds of numbers are moved at once. Weights and inputs, each element independently: the rounding of single
//! products. And results of operations that sum or that approximate a function, each as a whole: an error shared by all
//! elements does not average out over the following sums, as the former does.

use std::collections::HashSet;

use super::Port;
use super::expand::expand;
use super::random::{mixed, shifts};
use super::results::move_results;
use crate::runtime::Array;
use gnet_core::graph::{Attribute, DType, Graph, Model, Sizes, Tensor, ValueId};
use gnet_core::infer::infer;
use gnet_core::operators::{Control, Rounding};

/// One way to round differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Draw {
    /// Weights and real inputs, each moved by up to one unit in the last place, at random.
    Moved {
        /// Seed of the random shifts.
        seed: u64,
        /// Explicit bits of the significand: 23 for `f32`.
        bits: u32,
    },
    /// The same numbers in another order of summation: the engine without its rewrites.
    Reordered,
    /// The same once more: any variation is not rounding.
    Still,
}

/// Maximum number of copies with moved numbers.
pub const MOVED: u64 = 4;

impl Draw {
    /// Returns the draws of a comparison at a precision of that many bits, in order: each is only made while the ones
    /// before do not explain the difference.
    pub fn all(seed: u64, bits: u32) -> impl Iterator<Item = Self> {
        let moved = (0..MOVED).map(move |number| Self::Moved { seed: mixed(seed, number), bits });
        moved.chain([Self::Reordered])
    }

    /// Moves the weights and results of a model, inside branches and bodies too. Whole numbers stay, and so do single
    /// numbers and operands that are settings, such as the sizes of a `Resize` or an exponent: those are not results of
    /// rounding, and a slightly different one makes another network.
    ///
    /// `sizes` are those that the model is fed with: they determine how many terms a sum has.
    pub fn model(self, model: &Model, sizes: &Sizes) -> Model {
        let mut model = model.clone();
        if let Self::Moved { seed, bits } = self {
            let mut seed = mixed(seed, 1 << 32);
            move_graph(&mut model.graph, &mut seed, bits);
            let types = typed(&model, sizes);
            expand(&mut model.graph, &types, model.opset);
            let types = typed(&model, sizes);
            move_results(&mut model.graph, &types, &mut seed, bits);
        }
        model
    }

    /// Moves the real numbers in the inputs of run `number`.
    pub fn inputs(self, run: &[Array], ports: &[Port], number: usize) -> Vec<Array> {
        let real = |port: Option<&Port>| port.is_some_and(|port| port.dtype.is_float() && port.range.is_none());
        let input = |(place, array): (usize, &Array)| match real(ports.get(place)) {
            true => self.values(array, ((number as u64) << 16) + place as u64),
            false => array.clone(),
        };
        run.iter().enumerate().map(input).collect()
    }

    /// Moves real numbers; `key` distinguishes arrays.
    pub fn values(self, array: &Array, key: u64) -> Array {
        match self {
            Self::Moved { seed, bits } => {
                let data = shifts(array.data.len(), mixed(seed, key));
                let data = array.data.iter().zip(data).map(|(value, by)| moved(*value, by, bits)).collect();
                Array { shape: array.shape.clone(), data }
            }
            Self::Reordered | Self::Still => array.clone(),
        }
    }
}

fn typed(model: &Model, sizes: &Sizes) -> Graph {
    let mut typed = model.clone();
    if infer(&mut typed, sizes).is_ok() { typed.graph } else { model.graph.clone() }
}

/// Moves a number by a fraction of its unit in the last place. 0 and values that are not finite stay.
fn moved(value: f32, by: f32, bits: u32) -> f32 {
    if !value.is_normal() {
        return value;
    }
    // The power of two at or below it.
    let binade = f32::from_bits(value.to_bits() & 0x7F80_0000);
    let unit = f64::from(binade) * 0.5_f64.powi(bits as i32);
    let there = (f64::from(value) + f64::from(by) * unit) as f32;
    if there.is_finite() { there } else { value }
}

/// Returns the smallest scale at which the values of an output are computed, however small they are; 0 if it is their
/// own.
///
/// Engines compute a sigmoid as 1/2 plus an odd function, so that a value near 0 carries the rounding of 1/2: values of
/// 1e-6 come in steps of 3e-8, and two engines may be several steps apart. Operations that only pass values on are
/// looked through.
pub fn unit(graph: &Graph, id: ValueId) -> f64 {
    let producers = graph.producers();
    let mut open = vec![id];
    let mut seen = HashSet::new();
    while let Some(id) = open.pop() {
        let Some(node) = producers.get(&id).map(|index| &graph.nodes[*index]).filter(|_| seen.insert(id)) else {
            continue;
        };
        let Some(operator) = node.operator() else { continue };
        match operator.control {
            _ if operator.rounding == Some(Rounding::Unit) => return 1.0,
            _ if operator.hands_on || node.is("Clip") => open.extend(node.input(0)),
            _ if node.is("Concat") => open.extend(node.inputs.iter().flatten().copied()),
            Some(Control::Branch) => {
                let place = node.outputs.iter().position(|output| *output == Some(id)).unwrap_or(0);
                let branches = node.subgraphs().filter_map(|body| Some((&body.graph, *body.graph.outputs.get(place)?)));
                if branches.map(|(body, output)| unit(body, output)).any(|unit| unit > 0.0) {
                    return 1.0;
                }
            }
            _ => {}
        }
    }
    0.0
}

fn move_graph(graph: &mut Graph, seed: &mut u64, bits: u32) {
    let settings = settings(graph);
    let weights: Vec<ValueId> = graph.initializers().map(|(id, _)| id).filter(|id| !settings.contains(id)).collect();
    for id in weights {
        if let Some(tensor) = graph.initializer(id).and_then(|tensor| move_tensor(tensor, seed, bits)) {
            graph.set_initializer(id, tensor);
        }
    }
    for node in &mut graph.nodes {
        if node.is("Constant") && node.output().is_some_and(|id| !settings.contains(&id)) {
            let moved = node.tensor("value").and_then(|tensor| move_tensor(tensor, seed, bits));
            node.attributes.extend(moved.map(|tensor| ("value".to_owned(), Attribute::Tensor(tensor))));
        }
        node.subgraphs_mut().for_each(|body| move_graph(&mut body.graph, seed, bits));
    }
}

fn settings(graph: &Graph) -> HashSet<ValueId> {
    let nodes = graph.nodes.iter().filter_map(|node| Some((node, node.operator()?.settings?)));
    nodes.flat_map(|(node, first)| node.inputs.iter().skip(first).flatten().copied()).collect()
}

/// Moves a tensor of several real numbers; `None` for others.
fn move_tensor(tensor: &Tensor, seed: &mut u64, bits: u32) -> Option<Tensor> {
    if tensor.len() < 2 || !tensor.dtype().is_float() {
        return None;
    }
    *seed = mixed(*seed, 1);
    let shifts = shifts(tensor.len(), *seed);
    let bytes: Vec<u8> = match tensor.dtype() {
        DType::F32 => {
            let values = tensor.to_f32()?;
            values.into_iter().zip(shifts).flat_map(|(value, by)| moved(value, by, bits).to_le_bytes()).collect()
        }
        DType::F16 => stepped(tensor.bytes(), shifts, 0x7C00),
        DType::BF16 => stepped(tensor.bytes(), shifts, 0x7F80),
        _ => return None,
    };
    Tensor::new(tensor.dtype(), tensor.shape().to_vec(), bytes).ok()
}

/// Moves each 16-bit number to a neighbour or leaves it; `exponent` holds the bits that are all set if one is not
/// finite.
fn stepped(bytes: &[u8], shifts: impl Iterator<Item = f32>, exponent: u16) -> Vec<u8> {
    let step = |(pair, by): (&[u8; 2], f32)| {
        let value = u16::from_le_bytes(*pair);
        let there = match by {
            _ if value & 0x7FFF == 0 || value & exponent == exponent => value,
            by if by > 0.5 => value + 1,
            by if by < -0.5 => value - 1,
            _ => value,
        };
        if there & exponent == exponent { value.to_le_bytes() } else { there.to_le_bytes() }
    };
    bytes.as_chunks::<2>().0.iter().zip(shifts).flat_map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::graph::{Dim, Node};

    const DRAW: Draw = Draw::Moved { seed: 5, bits: 23 };

    /// Returns the number of steps between two numbers of one sign.
    fn steps(a: f32, b: f32) -> u32 {
        a.to_bits().abs_diff(b.to_bits())
    }

    #[test]
    fn a_number_moves_by_a_unit_at_most_and_nothing_odd_moves() {
        for value in [1.0_f32, 1.999_999, -3.5, 1e-30, 3e38, f32::MAX] {
            let most = [-1.0, -0.6, 0.0, 0.6, 1.0].map(|by| steps(value, moved(value, by, 23)));
            assert!(most.iter().all(|steps| *steps <= 2), "{value}: {most:?}");
            assert!(most[0] + most[4] > 0 && most[2] == 0, "{value}: {most:?}");
        }
        assert_eq!(moved(1.5, 1.0, 7), 1.5 + 1.0 / 128.0);
        for odd in [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(moved(odd, 1.0, 7).to_bits(), odd.to_bits());
        }
        assert!(moved(f32::NAN, 1.0, 23).is_nan());
        let pair = |value: u16, by| {
            u16::from_le_bytes(stepped(&value.to_le_bytes(), [by].into_iter(), 0x7C00).try_into().unwrap())
        };
        assert_eq!([pair(0x3C00, 1.0), pair(0x3C00, -1.0), pair(0x3C00, 0.1)], [0x3C01, 0x3BFF, 0x3C00]);
        assert_eq!([pair(0x7BFF, 1.0), pair(0x7C00, -1.0), pair(0x8000, 1.0)], [0x7BFF, 0x7C00, 0x8000]);
    }

    /// Builds a model with every kind of constant: a weight, a single number, whole numbers, sizes.
    fn model() -> Model {
        let mut graph = Graph::new("g");
        let x = graph.add_value("x", Some(DType::F32), Some(vec![Dim::Known(2)]));
        let real = |values: &[f32]| Tensor::from_f32(vec![values.len()], values).unwrap();
        let w = graph.add_initializer("w", real(&[1.0; 64]));
        let one = graph.add_initializer("one", real(&[1.0]));
        let axes = graph.add_initializer("axes", Tensor::from_i64(&[1, 2]));
        let scales = graph.add_initializer("scales", real(&[2.0; 64]));
        let [inside, y, z] = ["inside", "y", "z"].map(|name| graph.add_value(name, None, None));
        let mut constant = Node::new("c", "Constant", vec![], vec![inside]);
        constant.set("value", Attribute::Tensor(real(&[3.0; 64])));
        graph.nodes = vec![
            constant,
            Node::new("a", "Mul", vec![w, inside], vec![y]),
            Node::new("b", "Resize", vec![x, one, scales, axes], vec![z]),
        ];
        (graph.inputs, graph.outputs) = (vec![x], vec![y, z]);
        Model::new(graph, 18)
    }

    #[test]
    fn weights_move_and_settings_and_whole_numbers_stay() {
        let model = model();
        let copy = DRAW.model(&model, &Sizes::none());
        let changed = |name: &str| {
            let of = |model: &Model| model.graph.initializer(model.graph.find(name).unwrap()).cloned();
            of(&model) != of(&copy)
        };
        assert_eq!(["w", "one", "axes", "scales"].map(changed), [true, false, false, false]);
        assert_ne!(model.graph.nodes[0].tensor("value"), copy.graph.nodes[0].tensor("value"));
        assert_eq!(copy, DRAW.model(&model, &Sizes::none()), "a draw repeats");
        assert_ne!(copy, Draw::Moved { seed: 6, bits: 23 }.model(&model, &Sizes::none()));
        assert_eq!(Draw::Reordered.model(&model, &Sizes::none()), model);
    }

    #[test]
    fn results_that_are_rounded_move_and_the_values_keep_their_numbers() {
        let mut graph = Graph::new("g");
        let x = graph.add_value("x", Some(DType::F32), Some(vec![Dim::Known(1), Dim::Known(2)]));
        let t = graph.add_value("t", Some(DType::I64), Some(vec![Dim::Known(2)]));
        let [e, s, r, n] = ["e", "s", "r", "n"].map(|name| graph.add_value(name, None, None));
        graph.nodes = vec![
            Node::new("exp", "Exp", vec![x], vec![e]),
            Node::new("sigmoid", "Sigmoid", vec![e], vec![s]),
            Node::new("relu", "Relu", vec![s], vec![r]),
            Node::new("sum", "ReduceSum", vec![t], vec![n]),
        ];
        (graph.inputs, graph.outputs) = (vec![x, t], vec![r, n]);
        let copy = DRAW.model(&Model::new(graph, 18), &Sizes::none()).graph;
        let ops: Vec<&str> = copy.nodes.iter().map(|node| node.op_type.as_str()).collect();
        assert_eq!(ops, ["Exp", "Mul", "Sigmoid", "Add", "Relu", "ReduceSum"], "whole numbers are summed exactly");
        assert_eq!(
            (copy.nodes[1].output(), copy.nodes[2].input(0), copy.nodes[3].output()),
            (Some(e), Some(e), Some(s))
        );
        let by = |node: usize| copy.initializer(copy.nodes[node].input(1).unwrap()).unwrap().scalar_f32().unwrap();
        assert!(by(1) != 1.0 && (by(1) - 1.0).abs() <= f32::EPSILON, "{}", by(1));
        assert!(by(3) != 0.0 && by(3).abs() <= f32::EPSILON, "{}", by(3));
        copy.check().unwrap();
    }

    #[test]
    fn real_inputs_move_and_whole_ones_stay() {
        let ports = [
            Port::new("x", vec![Dim::Known(64)]),
            Port { range: Some("0..9".parse().unwrap()), dtype: DType::I64, ..Port::new("t", vec![Dim::Known(64)]) },
        ];
        let run = [vec![1.5; 64], vec![7.0; 64]].map(|data| Array::new(vec![64], data).unwrap());
        let there = DRAW.inputs(&run, &ports, 0);
        assert!(there[0] != run[0] && there[1] == run[1]);
        assert_ne!(there, DRAW.inputs(&run, &ports, 1), "each run has its own");
        let kinds: Vec<Draw> = Draw::all(1, 23).collect();
        assert_eq!((kinds.len(), kinds.last()), (MOVED as usize + 1, Some(&Draw::Reordered)));
    }
}
