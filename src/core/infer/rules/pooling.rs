//! Pools: sliding, global, over regions, and their inverse.

use super::super::context::Context;
use super::super::fact::{Answer, Fact, Known, Shape, fault, gap, one, open};
use super::super::number::Num;
use super::constant::size;
use super::window::Window;
use crate::graph::{DType, Dim};
use crate::words::counted;

/// Infers `MaxPool` (with the indices of the maxima), `AveragePool`, `LpPool`.
pub(crate) fn pool(cx: &Context) -> Answer {
    let shape = || {
        let x = cx.shape_from_rank(0, 2)?;
        let places = Window::new(cx, x.len() - 2, None)?.places(&x[2..], cx.flag("ceil_mode", false)?)?;
        Ok(x[..2].iter().cloned().chain(places).collect::<Shape>())
    };
    let shape = shape();
    Ok(vec![Fact::new(cx.dtype(0), shape.clone()), Fact::new(DType::I64, shape)])
}

/// Infers `GlobalAveragePool` and similar ones: every spatial dimension becomes 1.
pub(crate) fn global(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let x = cx.shape_from_rank(0, 2)?;
        Ok(x.iter().enumerate().map(|(axis, dim)| if axis < 2 { dim.clone() } else { Dim::Known(1) }).collect())
    })
}

/// Infers `MaxUnpool`: the input of the pool, or the shape that the third input gives.
pub(crate) fn unpool(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let x = cx.shape_from_rank(0, 2)?;
        if cx.has(2) {
            return super::constant::shape_from_input(cx, 2);
        }
        let window = Window::new(cx, x.len() - 2, None)?;
        Ok(x[..2].iter().cloned().chain(window.transposed(&x[2..], &vec![0; x.len() - 2])?).collect())
    })
}

/// Infers `RoiAlign`: `[regions, C, output_height, output_width]`.
pub(crate) fn roi_align(cx: &Context) -> Answer {
    one(cx.common_dtype(0), || {
        let side = |name| size(&Num::Int(cx.int_or(name, 1)?));
        regions(cx, side("output_height")?, side("output_width")?)
    })
}

/// Infers `MaxRoiPool`: `[regions, C, height, width]`.
pub(crate) fn max_roi_pool(cx: &Context) -> Answer {
    one(cx.common_dtype(0), || match cx.need_ints("pooled_shape")? {
        [height, width] => regions(cx, size(&Num::Int(*height))?, size(&Num::Int(*width))?),
        other => fault(format!("attribute pooled_shape has {}, not 2", counted(other.len(), "number"))),
    })
}

fn regions(cx: &Context, height: Dim, width: Dim) -> Known<Shape> {
    let channels = open(cx.shape_of_rank(0, 4))?.map_or(Dim::Unknown, |x| x[1].clone());
    match open(cx.shape_of_rank(1, 2))? {
        Some(rois) => Ok(vec![rois[0].clone(), channels, height, width]),
        None => gap(format!("the shape of input {} is not known", cx.name(1))),
    }
}
