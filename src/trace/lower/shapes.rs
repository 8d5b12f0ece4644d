//! Operations that move elements without changing them.

use burn::backend::ir::{BaseOperationIr as B, TensorIr};

use super::Lower;
use crate::graph::{Dim, Tensor, ValueId, shape_text};
use crate::{Error, Result};

impl Lower<'_> {
    /// Lowers an operation on shapes; `false` when there is no lowering.
    pub(super) fn base(&mut self, op: &B) -> Result<bool> {
        match op {
            B::Reshape(r) => {
                let target = self.reshape_target(&r.input, &r.out)?;
                let inputs = vec![self.read(&r.input)?, target];
                self.emit("Reshape", inputs, &r.out);
            }
            B::Cat(c) => {
                let inputs = self.read_all(&c.tensors)?;
                let axis = c.dim as i64;
                self.emit("Concat", inputs, &c.out).set("axis", axis);
            }
            B::SwapDims(s) => {
                let mut axes: Vec<usize> = (0..s.input.shape.num_dims()).collect();
                axes.swap(s.dim1, s.dim2);
                self.transpose(&s.input, axes, &s.out)?;
            }
            B::Permute(p) => self.transpose(&p.input, p.axes.clone(), &p.out)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn transpose(&mut self, input: &TensorIr, axes: Vec<usize>, out: &TensorIr) -> Result<()> {
        let x = self.read(input)?;
        self.emit("Transpose", vec![x], out).set("perm", axes);
        Ok(())
    }

    /// The second operand of ONNX's `Reshape`: 0 copies a dimension from the same place, one unknown may be -1.
    fn reshape_target(&mut self, from: &TensorIr, to: &TensorIr) -> Result<ValueId> {
        let shapes = &self.trace.shapes;
        let (from, to) = (&shapes[&from.id], &shapes[&to.id]);
        let size = |(axis, dim): (usize, &Dim)| match dim.known() {
            Some(size) => size as i64,
            None if from.get(axis) == Some(dim) => 0,
            None => -1,
        };
        let target: Vec<i64> = to.iter().enumerate().map(size).collect();
        if target.iter().filter(|size| **size == -1).count() > 1 {
            let reason = format!("two dimensions of {} depend on the batch", shape_text(to));
            return Err(Error::input(format!("operation Reshape in {}", self.place()), reason));
        }
        Ok(self.constant("shape", Tensor::from_i64(&target)))
    }
}
