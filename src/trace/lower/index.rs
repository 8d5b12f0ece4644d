//! Choosing, placing and masking elements.

use burn::backend::ir::{BaseOperationIr as B, ScatterOpIr, SliceAssignOpIr, TensorIr};
use burn::tensor::IndexingUpdateOp;

use super::Lower;
use super::shapes::Bound;
use crate::Result;
use crate::graph::{Attribute, Tensor, ValueId};

impl Lower<'_> {
    /// Lowers a choice of elements; `false` when there is no lowering.
    pub(super) fn indexing(&mut self, op: &B) -> Result<bool> {
        match op {
            B::Select(o) => {
                let inputs = self.read_all([&o.tensor, &o.indices])?;
                self.emit("Gather", inputs, &o.out).set("axis", o.dim as i64);
            }
            B::Gather(o) => {
                let inputs = self.read_all([&o.tensor, &o.indices])?;
                self.emit("GatherElements", inputs, &o.out).set("axis", o.dim as i64);
            }
            B::GatherNd(o) => {
                let inputs = self.read_all([&o.data, &o.indices])?;
                self.emit("GatherND", inputs, &o.out);
            }
            B::Scatter(o) => return self.scatter(o),
            B::MaskWhere(o) => {
                let inputs = self.read_all([&o.mask, &o.value, &o.tensor])?;
                self.emit("Where", inputs, &o.out);
            }
            B::MaskFill(o) => {
                let value = self.scalar(&o.tensor, o.value)?;
                let inputs = vec![self.read(&o.mask)?, value, self.read(&o.tensor)?];
                self.emit("Where", inputs, &o.out);
            }
            B::SliceAssign(o) => return self.slice_assign(o),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// ONNX names the ways to update from opset 16 (add, multiply) and 18 (least, greatest) on.
    fn scatter(&mut self, op: &ScatterOpIr) -> Result<bool> {
        let reduction = match op.update {
            IndexingUpdateOp::Assign => "none",
            IndexingUpdateOp::Add => "add",
            IndexingUpdateOp::Mul => "mul",
            IndexingUpdateOp::Min if self.opset >= 18 => "min",
            IndexingUpdateOp::Max if self.opset >= 18 => "max",
            IndexingUpdateOp::Min | IndexingUpdateOp::Max => return Ok(false),
        };
        let inputs = self.read_all([&op.tensor, &op.indices, &op.value])?;
        self.emit("ScatterElements", inputs, &op.out)
            .set("axis", op.dim as i64)
            .set("reduction", Attribute::String(reduction.to_owned()));
        Ok(true)
    }

    /// Elements along one axis give way to others: what is before, the new ones, what is after. Several axes at once or a
    /// step have no such form.
    fn slice_assign(&mut self, op: &SliceAssignOpIr) -> Result<bool> {
        let (dims, bounds) = (&self.trace.sizes[&op.tensor.id], &self.trace.numbers[self.index]);
        let whole = |axis: usize| {
            let (start, end) = (&bounds[2 * axis], &bounds[2 * axis + 1]);
            start.known() == Some(0) && end.minus(&dims[axis]) == Some(0)
        };
        let partial: Vec<usize> = (0..op.ranges.len()).filter(|axis| !whole(*axis)).collect();
        if op.ranges.iter().any(|range| range.step != 1) || partial.len() > 1 {
            return Ok(false);
        }
        let Some(axis) = partial.first().copied() else {
            let new = self.read(&op.value)?;
            self.emit("Identity", vec![new], &op.out);
            return Ok(true);
        };
        let (start, end, len) = (&bounds[2 * axis], &bounds[2 * axis + 1], &dims[axis]);
        let (x, new) = (self.read(&op.tensor)?, self.read(&op.value)?);
        let mut parts: Vec<ValueId> = Vec::new();
        if start.known() != Some(0) {
            parts.push(self.piece(x, axis, Bound::At(0), Bound::of(start, len))?);
        }
        parts.push(new);
        if end.minus(len) != Some(0) {
            parts.push(self.piece(x, axis, Bound::of(end, len), Bound::At(i64::MAX))?);
        }
        self.emit("Concat", parts, &op.out).set("axis", axis as i64);
        Ok(true)
    }

    fn piece(&mut self, x: ValueId, axis: usize, start: Bound, end: Bound) -> Result<ValueId> {
        let (start, end) = (self.bounds("starts", &[start])?, self.bounds("ends", &[end])?);
        let axis = self.constant("axes", Tensor::from_i64(&[axis as i64]));
        Ok(self.step("Slice", vec![x, start, end, axis], &[]))
    }

    /// Picks rows of a table.
    pub(super) fn embedding(&mut self, table: &TensorIr, indices: &TensorIr, out: &TensorIr) -> Result<()> {
        let inputs = self.read_all([table, indices])?;
        self.emit("Gather", inputs, out).set("axis", 0_i64);
        Ok(())
    }
}
