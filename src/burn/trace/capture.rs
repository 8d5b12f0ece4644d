//! Running a forward on the capture device.
//!
//! All runs of a trace share one scope, so that the module moves to the capture device once and a parameter is the same
//! tensor in each run.

use std::collections::{BTreeSet, HashMap};

use burn::backend::TensorData;
use burn::backend::capture::CaptureBackend;
use burn::backend::ir::{OperationIr, TensorId};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bool, Device, Int, Tensor};

use super::inputs::{Fed, Feed, Inputs};
use super::outputs::{NamedOutputs, Output, named};
use super::share;
use gnet_core::{Error, Result};

/// Record of one run.
pub(super) struct Captured {
    /// Operations in execution order, without the initialisation of tensors.
    pub operations: Vec<OperationIr>,
    /// The tensors that were fed, in order.
    pub inputs: Vec<TensorId>,
    /// The tensors that were returned.
    pub outputs: Vec<Returned>,
}

/// A tensor that a run returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Returned {
    pub name: String,
    pub id: TensorId,
}

/// Records of several runs, and what they share.
pub(super) struct Captures {
    pub runs: Vec<Captured>,
    /// Values of parameters and of constants created by the forward.
    pub values: HashMap<TensorId, TensorData>,
    /// Module paths of parameters.
    pub names: HashMap<TensorId, String>,
}

/// Runs `forward` once for each of `feeds`.
pub(super) fn capture<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    feeds: Vec<Vec<Fed>>,
    forward: &impl Fn(&M, I) -> O,
) -> Result<Captures> {
    // `valid` applies the pending update of running statistics and gives them their own cell: a plain clone shares the
    // cell, and moving the clone to the capture device would move the caller's statistics.
    let (module, device) = (module.valid(), Device::capture());
    let mut paths = Paths::default();
    let mut boundaries: Result<Vec<Boundary>> = Ok(Vec::new());
    let captured = device.capture_scope(|scope| {
        let module = share::to_capture(module, &device);
        module.visit(&mut paths);
        boundaries = feeds.into_iter().map(|feed| run(&module, &device, feed, forward)).collect();
        let all = || boundaries.iter().flatten();
        // A tensor may be returned twice.
        let outputs: BTreeSet<TensorId> = all().flat_map(|run| run.outputs.iter().map(|output| output.id)).collect();
        scope.complete(all().flat_map(|run| run.inputs.clone()), outputs)
    });
    let boundaries = boundaries?;
    let captured = captured.map_err(|e| Error::input("tracing", e.to_string()))?;
    Ok(Captures {
        runs: split(captured.graph.operations, boundaries),
        values: captured.values.into_iter().collect(),
        names: paths.names,
    })
}

/// Inputs and outputs of a run.
struct Boundary {
    inputs: Vec<TensorId>,
    outputs: Vec<Returned>,
}

fn run<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    device: &Device,
    feed: Vec<Fed>,
    forward: &impl Fn(&M, I) -> O,
) -> Result<Boundary> {
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
    Ok(Boundary { inputs: ids, outputs })
}

/// Splits the operations of a scope by run. The capture device numbers tensors in order of creation: those of a run
/// come after its first input and before the first input of the next run.
fn split(operations: Vec<OperationIr>, boundaries: Vec<Boundary>) -> Vec<Captured> {
    let start = |boundary: &Boundary| boundary.inputs.first().copied();
    let starts: Vec<Option<TensorId>> = boundaries.iter().map(start).collect();
    let run =
        |boundary: Boundary| Captured { operations: Vec::new(), inputs: boundary.inputs, outputs: boundary.outputs };
    let mut runs: Vec<Captured> = boundaries.into_iter().map(run).collect();
    let computes = |op: &OperationIr| !matches!(op, OperationIr::Init(_) | OperationIr::Drop(_));
    for op in operations.into_iter().filter(computes) {
        let made = op.outputs().map(|tensor| tensor.id).min();
        let begun = starts.iter().take_while(|start| **start < made).count();
        if let Some(run) = begun.checked_sub(1).and_then(|index| runs.get_mut(index)) {
            run.operations.push(op);
        }
    }
    runs
}

/// Collects the module path of every parameter on the capture device.
#[derive(Default)]
struct Paths {
    path: Vec<String>,
    names: HashMap<TensorId, String>,
}

impl Paths {
    /// Records a path. A parameter shared by two modules keeps the first one.
    fn record(&mut self, id: Option<TensorId>) {
        if let Some(id) = id {
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
        self.record(param.val().try_into_primitive::<CaptureBackend>().ok().map(|t| t.id()));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.record(param.val().try_into_primitive::<CaptureBackend>().ok().map(|t| t.id()));
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.record(param.val().try_into_primitive::<CaptureBackend>().ok().map(|t| t.id()));
    }
}
