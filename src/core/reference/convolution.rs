//! Convolutions, as sums over windows.

use super::Operation;
use super::call::{Call, one};
use super::index::{count, positions, ravel};
use super::numbers::{of_floats, of_wholes};
use super::window::{Window, pads, per_axis};
use crate::Result;
use crate::graph::{DType, Tensor};

pub(super) fn find(op_type: &str) -> Option<Operation> {
    Some(match op_type {
        "Conv" => conv,
        "ConvInteger" => conv_integer,
        "ConvTranspose" => conv_transpose,
        _ => return None,
    })
}

/// Sizes of `[N, C, ..]` and `[M, C / group, ..]`, and the sizes that follow from them.
struct Sizes {
    batch: usize,
    channels: usize,
    features: usize,
    group: usize,
}

fn group(call: &Call) -> Result<usize> {
    let group = usize::try_from(call.int("group", 1)).ok().filter(|g| *g > 0);
    group.ok_or_else(|| call.wrong("its groups are no number above 0"))
}

/// Computes a convolution: its window and the sum over it, with `x` and `w` in row-major order.
fn convolve(call: &Call, x: (&[usize], &[f64]), w: (&[usize], &[f64]), bias: &[f64]) -> Result<(Vec<usize>, Vec<f64>)> {
    let ([n, c, input @ ..], [m, per_group, kernel @ ..]) = (x.0, w.0) else {
        return Err(call.wrong("takes images and kernels of rank 2 or more"));
    };
    let sizes = Sizes { batch: *n, channels: *c, features: *m, group: group(call)? };
    let Sizes { batch, channels, features, group } = sizes;
    let fits = features.is_multiple_of(group) && per_group.checked_mul(group) == Some(channels);
    if !fits || !(bias.is_empty() || bias.len() == features) || kernel.len() != input.len() {
        return Err(call.wrong(format!("{:?}, kernel {:?}, groups {group} and bias do not fit", x.0, w.0)));
    }
    let window = Window::of(call, kernel.to_vec(), input)?;
    let shape = [&[batch, features], &window.output[..]].concat();
    call.room(&shape, count(&w.0[1..]).unwrap_or(usize::MAX))?;
    let element = |p: Vec<usize>| {
        let (n, m, place) = (p[0], p[1], &p[2..]);
        let first = m / (features / group) * per_group;
        let mut sum = bias.get(m).copied().unwrap_or(0.0);
        for offset in positions(kernel) {
            let Some(source) = window.source(place, &offset) else { continue };
            for c in 0..*per_group {
                let at_x = ravel(&[&[n, first + c], &source[..]].concat(), x.0);
                sum += x.1[at_x] * w.1[ravel(&[&[m, c], &offset[..]].concat(), w.0)];
            }
        }
        sum
    };
    let values = positions(&shape).map(element).collect();
    Ok((shape, values))
}

fn conv(call: &Call) -> Result<Vec<Tensor>> {
    let (x, w, bias) = (call.array(0)?, call.array(1)?, call.optional_array(2)?);
    let bias = bias.map_or(Vec::new(), |b| b.to_f64());
    let (shape, values) = convolve(call, (&x.shape, x.floats()?), (&w.shape, w.floats()?), &bias)?;
    one(of_floats(x.dtype, shape, values)?)
}

/// Computes a convolution of 8-bit integers minus their zero points; sums of their products are exact in 64-bit floats.
fn conv_integer(call: &Call) -> Result<Vec<Tensor>> {
    let shifted = |index: usize| -> Result<(Vec<usize>, Vec<f64>)> {
        let (x, zero) = (call.array(index)?, call.optional_array(index + 2)?);
        let zeros = zero.map_or(vec![0.0], |z| z.to_f64());
        let (features, values) = (x.shape.first().copied().unwrap_or(0), x.to_f64());
        if zeros.len() != 1 && (index == 0 || zeros.len() != features) {
            return Err(call.wrong("a zero point does not fit its input"));
        }
        let each = (values.len() / features.max(1)).max(1);
        let less = |(i, v): (usize, f64)| v - if zeros.len() == 1 { zeros[0] } else { zeros[i / each] };
        Ok((x.shape, values.into_iter().enumerate().map(less).collect()))
    };
    let (x, w) = (shifted(0)?, shifted(1)?);
    let (shape, values) = convolve(call, (&x.0, &x.1), (&w.0, &w.1), &[])?;
    one(of_wholes(DType::I32, shape, values.into_iter().map(|v| v as i128).collect())?)
}

