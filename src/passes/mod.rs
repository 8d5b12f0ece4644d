//! Rewrites of a graph, as a short, visible, ordered list.
//!
//! A pass never changes what the graph computes. It says what it did and, where it looked closely and declined, why. The
//! runner checks the graph after each pass. A pass may leave nodes and initializers that nothing reads any more;
//! [`DEAD_CODE`] sweeps them, so that no pass has to decide what else still needs a value.

mod batch_norm;
mod dead_code;
mod gemm;
mod lrn;
mod view;

use serde::Serialize;

use crate::graph::{Graph, Node};
use crate::{Error, Result};

use view::View;

/// One rewrite of a graph.
#[derive(Clone, Copy)]
pub struct Pass {
    /// Name on the command line and in logs.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    run: fn(&mut Graph) -> Result<Rewrites>,
}

/// Restores `Gemm` from a product and a reshaped bias.
pub const RESTORE_GEMM: Pass =
    Pass { name: "restore-gemm", about: "x * W + reshape(b) becomes one Gemm", run: gemm::restore };
/// Restores `LRN` from its decomposition.
pub const RESTORE_LRN: Pass =
    Pass { name: "restore-lrn", about: "local response normalisation becomes one LRN", run: lrn::restore };
/// Folds BatchNorm into the convolution before it.
pub const FOLD_BATCH_NORM: Pass = Pass {
    name: "fold-batch-norm",
    about: "BatchNormalization moves into the weight and bias of the Conv before it",
    run: batch_norm::fold,
};
/// Removes what no output needs.
pub const DEAD_CODE: Pass =
    Pass { name: "dead-code", about: "nodes and initializers that no output needs go", run: dead_code::sweep };

/// Every pass, in the order in which an export runs them.
pub const ALL: [Pass; 4] = [RESTORE_GEMM, RESTORE_LRN, FOLD_BATCH_NORM, DEAD_CODE];

/// What one pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rewrites {
    /// Name of the pass.
    pub pass: &'static str,
    /// Names of the nodes it rewrote or removed.
    pub applied: Vec<String>,
    /// Where it declined, and why.
    pub refused: Vec<Refusal>,
    /// Nodes of the graph afterwards.
    pub nodes: usize,
    /// Bytes of all initializers afterwards.
    pub initializer_bytes: u64,
}

/// A place where a pass declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Name of the node.
    pub node: String,
    /// Why it stayed.
    pub reason: String,
}

impl Rewrites {
    fn refuse(&mut self, node: &Node, reason: impl Into<String>) {
        self.refused.push(Refusal { node: node.name.clone(), reason: reason.into() });
    }
}

/// Runs passes in order and checks the graph after each.
///
/// # Errors
/// A pass that fails or leaves a graph that does not hold, named.
pub fn run(graph: &mut Graph, passes: &[Pass]) -> Result<Vec<Rewrites>> {
    let run = |pass: &Pass| -> Result<Rewrites> {
        let named = |e: Error| Error::input(format!("pass {}", pass.name), e);
        let rewrites = (pass.run)(graph).map_err(named)?;
        graph.check().map_err(named)?;
        let (nodes, initializer_bytes) = (graph.nodes.len(), graph.initializer_bytes());
        Ok(Rewrites { pass: pass.name, nodes, initializer_bytes, ..rewrites })
    };
    passes.iter().map(run).collect()
}
