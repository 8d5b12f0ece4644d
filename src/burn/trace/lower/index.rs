//! Selecting and masking elements.

use burn::backend::ir::{BaseOperationIr as B, TensorIr};

use super::{Lower, dtype};
use gnet_core::Result;
use gnet_core::graph::{DType, ValueId};

impl Lower<'_> {
    /// Lowers a selection of elements; returns `false` if there is no lowering.
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
                let [mask, value, x] = [&o.mask, &o.value, &o.tensor].map(|t| self.read(t));
                self.choose(mask?, value?, x?, &o.out)?;
            }
            B::MaskFill(o) => {
                let [mask, x] = [&o.mask, &o.tensor].map(|t| self.read(t));
                let value = self.scalar(&o.tensor, o.value)?;
                self.choose(mask?, value, x?, &o.out)?;
            }
            B::SliceAssign(o) => self.slice_assign(o)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Selects one value where a mask is true and another where it is not. ONNX Runtime's `Where` does not support
    /// booleans, so for those it is expressed by logic.
    fn choose(&mut self, mask: ValueId, yes: ValueId, no: ValueId, out: &TensorIr) -> Result<()> {
        if dtype(out.dtype)? != DType::Bool {
            self.emit("Where", vec![mask, yes, no], out);
            return Ok(());
        }
        let other = self.step("Not", vec![mask], &[]);
        let (yes, no) = (self.step("And", vec![mask, yes], &[]), self.step("And", vec![other, no], &[]));
        self.emit("Or", vec![yes, no], out);
        Ok(())
    }

    /// Selects rows of a table.
    pub(super) fn embedding(&mut self, table: &TensorIr, indices: &TensorIr, out: &TensorIr) -> Result<()> {
        let inputs = self.read_all([table, indices])?;
        self.emit("Gather", inputs, out).set("axis", 0_i64);
        Ok(())
    }
}
