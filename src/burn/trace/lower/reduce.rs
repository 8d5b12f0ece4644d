//! Reductions, sorting and cumulative sums.

use burn::backend::ir::{NumericOperationIr as N, TensorIr};

use super::{Int, Ints, Lower, Operand, axis};
use gnet_core::Result;
use gnet_core::graph::{Attribute, ValueId};

impl Lower<'_> {
    pub(super) fn reduction(&mut self, op: &N) -> Result<()> {
        match op {
            N::Sum(o) | N::Mean(o) | N::Prod(o) | N::Max(o) | N::Min(o) => {
                let op_type = format!("Reduce{}", self.same_name());
                self.all_to_one(&op_type, &o.input, Some(&o.out)).map(drop)
            }
            N::MaxAbs(o) => {
                let size = self.step("Abs", &[&o.input], &[])?;
                self.all_to_one("ReduceMax", &size, Some(&o.out)).map(drop)
            }
            N::SumDim(o) | N::MeanDim(o) | N::ProdDim(o) | N::MaxDim(o) | N::MinDim(o) => {
                let op_type = format!("Reduce{}", self.same_name().trim_end_matches("Dim"));
                self.reduce(&op_type, &o.input, &[o.axis], Some(&o.out)).map(drop)
            }
            N::MaxAbsDim(o) => {
                let size = self.step("Abs", &[&o.input], &[])?;
                self.reduce("ReduceMax", &size, &[o.axis], Some(&o.out)).map(drop)
            }
            N::SumDims(o) => self.reduce("ReduceSum", &o.input, &o.axes, Some(&o.out)).map(drop),
            N::ArgMax(o) | N::ArgMin(o) => self.arg(self.same_name(), &o.input, o.axis, &o.out),
            N::MaxDimWithIndices(o) => {
                self.reduce("ReduceMax", &o.tensor, &[o.dim], Some(&o.out))?;
                self.arg("ArgMax", &o.tensor, o.dim, &o.out_indices)
            }
            N::MinDimWithIndices(o) => {
                self.reduce("ReduceMin", &o.tensor, &[o.dim], Some(&o.out))?;
                self.arg("ArgMin", &o.tensor, o.dim, &o.out_indices)
            }
            N::TopK(o) => self.largest(&o.input, o.axis, o.accumulator_len, [Some(&o.out), None]),
            N::ArgTopK(o) => self.largest(&o.input, o.axis, o.accumulator_len, [None, Some(&o.out)]),
            N::TopKWithIndices(o) => self.largest(&o.tensor, o.dim, o.k, [Some(&o.out), Some(&o.out_indices)]),
            N::Sort(o) => self.sort(&o.input, o.dim, o.descending, [Some(&o.out), None]),
            N::SortWithIndices(o) => self.sort(&o.input, o.dim, o.descending, [Some(&o.out), Some(&o.out_indices)]),
            N::ArgSort(o) => self.sort(&o.input, o.dim, o.descending, [None, Some(&o.out)]),
            N::CumSum(o) => self.emit("CumSum", &[&o.input, &Int("axis", o.axis as i64)], &[], &o.out),
            N::CumProd(o) => self.running("Mul", o),
            N::CumMin(o) => self.running("Min", o),
            N::CumMax(o) => self.running("Max", o),
            N::Pad(o) => self.pad(o),
            N::Full(o) => self.filled(&o.out, o.value),
            _ => Err(self.unknown()),
        }
    }

    /// Reduces all elements to a vector of length 1, which is how Burn returns a single number.
    pub(super) fn all_to_one(&mut self, op_type: &str, x: &dyn Operand, out: Option<&TensorIr>) -> Result<ValueId> {
        let number = self.step(op_type, &[x], &[("keepdims", false.into())])?;
        self.make("Reshape", &[&number, &Ints("shape", &[1])], &[], out)
    }

    /// Adds a reduction that keeps its axes with length 1. The axes are an input from opset 18 on, those of `ReduceSum`
    /// from 13 on.
    pub(super) fn reduce(
        &mut self,
        op_type: &str,
        x: &dyn Operand,
        axes: &[usize],
        out: Option<&TensorIr>,
    ) -> Result<ValueId> {
        let keep = ("keepdims", true.into());
        if self.opset >= 18 || op_type == "ReduceSum" {
            let axes: Vec<i64> = axes.iter().map(|axis| *axis as i64).collect();
            return self.make(op_type, &[x, &Ints("axes", &axes)], &[keep], out);
        }
        self.make(op_type, &[x], &[keep, ("axes", axes.to_vec().into())], out)
    }

    fn arg(&mut self, op_type: &str, input: &TensorIr, dim: usize, out: &TensorIr) -> Result<()> {
        let places = self.step(op_type, &[input], &[axis(dim), ("keepdims", true.into())])?;
        self.cast(&places, out)
    }

    fn largest(&mut self, x: &TensorIr, dim: usize, k: usize, outs: [Option<&TensorIr>; 2]) -> Result<()> {
        self.top(x, &Ints("k", &[k as i64]), [axis(dim), ("largest", true.into()), ("sorted", true.into())], outs)
    }

    /// Lowers a sort, which is a top-k of the whole axis.
    fn sort(&mut self, x: &TensorIr, dim: usize, descending: bool, outs: [Option<&TensorIr>; 2]) -> Result<()> {
        let k = self.size(&self.trace.sizes[&x.id][dim])?;
        self.top(x, &k, [axis(dim), ("largest", descending.into()), ("sorted", true.into())], outs)
    }

    fn top(
        &mut self,
        x: &TensorIr,
        k: &dyn Operand,
        attributes: [(&str, Attribute); 3],
        [values, indices]: [Option<&TensorIr>; 2],
    ) -> Result<()> {
        let k = k.value(self)?;
        self.make("TopK", &[x, &k], &attributes, values)?;
        let places = self.second_output();
        indices.map_or(Ok(()), |indices| self.cast(&places, indices))
    }
}