/// Computes a transposed convolution: every input position spreads the kernel over the result, whose size is
/// `stride (in - 1) + output_padding + (kernel - 1) dilation + 1 - begin - end`.
fn conv_transpose(call: &Call) -> Result<Vec<Tensor>> {
    let (x, w, bias) = (call.array(0)?, call.array(1)?, call.optional_array(2)?);
    let ([n, c, input @ ..], [channels, per_group, kernel @ ..]) = (&x.shape[..], &w.shape[..]) else {
        return Err(call.wrong("takes images and kernels of rank 2 or more"));
    };
    let (axes, group) = (input.len(), group(call)?);
    let features = per_group.saturating_mul(group);
    let bias = bias.map_or(Vec::new(), |b| b.to_f64());
    let fits = c == channels && c.is_multiple_of(group) && kernel.len() == axes && !kernel.contains(&0);
    if !fits || !(bias.is_empty() || bias.len() == features) {
        return Err(call.wrong(format!("{:?}, kernel {:?}, groups {group} and bias do not fit", x.shape, w.shape)));
    }
    let spread = Spread::of(call, input, kernel)?;
    let shape = [&[*n, features], &spread.output[..]].concat();
    let total = call.room(&shape, 1)?;
    call.room(&[x.len()], count(&w.shape[1..]).unwrap_or(usize::MAX))?;
    let each = (total / (n * features).max(1)).max(1);
    let mut sums: Vec<f64> = (0..total).map(|i| bias.get(i / each % features.max(1)).copied().unwrap_or(0.0)).collect();
    let (values, weights) = (x.floats()?, w.floats()?);
    for (p, value) in positions(&x.shape).zip(values) {
        for offset in positions(kernel) {
            let Some(place) = spread.target(&p[2..], &offset) else { continue };
            for m in 0..*per_group {
                let feature = p[1] / (c / group) * per_group + m;
                let weight = weights[ravel(&[&[p[1], m], &offset[..]].concat(), &w.shape)];
                sums[ravel(&[&[p[0], feature], &place[..]].concat(), &shape)] += value * weight;
            }
        }
    }
    one(of_floats(x.dtype, shape, sums)?)
}

/// Geometry of a transposed convolution.
struct Spread {
    strides: Vec<usize>,
    dilations: Vec<usize>,
    begins: Vec<i64>,
    output: Vec<usize>,
}

impl Spread {
    fn of(call: &Call, input: &[usize], kernel: &[usize]) -> Result<Self> {
        let axes = input.len();
        let (strides, dilations) = (per_axis(call, "strides", axes)?, per_axis(call, "dilations", axes)?);
        let extra = call.sizes(call.node.ints("output_padding").unwrap_or(&vec![0; axes]))?;
        let wanted = call.node.ints("output_shape").map(|sizes| call.sizes(sizes)).transpose()?;
        let (begins, ends) = pads(call, axes)?;
        if extra.len() != axes || wanted.as_ref().is_some_and(|w| w.len() < axes) {
            return Err(call.wrong("its output padding or shape does not fit the image"));
        }
        let automatic = call.text("auto_pad", "NOTSET");
        let mut spread = Self { strides, dilations, begins: Vec::new(), output: Vec::new() };
        for i in 0..axes {
            let (stride, dilation) = (spread.strides[i] as i128, spread.dilations[i] as i128);
            let reach = (kernel[i] as i128 - 1) * dilation + 1;
            let whole = stride * (input[i] as i128 - 1) + extra[i] as i128 + reach;
            let target = match &wanted {
                // The shape may be given with or without batch and channels.
                Some(sizes) => Some(sizes[sizes.len() - axes + i] as i128),
                // Padding only removes: a window smaller than its stride leaves less.
                None if automatic.starts_with("SAME") => Some(whole.min(input[i] as i128 * stride)),
                None => None,
            };
            // Padding is the excess; an odd one goes at the end with SAME_UPPER, otherwise at the start.
            let (begin, size) = match target.map(|size| ((whole - size).max(0), size)) {
                Some((total, size)) if automatic == "SAME_UPPER" => (total / 2, size),
                Some((total, size)) => (total - total / 2, size),
                None => (begins[i] as i128, whole - begins[i] as i128 - ends[i] as i128),
            };
            let size = usize::try_from(size).map_err(|_| call.wrong("its result has no positive size"))?;
            spread.output.push(size);
            spread.begins.push(i64::try_from(begin).map_err(|_| call.wrong("its padding is past all limits"))?);
        }
        Ok(spread)
    }

    /// Returns the output position to which input `position` contributes through kernel element `offset`; `None` in the
    /// padding that is cut off.
    fn target(&self, position: &[usize], offset: &[usize]) -> Option<Vec<usize>> {
        let along = |i: usize| {
            let place = position[i] * self.strides[i] + offset[i] * self.dilations[i];
            usize::try_from(place as i64 - self.begins[i]).ok().filter(|place| *place < self.output[i])
        };
        (0..position.len()).map(along).collect()
    }
}
