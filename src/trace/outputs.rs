//! What a forward hands back, by name.

use burn::backend::capture::CaptureBackend;
use burn::backend::ir::TensorId;
use burn::tensor::Tensor;

/// One named output of a captured forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Name of the output in the exported graph.
    pub name: String,
    pub(super) id: TensorId,
}

impl Output {
    /// Names a tensor that a forward returns. `None` when the tensor is not on the capture device.
    pub fn new<const D: usize>(name: &str, tensor: &Tensor<D>) -> Option<Self> {
        Some(Self { name: name.to_owned(), id: id_of(tensor)? })
    }
}

/// The capture device's number of a tensor.
pub(super) fn id_of<const D: usize>(tensor: &Tensor<D>) -> Option<TensorId> {
    tensor.clone().try_into_primitive::<CaptureBackend>().ok().map(|t| t.id())
}

/// The result of a forward: tensors with names, in a fixed order.
pub trait NamedOutputs {
    /// The outputs; `None` when a tensor is not on the capture device.
    fn named_outputs(&self) -> Option<Vec<Output>>;
}

/// A forward that returns one tensor: the output `output`.
impl<const D: usize> NamedOutputs for Tensor<D> {
    fn named_outputs(&self) -> Option<Vec<Output>> {
        Some(vec![Output::new("output", self)?])
    }
}
