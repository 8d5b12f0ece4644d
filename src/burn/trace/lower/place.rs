//! Replacing elements of a tensor.

use burn::backend::ir::{ScatterNdOpIr, ScatterOpIr, SelectAssignOpIr, SliceAssignOpIr, TensorIr};
use burn::tensor::{IndexingUpdateOp, Slice};

use super::shapes::Bound;
use super::{Lower, dtype};
use crate::trace::size::Size;
use gnet_core::Result;
use gnet_core::graph::{Attribute, DType, Tensor, ValueId};

/// The part of an axis of length `len` that is replaced: from `start` to before `end`, with a step whose sign is its
/// direction.
#[derive(Debug, Clone)]
struct Part {
    axis: usize,
    len: Size,
    start: Size,
    end: Size,
    step: isize,
}

/// Returns the positions of a part in the order of the new elements.
fn positions(start: usize, end: usize, step: isize) -> Vec<i64> {
    let positions = (start..end).map(|position| position as i64);
    let apart = step.unsigned_abs();
    if step > 0 { positions.step_by(apart).collect() } else { positions.rev().step_by(apart).collect() }
}

impl Lower<'_> {
    /// Lowers new elements at positions along an axis, one position for each.
    pub(super) fn scatter(&mut self, op: &ScatterOpIr) -> Result<()> {
        let indices = self.read(&op.indices)?;
        self.scatter_elements([&op.tensor, &op.value], indices, op.dim, op.update, &op.out)
    }

    /// Lowers new slices at positions along an axis, one position for each slice.
    pub(super) fn select_assign(&mut self, op: &SelectAssignOpIr) -> Result<()> {
        let mut shape = vec![1_i64; op.value.shape.num_dims()];
        shape[op.dim] = -1;
        let inputs = vec![self.read(&op.indices)?, self.constant("shape", Tensor::from_i64(&shape))];
        let column = self.step("Reshape", inputs, &[]);
        let sizes = self.sizes(&op.value)?;
        let indices = self.step("Expand", vec![column, sizes], &[]);
        self.scatter_elements([&op.tensor, &op.value], indices, op.dim, op.update, &op.out)
    }

    /// Lowers new slices at tuples of positions.
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

    /// Returns ONNX's name for a kind of update. Minimum and maximum exist from opset 18 on.
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

    /// Casts positions to the 64-bit integers that ONNX's operations on tuples require.
    pub(super) fn wide(&mut self, indices: &TensorIr) -> Result<ValueId> {
        let raw = self.read(indices)?;
        let wide = [("to", Attribute::Int(DType::I64.number().into()))];
        Ok(if dtype(indices.dtype)? == DType::I64 { raw } else { self.step("Cast", vec![raw], &wide) })
    }

    /// Lowers the replacement of a box of elements by another tensor.
    pub(super) fn slice_assign(&mut self, op: &SliceAssignOpIr) -> Result<()> {
        let (sizes, bounds) = (&self.trace.sizes[&op.tensor.id], &self.trace.numbers[self.index]);
        let part = |(axis, range): (usize, &Slice)| Part {
            axis,
            len: sizes[axis].clone(),
            start: bounds[2 * axis].clone(),
            end: bounds[2 * axis + 1].clone(),
            step: range.step,
        };
        let whole = |part: &Part| part.step == 1 && part.begins() && part.ends();
        let parts: Vec<Part> = op.ranges.iter().enumerate().map(part).filter(|part| !whole(part)).collect();
        let (x, new) = (self.read(&op.tensor)?, self.read(&op.value)?);
        if parts.is_empty() {
            self.emit("Identity", vec![new], &op.out);
        } else {
            self.replace(x, new, op.tensor.shape.num_dims(), &parts, Some(&op.out))?;
        }
        Ok(())
    }

    /// Replaces a box: along one axis directly; along several, the selection of the first axis is replaced along the
    /// others and put back.
    fn replace(
        &mut self,
        x: ValueId,
        new: ValueId,
        rank: usize,
        parts: &[Part],
        out: Option<&TensorIr>,
    ) -> Result<ValueId> {
        let [part, rest @ ..] = parts else { return Ok(new) };
        let new = match rest {
            [] => new,
            rest => {
                let strip = self.strip(x, part)?;
                self.replace(strip, new, rank, rest, None)?
            }
        };
        if part.step != 1 {
            return self.put(x, new, rank, part, out);
        }
        let mut pieces = Vec::new();
        if !part.begins() {
            pieces.push(self.slice_of(x, part.axis, [Bound::At(0), Bound::of(&part.start, &part.len)], 1)?);
        }
        pieces.push(new);
        if !part.ends() {
            pieces.push(self.slice_of(x, part.axis, [Bound::of(&part.end, &part.len), Bound::At(i64::MAX)], 1)?);
        }
        Ok(self.make("Concat", pieces, &[("axis", Attribute::Int(part.axis as i64))], out))
    }

    /// Writes slices at positions that are not adjacent.
    fn put(&mut self, x: ValueId, new: ValueId, rank: usize, part: &Part, out: Option<&TensorIr>) -> Result<ValueId> {
        let [start, end] = self.known(part)?;
        let positions = positions(start, end, part.step);
        let mut shape = vec![1; rank];
        shape[part.axis] = positions.len();
        let positions: Vec<u8> = positions.into_iter().flat_map(i64::to_le_bytes).collect();
        let column = self.constant("indices", Tensor::new(DType::I64, shape, positions)?);
        let sizes = self.step("Shape", vec![new], &[]);
        let indices = self.step("Expand", vec![column, sizes], &[]);
        let axis = [("axis", Attribute::Int(part.axis as i64))];
        Ok(self.make("ScatterElements", vec![x, indices, new], &axis, out))
    }

    /// Returns the selection of a part.
    fn strip(&mut self, x: ValueId, part: &Part) -> Result<ValueId> {
        let bounds = match part.step > 0 {
            true => [Bound::of(&part.start, &part.len), Bound::of(&part.end, &part.len)],
            // Backwards, from the last element to before the first.
            false => {
                let [start, end] = self.known(part)?.map(|bound| bound as i64);
                [Bound::At(end - 1), Bound::At(if start == 0 { i64::MIN } else { start - 1 })]
            }
        };
        self.slice_of(x, part.axis, bounds, part.step as i64)
    }

    fn slice_of(&mut self, x: ValueId, axis: usize, [start, end]: [Bound; 2], step: i64) -> Result<ValueId> {
        let mut inputs = vec![x, self.bounds("starts", &[start])?, self.bounds("ends", &[end])?];
        for (name, number) in [("axes", axis as i64), ("steps", step)] {
            inputs.push(self.constant(name, Tensor::from_i64(&[number])));
        }
        Ok(self.step("Slice", inputs, &[]))
    }

    /// Returns the bounds of a part whose positions are listed.
    fn known(&self, part: &Part) -> Result<[usize; 2]> {
        match (part.start.known(), part.end.known()) {
            (Some(start), Some(end)) => Ok([start, end]),
            _ => Err(self.refusal("replaces elements at steps whose places depend on a symbol")),
        }
    }
}

impl Part {
    fn begins(&self) -> bool {
        self.start.known() == Some(0)
    }

    fn ends(&self) -> bool {
        self.end.minus(&self.len) == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::positions;

    #[test]
    fn positions_follow_the_step() {
        assert_eq!(positions(1, 4, 1), [1, 2, 3]);
        assert_eq!(positions(1, 6, 2), [1, 3, 5]);
        assert_eq!(positions(1, 5, -1), [4, 3, 2, 1]);
        assert_eq!(positions(1, 6, -2), [5, 3, 1]);
    }
}
