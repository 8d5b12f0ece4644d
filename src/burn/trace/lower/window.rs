//! Windows over a tensor, and sampling between its elements.

use burn::backend::ir::{
    DeformConv2dOpIr, GridSample2dOpIr, GridSamplePaddingModeIr, InterpolateModeIr, TensorIr, Unfold4dOpIr, UnfoldOpIr,
};

use super::Lower;
use gnet_core::Result;
use gnet_core::graph::{Attribute, DType, Tensor, ValueId};

impl Lower<'_> {
    /// Lowers windows along an axis, which become an axis of windows and, at the end, an axis of their elements.
    pub(super) fn unfold(&mut self, op: &UnfoldOpIr) -> Result<()> {
        let len = self.fixed(&op.input, op.dim)?;
        let windows = (len + op.step).saturating_sub(op.size) / op.step;
        let positions = (0..windows).flat_map(|window| (0..op.size).map(move |i| window * op.step + i));
        let positions = self.positions([windows, op.size], positions)?;
        let x = self.read(&op.input)?;
        let axis = ("axis", Attribute::Int(op.dim as i64));
        let rank = op.input.shape.num_dims();
        if op.dim + 1 == rank {
            self.emit("Gather", vec![x, positions], &op.out).set("axis", op.dim as i64);
            return Ok(());
        }
        let gathered = self.step("Gather", vec![x, positions], &[axis]);
        let order: Vec<usize> = (0..=rank).filter(|axis| *axis != op.dim + 1).chain([op.dim + 1]).collect();
        self.emit("Transpose", vec![gathered], &op.out).set("perm", order);
        Ok(())
    }

    /// Lowers the windows of a kernel over an image, one per column: rows and columns are gathered in turn.
    pub(super) fn unfold4d(&mut self, op: &Unfold4dOpIr) -> Result<()> {
        let o = &op.options;
        let mut value = self.read(&op.x)?;
        if o.padding != [0, 0] {
            let [rows, columns] = o.padding.map(|side| side as i64);
            let pads = self.constant("pads", Tensor::from_i64(&[0, 0, rows, columns, 0, 0, rows, columns]));
            value = self.step("Pad", vec![value, pads], &[]);
        }
        // An axis becomes an axis of kernel positions and one of windows, so the index of the next one is shifted by
        // one.
        for (spatial, axis) in [(0, 2), (1, 4)] {
            let len = self.fixed(&op.x, 2 + spatial)? + 2 * o.padding[spatial];
            let (kernel, stride, dilation) = (op.kernel_size[spatial], o.stride[spatial], o.dilation[spatial]);
            let reach = dilation * (kernel - 1) + 1;
            let windows = if len < reach { 0 } else { (len - reach) / stride + 1 };
            let positions = (0..kernel).flat_map(|k| (0..windows).map(move |window| k * dilation + window * stride));
            let positions = self.positions([kernel, windows], positions)?;
            value = self.step("Gather", vec![value, positions], &[("axis", Attribute::Int(axis))]);
        }
        let order = [("perm", Attribute::Ints(vec![0, 1, 2, 4, 3, 5]))];
        let ordered = self.step("Transpose", vec![value], &order);
        let sizes = self.sizes(&op.out)?;
        self.emit("Reshape", vec![ordered, sizes], &op.out);
        Ok(())
    }

    /// Adds a table of positions.
    fn positions(&mut self, shape: [usize; 2], positions: impl Iterator<Item = usize>) -> Result<ValueId> {
        let bytes: Vec<u8> = positions.flat_map(|position| (position as i64).to_le_bytes()).collect();
        Ok(self.constant("indices", Tensor::new(DType::I64, shape.to_vec(), bytes)?))
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
        let inputs = self.read_all([&op.tensor, &op.grid])?;
        self.emit("GridSample", inputs, &op.out)
            .set("mode", Attribute::String(mode.to_owned()))
            .set("padding_mode", Attribute::String(padding.to_owned()))
            .set("align_corners", op.options.align_corners);
        Ok(())
    }

    /// Lowers a deformable convolution, whose kernel reads at its own offsets (Dai et al. 2017; with a mask Zhu et al.
    /// 2019).
    pub(super) fn deformable(&mut self, op: &DeformConv2dOpIr) -> Result<()> {
        self.needs(19)?;
        let o = &op.options;
        let read = |lower: &mut Self, t: &TensorIr| lower.read(t).map(Some);
        let [x, weight, offset] = [&op.x, &op.weight, &op.offset].map(|t| read(self, t));
        let bias = op.bias.as_ref().map(|t| self.read(t)).transpose()?;
        let mask = op.mask.as_ref().map(|t| self.read(t)).transpose()?;
        let mut inputs = vec![x?, weight?, offset?, bias, mask];
        while inputs.last().is_some_and(Option::is_none) {
            inputs.pop();
        }
        let node = self.emit("DeformConv", vec![], &op.out);
        node.inputs = inputs;
        node.set("kernel_shape", op.weight.shape[2..].to_vec())
            .set("strides", o.stride)
            .set("pads", [o.padding, o.padding].concat())
            .set("dilations", o.dilation)
            .set("group", o.weight_groups as i64)
            .set("offset_group", o.offset_groups as i64);
        Ok(())
    }
}
