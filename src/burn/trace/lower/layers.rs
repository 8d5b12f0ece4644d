//! Layers with parameters: convolutions, normalisations, products, attention.

use std::slice::from_ref;

use burn::backend::ir::{AttentionOpIr, LayerNormOpIr, LinearOpIr, ModuleOperationIr as M, ScalarIr, TensorIr};

use super::Lower;
use gnet_core::Result;
use gnet_core::graph::{Attribute, DType, Tensor, ValueId};

/// Geometry of a convolution over `S` spatial dimensions.
struct Window<const S: usize> {
    stride: [usize; S],
    padding: [(usize, usize); S],
    dilation: [usize; S],
    groups: usize,
}

/// Reads a convolution's geometry from the record that Burn keeps for each number of dimensions.
macro_rules! window {
    ($options:expr) => {
        Window {
            stride: $options.stride,
            padding: $options.padding,
            dilation: $options.dilation,
            groups: $options.groups,
        }
    };
}

/// Reads a transposed convolution's geometry and output padding.
macro_rules! transposed {
    ($options:expr) => {{
        let o = &$options;
        let padding = o.padding.map(|side| (side, side));
        (Window { stride: o.stride, padding, dilation: o.dilation, groups: o.groups }, o.padding_out)
    }};
}

impl Lower<'_> {
    /// Lowers a layer; returns `false` if there is no lowering.
    pub(super) fn layer(&mut self, op: &M) -> Result<bool> {
        match op {
            M::Conv1d(c) => {
                self.conv([Some(&c.x), Some(&c.weight), c.bias.as_ref()], window!(c.options), None, &c.out)?;
            }
            M::Conv2d(c) => {
                self.conv([Some(&c.x), Some(&c.weight), c.bias.as_ref()], window!(c.options), None, &c.out)?;
            }
            M::Conv3d(c) => {
                let padding = c.options.padding.map(|side| (side, side));
                let o = &c.options;
                let window = Window { stride: o.stride, padding, dilation: o.dilation, groups: o.groups };
                self.conv([Some(&c.x), Some(&c.weight), c.bias.as_ref()], window, None, &c.out)?;
            }
            M::ConvTranspose1d(c) => {
                let (window, out) = transposed!(c.options);
                self.conv([Some(&c.x), Some(&c.weight), c.bias.as_ref()], window, Some(out), &c.out)?;
            }
            M::ConvTranspose2d(c) => {
                let (window, out) = transposed!(c.options);
                self.conv([Some(&c.x), Some(&c.weight), c.bias.as_ref()], window, Some(out), &c.out)?;
            }
            M::ConvTranspose3d(c) => {
                let (window, out) = transposed!(c.options);
                self.conv([Some(&c.x), Some(&c.weight), c.bias.as_ref()], window, Some(out), &c.out)?;
            }
            M::DeformableConv2d(c) => self.deformable(c)?,
            M::BatchNorm(b) => {
                let inputs = self.read_all([&b.x, &b.gamma, &b.beta, &b.mean, &b.variance])?;
                let epsilon = b.epsilon.elem::<f32>();
                self.emit("BatchNormalization", inputs, &b.out).set("epsilon", epsilon);
            }
            M::LayerNorm(l) => self.layer_norm(l)?,
            M::Linear(l) => self.linear(l)?,
            M::Embedding(e) => self.embedding(&e.weights, &e.indices, &e.out)?,
            M::Attention(a) => return self.attention(a),
            _ => return self.pooling(op),
        }
        Ok(true)
    }

    /// Lowers a convolution of any number of spatial dimensions, of `x` with a weight and an optional bias; with an
    /// output padding it is a transposed one. Burn and ONNX store both kinds of weight in the same order.
    fn conv<const S: usize>(
        &mut self,
        operands: [Option<&TensorIr>; 3],
        window: Window<S>,
        transposed: Option<[usize; S]>,
        out: &TensorIr,
    ) -> Result<()> {
        let kernel = operands[1].map_or(vec![], |weight| weight.shape[2..].to_vec());
        let (begins, ends): (Vec<_>, Vec<_>) = window.padding.iter().copied().unzip();
        let inputs = self.read_all(operands.into_iter().flatten())?;
        let node = self.emit(if transposed.is_some() { "ConvTranspose" } else { "Conv" }, inputs, out);
        node.set("kernel_shape", kernel)
            .set("strides", window.stride)
            .set("pads", [begins, ends].concat())
            .set("dilations", window.dilation)
            .set("group", window.groups as i64);
        if let Some(padding) = transposed {
            node.set("output_padding", padding);
        }
        Ok(())
    }

    /// Normalises over the last axis.
    fn layer_norm(&mut self, op: &LayerNormOpIr) -> Result<()> {
        let inputs = self.read_all([&op.input, &op.gamma].into_iter().chain(&op.beta))?;
        let epsilon = op.epsilon.elem::<f32>();
        self.emit("LayerNormalization", inputs, &op.out).set("axis", -1_i64).set("epsilon", epsilon);
        Ok(())
    }

    /// Lowers `x W + b`: `Gemm` supports matrices only; at other ranks it is a product and a sum.
    fn linear(&mut self, op: &LinearOpIr) -> Result<()> {
        if op.x.shape.num_dims() == 2 {
            let inputs = self.read_all([&op.x, &op.weight].into_iter().chain(&op.bias))?;
            self.emit("Gemm", inputs, &op.out);
            return Ok(());
        }
        let inputs = self.read_all([&op.x, &op.weight])?;
        let Some(bias) = &op.bias else {
            self.emit("MatMul", inputs, &op.out);
            return Ok(());
        };
        let product = self.step("MatMul", inputs, &[]);
        let bias = self.read(bias)?;
        self.emit("Add", vec![product, bias], &op.out);
        Ok(())
    }

    /// Lowers `softmax(q k^T * scale + bias, masked) v` (Vaswani et al. 2017), in the order in which Burn applies its
    /// parts.
    fn attention(&mut self, op: &AttentionOpIr) -> Result<bool> {
        let options = &op.options;
        let width = self.fixed(&op.query, 3)?;
        let (query, key, value) = (self.read(&op.query)?, self.read(&op.key)?, self.read(&op.value)?);
        let key = self.step("Transpose", vec![key], &[("perm", Attribute::Ints(vec![0, 1, 3, 2]))]);
        let mut scores = self.step("MatMul", vec![query, key], &[]);
        let scale = options.scale.map_or_else(|| 1.0 / (width as f64).sqrt(), |scale| scale.elem::<f64>());
        let scale = self.scalar(&op.query, ScalarIr::Float(scale))?;
        scores = self.step("Mul", vec![scores, scale], &[]);
        if let Some(cap) = options.softcap {
            let cap = self.scalar(&op.query, cap)?;
            let ratio = self.step("Div", vec![scores, cap], &[]);
            let bounded = self.step("Tanh", vec![ratio], &[]);
            scores = self.step("Mul", vec![bounded, cap], &[]);
        }
        if let Some(bias) = &op.attn_bias {
            let bias = self.read(bias)?;
            scores = self.step("Add", vec![scores, bias], &[]);
        }
        let nothing = self.scalar(&op.query, ScalarIr::Float(f64::NEG_INFINITY))?;
        if let Some(mask) = &op.mask {
            let mask = self.read(mask)?;
            scores = self.step("Where", vec![mask, nothing, scores], &[]);
        }
        if options.is_causal {
            let future = self.future(&op.query, &op.key)?;
            scores = self.step("Where", vec![future, nothing, scores], &[]);
        }
        let weights = self.step("Softmax", vec![scores], &[("axis", Attribute::Int(-1))]);
        self.emit("MatMul", vec![weights, value], &op.out);
        Ok(true)
    }

    /// Makes the mask of the keys that lie in the future of each query; the last query is aligned with the last key.
    fn future(&mut self, queries: &TensorIr, keys: &TensorIr) -> Result<ValueId> {
        let (queries, keys) = (self.trace.sizes[&queries.id][2].clone(), self.trace.sizes[&keys.id][2].clone());
        if let (Some(queries), Some(keys)) = (queries.known(), keys.known()) {
            let later = |q: usize, k: usize| u8::from(k + queries > q + keys);
            let mask: Vec<u8> = (0..queries).flat_map(|q| (0..keys).map(move |k| later(q, k))).collect();
            return Ok(self.constant("future", Tensor::new(DType::Bool, vec![queries, keys], mask)?));
        }
        let (rows, columns) =
            (self.count(from_ref(&queries), 0, 1, DType::I64)?, self.count(from_ref(&keys), 0, 1, DType::I64)?);
        let [before, after] = [self.size(&queries)?, self.size(&keys)?];
        let ahead = self.step("Sub", vec![after, before], &[]);
        let axis = self.constant("axes", Tensor::from_i64(&[1]));
        let rows = self.step("Unsqueeze", vec![rows, axis], &[]);
        let faced = self.step("Add", vec![rows, ahead], &[]);
        Ok(self.step("Greater", vec![columns, faced], &[]))
    }
}
