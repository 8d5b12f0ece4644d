//! Running a forward on the capture device.
//!
//! All runs of a trace share one scope, so that the module moves to the capture device once and a parameter is the same
//! tensor in each run.

use std::collections::{BTreeSet, HashMap};

use burn::backend::TensorData;
use burn::backend::ir::{OperationIr, TensorId};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Device, Int, Tensor};

use super::inputs::{Fed, Feed, Inputs};
use super::outputs::{NamedOutputs, Output, id_of, named};
use super::share;
use gnet_core::{Error, Result};

pub(super) struct Captured {
    /// Operations in execution order, without the initialisation of tensors.
    pub operations: Vec<OperationIr>,
    /// The tensors that were fed, in order.
    pub inputs: Vec<TensorId>,
    /// The tensors that were returned.
    pub outputs: Vec<Returned>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Returned {
    pub name: String,
    pub id: TensorId,
}

pub(super) struct Captures {
    pub runs: Vec<Captured>,
    /// Values of parameters and of constants created by the forward.
    pub values: HashMap<TensorId, TensorData>,
    /// Module paths of parameters.
    pub names: HashMap<TensorId, String>,
}

pub(super) fn capture<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    feeds: Vec<Vec<Fed>>,
    forward: &impl Fn(&M, I) -> O,
) -> Result<Captures> {
    // `valid` applies the pending update of running statistics and gives them their own cell: a plain clone shares the
    // cell, and moving the clone to the capture device would move the caller's statistics.
    let (module, device) = (module.valid(), Device::capture());
    let mut paths = Paths::default();
    let mut runs: Result<Vec<Captured>> = Ok(Vec::new());
    let captured = device.capture_scope(|scope| {
        let module = share::to_capture(module, &device);
        module.visit(&mut paths);
        runs = feeds.into_iter().map(|feed| run(&module, &device, feed, forward)).collect();
        let all = || runs.iter().flatten();
        // A tensor may be returned twice.
        let outputs: BTreeSet<TensorId> = all().flat_map(|run| run.outputs.iter().map(|output| output.id)).collect();
        scope.complete(all().flat_map(|run| run.inputs.clone()), outputs)
    });
    let mut runs = runs?;
    let captured = captured.map_err(|e| Error::input("tracing", e.to_string()))?;
    split(captured.graph.operations, &mut runs);
    Ok(Captures { runs, values: captured.values.into_iter().collect(), names: paths.names })
}

/// Runs the forward. Its operations belong to the scope until they are [split].
fn run<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    device: &Device,
    feed: Vec<Fed>,
    forward: &impl Fn(&M, I) -> O,
) -> Result<Captured> {
    let mut feed = Feed::capture(device, feed);
    let inputs = I::take(&mut feed)?;
    let ids = feed.finish()?;
    let known = |output: Output| match output.id {
        Some(id) => Ok(Returned { name: output.name, id }),
        None => {
            let reason = "the forward returned a tensor that is not on the device of its input";
            Err(Error::input(format!("output {}", output.name), reason))
        }
    };
    let outputs = named(&forward(module, inputs)).into_iter().map(known).collect::<Result<Vec<_>>>()?;
    Ok(Captured { operations: Vec::new(), inputs: ids, outputs })
}

/// Splits the operations of a scope by run. The capture device numbers tensors in order of creation: those of a run
/// come after its first input and before the first input of the next run.
fn split(operations: Vec<OperationIr>, runs: &mut [Captured]) {
    let computes = |op: &OperationIr| !matches!(op, OperationIr::Init(_) | OperationIr::Drop(_));
    for op in operations.into_iter().filter(computes) {
        let made = op.outputs().map(|tensor| tensor.id).min();
        if let Some(run) = runs.iter_mut().take_while(|run| run.inputs.first().copied() < made).last() {
            run.operations.push(op);
        }
    }
}

/// Collects the module path of every parameter on the capture device.
#[derive(Default)]
struct Paths {
    path: Vec<String>,
    names: HashMap<TensorId, String>,
}

impl Paths {
    /// Records a path. A parameter shared by two modules keeps the first one.
    fn record<const D: usize, K: Basic>(&mut self, tensor: &Tensor<D, K>) {
        if let Some(id) = id_of(tensor) {
            self.names.entry(id).or_insert_with(|| self.path.join("."));
        }
    }
}

impl ModuleVisitor for Paths {
    fn enter_module(&mut self, name: &str, _kind: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _kind: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.record(&param.val());
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.record(&param.val());
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.record(&param.val());
    }
}
