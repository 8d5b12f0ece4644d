//! One run of a forward on the capture device.

use std::collections::HashMap;

use burn::backend::TensorData;
use burn::backend::capture::CaptureBackend;
use burn::backend::ir::{OperationIr, TensorId};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bool, Device, Int, Tensor};

use super::outputs::{NamedOutputs, Output, id_of};
use super::share;
use crate::{Error, Result};

/// What one run did.
pub(super) struct Capture {
    /// Operations in execution order, without the initialisation and the dropping of tensors.
    pub operations: Vec<OperationIr>,
    /// The tensor that was fed in.
    pub input: TensorId,
    /// The tensors handed back.
    pub outputs: Vec<Output>,
    /// Values of parameters and constants.
    pub values: HashMap<TensorId, TensorData>,
    /// Module paths of parameters.
    pub names: HashMap<TensorId, String>,
}

/// Runs `forward` once on zeros of `shape`.
pub(super) fn capture<M: Module, const D: usize, O: NamedOutputs>(
    module: &M,
    shape: [usize; D],
    forward: &impl Fn(&M, Tensor<D>) -> O,
) -> Result<Capture> {
    let fault = |reason: &dyn std::fmt::Display| Error::input("tracing", reason.to_string());
    // `valid` settles the pending update of running statistics and gives them a cell of their own: a plain clone shares
    // it, and moving the clone to the capture device would move the caller's statistics.
    let (module, device) = (module.valid(), Device::capture());
    let mut paths = Paths::default();
    let mut result: Option<(TensorId, Vec<Output>)> = None;
    let captured = device.capture_scope(|scope| {
        let module = share::to_capture(module, &device);
        module.visit(&mut paths);
        // A tensor made on the capture device would be a constant; one that is moved there is an input.
        let x = Tensor::<D>::zeros(shape, &Device::flex()).to_device(&device);
        let input = id_of(&x);
        let outputs = forward(&module, x).named_outputs();
        result = input.zip(outputs);
        let (inputs, outputs) = result.clone().map_or((vec![], vec![]), |(i, o)| (vec![i], o));
        scope.complete(inputs, outputs.into_iter().map(|o| o.id))
    });
    let captured = captured.map_err(|e| fault(&e))?;
    let (Some((input, mut outputs)), true) = (result, captured.graph.inputs.len() == 1) else {
        return Err(fault(&"the forward returned a tensor that is not on the device of its input"));
    };
    // The device resolves aliases: what it reports is what the operations use.
    outputs.iter_mut().zip(&captured.graph.outputs).for_each(|(output, id)| output.id = *id);
    let operations = captured.graph.operations.into_iter();
    Ok(Capture {
        operations: operations.filter(|op| !matches!(op, OperationIr::Init(_) | OperationIr::Drop(_))).collect(),
        input: captured.graph.inputs.first().copied().unwrap_or(input),
        outputs,
        values: captured.values.into_iter().collect(),
        names: paths.names,
    })
}

/// Collects the module path of every parameter on the capture device.
#[derive(Default)]
struct Paths {
    path: Vec<String>,
    names: HashMap<TensorId, String>,
}

impl Paths {
    /// A parameter that two modules share keeps the first path.
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
        self.record(id_of(&param.val()));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.record(param.val().try_into_primitive::<CaptureBackend>().ok().map(|t| t.id()));
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.record(param.val().try_into_primitive::<CaptureBackend>().ok().map(|t| t.id()));
    }
}
