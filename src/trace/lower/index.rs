//! Choosing and masking elements.

use burn::backend::ir::{BaseOperationIr as B, TensorIr};

use super::Lower;
use crate::Result;

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
                let inputs = vec![self.read(&o.data)?, self.wide(&o.indices)?];
                self.emit("GatherND", inputs, &o.out);
            }
            B::Scatter(o) => self.scatter(o)?,
            B::ScatterNd(o) => self.scatter_nd(o)?,
            B::SelectAssign(o) => self.select_assign(o)?,
            B::Unfold(o) => self.unfold(o)?,
            B::MaskWhere(o) => {
                let inputs = self.read_all([&o.mask, &o.value, &o.tensor])?;
                self.emit("Where", inputs, &o.out);
            }
            B::MaskFill(o) => {
                let value = self.scalar(&o.tensor, o.value)?;
                let inputs = vec![self.read(&o.mask)?, value, self.read(&o.tensor)?];
                self.emit("Where", inputs, &o.out);
            }
            B::SliceAssign(o) => self.slice_assign(o)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Picks rows of a table.
    pub(super) fn embedding(&mut self, table: &TensorIr, indices: &TensorIr, out: &TensorIr) -> Result<()> {
        let inputs = self.read_all([table, indices])?;
        self.emit("Gather", inputs, out).set("axis", 0_i64);
        Ok(())
    }
}
