//! Operations that move elements without changing them.

use burn::backend::ir::{BaseOperationIr as B, PadModeIr, PadOpIr, ScalarIr, SliceOpIr, TensorIr};

use super::{Ints, Lower, Number, ShapeOf, axis, operands};
use crate::trace::size::Size;
use gnet_core::Result;
use gnet_core::graph::{Tensor, ValueId};

impl Lower<'_> {
    pub(super) fn base(&mut self, op: &B) -> Result<()> {
        match op {
            B::Reshape(r) => {
                let target = self.reshape_target(&r.input, &r.out)?;
                self.emit("Reshape", &[&r.input, &target], &[], &r.out)
            }
            B::Cat(c) => self.emit("Concat", &operands(&c.tensors), &[axis(c.dim)], &c.out),
            B::SwapDims(s) => {
                let mut axes: Vec<usize> = (0..s.input.shape.num_dims()).collect();
                axes.swap(s.dim1, s.dim2);
                self.emit("Transpose", &[&s.input], &[("perm", axes.into())], &s.out)
            }
            B::Permute(p) => self.emit("Transpose", &[&p.input], &[("perm", p.axes.clone().into())], &p.out),
            B::Flip(f) => self.flip(&f.input, &f.axes, &f.out),
            B::Expand(e) => self.emit("Expand", &[&e.input, &ShapeOf(&e.out)], &[], &e.out),
            B::RepeatDim(r) => {
                let mut times = vec![Size::fixed(1); r.tensor.shape.num_dims()];
                times[r.dim] = self.trace.numbers[self.index][0].clone();
                let (x, times) = (self.read(&r.tensor)?, self.sizes_of(&times)?);
                self.emit("Tile", &[&x, &times], &[], &r.out)
            }
            B::Slice(s) => self.slice(s),
            B::Cast(c) => self.cast(&c.input, &c.out),
            B::Equal(o) => self.equality(&o.lhs, &o.rhs, false, &o.out),
            B::NotEqual(o) => self.equality(&o.lhs, &o.rhs, true, &o.out),
            B::EqualElem(o) => self.equality(&o.lhs, &Number(&o.lhs, o.rhs), false, &o.out),
            B::NotEqualElem(o) => self.equality(&o.lhs, &Number(&o.lhs, o.rhs), true, &o.out),
            B::All(o) => self.truth(true, &o.input, None, &o.out),
            B::Any(o) => self.truth(false, &o.input, None, &o.out),
            B::AllDim(o) => self.truth(true, &o.input, Some(o.axis), &o.out),
            B::AnyDim(o) => self.truth(false, &o.input, Some(o.axis), &o.out),
            // The content of an empty tensor is unspecified, so zeros will do.
            B::Zeros(c) | B::Empty(c) => self.filled(&c.out, ScalarIr::Int(0)),
            B::Ones(c) => self.filled(&c.out, ScalarIr::Int(1)),
            _ => self.indexing(op),
        }
    }

    /// Returns the second operand of ONNX's `Reshape`: 0 copies a dimension from the same position, and one unknown may
    /// be -1.
    fn reshape_target(&mut self, from: &TensorIr, to: &TensorIr) -> Result<ValueId> {
        let sizes = &self.trace.sizes;
        let (before, after) = (&sizes[&from.id], &sizes[&to.id]);
        let size = |(axis, size): (usize, &Size)| match size.known() {
            Some(size) => size as i64,
            None if before.get(axis).and_then(|before| before.minus(size)) == Some(0) => 0,
            None => -1,
        };
        let target: Vec<i64> = after.iter().enumerate().map(size).collect();
        if target.iter().filter(|size| **size == -1).count() > 1 {
            return self.sizes_of(after);
        }
        Ok(self.constant("shape", Tensor::from_i64(&target)))
    }

    /// Reverses `axes`: a slice with step -1, from the last element to before the first.
    fn flip(&mut self, input: &TensorIr, axes: &[usize], out: &TensorIr) -> Result<()> {
        let axes: Vec<i64> = axes.iter().map(|axis| *axis as i64).collect();
        let [back, before_first] = [-1, i64::MIN].map(|value| vec![value; axes.len()]);
        let (starts, ends) = (Ints("starts", &back), Ints("ends", &before_first));
        self.emit("Slice", &[input, &starts, &ends, &Ints("axes", &axes), &Ints("steps", &back)], &[], out)
    }

    /// Slices each axis that is not taken as a whole. A bound that moves with the end of its axis is counted from the
    /// end; one that depends on the size in another way is computed.
    fn slice(&mut self, op: &SliceOpIr) -> Result<()> {
        let (dims, bounds) = (&self.trace.sizes[&op.tensor.id], &self.trace.numbers[self.index]);
        let [mut starts, mut stops] = [const { Vec::<Bound>::new() }; 2];
        let [mut axes, mut steps] = [const { Vec::<i64>::new() }; 2];
        for (axis, (range, dim)) in op.ranges.iter().zip(dims).enumerate() {
            let [start, end] = [&bounds[2 * axis], &bounds[2 * axis + 1]];
            if start.known() == Some(0) && end == dim && range.step == 1 {
                continue;
            }
            let (start, end) = (Bound::of(start, dim), Bound::of(end, dim));
            let (first, stop) = match range.step > 0 {
                true => (start, end),
                // Burn takes the elements of the range in reverse order: from before its end to its start.
                false => match (start, end) {
                    (_, Bound::At(0)) => return Err(self.unknown()),
                    (Bound::At(start), Bound::At(end)) => {
                        (Bound::At(end - 1), Bound::At(if start == 0 { i64::MIN } else { start - 1 }))
                    }
                    _ => return Err(self.unknown()),
                },
            };
            starts.push(first);
            stops.push(stop);
            axes.push(axis as i64);
            steps.push(range.step as i64);
        }
        if axes.is_empty() {
            return self.emit("Identity", &[&op.tensor], &[], &op.out);
        }
        let x = self.read(&op.tensor)?;
        let (starts, stops) = (self.bounds("starts", &starts)?, self.bounds("ends", &stops)?);
        self.emit("Slice", &[&x, &starts, &stops, &Ints("axes", &axes), &Ints("steps", &steps)], &[], &op.out)
    }

    /// Adds bounds as an operand: a constant if they are numbers.
    pub(super) fn bounds(&mut self, what: &str, bounds: &[Bound]) -> Result<ValueId> {
        let number = |bound: &Bound| if let Bound::At(number) = bound { Some(*number) } else { None };
        if let Some(numbers) = bounds.iter().map(number).collect::<Option<Vec<i64>>>() {
            return Ok(self.constant(what, Tensor::from_i64(&numbers)));
        }
        let part = |bound: &Bound| match bound {
            Bound::At(number) => Ok(self.constant(what, Tensor::from_i64(&[*number]))),
            Bound::Computed(size) => self.size(size),
        };
        let parts = bounds.iter().map(part).collect::<Result<Vec<_>>>()?;
        if let [one] = parts[..] { Ok(one) } else { self.step("Concat", &operands(&parts), &[axis(0)]) }
    }

    pub(super) fn pad(&mut self, op: &PadOpIr) -> Result<()> {
        // The trace has the padding before and after each axis; ONNX lists all paddings before, then all after.
        let numbers = self.trace.numbers[self.index].clone();
        let of = |side: usize| numbers.iter().skip(side).step_by(2).cloned();
        let pads: Vec<Size> = of(0).chain(of(1)).collect();
        let (x, pads) = (self.read(&op.input)?, self.sizes_of(&pads)?);
        let (mode, value) = match op.mode {
            PadModeIr::Constant(value) => ("constant", Some(Number(&op.input, value))),
            PadModeIr::Reflect => ("reflect", None),
            PadModeIr::Edge => ("edge", None),
        };
        self.emit("Pad", &[&x, &pads, &value], &[("mode", mode.into())], &op.out)
    }

    /// Adds a tensor filled with one number: a scalar expanded to its shape.
    pub(super) fn filled(&mut self, out: &TensorIr, value: ScalarIr) -> Result<()> {
        self.emit("Expand", &[&Number(out, value), &ShapeOf(out)], &[], out)
    }
}

/// A bound in the notation of ONNX's `Slice`.
pub(super) enum Bound {
    /// Counted from the front, or from the end if negative; the end itself is the largest number.
    At(i64),
    /// Counted from the front, a number that depends on the symbols.
    Computed(Size),
}

impl Bound {
    /// Returns the bound of an axis of length `len`: one that moves with the end is counted from there.
    pub(super) fn of(bound: &Size, len: &Size) -> Self {
        if let Some(number) = bound.known() {
            return Self::At(number as i64);
        }
        match bound.minus(len) {
            Some(0) => Self::At(i64::MAX),
            Some(back) if back < 0 => Self::At(back),
            _ => Self::Computed(bound.clone()),
        }
    }
}
