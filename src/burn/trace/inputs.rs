//! Inputs of a forward: named, with axes that are fixed or symbols.

use std::fmt;

use burn::backend::ir::TensorId;
use burn::backend::{BoolStore, DType, TensorData};
use burn::tensor::{Bool, Device, Float, Int, Tensor};

use super::outputs::id_of;
use super::share;
use gnet_core::{Error, Result};

/// An axis of unspecified length, such as the batch or the length of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    pub(super) name: String,
    pub(super) multiple_of: usize,
    pub(super) at_least: usize,
}

impl Symbol {
    /// Creates a symbol of any size from 1.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), multiple_of: 1, at_least: 1 }
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Restricts the sizes to multiples of `count`: 16 for the height of an image that a network halves four times. The
    /// forward is traced at multiples, and halves of the size are known to be whole.
    pub fn multiple_of(self, count: usize) -> Self {
        Self { multiple_of: count.max(1), ..self }
    }

    /// Sets the smallest size that the forward accepts, such as the kernel of a convolution without padding. It is
    /// traced from there on.
    pub fn at_least(self, size: usize) -> Self {
        Self { at_least: size.max(1), ..self }
    }

    /// Returns the `place`-th allowed size, counted from 1.
    pub(crate) fn nth(&self, place: usize) -> usize {
        (place + self.smallest_unit() - 1) * self.multiple_of
    }

    /// Returns the smallest size in units of the multiple.
    pub(super) fn smallest_unit(&self) -> usize {
        self.at_least.div_ceil(self.multiple_of)
    }

    /// Merges the constraints of two mentions of one symbol.
    fn join(&mut self, other: &Self) {
        let (mut a, mut b) = (self.multiple_of, other.multiple_of);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        self.multiple_of = self.multiple_of / a * other.multiple_of;
        self.at_least = self.at_least.max(other.at_least);
    }
}

/// One axis of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Axis {
    /// Fixed length.
    Fixed(usize),
    /// Open length.
    Symbol(Symbol),
}

impl From<usize> for Axis {
    fn from(size: usize) -> Self {
        Self::Fixed(size)
    }
}

impl From<&str> for Axis {
    fn from(symbol: &str) -> Self {
        Self::Symbol(Symbol::new(symbol))
    }
}

impl From<Symbol> for Axis {
    fn from(symbol: Symbol) -> Self {
        Self::Symbol(symbol)
    }
}

/// Creates the axes of an input: numbers are fixed sizes, texts are symbols, and a [`Symbol`](crate::trace::Symbol)
/// adds constraints.
///
/// ```
/// # use gnet_burn as gnet;
/// use gnet::{axes, trace::{Axis, Symbol}};
///
/// assert_eq!(axes!["N", 3, 224, 224][1], Axis::Fixed(3));
/// assert_eq!(axes![Symbol::new("T")], axes!["T"]);
/// ```
#[macro_export]
macro_rules! axes {
    ($($axis:expr),* $(,)?) => { vec![$($crate::trace::Axis::from($axis)),*] };
}

/// A named input of a forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name in the exported graph.
    pub name: String,
    /// Axes including the batch; see [`axes!`](crate::axes).
    pub axes: Vec<Axis>,
}

impl Input {
    /// Creates an input of this name and shape.
    pub fn new(name: impl Into<String>, axes: impl Into<Vec<Axis>>) -> Self {
        Self { name: name.into(), axes: axes.into() }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axis = |axis: &Axis| match axis {
            Axis::Fixed(size) => size.to_string(),
            Axis::Symbol(symbol) => symbol.name.clone(),
        };
        write!(f, "{} [{}]", self.name, self.axes.iter().map(axis).collect::<Vec<_>>().join(", "))
    }
}

pub(crate) fn symbols(inputs: &[Input]) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for axis in inputs.iter().flat_map(|input| &input.axes) {
        let Axis::Symbol(symbol) = axis else { continue };
        match symbols.iter_mut().find(|known| known.name == symbol.name) {
            Some(known) => known.join(symbol),
            None => symbols.push(symbol.clone()),
        }
    }
    symbols
}

