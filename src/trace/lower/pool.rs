//! Pooling and interpolation.

use burn::backend::ir::{InterpolateModeIr, InterpolateOpIr, ModuleOperationIr as M, TensorIr};

use super::Lower;
use crate::Result;
use crate::graph::{Attribute, Node, Tensor, ValueId};

impl Lower<'_> {
    /// Lowers a pool or an interpolation; `false` when there is no lowering.
    pub(super) fn pooling(&mut self, op: &M) -> Result<bool> {
        match op {
            M::MaxPool1d(p) => {
                let window = Window { kernel: [p.kernel_size], stride: [p.stride], padding: [p.padding] };
                self.pool("MaxPool", &p.x, window, p.ceil_mode, &p.out)?.set("dilations", [p.dilation]);
            }
            M::MaxPool2d(p) => {
                let window = Window { kernel: p.kernel_size, stride: p.stride, padding: p.padding };
                self.pool("MaxPool", &p.x, window, p.ceil_mode, &p.out)?.set("dilations", p.dilation);
            }
            M::AvgPool1d(p) => {
                let window = Window { kernel: [p.kernel_size], stride: [p.stride], padding: [p.padding] };
                self.pool("AveragePool", &p.x, window, p.ceil_mode, &p.out)?
                    .set("count_include_pad", p.count_include_pad);
            }
            M::AvgPool2d(p) => {
                let window = Window { kernel: p.kernel_size, stride: p.stride, padding: p.padding };
                self.pool("AveragePool", &p.x, window, p.ceil_mode, &p.out)?
                    .set("count_include_pad", p.count_include_pad);
            }
            M::AdaptiveAvgPool1d(p) => return self.adaptive_pool(&p.x, [p.output_size], &p.out),
            M::AdaptiveAvgPool2d(p) => return self.adaptive_pool(&p.x, p.output_size, &p.out),
            M::AdaptiveAvgPool3d(p) => return self.adaptive_pool(&p.x, p.output_size, &p.out),
            M::Interpolate(p) => return self.interpolate(p),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn pool<const S: usize>(
        &mut self,
        op_type: &str,
        x: &TensorIr,
        window: Window<S>,
        ceil_mode: bool,
        out: &TensorIr,
    ) -> Result<&mut Node> {
        let x = self.read(x)?;
        // ONNX lists the padding before each axis, then the padding after each.
        let pads = [window.padding, window.padding].concat();
        let node = self.emit(op_type, vec![x], out);
        node.set("kernel_shape", window.kernel)
            .set("strides", window.stride)
            .set("pads", pads)
            .set("ceil_mode", ceil_mode);
        Ok(node)
    }

    /// To one pixel it is a global pool; to sizes that divide the input's a plain pool with `in / out` as kernel and
    /// stride. Other sizes have windows of unequal length, which no ONNX pool has: averaging them is a product with a
    /// matrix along each axis.
    fn adaptive_pool<const S: usize>(&mut self, x: &TensorIr, output: [usize; S], out: &TensorIr) -> Result<bool> {
        let input: [usize; S] = std::array::from_fn(|axis| x.shape[axis + 2]);
        let dims = &self.trace.sizes[&x.id];
        if output == [1; S] {
            let x = self.read(x)?;
            self.emit("GlobalAveragePool", vec![x], out);
            return Ok(true);
        }
        if (2..2 + S).any(|axis| dims[axis].known().is_none()) {
            return Ok(false);
        }
        let x = self.read(x)?;
        if input.iter().zip(output).all(|(i, o)| i % o == 0) {
            let kernel: [usize; S] = std::array::from_fn(|axis| input[axis] / output[axis]);
            self.emit("AveragePool", vec![x], out).set("kernel_shape", kernel).set("strides", kernel);
            return Ok(true);
        }
        match S {
            1 => {
                let matrix = self.averages(input[0], output[0], false)?;
                self.emit("MatMul", vec![x, matrix], out);
            }
            2 => {
                let (rows, columns) =
                    (self.averages(input[0], output[0], true)?, self.averages(input[1], output[1], false)?);
                let across = self.step("MatMul", vec![x, columns], &[]);
                self.emit("MatMul", vec![rows, across], out);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The matrix whose product averages windows: output `o` has the inputs from `floor(o * in / out)` to
    /// `ceil((o + 1) * in / out)`, as in PyTorch's and Burn's adaptive pools. `[in, out]`, or `[out, in]` from the left.
    fn averages(&mut self, input: usize, output: usize, from_left: bool) -> Result<ValueId> {
        let mut values = vec![0_f32; input * output];
        for o in 0..output {
            let (start, end) = (o * input / output, ((o + 1) * input).div_ceil(output));
            for i in start..end {
                let place = if from_left { o * input + i } else { i * output + o };
                values[place] = 1.0 / (end - start) as f32;
            }
        }
        let shape = if from_left { vec![output, input] } else { vec![input, output] };
        Ok(self.constant("averages", Tensor::from_f32(shape, &values)?))
    }

    fn interpolate(&mut self, op: &InterpolateOpIr) -> Result<bool> {
        let text = |text: &str| Attribute::String(text.to_owned());
        let corners = if op.options.align_corners { "align_corners" } else { "half_pixel" };
        let mut attributes = match op.options.mode {
            InterpolateModeIr::Nearest => {
                vec![("mode", text("nearest")), ("coordinate_transformation_mode", text("asymmetric"))]
            }
            InterpolateModeIr::Bilinear => {
                vec![("mode", text("linear")), ("coordinate_transformation_mode", text(corners))]
            }
            // -0.75 is ONNX's own coefficient, and PyTorch's.
            InterpolateModeIr::Bicubic => {
                vec![("mode", text("cubic")), ("coordinate_transformation_mode", text(corners))]
            }
            InterpolateModeIr::NearestExact | InterpolateModeIr::Lanczos3 => return Ok(false),
        };
        if op.options.mode == InterpolateModeIr::Nearest {
            attributes.push(("nearest_mode", text("floor")));
        }
        let (x, sizes) = (self.read(&op.x)?, self.sizes(&op.out)?);
        let node = self.emit("Resize", vec![], &op.out);
        node.inputs = vec![Some(x), None, None, Some(sizes)];
        node.attributes.extend(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Ok(true)
    }
}

/// How a pool moves over `S` spatial dimensions.
struct Window<const S: usize> {
    kernel: [usize; S],
    stride: [usize; S],
    padding: [usize; S],
}
