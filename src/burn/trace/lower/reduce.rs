//! Reductions, sorting and cumulative sums.

use burn::backend::ir::{NumericOperationIr as N, ReduceDimOpIr, ReduceOpIr, TensorIr};

use super::Lower;
use gnet_core::Result;
use gnet_core::graph::{Attribute, DType, Tensor, ValueId};

impl Lower<'_> {
    /// Lowers a reduction; returns `false` if there is no lowering.
    pub(super) fn reduction(&mut self, op: &N) -> Result<bool> {
        match op {
            N::Sum(o) => self.reduce_all("ReduceSum", o)?,
            N::Mean(o) => self.reduce_all("ReduceMean", o)?,
            N::Prod(o) => self.reduce_all("ReduceProd", o)?,
            N::Max(o) => self.reduce_all("ReduceMax", o)?,
            N::Min(o) => self.reduce_all("ReduceMin", o)?,
            N::MaxAbs(o) => {
                let x = self.read(&o.input)?;
                let size = self.step("Abs", vec![x], &[]);
                self.all_to_one("ReduceMax", size, Some(&o.out));
            }
            N::SumDim(o) => self.reduce_dim("ReduceSum", o)?,
            N::MeanDim(o) => self.reduce_dim("ReduceMean", o)?,
            N::ProdDim(o) => self.reduce_dim("ReduceProd", o)?,
            N::MaxDim(o) => self.reduce_dim("ReduceMax", o)?,
            N::MinDim(o) => self.reduce_dim("ReduceMin", o)?,
            N::MaxAbsDim(o) => {
                let x = self.read(&o.input)?;
                let size = self.step("Abs", vec![x], &[]);
                self.reduce("ReduceMax", size, &[o.axis], Some(&o.out));
            }
            N::SumDims(o) => {
                let x = self.read(&o.input)?;
                self.reduce("ReduceSum", x, &o.axes, Some(&o.out));
            }
            N::ArgMax(o) => self.arg("ArgMax", &o.input, o.axis, &o.out)?,
            N::ArgMin(o) => self.arg("ArgMin", &o.input, o.axis, &o.out)?,
            N::MaxDimWithIndices(o) => {
                let x = self.read(&o.tensor)?;
                self.reduce("ReduceMax", x, &[o.dim], Some(&o.out));
                self.arg("ArgMax", &o.tensor, o.dim, &o.out_indices)?;
            }
            N::MinDimWithIndices(o) => {
                let x = self.read(&o.tensor)?;
                self.reduce("ReduceMin", x, &[o.dim], Some(&o.out));
                self.arg("ArgMin", &o.tensor, o.dim, &o.out_indices)?;
            }
            N::TopK(o) => {
                let k = self.constant("k", Tensor::from_i64(&[o.accumulator_len as i64]));
                self.top(&o.input, o.axis, k, true, [Some(&o.out), None])?;
            }
            N::ArgTopK(o) => {
                let k = self.constant("k", Tensor::from_i64(&[o.accumulator_len as i64]));
                self.top(&o.input, o.axis, k, true, [None, Some(&o.out)])?;
            }
            N::TopKWithIndices(o) => {
                let k = self.constant("k", Tensor::from_i64(&[o.k as i64]));
                self.top(&o.tensor, o.dim, k, true, [Some(&o.out), Some(&o.out_indices)])?;
            }
            // A sort is a top-k of the whole axis.
            N::Sort(o) => self.sort(&o.input, o.dim, o.descending, [Some(&o.out), None])?,
            N::SortWithIndices(o) => self.sort(&o.input, o.dim, o.descending, [Some(&o.out), Some(&o.out_indices)])?,
            N::ArgSort(o) => self.sort(&o.input, o.dim, o.descending, [None, Some(&o.out)])?,
            N::CumSum(o) => {
                let x = self.read(&o.input)?;
                let axis = self.integer("axis", o.axis as i64)?;
                self.emit("CumSum", vec![x, axis], &o.out);
            }
            N::CumProd(o) => self.running("Mul", o)?,
            N::CumMin(o) => self.running("Min", o)?,
            N::CumMax(o) => self.running("Max", o)?,
            N::Pad(o) => self.pad(o)?,
            N::Full(o) => self.filled(&o.out, Some(o.value))?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reduces all elements to a vector of length 1, which is how Burn returns a single number.
    fn reduce_all(&mut self, op_type: &str, op: &ReduceOpIr) -> Result<()> {
        let x = self.read(&op.input)?;
        self.all_to_one(op_type, x, Some(&op.out));
        Ok(())
    }

    pub(super) fn all_to_one(&mut self, op_type: &str, x: ValueId, out: Option<&TensorIr>) -> ValueId {
        let number = self.step(op_type, vec![x], &[("keepdims", Attribute::Int(0))]);
        let one = self.constant("shape", Tensor::from_i64(&[1]));
        self.make("Reshape", vec![number, one], &[], out)
    }

    fn reduce_dim(&mut self, op_type: &str, op: &ReduceDimOpIr) -> Result<()> {
        let x = self.read(&op.input)?;
        self.reduce(op_type, x, &[op.axis], Some(&op.out));
        Ok(())
    }

    /// Adds a reduction that keeps its axes with length 1. The axes are an input from opset 18 on, those of `ReduceSum`
    /// from 13 on.
    pub(super) fn reduce(&mut self, op_type: &str, x: ValueId, axes: &[usize], out: Option<&TensorIr>) -> ValueId {
        let list: Vec<i64> = axes.iter().map(|axis| *axis as i64).collect();
        let keep = ("keepdims", Attribute::Int(1));
        if self.opset >= 18 || op_type == "ReduceSum" {
            let axes = self.constant("axes", Tensor::from_i64(&list));
            self.make(op_type, vec![x, axes], &[keep], out)
        } else {
            self.make(op_type, vec![x], &[keep, ("axes", Attribute::Ints(list))], out)
        }
    }

    fn arg(&mut self, op_type: &str, input: &TensorIr, axis: usize, out: &TensorIr) -> Result<()> {
        let x = self.read(input)?;
        let attributes = [("axis", Attribute::Int(axis as i64)), ("keepdims", Attribute::Int(1))];
        self.indices(out, |lower| lower.step(op_type, vec![x], &attributes))
    }

    /// Casts indices: ONNX's are 64-bit, Burn's have the device's integer type.
    fn indices(&mut self, out: &TensorIr, make: impl FnOnce(&mut Self) -> ValueId) -> Result<()> {
        let made = make(self);
        let to = super::number(out.dtype)?;
        self.emit("Cast", vec![made], out).set("to", to);
        Ok(())
    }

    fn sort(&mut self, x: &TensorIr, axis: usize, descending: bool, outs: [Option<&TensorIr>; 2]) -> Result<()> {
        let len = self.trace.sizes[&x.id][axis].clone();
        let k = self.size(&len)?;
        self.top(x, axis, k, descending, outs)
    }

    fn top(
        &mut self,
        x: &TensorIr,
        axis: usize,
        k: ValueId,
        largest: bool,
        [values, indices]: [Option<&TensorIr>; 2],
    ) -> Result<()> {
        let inputs = vec![self.read(x)?, k];
        let place = match values {
            Some(values) => {
                self.emit("TopK", inputs, values);
                self.graph.nodes.len() - 1
            }
            None => {
                self.step("TopK", inputs, &[]);
                self.graph.nodes.len() - 1
            }
        };
        self.graph.nodes[place].set("axis", axis as i64).set("largest", largest).set("sorted", true);
        let name = self.local("TopK:indices");
        let raw = self.graph.add_value(name, Some(DType::I64), None);
        self.graph.nodes[place].outputs.push(Some(raw));
        match indices {
            Some(indices) => self.indices(indices, |_| raw),
            None => Ok(()),
        }
    }
}
