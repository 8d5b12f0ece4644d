//! Rules for counting MACs, one for each kind of product.

use super::einsum;
use super::sizes::{Counted, Sizes, product, too_large};
use crate::graph::{Node, ValueId};

/// One node, with the sizes of its inputs and outputs.
pub(super) struct Rule<'a> {
    pub sizes: &'a Sizes<'a>,
    pub node: &'a Node,
}

impl Rule<'_> {
    fn dims(&self, id: Option<ValueId>, what: &str) -> Counted<Vec<u64>> {
        id.map_or_else(|| Err(format!("it has no {what}")), |id| self.sizes.dims(id))
    }

    pub fn operand(&self, index: usize) -> Counted<Vec<u64>> {
        self.dims(self.node.input(index), &format!("operand {index}"))
    }

    /// Returns the sizes of an operand with rows and columns, or channels and positions.
    pub fn of_rank_2(&self, index: usize) -> Counted<Vec<u64>> {
        self.operand(index).and_then(of_rank_2)
    }

    fn output(&self) -> Counted<Vec<u64>> {
        self.dims(self.node.output(), "output")
    }

    fn flag(&self, name: &str) -> bool {
        self.node.int(name).unwrap_or(0) != 0
    }

    /// Counts a convolution: each output element is computed from one kernel window, one filter over the group's
    /// channels.
    pub fn convolution(&self, kernel: usize) -> Counted<u64> {
        times(&of_rank_2(self.output()?)?, &self.of_rank_2(kernel)?[1..])
    }

    /// Counts a transposed convolution: each input element is spread over one kernel window.
    pub fn transposed_convolution(&self) -> Counted<u64> {
        times(&self.of_rank_2(0)?, &self.of_rank_2(1)?[1..])
    }

    /// Counts a matrix product: each output element is one row of the first operand, of length K, times one column.
    pub fn gemm(&self) -> Counted<u64> {
        let k = usize::from(!self.flag("transA"));
        times(&self.output()?, &self.of_rank_2(0)?[k..=k])
    }

    pub fn matrix_product(&self) -> Counted<u64> {
        let first = self.operand(0)?;
        times(&self.output()?, &first[first.len().saturating_sub(1)..])
    }

    pub fn fused_matrix_product(&self) -> Counted<u64> {
        if self.flag("transBatchA") || self.flag("transBatchB") {
            return Err("gnet has no rule for its transposed batches".to_owned());
        }
        let first = self.of_rank_2(0)?;
        let k = first.len() - if self.flag("transA") { 2 } else { 1 };
        times(&self.output()?, &first[k..=k])
    }

    /// Counts an Einsum: every combination of the indices of two operands is one product.
    pub fn einsum(&self) -> Counted<u64> {
        let equation = self.node.text("equation").ok_or("it has no equation")?;
        let operands = (0..self.node.inputs.len()).map(|i| self.operand(i)).collect::<Counted<Vec<_>>>()?;
        einsum::macs(equation, &operands)
    }

    /// Counts a recurrent layer: at each step each item is multiplied by the matrices of the input and of the state, in
    /// each direction.
    pub fn recurrent(&self) -> Counted<u64> {
        let x = self.operand(0)?;
        let [steps, items, _] = x[..] else { return Err("its input has not three dimensions".to_owned()) };
        let matrices = product(&self.operand(1)?)?.checked_add(product(&self.operand(2)?)?).ok_or_else(too_large)?;
        product(&[steps, items, matrices])
    }

    /// Counts attention. Scores: each element of the queries is multiplied with each key. Mixing: each element of the
    /// result sums over each value. Past keys and values count; a mask saves nothing.
    pub fn attention(&self) -> Counted<u64> {
        let keys = |index: usize| -> Counted<u64> {
            let dims = self.of_rank_2(index)?;
            Ok(dims[dims.len() - 2])
        };
        let past = if self.node.input(4).is_some() { keys(4)? } else { 0 };
        let keys = keys(1)?.checked_add(past).ok_or_else(too_large)?;
        let both = product(&self.operand(0)?)?.checked_add(product(&self.output()?)?).ok_or_else(too_large)?;
        product(&[keys, both])
    }
}

pub(super) fn of_rank_2(dims: Vec<u64>) -> Counted<Vec<u64>> {
    if dims.len() < 2 { Err("an operand or its output has fewer than two dimensions".to_owned()) } else { Ok(dims) }
}

pub(super) fn times(a: &[u64], b: &[u64]) -> Counted<u64> {
    product(&[product(a)?, product(b)?])
}
