//! Constants of the runs of a forward: parameters, and tensors that the forward creates.
//!
//! A constant created by the forward may depend on the sizes of its inputs. Two kinds have an ONNX operation that
//! creates them at any size: a uniform value, and numbers that count up or down.

use std::collections::HashMap;

use burn::backend::{DType as BurnDType, TensorData};
use bytes::Bytes;

use gnet_core::graph::{DType, Tensor};
use gnet_core::{Error, Result};

/// A constant over all runs.
#[derive(Debug, Clone)]
pub(super) enum Constant {
    /// The same values in every run.
    Same(Tensor),
    /// One value everywhere, in a shape that depends on the run.
    Uniform(Tensor),
    /// Whole numbers from `start` in steps of `step`, as many as the run needs.
    Count { start: i64, step: i64, dtype: DType },
}

impl Constant {
    /// Classifies a constant by its values in the runs; `None` if they depend on the run in another way.
    pub fn of(runs: &[&TensorData]) -> Result<Option<Self>> {
        let [first, rest @ ..] = runs else { return Ok(None) };
        let same = |other: &&TensorData| other.shape() == first.shape() && other.as_bytes() == first.as_bytes();
        if rest.iter().all(same) {
            return tensor((*first).clone()).map(|tensor| Some(Self::Same(tensor)));
        }
        if let Some(number) = uniform(runs) {
            return Tensor::new(dtype(first.dtype())?, vec![], number.to_vec())
                .map(|number| Some(Self::Uniform(number)));
        }
        let dtype = dtype(first.dtype())?;
        Ok(count(runs).map(|(start, step)| Self::Count { start, step, dtype }))
    }
}

/// Returns the bytes of the single value that fills all runs.
fn uniform<'a>(runs: &[&'a TensorData]) -> Option<&'a [u8]> {
    let width = runs.first()?.dtype().size();
    let number = runs.iter().find_map(|data| data.as_bytes().get(..width))?;
    runs.iter().all(|data| data.as_bytes().chunks_exact(width).all(|other| other == number)).then_some(number)
}

/// Returns the first number and the step of vectors that count.
fn count(runs: &[&TensorData]) -> Option<(i64, i64)> {
    let vector = |data: &&TensorData| -> Option<Vec<i64>> {
        let counts = data.shape().num_dims() == 1 && matches!(data.dtype(), BurnDType::I64 | BurnDType::I32);
        counts.then(|| data.iter::<i64>().collect())
    };
    let vectors: Vec<Vec<i64>> = runs.iter().map(vector).collect::<Option<_>>()?;
    let longest = vectors.iter().max_by_key(|vector| vector.len())?;
    let (start, step) = (*longest.first()?, longest.get(1)?.checked_sub(longest[0])?);
    let at = |i: usize| start.checked_add(step.checked_mul(i as i64)?);
    let counts = |vector: &Vec<i64>| vector.iter().enumerate().all(|(i, number)| at(i) == Some(*number));
    (step != 0 && vectors.iter().all(counts)).then_some((start, step))
}

/// The constants of all runs by their ID in the first, from tensors at the same position in each.
pub(super) type Constants = HashMap<burn::backend::ir::TensorId, Constant>;

/// Converts a tensor of Burn's to one of the graph without copying its values.
pub(super) fn tensor(data: TensorData) -> Result<Tensor> {
    struct Values(TensorData);
    impl AsRef<[u8]> for Values {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }
    let (dtype, shape) = (dtype(data.dtype())?, data.shape().to_vec());
    Tensor::new(dtype, shape, Bytes::from_owner(Values(data)))
}

pub(super) fn dtype(dtype: BurnDType) -> Result<DType> {
    Ok(match dtype {
        BurnDType::F32 => DType::F32,
        BurnDType::F64 => DType::F64,
        BurnDType::F16 => DType::F16,
        BurnDType::BF16 => DType::BF16,
        BurnDType::I8 => DType::I8,
        BurnDType::I16 => DType::I16,
        BurnDType::I32 => DType::I32,
        BurnDType::I64 => DType::I64,
        BurnDType::U8 => DType::U8,
        BurnDType::U16 => DType::U16,
        BurnDType::U32 => DType::U32,
        BurnDType::U64 => DType::U64,
        BurnDType::Bool(_) => DType::Bool,
        other => return Err(Error::input(format!("element type {other:?}"), "has no counterpart in ONNX")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(runs: &[TensorData]) -> Option<Constant> {
        Constant::of(&runs.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_all_runs_share_is_found() {
        let counts = [TensorData::from([3_i64, 5]), TensorData::from([3_i64, 5, 7]), TensorData::from([3_i64])];
        assert!(matches!(of(&counts), Some(Constant::Count { start: 3, step: 2, dtype: DType::I64 })));
        let ones = [TensorData::from([[1_f32, 1.0]]), TensorData::from([[1_f32], [1.0]])];
        assert!(matches!(of(&ones), Some(Constant::Uniform(one)) if one.to_f32().unwrap() == [1.0]));
        let same = [TensorData::from([1_f32, 2.0]), TensorData::from([1_f32, 2.0])];
        assert!(matches!(of(&same), Some(Constant::Same(tensor)) if tensor.to_f32().unwrap() == [1.0, 2.0]));
    }

    #[test]
    fn what_depends_on_the_run_in_another_way_is_told() {
        for runs in [
            [TensorData::from([0_i64, 1]), TensorData::from([1_i64, 2, 3])],
            [TensorData::from([0_i64, 1, 2]), TensorData::from([0_i64, 1, 3])],
            [TensorData::from([1_f32, 1.0]), TensorData::from([2_f32, 2.0])],
            [TensorData::from([0.5_f32, 1.0]), TensorData::from([0.5_f32])],
        ] {
            assert!(of(&runs).is_none(), "{runs:?}");
        }
    }
}
