//! The inputs and outputs of a session for one batch size.

use ort::value::{Outlet, TensorElementType, ValueType};

use super::Input;
use crate::{Error, Result};

/// The inputs for `batch` images: a dynamic first axis is the batch, every other axis must be a number in the file.
///
/// # Errors
/// No input at all; one that is no tensor of `f32` or leaves another axis open; a fixed batch other than `batch`.
pub(super) fn inputs(outlets: &[Outlet], batch: usize) -> Result<Vec<Input>> {
    let Some(first) = outlets.first() else {
        return Err(Error::input("model", "its graph has no input"));
    };
    let is_dynamic = |outlet: &Outlet| outlet.dtype().tensor_shape().and_then(|shape| shape.first()) == Some(&-1);
    if !outlets.iter().any(is_dynamic) {
        // As in every engine: the batch of a file without a dynamic one is the first axis of its first input.
        let side = first.dtype().tensor_shape().and_then(|shape| shape.first()).copied().unwrap_or(1);
        if usize::try_from(side) != Ok(batch) && first.dtype().is_tensor() {
            return Err(Error::input(format!("batch {batch}"), format!("the file's batch is fixed at {side}"))
                .remedy(format!("use batch {side}, or export with a dynamic batch")));
        }
    }
    outlets.iter().map(|outlet| input(outlet, batch)).collect()
}

fn input(outlet: &Outlet, batch: usize) -> Result<Input> {
    let shape = floats(outlet, "input")?;
    let mut sides = Vec::with_capacity(shape.len());
    for (i, side) in shape.iter().enumerate() {
        sides.push(match usize::try_from(*side) {
            Ok(side) if side > 0 => side,
            Ok(_) => return Err(refuse(outlet, "input", format!("axis {i} has no positive length"))),
            Err(_) if i == 0 => batch,
            Err(_) => {
                return Err(refuse(outlet, "input", format!("axis {i} is dynamic; only the first, the batch, may be")));
            }
        });
    }
    Ok(Input { name: outlet.name().to_owned(), shape: sides })
}

/// The names of the outputs.
///
/// # Errors
/// No output at all, or one that is no tensor of `f32`.
pub(super) fn outputs(outlets: &[Outlet]) -> Result<Vec<String>> {
    if outlets.is_empty() {
        return Err(Error::input("model", "its graph has no output"));
    }
    outlets.iter().map(|outlet| floats(outlet, "output").map(|_| outlet.name().to_owned())).collect()
}

/// The shape of a tensor of `f32`, with -1 for what the file leaves open.
fn floats<'a>(outlet: &'a Outlet, what: &str) -> Result<&'a [i64]> {
    match outlet.dtype() {
        ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } => Ok(shape),
        ValueType::Tensor { ty, .. } => Err(refuse(outlet, what, format!("is of type {ty} where f32 is expected"))),
        ValueType::Sequence(_) => Err(refuse(outlet, what, "is a sequence where a tensor is expected".to_owned())),
        ValueType::Map { .. } => Err(refuse(outlet, what, "is a map where a tensor is expected".to_owned())),
        ValueType::Optional(_) => Err(refuse(outlet, what, "is optional where a tensor is expected".to_owned())),
    }
}

fn refuse(outlet: &Outlet, what: &str, reason: String) -> Error {
    Error::input(format!("{what} '{}'", outlet.name()), reason)
}

#[cfg(test)]
mod tests {
    use ort::value::{Shape, SymbolicDimensions};

    use super::*;

    fn outlet(name: &str, ty: TensorElementType, shape: &[i64]) -> Outlet {
        let dimension_symbols = SymbolicDimensions::empty(shape.len());
        Outlet::new(name, ValueType::Tensor { ty, shape: Shape::new(shape.iter().copied()), dimension_symbols })
    }

    fn f32s(name: &str, shape: &[i64]) -> Outlet {
        outlet(name, TensorElementType::Float32, shape)
    }

    fn refused(outlets: &[Outlet]) -> String {
        inputs(outlets, 4).unwrap_err().to_string()
    }

    #[test]
    fn a_dynamic_first_axis_is_the_batch() {
        let found = inputs(&[f32s("x", &[-1, 3, 8, 8]), f32s("scale", &[1, 3]), f32s("one", &[])], 4).unwrap();
        let shapes: Vec<_> = found.into_iter().map(|input| input.shape).collect();
        assert_eq!(shapes, [vec![4, 3, 8, 8], vec![1, 3], vec![]]);
    }

    #[test]
    fn a_fixed_batch_runs_only_at_its_size() {
        assert_eq!(inputs(&[f32s("x", &[4, 3])], 4).unwrap()[0].shape, [4, 3]);
        assert_eq!(refused(&[f32s("x", &[2, 3])]), "batch 4: the file's batch is fixed at 2");
        assert_eq!(refused(&[f32s("x", &[])]), "batch 4: the file's batch is fixed at 1");
    }

    #[test]
    fn inputs_that_cannot_be_filled_are_named() {
        assert_eq!(refused(&[]), "model: its graph has no input");
        assert_eq!(
            refused(&[f32s("x", &[-1, 3, -1])]),
            "input 'x': axis 2 is dynamic; only the first, the batch, may be"
        );
        assert_eq!(refused(&[f32s("x", &[-1, 0])]), "input 'x': axis 1 has no positive length");
        let ints = outlet("ids", TensorElementType::Int64, &[-1, 3]);
        assert_eq!(refused(&[ints]), "input 'ids': is of type i64 where f32 is expected");
        let sequence = Outlet::new("s", ValueType::Sequence(Box::new(f32s("x", &[1]).dtype().clone())));
        assert_eq!(refused(&[sequence]), "input 's': is a sequence where a tensor is expected");
    }

    #[test]
    fn outputs_are_floats() {
        assert_eq!(outputs(&[f32s("y", &[-1, 10])]).unwrap(), ["y"]);
        let error = outputs(&[outlet("y", TensorElementType::Float16, &[1])]).unwrap_err();
        assert_eq!(error.to_string(), "output 'y': is of type f16 where f32 is expected");
        assert!(outputs(&[]).is_err());
    }
}
