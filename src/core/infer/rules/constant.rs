//! Operations that create values: constants, ranges, identity matrices, random numbers, windows.

use super::super::context::Context;
use super::super::fact::{Answer, Known, Shape, fault, gap, one, open, unknown_dims};
use super::super::number::Num;
use crate::graph::{Attribute, DType, Dim};

pub(crate) fn count(_: &Context) -> Answer {
    one(DType::I64, || Ok(Vec::new()))
}

pub(crate) fn truth(_: &Context) -> Answer {
    one(DType::Bool, || Ok(Vec::new()))
}

pub(crate) fn constant(cx: &Context) -> Answer {
    let attributes = &cx.node.attributes;
    let known = |name: &str| attributes.get(name);
    if let Some(Attribute::Tensor(tensor)) = known("value") {
        return one(tensor.dtype(), || Ok(Dim::fixed(tensor.shape())));
    }
    match (known("value_float"), known("value_floats"), known("value_int"), known("value_ints")) {
        (Some(Attribute::Float(_)), ..) => one(DType::F32, || Ok(Vec::new())),
        (_, Some(Attribute::Floats(values)), ..) => one(DType::F32, || Ok(Dim::fixed(&[values.len()]))),
        (_, _, Some(Attribute::Int(_)), _) => one(DType::I64, || Ok(Vec::new())),
        (_, _, _, Some(Attribute::Ints(values))) => one(DType::I64, || Ok(Dim::fixed(&[values.len()]))),
        _ => match (known("value_string"), known("value_strings")) {
            (Some(Attribute::String(_)), _) => one(DType::String, || Ok(Vec::new())),
            (_, Some(Attribute::Strings(values))) => one(DType::String, || Ok(Dim::fixed(&[values.len()]))),
            _ if attributes.is_empty() => fault("has no value"),
            _ => gap("its value is of a kind that is not computed with"),
        },
    }
}

pub(crate) fn shape_from_input(cx: &Context, index: usize) -> Known<Shape> {
    match open(cx.numbers(index))? {
        Some(numbers) => numbers.iter().map(size).collect(),
        None => unknown_dims(cx.length(index)?),
    }
}

pub(crate) fn size(number: &Num) -> Known<Dim> {
    match number.dim() {
        Some(dim) => Ok(dim),
        None => fault(format!("a size is {}", number.int().unwrap_or(-1))),
    }
}

/// Infers `ConstantOfShape`: zeros of type f32 unless `value` says otherwise.
pub(crate) fn constant_of_shape(cx: &Context) -> Answer {
    let dtype = cx.tensor("value")?.map_or(DType::F32, |tensor| tensor.dtype());
    one(dtype, || shape_from_input(cx, 0))
}

/// Infers `Range`: as many elements as steps of `delta` fit between `start` and `limit`.
pub(crate) fn range(cx: &Context) -> Answer {
    one(cx.common_dtype(0), || {
        let of = |index| cx.numbers(index).map(|numbers| numbers.first().cloned().unwrap_or(Num::Unknown));
        let (Ok(start), Ok(limit), Ok(delta)) = (of(0), of(1), of(2)) else { return Ok(vec![Dim::Unknown]) };
        if delta == Num::Int(0) {
            return fault("the step is 0");
        }
        Ok(vec![steps(&start, &limit, &delta)])
    })
}

/// Computes `max(ceil((limit - start) / delta), 0)`.
fn steps(start: &Num, limit: &Num, delta: &Num) -> Dim {
    let span = limit.sub(start);
    let count = match (&span, delta) {
        (Num::Int(_) | Num::Line { .. }, Num::Int(delta)) => span.div_ceil(*delta),
        _ => Num::real(span.reals(delta, |span, delta| (span / delta).ceil()).float().unwrap_or(f64::NAN)),
    };
    match count {
        Num::Int(count) => Dim::Known(usize::try_from(count).unwrap_or(0)),
        line => line.dim().unwrap_or(Dim::Unknown),
    }
}

/// Infers `EyeLike`, `Random*Like` and `Bernoulli`: the input's shape, and its type unless `dtype` says otherwise.
pub(crate) fn like(cx: &Context) -> Answer {
    one(cx.type_or("dtype", cx.dtype(0))?, || cx.shape_of(0))
}

pub(crate) fn random(cx: &Context) -> Answer {
    one(cx.type_or("dtype", Some(DType::F32))?, || {
        cx.need_ints("shape")?.iter().map(|size_of| size(&Num::Int(*size_of))).collect()
    })
}

pub(crate) fn multinomial(cx: &Context) -> Answer {
    one(cx.type_or("dtype", Some(DType::I32))?, || {
        Ok(vec![cx.shape_of_rank(0, 2)?[0].clone(), size(&Num::Int(cx.int_or("sample_size", 1)?))?])
    })
}

/// Infers `HannWindow` and similar ones: a vector whose length is the input.
pub(crate) fn window(cx: &Context) -> Answer {
    one(cx.type_or("output_datatype", Some(DType::F32))?, || match cx.numbers(0) {
        Ok([length]) => Ok(vec![size(length)?]),
        _ => Ok(vec![Dim::Unknown]),
    })
}
