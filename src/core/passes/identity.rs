//! Removes operations that return their input unchanged.
//!
//! - `Identity`; `Sum`, `Max`, `Min`, `Mean`, `Concat` of one input; `Split` into one part.
//! - `Dropout` in its inference form, if nothing reads its mask. Before operator set 7 that is `is_test`; until 12 it
//!   is every Dropout; since then it is one without a `training_mode` that is, or could be, true.
//! - `Cast` to the type of the input.
//! - `Transpose` that keeps the order of the axes.
//! - `Reshape` to `[0, .., -1, .., 0]`, which copies every dimension; `Reshape`, `Flatten`, `Squeeze` and `Expand` whose
//!   input and result have the same shape in the file; `Expand` to ones.
//! - `Slice` that takes every element in order; `Pad` by zero.
//!
//! Assumes, and checks: the operation's form in the file's operator set; constants if that form depends on them;
//! element types and shapes that follow from the graph's inputs, where a symbol stands for one size everywhere and two
//! unknown sizes may differ. Ensures: readers of the result read the input, in branches and bodies too; if the result
//! is an output of the graph its name stays, and if the name of the input is part of the interface too (it is an input,
//! a constant or another output) the node stays, and the record says so. Exact: the results are the same bit for bit.

use std::collections::{HashMap, HashSet};

use super::Rewrites;
use super::bodies::Scope;
use super::edit::Merge;
use super::view;
use crate::graph::{Dim, Graph, Node, Tensor, ValueId, place_of};
use crate::reference;

pub(super) fn drop(graph: &mut Graph, scope: &Scope) -> Rewrites {
    let mut rewrites = Rewrites::default();
    let mut gone = HashSet::new();
    let (constants, uses) = (scope.constants(graph), view::live_uses(graph));
    let mut merge = Merge::new(graph);
    for index in 0..graph.nodes.len() {
        merge.aliases.apply_to(&mut graph.nodes[index]);
        let node = &graph.nodes[index];
        let Some((source, made)) = node.input(0).zip(node.output()) else { continue };
        let facts = Facts { graph, constants: &constants, opset: scope.opset };
        if !facts.is_no_op(node) || !node.makes().any(|id| uses.contains_key(&id)) {
            continue;
        }
        let name = graph.node_name(node).to_owned();
        let mask = node.outputs.iter().skip(1).flatten().any(|id| uses.contains_key(id));
        let verdict = if mask { Err("its mask is read") } else { merge.merge(graph, source, made) };
        match verdict {
            Ok(()) => {
                rewrites.applied.push(name);
                gone.insert(index);
            }
            Err(reason) => rewrites.refuse(graph, &graph.nodes[index], reason),
        }
    }
    graph.remove_nodes(&gone);
    merge.aliases.apply(graph);
    rewrites
}

struct Facts<'a> {
    graph: &'a Graph,
    constants: &'a HashMap<ValueId, Tensor>,
    opset: i64,
}

