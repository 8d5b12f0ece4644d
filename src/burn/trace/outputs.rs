//! Outputs of a forward, by name.

use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use burn::backend::capture::CaptureBackend;
use burn::backend::ir::TensorId;
use burn::backend::{BackendTensor, DispatchKindConversion, DispatchTensor, TensorData};
use burn::tensor::Tensor;
use burn::tensor::kind::Basic;
use gnet_core::{Error, Result};
use gnet_engine::runtime::Array;

/// One named output of a forward: its ID on the capture device, its values elsewhere.
#[derive(Clone)]
pub struct Output {
    /// Name of the output in the exported graph.
    pub name: String,
    /// The capture device's ID of the tensor; `None` for a tensor of another device.
    pub(super) id: Option<TensorId>,
    data: Rc<dyn Fn() -> TensorData>,
}

impl Output {
    /// Names a tensor that a forward returns.
    pub fn new<const D: usize, K: Basic + 'static>(name: &str, tensor: &Tensor<D, K>) -> Self {
        let held = tensor.clone();
        Self { name: name.to_owned(), id: id_of(tensor), data: Rc::new(move || held.to_data()) }
    }

    pub(super) fn data(&self) -> TensorData {
        (self.data)()
    }

    /// Returns the values as numbers, of a tensor on a device that computes.
    pub(crate) fn values(&self) -> Result<Array> {
        let data = self.data().convert::<f32>();
        let values = data.try_to_vec::<f32>().map_err(|e| Error::input("Burn's output", format!("{e:?}")))?;
        Array::new(data.shape().to_vec(), values)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("name", &self.name).field("id", &self.id).finish_non_exhaustive()
    }
}

/// Returns the capture device's ID of a tensor; `None` for one of another device.
pub(super) fn id_of<const D: usize, K: Basic>(tensor: &Tensor<D, K>) -> Option<TensorId> {
    let held: BackendTensor<CaptureBackend> = DispatchTensor::try_into_backend(tensor.clone().into_dispatch()).ok()?;
    match held {
        BackendTensor::Float(held) | BackendTensor::Int(held) | BackendTensor::Bool(held) => Some(held.id()),
        _ => None,
    }
}

/// The result of a forward: tensors with names, in a fixed order.
///
/// A single tensor is called `output`; a pair of a text and a tensor has that name; tuples, arrays and vectors of these
/// return several. A custom type names its fields:
///
/// ```
/// use burn::tensor::Tensor;
/// # use gnet_burn as gnet;
/// use gnet::trace::{NamedOutputs, Output};
///
/// struct Found {
///     boxes: Tensor<3>,
///     scores: Tensor<2>,
/// }
///
/// impl NamedOutputs for Found {
///     fn named_outputs(&self) -> Vec<Output> {
///         vec![Output::new("boxes", &self.boxes), Output::new("scores", &self.scores)]
///     }
/// }
/// ```
pub trait NamedOutputs {
    /// Returns the outputs, in order.
    fn named_outputs(&self) -> Vec<Output>;
}

/// Returns the outputs of a forward. Two of one name get numbers: `output`, `output_1`.
pub(crate) fn named<O: NamedOutputs>(result: &O) -> Vec<Output> {
    let mut taken = HashSet::new();
    let apart = |output: Output| {
        let others = (1..).map(|count| format!("{}_{count}", output.name));
        let name = std::iter::once(output.name.clone()).chain(others).find(|name| taken.insert(name.clone()));
        Output { name: name.unwrap_or_default(), ..output }
    };
    result.named_outputs().into_iter().map(apart).collect()
}

impl<const D: usize, K: Basic + 'static> NamedOutputs for Tensor<D, K> {
    fn named_outputs(&self) -> Vec<Output> {
        vec![Output::new("output", self)]
    }
}

impl<const D: usize, K: Basic + 'static> NamedOutputs for (&str, Tensor<D, K>) {
    fn named_outputs(&self) -> Vec<Output> {
        vec![Output::new(self.0, &self.1)]
    }
}

impl<O: NamedOutputs> NamedOutputs for Vec<O> {
    fn named_outputs(&self) -> Vec<Output> {
        self.iter().flat_map(O::named_outputs).collect()
    }
}

impl<O: NamedOutputs, const L: usize> NamedOutputs for [O; L] {
    fn named_outputs(&self) -> Vec<Output> {
        self.iter().flat_map(O::named_outputs).collect()
    }
}

macro_rules! tuples {
    ($($name:ident $place:tt),+) => {
        impl<$($name: NamedOutputs),+> NamedOutputs for ($($name,)+) {
            fn named_outputs(&self) -> Vec<Output> {
                [$(self.$place.named_outputs()),+].concat()
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
