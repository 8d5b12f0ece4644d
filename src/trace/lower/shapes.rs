//! Operations that move elements without changing them.

use burn::backend::ir::{BaseOperationIr as B, PadModeIr, PadOpIr, ScalarIr, SliceOpIr, TensorIr};

use super::Lower;
use crate::Result;
use crate::graph::{Attribute, Dim, Tensor, ValueId};

impl Lower<'_> {
    /// Lowers an operation on shapes; `false` when there is no lowering.
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
                let mut times = vec![1_i64; r.tensor.shape.num_dims()];
                times[r.dim] = r.times as i64;
                let inputs = vec![self.read(&r.tensor)?, self.constant("repeats", Tensor::from_i64(&times))];
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
            // What an empty tensor holds is anybody's guess: zeros are as good as all else.
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

    /// The second operand of ONNX's `Reshape`: 0 copies a dimension from the same place, one unknown may be -1.
    fn reshape_target(&mut self, from: &TensorIr, to: &TensorIr) -> Result<ValueId> {
        let shapes = &self.trace.shapes;
        let (before, after) = (&shapes[&from.id], &shapes[&to.id]);
        let size = |(axis, dim): (usize, &Dim)| match dim.known() {
            Some(size) => size as i64,
            None if before.get(axis) == Some(dim) => 0,
            None => -1,
        };
        let target: Vec<i64> = after.iter().enumerate().map(size).collect();
        if target.iter().filter(|size| **size == -1).count() > 1 {
            return self.sizes(to);
        }
        Ok(self.constant("shape", Tensor::from_i64(&target)))
    }

    /// Backwards along `axes`: a slice with the step -1, from the last element to before the first.
    fn flip(&mut self, input: &TensorIr, axes: &[usize], out: &TensorIr) -> Result<()> {
        let list: Vec<i64> = axes.iter().map(|axis| *axis as i64).collect();
        let of = |value: i64| vec![value; axes.len()];
        self.cut(input, [&of(-1), &of(i64::MIN), &list, &of(-1)], out)
    }

    /// Slices each axis that is not taken whole. A bound that moves with the end of its axis is counted from the end.
    fn slice(&mut self, op: &SliceOpIr) -> Result<bool> {
        let (dims, bounds) = (&self.trace.shapes[&op.tensor.id], &self.trace.bounds[&self.index]);
        let [mut starts, mut stops, mut axes, mut steps] = [const { Vec::<i64>::new() }; 4];
        for (axis, (range, dim)) in op.ranges.iter().zip(dims).enumerate() {
            let (start, end) = &bounds[axis];
            if *start == Dim::Known(0) && end == dim && range.step == 1 {
                continue;
            }
            let (Some(start), Some(end)) = (place(start, dim), place(end, dim)) else { return Ok(false) };
            if range.step < 0 && end == 0 {
                return Ok(false);
            }
            let (first, stop) = match range.step > 0 {
                true => (start, end),
                // Burn takes the elements of the range in the other order: from before its end to its start.
                false => (end - 1, if start == 0 { i64::MIN } else { start - 1 }),
            };
            starts.push(first);
            stops.push(stop);
            axes.push(axis as i64);
            steps.push(range.step as i64);
        }
        if axes.is_empty() {
            let x = self.read(&op.tensor)?;
            self.emit("Identity", vec![x], &op.out);
        } else {
            self.cut(&op.tensor, [&starts, &stops, &axes, &steps], &op.out)?;
        }
        Ok(true)
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
        let (before, after): (Vec<i64>, Vec<i64>) = op.padding.iter().map(|(a, b)| (*a as i64, *b as i64)).unzip();
        let mut inputs =
            vec![self.read(&op.input)?, self.constant("pads", Tensor::from_i64(&[before, after].concat()))];
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

    /// A tensor of one number: a scalar expanded to its shape.
    pub(super) fn filled(&mut self, out: &TensorIr, value: Option<ScalarIr>) -> Result<()> {
        let number = self.scalar(out, value.unwrap_or(ScalarIr::Int(0)))?;
        let inputs = vec![number, self.sizes(out)?];
        self.emit("Expand", inputs, out);
        Ok(())
    }

    /// The shape of a tensor as a vector of integers: a constant, or where a dimension depends on the batch computed from
    /// the shape of the input.
    pub(super) fn sizes(&mut self, of: &TensorIr) -> Result<ValueId> {
        let dims = self.trace.shapes[&of.id].clone();
        if let Some(sizes) = dims.iter().map(|dim| dim.known().map(|size| size as i64)).collect::<Option<Vec<_>>>() {
            return Ok(self.constant("shape", Tensor::from_i64(&sizes)));
        }
        let mut parts = Vec::with_capacity(dims.len());
        for dim in &dims {
            parts.push(self.size(dim)?);
        }
        Ok(self.step("Concat", parts, &[("axis", Attribute::Int(0))]))
    }

    /// One dimension as a vector of one.
    fn size(&mut self, dim: &Dim) -> Result<ValueId> {
        let (scale, offset) = match dim {
            Dim::Known(size) => return Ok(self.constant("size", Tensor::from_i64(&[*size as i64]))),
            Dim::Symbolic { scale, offset, .. } => (*scale, *offset),
            Dim::Unknown => {
                let reason = "its shape depends on the batch in a way that cannot be written";
                return Err(crate::Error::input(format!("a tensor of {}", self.place()), reason));
            }
        };
        let mut size = self.batch_size()?;
        for (op_type, number, neutral) in [("Mul", scale, 1), ("Add", offset, 0)] {
            if number != neutral {
                let number = self.constant("size", Tensor::from_i64(&[number]));
                size = self.step(op_type, vec![size, number], &[]);
            }
        }
        Ok(size)
    }

    /// The batch as a vector of one: the first dimension of the input, asked for once.
    fn batch_size(&mut self) -> Result<ValueId> {
        if let Some(size) = self.batch {
            return Ok(size);
        }
        let input = self.graph.inputs[0];
        let attributes = [("start", Attribute::Int(0)), ("end", Attribute::Int(1))];
        let scope = std::mem::take(&mut self.scope);
        let size = self.step("Shape", vec![input], &attributes);
        self.scope = scope;
        self.batch = Some(size);
        Ok(size)
    }
}

/// A bound as ONNX's `Slice` counts: from the front, or from the end when it moves with the end; the end itself is as far
/// as a number goes. `None` when it moves in another way.
fn place(bound: &Dim, len: &Dim) -> Option<i64> {
    if bound == len && len.known().is_none() {
        return Some(i64::MAX);
    }
    if let Some(bound) = bound.known() {
        return Some(bound as i64);
    }
    match (bound, len) {
        (Dim::Symbolic { scale, offset, .. }, Dim::Symbolic { scale: s, offset: o, .. })
            if scale == s && offset < o =>
        {
            Some(offset - o)
        }
        _ => None,
    }
}
