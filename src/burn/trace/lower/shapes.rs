//! Operations that move elements without changing them.

use burn::backend::ir::{BaseOperationIr as B, PadModeIr, PadOpIr, ScalarIr, SliceOpIr, TensorIr};

use super::Lower;
use crate::trace::size::Size;
use gnet_core::Result;
use gnet_core::graph::{Attribute, Tensor, ValueId};

impl Lower<'_> {
    /// Lowers an operation on shapes; returns `false` if there is no lowering.
    pub(super) fn base(&mut self, op: &B) -> Result<bool> {
        match op {
            B::Reshape(r) => {
                let target = self.reshape_target(&r.input, &r.out)?;
                let inputs = vec![self.read(&r.input)?, target];
                self.emit("Reshape", inputs, &r.out);
            }
            B::Cat(c) => {
                let inputs = self.read_all(&c.tensors)?;
                let axis = c.dim as i64;
                self.emit("Concat", inputs, &c.out).set("axis", axis);
            }
            B::SwapDims(s) => {
                let mut axes: Vec<usize> = (0..s.input.shape.num_dims()).collect();
                axes.swap(s.dim1, s.dim2);
                self.transpose(&s.input, axes, &s.out)?;
            }
            B::Permute(p) => self.transpose(&p.input, p.axes.clone(), &p.out)?,
            B::Flip(f) => self.flip(&f.input, &f.axes, &f.out)?,
            B::Expand(e) => {
                let inputs = vec![self.read(&e.input)?, self.sizes(&e.out)?];
                self.emit("Expand", inputs, &e.out);
            }
            B::RepeatDim(r) => {
                let mut times = vec![Size::fixed(1); r.tensor.shape.num_dims()];
                times[r.dim] = self.trace.numbers[self.index][0].clone();
                let inputs = vec![self.read(&r.tensor)?, self.sizes_of(&times)?];
                self.emit("Tile", inputs, &r.out);
            }
            B::Slice(s) => return self.slice(s),
            B::Cast(c) => self.cast(&c.input, &c.out)?,
            B::Equal(o) | B::NotEqual(o) => {
                let other = self.read(&o.rhs)?;
                self.equality(&o.lhs, other, matches!(op, B::NotEqual(_)), &o.out)?;
            }
            B::EqualElem(o) | B::NotEqualElem(o) => {
                let other = self.scalar(&o.lhs, o.rhs)?;
                self.equality(&o.lhs, other, matches!(op, B::NotEqualElem(_)), &o.out)?;
            }
            B::All(o) => self.truth(true, &o.input, None, &o.out)?,
            B::Any(o) => self.truth(false, &o.input, None, &o.out)?,
            B::AllDim(o) => self.truth(true, &o.input, Some(o.axis), &o.out)?,
            B::AnyDim(o) => self.truth(false, &o.input, Some(o.axis), &o.out)?,
            B::Zeros(c) => self.filled(&c.out, Some(ScalarIr::Int(0)))?,
            B::Ones(c) => self.filled(&c.out, Some(ScalarIr::Int(1)))?,
            // The content of an empty tensor is unspecified, so zeros will do.
            B::Empty(c) => self.filled(&c.out, None)?,
            _ => return self.indexing(op),
        }
        Ok(true)
    }

    fn transpose(&mut self, input: &TensorIr, axes: Vec<usize>, out: &TensorIr) -> Result<()> {
        let x = self.read(input)?;
        self.emit("Transpose", vec![x], out).set("perm", axes);
        Ok(())
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
            return self.sizes(to);
        }
        Ok(self.constant("shape", Tensor::from_i64(&target)))
    }

    /// Reverses `axes`: a slice with step -1, from the last element to before the first.
    fn flip(&mut self, input: &TensorIr, axes: &[usize], out: &TensorIr) -> Result<()> {
        let list: Vec<i64> = axes.iter().map(|axis| *axis as i64).collect();
        let of = |value: i64| vec![value; axes.len()];
        self.cut(input, [&of(-1), &of(i64::MIN), &list, &of(-1)], out)
    }

    /// Slices each axis that is not taken as a whole. A bound that moves with the end of its axis is counted from the
    /// end; one that depends on the size in another way is computed.
    fn slice(&mut self, op: &SliceOpIr) -> Result<bool> {
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
                    (_, Bound::At(0)) => return Ok(false),
                    (Bound::At(start), Bound::At(end)) => {
                        (Bound::At(end - 1), Bound::At(if start == 0 { i64::MIN } else { start - 1 }))
                    }
                    _ => return Ok(false),
                },
            };
            starts.push(first);
            stops.push(stop);
            axes.push(axis as i64);
            steps.push(range.step as i64);
        }
        if axes.is_empty() {
            let x = self.read(&op.tensor)?;
            self.emit("Identity", vec![x], &op.out);
            return Ok(true);
        }
        let mut inputs = vec![self.read(&op.tensor)?, self.bounds("starts", &starts)?, self.bounds("ends", &stops)?];
        inputs.extend(
            [("axes", axes), ("steps", steps)].map(|(name, list)| self.constant(name, Tensor::from_i64(&list))),
        );
        self.emit("Slice", inputs, &op.out);
        Ok(true)
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
        Ok(if let [one] = parts[..] { one } else { self.step("Concat", parts, &[("axis", Attribute::Int(0))]) })
    }

    fn cut(&mut self, input: &TensorIr, lists: [&[i64]; 4], out: &TensorIr) -> Result<()> {
        let mut inputs = vec![self.read(input)?];
        for (name, list) in ["starts", "ends", "axes", "steps"].into_iter().zip(lists) {
            inputs.push(self.constant(name, Tensor::from_i64(list)));
        }
        self.emit("Slice", inputs, out);
        Ok(())
    }

    pub(super) fn pad(&mut self, op: &PadOpIr) -> Result<()> {
        // The trace has the padding before and after each axis; ONNX lists all paddings before, then all after.
        let numbers = self.trace.numbers[self.index].clone();
        let of = |side: usize| numbers.iter().skip(side).step_by(2).cloned();
        let pads: Vec<Size> = of(0).chain(of(1)).collect();
        let mut inputs = vec![self.read(&op.input)?, self.sizes_of(&pads)?];
        let mode = match op.mode {
            PadModeIr::Constant(value) => {
                inputs.push(self.scalar(&op.input, value)?);
                "constant"
            }
            PadModeIr::Reflect => "reflect",
            PadModeIr::Edge => "edge",
        };
        self.emit("Pad", inputs, &op.out).set("mode", Attribute::String(mode.to_owned()));
        Ok(())
    }

    /// Adds a tensor filled with one number: a scalar expanded to its shape.
    pub(super) fn filled(&mut self, out: &TensorIr, value: Option<ScalarIr>) -> Result<()> {
        let number = self.scalar(out, value.unwrap_or(ScalarIr::Int(0)))?;
        let inputs = vec![number, self.sizes(out)?];
        self.emit("Expand", inputs, out);
        Ok(())
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
