//! Inputs and outputs of a session as ONNX Runtime describes them.

use ort::value::ValueType;

use super::{Declared, element, tensor};
use gnet_core::graph::{DType, Dim};
use gnet_core::{Error, Result};

/// An input or output as ONNX Runtime describes it: the crate's own type cannot be made without the library.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlet<'a> {
    pub(super) name: &'a str,
    pub(super) dtype: &'a ValueType,
}

impl Outlet<'_> {
    /// Returns its shape, with the names that the file gives open axes; `None` if it is not a tensor.
    pub(super) fn shape(self) -> Option<Vec<Dim>> {
        let ValueType::Tensor { shape, dimension_symbols, .. } = self.dtype else { return None };
        let dim = |(axis, side): (usize, &i64)| match usize::try_from(*side) {
            Ok(side) => Dim::Known(side),
            Err(_) => {
                let name = dimension_symbols.get(axis).filter(|name| !name.is_empty());
                name.map_or(Dim::Unknown, |name| Dim::parse(name))
            }
        };
        Some(shape.iter().enumerate().map(dim).collect())
    }
}

/// Returns the inputs as the engine declares them. ONNX Runtime describes an input without a shape as one without axes;
/// `has_shape` distinguishes them.
///
/// # Errors
/// Fails if one is not a tensor of a type that arrays are cast to.
pub(super) fn declared(inputs: &[Outlet<'_>], has_shape: impl Fn(&str) -> bool) -> Result<Vec<Declared>> {
    let declared = inputs.iter().map(|input| {
        let shape = input.shape().filter(|shape| !shape.is_empty() || has_shape(input.name));
        Ok(Declared { name: input.name.to_owned(), dtype: dtype(*input, "input")?, shape })
    });
    declared.collect()
}

/// Returns the names and types of the outputs.
///
/// # Errors
/// Fails if there is no output, or if one is not a tensor of a type that arrays are cast from.
pub(super) fn outputs(outputs: &[Outlet<'_>]) -> Result<Vec<(String, DType)>> {
    if outputs.is_empty() {
        return Err(Error::input("model", "its graph has no output"));
    }
    outputs.iter().map(|output| Ok((output.name.to_owned(), dtype(*output, "output")?))).collect()
}

fn dtype(outlet: Outlet<'_>, what: &str) -> Result<DType> {
    let refuse = |reason: String| Err(Error::input(format!("{what} '{}'", outlet.name), reason));
    match outlet.dtype {
        ValueType::Tensor { ty, .. } => match tensor::dtype(*ty) {
            Some(dtype) => Ok(dtype),
            None => refuse(element::refusal(ty.to_string().to_lowercase())),
        },
        ValueType::Sequence(_) => refuse("is a sequence where a tensor is expected".to_owned()),
        ValueType::Map { .. } => refuse("is a map where a tensor is expected".to_owned()),
        ValueType::Optional(_) => refuse("is optional where a tensor is expected".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use ort::value::{Shape, SymbolicDimensions, TensorElementType};

    use super::super::{RunOptions, ports};
    use super::*;
    use gnet_core::graph::Sizes;

    fn tensor(ty: TensorElementType, shape: &[i64]) -> ValueType {
        let dimension_symbols = SymbolicDimensions::empty(shape.len());
        ValueType::Tensor { ty, shape: Shape::new(shape.iter().copied()), dimension_symbols }
    }

    fn f32s(shape: &[i64]) -> ValueType {
        tensor(TensorElementType::Float32, shape)
    }

    /// Builds outlets of these types, named `a`, `b`, ...
    fn outlets(types: &[ValueType]) -> Vec<Outlet<'_>> {
        ["a", "b", "c"].into_iter().zip(types).map(|(name, dtype)| Outlet { name, dtype }).collect()
    }

    fn found(types: &[ValueType], options: &RunOptions) -> Result<Vec<Vec<usize>>> {
        let (inputs, _) = ports::inputs(&declared(&outlets(types), |_| true)?, options)?;
        Ok(inputs.into_iter().map(|input| input.shape).collect())
    }

    fn refused(types: &[ValueType]) -> String {
        found(types, &RunOptions::new(1, 4)).unwrap_err().to_string()
    }

    #[test]
    fn a_dynamic_first_axis_is_the_batch() {
        let types = [f32s(&[-1, 3, 8, 8]), f32s(&[1, 3]), f32s(&[])];
        let shapes = found(&types, &RunOptions::new(1, 4)).unwrap();
        assert_eq!(shapes, [vec![4, 3, 8, 8], vec![1, 3], vec![]]);
    }

    #[test]
    fn an_open_axis_takes_the_size_that_it_is_given_and_says_how_without_one() {
        let named = |symbols: [&str; 2]| ValueType::Tensor {
            ty: TensorElementType::Int64,
            shape: Shape::new([-1, -1]),
            dimension_symbols: SymbolicDimensions::new(symbols.map(str::to_owned)),
        };
        let remedy = |symbols| {
            let error = found(&[named(symbols)], &RunOptions::new(1, 4)).unwrap_err();
            error.remedy_text().unwrap().to_owned()
        };
        let or_shape = "or give its shape with --input a=NxT, with a number for that axis";
        assert_eq!(remedy(["N", "T"]), format!("fix its size with --dim T=SIZE, {or_shape}"));
        assert!(remedy(["N", "2*T-1"]).starts_with("fix its size with --dim T=SIZE, or give its shape"));
        assert!(remedy(["N", ""]).starts_with("it has no name to fix it by; give its shape with --input a=Nx?, "));
        let options = |sizes| RunOptions { sizes, ..RunOptions::new(1, 4) };
        assert_eq!(found(&[named(["N", "2*T-1"])], &options(Sizes::dim("T", 3))).unwrap(), [[4, 5]]);
        assert_eq!(found(&[named(["", ""])], &options(Sizes::input("Nx7").unwrap())).unwrap(), [[4, 7]]);
        assert_eq!(found(&[named(["N", "N"])], &RunOptions::new(1, 4)).unwrap(), [[4, 4]], "the batch in both axes");
    }

    #[test]
    fn an_input_without_a_shape_is_given_one() {
        let types = [f32s(&[])];
        let shape = |sizes: Sizes| -> Result<Vec<usize>> {
            let declared = declared(&outlets(&types), |_| false)?;
            let options = RunOptions { sizes, ..RunOptions::new(1, 2) };
            Ok(ports::inputs(&declared, &options)?.0.remove(0).shape)
        };
        assert_eq!(shape(Sizes::none()).unwrap_err().to_string(), "input 'a': has no shape");
        assert_eq!(shape(Sizes::input("a=N,3").unwrap()).unwrap(), [2, 3]);
    }

    #[test]
    fn a_fixed_batch_runs_only_at_its_size() {
        assert_eq!(found(&[f32s(&[4, 3])], &RunOptions::new(1, 4)).unwrap(), [[4, 3]]);
        assert_eq!(refused(&[f32s(&[2, 3])]), "batch 4: the file's batch is fixed at 2");
        assert_eq!(refused(&[f32s(&[])]), "batch 4: the file's batch is fixed at 1");
    }

    #[test]
    fn inputs_that_cannot_be_filled_are_named() {
        assert_eq!(refused(&[]), "model: its graph has no input");
        assert_eq!(refused(&[f32s(&[-1, 3, -1])]), "input 'a': axis 2 is dynamic; only the first, the batch, may be");
        assert_eq!(refused(&[f32s(&[-1, 0])]), "input 'a': axis 1 has no positive length");
        let texts = tensor(TensorElementType::String, &[-1, 3]);
        let says = "input 'b': is of type string where real numbers, whole numbers or booleans are expected";
        assert_eq!(refused(&[f32s(&[-1]), texts]), says);
        let sequence = ValueType::Sequence(Box::new(f32s(&[1])));
        assert_eq!(refused(&[sequence]), "input 'a': is a sequence where a tensor is expected");
    }

    #[test]
    fn inputs_and_outputs_are_numbers_or_booleans() {
        let kinds = [f32s(&[-1, 10]), tensor(TensorElementType::Int64, &[-1]), tensor(TensorElementType::Bool, &[4])];
        let named = |(name, dtype): (&str, DType)| (name.to_owned(), dtype);
        let expected = [("a", DType::F32), ("b", DType::I64), ("c", DType::Bool)].map(named);
        assert_eq!(outputs(&outlets(&kinds)).unwrap(), expected);
        let types = declared(&outlets(&kinds), |_| true).unwrap().into_iter().map(|input| input.dtype);
        assert!(types.eq(expected.map(|(_, dtype)| dtype)));
        let error = outputs(&outlets(&[tensor(TensorElementType::Float16, &[1])])).unwrap_err();
        assert!(error.to_string().starts_with("output 'a': is of type f16 where "), "{error}");
        assert!(outputs(&[]).is_err());
    }
}
