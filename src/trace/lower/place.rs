//! Elements that give way to others.

use burn::backend::ir::{ScatterNdOpIr, ScatterOpIr, SelectAssignOpIr, SliceAssignOpIr, TensorIr};
use burn::tensor::IndexingUpdateOp;

use super::{Lower, dtype};
use crate::Result;
use crate::graph::{Attribute, DType, Dim, Tensor, ValueId};
use crate::onnx::number_of;

/// The part of an axis that gives way: from `start` to before `end`, with a step whose sign is its direction.
#[derive(Debug, Clone, Copy)]
struct Part {
    axis: usize,
    start: usize,
    end: usize,
    step: isize,
}

impl Part {
    /// The positions in the order of the new elements.
    fn positions(&self) -> Vec<i64> {
        let positions = (self.start..self.end).map(|position| position as i64);
        let step = self.step.unsigned_abs();
        if self.step > 0 { positions.step_by(step).collect() } else { positions.rev().step_by(step).collect() }
    }
}

impl Lower<'_> {
    /// New elements at positions along an axis, one position for each.
    pub(super) fn scatter(&mut self, op: &ScatterOpIr) -> Result<()> {
        let indices = self.read(&op.indices)?;
        self.scatter_elements([&op.tensor, &op.value], indices, op.dim, op.update, &op.out)
    }

    /// New slices at positions along an axis, one position for each slice.
    pub(super) fn select_assign(&mut self, op: &SelectAssignOpIr) -> Result<()> {
        let mut shape = vec![1_i64; op.value.shape.num_dims()];
        shape[op.dim] = -1;
        let inputs = vec![self.read(&op.indices)?, self.constant("shape", Tensor::from_i64(&shape))];
        let column = self.step("Reshape", inputs, &[]);
        let sizes = self.sizes(&op.value)?;
        let indices = self.step("Expand", vec![column, sizes], &[]);
        self.scatter_elements([&op.tensor, &op.value], indices, op.dim, op.update, &op.out)
    }

    /// New slices at tuples of positions.
    pub(super) fn scatter_nd(&mut self, op: &ScatterNdOpIr) -> Result<()> {
        let indices = self.wide(&op.indices)?;
        let reduction = self.reduction_of(&op.data, op.reduction)?;
        let inputs = vec![self.read(&op.data)?, indices, self.read(&op.values)?];
        self.emit("ScatterND", inputs, &op.out).set("reduction", reduction);
        Ok(())
    }

    fn scatter_elements(
        &mut self,
        [data, values]: [&TensorIr; 2],
        indices: ValueId,
        axis: usize,
        update: IndexingUpdateOp,
        out: &TensorIr,
    ) -> Result<()> {
        let reduction = self.reduction_of(data, update)?;
        let inputs = vec![self.read(data)?, indices, self.read(values)?];
        self.emit("ScatterElements", inputs, out).set("axis", axis as i64).set("reduction", reduction);
        Ok(())
    }

    /// ONNX's word for a way to update. The least and the greatest came with opset 18.
    fn reduction_of(&self, data: &TensorIr, update: IndexingUpdateOp) -> Result<Attribute> {
        let word = match update {
            IndexingUpdateOp::Assign => "none",
            _ if dtype(data.dtype)? == DType::Bool => {
                return Err(self.refusal("updates truth values with themselves, which ONNX does to numbers only"));
            }
            IndexingUpdateOp::Add => "add",
            IndexingUpdateOp::Mul => "mul",
            IndexingUpdateOp::Min => self.needs(18).map(|()| "min")?,
            IndexingUpdateOp::Max => self.needs(18).map(|()| "max")?,
        };
        Ok(Attribute::String(word.to_owned()))
    }

    /// Positions as the 64-bit integers that ONNX's operations on tuples take.
    pub(super) fn wide(&mut self, indices: &TensorIr) -> Result<ValueId> {
        let raw = self.read(indices)?;
        let wide = [("to", Attribute::Int(number_of(DType::I64).into()))];
        Ok(if dtype(indices.dtype)? == DType::I64 { raw } else { self.step("Cast", vec![raw], &wide) })
    }

    /// A box of elements gives way to another tensor.
    pub(super) fn slice_assign(&mut self, op: &SliceAssignOpIr) -> Result<()> {
        let dims = &self.trace.shapes[&op.tensor.id];
        let bounds = &self.trace.bounds[&self.index];
        let mut parts = Vec::new();
        for (axis, (range, (start, end))) in op.ranges.iter().zip(bounds).enumerate() {
            if *start == Dim::Known(0) && *end == dims[axis] && range.step == 1 {
                continue;
            }
            let (Some(start), Some(end), Some(_)) = (start.known(), end.known(), dims[axis].known()) else {
                return Err(self.refusal("replaces a part whose place depends on the batch"));
            };
            parts.push(Part { axis, start, end, step: range.step });
        }
        let (x, new) = (self.read(&op.tensor)?, self.read(&op.value)?);
        if parts.is_empty() {
            self.emit("Identity", vec![new], &op.out);
        } else {
            self.replace((x, &op.tensor), new, &parts, Some(&op.out));
        }
        Ok(())
    }

    /// Replaces a box: along one axis directly; of several, what the first axis selects is replaced along the others, and
    /// put back.
    fn replace(&mut self, x: (ValueId, &TensorIr), new: ValueId, parts: &[Part], out: Option<&TensorIr>) -> ValueId {
        let (value, like) = x;
        let [part, rest @ ..] = parts else { return new };
        let new = match rest {
            [] => new,
            rest => {
                let strip = self.select(value, *part);
                self.replace((strip, like), new, rest, None)
            }
        };
        if part.step != 1 {
            return self.put(value, new, like.shape.num_dims(), *part, out);
        }
        let mut pieces = Vec::new();
        if part.start > 0 {
            pieces.push(self.select(value, Part { start: 0, end: part.start, ..*part }));
        }
        pieces.push(new);
        if part.end < like.shape[part.axis] {
            pieces.push(self.select(value, Part { start: part.end, end: like.shape[part.axis], ..*part }));
        }
        self.make("Concat", pieces, &[("axis", Attribute::Int(part.axis as i64))], out)
    }

    /// Puts slices at positions that are not next to one another.
    fn put(&mut self, x: ValueId, new: ValueId, rank: usize, part: Part, out: Option<&TensorIr>) -> ValueId {
        let positions = part.positions();
        let mut shape = vec![1; rank];
        shape[part.axis] = positions.len();
        let positions: Vec<u8> = positions.into_iter().flat_map(i64::to_le_bytes).collect();
        let column = Tensor::new(DType::I64, shape, positions).expect("eight bytes a position");
        let column = self.constant("indices", column);
        let sizes = self.step("Shape", vec![new], &[]);
        let indices = self.step("Expand", vec![column, sizes], &[]);
        let axis = [("axis", Attribute::Int(part.axis as i64))];
        self.make("ScatterElements", vec![x, indices, new], &axis, out)
    }

    /// The part of a tensor.
    fn select(&mut self, x: ValueId, part: Part) -> ValueId {
        let (start, end) = match part.step > 0 {
            true => (part.start as i64, part.end as i64),
            // Backwards, from the last element to before the first.
            false => (part.end as i64 - 1, if part.start == 0 { i64::MIN } else { part.start as i64 - 1 }),
        };
        let mut inputs = vec![x];
        for (name, number) in
            [("starts", start), ("ends", end), ("axes", part.axis as i64), ("steps", part.step as i64)]
        {
            inputs.push(self.constant(name, Tensor::from_i64(&[number])));
        }
        self.step("Slice", inputs, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_follow_the_step() {
        let positions = |start, end, step| Part { axis: 0, start, end, step }.positions();
        assert_eq!(positions(1, 4, 1), [1, 2, 3]);
        assert_eq!(positions(1, 6, 2), [1, 3, 5]);
        assert_eq!(positions(1, 5, -1), [4, 3, 2, 1]);
        assert_eq!(positions(1, 6, -2), [5, 3, 1]);
    }
}
