//! Pruning: keeps what the requested outputs need and reports what was removed.

use std::collections::{HashMap, HashSet};

use burn::backend::TensorData;
use burn::backend::ir::{ModuleOperationIr, OperationIr, TensorId};
use serde::Serialize;

use super::capture::{Captured, CapturedOutput};
use gnet_core::{Error, Result};

/// Record of pruning: the parts that it removed from a traced forward.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pruned {
    /// Names of the removed outputs.
    pub outputs: Vec<String>,
    /// Number of operations of the forward before.
    pub operations_before: usize,
    /// Number of operations that only the removed outputs needed.
    pub operations: usize,
    /// Number of learned parameters of the forward before (without running statistics).
    pub params_before: u64,
    /// Number of learned parameters that only the removed outputs needed.
    pub params: u64,
    /// Size of all constants before, including running statistics, in bytes.
    pub bytes_before: u64,
    /// Size of the constants that only the removed outputs needed, in bytes.
    pub bytes: u64,
}

/// Reduces a run to the outputs named in `keep`, in that order.
pub(super) fn prune(
    run: &mut Captured,
    values: &HashMap<TensorId, TensorData>,
    names: &HashMap<TensorId, String>,
    keep: Option<&[String]>,
) -> Result<Pruned> {
    let wanted = match keep {
        None => run.outputs.clone(),
        Some(names) => names.iter().map(|name| find(&run.outputs, name)).collect::<Result<_>>()?,
    };
    let live = live(&run.operations, wanted.iter().map(|output| output.id));
    let count = |operations: &[OperationIr]| Constants::of(operations, &run.inputs, values, names);
    let (before, after) = (count(&run.operations), count(&live));
    let pruned = Pruned {
        outputs: run.outputs.iter().filter(|o| !wanted.contains(o)).map(|o| o.name.clone()).collect(),
        operations_before: run.operations.len(),
        operations: run.operations.len() - live.len(),
        params_before: before.params,
        params: before.params - after.params,
        bytes_before: before.bytes,
        bytes: before.bytes - after.bytes,
    };
    (run.operations, run.outputs) = (live, wanted);
    Ok(pruned)
}

fn find(outputs: &[CapturedOutput], name: &str) -> Result<CapturedOutput> {
    outputs.iter().find(|o| o.name == name).cloned().ok_or_else(|| {
        let names: Vec<_> = outputs.iter().map(|o| o.name.as_str()).collect();
        Error::input(format!("output {name}"), format!("the network has no such output; it has {}", names.join(", ")))
    })
}

/// Returns the operations that the outputs need, in execution order.
pub(super) fn live(operations: &[OperationIr], outputs: impl Iterator<Item = TensorId>) -> Vec<OperationIr> {
    let mut needed: HashSet<TensorId> = outputs.collect();
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

impl Constants {
    /// Counts the constants that operations read; those with a name that are not running statistics are learned.
    fn of(
        operations: &[OperationIr],
        inputs: &[TensorId],
        values: &HashMap<TensorId, TensorData>,
        names: &HashMap<TensorId, String>,
    ) -> Self {
        let read: HashSet<TensorId> = operations.iter().flat_map(OperationIr::inputs).map(|tensor| tensor.id).collect();
        let statistics: HashSet<TensorId> = operations.iter().flat_map(statistics).collect();
        let mut sum = Self { params: 0, bytes: 0 };
        for id in read.into_iter().filter(|id| !inputs.contains(id)) {
            let Some(data) = values.get(&id) else { continue };
            sum.bytes += data.as_bytes().len() as u64;
            if names.contains_key(&id) && !statistics.contains(&id) {
                sum.params += data.num_elements() as u64;
            }
        }
        sum
    }
}

/// Returns the running statistics that an operation reads: they are stored in the module, but not learned.
fn statistics(op: &OperationIr) -> Vec<TensorId> {
    match op {
        OperationIr::Module(ModuleOperationIr::BatchNorm(bn)) => vec![bn.mean.id, bn.variance.id],
        _ => vec![],
    }
}
