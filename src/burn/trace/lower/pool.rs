//! Pooling and interpolation.

use burn::backend::ir::{InterpolateModeIr, InterpolateOpIr, ModuleOperationIr as M, TensorIr};

use super::Lower;
use gnet_core::Result;
use gnet_core::graph::{Attribute, DType, Node, Tensor};

impl Lower<'_> {
    /// Lowers a pool or an interpolation; returns `false` if there is no lowering.
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
            M::MaxPool1dWithIndices(p) => {
                let window = Window { kernel: [p.kernel_size], stride: [p.stride], padding: [p.padding] };
                self.pool("MaxPool", &p.x, window, p.ceil_mode, &p.out)?.set("dilations", [p.dilation]);
                self.places(&p.x, &p.out_indices)?;
            }
            M::MaxPool2dWithIndices(p) => {
                let window = Window { kernel: p.kernel_size, stride: p.stride, padding: p.padding };
                self.pool("MaxPool", &p.x, window, p.ceil_mode, &p.out)?.set("dilations", p.dilation);
                self.places(&p.x, &p.out_indices)?;
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
            M::AdaptiveAvgPool1d(p) => self.adaptive_pool(&p.x, [p.output_size], &p.out)?,
            M::AdaptiveAvgPool2d(p) => self.adaptive_pool(&p.x, p.output_size, &p.out)?,
            M::AdaptiveAvgPool3d(p) => self.adaptive_pool(&p.x, p.output_size, &p.out)?,
            M::Interpolate(p) => self.interpolate(p)?,
            M::Unfold4d(p) => self.unfold4d(p)?,
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

    /// Lowers the second output of the pool that was just added: the position of each maximum. ONNX counts through the
    /// whole batch, Burn within each feature map.
    fn places(&mut self, x: &TensorIr, out: &TensorIr) -> Result<()> {
        let spatial = (2..x.shape.num_dims()).map(|axis| self.fixed(x, axis)).collect::<Result<Vec<_>>>()?;
        let name = self.local("MaxPool:indices");
        let raw = self.graph.add_value(name, Some(DType::I64), None);
        self.graph.nodes.last_mut().expect("a pool was just added").outputs.push(Some(raw));
        let map = self.integer("size", spatial.iter().product::<usize>() as i64)?;
        let place = self.step("Mod", vec![raw, map], &[]);
        self.emit("Cast", vec![place], out).set("to", super::number(out.dtype)?);
        Ok(())
    }

    /// Lowers an adaptive pool. To one pixel it is a global pool; to sizes that divide the input's it is a plain pool
    /// with `in / out` as kernel and stride. Other sizes have windows of unequal length, which no ONNX pool supports:
    /// averaging them is a product with a matrix along each axis.
    fn adaptive_pool<const S: usize>(&mut self, x: &TensorIr, output: [usize; S], out: &TensorIr) -> Result<()> {
        if output == [1; S] {
            let x = self.read(x)?;
            self.emit("GlobalAveragePool", vec![x], out);
            return Ok(());
        }
        let input = self.spatial::<S>(x)?;
        if input.iter().zip(output).all(|(i, o)| i % o == 0) {
            let kernel: [usize; S] = std::array::from_fn(|axis| input[axis] / output[axis]);
            let x = self.read(x)?;
            self.emit("AveragePool", vec![x], out).set("kernel_shape", kernel).set("strides", kernel);
            return Ok(());
        }
        let tables: Vec<_> = input.into_iter().zip(output).map(|(i, o)| averages(i, o)).collect();
        self.along_each_axis(x, &tables, out)
    }

    /// Returns the lengths of the spatial axes.
    fn spatial<const S: usize>(&self, x: &TensorIr) -> Result<[usize; S]> {
        let mut sizes = [0; S];
        for (axis, size) in sizes.iter_mut().enumerate() {
            *size = self.fixed(x, axis + 2)?;
        }
        Ok(sizes)
    }

    /// Adds the product with a matrix along each spatial axis: the last from the right, the one before from the left.
    /// The axes before those are merged into one.
    fn along_each_axis(&mut self, x: &TensorIr, tables: &[Weights], out: &TensorIr) -> Result<()> {
        let [before @ .., columns] = tables else { return Err(self.refusal("has no spatial axis")) };
        let inputs = vec![self.read(x)?, self.constant("weights", columns.transposed()?)];
        let across = self.make("MatMul", inputs, &[], before.is_empty().then_some(out));
        let [before @ .., rows] = before else { return Ok(()) };
        let inputs = vec![self.constant("weights", rows.tensor()?), across];
        let down = self.make("MatMul", inputs, &[], before.is_empty().then_some(out));
        let [slabs] = before else { return Ok(()) };
        let image = (rows.output * columns.output) as i64;
        let shape = self.constant("shape", Tensor::from_i64(&[0, 0, slabs.input as i64, image]));
        let flat = self.step("Reshape", vec![down, shape], &[]);
        let matrix = self.constant("weights", slabs.tensor()?);
        let through = self.step("MatMul", vec![matrix, flat], &[]);
        let inputs = vec![through, self.sizes(out)?];
        self.emit("Reshape", inputs, out);
        Ok(())
    }

    fn interpolate(&mut self, op: &InterpolateOpIr) -> Result<()> {
        let text = |text: &str| Attribute::String(text.to_owned());
        let corners = if op.options.align_corners { "align_corners" } else { "half_pixel" };
        let (mode, corners) = match op.options.mode {
            InterpolateModeIr::Nearest => ("nearest", "asymmetric"),
            InterpolateModeIr::Bilinear => ("linear", corners),
            // -0.75 is the coefficient of ONNX and PyTorch.
            InterpolateModeIr::Bicubic => ("cubic", corners),
            InterpolateModeIr::Lanczos3 => {
                let (input, output) = (self.spatial::<2>(&op.x)?, self.spatial::<2>(&op.out)?);
                let aligned = op.options.align_corners;
                let tables: Vec<_> = input.into_iter().zip(output).map(|(i, o)| lanczos(i, o, aligned)).collect();
                return self.along_each_axis(&op.x, &tables, &op.out);
            }
            InterpolateModeIr::NearestExact => {
                return Err(self.refusal("is a mode that Burn does not compute on a CPU, so nothing can be checked"));
            }
        };
        let (x, sizes) = (self.read(&op.x)?, self.sizes(&op.out)?);
        let node = self.emit("Resize", vec![], &op.out);
        node.inputs = vec![Some(x), None, None, Some(sizes)];
        node.set("mode", text(mode)).set("coordinate_transformation_mode", text(corners));
        if op.options.mode == InterpolateModeIr::Nearest {
            node.set("nearest_mode", text("floor"));
        }
        Ok(())
    }
}

