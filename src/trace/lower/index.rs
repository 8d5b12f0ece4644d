//! Choosing, placing and masking elements.

use burn::backend::ir::{BaseOperationIr as B, ScatterOpIr, SliceAssignOpIr, TensorIr};
use burn::tensor::IndexingUpdateOp;

use super::Lower;
use crate::Result;
use crate::graph::{Attribute, Dim, Tensor, ValueId};

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

    /// Elements along one axis give way to others: what is before, the new ones, what is after. Several axes at once, a
    /// step, or bounds that depend on the batch have no such form.
    fn slice_assign(&mut self, op: &SliceAssignOpIr) -> Result<bool> {
        let dims = &self.trace.shapes[&op.tensor.id];
        let whole = |axis: usize| {
            let (start, end) = &self.trace.bounds[&self.index][axis];
            *start == Dim::Known(0) && *end == dims[axis]
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
        let (start, end) = &self.trace.bounds[&self.index][axis];
        let (Some(start), Some(end), Some(len)) = (start.known(), end.known(), dims[axis].known()) else {
            return Ok(false);
        };
        let (x, new) = (self.read(&op.tensor)?, self.read(&op.value)?);
        let mut parts: Vec<ValueId> = Vec::new();
        if start > 0 {
            parts.push(self.piece(x, axis, 0, start));
        }
        parts.push(new);
        if end < len {
            parts.push(self.piece(x, axis, end, len));
        }
        self.emit("Concat", parts, &op.out).set("axis", axis as i64);
        Ok(true)
    }

    fn piece(&mut self, x: ValueId, axis: usize, start: usize, end: usize) -> ValueId {
        let list = [start, end, axis].map(|number| Tensor::from_i64(&[number as i64]));
        let names = ["starts", "ends", "axes"];
        let operands = names.into_iter().zip(list).map(|(name, list)| self.constant(name, list));
        let inputs: Vec<ValueId> = std::iter::once(x).chain(operands).collect();
        self.step("Slice", inputs, &[])
    }

    /// Picks rows of a table.
    pub(super) fn embedding(&mut self, table: &TensorIr, indices: &TensorIr, out: &TensorIr) -> Result<()> {
        let inputs = self.read_all([table, indices])?;
        self.emit("Gather", inputs, out).set("axis", 0_i64);
        Ok(())
    }
}
