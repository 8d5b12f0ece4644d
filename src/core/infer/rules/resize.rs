//! `Resize` and `Upsample`.

use super::super::context::{Context, axes_of};
use super::super::fact::{Answer, Known, Shape, fault, one, open, same_number, unknown_dims};
use super::super::number::Num;
use super::constant::size;
use crate::graph::Dim;
use crate::words::counted;

/// Infers `Upsample`: the scales are attributes before opset 9, then an input.
pub(crate) fn upsample(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let x = cx.shape(0)?;
        let scales = if cx.opset < 7 {
            let scale = |name| cx.node.float(name).map_or_else(|| fault(format!("attribute {name} is missing")), Ok);
            [1.0, 1.0, scale("height_scale")?, scale("width_scale")?].map(|scale| Num::real(scale.into())).to_vec()
        } else if cx.opset < 9 {
            let Some(scales) = cx.floats("scales")? else { return fault("attribute scales is missing") };
            scales.iter().map(|scale| Num::real((*scale).into())).collect()
        } else {
            let Some(scales) = open(cx.numbers(1))? else { return unknown_dims(x.len()) };
            scales.to_vec()
        };
        scaled(x, &(0..x.len()).collect::<Vec<_>>(), &scales, None)
    })
}

/// Infers `Resize`: scales (the second input in opset 10, the third from 11) or sizes (the fourth).
pub(crate) fn resize(cx: &Context) -> Answer {
    one(cx.dtype(0), || resized(cx))
}

fn resized(cx: &Context) -> Known<Shape> {
    let x = cx.shape(0)?;
    let scales_at = if cx.opset < 11 { 1 } else { 2 };
    let axes = cx.ints("axes")?.map_or_else(|| Ok((0..x.len()).collect()), |axes| axes_of(axes, x.len()))?;
    // Empty sizes count as absent: some exporters write them beside scales.
    if cx.has(3) && cx.length(3) != Ok(0) {
        let Some(sizes) = open(cx.numbers(3))? else { return Ok(opened(x, &axes)) };
        return sized(cx, x, &axes, sizes);
    }
    let crop = cx.text_or("coordinate_transformation_mode", "half_pixel")? == "tf_crop_and_resize";
    let Some(scales) = open(cx.numbers(scales_at))? else { return Ok(opened(x, &axes)) };
    let roi = match (crop, cx.numbers(1)) {
        (false, _) => None,
        (true, Ok(roi)) => Some(roi),
        (true, Err(_)) => return Ok(opened(x, &axes)),
    };
    scaled(x, &axes, scales, roi)
}

/// Returns the shape with unknown dimensions along `axes`.
fn opened(x: &[Dim], axes: &[usize]) -> Shape {
    let mut shape = x.to_vec();
    axes.iter().for_each(|axis| shape[*axis] = Dim::Unknown);
    shape
}

/// Computes `floor(size * scale)` along each axis; `roi` holds starts, then ends, of the part that is taken (all of it
/// without).
fn scaled(x: &[Dim], axes: &[usize], scales: &[Num], roi: Option<&[Num]>) -> Known<Shape> {
    if scales.len() != axes.len() || roi.is_some_and(|roi| roi.len() != 2 * axes.len()) {
        return fault(format!("{} for {}", counted(scales.len(), "scale"), counted(axes.len(), "axis")));
    }
    let mut shape = x.to_vec();
    for (entry, axis) in axes.iter().enumerate() {
        if scales[entry].float().is_some_and(|scale| scale <= 0.0) {
            return fault("a scale is not positive");
        }
        let part = roi.map_or(Num::Int(1), |roi| roi[axes.len() + entry].sub(&roi[entry]));
        shape[*axis] = size(&times(&Num::from(&x[*axis]).mul(&part), &scales[entry]))?;
    }
    Ok(shape)
}

/// Computes `floor(size * scale)`, multiplied in 32 bits as runtimes do: 10 times 0.7 is 7 there, rather than
/// 6.9999998.
fn times(size: &Num, scale: &Num) -> Num {
    match (size.float(), scale.float()) {
        (Some(size), Some(scale)) => Num::real(f64::from((size as f32 * scale as f32).floor())),
        _ => size.mul(scale),
    }
}

/// Returns the given sizes, or those of the input times the single scale that the policy derives from them.
fn sized(cx: &Context, x: &[Dim], axes: &[usize], sizes: &[Num]) -> Known<Shape> {
    same_number((sizes.len(), "size"), (axes.len(), "axis"))?;
    let mut shape = x.to_vec();
    let ratios = || axes.iter().zip(sizes).map(|(axis, to)| Some(to.int()? as f64 / x[*axis].known()? as f64));
    let scale = match cx.text_or("keep_aspect_ratio_policy", "stretch")? {
        "stretch" => {
            axes.iter().zip(sizes).try_for_each(|(axis, to)| {
                shape[*axis] = size(to)?;
                Ok(())
            })?;
            return Ok(shape);
        }
        "not_larger" => ratios().try_fold(f64::INFINITY, |least, ratio| Some(least.min(ratio?))),
        "not_smaller" => ratios().try_fold(f64::NEG_INFINITY, |most, ratio| Some(most.max(ratio?))),
        other => return fault(format!("attribute keep_aspect_ratio_policy is {other}")),
    };
    for axis in axes {
        // Halves are rounded up.
        let made = scale.zip(x[*axis].known()).map(|(scale, from)| Num::real((scale * from as f64 + 0.5).floor()));
        shape[*axis] = size(&made.unwrap_or(Num::Unknown))?;
    }
    Ok(shape)
}
