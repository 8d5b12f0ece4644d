//! Context of a rule: one node, the facts known about its inputs, and the opset.

use super::fact::{Known, Shape, fault, gap};
use super::number::Num;
use super::vector::{Vector, Vectors};
use crate::graph::{DType, Dim, Graph, Node, Tensor, place_of};
use crate::words::counted;

/// Everything that the outputs of a node may depend on.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) node: &'a Node,
    pub(super) opset: i64,
    /// The graph with the types and shapes known so far.
    pub(super) graph: &'a Graph,
    /// Elements of small values known so far.
    pub(super) vectors: &'a Vectors,
}

impl<'a> Context<'a> {
    pub(super) fn has(&self, index: usize) -> bool {
        self.node.input(index).is_some()
    }

    /// Returns the number of inputs, including omitted ones.
    pub(super) fn inputs(&self) -> usize {
        self.node.inputs.len()
    }

    /// Returns the number of outputs, including omitted ones.
    pub(super) fn outputs(&self) -> usize {
        self.node.outputs.len()
    }

    pub(super) fn name(&self, index: usize) -> &'a str {
        self.node.input(index).map_or("", |id| &self.graph.value(id).name)
    }

    /// Returns the element type of input `index`, if it is present and known.
    pub(super) fn dtype(&self, index: usize) -> Option<DType> {
        self.graph.value(self.node.input(index)?).dtype
    }

    /// Returns the first known element type among the inputs `from..`, which all have the same type.
    pub(super) fn common_dtype(&self, from: usize) -> Option<DType> {
        (from..self.inputs()).find_map(|index| self.dtype(index))
    }

    pub(super) fn shape(&self, index: usize) -> Known<&'a [Dim]> {
        let Some(id) = self.node.input(index) else { return fault(format!("input {index} is missing")) };
        let value = self.graph.value(id);
        match (&value.shape, &value.other_type) {
            (Some(shape), None) => Ok(shape),
            (_, Some(other)) => gap(format!("input {} is of a type that is no tensor: {}", value.name, other.kind)),
            (None, None) => gap(format!("the shape of input {} is not known", self.name(index))),
        }
    }

    pub(super) fn shape_of(&self, index: usize) -> Known<Shape> {
        self.shape(index).map(<[_]>::to_vec)
    }

    pub(super) fn shape_of_rank(&self, index: usize, rank: usize) -> Known<&'a [Dim]> {
        let shape = self.shape(index)?;
        match shape.len() == rank {
            true => Ok(shape),
            false => fault(format!("input {} has {}, not {rank}", self.name(index), counted(shape.len(), "dimension"))),
        }
    }

    pub(super) fn shape_from_rank(&self, index: usize, rank: usize) -> Known<&'a [Dim]> {
        let shape = self.shape(index)?;
        match shape.len() >= rank {
            true => Ok(shape),
            false => fault(format!(
                "input {} has {}, fewer than {rank}",
                self.name(index),
                counted(shape.len(), "dimension")
            )),
        }
    }

    /// Returns the elements of input `index`, if they are carried.
    pub(super) fn vector(&self, index: usize) -> Option<&'a Vector> {
        self.vectors.get(self.node.input(index)?)
    }

    /// Returns the elements of input `index`.
    pub(super) fn numbers(&self, index: usize) -> Known<&'a [Num]> {
        match (self.node.input(index), self.vector(index)) {
            (_, Some(vector)) => Ok(&vector.items),
            (Some(_), None) => gap(format!("depends on the elements of input {}", self.name(index))),
            (None, _) => fault(format!("input {index} is missing")),
        }
    }

    pub(super) fn whole_numbers(&self, index: usize) -> Known<Vec<i64>> {
        let ints = self.numbers(index)?.iter().map(Num::int).collect::<Option<Vec<_>>>();
        ints.map_or_else(|| gap(format!("depends on the elements of input {}", self.name(index))), Ok)
    }

    pub(super) fn whole_number(&self, index: usize) -> Known<i64> {
        match self.whole_numbers(index)?[..] {
            [number] => Ok(number),
            _ => fault(format!("input {} is not one number", self.name(index))),
        }
    }

    /// Returns the number of elements of the vector input `index`, if its shape determines it.
    pub(super) fn length(&self, index: usize) -> Known<usize> {
        if let Some(vector) = self.vector(index) {
            return Ok(vector.items.len());
        }
        match self.shape_of_rank(index, 1)?[0].known() {
            Some(length) => Ok(length),
            None => gap(format!("the length of input {} is not known", self.name(index))),
        }
    }

    /// Refuses an attribute that is there without a `value` of its kind.
    fn attribute<T>(&self, name: &str, value: Option<T>, kind: &str) -> Known<Option<T>> {
        match value.is_none() && self.node.attributes.contains_key(name) {
            true => fault(format!("attribute {name} is no {kind}")),
            false => Ok(value),
        }
    }

    pub(super) fn int(&self, name: &str) -> Known<Option<i64>> {
        self.attribute(name, self.node.int(name), "whole number")
    }

    pub(super) fn int_or(&self, name: &str, default: i64) -> Known<i64> {
        Ok(self.int(name)?.unwrap_or(default))
    }

    pub(super) fn need_int(&self, name: &str) -> Known<i64> {
        self.int(name)?.map_or_else(|| fault(format!("attribute {name} is missing")), Ok)
    }

    /// Returns `true` if the attribute is present and not 0.
    pub(super) fn flag(&self, name: &str, default: bool) -> Known<bool> {
        Ok(self.int(name)?.map_or(default, |value| value != 0))
    }

    pub(super) fn ints(&self, name: &str) -> Known<Option<&'a [i64]>> {
        self.attribute(name, self.node.ints(name), "list of whole numbers")
    }

    pub(super) fn need_ints(&self, name: &str) -> Known<&'a [i64]> {
        self.ints(name)?.map_or_else(|| fault(format!("attribute {name} is missing")), Ok)
    }

    pub(super) fn floats(&self, name: &str) -> Known<Option<&'a [f32]>> {
        self.attribute(name, self.node.floats(name), "list of real numbers")
    }

    pub(super) fn text_or(&self, name: &str, default: &'a str) -> Known<&'a str> {
        Ok(self.attribute(name, self.node.text(name), "text")?.unwrap_or(default))
    }

    pub(super) fn tensor(&self, name: &str) -> Known<Option<&'a Tensor>> {
        self.attribute(name, self.node.tensor(name), "tensor")
    }

    /// Returns an element type attribute, with a default in case it is missing or 0 (ONNX's "undefined").
    pub(super) fn type_or(&self, name: &str, default: Option<DType>) -> Known<Option<DType>> {
        match self.int(name)? {
            None | Some(0) => Ok(default),
            Some(number) => Ok(DType::of_number(number)),
        }
    }

    /// Returns a list of whole numbers that is an attribute `name` before opset `since` and input `index` from then on;
    /// `None` if omitted.
    pub(super) fn axes(&self, name: &str, since: i64, index: usize) -> Known<Option<Vec<i64>>> {
        if self.opset < since {
            return Ok(self.ints(name)?.map(<[i64]>::to_vec));
        }
        if self.node.attributes.contains_key(name) {
            return fault(format!("attribute {name} is an input from opset {since} on"));
        }
        if self.has(index) { self.whole_numbers(index).map(Some) } else { Ok(None) }
    }
}

/// Converts `axis` to an index into a shape of `rank` dimensions: negative ones count from the end.
pub(super) fn axis_of(axis: i64, rank: usize) -> Known<usize> {
    let fault = || fault(format!("axis {axis} is not within {}", counted(rank, "dimension")));
    place_of(axis, rank).map_or_else(fault, Ok)
}

/// Converts `axes` to indices, each of which may occur once.
pub(super) fn axes_of(axes: &[i64], rank: usize) -> Known<Vec<usize>> {
    let mut places = Vec::new();
    for axis in axes {
        let place = axis_of(*axis, rank)?;
        if places.contains(&place) {
            return fault(format!("axis {axis} is given twice"));
        }
        places.push(place);
    }
    Ok(places)
}
