//! Comparison of operations without the names of their tensors.

use burn::backend::Shape;
use burn::backend::ir::{IrVisitorMut, OperationIr, TensorId, TensorIr, TensorStatus};

use crate::trace::numbers;

/// Removes the names from an operation: equal for operations that do the same with tensors of the same shapes.
pub(super) fn strict(op: &OperationIr) -> OperationIr {
    let mut op = op.clone();
    op.visit_mut(&mut Nameless { shapes: true });
    op
}

/// Does the same as [`strict`], and makes steps along an axis equal wherever they are.
pub(super) fn loose(op: &OperationIr) -> OperationIr {
    let moves = super::step::step(op).is_some() || super::step::written(op).is_some();
    let mut op = strict(op);
    if moves {
        numbers::set_aside(&mut op);
    }
    op
}

/// Removes names, shapes and the numbers that depend on them: equal for the same operation at any size.
pub(super) fn sizeless(op: &OperationIr) -> OperationIr {
    let mut op = op.clone();
    numbers::set_aside(&mut op);
    op.visit_mut(&mut Nameless { shapes: false });
    op
}

struct Nameless {
    shapes: bool,
}

impl IrVisitorMut for Nameless {
    fn visit_tensor_mut(&mut self, tensor: &mut TensorIr) {
        (tensor.id, tensor.status) = (TensorId::new(0), TensorStatus::ReadOnly);
        if !self.shapes {
            tensor.shape = Shape::new([0]);
        }
    }
}
