//! Cumulative products, minima and maxima.

use burn::backend::ir::{DimOpIr, TensorIr};

use super::Lower;
use gnet_core::Result;
use gnet_core::graph::{Attribute, Tensor, ValueId};

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
            self.emit("Identity", vec![sums], &op.out);
            return Ok(());
        }
        let mut distance = 1;
        while distance < len {
            let first = self.part(sums, op.axis, [0, distance]);
            let later = self.part(sums, op.axis, [distance, len]);
            let before = self.part(sums, op.axis, [0, len - distance]);
            let combined = self.step(op_type, vec![later, before], &[]);
            distance *= 2;
            let out = (distance >= len).then_some(&op.out);
            sums = self.make("Concat", vec![first, combined], &[("axis", Attribute::Int(op.axis as i64))], out);
        }
        Ok(())
    }

    /// Takes the elements from `start` to before `end` along an axis.
    fn part(&mut self, x: ValueId, axis: usize, [start, end]: [usize; 2]) -> ValueId {
        let mut inputs = vec![x];
        for (name, number) in [("starts", start), ("ends", end), ("axes", axis)] {
            inputs.push(self.constant(name, Tensor::from_i64(&[number as i64])));
        }
        self.step("Slice", inputs, &[])
    }

    /// Adds an operation: the traced one that produces `out`, or an intermediate one.
    pub(super) fn make(
        &mut self,
        op_type: &str,
        inputs: Vec<ValueId>,
        attributes: &[(&str, Attribute)],
        out: Option<&TensorIr>,
    ) -> ValueId {
        let Some(out) = out else { return self.step(op_type, inputs, attributes) };
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.emit(op_type, inputs, out).attributes.extend(attributes);
        self.ids[&out.id]
    }
}
