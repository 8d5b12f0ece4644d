//! Normalisations: by stored statistics, by those of the input, and by those of neighbours.

use super::call::{Call, one};
use super::index::{around, broadcast, broadcast_index, count, positions};
use super::numbers::{Array, of_floats};
use crate::Result;
use crate::graph::Tensor;
use crate::words::counted;

fn per_channel(call: &Call, index: usize, channels: usize) -> Result<Vec<f64>> {
    let values = call.array(index)?.to_f64();
    match values.len() == channels {
        true => Ok(values),
        false => Err(call.wrong(format!(
            "input {index} has {} for {}",
            counted(values.len(), "number"),
            counted(channels, "channel")
        ))),
    }
}

/// Computes `gamma (x - mean) / sqrt(var + epsilon) + beta`, with stored statistics.
pub(super) fn batch(call: &Call) -> Result<Vec<Tensor>> {
    let training = match call.opset {
        ..7 => !call.flag("is_test"),
        7..14 => false,
        _ => call.flag("training_mode"),
    };
    if training || call.int("spatial", 1) == 0 {
        return Err(call.wrong("only the form of inference, by channel, is computed"));
    }
    let x = call.array(0)?;
    let (_, channels, each) = match x.shape.len() {
        1 => (1, 1, x.len()),
        _ => around(&x.shape, if x.shape.is_empty() { return Err(call.wrong("takes no scalar")) } else { 1 }),
    };
    let parameter = |index| per_channel(call, index, channels);
    let [gamma, beta, mean, var] = [parameter(1)?, parameter(2)?, parameter(3)?, parameter(4)?];
    let epsilon = call.float("epsilon", 1e-5);
    let values = x.floats()?.iter().enumerate().map(|(i, v)| {
        let c = i / each % channels;
        gamma[c] * (v - mean[c]) / (var[c] + epsilon).sqrt() + beta[c]
    });
    one(of_floats(x.dtype, x.shape.clone(), values.collect())?)
}

/// Returns mean and variance of numbers; both are 0 if there are none.
fn statistics(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n)
}

/// Normalises every run of `each` numbers to mean 0 and variance 1.
fn standardized(values: &[f64], each: usize, epsilon: f64) -> Vec<f64> {
    let runs = values.chunks(each.max(1)).map(|run| (run, statistics(run)));
    runs.flat_map(|(run, (mean, var))| run.iter().map(move |v| (v - mean) / (var + epsilon).sqrt())).collect()
}

/// Normalises groups of channels; there is a scale and a bias for each run of `per_parameter` channels.
fn grouped(call: &Call, x: &Array, groups: usize, per_parameter: usize) -> Result<Vec<Tensor>> {
    let (_, channels, each) = around(&x.shape, 1);
    let parameters = channels / per_parameter.max(1);
    let (scale, bias) = (per_channel(call, 1, parameters)?, per_channel(call, 2, parameters)?);
    let values = standardized(x.floats()?, each * (channels / groups.max(1)), call.float("epsilon", 1e-5));
    let at = |i: usize| i / (each * per_parameter).max(1) % parameters;
    let values = values.iter().enumerate().map(|(i, v)| scale[at(i)] * v + bias[at(i)]);
    one(of_floats(x.dtype, x.shape.clone(), values.collect())?)
}

pub(super) fn instance(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    call.at_least(call.tensor(0)?, 2)?;
    grouped(call, &x, x.shape[1], 1)
}

/// Computes group normalisation. Scale and bias are per group before operator set 21, per channel since.
pub(super) fn group(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    call.at_least(call.tensor(0)?, 2)?;
    let channels = x.shape[1];
    let groups = call.sizes(&[call.int("num_groups", 0)])?[0];
    if groups == 0 || channels % groups != 0 {
        return Err(call.wrong(format!(
            "{} cannot be divided into {}",
            counted(channels, "channel"),
            counted(groups, "group")
        )));
    }
    grouped(call, &x, groups, if call.opset < 21 { channels / groups } else { 1 })
}

/// Returns the number of elements of the axes from `axis` on, which are normalised together, and the shape of the
/// statistics.
fn together(call: &Call, x: &Array) -> Result<(usize, Vec<usize>)> {
    let axis = call.the_axis(-1, x.shape.len())?;
    let each = count(&x.shape[axis..]).unwrap_or(0);
    let mut statistic = x.shape.clone();
    statistic[axis..].fill(1);
    Ok((each.max(1), statistic))
}

