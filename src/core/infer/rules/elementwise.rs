//! Element-wise operations, with and without broadcasting; casts; operations that keep the shape of their input.

use super::super::context::Context;
use super::super::fact::{Answer, Fact, Known, Shape, fault, one};
use super::super::merge;
use crate::graph::{DType, Dim, shape_text};
use crate::words::counted;

/// Infers the type and shape of the first input for every output.
pub(crate) fn same(cx: &Context) -> Answer {
    one(cx.dtype(0), || cx.shape_of(0))
}

/// Infers the shape of the first input, of booleans.
pub(crate) fn same_bool(cx: &Context) -> Answer {
    one(DType::Bool, || cx.shape_of(0))
}

pub(crate) fn broadcast_all(cx: &Context) -> Known<Shape> {
    if cx.inputs() == 0 {
        return fault("has no input");
    }
    let first = cx.shape(0)?.to_vec();
    (1..cx.inputs()).try_fold(first, |shape, index| merge::broadcast(&shape, cx.shape(index)?))
}

/// Infers arithmetic of two inputs: broadcast from opset 7, before that the shape of the first input.
pub(crate) fn arithmetic(cx: &Context) -> Answer {
    one(cx.common_dtype(0), || binary(cx))
}

/// Infers arithmetic whose inputs may differ in type: the first decides.
pub(crate) fn power(cx: &Context) -> Answer {
    one(cx.dtype(0), || binary(cx))
}

/// Infers a comparison of two inputs, or logic on them.
pub(crate) fn comparison(cx: &Context) -> Answer {
    one(DType::Bool, || binary(cx))
}

fn binary(cx: &Context) -> Known<Shape> {
    match cx.inputs() {
        2 if cx.opset < 7 => cx.shape_of(0),
        2 => broadcast_all(cx),
        count => fault(format!("has {}, not 2", counted(count, "input"))),
    }
}

/// Infers `Max`, `Min`, `Mean`, `Sum` of any number of inputs: broadcast from opset 8, before that all of one shape.
pub(crate) fn variadic(cx: &Context) -> Answer {
    one(cx.common_dtype(0), || match cx.opset < 8 {
        true => (1..cx.inputs()).try_fold(cx.shape(0)?.to_vec(), |shape, index| equal(&shape, cx.shape(index)?)),
        false => broadcast_all(cx),
    })
}

fn equal(first: &[Dim], second: &[Dim]) -> Known<Shape> {
    let differ = || fault(format!("the inputs are {} and {}", shape_text(first), shape_text(second)));
    merge::shapes(first, second).map_or_else(differ, Ok)
}

/// Infers `PRelu`: the slope is broadcast to the input, never vice versa.
pub(crate) fn prelu(cx: &Context) -> Answer {
    one(cx.common_dtype(0), || cx.shape_of(0))
}

/// Infers `Where`: condition and both branches are broadcast.
pub(crate) fn choose(cx: &Context) -> Answer {
    one(cx.common_dtype(1), || broadcast_all(cx))
}

/// Infers `Cast` and `BitCast`: the type is an attribute.
pub(crate) fn cast(cx: &Context) -> Answer {
    if cx.opset < 6 {
        return one(dtype_of_name(cx.text_or("to", "")?), || cx.shape_of(0));
    }
    cx.need_int("to")?;
    one(cx.type_or("to", None)?, || cx.shape_of(0))
}

/// Returns an element type by name: before opset 6 the type was a name of `TensorProto.DataType`.
fn dtype_of_name(name: &str) -> Option<DType> {
    Some(match name {
        "FLOAT" => DType::F32,
        "DOUBLE" => DType::F64,
        "FLOAT16" => DType::F16,
        "INT8" => DType::I8,
        "INT16" => DType::I16,
        "INT32" => DType::I32,
        "INT64" => DType::I64,
        "UINT8" => DType::U8,
        "UINT16" => DType::U16,
        "UINT32" => DType::U32,
        "UINT64" => DType::U64,
        "BOOL" => DType::Bool,
        "STRING" => DType::String,
        "COMPLEX64" => DType::Complex64,
        "COMPLEX128" => DType::Complex128,
        _ => return None,
    })
}

pub(crate) fn cast_like(cx: &Context) -> Answer {
    one(cx.dtype(1), || cx.shape_of(0))
}

/// Infers `Dropout`: the mask is boolean from opset 10, before that of the input's type.
pub(crate) fn dropout(cx: &Context) -> Answer {
    let shape = cx.shape_of(0);
    let mask = if cx.opset < 10 { cx.dtype(0) } else { Some(DType::Bool) };
    Ok(vec![Fact::new(cx.dtype(0), shape.clone()), Fact::new(mask, shape)])
}

/// Infers operations whose inputs and output have the same shape (`SwiGLU`).
pub(crate) fn same_shapes(cx: &Context) -> Answer {
    one(cx.common_dtype(0), || equal(cx.shape(0)?, cx.shape(1)?))
}
