//! Replacing elements of a tensor.

use burn::backend::ir::{ScatterNdOpIr, SelectAssignOpIr, SliceAssignOpIr, TensorIr};
use burn::tensor::{IndexingUpdateOp, Slice};

use super::shapes::Bound;
use super::{Ints, Lower, Operand, ShapeOf, axis, dtype, operands};
use crate::trace::size::Size;
use gnet_core::Result;
use gnet_core::graph::{Attribute, DType, ValueId};

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
fn positions(start: usize, end: usize, step: isize) -> Vec<usize> {
    let positions = start..end;
    let apart = step.unsigned_abs();
    if step > 0 { positions.step_by(apart).collect() } else { positions.rev().step_by(apart).collect() }
}

impl Lower<'_> {
    /// Lowers new slices at positions along an axis, one position for each slice.
    pub(super) fn select_assign(&mut self, op: &SelectAssignOpIr) -> Result<()> {
        let mut shape = vec![1_i64; op.value.shape.num_dims()];
        shape[op.dim] = -1;
        let column = self.step("Reshape", &[&op.indices, &Ints("shape", &shape)], &[])?;
        let indices = self.step("Expand", &[&column, &ShapeOf(&op.value)], &[])?;
        self.scatter_elements([&op.tensor, &op.value], &indices, op.dim, op.update, &op.out)
    }

    /// Lowers new slices at tuples of positions.
    pub(super) fn scatter_nd(&mut self, op: &ScatterNdOpIr) -> Result<()> {
        let indices = self.wide(&op.indices)?;
        let reduction = self.reduction_of(&op.data, op.reduction)?;
        self.emit("ScatterND", &[&op.data, &indices, &op.values], &[reduction], &op.out)
    }

    /// Lowers new elements at positions along an axis, one position for each.
    pub(super) fn scatter_elements(
        &mut self,
        [data, values]: [&TensorIr; 2],
        indices: &dyn Operand,
        dim: usize,
        update: IndexingUpdateOp,
        out: &TensorIr,
    ) -> Result<()> {
        let indices = indices.value(self)?;
        let reduction = self.reduction_of(data, update)?;
        self.emit("ScatterElements", &[data, &indices, values], &[axis(dim), reduction], out)
    }

    /// Returns the attribute for a kind of update. Minimum and maximum exist from opset 18 on.
    fn reduction_of(&self, data: &TensorIr, update: IndexingUpdateOp) -> Result<(&'static str, Attribute)> {
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
        Ok(("reduction", word.into()))
    }

    /// Casts positions to the 64-bit integers that ONNX's operations on tuples require.
    pub(super) fn wide(&mut self, indices: &TensorIr) -> Result<ValueId> {
        match dtype(indices.dtype)? {
            DType::I64 => self.read(indices),
            _ => self.step("Cast", &[indices], &[("to", DType::I64.into())]),
        }
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
            return self.emit("Identity", &[&new], &[], &op.out);
        }
        self.replace(x, new, op.tensor.shape.num_dims(), &parts, Some(&op.out)).map(drop)
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
        let before = [Bound::At(0), Bound::of(&part.start, &part.len)];
        let before = if part.begins() { None } else { Some(self.slice_of(x, part.axis, before, 1)?) };
        let after = [Bound::of(&part.end, &part.len), Bound::At(i64::MAX)];
        let after = if part.ends() { None } else { Some(self.slice_of(x, part.axis, after, 1)?) };
        let pieces: Vec<ValueId> = before.into_iter().chain([new]).chain(after).collect();
        self.make("Concat", &operands(&pieces), &[axis(part.axis)], out)
    }

    /// Writes slices at positions that are not adjacent.
    fn put(&mut self, x: ValueId, new: ValueId, rank: usize, part: &Part, out: Option<&TensorIr>) -> Result<ValueId> {
        let [start, end] = self.known(part)?;
        let positions = positions(start, end, part.step);
        let mut shape = vec![1; rank];
        shape[part.axis] = positions.len();
        let column = self.positions(shape, positions.into_iter())?;
        let sizes = self.step("Shape", &[&new], &[])?;
        let indices = self.step("Expand", &[&column, &sizes], &[])?;
        self.make("ScatterElements", &[&x, &indices, &new], &[axis(part.axis)], out)
    }

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
        let (starts, ends) = (self.bounds("starts", &[start])?, self.bounds("ends", &[end])?);
        self.step("Slice", &[&x, &starts, &ends, &Ints("axes", &[axis as i64]), &Ints("steps", &[step])], &[])
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
