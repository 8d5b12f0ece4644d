//! Sizes that a file leaves open, as a caller gives them: one type and one notation for every command.
//!
//! [`Sizes`] holds shapes of inputs and sizes of symbols. What they come to for one file is a [`Fit`]: put into the shapes
//! of a decoded model they are counted and drawn with ([`Sizes::put_into`]); an engine is fed with them, its file as it is
//! ([`Sizes::fed`]).

mod fed;
mod fit;
mod formula;
mod notation;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use fed::Fed;
pub(super) use fit::formula;
pub use fit::symbols;
pub use fit::{Fit, Rule, Stated};
pub use formula::mentions;

use self::notation::Shape;
use super::Graph;
use crate::{Error, Result};

/// Sizes for the inputs of a model: shapes, and sizes of the symbols in the file's own shapes.
///
/// ```
/// # use gnet_core as gnet;
/// use gnet::graph::Sizes;
///
/// let mut sizes = Sizes::input("image=Nx3x224x224")?;
/// sizes.extend(Sizes::input("mask=1,S")?);
/// sizes.extend(Sizes::dim("S", 128));
/// # Ok::<(), gnet::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sizes {
    inputs: Vec<Shape>,
    dims: Vec<(String, usize)>,
}

impl Sizes {
    /// No sizes: shapes are those of the file.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the shape of one input: `NAME=SHAPE`, or `SHAPE` alone for a model with one input.
    ///
    /// A shape is sizes with commas between them or an `x`: `1,3,224,224` or `1x3x224x224`. A size is a number, a symbol
    /// (`N`, `2*N+1`) or `?`, which leaves what the file says; an empty shape is a scalar's. A name may hold any of these
    /// signs, for the last `=` parts it from the shape. Where a symbol holds an `x`, the number of axes in the file tells
    /// how it is meant, or commas do.
    ///
    /// # Errors
    /// A size that is none of these.
    pub fn input(text: &str) -> Result<Self> {
        Ok(Self { inputs: vec![Shape::parse(text)?], dims: Vec::new() })
    }

    /// The shape of one input, by its name in the file.
    ///
    /// # Errors
    /// A dimension that is none of the notation of [`input`](Self::input).
    pub fn shape<D: fmt::Display>(name: &str, shape: &[D]) -> Result<Self> {
        let sizes: Vec<String> = shape.iter().map(D::to_string).collect();
        Self::input(&format!("{name}={}", sizes.join(",")))
    }

    /// The size of a symbol, by its name in the file.
    pub fn dim(symbol: impl Into<String>, size: usize) -> Self {
        Self { inputs: Vec::new(), dims: vec![(symbol.into(), size)] }
    }

    /// Sizes of several symbols.
    pub fn of_dims<S: AsRef<str>>(sizes: &[(S, usize)]) -> Self {
        let dims = sizes.iter().map(|(symbol, size)| (symbol.as_ref().to_owned(), *size));
        Self { inputs: Vec::new(), dims: dims.collect() }
    }

    /// Adds those of another list.
    pub fn extend(&mut self, other: Self) {
        self.inputs.extend(other.inputs);
        self.dims.extend(other.dims);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.dims.is_empty()
    }

    /// The sizes that are given for symbols.
    pub fn dims(&self) -> &[(String, usize)] {
        &self.dims
    }

    /// Those that a file with these inputs can take: one of two files may have another name for an input, or may have
    /// fixed what the other leaves open.
    pub fn fitting(&self, inputs: &[Stated<'_>]) -> Self {
        let shapes = self.inputs.iter().filter(|shape| shape.place(inputs).is_ok());
        let mut fitting = Self { inputs: shapes.cloned().collect(), dims: Vec::new() };
        let symbols = fitting.symbols(inputs);
        fitting.dims = self.dims.iter().filter(|(symbol, _)| fit::is_known(symbol, &symbols)).cloned().collect();
        fitting
    }

    /// Refuses what fits no file of several.
    ///
    /// # Errors
    /// An input that none has, a symbol that no input's shape has; the error names those there are.
    pub fn ensure_used(&self, files: &[&Graph]) -> Result<()> {
        let files: Vec<_> = files.iter().map(|graph| graph.stated_inputs()).collect();
        for shape in &self.inputs {
            let mut places = files.iter().map(|inputs| shape.place(inputs));
            if let Some(Err(error)) = places.next()
                && places.all(|place| place.is_err())
            {
                return Err(error);
            }
        }
        let fitting: Vec<_> = files.iter().map(|inputs| self.fitting(inputs)).collect();
        let unused = self.dims.iter().find(|dim| !fitting.iter().any(|sizes| sizes.dims.contains(dim)));
        let Some((symbol, size)) = unused else { return Ok(()) };
        let mut symbols: Vec<_> = files.iter().flat_map(|inputs| self.symbols(inputs)).collect();
        symbols.sort();
        symbols.dedup();
        Err(no_symbol(format!("--dim {symbol}={size}"), &symbols))
    }

    /// The symbols of the inputs' shapes, those in the file and those given, in the order in which they stand there.
    fn symbols(&self, inputs: &[Stated<'_>]) -> Vec<String> {
        let mut found = symbols(inputs.iter().filter_map(|input| input.shape).flatten());
        for shape in &self.inputs {
            let rank = shape.place(inputs).ok().and_then(|place| Some(inputs[place].shape?.len()));
            for symbol in symbols(shape.at_rank(rank).unwrap_or_default()) {
                if !found.contains(&symbol) {
                    found.push(symbol);
                }
            }
        }
        found
    }
}

/// As flags of the command line: `--input x=1,3,224,224 --dim T=128`.
impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs = self.inputs.iter().map(|shape| format!("--input {shape}"));
        let dims = self.dims.iter().map(|(symbol, size)| format!("--dim {symbol}={size}"));
        f.write_str(&inputs.chain(dims).collect::<Vec<_>>().join(" "))
    }
}

fn no_symbol(thing: String, symbols: &[String]) -> Error {
    let error = Error::input(thing, "no input's shape has this symbol");
    match symbols {
        [] => error.remedy("every size of the inputs is a number or has no name; --input NAME=SHAPE gives the latter"),
        _ => error.remedy(format!("the inputs' symbols are {}", symbols.join(", "))),
    }
}

#[cfg(test)]
mod tests;
