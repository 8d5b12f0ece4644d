//! Names of tensors.

use std::collections::HashMap;

use burn::backend::ir::{IrVisitorMut, OperationIr, TensorId, TensorIr, TensorStatus};

/// Where numbers that the capture device will not reach begin.
const FIRST: u64 = 1 << 62;

/// Numbers that no tensor has.
#[derive(Debug, Default)]
pub(super) struct Fresh(u64);

impl Fresh {
    /// Numbers that no tensor of these operations has.
    pub fn after(operations: &[OperationIr]) -> Self {
        let ids = operations.iter().flat_map(OperationIr::nodes).map(|tensor| tensor.id.value());
        Self(ids.max().map_or(0, |most| most.saturating_sub(FIRST)))
    }

    pub fn next(&mut self) -> TensorId {
        self.0 += 1;
        TensorId::new(FIRST + self.0)
    }

    /// A tensor like another.
    pub fn like(&mut self, tensor: &TensorIr) -> TensorIr {
        TensorIr { id: self.next(), status: TensorStatus::ReadOnly, ..tensor.clone() }
    }
}

/// Gives tensors other names.
pub(super) struct Renamed<'a>(pub &'a HashMap<TensorId, TensorId>);

impl IrVisitorMut for Renamed<'_> {
    fn visit_tensor_mut(&mut self, tensor: &mut TensorIr) {
        tensor.id = self.0.get(&tensor.id).copied().unwrap_or(tensor.id);
        // Who reads a tensor last is not told any more.
        tensor.status = TensorStatus::ReadOnly;
    }
}
