//! Normalisations and losses.

use super::super::context::{Context, axis_of};
use super::super::fact::{Answer, Fact, Shape, fault};
use super::super::merge;
use crate::graph::{DType, Dim};

/// Infers `BatchNormalization`: statistics after the output are vectors over the channels.
pub(crate) fn batch_norm(cx: &Context) -> Answer {
    let channels = || match cx.shape_from_rank(0, 1)?.get(1) {
        Some(channels) => Ok(vec![channels.clone()]),
        None => Ok(vec![Dim::Known(1)]),
    };
    let x = cx.shape(0);
    if let (Ok(x), Ok(scale)) = (&x, cx.shape(1))
        && let ([_, channels, ..], [scale]) = (x, scale)
    {
        merge::equal(channels, scale, "the channels of input and scale")?;
    }
    let mut facts = vec![Fact::new(cx.dtype(0), x.map(<[_]>::to_vec))];
    // From opset 14 on the statistics have their own type.
    let dtype = if cx.opset >= 14 { cx.dtype(3).or(cx.dtype(4)) } else { cx.dtype(0) };
    facts.extend(vec![Fact::new(dtype, channels()); 4]);
    Ok(facts)
}

/// Infers `LayerNormalization`: mean and inverse deviation have a 1 from `axis` on.
pub(crate) fn layer_norm(cx: &Context) -> Answer {
    let statistics = || {
        let x = cx.shape(0)?;
        let axis = axis_of(cx.int_or("axis", -1)?, x.len())?;
        Ok(x.iter().enumerate().map(|(place, dim)| if place < axis { dim.clone() } else { Dim::Known(1) }).collect())
    };
    let (x, statistics) = (cx.shape_of(0), statistics());
    let stash = cx.type_or("stash_type", Some(DType::F32))?;
    Ok(vec![Fact::new(cx.dtype(0), x), Fact::new(stash, statistics.clone()), Fact::new(stash, statistics)])
}

/// Infers `SoftmaxCrossEntropyLoss` and `NegativeLogLikelihoodLoss`: a scalar, or a loss for each label without a
/// reduction; then the logarithms of the probabilities.
pub(crate) fn loss(cx: &Context) -> Answer {
    let reduction = cx.text_or("reduction", "mean")?;
    let per_label = || match cx.shape(1) {
        Ok(labels) => Ok(labels.to_vec()),
        Err(stop) => {
            let x = cx.shape_from_rank(0, 2).map_err(|_| stop)?;
            Ok(x[..1].iter().chain(&x[2..]).cloned().collect::<Shape>())
        }
    };
    let first = match reduction {
        "none" => per_label(),
        "mean" | "sum" => Ok(Vec::new()),
        other => fault(format!("attribute reduction is {other}")),
    };
    Ok(vec![Fact::new(cx.dtype(0), first), Fact::new(cx.dtype(0), cx.shape_of(0))])
}
