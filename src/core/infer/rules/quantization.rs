//! Quantisation and dequantisation.

use super::super::context::Context;
use super::super::fact::{Answer, Fact, one};
use crate::graph::{DType, Dim};

/// Infers `QuantizeLinear`: the type of the zero point, else `output_dtype`, else u8.
pub(crate) fn quantize(cx: &Context) -> Answer {
    let unsigned = if cx.has(2) { cx.dtype(2) } else { Some(DType::U8) };
    one(cx.type_or("output_dtype", unsigned)?, || cx.shape_of(0))
}

/// Infers `DequantizeLinear`: f32 before opset 19, then the type of the scale unless `output_dtype` says otherwise.
pub(crate) fn dequantize(cx: &Context) -> Answer {
    let dtype = if cx.opset < 19 { Some(DType::F32) } else { cx.type_or("output_dtype", cx.dtype(1))? };
    one(dtype, || cx.shape_of(0))
}

/// Infers `DynamicQuantizeLinear`: the quantised input, its scale and zero point.
pub(crate) fn dynamic_quantize(cx: &Context) -> Answer {
    let scalar = || Ok(Vec::<Dim>::new());
    let x = cx.shape_of(0);
    Ok(vec![Fact::new(DType::U8, x), Fact::new(DType::F32, scalar()), Fact::new(DType::U8, scalar())])
}
