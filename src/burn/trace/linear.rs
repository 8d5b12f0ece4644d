//! Restoration of linear layers that Burn decomposes differently depending on the batch.
//!
//! For an input of rank 3 or more, Burn's `linear` records one of two forms, whichever makes the product closer to
//! square at the given sizes (`MatmulTransformPolicy` of burn-std):
//!
//! - folded: `reshape(reshape(x, [rows, in]) W + reshape(b, [1, out]), [.., out])`;
//! - kept: `x reshape(W, [1, .., in, out]) + reshape(b, [1, .., 1, out])`.
//!
//! Two batch sizes may take different forms, which then look like different networks. Here both become Burn's own
//! `Linear` operation, which states the intent. Intermediate operations of the forms are left to pruning.

use std::collections::HashMap;

use burn::backend::ir::{
    BaseOperationIr, LinearOpIr, MatmulOpIr, ModuleOperationIr, NumericOperationIr, OperationIr, ShapeOpIr, TensorId,
    TensorIr, TensorStatus,
};

use super::capture::Captured;

pub(super) fn restore(run: &mut Captured) {
    let found: Vec<(usize, LinearOpIr)> = {
        let uses = Uses::of(run);
        (0..run.operations.len()).filter_map(|index| uses.linear(index)).collect()
    };
    for (index, linear) in found {
        run.operations[index] = OperationIr::Module(ModuleOperationIr::Linear(linear));
    }
}

struct Uses<'a> {
    operations: &'a [OperationIr],
    makers: HashMap<TensorId, usize>,
    readers: HashMap<TensorId, Vec<usize>>,
}

impl<'a> Uses<'a> {
    fn of(run: &'a Captured) -> Self {
        let operations = &run.operations;
        let (mut makers, mut readers) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for (index, op) in operations.iter().enumerate() {
            makers.extend(op.outputs().map(|t| (t.id, index)));
            op.inputs().for_each(|t| readers.entry(t.id).or_default().push(index));
        }
        // A returned tensor has another reader outside.
        run.outputs.iter().for_each(|output| readers.entry(output.id).or_default().push(usize::MAX));
        Self { operations, makers, readers }
    }

    /// Returns the linear layer whose product is the operation at `index`, and the operation that produces its result.
    fn linear(&self, index: usize) -> Option<(usize, LinearOpIr)> {
        let OperationIr::Float(_, burn::backend::ir::FloatOperationIr::Matmul(product)) = &self.operations[index]
        else {
            return None;
        };
        match product.lhs.shape.num_dims() {
            2 => self.folded(index, product),
            _ => self.kept(index, product),
        }
    }

    fn folded(&self, index: usize, product: &MatmulOpIr) -> Option<(usize, LinearOpIr)> {
        let x = &self.reshape(&product.lhs)?.input;
        let (rank, width) = (x.shape.num_dims(), *product.rhs.shape.last()?);
        let folds = rank > 2 && x.shape[rank - 1] == product.lhs.shape[1];
        let (sum, bias) = self.biased(index, &product.out, width);
        let last = self.only_reader(self.operations[sum].outputs().next()?)?;
        let OperationIr::BaseFloat(BaseOperationIr::Reshape(unfold)) = &self.operations[last] else { return None };
        let shape: Vec<usize> = x.shape[..rank - 1].iter().copied().chain([width]).collect();
        let unfolds = unfold.out.shape.to_vec() == shape;
        (folds && unfolds).then(|| (last, linear(x, &product.rhs, bias, &unfold.out)))
    }

    fn kept(&self, index: usize, product: &MatmulOpIr) -> Option<(usize, LinearOpIr)> {
        let weight = &self.reshape(&product.rhs)?.input;
        let width = *product.rhs.shape.last()?;
        let leading = product.rhs.shape.num_dims() - 2;
        let raised = weight.shape.num_dims() == 2
            && product.rhs.shape[..leading].iter().all(|size| *size == 1)
            && weight.shape[..] == product.rhs.shape[leading..];
        let (sum, bias) = self.biased(index, &product.out, width);
        let out = self.operations[sum].outputs().next()?;
        raised.then(|| (sum, linear(&product.lhs, weight, bias, out)))
    }

    /// Returns the sum of a product with a vector raised to its rank, if the product has no other reader; else the
    /// product.
    fn biased(&self, product: usize, out: &TensorIr, width: usize) -> (usize, Option<&'a TensorIr>) {
        let sum = || {
            let reader = self.only_reader(out)?;
            let OperationIr::NumericFloat(_, NumericOperationIr::Add(sum)) = &self.operations[reader] else {
                return None;
            };
            let bias = &self.reshape(&sum.rhs)?.input;
            let row = sum.lhs.id == out.id && bias.shape[..] == [width] && sum.rhs.shape.last() == Some(&width);
            row.then_some((reader, Some(bias)))
        };
        sum().unwrap_or((product, None))
    }

    fn reshape(&self, tensor: &TensorIr) -> Option<&'a ShapeOpIr> {
        match &self.operations[*self.makers.get(&tensor.id)?] {
            OperationIr::BaseFloat(BaseOperationIr::Reshape(reshape)) => Some(reshape),
            _ => None,
        }
    }

    fn only_reader(&self, tensor: &TensorIr) -> Option<usize> {
        match self.readers.get(&tensor.id)?[..] {
            [reader] if reader != usize::MAX => Some(reader),
            _ => None,
        }
    }
}

fn linear(x: &TensorIr, weight: &TensorIr, bias: Option<&TensorIr>, out: &TensorIr) -> LinearOpIr {
    let read = |t: &TensorIr| TensorIr { status: TensorStatus::ReadOnly, ..t.clone() };
    LinearOpIr { x: read(x), weight: read(weight), bias: bias.map(read), out: out.clone() }
}
