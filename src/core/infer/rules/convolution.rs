//! Convolutions, including transposed, quantised, deformable and causal ones.

use super::super::context::Context;
use super::super::fact::{Answer, Fact, Known, fault, one};
use super::super::merge;
use super::super::number::Num;
use super::constant::{shape_from_input, size};
use super::window::Window;
use crate::graph::{DType, Dim};
use crate::words::counted;

/// Infers `[N, M, out..]` from `[N, C, in..]` and a weight `[M, C / group, kernel..]`.
pub(crate) fn conv(cx: &Context, dtype: Option<DType>, data: usize, weight: usize) -> Answer {
    one(dtype, || {
        let x = cx.shape_from_rank(data, 2)?;
        let w = match cx.shape(weight) {
            Ok(w) => w,
            // The kernel may be an attribute.
            Err(_) if cx.ints("kernel_shape")?.is_some() => {
                let places = Window::new(cx, x.len() - 2, None)?.places(&x[2..], false)?;
                return Ok([x[0].clone(), Dim::Unknown].into_iter().chain(places).collect());
            }
            Err(stop) => return Err(stop),
        };
        if w.len() != x.len() {
            return fault(format!("the weight has {}, the input {}", counted(w.len(), "dimension"), x.len()));
        }
        let group = group(cx)?;
        match (x[1].known(), w[1].known().and_then(|c| c.checked_mul(group))) {
            (Some(have), Some(want)) if have != want => {
                return fault(format!("the input has {}, the weight takes {want}", counted(have, "channel")));
            }
            _ => {}
        }
        if w[0].known().is_some_and(|channels| channels % group != 0) {
            return fault(format!(
                "{} cannot be divided into {}",
                counted(&w[0], "output channel"),
                counted(group, "group")
            ));
        }
        let window = Window::new(cx, x.len() - 2, Some(&w[2..]))?;
        let places = window.places(&x[2..], false)?;
        Ok([x[0].clone(), w[0].clone()].into_iter().chain(places).collect())
    })
}

fn group(cx: &Context) -> Known<usize> {
    match cx.int_or("group", 1)? {
        group @ 1.. => Ok(group as usize),
        group => fault(format!("attribute group is {group}")),
    }
}

/// Infers `ConvTranspose`: a weight `[C, M / group, kernel..]`; `output_shape` takes precedence over `output_padding`.
pub(crate) fn conv_transpose(cx: &Context) -> Answer {
    one(cx.common_dtype(0), || {
        let (x, w) = (cx.shape_from_rank(0, 2)?, cx.shape(1)?);
        if w.len() != x.len() {
            return fault(format!("the weight has {}, the input {}", counted(w.len(), "dimension"), x.len()));
        }
        merge::equal(&x[1], &w[0], "the channels of input and weight")?;
        let group = group(cx)?;
        let channels = size(&Num::from(&w[1]).mul(&Num::Int(i64::try_from(group).unwrap_or(i64::MAX))))?;
        let spatial = x.len() - 2;
        let window = Window::new(cx, spatial, Some(&w[2..]))?;
        let places = match cx.ints("output_shape")? {
            Some(sizes) if sizes.len() >= spatial => {
                sizes[sizes.len() - spatial..].iter().map(|of| size(&Num::Int(*of))).collect::<Known<Vec<_>>>()?
            }
            Some(sizes) => return fault(format!("attribute output_shape has {}", counted(sizes.len(), "number"))),
            None => window.transposed(&x[2..], &output_padding(cx, spatial)?)?,
        };
        Ok([x[0].clone(), channels].into_iter().chain(places).collect())
    })
}

fn output_padding(cx: &Context, spatial: usize) -> Known<Vec<i64>> {
    let values = cx.ints("output_padding")?.map_or_else(|| vec![0; spatial], <[i64]>::to_vec);
    match values.len() == spatial && values.iter().all(|value| *value >= 0) {
        true => Ok(values),
        false => fault(format!("attribute output_padding is {values:?} for {}", counted(spatial, "spatial dimension"))),
    }
}

/// Infers `CausalConvWithState`: the input's shape, and a state of the last `kernel - 1` positions.
pub(crate) fn causal(cx: &Context) -> Answer {
    let state = || {
        let (x, w) = (cx.shape_of_rank(0, 3)?, cx.shape_of_rank(1, 3)?);
        Ok(vec![x[0].clone(), x[1].clone(), size(&Num::from(&w[2]).add(&Num::Int(-1)))?])
    };
    let dtype = cx.common_dtype(0);
    Ok(vec![Fact::new(dtype, cx.shape_of(0)), Fact::new(dtype, state())])
}

/// Infers `Col2Im`: blocks `[N, C * block, L]` back into an image `[N, C, image..]`.
pub(crate) fn col2im(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let x = cx.shape_of_rank(0, 3)?;
        let image = shape_from_input(cx, 1)?;
        let block = cx.numbers(2).map_or(Num::Unknown, |sizes| sizes.iter().fold(Num::Int(1), |all, of| all.mul(of)));
        let channels = size(&Num::from(&x[1]).div_exact(&block))?;
        Ok([x[0].clone(), channels].into_iter().chain(image).collect())
    })
}
