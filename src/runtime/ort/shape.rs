//! The inputs and outputs of a session for one batch size.

use ort::value::ValueType;

use super::{Input, element, open_axis, tensor};
use crate::graph::{DType, Dim};
use crate::{Error, Result};

/// An input or output as the file declares it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'a> {
    pub(super) name: &'a str,
    pub(super) dtype: &'a ValueType,
}

impl Declared<'_> {
    /// The symbol of an open axis, where it has one.
    fn symbol(self, axis: usize) -> Option<String> {
        let ValueType::Tensor { dimension_symbols, .. } = self.dtype else { return None };
        match Dim::parse(dimension_symbols.get(axis).filter(|text| !text.is_empty())?) {
            Dim::Symbolic { symbol, .. } => Some(symbol),
            _ => None,
        }
    }

    /// The first side, -1 when it is open; `None` without axes.
    fn first_side(self) -> Option<i64> {
        self.dtype.tensor_shape()?.first().copied()
    }
}

/// The inputs for `batch` images: a dynamic first axis is the batch, every other axis must be a number in the file.
///
/// # Errors
/// No input at all; one that is no tensor of a type that arrays are cast to, or that leaves
/// another axis open; a fixed batch other than `batch`.
pub(super) fn inputs(declared: &[Declared<'_>], batch: usize) -> Result<Vec<Input>> {
    let Some(first) = declared.first() else {
        return Err(Error::input("model", "its graph has no input"));
    };
    let inputs = declared.iter().map(|input| self::input(*input, batch)).collect::<Result<_>>()?;
    if !declared.iter().any(|input| input.first_side() == Some(-1)) {
        // As in every engine: the batch of a file without a dynamic one is the first axis of its first input.
        let side = first.first_side().unwrap_or(1);
        if usize::try_from(side) != Ok(batch) {
            return Err(Error::input(format!("batch {batch}"), format!("the file's batch is fixed at {side}"))
                .remedy(format!("use batch {side}, or export with a dynamic batch")));
        }
    }
    Ok(inputs)
}

fn input(declared: Declared<'_>, batch: usize) -> Result<Input> {
    let (dtype, shape) = numbers(declared, "input")?;
    let mut sides = Vec::with_capacity(shape.len());
    for (i, side) in shape.iter().enumerate() {
        sides.push(match usize::try_from(*side) {
            Ok(side) if side > 0 => side,
            Ok(_) => return Err(refuse(declared, "input", format!("axis {i} has no positive length"))),
            Err(_) if i == 0 => batch,
            Err(_) => {
                let symbol = declared.symbol(i);
                return Err(open_axis(declared.name, i, symbol.as_deref()));
            }
        });
    }
    Ok(Input { name: declared.name.to_owned(), shape: sides, dtype })
}

/// The names and types of the outputs.
///
/// # Errors
/// No output at all, or one that is no tensor of a type that arrays are cast from.
pub(super) fn outputs(declared: &[Declared<'_>]) -> Result<Vec<(String, DType)>> {
    if declared.is_empty() {
        return Err(Error::input("model", "its graph has no output"));
    }
    declared.iter().map(|output| numbers(*output, "output").map(|(dtype, _)| (output.name.to_owned(), dtype))).collect()
}

/// Type and shape of a tensor, with -1 for what the file leaves open.
fn numbers<'a>(declared: Declared<'a>, what: &str) -> Result<(DType, &'a [i64])> {
    match declared.dtype {
        ValueType::Tensor { ty, shape, .. } => match tensor::dtype(*ty) {
            Some(dtype) => Ok((dtype, shape)),
            None => Err(refuse(declared, what, element::refusal(ty.to_string().to_lowercase()))),
        },
        ValueType::Sequence(_) => Err(refuse(declared, what, "is a sequence where a tensor is expected".to_owned())),
        ValueType::Map { .. } => Err(refuse(declared, what, "is a map where a tensor is expected".to_owned())),
        ValueType::Optional(_) => Err(refuse(declared, what, "is optional where a tensor is expected".to_owned())),
    }
}

fn refuse(declared: Declared<'_>, what: &str, reason: String) -> Error {
    Error::input(format!("{what} '{}'", declared.name), reason)
}

#[cfg(test)]
mod tests {
    use ort::value::{Shape, SymbolicDimensions, TensorElementType};

    use super::*;

    fn tensor(ty: TensorElementType, shape: &[i64]) -> ValueType {
        let dimension_symbols = SymbolicDimensions::empty(shape.len());
        ValueType::Tensor { ty, shape: Shape::new(shape.iter().copied()), dimension_symbols }
    }

    fn f32s(shape: &[i64]) -> ValueType {
        tensor(TensorElementType::Float32, shape)
    }

    /// Declared values of these types, named `a`, `b`, ...
    fn declared(types: &[ValueType]) -> Vec<Declared<'_>> {
        ["a", "b", "c"].into_iter().zip(types).map(|(name, dtype)| Declared { name, dtype }).collect()
    }

    fn refused(types: &[ValueType]) -> String {
        inputs(&declared(types), 4).unwrap_err().to_string()
    }

    #[test]
    fn a_dynamic_first_axis_is_the_batch() {
        let found = inputs(&declared(&[f32s(&[-1, 3, 8, 8]), f32s(&[1, 3]), f32s(&[])]), 4).unwrap();
        let shapes: Vec<_> = found.into_iter().map(|input| input.shape).collect();
        assert_eq!(shapes, [vec![4, 3, 8, 8], vec![1, 3], vec![]]);
    }

    #[test]
    fn an_open_axis_says_how_to_fix_it() {
        let named = |symbols: [&str; 2]| ValueType::Tensor {
            ty: TensorElementType::Int64,
            shape: Shape::new([-1, -1]),
            dimension_symbols: SymbolicDimensions::new(symbols.map(str::to_owned)),
        };
        let remedy = |symbols| {
            let error = inputs(&declared(&[named(symbols)]), 4).unwrap_err();
            error.remedy_text().unwrap().to_owned()
        };
        assert_eq!(remedy(["N", "T"]), "fix its size with --dim T=SIZE");
        assert_eq!(remedy(["N", "2*T-1"]), "fix its size with --dim T=SIZE");
        assert!(remedy(["N", ""]).starts_with("it has no name to fix it by"));
    }

    #[test]
    fn a_fixed_batch_runs_only_at_its_size() {
        assert_eq!(inputs(&declared(&[f32s(&[4, 3])]), 4).unwrap()[0].shape, [4, 3]);
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
        assert_eq!(outputs(&declared(&kinds)).unwrap(), expected);
        let types = inputs(&declared(&kinds), 4).unwrap().into_iter().map(|input| input.dtype);
        assert!(types.eq(expected.map(|(_, dtype)| dtype)));
        let error = outputs(&declared(&[tensor(TensorElementType::Float16, &[1])])).unwrap_err();
        assert!(error.to_string().starts_with("output 'a': is of type f16 where "), "{error}");
        assert!(outputs(&[]).is_err());
    }
}
