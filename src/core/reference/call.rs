//! One evaluation of a node: its attributes and inputs, accessed in the terms of the operator documentation.

use super::Limits;
use super::index;
use super::numbers::{self, Array};
use crate::graph::{DType, Node, Tensor, place_of};
use crate::words::counted;
use crate::{Error, Result};

pub(super) struct Call<'a> {
    pub node: &'a Node,
    pub opset: i64,
    pub inputs: &'a [Option<&'a Tensor>],
    pub limits: Limits,
}

impl<'a> Call<'a> {
    /// Returns an input that may be omitted.
    pub fn optional(&self, index: usize) -> Option<&'a Tensor> {
        self.inputs.get(index).copied().flatten()
    }

    pub fn tensor(&self, index: usize) -> Result<&'a Tensor> {
        self.optional(index).ok_or_else(|| self.wrong(format!("input {index} is missing")))
    }

    pub fn array(&self, index: usize) -> Result<Array> {
        Array::of(self.tensor(index)?)
    }

    pub fn optional_array(&self, index: usize) -> Result<Option<Array>> {
        self.optional(index).map(Array::of).transpose()
    }

    /// Returns all inputs, none of which may be omitted.
    pub fn tensors(&self) -> Result<Vec<&'a Tensor>> {
        (0..self.inputs.len()).map(|i| self.tensor(i)).collect()
    }

    /// Returns whole numbers from an attribute or, since a later operator set, from an input; `None` if neither is
    /// present.
    pub fn numbers(&self, attribute: &str, input: usize) -> Result<Option<Vec<i64>>> {
        match (self.node.ints(attribute), self.optional(input)) {
            (Some(values), _) => Ok(Some(values.to_vec())),
            (None, Some(tensor)) => Array::of(tensor)?.to_i64().map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Does the same as [`Call::numbers`] for an input alone.
    pub fn input_numbers(&self, input: usize) -> Result<Vec<i64>> {
        self.array(input)?.to_i64()
    }

    pub fn int(&self, attribute: &str, default: i64) -> i64 {
        self.node.int(attribute).unwrap_or(default)
    }

    pub fn flag(&self, attribute: &str) -> bool {
        self.int(attribute, 0) != 0
    }

    pub fn float(&self, attribute: &str, default: f32) -> f64 {
        f64::from(self.node.float(attribute).unwrap_or(default))
    }

    pub fn text(&self, attribute: &str, default: &'a str) -> &'a str {
        self.node.text(attribute).unwrap_or(default)
    }

    /// Converts an axis counted from either end to one of `0..rank`.
    pub fn axis(&self, axis: i64, rank: usize) -> Result<usize> {
        place_of(axis, rank).ok_or_else(|| self.wrong(format!("axis {axis} is not among {rank}")))
    }

    /// Converts several axes, each of which may occur once.
    pub fn axes(&self, axes: &[i64], rank: usize) -> Result<Vec<usize>> {
        let mut found = axes.iter().map(|axis| self.axis(*axis, rank)).collect::<Result<Vec<_>>>()?;
        found.sort_unstable();
        match found.windows(2).any(|pair| pair[0] == pair[1]) {
            true => Err(self.wrong("an axis is given twice")),
            false => Ok(found),
        }
    }

    pub fn the_axis(&self, default: i64, rank: usize) -> Result<usize> {
        self.axis(self.int("axis", default), rank)
    }

    pub fn sizes(&self, values: &[i64]) -> Result<Vec<usize>> {
        let size = |v: &i64| usize::try_from(*v).map_err(|_| self.wrong(format!("{v} is no size")));
        values.iter().map(size).collect()
    }

    /// Returns the number of elements of a result, if it and the `terms` per element are within the limits.
    pub fn room(&self, shape: &[usize], terms: usize) -> Result<usize> {
        let elements = index::count(shape).filter(|n| *n <= self.limits.elements);
        let fits = elements.filter(|n| (*n as u64).checked_mul(terms as u64).is_some_and(|t| t <= self.limits.terms));
        fits.ok_or_else(|| {
            self.wrong(format!("a result of {shape:?} from {} each is past the limits", counted(terms, "term")))
        })
    }

    pub fn at_least(&self, tensor: &Tensor, rank: usize) -> Result<()> {
        match tensor.shape().len() < rank {
            true => Err(self.wrong(format!("takes rank {rank} or more, not {:?}", tensor.shape()))),
            false => Ok(()),
        }
    }

    pub fn wrong(&self, reason: impl std::fmt::Display) -> Error {
        Error::input(&self.node.op_type, reason)
    }

    /// Returns the element type that an attribute names by ONNX's number.
    pub fn dtype(&self, attribute: &str) -> Result<Option<DType>> {
        let Some(number) = self.node.int(attribute) else { return Ok(None) };
        let unknown = || self.wrong(format!("element type {number} is not computed with"));
        numbers::dtype_of(number).map(Some).ok_or_else(unknown)
    }
}

/// Wraps the single result of most operations.
pub(super) fn one(tensor: Tensor) -> Result<Vec<Tensor>> {
    Ok(vec![tensor])
}
