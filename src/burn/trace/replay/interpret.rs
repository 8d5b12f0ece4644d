//! Interpreter that runs operations one by one on Burn's CPU backend.

use std::collections::{HashMap, HashSet};

use burn::backend::ir::{BaseOperationIr, FloatOperationIr, HandleKind, OperationIr, TensorId, TensorIr, TensorStatus};
use burn::backend::ops::IntTensorOps;
use burn::backend::{Flex, TensorData};
use burn_router::TensorInterpreter;

use crate::trace::lower::operation_name;
use gnet_core::{Error, Result};

/// Runs operations on the given tensors and returns the values of the requested ones.
///
/// A tensor is freed after its last reader, so that no more memory is used than in a run of the forward itself.
pub(super) fn run(
    operations: Vec<OperationIr>,
    given: Vec<(TensorId, TensorData)>,
    wanted: &[TensorIr],
) -> Result<Vec<TensorData>> {
    let last = last_readers(&operations, wanted);
    let mut known: HashSet<TensorId> = given.iter().map(|(id, _)| *id).collect();
    let mut interpreter = TensorInterpreter::<Flex>::new(Default::default());
    for (id, data) in given {
        interpreter.register_tensor_data_id(id, data);
    }
    for (index, op) in operations.into_iter().enumerate() {
        check(&op, &known)?;
        known.extend(op.outputs().map(|tensor| tensor.id));
        let tensors: HashMap<TensorId, TensorIr> = op.nodes().into_iter().map(|t| (t.id, t.clone())).collect();
        apply(&mut interpreter, op);
        // Tensors without readers are freed at once.
        let done = tensors.into_values().filter(|tensor| last.get(&tensor.id).is_none_or(|last| *last == index));
        done.for_each(|tensor| interpreter.register_op(OperationIr::Drop(tensor)));
    }
    wanted.iter().map(|tensor| read(&mut interpreter, tensor)).collect()
}

fn apply(interpreter: &mut TensorInterpreter<Flex>, op: OperationIr) {
    // Burn's interpreter casts floats only.
    if let OperationIr::BaseInt(BaseOperationIr::Cast(cast)) = &op
        && let HandleKind::Int(tensor) = interpreter.get_tensor(&cast.input)
    {
        let tensor = Flex::int_cast(tensor, cast.out.dtype.into());
        return interpreter.register_tensor_to_device(cast.out.id, HandleKind::Int(tensor));
    }
    interpreter.register_op(op);
}

/// Returns, for each tensor that is read, the index of the last operation that reads it; requested tensors have none.
fn last_readers(operations: &[OperationIr], wanted: &[TensorIr]) -> HashMap<TensorId, usize> {
    let reads = |(index, op): (usize, &OperationIr)| op.inputs().map(|tensor| (tensor.id, index)).collect::<Vec<_>>();
    let mut last: HashMap<TensorId, usize> = operations.iter().enumerate().flat_map(reads).collect();
    last.extend(wanted.iter().map(|tensor| (tensor.id, usize::MAX)));
    last
}

/// Refuses operations that the interpreter would panic on.
fn check(op: &OperationIr, known: &HashSet<TensorId>) -> Result<()> {
    let fault = |reason: &str| Err(Error::input(format!("operation {}", operation_name(op)), reason));
    let quantized =
        matches!(op, OperationIr::Float(_, FloatOperationIr::Quantize(_) | FloatOperationIr::Dequantize(_)));
    if quantized || matches!(op, OperationIr::Custom(_) | OperationIr::Distributed(_)) {
        return fault("cannot be replayed");
    }
    if op.inputs().any(|tensor| !known.contains(&tensor.id)) {
        return fault("reads a tensor that has no value and no maker");
    }
    Ok(())
}

fn read(interpreter: &mut TensorInterpreter<Flex>, tensor: &TensorIr) -> Result<TensorData> {
    let tensor = TensorIr { status: TensorStatus::ReadOnly, ..tensor.clone() };
    let data = burn::tensor::read_sync(interpreter.read_tensor_async(tensor));
    data.map_err(|e| Error::input("replay", format!("the backend gave no values: {e:?}")))
}
