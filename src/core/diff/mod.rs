//! Comparison of two models: operations, interface, attributes, shapes, weights.
//!
//! `pair` finds for each node of one model its counterpart in the other, by name, else by operation and inputs;
//! `weights` measures the distance between constants; `nodes` and `header` list the rest, `nodes` for the graphs inside
//! paired nodes as well, which `level` aligns: differences there are named `NODE.ATTRIBUTE/NAME`. The record is [`Diff`].
//!
//! ```
//! # use gnet_core as gnet;
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).unwrap();
//! use gnet::diff::{DiffOptions, Kind, diff};
//! use gnet::onnx;
//!
//! let before = onnx::read_file("dynamic.onnx".as_ref())?;
//! let mut after = before.clone();
//! after.graph.nodes[0].set("dilations", [2, 2]);
//! let found = diff(("before", &before), ("after", &after), DiffOptions::EXACT)?;
//! assert!(!found.equal && found.weights.is_empty());
//! assert_eq!((found.nodes[0].kind, found.nodes[0].op.as_str()), (Kind::Changed, "Conv"));
//! # Ok::<(), gnet::Error>(())
//! ```

mod header;
mod level;
mod nodes;
mod pair;
mod print;
mod record;
mod weights;

use level::Level;
use nodes::Found;

use crate::cost::Analysis;
use crate::graph::{Graph, Model};
use crate::{Error, Result};

pub use record::{Change, Diff, Kind, NodeChange, Side, WeightChange};

/// Options of a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiffOptions {
    /// Tolerance: weights whose elements differ by no more than this are equal.
    pub tolerance: f64,
}

#[doc(hidden)]
#[deprecated(note = "is named `DiffOptions`")]
pub type Options = DiffOptions;

impl DiffOptions {
    /// No tolerance: every element must be the same number.
    pub const EXACT: Self = Self { tolerance: 0.0 };
}

/// Compares model `b` with model `a`. The names are those in the record.
///
/// Names of intermediate values, the order of nodes and initializers, documentation of parts, and shapes that only one
/// of the two states do not count as differences.
///
/// # Errors
/// Fails if the tolerance is not a number of at least 0.
pub fn diff(a: (&str, &Model), b: (&str, &Model), options: DiffOptions) -> Result<Diff> {
    let DiffOptions { tolerance } = options;
    if !tolerance.is_finite() || tolerance < 0.0 {
        return Err(Error::input(format!("--tolerance {tolerance}"), "is not a number of at least 0"));
    }
    let ((name_a, a), (name_b, b)) = (a, b);
    let mut found = Found::default();
    nodes::compare(&Level::outermost(&a.graph, &b.graph), tolerance, &mut found);
    let Found { nodes, mut weights, unstated } = found;
    weights::sort(&mut weights);
    let mut diff = Diff {
        equal: false,
        tolerance,
        a: side(name_a, &a.graph),
        b: side(name_b, &b.graph),
        model: header::model(a, b),
        interface: header::interface(&a.graph, &b.graph),
        nodes,
        weights,
        unstated_shapes: unstated,
        limit: None,
    };
    diff.equal = diff.changes() == 0;
    Ok(diff)
}

fn side(name: &str, graph: &Graph) -> Side {
    let elements = graph.initializers().map(|(_, tensor)| tensor.len() as u64);
    Side {
        name: name.to_owned(),
        nodes: graph.nodes.len(),
        params: Analysis::of(graph, None).map_or(0, |analysis| analysis.params),
        initializers: graph.initializers().count() + graph.sparse_initializers().count(),
        elements: elements.fold(0, u64::saturating_add),
        bytes: graph.initializer_bytes(),
    }
}

#[cfg(test)]
mod growth_tests;
#[cfg(test)]
mod tests;
