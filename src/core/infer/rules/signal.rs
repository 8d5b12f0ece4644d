//! Signals: Fourier transforms and mel weights. Complex numbers are a last dimension of 2.

use super::super::context::{Context, axis_of};
use super::super::fact::{Answer, Known, Shape, fault, one, open};
use super::super::number::Num;
use super::constant::size;
use crate::graph::{DType, Dim};

fn number(cx: &Context, index: usize) -> Num {
    match cx.numbers(index) {
        Ok([number]) => number.clone(),
        _ => Num::Unknown,
    }
}

/// Returns the number of bins of a transform of real numbers of which half is kept: `floor(length / 2) + 1`.
fn half(length: &Num) -> Num {
    length.div_floor(2).add(&Num::Int(1))
}

/// Infers `DFT`: the axis is an attribute (default 1) before opset 20, then an input (default -2).
pub(crate) fn dft(cx: &Context) -> Answer {
    one(cx.dtype(0), || transformed(cx))
}

fn transformed(cx: &Context) -> Known<Shape> {
    let mut shape = cx.shape_from_rank(0, 2)?.to_vec();
    let rank = shape.len();
    let axis = match (cx.opset < 20, cx.has(2)) {
        (true, _) => cx.int_or("axis", 1)?,
        (false, true) => match open(cx.whole_number(2))? {
            Some(axis) => axis,
            // Without another length, no dimension but the last depends on the axis.
            None => return unknown_axis(cx, shape),
        },
        (false, false) => -2,
    };
    let (axis, onesided, inverse) = (axis_of(axis, rank)?, cx.flag("onesided", false)?, cx.flag("inverse", false)?);
    if axis + 1 == rank {
        return fault("transforms along the dimension of real and imaginary parts");
    }
    // The inverse of half the bins of a real signal is the whole signal.
    let length = match (cx.has(1), onesided && inverse) {
        (true, _) => number(cx, 1),
        (false, true) => Num::from(&shape[axis]).add(&Num::Int(-1)).mul(&Num::Int(2)),
        (false, false) => Num::from(&shape[axis]),
    };
    shape[axis] = size(&if onesided && !inverse { half(&length) } else { length })?;
    shape[rank - 1] = Dim::Known(if onesided && inverse { 1 } else { 2 });
    Ok(shape)
}

fn unknown_axis(cx: &Context, mut shape: Shape) -> Known<Shape> {
    let (onesided, inverse) = (cx.flag("onesided", false)?, cx.flag("inverse", false)?);
    if let Some((parts, signal)) = shape.split_last_mut() {
        if onesided || cx.has(1) {
            signal.fill(Dim::Unknown);
        }
        *parts = Dim::Known(if onesided && inverse { 1 } else { 2 });
    }
    Ok(shape)
}

/// Infers `STFT`: `[batch, frames, bins, 2]`.
pub(crate) fn stft(cx: &Context) -> Answer {
    one(cx.dtype(0), || framed(cx))
}

fn framed(cx: &Context) -> Known<Shape> {
    let signal = cx.shape_from_rank(0, 2)?;
    let length = Num::from(&signal[1]);
    let frame = match (cx.has(3), cx.has(2)) {
        (true, _) => number(cx, 3),
        (false, true) => Num::from(&cx.shape_of_rank(2, 1)?[0]),
        (false, false) => length.clone(),
    };
    let frames = match number(cx, 1) {
        Num::Int(step @ 1..) => length.sub(&frame).div_floor(step).add(&Num::Int(1)),
        Num::Int(step) => return fault(format!("the step between frames is {step}")),
        _ => Num::Unknown,
    };
    let bins = if cx.flag("onesided", true)? { half(&frame) } else { frame };
    Ok(vec![signal[0].clone(), size(&frames)?, size(&bins)?, Dim::Known(2)])
}

/// Infers `MelWeightMatrix`: `[floor(dft_length / 2) + 1, num_mel_bins]`.
pub(crate) fn mel(cx: &Context) -> Answer {
    one(cx.type_or("output_datatype", Some(DType::F32))?, || {
        Ok(vec![size(&half(&number(cx, 1)))?, size(&number(cx, 0))?])
    })
}
