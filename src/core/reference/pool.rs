//! Pools: one number per window.

use super::call::{Call, one};
use super::index::{around, count, positions, ravel};
use super::numbers::{Array, of_floats, of_wholes};
use super::window::Window;
use crate::Result;
use crate::graph::{DType, Tensor};

/// Returns the input `[N, C, ..]`, its window and the shape of the result.
fn windowed(call: &Call) -> Result<(Array, Window, Vec<usize>)> {
    let x = call.array(0)?;
    let [n, c, input @ ..] = &x.shape[..] else { return Err(call.wrong("takes images of rank 2 or more")) };
    let kernel = call.sizes(call.node.ints("kernel_shape").unwrap_or(&[]))?;
    let window = Window::of(call, kernel, input)?;
    let shape = [&[*n, *c], &window.output[..]].concat();
    call.room(&shape, count(&window.kernel).unwrap_or(usize::MAX))?;
    Ok((x, window, shape))
}

/// Returns the elements of the window at `position`: their indices in the input, without the padding.
fn inside<'a>(x: &'a Array, window: &'a Window, position: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
    let sources = positions(&window.kernel).filter_map(|offset| window.source(&position[2..], &offset));
    sources.map(|source| ravel(&[&position[..2], &source[..]].concat(), &x.shape))
}

/// Computes the maximum of a window and its index: the first among equals, counted over the whole input.
pub(super) fn max_pool(call: &Call) -> Result<Vec<Tensor>> {
    let (x, window, shape) = windowed(call)?;
    let values = x.to_f64();
    let best = |p: Vec<usize>| {
        let first = |a: usize, b: usize| if values[b] > values[a] || values[b].is_nan() { b } else { a };
        inside(&x, &window, &p).reduce(first)
    };
    let found: Option<Vec<usize>> = positions(&shape).map(best).collect();
    let found = found.ok_or_else(|| call.wrong("a window lies in the padding alone"))?;
    let columns_first = call.flag("storage_order");
    let index = |i: &usize| if columns_first { column_major(*i, &x.shape) } else { *i } as i128;
    let indices = of_wholes(DType::I64, shape.clone(), found.iter().map(index).collect())?;
    let source = call.tensor(0)?;
    Ok(vec![super::movement::pick_one(source, shape, found.into_iter())?, indices])
}

/// Returns the index of an element in column-major order of the spatial axes.
fn column_major(index: usize, shape: &[usize]) -> usize {
    let position = super::index::unravel(index, shape);
    let inside = position[2..].iter().zip(&shape[2..]).rev().fold(0, |flat, (i, size)| flat * size + i);
    let image: usize = shape[2..].iter().product();
    (position[0] * shape[1] + position[1]) * image + inside
}

/// Computes the mean of a window; `count_include_pad` decides whether padding counts as zeros.
pub(super) fn average_pool(call: &Call) -> Result<Vec<Tensor>> {
    let (x, window, shape) = windowed(call)?;
    let values = x.floats()?;
    let padded = call.flag("count_include_pad");
    let mean = |p: Vec<usize>| {
        let counted = match padded {
            true => positions(&window.kernel).filter(|offset| window.within_padding(&p[2..], offset)).count(),
            false => inside(&x, &window, &p).count(),
        };
        inside(&x, &window, &p).map(|i| values[i]).sum::<f64>() / counted as f64
    };
    one(of_floats(x.dtype, shape.clone(), positions(&shape).map(mean).collect())?)
}

fn norm(call: &Call, values: impl Iterator<Item = f64>) -> f64 {
    let p = call.int("p", 2) as f64;
    values.map(|value| value.abs().powf(p)).sum::<f64>().powf(1.0 / p)
}

pub(super) fn global_lp(call: &Call) -> Result<Vec<Tensor>> {
    global(call, |values| norm(call, values.iter().copied()))
}

pub(super) fn lp_pool(call: &Call) -> Result<Vec<Tensor>> {
    let (x, window, shape) = windowed(call)?;
    let values = x.floats()?;
    let norm = |at: Vec<usize>| norm(call, inside(&x, &window, &at).map(|i| values[i]));
    one(of_floats(x.dtype, shape.clone(), positions(&shape).map(norm).collect())?)
}

pub(super) fn global(call: &Call, number: impl Fn(&[f64]) -> f64) -> Result<Vec<Tensor>> {
    let x = call.array(0)?;
    call.at_least(call.tensor(0)?, 2)?;
    let (before, channels, each) = around(&x.shape, 1);
    let values = x.floats()?;
    let made = (0..before * channels).map(|i| number(&values[i * each..(i + 1) * each])).collect();
    let shape = x.shape.iter().enumerate().map(|(i, size)| if i < 2 { *size } else { 1 }).collect();
    one(of_floats(x.dtype, shape, made)?)
}
