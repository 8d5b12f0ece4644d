//! Operations that select by value: how much they select depends on the data.

use super::super::context::{Context, axis_of};
use super::super::fact::{Answer, Fact, Known, Shape, fault, one, open};
use super::super::number::Num;
use super::constant::size;
use crate::graph::{DType, Dim};
use crate::words::counted;

/// Infers `TopK`: `k` is an attribute before opset 10, then an input.
pub(crate) fn top_k(cx: &Context) -> Answer {
    let shape = || {
        let mut shape = cx.shape(0)?.to_vec();
        let axis = axis_of(cx.int_or("axis", -1)?, shape.len())?;
        shape[axis] = match cx.opset < 10 {
            true => size(&Num::Int(cx.need_int("k")?))?,
            false => match open(cx.numbers(1))? {
                Some([k]) => size(k)?,
                Some(_) => return fault("k is not one number"),
                None => Dim::Unknown,
            },
        };
        Ok(shape)
    };
    let shape: Known<Shape> = shape();
    Ok(vec![Fact::new(cx.dtype(0), shape.clone()), Fact::new(DType::I64, shape)])
}

/// Infers `NonZero`: for each non-zero element an index of as many numbers as the input has dimensions.
pub(crate) fn non_zero(cx: &Context) -> Answer {
    one(DType::I64, || cx.shape(0).map(|x| vec![Dim::Known(x.len()), Dim::Unknown]))
}

/// Infers `NonMaxSuppression`: (batch, class, box) for each box that is kept.
pub(crate) fn non_max_suppression(_: &Context) -> Answer {
    one(DType::I64, || Ok(vec![Dim::Unknown, Dim::Known(3)]))
}

/// Infers `Unique`: the values, their first positions, the position of each element among them, their counts.
pub(crate) fn unique(cx: &Context) -> Answer {
    let x = cx.shape(0)?;
    let (values, inverse) = match cx.int("axis")? {
        Some(axis) => {
            let (axis, mut values) = (axis_of(axis, x.len())?, x.to_vec());
            let inverse = std::mem::replace(&mut values[axis], Dim::Unknown);
            (values, inverse)
        }
        None => (vec![Dim::Unknown], size(&Num::product(x))?),
    };
    let open = || Fact::new(DType::I64, Ok(vec![Dim::Unknown]));
    Ok(vec![Fact::new(cx.dtype(0), Ok(values)), open(), Fact::new(DType::I64, Ok(vec![inverse])), open()])
}

/// Infers `TfIdfVectorizer`: as many numbers as `ngram_indexes` names.
pub(crate) fn tf_idf(cx: &Context) -> Answer {
    one(DType::F32, || {
        let most = cx.need_ints("ngram_indexes")?.iter().max().copied().unwrap_or(-1);
        let width = size(&Num::Int(most).add(&Num::Int(1)))?;
        match cx.shape(0)? {
            [] | [_] => Ok(vec![width]),
            [rows, _] => Ok(vec![rows.clone(), width]),
            x => fault(format!("the input has {}, more than 2", counted(x.len(), "dimension"))),
        }
    })
}

/// Infers `StringSplit`: a dimension for the parts of the longest text, and the number of parts.
pub(crate) fn string_split(cx: &Context) -> Answer {
    let x = cx.shape_of(0);
    let parts = x.clone().map(|mut x| {
        x.push(Dim::Unknown);
        x
    });
    Ok(vec![Fact::new(DType::String, parts), Fact::new(DType::I64, x)])
}

/// Infers `StringNormalizer`: the remaining words of a vector or a row.
pub(crate) fn string_normalizer(cx: &Context) -> Answer {
    one(DType::String, || match cx.shape(0)? {
        [_] => Ok(vec![Dim::Unknown]),
        [row, _] => Ok(vec![row.clone(), Dim::Unknown]),
        x => fault(format!("the input has {}, neither 1 nor 2", counted(x.len(), "dimension"))),
    })
}

pub(crate) fn image(cx: &Context) -> Answer {
    let channels = if cx.text_or("pixel_format", "RGB")? == "Grayscale" { 1 } else { 3 };
    one(DType::U8, || Ok(vec![Dim::Unknown, Dim::Unknown, Dim::Known(channels)]))
}