/// Weights of each input in each output of an axis.
struct Weights {
    input: usize,
    output: usize,
    /// The weights, output by output.
    values: Vec<f32>,
}

impl Weights {
    fn new(input: usize, output: usize, weight: impl Fn(usize, usize) -> f64) -> Self {
        let values = (0..output).flat_map(|o| (0..input).map(move |i| (o, i))).map(|(o, i)| weight(o, i) as f32);
        Self { input, output, values: values.collect() }
    }

    /// Returns the matrix `[out, in]`, for a product from the left.
    fn tensor(&self) -> Result<Tensor> {
        Tensor::from_f32(vec![self.output, self.input], &self.values)
    }

    /// Returns the matrix `[in, out]`, for a product from the right.
    fn transposed(&self) -> Result<Tensor> {
        let values = (0..self.input).flat_map(|i| (0..self.output).map(move |o| o * self.input + i));
        Tensor::from_f32(vec![self.input, self.output], &values.map(|place| self.values[place]).collect::<Vec<_>>())
    }
}

/// Returns the weights that average windows: output `o` covers the inputs from `floor(o * in / out)` to
/// `ceil((o + 1) * in / out)`, as in PyTorch's and Burn's adaptive pools.
fn averages(input: usize, output: usize) -> Weights {
    Weights::new(input, output, |o, i| {
        let (start, end) = (o * input / output, ((o + 1) * input).div_ceil(output));
        if (start..end).contains(&i) { 1.0 / (end - start) as f64 } else { 0.0 }
    })
}

/// Returns the weights of Lanczos interpolation with a window of three on either side: `sinc(x) sinc(x / 3)` of the
/// distance, as far as there are inputs, divided by their sum, as in Burn. The distance is measured between the centres
/// of pixels, or with `aligned` from the first to the last.
fn lanczos(input: usize, output: usize, aligned: bool) -> Weights {
    let position = |o: usize| match aligned {
        true => o as f64 * (input as f64 - 1.0) / (output.max(2) - 1) as f64,
        false => (o as f64 + 0.5) * input as f64 / output as f64 - 0.5,
    };
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
    let weight = |o: usize, i: usize| {
        let (at, first) = (position(o), position(o).floor() - 2.0);
        let (distance, reached) = (at - i as f64, (first..=first + 5.0).contains(&(i as f64)));
        if reached && distance.abs() < 3.0 { sinc(distance) * sinc(distance / 3.0) } else { 0.0 }
    };
    Weights::new(input, output, |o, i| weight(o, i) / (0..input).map(|i| weight(o, i)).sum::<f64>())
}

/// Geometry of a pool over `S` spatial dimensions.
struct Window<const S: usize> {
    kernel: [usize; S],
    stride: [usize; S],
    padding: [usize; S],
}
