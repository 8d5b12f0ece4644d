//! Sizes that a file leaves open, as given by a caller: one type and one notation for every command.
//!
//! [`Sizes`] holds shapes of inputs and sizes of symbols. Applied to one file they give a [`Fit`]: they are put into
//! the shapes of a decoded model for counting and drawing ([`Sizes::put_into`]), or fed to an engine with the file
//! unchanged ([`Sizes::fed`]).

mod fed;
mod fit;
mod formula;
mod notation;

use std::fmt;

use schemars::JsonSchema;
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
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct Sizes {
    /// Shapes of inputs, as `--input` takes them.
    #[schemars(with = "Vec<String>")]
    inputs: Vec<Shape>,
    /// Names of open sizes, each with its size.
    dims: Vec<(String, usize)>,
}

impl Sizes {
    /// Returns no sizes: shapes are those of the file.
    pub fn none() -> Self {
        Self::default()
    }

    /// Parses the shape of one input: `NAME=SHAPE`, or `SHAPE` alone for a model with one input.
    ///
    /// A shape is a list of sizes separated by commas or `x`: `1,3,224,224` or `1x3x224x224`. A size is a number, a
    /// symbol (`N`, `2*N+1`) or `?`, which keeps the size stated in the file; an empty shape is that of a scalar. A
    /// name may contain any of these characters, since the last `=` separates it from the shape. If a symbol contains
    /// an `x`, the number of axes in the file decides the meaning, or commas do.
    ///
    /// # Errors
    /// Fails on a size that is none of these.
    pub fn input(text: &str) -> Result<Self> {
        Ok(Self { inputs: vec![Shape::parse(text)?], dims: Vec::new() })
    }

    /// Returns the shape of one input, by its name in the file.
    ///
    /// # Errors
    /// Fails if a dimension is not in the notation of [`input`](Self::input).
    pub fn shape<D: fmt::Display>(name: &str, shape: &[D]) -> Result<Self> {
        let sizes: Vec<String> = shape.iter().map(D::to_string).collect();
        Self::input(&format!("{name}={}", sizes.join(",")))
    }

    /// Returns the size of a symbol, by its name in the file.
    pub fn dim(symbol: impl Into<String>, size: usize) -> Self {
        Self { inputs: Vec::new(), dims: vec![(symbol.into(), size)] }
    }

    /// Returns sizes of several symbols.
    pub fn of_dims<S: AsRef<str>>(sizes: &[(S, usize)]) -> Self {
        let dims = sizes.iter().map(|(symbol, size)| (symbol.as_ref().to_owned(), *size));
        Self { inputs: Vec::new(), dims: dims.collect() }
    }

    /// Appends the sizes of another list.
    pub fn extend(&mut self, other: Self) {
        self.inputs.extend(other.inputs);
        self.dims.extend(other.dims);
    }

    /// Returns `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.dims.is_empty()
    }

    /// Returns the shapes given for inputs, in the notation of [`input`](Self::input).
    pub fn shapes(&self) -> impl Iterator<Item = String> {
        self.inputs.iter().map(Shape::to_string)
    }

    /// Returns the sizes given for symbols.
    pub fn dims(&self) -> &[(String, usize)] {
        &self.dims
    }

    /// Returns the sizes that apply to a file with these inputs: one of two files may have another name for an input,
    /// or may fix what the other leaves open.
    pub fn fitting(&self, inputs: &[Stated<'_>]) -> Self {
        let shapes = self.inputs.iter().filter(|shape| shape.place(inputs).is_ok());
        let mut fitting = Self { inputs: shapes.cloned().collect(), dims: Vec::new() };
        let symbols = fitting.symbols(inputs);
        fitting.dims = self.dims.iter().filter(|(symbol, _)| fit::is_known(symbol, &symbols)).cloned().collect();
        fitting
    }

    /// Refuses sizes that apply to none of several files.
    ///
    /// # Errors
    /// Fails on an input that no file has, or a symbol that no input's shape has; the error lists the existing ones.
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

    /// Returns the symbols of the inputs' shapes, those in the file and those given, in order of appearance.
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

/// Formatted as flags of the command line: `--input x=1,3,224,224 --dim T=128`.
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
