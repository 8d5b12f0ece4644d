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
    pub outputs: Vec<CapturedOutput>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CapturedOutput {
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

/// A module and its forward without their types: moves the module to the capture device, records the paths of its
/// parameters, and returns its forward there. What follows is then compiled once, not for each forward that is traced.
pub(crate) type Subject<'a> = Box<dyn FnOnce(&Device, &mut Paths) -> Forward<'a> + 'a>;

/// A forward on the capture device; returns the identities of its inputs and its outputs.
pub(crate) type Forward<'a> = Box<dyn Fn(Feed) -> Result<(Vec<TensorId>, Vec<Output>)> + 'a>;

pub(crate) fn subject<'a, M: Module + 'a, I: Inputs, O: NamedOutputs>(
    module: &M,
    forward: &'a impl Fn(&M, I) -> O,
) -> Subject<'a> {
    // `valid` applies the pending update of running statistics and gives them their own cell: a plain clone shares the
    // cell, and moving the clone to the capture device would move the caller's statistics.
    let module = module.valid();
    Box::new(move |device, paths| {
        let module = share::to_capture(module, device);
        module.visit(paths);
        Box::new(move |mut feed| {
            let inputs = I::take(&mut feed)?;
            let ids = feed.finish()?;
            Ok((ids, named(&forward(&module, inputs))))
        })
    })
}

pub(super) fn capture(subject: Subject<'_>, feeds: Vec<Vec<Fed>>) -> Result<Captures> {
    let device = Device::capture();
    let mut paths = Paths::default();
    let mut runs: Result<Vec<Captured>> = Ok(Vec::new());
    let captured = device.capture_scope(|scope| {
        let forward = subject(&device, &mut paths);
        runs = feeds.into_iter().map(|feed| run(&forward, Feed::capture(&device, feed))).collect();
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
fn run(forward: &Forward<'_>, feed: Feed) -> Result<Captured> {
    let (inputs, outputs) = forward(feed)?;
    let known = |output: Output| match output.id {
        Some(id) => Ok(CapturedOutput { name: output.name, id }),
        None => {
            let reason = "the forward returned a tensor that is not on the device of its input";
            Err(Error::input(format!("output {}", output.name), reason))
        }
    };
    let outputs = outputs.into_iter().map(known).collect::<Result<_>>()?;
    Ok(Captured { operations: Vec::new(), inputs, outputs })
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
pub(crate) struct Paths {
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
