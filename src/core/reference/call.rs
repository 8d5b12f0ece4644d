//! One evaluation of a node: its attributes and inputs, asked for in the words of the operator documentation.

use super::Limits;
use super::index;
use super::numbers::{self, Array};
use crate::graph::{DType, Node, Tensor};
use crate::words::counted;
use crate::{Error, Result};

pub(super) struct Call<'a> {
    pub node: &'a Node,
    pub opset: i64,
    pub inputs: &'a [Option<&'a Tensor>],
    pub limits: Limits,
}

impl<'a> Call<'a> {
    /// An input that may be left out.
    pub fn optional(&self, index: usize) -> Option<&'a Tensor> {
        self.inputs.get(index).copied().flatten()
    }

    pub fn tensor(&self, index: usize) -> Result<&'a Tensor> {
        self.optional(index).ok_or_else(|| self.wrong(format!("input {index} is missing")))
    }

    /// An input as numbers.
    pub fn array(&self, index: usize) -> Result<Array> {
        Array::of(self.tensor(index)?)
    }

    pub fn optional_array(&self, index: usize) -> Result<Option<Array>> {
        self.optional(index).map(Array::of).transpose()
    }

    /// All inputs, none of which may be left out.
    pub fn tensors(&self) -> Result<Vec<&'a Tensor>> {
        (0..self.inputs.len()).map(|i| self.tensor(i)).collect()
    }

    /// Whole numbers that stand in an attribute or, since a later operator set, in an input; `None` when in neither.
    pub fn numbers(&self, attribute: &str, input: usize) -> Result<Option<Vec<i64>>> {
        match (self.node.ints(attribute), self.optional(input)) {
            (Some(values), _) => Ok(Some(values.to_vec())),
            (None, Some(tensor)) => Array::of(tensor)?.to_i64().map(Some),
            (None, None) => Ok(None),
        }
    }

    /// As [`Call::numbers`], of an input alone.
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

    /// An axis counted from either end, as one of `0..rank`.
    pub fn axis(&self, axis: i64, rank: usize) -> Result<usize> {
        let counted = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
        let found = counted.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < rank);
        found.ok_or_else(|| self.wrong(format!("axis {axis} is not among {rank}")))
    }

    /// Several axes, each once.
    pub fn axes(&self, axes: &[i64], rank: usize) -> Result<Vec<usize>> {
        let mut found = axes.iter().map(|axis| self.axis(*axis, rank)).collect::<Result<Vec<_>>>()?;
        found.sort_unstable();
        match found.windows(2).any(|pair| pair[0] == pair[1]) {
            true => Err(self.wrong("an axis is given twice")),
            false => Ok(found),
        }
    }

    /// The attribute `axis`.
    pub fn the_axis(&self, default: i64, rank: usize) -> Result<usize> {
        self.axis(self.int("axis", default), rank)
    }

    /// Numbers that must be sizes.
    pub fn sizes(&self, values: &[i64]) -> Result<Vec<usize>> {
        let size = |v: &i64| usize::try_from(*v).map_err(|_| self.wrong(format!("{v} is no size")));
        values.iter().map(size).collect()
    }

    /// The number of elements of a result, when it and the `terms` behind each element are within the limits.
    pub fn room(&self, shape: &[usize], terms: usize) -> Result<usize> {
        let elements = index::count(shape).filter(|n| *n <= self.limits.elements);
        let fits = elements.filter(|n| (*n as u64).checked_mul(terms as u64).is_some_and(|t| t <= self.limits.terms));
        fits.ok_or_else(|| {
            self.wrong(format!("a result of {shape:?} from {} each is past the limits", counted(terms, "term")))
        })
    }

    /// The input must have at least this rank.
    pub fn at_least(&self, tensor: &Tensor, rank: usize) -> Result<()> {
        match tensor.shape().len() < rank {
            true => Err(self.wrong(format!("takes rank {rank} or more, not {:?}", tensor.shape()))),
            false => Ok(()),
        }
    }

    pub fn wrong(&self, reason: impl std::fmt::Display) -> Error {
        Error::input(&self.node.op_type, reason)
    }

    /// The element type that an attribute names by ONNX's number.
    pub fn dtype(&self, attribute: &str) -> Result<Option<DType>> {
        let Some(number) = self.node.int(attribute) else { return Ok(None) };
        let unknown = || self.wrong(format!("element type {number} is not computed with"));
        numbers::dtype_of(number).map(Some).ok_or_else(unknown)
    }
}

/// The one result of most operations.
pub(super) fn one(tensor: Tensor) -> Result<Vec<Tensor>> {
    Ok(vec![tensor])
}
