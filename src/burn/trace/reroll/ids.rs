//! IDs of tensors.

use std::collections::HashMap;

use burn::backend::ir::{IrVisitorMut, OperationIr, TensorId, TensorIr, TensorStatus};

/// Start of a range of IDs that the capture device will not reach.
const FIRST: u64 = 1 << 62;

/// Generator of unused tensor IDs.
#[derive(Debug, Default)]
pub(super) struct Fresh(u64);

impl Fresh {
    /// Returns IDs that no tensor of these operations has.
    pub fn after(operations: &[OperationIr]) -> Self {
        let ids = operations.iter().flat_map(OperationIr::nodes).map(|tensor| tensor.id.value());
        Self(ids.max().map_or(0, |most| most.saturating_sub(FIRST)))
    }

    pub fn next(&mut self) -> TensorId {
        self.0 += 1;
        TensorId::new(FIRST + self.0)
    }

    pub fn like(&mut self, tensor: &TensorIr) -> TensorIr {
        TensorIr { id: self.next(), status: TensorStatus::ReadOnly, ..tensor.clone() }
    }
}

pub(super) fn renamed(names: &HashMap<TensorId, TensorId>, id: TensorId) -> TensorId {
    names.get(&id).copied().unwrap_or(id)
}

pub(super) struct Renamed<'a>(pub &'a HashMap<TensorId, TensorId>);

impl IrVisitorMut for Renamed<'_> {
    fn visit_tensor_mut(&mut self, tensor: &mut TensorIr) {
        tensor.id = renamed(self.0, tensor.id);
        // Which reader is the last one is no longer tracked.
        tensor.status = TensorStatus::ReadOnly;
    }
}
