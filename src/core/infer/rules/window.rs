//! Sliding windows over the spatial dimensions, shared by convolutions and pools.

use super::super::context::Context;
use super::super::fact::{Known, fault};
use super::super::number::Num;
use super::constant::size;
use crate::graph::Dim;
use crate::words::counted;

/// Geometry of a window; one entry per spatial dimension.
pub(crate) struct Window {
    kernel: Vec<Num>,
    strides: Vec<i64>,
    dilations: Vec<i64>,
    /// Numbers of elements before and after together, and before alone. `None` for automatic padding: as many as needed
    /// to keep `ceil(input / stride)` positions, or to leave `input * stride` of a transposed convolution.
    padding: Option<Vec<(i64, i64)>>,
}

impl Window {
    /// Reads the attributes; the kernel is taken from `kernel_shape`, else from the weight's spatial dimensions.
    pub(crate) fn new(cx: &Context, spatial: usize, weight: Option<&[Dim]>) -> Known<Self> {
        let kernel = match (cx.ints("kernel_shape")?, weight) {
            (Some(sizes), _) => sizes.iter().map(|size| Num::Int(*size)).collect::<Vec<_>>(),
            (None, Some(dims)) => dims.iter().map(Num::from).collect(),
            (None, None) => return fault("attribute kernel_shape is missing"),
        };
        if kernel.len() != spatial {
            return fault(format!(
                "the kernel has {}, the input {} beside batch and channels",
                counted(kernel.len(), "dimension"),
                spatial
            ));
        }
        if let Some(size) = kernel.iter().filter_map(Num::int).find(|size| *size < 1) {
            return fault(format!("the kernel has a size of {size}"));
        }
        let steps = |name: &str| positive(cx, name, spatial);
        Ok(Self { kernel, strides: steps("strides")?, dilations: steps("dilations")?, padding: padding(cx, spatial)? })
    }

    /// Returns the number of elements that the window spans in spatial dimension `axis`: `(kernel - 1) * dilation + 1`.
    fn span(&self, axis: usize) -> Num {
        self.kernel[axis].add(&Num::Int(-1)).mul(&Num::Int(self.dilations[axis])).add(&Num::Int(1))
    }

    /// Returns the number of positions of the window over `input`; with `ceil` also a last one that starts inside but
    /// does not end there.
    pub(crate) fn places(&self, input: &[Dim], ceil: bool) -> Known<Vec<Dim>> {
        input.iter().enumerate().map(|(axis, dim)| self.places_along(axis, &Num::from(dim), ceil)).collect()
    }

    fn places_along(&self, axis: usize, input: &Num, ceil: bool) -> Known<Dim> {
        let stride = self.strides[axis];
        let Some(pads) = &self.padding else { return self.same_places(axis, input, ceil) };
        let (both, before) = pads[axis];
        let free = input.add(&Num::Int(both)).sub(&self.span(axis));
        let mut places = if ceil { free.div_ceil(stride) } else { free.div_floor(stride) }.add(&Num::Int(1));
        // A window that would start in the padding after the input is dropped.
        if let (true, Num::Int(count), Num::Int(length)) = (ceil, &places, input)
            && (count - 1).checked_mul(stride) >= length.checked_add(before)
        {
            places = Num::Int(count - 1);
        }
        match places.int() {
            Some(count) if count < 1 => {
                let window = self.span(axis).int().unwrap_or_default();
                fault(format!("a window of {window} does not fit into {} with {both} of padding", show(input)))
            }
            _ => size(&places),
        }
    }

    /// Computes `ceil(input / stride)`, as ONNX defines it. ONNX Runtime pads a dilated window as if it were not
    /// dilated (for pools; it refuses such convolutions): if that leaves fewer positions, the result is unknown.
    fn same_places(&self, axis: usize, input: &Num, ceil: bool) -> Known<Dim> {
        let places = input.div_ceil(self.strides[axis]);
        let missing = self.span(axis).sub(&self.kernel[axis]);
        match missing.int() {
            Some(0) => size(&places),
            Some(missing) if ceil && missing < self.strides[axis] => size(&places),
            _ => Ok(Dim::Unknown),
        }
    }

    /// Returns the size for which [`places`](Self::places) would give `input`, plus `extra`: the output of a transposed
    /// convolution. Automatic padding cuts off any excess over `input * stride`, and adds nothing if a small window
    /// leaves less.
    pub(crate) fn transposed(&self, input: &[Dim], extra: &[i64]) -> Known<Vec<Dim>> {
        let along = |(axis, dim): (usize, &Dim)| {
            let (input, stride) = (Num::from(dim), Num::Int(self.strides[axis]));
            let window = self.span(axis).add(&Num::Int(extra[axis]));
            let whole = input.add(&Num::Int(-1)).mul(&stride).add(&window);
            match (&self.padding, window.sub(&stride)) {
                (Some(pads), _) => size(&whole.sub(&Num::Int(pads[axis].0))),
                (None, Num::Int(0..)) => size(&input.mul(&stride)),
                (None, Num::Int(_)) => size(&whole),
                (None, _) => Ok(Dim::Unknown),
            }
        };
        input.iter().enumerate().map(along).collect()
    }
}

fn show(input: &Num) -> String {
    input.dim().map_or_else(|| "?".to_owned(), |dim| dim.to_string())
}

/// Returns an attribute with one positive number per spatial dimension, 1 if it is missing.
fn positive(cx: &Context, name: &str, spatial: usize) -> Known<Vec<i64>> {
    let values = cx.ints(name)?.map_or_else(|| vec![1; spatial], <[i64]>::to_vec);
    match values.iter().find(|value| **value < 1) {
        Some(value) => fault(format!("attribute {name} has a {value}")),
        None if values.len() == spatial => Ok(values),
        None => fault(format!(
            "attribute {name} has {} for {}",
            counted(values.len(), "number"),
            counted(spatial, "spatial dimension")
        )),
    }
}

fn padding(cx: &Context, spatial: usize) -> Known<Option<Vec<(i64, i64)>>> {
    match cx.text_or("auto_pad", "NOTSET")? {
        "NOTSET" | "" => {}
        "VALID" => return Ok(Some(vec![(0, 0); spatial])),
        "SAME_UPPER" | "SAME_LOWER" => return Ok(None),
        other => return fault(format!("attribute auto_pad is {other}")),
    }
    let Some(pads) = cx.ints("pads")? else { return Ok(Some(vec![(0, 0); spatial])) };
    if pads.len() != 2 * spatial {
        return fault(format!(
            "attribute pads has {} for {}",
            counted(pads.len(), "number"),
            counted(spatial, "spatial dimension")
        ));
    }
    let (before, after) = pads.split_at(spatial);
    let pairs = before.iter().zip(after).map(|(before, after)| Some((before.checked_add(*after)?, *before)));
    pairs.collect::<Option<_>>().map_or_else(|| fault("attribute pads is out of range"), |pads| Ok(Some(pads)))
}
