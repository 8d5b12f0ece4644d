//! Layers: convolution, normalisation, pooling, linear.

use burn::backend::ir::{ModuleOperationIr as M, TensorIr};

use super::Lower;
use crate::Result;

/// How a convolution's kernel moves over `S` spatial dimensions.
struct Window<const S: usize> {
    stride: [usize; S],
    padding: [(usize, usize); S],
    dilation: [usize; S],
    groups: usize,
}

impl Lower<'_> {
    /// Lowers a layer; `false` when there is no lowering.
    pub(super) fn layer(&mut self, op: &M) -> Result<bool> {
        match op {
            M::Conv1d(c) => {
                let o = &c.options;
                let window = Window { stride: o.stride, padding: o.padding, dilation: o.dilation, groups: o.groups };
                self.conv([Some(&c.x), Some(&c.weight), c.bias.as_ref()], window, &c.out)?;
            }
            M::Conv2d(c) => {
                let o = &c.options;
                let window = Window { stride: o.stride, padding: o.padding, dilation: o.dilation, groups: o.groups };
                self.conv([Some(&c.x), Some(&c.weight), c.bias.as_ref()], window, &c.out)?;
            }
            M::BatchNorm(b) => {
                let inputs = self.read_all([&b.x, &b.gamma, &b.beta, &b.mean, &b.variance])?;
                let epsilon = b.epsilon.elem::<f32>();
                self.emit("BatchNormalization", inputs, &b.out).set("epsilon", epsilon);
            }
            M::MaxPool2d(p) => {
                let x = self.read(&p.x)?;
                self.emit("MaxPool", vec![x], &p.out)
                    .set("kernel_shape", p.kernel_size)
                    .set("strides", p.stride)
                    .set("pads", both_ends(p.padding))
                    .set("dilations", p.dilation)
                    .set("ceil_mode", p.ceil_mode);
            }
            M::AvgPool2d(p) => {
                let x = self.read(&p.x)?;
                self.emit("AveragePool", vec![x], &p.out)
                    .set("kernel_shape", p.kernel_size)
                    .set("strides", p.stride)
                    .set("pads", both_ends(p.padding))
                    .set("ceil_mode", p.ceil_mode)
                    .set("count_include_pad", p.count_include_pad);
            }
            M::AvgPool1d(p) => {
                let x = self.read(&p.x)?;
                self.emit("AveragePool", vec![x], &p.out)
                    .set("kernel_shape", [p.kernel_size])
                    .set("strides", [p.stride])
                    .set("pads", [p.padding, p.padding])
                    .set("ceil_mode", p.ceil_mode)
                    .set("count_include_pad", p.count_include_pad);
            }
            M::AdaptiveAvgPool2d(p) => return self.adaptive_pool(&p.x, p.output_size, &p.out),
            M::Linear(l) if l.x.shape.num_dims() == 2 => {
                let inputs = self.read_all([&l.x, &l.weight].into_iter().chain(&l.bias))?;
                self.emit("Gemm", inputs, &l.out);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A convolution of any number of spatial dimensions: of `x` with a weight and perhaps a bias.
    fn conv<const S: usize>(
        &mut self,
        operands: [Option<&TensorIr>; 3],
        window: Window<S>,
        out: &TensorIr,
    ) -> Result<()> {
        let kernel = operands[1].map_or(vec![], |weight| weight.shape[2..].to_vec());
        let (begins, ends): (Vec<_>, Vec<_>) = window.padding.iter().copied().unzip();
        let inputs = self.read_all(operands.into_iter().flatten())?;
        self.emit("Conv", inputs, out)
            .set("kernel_shape", kernel)
            .set("strides", window.stride)
            .set("pads", [begins, ends].concat())
            .set("dilations", window.dilation)
            .set("group", window.groups as i64);
        Ok(())
    }

    /// To one pixel it is a global pool; to sizes that divide the input's it is a plain pool with `in / out` as kernel
    /// and stride. Other sizes have windows of unequal length, which no ONNX pool has.
    fn adaptive_pool(&mut self, x: &TensorIr, output: [usize; 2], out: &TensorIr) -> Result<bool> {
        let input = [x.shape[2], x.shape[3]];
        if output == [1, 1] {
            let x = self.read(x)?;
            self.emit("GlobalAveragePool", vec![x], out);
            return Ok(true);
        }
        if input.iter().zip(output).any(|(i, o)| i % o != 0) {
            return Ok(false);
        }
        let kernel = [input[0] / output[0], input[1] / output[1]];
        let x = self.read(x)?;
        self.emit("AveragePool", vec![x], out).set("kernel_shape", kernel).set("strides", kernel);
        Ok(true)
    }
}

/// ONNX lists the padding before each axis, then the padding after each.
fn both_ends([h, w]: [usize; 2]) -> [usize; 4] {
    [h, w, h, w]
}
