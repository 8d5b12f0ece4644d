//! Cumulative products, minima and maxima.

use burn::backend::ir::DimOpIr;

use super::{Ints, Lower, axis};
use gnet_core::Result;
use gnet_core::graph::ValueId;

impl Lower<'_> {
    /// Combines each element with all before it along an axis, for an associative and commutative operation.
    ///
    /// ONNX has none of these before opset 26, and a loop would be slow in every runtime. Combining each element with
    /// the one `d` before it, for `d` = 1, 2, 4, .., needs as many rounds as the length has bits (Hillis & Steele
    /// 1986).
    pub(super) fn running(&mut self, op_type: &str, op: &DimOpIr) -> Result<()> {
        let len = self.fixed(&op.input, op.axis)?;
        let mut sums = self.read(&op.input)?;
        if len <= 1 {
            return self.emit("Identity", &[&sums], &[], &op.out);
        }
        let mut distance = 1;
        while distance < len {
            let first = self.part(sums, op.axis, [0, distance])?;
            let later = self.part(sums, op.axis, [distance, len])?;
            let before = self.part(sums, op.axis, [0, len - distance])?;
            let combined = self.step(op_type, &[&later, &before], &[])?;
            distance *= 2;
            let out = (distance >= len).then_some(&op.out);
            sums = self.make("Concat", &[&first, &combined], &[axis(op.axis)], out)?;
        }
        Ok(())
    }

    /// Takes the elements from `start` to before `end` along an axis.
    fn part(&mut self, x: ValueId, axis: usize, [start, end]: [usize; 2]) -> Result<ValueId> {
        let [starts, ends, axes] = [start, end, axis].map(|number| [number as i64]);
        self.step("Slice", &[&x, &Ints("starts", &starts), &Ints("ends", &ends), &Ints("axes", &axes)], &[])
    }
}
