//! Selecting and masking elements.

use burn::backend::ir::{BaseOperationIr as B, TensorIr};

use super::{Lower, Number, Operand, axis, dtype};
use gnet_core::Result;
use gnet_core::graph::DType;

impl Lower<'_> {
    pub(super) fn indexing(&mut self, op: &B) -> Result<()> {
        match op {
            B::Select(o) => self.emit("Gather", &[&o.tensor, &o.indices], &[axis(o.dim)], &o.out),
            B::Gather(o) => self.emit("GatherElements", &[&o.tensor, &o.indices], &[axis(o.dim)], &o.out),
            B::GatherNd(o) => {
                let (data, indices) = (self.read(&o.data)?, self.wide(&o.indices)?);
                self.emit("GatherND", &[&data, &indices], &[], &o.out)
            }
            B::Scatter(o) => self.scatter_elements([&o.tensor, &o.value], &o.indices, o.dim, o.update, &o.out),
            B::ScatterNd(o) => self.scatter_nd(o),
            B::SelectAssign(o) => self.select_assign(o),
            B::Unfold(o) => self.unfold(o),
            B::MaskWhere(o) => self.choose(&o.mask, &o.value, &o.tensor, &o.out),
            B::MaskFill(o) => {
                let (mask, x) = (self.read(&o.mask)?, self.read(&o.tensor)?);
                self.choose(&mask, &Number(&o.tensor, o.value), &x, &o.out)
            }
            B::SliceAssign(o) => self.slice_assign(o),
            _ => Err(self.unknown()),
        }
    }

    /// Selects one value where a mask is true and another where it is not. ONNX Runtime's `Where` does not support
    /// booleans, so for those it is expressed by logic.
    fn choose(&mut self, mask: &dyn Operand, yes: &dyn Operand, no: &dyn Operand, out: &TensorIr) -> Result<()> {
        if dtype(out.dtype)? != DType::Bool {
            return self.emit("Where", &[mask, yes, no], &[], out);
        }
        let (mask, yes, no) = (mask.value(self)?, yes.value(self)?, no.value(self)?);
        let other = self.step("Not", &[&mask], &[])?;
        let (yes, no) = (self.step("And", &[&mask, &yes], &[])?, self.step("And", &[&other, &no], &[])?);
        self.emit("Or", &[&yes, &no], &[], out)
    }
}
