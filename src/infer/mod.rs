//! Types and shapes of a graph's values, from those of its inputs, with symbolic dimensions.
//!
//! [`infer`] walks the nodes in order. For each, a rule of its operation (`table` lists them, `rules` holds one file a
//! family) computes element types and shapes of the outputs from those of the inputs, the attributes and the opset; what the
//! file states beside it is merged in. Beside shapes, the walk carries the elements of small vectors (`evaluate`, one file a
//! family): the `Shape`, `Gather`, `Concat`, `Reshape` chains that exporters leave behind compute shapes with them, and a
//! symbol such as the batch survives in them.
//!
//! Nothing is invented: a value whose type or shape cannot be known stays unknown and becomes a [`Gap`] with the reason, and a
//! dimension that is no line in one symbol is [`Dim::Unknown`](crate::graph::Dim::Unknown). What the file states is believed
//! where it is more precise; where it contradicts what follows from the inputs, the file is wrong and that is an error.

mod context;
mod control;
mod evaluate;
mod fact;
mod merge;
mod number;
mod rules;
mod table;
mod vector;
mod walk;

use serde::Serialize;

use crate::Result;
use crate::graph::{Model, Sizes};

/// The older name of [`Sizes`].
pub use crate::graph::Sizes as Overrides;

/// What inference found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Inference {
    /// Values (inputs and what nodes make, in subgraphs too) whose element type and every dimension is now known; a symbol counts as known.
    pub known: usize,
    /// The others, in the order in which they are made.
    pub unknown: Vec<Gap>,
}

impl Inference {
    /// Whether every value is known.
    pub fn is_complete(&self) -> bool {
        self.unknown.is_empty()
    }
}

/// A value whose type or shape could not be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Name of the value.
    pub value: String,
    /// Name of the node that makes it; empty for an input of the model.
    pub node: String,
    /// Operation of that node; empty for an input of the model.
    pub op: String,
    /// Why it could not be known.
    pub reason: String,
}

/// Fills in element type and shape of every value of `model` that can be known, starting from its inputs' shapes: those in
/// `inputs`, else those of the file.
///
/// A size given for a symbol of the file holds for that symbol everywhere. A size given against a fixed size of the file
/// replaces it, and what the file says of values that depend on that input is computed anew.
///
/// # Errors
/// A size for an input or symbol that is not there, a shape of another rank, or sizes at odds with one another; a node whose inputs or attributes its
/// operation does not allow; a shape or type that the file states and that contradicts what its node computes.
pub fn infer(model: &mut Model, inputs: &Sizes) -> Result<Inference> {
    inputs.put_into(&mut model.graph)?;
    walk::walk(model)
}
