//! Layers with parameters: convolutions, normalisations, products, attention.

use std::slice::from_ref;

use burn::backend::ir::{AttentionOpIr, LinearOpIr, ModuleOperationIr as M, ScalarIr, TensorIr};

use super::{Ints, Lower, Number, axis};
use gnet_core::Result;
use gnet_core::graph::{DType, Tensor, ValueId};

/// Lowers a convolution, for which Burn has a record of its own for each number of spatial dimensions. Burn and ONNX
/// store the weight in the same order, that of a transposed one too.
macro_rules! conv {
    ($lower:ident, $op_type:literal, $c:ident, $pads:expr $(, $more:expr)?) => {
        $lower.emit(
            $op_type,
            &[&$c.x, &$c.weight, &$c.bias],
            &[
                ("kernel_shape", $c.weight.shape[2..].to_vec().into()),
                ("strides", $c.options.stride.into()),
                ("pads", $pads.into()),
                ("dilations", $c.options.dilation.into()),
                ("group", ($c.options.groups as i64).into()),
                $($more)?
            ],
            &$c.out,
        )
    };
}

/// Lowers a transposed convolution.
macro_rules! transposed {
    ($lower:ident, $c:ident) => {
        conv!(
            $lower,
            "ConvTranspose",
            $c,
            [$c.options.padding; 2].concat(),
            ("output_padding", $c.options.padding_out.into())
        )
    };
}

/// Lists the padding before each axis, then the padding after each, as ONNX does.
fn pads<const S: usize>(padding: [(usize, usize); S]) -> Vec<usize> {
    [padding.map(|(before, _)| before), padding.map(|(_, after)| after)].concat()
}

impl Lower<'_> {
    pub(super) fn layer(&mut self, op: &M) -> Result<()> {
        match op {
            M::Conv1d(c) => conv!(self, "Conv", c, pads(c.options.padding)),
            M::Conv2d(c) => conv!(self, "Conv", c, pads(c.options.padding)),
            M::Conv3d(c) => conv!(self, "Conv", c, [c.options.padding; 2].concat()),
            M::ConvTranspose1d(c) => transposed!(self, c),
            M::ConvTranspose2d(c) => transposed!(self, c),
            M::ConvTranspose3d(c) => transposed!(self, c),
            M::DeformableConv2d(c) => self.deformable(c),
            M::BatchNorm(b) => {
                let epsilon = ("epsilon", b.epsilon.elem::<f32>().into());
                self.emit("BatchNormalization", &[&b.x, &b.gamma, &b.beta, &b.mean, &b.variance], &[epsilon], &b.out)
            }
            M::LayerNorm(l) => {
                let last = [("axis", (-1_i64).into()), ("epsilon", l.epsilon.elem::<f32>().into())];
                self.emit("LayerNormalization", &[&l.input, &l.gamma, &l.beta], &last, &l.out)
            }
            M::Linear(l) => self.linear(l),
            M::Embedding(e) => self.emit("Gather", &[&e.weights, &e.indices], &[axis(0)], &e.out),
            M::Attention(a) => self.attention(a),
            _ => self.pooling(op),
        }
    }

    /// Lowers `x W + b`: `Gemm` supports matrices only; at other ranks it is a product and a sum.
    fn linear(&mut self, op: &LinearOpIr) -> Result<()> {
        if op.x.shape.num_dims() == 2 {
            return self.emit("Gemm", &[&op.x, &op.weight, &op.bias], &[], &op.out);
        }
        let Some(bias) = &op.bias else { return self.emit("MatMul", &[&op.x, &op.weight], &[], &op.out) };
        let product = self.step("MatMul", &[&op.x, &op.weight], &[])?;
        self.emit("Add", &[&product, bias], &[], &op.out)
    }

    /// Lowers `softmax(q k^T * scale + bias, masked) v` (Vaswani et al. 2017), in the order in which Burn applies its
    /// parts.
    fn attention(&mut self, op: &AttentionOpIr) -> Result<()> {
        let options = &op.options;
        let width = self.fixed(&op.query, 3)?;
        let (query, key, value) = (self.read(&op.query)?, self.read(&op.key)?, self.read(&op.value)?);
        let key = self.step("Transpose", &[&key], &[("perm", [0, 1, 3, 2].into())])?;
        let mut scores = self.step("MatMul", &[&query, &key], &[])?;
        let scale = options.scale.map_or_else(|| 1.0 / (width as f64).sqrt(), |scale| scale.elem::<f64>());
        scores = self.step("Mul", &[&scores, &Number(&op.query, ScalarIr::Float(scale))], &[])?;
        if let Some(cap) = options.softcap {
            let cap = self.scalar(&op.query, cap)?;
            let ratio = self.step("Div", &[&scores, &cap], &[])?;
            let bounded = self.step("Tanh", &[&ratio], &[])?;
            scores = self.step("Mul", &[&bounded, &cap], &[])?;
        }
        if let Some(bias) = &op.attn_bias {
            scores = self.step("Add", &[&scores, bias], &[])?;
        }
        let nothing = self.scalar(&op.query, ScalarIr::Float(f64::NEG_INFINITY))?;
        if let Some(mask) = &op.mask {
            scores = self.step("Where", &[mask, &nothing, &scores], &[])?;
        }
        if options.is_causal {
            let future = self.future(&op.query, &op.key)?;
            scores = self.step("Where", &[&future, &nothing, &scores], &[])?;
        }
        let weights = self.step("Softmax", &[&scores], &[("axis", (-1_i64).into())])?;
        self.emit("MatMul", &[&weights, &value], &[], &op.out)
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
        let ahead = self.step("Sub", &[&after, &before], &[])?;
        let rows = self.step("Unsqueeze", &[&rows, &Ints("axes", &[1])], &[])?;
        let faced = self.step("Add", &[&rows, &ahead], &[])?;
        self.step("Greater", &[&columns, &faced], &[])
    }
}