/// Applies scale and bias, broadcast to the input.
fn scaled(call: &Call, x: &Array, values: Vec<f64>) -> Result<Tensor> {
    let (scale, bias) = (call.array(1)?, call.optional_array(2)?);
    for parameter in bias.iter().chain([&scale]) {
        if broadcast([&x.shape[..], &parameter.shape[..]]).as_ref() != Some(&x.shape) {
            return Err(call.wrong("scale or bias does not broadcast to the input"));
        }
    }
    let (scales, biases) = (scale.to_f64(), bias.as_ref().map(Array::to_f64));
    let at = |p: &[usize], of: &Array| broadcast_index(p, &of.shape);
    let element = |(p, v): (Vec<usize>, f64)| {
        let shift = bias.as_ref().zip(biases.as_ref()).map_or(0.0, |(b, values)| values[at(&p, b)]);
        scales[at(&p, &scale)] * v + shift
    };
    of_floats(x.dtype, x.shape.clone(), positions(&x.shape).zip(values).map(element).collect())
}

pub(super) fn layer(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    let (each, statistic) = together(call, &x)?;
    let epsilon = call.float("epsilon", 1e-5);
    let values = x.floats()?;
    let found: Vec<_> = values.chunks(each).map(statistics).collect();
    let made = scaled(call, &x, standardized(values, each, epsilon))?;
    let mean = of_floats(x.dtype, statistic.clone(), found.iter().map(|(mean, _)| *mean).collect())?;
    let inverse = found.iter().map(|(_, var)| 1.0 / (var + epsilon).sqrt()).collect();
    Ok(vec![made, mean, of_floats(x.dtype, statistic, inverse)?])
}

pub(super) fn root_mean_square(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    let (each, _) = together(call, &x)?;
    let epsilon = call.float("epsilon", 1e-5);
    let values = x.floats()?.chunks(each).flat_map(|run| {
        let square = run.iter().map(|v| v * v).sum::<f64>() / run.len() as f64;
        run.iter().map(move |v| v / (square + epsilon).sqrt())
    });
    one(scaled(call, &x, values.collect())?)
}

/// Computes `x / (bias + alpha / size * sum of x^2 over size channels)^beta`, where channels outside count as 0.
pub(super) fn local_response(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    call.at_least(call.tensor(0)?, 2)?;
    let (_, channels, each) = around(&x.shape, 1);
    let size = call.sizes(&[call.int("size", 0)])?[0];
    if size == 0 || size > call.limits.elements {
        return Err(call.wrong("has no size"));
    }
    call.room(&x.shape, size.min(channels))?;
    let (alpha, beta, bias) = (call.float("alpha", 0.0001), call.float("beta", 0.75), call.float("bias", 1.0));
    let values = x.floats()?;
    let made = values.iter().enumerate().map(|(i, v)| {
        let c = i / each % channels;
        let neighbours = c.saturating_sub((size - 1) / 2)..=(c + size / 2).min(channels - 1);
        let squares: f64 = neighbours.map(|n| values[i + n * each - c * each].powi(2)).sum();
        v / (bias + alpha / size as f64 * squares).powf(beta)
    });
    one(of_floats(x.dtype, x.shape.clone(), made.collect())?)
}

/// Divides by the norm along an axis; a norm of 0 gives zeros.
pub(super) fn lp(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    let (_, size, each) = around(&x.shape, call.the_axis(-1, x.shape.len())?);
    let (p, values) = (call.int("p", 2), x.floats()?);
    let made = (0..values.len()).map(|i| {
        let start = i / (size * each) * size * each + i % each;
        let along = (0..size).map(|k| values[start + k * each]);
        let norm = if p == 1 { along.map(f64::abs).sum() } else { along.map(|v| v * v).sum::<f64>().sqrt() };
        if norm == 0.0 { 0.0 } else { values[i] / norm }
    });
    call.room(&x.shape, size)?;
    one(of_floats(x.dtype, x.shape.clone(), made.collect())?)
}

/// Computes `(x - mean) / sqrt(var)` over the axes, by default all except the channels.
pub(super) fn mean_variance(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    let axes = call.axes(call.node.ints("axes").unwrap_or(&[0, 2, 3]), x.shape.len())?;
    let values = x.floats()?;
    let groups = super::reduce::groups(&x.shape, &axes);
    let mut made = vec![0.0; values.len()];
    for members in groups {
        let (mean, var) = statistics(&members.iter().map(|i| values[*i]).collect::<Vec<_>>());
        // 1e-9 avoids a division by 0 for a constant input, as in the operator's definition.
        members.iter().for_each(|i| made[*i] = (values[*i] - mean) / (var.sqrt() + 1e-9));
    }
    one(of_floats(x.dtype, x.shape.clone(), made)?)
}
