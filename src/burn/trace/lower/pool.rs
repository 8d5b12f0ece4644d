//! Pooling and interpolation.

use burn::backend::ir::{InterpolateModeIr, InterpolateOpIr, ModuleOperationIr as M, TensorIr};

use super::{Int, Ints, Lower, ShapeOf};
use gnet_core::Result;
use gnet_core::graph::{Attribute, DType, Tensor, ValueId};

/// Returns the attributes of a pool, which Burn has for each number of spatial dimensions, and one of its kind.
fn pool<const S: usize>(
    [kernel, stride, padding]: [[usize; S]; 3],
    ceil_mode: bool,
    own: (&'static str, Attribute),
) -> [(&'static str, Attribute); 5] {
    [
        ("kernel_shape", kernel.into()),
        ("strides", stride.into()),
        // ONNX lists the padding before each axis, then the padding after each.
        ("pads", [padding; 2].concat().into()),
        ("ceil_mode", ceil_mode.into()),
        own,
    ]
}

fn padded(counts: bool) -> (&'static str, Attribute) {
    ("count_include_pad", counts.into())
}

fn dilated<const S: usize>(dilation: [usize; S]) -> (&'static str, Attribute) {
    ("dilations", dilation.into())
}

impl Lower<'_> {
    pub(super) fn pooling(&mut self, op: &M) -> Result<()> {
        match op {
            M::MaxPool1d(p) => {
                let window = [p.kernel_size, p.stride, p.padding].map(|size| [size]);
                self.emit("MaxPool", &[&p.x], &pool(window, p.ceil_mode, dilated([p.dilation])), &p.out)
            }
            M::MaxPool2d(p) => {
                let window = [p.kernel_size, p.stride, p.padding];
                self.emit("MaxPool", &[&p.x], &pool(window, p.ceil_mode, dilated(p.dilation)), &p.out)
            }
            M::MaxPool1dWithIndices(p) => {
                let window = [p.kernel_size, p.stride, p.padding].map(|size| [size]);
                self.emit("MaxPool", &[&p.x], &pool(window, p.ceil_mode, dilated([p.dilation])), &p.out)?;
                self.places(&p.x, &p.out_indices)
            }
            M::MaxPool2dWithIndices(p) => {
                let window = [p.kernel_size, p.stride, p.padding];
                self.emit("MaxPool", &[&p.x], &pool(window, p.ceil_mode, dilated(p.dilation)), &p.out)?;
                self.places(&p.x, &p.out_indices)
            }
            M::AvgPool1d(p) => {
                let window = [p.kernel_size, p.stride, p.padding].map(|size| [size]);
                self.emit("AveragePool", &[&p.x], &pool(window, p.ceil_mode, padded(p.count_include_pad)), &p.out)
            }
            M::AvgPool2d(p) => {
                let window = [p.kernel_size, p.stride, p.padding];
                self.emit("AveragePool", &[&p.x], &pool(window, p.ceil_mode, padded(p.count_include_pad)), &p.out)
            }
            M::AdaptiveAvgPool1d(p) => self.adaptive_pool(&p.x, [p.output_size], &p.out),
            M::AdaptiveAvgPool2d(p) => self.adaptive_pool(&p.x, p.output_size, &p.out),
            M::AdaptiveAvgPool3d(p) => self.adaptive_pool(&p.x, p.output_size, &p.out),
            M::Interpolate(p) => self.interpolate(p),
            M::Unfold4d(p) => self.unfold4d(p),
            _ => Err(self.unknown()),
        }
    }

    /// Lowers the second output of the pool that was just added: the position of each maximum. ONNX counts through the
    /// whole batch, Burn within each feature map.
    fn places(&mut self, x: &TensorIr, out: &TensorIr) -> Result<()> {
        let spatial = (2..x.shape.num_dims()).map(|axis| self.fixed(x, axis)).collect::<Result<Vec<_>>>()?;
        let raw = self.second_output();
        let place = self.step("Mod", &[&raw, &Int("size", spatial.iter().product::<usize>() as i64)], &[])?;
        self.cast(&place, out)
    }

    /// Adds the second output of the node that was just added: the places of the elements in the first.
    pub(super) fn second_output(&mut self) -> ValueId {
        let node = self.graph.nodes.len() - 1;
        let name = self.local(&format!("{}:indices", self.graph.nodes[node].op_type));
        let value = self.graph.add_value(name, Some(DType::I64), None);
        self.graph.nodes[node].outputs.push(Some(value));
        value
    }

    /// Lowers an adaptive pool. To one pixel it is a global pool; to sizes that divide the input's it is a plain pool
    /// with `in / out` as kernel and stride. Other sizes have windows of unequal length, which no ONNX pool supports:
    /// averaging them is a product with a matrix along each axis.
    fn adaptive_pool<const S: usize>(&mut self, x: &TensorIr, output: [usize; S], out: &TensorIr) -> Result<()> {
        if output == [1; S] {
            return self.emit("GlobalAveragePool", &[x], &[], out);
        }
        let input = self.spatial::<S>(x)?;
        if input.iter().zip(output).all(|(i, o)| i % o == 0) {
            let kernel: [usize; S] = std::array::from_fn(|axis| input[axis] / output[axis]);
            return self.emit("AveragePool", &[x], &["kernel_shape", "strides"].map(|name| (name, kernel.into())), out);
        }
        let tables: Vec<_> = input.into_iter().zip(output).map(|(i, o)| averages(i, o)).collect();
        self.along_each_axis(x, &tables, out)
    }

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
        let (x, matrix) = (self.read(x)?, self.constant("weights", columns.transposed()?));
        let across = self.make("MatMul", &[&x, &matrix], &[], before.is_empty().then_some(out))?;
        let [before @ .., rows] = before else { return Ok(()) };
        let matrix = self.constant("weights", rows.tensor()?);
        let down = self.make("MatMul", &[&matrix, &across], &[], before.is_empty().then_some(out))?;
        let [slabs] = before else { return Ok(()) };
        let image = (rows.output * columns.output) as i64;
        let flat = self.step("Reshape", &[&down, &Ints("shape", &[0, 0, slabs.input as i64, image])], &[])?;
        let matrix = self.constant("weights", slabs.tensor()?);
        let through = self.step("MatMul", &[&matrix, &flat], &[])?;
        self.emit("Reshape", &[&through, &ShapeOf(out)], &[], out)
    }

    fn interpolate(&mut self, op: &InterpolateOpIr) -> Result<()> {
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
        let mut attributes = vec![("mode", mode.into()), ("coordinate_transformation_mode", corners.into())];
        if op.options.mode == InterpolateModeIr::Nearest {
            attributes.push(("nearest_mode", "floor".into()));
        }
        let none = None::<ValueId>;
        self.emit("Resize", &[&op.x, &none, &none, &ShapeOf(&op.out)], &attributes, &op.out)
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
