//! Keeps what the wanted outputs need and says what went.

use std::collections::{BTreeSet, HashSet};

use burn::backend::ir::{ModuleOperationIr, OperationIr, TensorId};
use serde::Serialize;

use super::capture::Capture;
use super::outputs::Output;
use crate::{Error, Result};

/// What pruning removed from a traced forward.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Names of the outputs that are gone.
    pub outputs: Vec<String>,
    /// Operations of the forward before.
    pub operations_before: usize,
    /// Operations that only the removed outputs needed.
    pub operations: usize,
    /// Learned parameters of the forward before (no running statistics).
    pub params_before: u64,
    /// Learned parameters that only the removed outputs needed.
    pub params: u64,
    /// Bytes of all constants before, running statistics included.
    pub bytes_before: u64,
    /// Bytes of constants that only the removed outputs needed.
    pub bytes: u64,
}

/// Reduces a capture to the outputs named in `keep`, in that order.
pub(super) fn prune(capture: &mut Capture, keep: Option<&[String]>) -> Result<Pruned> {
    let wanted = match keep {
        None => capture.outputs.clone(),
        Some(names) => names.iter().map(|name| find(&capture.outputs, name)).collect::<Result<_>>()?,
    };
    let live = live(&capture.operations, &wanted);
    let (before, after) = (constants(capture, &capture.operations), constants(capture, &live));
    let pruned = Pruned {
        outputs: capture.outputs.iter().filter(|o| !wanted.contains(o)).map(|o| o.name.clone()).collect(),
        operations_before: capture.operations.len(),
        operations: capture.operations.len() - live.len(),
        params_before: before.params,
        params: before.params - after.params,
        bytes_before: before.bytes,
        bytes: before.bytes - after.bytes,
    };
    (capture.operations, capture.outputs) = (live, wanted);
    Ok(pruned)
}

fn find(outputs: &[Output], name: &str) -> Result<Output> {
    outputs.iter().find(|o| o.name == name).cloned().ok_or_else(|| {
        let names: Vec<_> = outputs.iter().map(|o| o.name.as_str()).collect();
        Error::input(format!("output {name}"), format!("the network has no such output; it has {}", names.join(", ")))
    })
}

/// The operations that the outputs need, in execution order.
fn live(operations: &[OperationIr], outputs: &[Output]) -> Vec<OperationIr> {
    let mut needed: HashSet<TensorId> = outputs.iter().map(|o| o.id).collect();
    let mut kept: Vec<OperationIr> = Vec::new();
    for op in operations.iter().rev() {
        if op.outputs().any(|t| needed.contains(&t.id)) {
            needed.extend(op.inputs().map(|t| t.id));
            kept.push(op.clone());
        }
    }
    kept.reverse();
    kept
}

struct Constants {
    params: u64,
    bytes: u64,
}

/// Counts the constants that operations read, each once.
fn constants(capture: &Capture, operations: &[OperationIr]) -> Constants {
    let read: BTreeSet<TensorId> = operations.iter().flat_map(|op| op.inputs()).map(|t| t.id).collect();
    let statistics: HashSet<TensorId> = operations.iter().flat_map(statistics).collect();
    let mut sum = Constants { params: 0, bytes: 0 };
    for id in read.iter().filter(|id| **id != capture.input) {
        let Some(data) = capture.values.get(id) else { continue };
        sum.bytes += data.as_bytes().len() as u64;
        if capture.names.contains_key(id) && !statistics.contains(id) {
            sum.params += data.num_elements() as u64;
        }
    }
    sum
}

/// The running statistics an operation reads: they are kept in the module, but not learned.
fn statistics(op: &OperationIr) -> Vec<TensorId> {
    match op {
        OperationIr::Module(ModuleOperationIr::BatchNorm(bn)) => vec![bn.mean.id, bn.variance.id],
        _ => vec![],
    }
}
