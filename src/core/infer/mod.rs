//! Types and shapes of a graph's values, from those of its inputs, with symbolic dimensions.
//!
//! [`infer`] walks the nodes in order. For each, a rule of its operation (`table` lists them, `rules` holds one file a
//! family) computes element types and shapes of the outputs from those of the inputs, the attributes and the opset; what the
//! file states beside it is merged in. Beside shapes, the walk carries the elements of small vectors (`evaluate`, one file a
//! family): the `Shape`, `Gather`, `Concat`, `Reshape` chains that exporters leave behind compute shapes with them, and a
//! symbol such as the batch survives in them.
//!
//! Nothing is invented: a value whose type or shape cannot be known stays unknown and becomes a [`Gap`] with the reason, and a
//! dimension that is no line in one symbol is [`Dim::Unknown`]. What follows from the graph's inputs outranks what the file
//! states of a value in between or of an output: a stated size fills a gap, and never takes the place of a number or of a
//! symbol. A file whose batch was opened by hand may still state the size at which it was exported. Where the two
//! contradict, the stated one goes and is [overruled](Inference::overruled).

mod context;
mod evaluate;
mod fact;
mod merge;
mod number;
mod rules;
mod table;
mod vector;
mod walk;

use std::fmt;

use serde::Serialize;

use crate::Result;
use crate::graph::{DType, Dim, Model, Sizes, Value, shape_text};

pub(crate) use merge::stated as settle;

/// What inference found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Inference {
    /// Values (inputs and what nodes make, in subgraphs too) whose element type and every dimension is now known; a symbol counts as known.
    pub known: usize,
    /// The others, in the order in which they are made.
    pub unknown: Vec<Gap>,
    /// What the file states and what follows from its inputs contradicts.
    pub overruled: Vec<Overruled>,
}

impl Inference {
    /// Whether every value is known.
    pub fn is_complete(&self) -> bool {
        self.unknown.is_empty()
    }
}

/// A statement of the file about a value that does not hold, or not at every size of a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overruled {
    /// Name of the value.
    pub value: String,
    /// What the file says: an element type or a shape.
    pub stated: String,
    /// What follows from the graph's inputs, which stands.
    pub inferred: String,
}

impl Overruled {
    /// What `value` is stated to be and cannot, given what follows from the graph's inputs.
    pub(crate) fn of(value: &Value, dtype: Option<DType>, shape: Option<&[Dim]>) -> Option<Self> {
        let overruled = |stated: String, inferred: String| Self { value: value.name.clone(), stated, inferred };
        if let (Some(stated), Some(inferred)) = (value.dtype, dtype)
            && stated != inferred
        {
            return Some(overruled(stated.to_string(), inferred.to_string()));
        }
        let (stated, inferred) = value.shape.as_deref().zip(shape)?;
        settle(inferred, stated).contradicts.then(|| overruled(shape_text(stated), shape_text(inferred)))
    }
}

impl fmt::Display for Overruled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, stated, inferred } = self;
        write!(f, "value {value}: the file says {stated}, its node makes {inferred}, which stands")
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
/// A size for an input or symbol that is not there, a shape of another rank, or sizes at odds with one another; a node whose
/// inputs or attributes its operation does not allow.
pub fn infer(model: &mut Model, inputs: &Sizes) -> Result<Inference> {
    inputs.put_into(&mut model.graph)?;
    walk::walk(model)
}
