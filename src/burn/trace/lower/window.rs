//! Windows over a tensor, and sampling between its elements.

use burn::backend::ir::{
    DeformConv2dOpIr, GridSample2dOpIr, GridSamplePaddingModeIr, InterpolateModeIr, Unfold4dOpIr, UnfoldOpIr,
};

use super::{Ints, Lower, ShapeOf, axis};
use gnet_core::Result;
use gnet_core::graph::{DType, Tensor, ValueId};

impl Lower<'_> {
    /// Lowers windows along an axis, which become an axis of windows and, at the end, an axis of their elements.
    pub(super) fn unfold(&mut self, op: &UnfoldOpIr) -> Result<()> {
        let len = self.fixed(&op.input, op.dim)?;
        let windows = (len + op.step).saturating_sub(op.size) / op.step;
        let positions = (0..windows).flat_map(|window| (0..op.size).map(move |i| window * op.step + i));
        let positions = self.positions([windows, op.size], positions)?;
        let rank = op.input.shape.num_dims();
        if op.dim + 1 == rank {
            return self.emit("Gather", &[&op.input, &positions], &[axis(op.dim)], &op.out);
        }
        let gathered = self.step("Gather", &[&op.input, &positions], &[axis(op.dim)])?;
        let order: Vec<usize> = (0..=rank).filter(|axis| *axis != op.dim + 1).chain([op.dim + 1]).collect();
        self.emit("Transpose", &[&gathered], &[("perm", order.into())], &op.out)
    }

    /// Lowers the windows of a kernel over an image, one per column: rows and columns are gathered in turn.
    pub(super) fn unfold4d(&mut self, op: &Unfold4dOpIr) -> Result<()> {
        let o = &op.options;
        let mut value = self.read(&op.x)?;
        if o.padding != [0, 0] {
            let [rows, columns] = o.padding.map(|side| side as i64);
            let pads = [0, 0, rows, columns, 0, 0, rows, columns];
            value = self.step("Pad", &[&value, &Ints("pads", &pads)], &[])?;
        }
        // An axis becomes an axis of kernel positions and one of windows, so the index of the next one is shifted by
        // one.
        for (spatial, dim) in [(0, 2), (1, 4)] {
            let len = self.fixed(&op.x, 2 + spatial)? + 2 * o.padding[spatial];
            let (kernel, stride, dilation) = (op.kernel_size[spatial], o.stride[spatial], o.dilation[spatial]);
            let reach = dilation * (kernel - 1) + 1;
            let windows = if len < reach { 0 } else { (len - reach) / stride + 1 };
            let positions = (0..kernel).flat_map(|k| (0..windows).map(move |window| k * dilation + window * stride));
            let positions = self.positions([kernel, windows], positions)?;
            value = self.step("Gather", &[&value, &positions], &[axis(dim)])?;
        }
        let ordered = self.step("Transpose", &[&value], &[("perm", [0, 1, 2, 4, 3, 5].into())])?;
        self.emit("Reshape", &[&ordered, &ShapeOf(&op.out)], &[], &op.out)
    }

    pub(super) fn positions(
        &mut self,
        shape: impl Into<Vec<usize>>,
        positions: impl Iterator<Item = usize>,
    ) -> Result<ValueId> {
        let bytes: Vec<u8> = positions.flat_map(|position| (position as i64).to_le_bytes()).collect();
        Ok(self.constant("indices", Tensor::new(DType::I64, shape.into(), bytes)?))
    }

    /// Lowers sampling of an image between its pixels. ONNX renamed the modes in opset 20.
    pub(super) fn grid_sample(&mut self, op: &GridSample2dOpIr) -> Result<()> {
        let mode = match op.options.mode {
            InterpolateModeIr::Nearest => "nearest",
            InterpolateModeIr::Bilinear if self.opset >= 20 => "linear",
            InterpolateModeIr::Bilinear => "bilinear",
            _ => {
                return Err(
                    self.refusal("samples in a way that Burn does not compute on a CPU, so nothing can be checked")
                );
            }
        };
        let padding = match op.options.padding_mode {
            GridSamplePaddingModeIr::Zeros => "zeros",
            GridSamplePaddingModeIr::Border => "border",
            GridSamplePaddingModeIr::Reflection => "reflection",
        };
        let corners = op.options.align_corners.into();
        let how = [("mode", mode.into()), ("padding_mode", padding.into()), ("align_corners", corners)];
        self.emit("GridSample", &[&op.tensor, &op.grid], &how, &op.out)
    }

    /// Lowers a deformable convolution, whose kernel reads at its own offsets (Dai et al. 2017; with a mask Zhu et al.
    /// 2019).
    pub(super) fn deformable(&mut self, op: &DeformConv2dOpIr) -> Result<()> {
        self.needs(19)?;
        let o = &op.options;
        let attributes = [
            ("kernel_shape", op.weight.shape[2..].to_vec().into()),
            ("strides", o.stride.into()),
            ("pads", [o.padding; 2].concat().into()),
            ("dilations", o.dilation.into()),
            ("group", (o.weight_groups as i64).into()),
            ("offset_group", (o.offset_groups as i64).into()),
        ];
        self.emit("DeformConv", &[&op.x, &op.weight, &op.offset, &op.bias, &op.mask], &attributes, &op.out)
    }
}