impl Facts<'_> {
    fn is_no_op(&self, node: &Node) -> bool {
        if !node.is(&node.op_type) {
            return false;
        }
        match node.op_type.as_str() {
            "Identity" => true,
            "Sum" | "Max" | "Min" | "Mean" | "Concat" => node.inputs.len() == 1,
            "Split" => self.is_one_part(node),
            "Dropout" => in_inference(node, self.opset, |id| self.is_false(id)),
            "Cast" => self.casts_to_itself(node),
            "Transpose" => self.keeps_axes(node),
            "Reshape" => self.copies_every_dimension(node) || self.same_shape(node),
            "Flatten" | "Squeeze" => self.same_shape(node),
            "Expand" => self.expands_to_ones(node) || self.same_shape(node),
            "Slice" => self.takes_everything(node),
            "Pad" => self.numbers(node, if self.opset < 2 { "paddings" } else { "pads" }, 1).is_some_and(all_zero),
            _ => false,
        }
    }

    /// Returns whole numbers from an attribute or, since a later operator set, a constant input.
    fn numbers(&self, node: &Node, attribute: &str, input: usize) -> Option<Vec<i64>> {
        let constant = || self.constants.get(&node.input(input)?).and_then(reference::whole_numbers);
        node.ints(attribute).map(<[i64]>::to_vec).or_else(constant)
    }

    fn shape(&self, id: Option<ValueId>) -> Option<&[Dim]> {
        self.graph.value(id?).shape.as_deref()
    }

    fn is_false(&self, id: ValueId) -> bool {
        self.constants.get(&id).is_some_and(|t| t.bytes().iter().all(|byte| *byte == 0))
    }

    fn casts_to_itself(&self, node: &Node) -> bool {
        let from = node.input(0).and_then(|id| self.graph.value(id).dtype);
        from.is_some() && node.int("to").and_then(reference::element_type) == from
    }

    fn keeps_axes(&self, node: &Node) -> bool {
        match node.ints("perm") {
            Some(order) => order.iter().enumerate().all(|(i, axis)| *axis == i as i64),
            None => self.shape(node.input(0)).is_some_and(|shape| shape.len() <= 1),
        }
    }

    fn same_shape(&self, node: &Node) -> bool {
        let shapes = self.shape(node.input(0)).zip(self.shape(node.output()));
        shapes.is_some_and(|(from, to)| view::same_shape(from, to))
    }

    /// Returns `true` if the sizes of parts, or their number, agree with the outputs that there is one part.
    fn is_one_part(&self, node: &Node) -> bool {
        let sizes = self.numbers(node, "split", 1).map_or(1, |sizes| sizes.len());
        let told = node.input(1).is_none_or(|id| self.constants.contains_key(&id));
        node.outputs.len() == 1 && told && sizes == 1 && node.int("num_outputs").unwrap_or(1) == 1
    }

    /// Returns `true` for a target of zeros, one of which may be -1, since it then equals the remaining dimension.
    fn copies_every_dimension(&self, node: &Node) -> bool {
        let Some(target) = self.numbers(node, "shape", 1) else { return false };
        let rank = self.shape(node.input(0)).map(<[Dim]>::len);
        let free = target.iter().filter(|size| **size == -1).count();
        // Beside -1, a dimension of 0 could leave the free one open: then the operation itself is an error.
        let copies = target.iter().all(|size| matches!(size, 0 | -1)) && free <= 1;
        copies && rank == Some(target.len()) && node.int("allowzero").unwrap_or(0) == 0
    }

    fn expands_to_ones(&self, node: &Node) -> bool {
        let rank = self.shape(node.input(0)).map(<[Dim]>::len);
        let target = node.input(1).and_then(|id| reference::whole_numbers(self.constants.get(&id)?));
        rank.zip(target).is_some_and(|(rank, target)| target.len() <= rank && target.iter().all(|size| *size == 1))
    }

    fn takes_everything(&self, node: &Node) -> bool {
        let (Some(starts), Some(ends)) = (self.numbers(node, "starts", 1), self.numbers(node, "ends", 2)) else {
            return false;
        };
        let axes = match (node.input(3).is_some() || node.ints("axes").is_some(), self.numbers(node, "axes", 3)) {
            (true, None) => return false,
            (_, axes) => axes.unwrap_or_else(|| (0..starts.len() as i64).collect()),
        };
        let steps = match (node.input(4), self.numbers(node, "steps", 4)) {
            (Some(_), None) => return false,
            (_, steps) => steps.unwrap_or_else(|| vec![1; starts.len()]),
        };
        let Some(shape) = self.shape(node.input(0)) else { return false };
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return false;
        }
        let whole = |i: usize| {
            let size = place_of(axes[i], shape.len()).and_then(|axis| shape[axis].known());
            // Exporters write an end beyond every size for "to the end".
            let reaches = ends[i] == i64::MAX || size.is_some_and(|size| ends[i] >= size as i64);
            starts[i] == 0 && steps[i] == 1 && reaches
        };
        (0..starts.len()).all(whole)
    }
}

