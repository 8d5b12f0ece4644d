//! Type and shape inference with symbolic dimensions, starting from a graph's inputs.
//!
//! [`infer`] walks the nodes in order. For each, a rule of its operation (`table` lists them, `rules` holds one file
//! per family) computes element types and shapes of the outputs from those of the inputs, the attributes and the opset;
//! the statements of the file are merged in. Besides shapes, the walk carries the elements of small vectors
//! (`evaluate`, one file per family): the chains of `Shape`, `Gather`, `Concat` and `Reshape` that exporters leave
//! behind compute shapes with them, and a symbol such as the batch is preserved.
//!
//! Nothing is invented: a value whose type or shape cannot be known stays unknown and becomes a [`Gap`] with the
//! reason, and a dimension that is not linear in one symbol is [`Dim::Unknown`]. What follows from the graph's inputs
//! takes precedence over what the file states about an intermediate value or an output: a stated size fills a gap, and
//! never replaces a number or a symbol. A file whose batch was opened by hand may still state the size at which it was
//! exported. If the two contradict each other, the stated one is dropped and [overruled](Inference::overruled).
//!
//! ```
//! # use gnet_core as gnet;
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).unwrap();
//! use gnet::graph::{Sizes, shape_text};
//! use gnet::{infer, onnx};
//!
//! let mut model = onnx::read_file("dynamic.onnx".as_ref())?;
//! let found = infer::infer(&mut model, &Sizes::input("x=2*K,2,5,5")?)?;
//! assert!(found.is_complete());
//! let rows = model.graph.find("row").unwrap();
//! assert_eq!(model.graph.value(rows).shape.as_deref().map(shape_text).unwrap(), "2*K x 27");
//! # Ok::<(), gnet::Error>(())
//! ```

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

/// Result of inference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Inference {
    /// Number of values (inputs and outputs of nodes, in subgraphs too) whose element type and every dimension is now
    /// known; a symbol counts as known.
    pub known: usize,
    /// The other values, in the order in which they are produced.
    pub unknown: Vec<Gap>,
    /// Statements of the file that contradict what follows from its inputs.
    pub overruled: Vec<Overruled>,
}

impl Inference {
    /// Returns `true` if every value is known.
    pub fn is_complete(&self) -> bool {
        self.unknown.is_empty()
    }
}

/// A statement of the file about a value that is wrong, at least for some size of a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Overruled {
    /// Name of the value.
    pub value: String,
    /// Element type or shape stated in the file.
    pub stated: String,
    /// The one that follows from the graph's inputs and takes precedence.
    pub inferred: String,
}

impl Overruled {
    /// Returns the statement about `value` that is impossible, given what follows from the graph's inputs.
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

/// A value whose type or shape could not be inferred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Gap {
    /// Name of the value.
    pub value: String,
    /// Name of the node that produces it; empty for an input of the model.
    pub node: String,
    /// Operation of that node; empty for an input of the model.
    pub op: String,
    /// Reason why it could not be inferred.
    pub reason: String,
}

/// Infers element type and shape of every value of `model` as far as possible, starting from its inputs' shapes: those
/// in `inputs`, else those of the file.
///
/// A size given for a symbol of the file holds for that symbol everywhere. A size given for a fixed size of the file
/// replaces it, and the stated shapes of values that depend on that input are computed anew.
///
/// # Errors
/// Fails on a size for an input or symbol that does not exist, a shape of another rank, or contradictory sizes; also on
/// a node whose inputs or attributes its operation does not allow.
pub fn infer(model: &mut Model, inputs: &Sizes) -> Result<Inference> {
    inputs.put_into(&mut model.graph)?;
    walk::walk(model)
}
