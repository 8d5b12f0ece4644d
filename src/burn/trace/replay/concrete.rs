//! A trace at concrete sizes of its symbols.

use std::collections::HashMap;

use burn::backend::ir::{IrVisitorMut, OperationIr, TensorId, TensorIr};
use burn::backend::{DType, Shape, TensorData};

use crate::trace::constants::Constant;
use crate::trace::size::Size;
use crate::trace::{Trace, numbers, reroll};
use gnet_core::{Error, Result};

/// Operations in which every size is a number.
pub(super) struct Concrete {
    pub operations: Vec<OperationIr>,
    pub constants: Vec<(TensorId, TensorData)>,
    /// The tensor of each output of the trace; `None` if no operation produces it.
    pub outputs: Vec<Option<TensorIr>>,
}

/// Evaluates the trace at these sizes of the symbols, in units of their multiples. Loops are unrolled.
pub(super) fn at(trace: &Trace, units: &[usize]) -> Result<Concrete> {
    let number = |size: &Size, what: &dyn Fn() -> String| match size {
        Size::Unfit(values) => Err(trace.grid.unfit(what(), values)),
        size => size.at(units).ok_or_else(|| Error::input(what(), "is no size at the sizes of the inputs")),
    };
    let mut shapes = HashMap::new();
    for (id, sizes) in &trace.sizes {
        let shape = sizes.iter().map(|size| number(size, &|| "a dimension".to_owned())).collect::<Result<Vec<_>>>()?;
        shapes.insert(*id, shape);
    }
    let mut operations = trace.operations.clone();
    for (op, sizes) in operations.iter_mut().zip(&trace.numbers) {
        let what = || format!("a number of {}", crate::trace::lower::operation_name(op));
        let values = sizes.iter().map(|size| number(size, &what)).collect::<Result<Vec<_>>>()?;
        numbers::put_back(op, &values);
        op.visit_mut(&mut Resized(&shapes));
    }
    let constants = constants(trace, &operations, &shapes)?;
    let outputs: Vec<TensorId> = trace.outputs.iter().map(|output| output.id).collect();
    let (operations, outputs) = reroll::unroll(operations, &outputs);
    let made = |id: &TensorId| operations.iter().flat_map(|op| op.outputs()).find(|tensor| tensor.id == *id).cloned();
    let outputs = outputs.iter().map(made).collect();
    Ok(Concrete { operations, constants, outputs })
}

struct Resized<'a>(&'a HashMap<TensorId, Vec<usize>>);

impl IrVisitorMut for Resized<'_> {
    fn visit_tensor_mut(&mut self, tensor: &mut TensorIr) {
        if let Some(shape) = self.0.get(&tensor.id) {
            tensor.shape = Shape::from(shape.clone());
        }
    }
}

fn constants(
    trace: &Trace,
    operations: &[OperationIr],
    shapes: &HashMap<TensorId, Vec<usize>>,
) -> Result<Vec<(TensorId, TensorData)>> {
    let types: HashMap<TensorId, DType> =
        operations.iter().flat_map(|op| op.inputs()).map(|t| (t.id, t.dtype)).collect();
    let mut values = Vec::new();
    for (id, constant) in &trace.constants {
        let (Some(dtype), Some(shape)) = (types.get(id), shapes.get(id)) else { continue };
        let count: usize = shape.iter().product();
        let bytes = match constant {
            Constant::Same(tensor) => tensor.bytes().to_vec(),
            Constant::Uniform(number) => number.bytes().repeat(count),
            Constant::Count { start, step, .. } => {
                let numbers: Vec<i64> = (0..count as i64).map(|i| start + step * i).collect();
                TensorData::new(numbers, shape.clone()).convert_dtype(*dtype).as_bytes().to_vec()
            }
        };
        let data = TensorData::try_from_bytes_vec(bytes, shape.clone(), *dtype)
            .map_err(|e| Error::input(format!("a constant of shape {shape:?}"), e.to_string()))?;
        values.push((*id, data));
    }
    Ok(values)
}