/// Arguments of a forward: a float, integer or boolean tensor, or a tuple of up to six of them.
///
/// Integers are 64-bit in the exported graph, as in ONNX's own operations.
pub trait Inputs: Sized {
    /// Takes the arguments from a feed, in order.
    ///
    /// # Errors
    /// Fails if the rank differs from that of the next tensor in the feed.
    fn take(feed: &mut Feed) -> Result<Self>;
}

/// A tensor that is about to be passed to a forward.
#[derive(Debug, Clone)]
pub(crate) struct Fed {
    /// Name of the input.
    pub name: String,
    pub shape: Vec<usize>,
    /// Values of any element type as numbers; zeros if none are given.
    pub values: Option<Vec<f32>>,
}

/// Tensors that are about to be passed to a forward.
pub struct Feed<'a> {
    device: &'a Device,
    /// Element type of integers.
    int: DType,
    waiting: std::vec::IntoIter<Fed>,
    /// The capture device's ID of each tensor that was taken, in order.
    ids: Vec<TensorId>,
}

impl<'a> Feed<'a> {
    /// Creates a feed for a device that computes.
    pub(crate) fn new(device: &'a Device, tensors: Vec<Fed>) -> Self {
        Self { device, int: DType::I32, waiting: tensors.into_iter(), ids: Vec::new() }
    }

    /// Creates a feed for the capture device.
    pub(super) fn capture(device: &'a Device, tensors: Vec<Fed>) -> Self {
        Self { int: DType::I64, ..Self::new(device, tensors) }
    }

    /// Returns the IDs of the tensors taken, which must be all of them.
    pub(super) fn finish(mut self) -> Result<Vec<TensorId>> {
        match self.waiting.next() {
            None => Ok(self.ids),
            Some(left) => Err(Error::input(format!("input '{}'", left.name), "is one more than the forward takes")),
        }
    }

    /// Takes the next tensor, which must have this rank, with its values in `dtype`.
    fn next(&mut self, rank: usize, dtype: DType) -> Result<TensorData> {
        let Some(Fed { name, shape, values }) = self.waiting.next() else {
            return Err(Error::input("inputs", "are fewer than the forward takes").remedy("describe every one of them"));
        };
        if shape.len() != rank {
            let reason = format!("the forward takes a tensor of rank {rank}, not of shape {shape:?}");
            return Err(Error::input(format!("input '{name}'"), reason));
        }
        let values = values.unwrap_or_else(|| vec![0.0; shape.iter().product()]);
        Ok(TensorData::new(values, shape).convert_dtype(dtype))
    }
}

/// A tensor created on the capture device would be a constant; one that is moved there is an input.
macro_rules! takes {
    ($kind:ty, $dtype:expr) => {
        impl<const D: usize> Inputs for Tensor<D, $kind> {
            fn take(feed: &mut Feed) -> Result<Self> {
                let dtype: fn(&Feed) -> DType = $dtype;
                let dtype = dtype(feed);
                let data = feed.next(D, dtype)?;
                let tensor = share::moved(Self::from_data(data, (&Device::flex(), dtype)), feed.device);
                feed.ids.extend(id_of(&tensor));
                Ok(tensor)
            }
        }
    };
}
takes!(Float, |_| DType::F32);
takes!(Int, |feed| feed.int);
takes!(Bool, |_| DType::Bool(BoolStore::Native));

macro_rules! tuples {
    ($($name:ident),+) => {
        impl<$($name: Inputs),+> Inputs for ($($name,)+) {
            fn take(feed: &mut Feed) -> Result<Self> {
                Ok(($($name::take(feed)?,)+))
            }
        }
    };
}
tuples!(A);
tuples!(A, B);
tuples!(A, B, C);
tuples!(A, B, C, D);
tuples!(A, B, C, D, E);
tuples!(A, B, C, D, E, F);
