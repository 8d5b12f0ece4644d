//! What changed between two models: operations, interface, attributes, shapes, weights.
//!
//! `pair` finds for each node of one model its counterpart in the other, by name, else by what it does and reads;
//! `weights` measures how far constants lie apart; `nodes` and `header` list the rest, `nodes` for the graphs inside paired
//! nodes as well, which `level` puts side by side: what differs there is called `NODE.ATTRIBUTE/NAME`. The record is [`Diff`].

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

/// What counts as equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Weights whose elements differ by no more than this are equal.
    pub tolerance: f64,
}

impl Options {
    /// Every element must be the same number.
    pub const EXACT: Self = Self { tolerance: 0.0 };
}

/// Compares model `b` with model `a`. The names say what they are called in the record.
///
/// Names of inner values, the order of nodes and initializers, documentation of parts, and shapes that only one of the two
/// states are no differences.
///
/// # Errors
/// A tolerance that is no number of at least 0.
pub fn diff(a: (&str, &Model), b: (&str, &Model), options: Options) -> Result<Diff> {
    let Options { tolerance } = options;
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
