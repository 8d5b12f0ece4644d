//! Outputs of a forward, by name.

use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use burn::backend::TensorData;
use burn::backend::capture::CaptureBackend;
use burn::backend::ir::TensorId;
use burn::tensor::{Bool, Float, Int, Tensor};

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
    pub fn new<const D: usize, K: Returned>(name: &str, tensor: &Tensor<D, K>) -> Self
    where
        Tensor<D, K>: Clone + 'static,
    {
        let held = tensor.clone();
        Self { name: name.to_owned(), id: K::id_of(tensor), data: Rc::new(move || K::data_of(&held)) }
    }

    /// Returns the values of a tensor on a device that computes.
    pub(super) fn data(&self) -> TensorData {
        (self.data)()
    }

    /// Returns the values as numbers, of a tensor on a device that computes.
    pub(crate) fn values(&self) -> gnet_core::Result<gnet_engine::runtime::Array> {
        let data = (self.data)().convert::<f32>();
        let shape = data.shape().to_vec();
        let values =
            data.try_to_vec::<f32>().map_err(|e| gnet_core::Error::input("Burn's output", format!("{e:?}")))?;
        gnet_engine::runtime::Array::new(shape, values)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("name", &self.name).field("id", &self.id).finish_non_exhaustive()
    }
}

/// A kind of tensor that a forward returns: float, integer or boolean.
pub trait Returned: burn::tensor::kind::Basic + Sized {
    /// Returns the capture device's ID of a tensor; `None` for one of another device.
    fn id_of<const D: usize>(tensor: &Tensor<D, Self>) -> Option<TensorId>;

    /// Returns the values of a tensor.
    fn data_of<const D: usize>(tensor: &Tensor<D, Self>) -> TensorData;
}

macro_rules! returned {
    ($($kind:ty),*) => { $(
        impl Returned for $kind {
            fn id_of<const D: usize>(tensor: &Tensor<D, Self>) -> Option<TensorId> {
                tensor.clone().try_into_primitive::<CaptureBackend>().ok().map(|t| t.id())
            }

            fn data_of<const D: usize>(tensor: &Tensor<D, Self>) -> TensorData {
                tensor.to_data()
            }
        }
    )* };
}
returned!(Float, Int, Bool);

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

impl<const D: usize, K: Returned> NamedOutputs for Tensor<D, K>
where
    Self: Clone + 'static,
{
    fn named_outputs(&self) -> Vec<Output> {
        vec![Output::new("output", self)]
    }
}

impl<const D: usize, K: Returned> NamedOutputs for (&str, Tensor<D, K>)
where
    Tensor<D, K>: Clone + 'static,
{
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