fn all_zero(values: Vec<i64>) -> bool {
    values.iter().all(|v| *v == 0)
}

/// Returns `true` if a Dropout returns its input unchanged; `is_false` tells which inputs are constants of `false`.
fn in_inference(node: &Node, opset: i64, is_false: impl Fn(ValueId) -> bool) -> bool {
    match opset {
        ..7 => node.int("is_test").unwrap_or(0) != 0,
        7..12 => true,
        _ => node.input(2).is_none_or(is_false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Attribute, DType, Model};

    fn drop(model: &mut Model) -> Rewrites {
        super::drop(&mut model.graph, &Scope { opset: model.opset, captured: &HashMap::new() })
    }

    /// Builds x [2, N] -> the node -> y -> Relu -> z, with constants as the node's further inputs.
    fn around(opset: i64, op: &str, constants: &[Tensor], change: impl Fn(&mut Graph)) -> Model {
        let mut g = Graph::new("g");
        let x = g.add_value("x", Some(DType::F32), Some(vec![Dim::Known(2), Dim::symbol("N")]));
        let [y, z] = ["y", "z"].map(|n| g.add_value(n, Some(DType::F32), None));
        let mut inputs = vec![x];
        inputs.extend(constants.iter().enumerate().map(|(i, t)| g.add_initializer(format!("c{i}"), t.clone())));
        g.nodes = vec![Node::new("it", op, inputs, vec![y]), Node::new("end", "Relu", vec![y], vec![z])];
        (g.inputs, g.outputs) = (vec![x], vec![z]);
        change(&mut g);
        Model::new(g, opset)
    }

    fn drops(opset: i64, op: &str, constants: &[Tensor], change: impl Fn(&mut Graph)) -> bool {
        let mut model = around(opset, op, constants, change);
        let dropped = drop(&mut model).applied == ["it"];
        assert_eq!(model.graph.nodes.len(), if dropped { 1 } else { 2 });
        model.graph.check().unwrap();
        dropped
    }

    fn ints(g: &mut Graph, name: &str, values: &[i64]) {
        g.nodes[0].set(name, Attribute::Ints(values.to_vec()));
    }

    #[test]
    fn what_changes_nothing_goes() {
        let i64s = Tensor::from_i64;
        let truth = |value: u8| Tensor::new(DType::Bool, vec![], vec![value]).unwrap();
        let ratio = Tensor::from_f32(vec![], &[0.5]).unwrap();
        let plain = |_: &mut Graph| ();
        let end = i64::MAX;
        for (says, expected, found) in [
            ("Identity", true, drops(18, "Identity", &[], plain)),
            ("another domain's Identity", false, drops(18, "Identity", &[], |g| g.nodes[0].domain = "x.y".into())),
            ("Dropout", true, drops(18, "Dropout", &[], plain)),
            ("Dropout told not to train", true, drops(18, "Dropout", &[ratio.clone(), truth(0)], plain)),
            ("Dropout in training", false, drops(18, "Dropout", &[ratio, truth(1)], plain)),
            ("old Dropout", true, drops(9, "Dropout", &[], plain)),
            ("oldest Dropout", false, drops(6, "Dropout", &[], plain)),
            ("Cast to f32", true, drops(18, "Cast", &[], |g| drop_ref(g.nodes[0].set("to", 1)))),
            ("Cast to f64", false, drops(18, "Cast", &[], |g| drop_ref(g.nodes[0].set("to", 11)))),
            ("Transpose in place", true, drops(18, "Transpose", &[], |g| ints(g, "perm", &[0, 1]))),
            ("Transpose", false, drops(18, "Transpose", &[], plain)),
            ("Reshape that copies", true, drops(18, "Reshape", &[i64s(&[0, -1])], plain)),
            ("Reshape of another rank", false, drops(18, "Reshape", &[i64s(&[0, 0, -1])], plain)),
            ("Reshape to two free sizes", false, drops(18, "Reshape", &[i64s(&[-1, -1])], plain)),
            (
                "Reshape whose zeros are zeros",
                false,
                drops(18, "Reshape", &[i64s(&[0, 0])], |g| drop_ref(g.nodes[0].set("allowzero", 1))),
            ),
            ("old Reshape", true, drops(4, "Reshape", &[], |g| ints(g, "shape", &[0, 0]))),
            ("Slice of all", true, drops(18, "Slice", &[i64s(&[0, 0]), i64s(&[2, end])], plain)),
            ("Slice of less", false, drops(18, "Slice", &[i64s(&[0, 0]), i64s(&[1, end])], plain)),
            ("Slice of an open axis", false, drops(18, "Slice", &[i64s(&[0, 0]), i64s(&[2, 9])], plain)),
            ("Slice of a negative axis", true, drops(18, "Slice", &[i64s(&[0]), i64s(&[2]), i64s(&[-2])], plain)),
            ("Slice in steps", false, drops(18, "Slice", &[i64s(&[0]), i64s(&[2]), i64s(&[0]), i64s(&[2])], plain)),
            ("Pad by nothing", true, drops(18, "Pad", &[i64s(&[0; 4])], plain)),
            ("Pad and crop", false, drops(18, "Pad", &[i64s(&[1, 0, -1, 0])], plain)),
            ("Concat of one", true, drops(18, "Concat", &[], plain)),
            ("Concat of two", false, drops(18, "Concat", &[i64s(&[1])], plain)),
            ("Expand to ones", true, drops(18, "Expand", &[i64s(&[1, 1])], plain)),
            ("Expand to a higher rank", false, drops(18, "Expand", &[i64s(&[1, 1, 1])], plain)),
        ] {
            assert_eq!(found, expected, "{says}");
        }
    }

    fn drop_ref<T>(_: &mut T) {}

    #[test]
    fn a_shape_that_stays_in_the_file_makes_a_reshape_a_no_op_unless_it_is_open() {
        let with = |shape: Vec<Dim>| {
            drops(18, "Reshape", &[Tensor::from_i64(&[-1, 2])], |g| {
                g.value_mut(g.inputs[0]).shape = Some(shape.clone());
                g.value_mut(g.nodes[0].output().unwrap()).shape = Some(shape.clone());
            })
        };
        assert!(with(vec![Dim::symbol("N"), Dim::Known(2)]));
        assert!(!with(vec![Dim::Unknown, Dim::Known(2)]));
    }

    #[test]
    fn an_output_keeps_its_name() {
        // x -> Relu -> y -> Identity -> z: the Relu now produces z.
        let mut model = around(18, "Relu", &[], |g| g.nodes[1].op_type = "Identity".into());
        assert_eq!(drop(&mut model).applied, ["end"]);
        let g = &model.graph;
        assert_eq!(
            (g.nodes.len(), g.nodes[0].output(), g.value(g.outputs[0]).name.as_str()),
            (1, Some(g.outputs[0]), "z")
        );
        g.check().unwrap();
    }

    #[test]
    fn two_promised_names_and_a_read_mask_keep_the_node() {
        let to_output = |g: &mut Graph| g.outputs = vec![g.nodes[0].output().unwrap()];
        let log = drop(&mut around(18, "Identity", &[], to_output));
        assert_eq!(log.refused[0].reason, "it gives an input or constant of the graph the name of an output");
        let both = |g: &mut Graph| {
            g.nodes[1].op_type = "Identity".into();
            g.outputs.push(g.nodes[0].output().unwrap());
        };
        let log = drop(&mut around(18, "Relu", &[], both));
        assert_eq!(log.refused[0].reason, "its input and its result are both outputs of the graph");
        let mask = |g: &mut Graph| {
            let mask = g.add_value("mask", None, None);
            g.nodes[0].outputs.push(Some(mask));
            g.outputs.push(mask);
        };
        assert_eq!(drop(&mut around(18, "Dropout", &[], mask)).refused[0].reason, "its mask is read");
    }
}
