//! Operations without the names of their tensors, to compare them.

use burn::backend::Shape;
use burn::backend::ir::{IrVisitorMut, OperationIr, TensorId, TensorIr, TensorStatus};

use crate::trace::numbers;

/// An operation without names: equal for operations that do the same with tensors of the same shapes.
pub(super) fn strict(op: &OperationIr) -> OperationIr {
    let mut op = op.clone();
    op.visit_mut(&mut Nameless { shapes: true });
    op
}

/// As [`strict`], and steps along an axis are equal wherever they are.
pub(super) fn loose(op: &OperationIr) -> OperationIr {
    let moves = super::step::step(op).is_some() || super::step::written(op).is_some();
    let mut op = strict(op);
    if moves {
        numbers::set_aside(&mut op);
    }
    op
}

/// What an operation is at any size: without names, shapes and the numbers that go with them.
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
