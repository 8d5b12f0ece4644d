//! Reductions over axes.

use super::super::context::{Context, axes_of, axis_of};
use super::super::fact::{Answer, Known, Shape, Stop, one, unknown_dims};
use crate::graph::{DType, Dim};

/// Returns the opset from which on `op_type` takes its axes as an input.
fn axes_are_input_since(op_type: &str) -> i64 {
    if op_type == "ReduceSum" { 13 } else { 18 }
}

pub(crate) fn reduce(cx: &Context) -> Answer {
    one(cx.dtype(0), || reduced(cx))
}

fn reduced(cx: &Context) -> Known<Shape> {
    let x = cx.shape(0)?;
    let keep = cx.flag("keepdims", true)?;
    let axes = match cx.axes("axes", axes_are_input_since(&cx.node.op_type), 1) {
        // The reduced axes are unknown, but the number of remaining dimensions may be known.
        Err(stop @ Stop::Gap(_)) => {
            let gone = if keep { 0 } else { cx.length(1).map_err(|_| stop.clone())? };
            return if gone == 0 && !keep { Err(stop) } else { unknown_dims(x.len().saturating_sub(gone)) };
        }
        axes => axes?.unwrap_or_default(),
    };
    if axes.is_empty() && cx.flag("noop_with_empty_axes", false)? {
        return Ok(x.to_vec());
    }
    let gone = if axes.is_empty() { (0..x.len()).collect() } else { axes_of(&axes, x.len())? };
    Ok(without(x, &gone, keep))
}

/// Returns the shape without the dimensions `gone`, or with a 1 in their places.
fn without(shape: &[Dim], gone: &[usize], keep: bool) -> Shape {
    let left = shape.iter().enumerate().filter_map(|(axis, dim)| match (gone.contains(&axis), keep) {
        (false, _) => Some(dim.clone()),
        (true, true) => Some(Dim::Known(1)),
        (true, false) => None,
    });
    left.collect()
}

pub(crate) fn arg(cx: &Context) -> Answer {
    one(DType::I64, || {
        let x = cx.shape(0)?;
        Ok(without(x, &[axis_of(cx.int_or("axis", 0)?, x.len())?], cx.flag("keepdims", true)?))
    })
}
