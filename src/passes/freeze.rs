//! Makes initializers that are inputs too constant.
//!
//! Since version 4 of the file format, an initializer that is listed among the inputs is a default that a caller may
//! replace, so that no pass may count on it; before, every initializer had to be listed. Requires: that nobody means to
//! replace one, which only the user knows, so that this pass runs when asked for alone. Ensures: no initializer is an input.

use super::Rewrites;
use crate::Result;
use crate::graph::Model;

pub(super) fn freeze(model: &mut Model) -> Result<Rewrites> {
    let graph = &mut model.graph;
    let (defaults, inputs) = graph.inputs.iter().partition(|id| graph.initializer(**id).is_some());
    graph.inputs = inputs;
    let defaults: Vec<_> = defaults;
    let applied: Vec<String> = defaults.iter().map(|id| graph.value(*id).name.clone()).collect();
    if !applied.is_empty() && model.ir_version.is_some_and(|version| version < 4) {
        model.ir_version = Some(4);
    }
    Ok(Rewrites { applied, ..Rewrites::default() })
}
