//! Sliding windows over the positions of an image, shared by convolutions and pools.

use super::call::Call;
use crate::Result;
use crate::words::counted;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    pub kernel: Vec<usize>,
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    pub begins: Vec<usize>,
    pub ends: Vec<usize>,
    pub input: Vec<usize>,
    pub output: Vec<usize>,
}

impl Window {
    /// Returns the window described by the attributes of a convolution or pool, over an input of the sizes `input`.
    pub fn of(call: &Call, kernel: Vec<usize>, input: &[usize]) -> Result<Self> {
        let axes = input.len();
        let (strides, dilations) = (per_axis(call, "strides", axes)?, per_axis(call, "dilations", axes)?);
        if kernel.len() != axes || kernel.contains(&0) {
            return Err(
                call.wrong(format!("a kernel of {kernel:?} does not fit an image of {}", counted(axes, "axis")))
            );
        }
        let (begins, ends) = pads(call, axes)?;
        let mut window =
            Self { kernel, strides, dilations, begins, ends, input: input.to_vec(), output: Vec::with_capacity(axes) };
        for axis in 0..axes {
            let size = window.resolve(call, axis)?;
            window.output.push(size);
        }
        Ok(window)
    }

    /// Returns the size of the result along an axis, and resolves automatic padding.
    fn resolve(&mut self, call: &Call, axis: usize) -> Result<usize> {
        let (size, stride) = (self.input[axis], self.strides[axis]);
        let too_far = || call.wrong("its window is past all limits");
        let reach = (self.kernel[axis] - 1).checked_mul(self.dilations[axis]).and_then(|r| r.checked_add(1));
        let reach = reach.filter(|r| *r < 1 << 40).ok_or_else(too_far)?;
        let automatic = call.text("auto_pad", "NOTSET");
        if automatic.starts_with("SAME") {
            let output = size.div_ceil(stride);
            let total =
                (output.max(1) - 1).checked_mul(stride).and_then(|n| n.checked_add(reach)).ok_or_else(too_far)?;
            let total = total.saturating_sub(size);
            // An odd one goes at the end with SAME_UPPER, at the start with SAME_LOWER.
            let (less, more) = (total / 2, total - total / 2);
            (self.begins[axis], self.ends[axis]) = if automatic == "SAME_UPPER" { (less, more) } else { (more, less) };
            return Ok(output);
        }
        let padded = size + self.begins[axis] + self.ends[axis];
        let Some(room) = padded.checked_sub(reach) else { return Ok(0) };
        let mut output = room / stride + 1;
        // A window of the last, incomplete step counts if it begins inside the input or the padding before it.
        if call.flag("ceil_mode") && room % stride != 0 && output * stride < size + self.begins[axis] {
            output += 1;
        }
        Ok(output)
    }

    /// Returns the position in the input of the element `offset` of the window at `position`; `None` in the padding.
    pub fn source(&self, position: &[usize], offset: &[usize]) -> Option<Vec<usize>> {
        let along = |axis: usize| {
            let padded = position[axis] * self.strides[axis] + offset[axis] * self.dilations[axis];
            padded.checked_sub(self.begins[axis]).filter(|place| *place < self.input[axis])
        };
        (0..position.len()).map(along).collect()
    }

    /// Returns `true` if the element is within the input or its padding, rather than beyond both, as a window of
    /// `ceil_mode` may be.
    pub fn within_padding(&self, position: &[usize], offset: &[usize]) -> bool {
        (0..position.len()).all(|axis| {
            let padded = position[axis] * self.strides[axis] + offset[axis] * self.dilations[axis];
            padded < self.input[axis] + self.begins[axis] + self.ends[axis]
        })
    }
}

/// Returns an attribute with a positive number for each axis, 1 by default.
pub(super) fn per_axis(call: &Call, name: &str, axes: usize) -> Result<Vec<usize>> {
    let values = match call.node.ints(name) {
        Some(values) => call.sizes(values)?,
        None => vec![1; axes],
    };
    match values.len() == axes && values.iter().all(|v| (1..1 << 40).contains(v)) {
        true => Ok(values),
        false => Err(call.wrong(format!("{name} {values:?} do not fit {}", counted(axes, "axis")))),
    }
}

/// Returns the attribute `pads`: all starts, then all ends. Automatic padding other than SAME has none.
pub(super) fn pads(call: &Call, axes: usize) -> Result<(Vec<usize>, Vec<usize>)> {
    let pads = match (call.text("auto_pad", "NOTSET"), call.node.ints("pads")) {
        ("NOTSET", Some(values)) => call.sizes(values)?,
        ("NOTSET" | "VALID" | "SAME_UPPER" | "SAME_LOWER", _) => vec![0; 2 * axes],
        (other, _) => return Err(call.wrong(format!("auto_pad {other} is not known"))),
    };
    match pads.len() == 2 * axes && pads.iter().all(|v| *v < 1 << 40) {
        true => Ok((pads[..axes].to_vec(), pads[axes..].to_vec())),
        false => Err(call.wrong(format!("pads {pads:?} do not fit {}", counted(axes, "axis")))),
    }
}
