//! Moving a module to the capture device without copying its parameters.
//!
//! Burn's own method (`Module::to_device`) copies each parameter twice on its way there and once more when the scope
//! ends: for a network of 24 MB more memory than everything else in an export. The capture device only ever reads them,
//! so it may share the memory of the CPU backend.

use burn::backend::flex::FlexTensor;
use burn::backend::{BackendTensor, DispatchKindConversion, DispatchTensor, Flex, TensorData};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::kind::Basic;
use burn::tensor::{AllocationProperty, Bool, Bytes, Device, Int, Tensor};

/// Moves `module` to the capture device `device`. Parameters on the CPU are shared; everything else (parameters
/// elsewhere or not contiguous, tensors that are not parameters) is moved as usual.
///
/// The module must not share running statistics with another one, as after [`Module::valid`].
pub(super) fn to_capture<M: Module>(module: M, device: &Device) -> M {
    module.map(&mut Share { device }).to_device(device)
}

/// Moves a tensor to `device`, without copying it if that is the capture device.
pub(super) fn moved<const D: usize, K: Basic>(tensor: Tensor<D, K>, device: &Device) -> Tensor<D, K> {
    shared(tensor, device).to_device(device)
}

struct Share<'a> {
    device: &'a Device,
}

impl ModuleMapper for Share<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| shared(tensor, self.device))
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        param.map(|tensor| shared(tensor, self.device))
    }

    fn map_bool<const D: usize>(&mut self, param: Param<Tensor<D, Bool>>) -> Param<Tensor<D, Bool>> {
        param.map(|tensor| shared(tensor, self.device))
    }
}

/// Moves a CPU tensor to `device` if its memory can be shared; else returns it unchanged.
fn shared<const D: usize, K: Basic>(tensor: Tensor<D, K>, device: &Device) -> Tensor<D, K> {
    let held: Option<BackendTensor<Flex>> = DispatchTensor::try_into_backend(tensor.clone().into_dispatch()).ok();
    let data = match held {
        Some(BackendTensor::Float(held) | BackendTensor::Int(held) | BackendTensor::Bool(held)) => view(held),
        _ => None,
    };
    match data {
        Some(data) => Tensor::from_data(data, (device, tensor.dtype())),
        None => tensor,
    }
}

/// Returns the elements of a tensor as data that shares its memory; `None` if they are not contiguous.
fn view(tensor: FlexTensor) -> Option<TensorData> {
    struct Elements(FlexTensor);
    impl AsRef<[u8]> for Elements {
        fn as_ref(&self) -> &[u8] {
            self.0.bytes()
        }
    }
    let (shape, dtype) = (tensor.layout().shape().clone(), tensor.dtype());
    let whole = tensor.is_contiguous()
        && tensor.layout().start_offset() == 0
        && tensor.bytes().len() == shape.num_elements() * dtype.size();
    let shared = |tensor| Bytes::from_shared(bytes::Bytes::from_owner(Elements(tensor)), AllocationProperty::Other);
    whole.then(|| TensorData::from_bytes(shared(tensor), shape, dtype))
}

#[cfg(test)]
mod tests {
    use burn::backend::capture::CapturedGraph;
    use burn::nn::{BatchNorm, BatchNormConfig};

    use super::*;

    #[derive(Module, Debug)]
    struct Mixed {
        weight: Param<Tensor<2>>,
        turned: Param<Tensor<2>>,
        part: Param<Tensor<1>>,
        table: Param<Tensor<1, Int>>,
        mask: Param<Tensor<1, Bool>>,
        plain: Tensor<1>,
        norm: BatchNorm,
    }

    fn mixed(device: &Device) -> Mixed {
        let numbers = || Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], device);
        Mixed {
            weight: Param::from_tensor(numbers().reshape([2, 3])),
            turned: Param::from_tensor(numbers().reshape([2, 3]).transpose()),
            part: Param::from_tensor(numbers().slice(2..4)),
            table: Param::initialized(burn::module::ParamId::new(), Tensor::from_ints([7, -8], device)),
            mask: Param::initialized(burn::module::ParamId::new(), Tensor::from_bool([true, false], device)),
            plain: numbers() * 2.0,
            norm: BatchNormConfig::new(2).init(device),
        }
    }

    /// Returns a capture's copy of the module's tensors, as bytes.
    fn captured(module: &Mixed) -> CapturedGraph {
        let device = Device::capture();
        let captured = device.capture_scope(|scope| {
            let moved = to_capture(module.valid(), &device);
            // Reading ensures that they exist and that nothing else was created.
            assert_eq!(moved.weight.val().dims(), [2, 3]);
            scope.complete([], [])
        });
        captured.unwrap()
    }

    fn address(tensor: Tensor<2>) -> *const u8 {
        tensor.try_into_primitive::<Flex>().unwrap().bytes().as_ptr()
    }

    #[test]
    fn every_tensor_arrives_with_its_values() {
        let module = mixed(&Device::flex());
        let mut found: Vec<Vec<f64>> = captured(&module).values.values().map(|data| data.iter().collect()).collect();
        let mut expected = vec![
            vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0],
            vec![3.0, 4.0],
            vec![7.0, -8.0],
            vec![1.0, 0.0],
            vec![2.0, 4.0, 6.0, 8.0, 10.0, 12.0],
            // Scale and shift, running mean and variance.
            vec![1.0, 1.0],
            vec![0.0, 0.0],
            vec![0.0, 0.0],
            vec![1.0, 1.0],
        ];
        let order = |values: &mut Vec<Vec<f64>>| values.sort_by(|a, b| a.partial_cmp(b).unwrap());
        order(&mut found);
        order(&mut expected);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_parameter_on_the_cpu_is_not_copied_and_stays_where_it_was() {
        let module = mixed(&Device::flex());
        let before = address(module.weight.val());
        let values = captured(&module).values;
        assert!(values.values().any(|data| data.as_bytes().as_ptr() == before), "the capture looks at the same memory");
        assert_eq!(address(module.weight.val()), before);
        assert_eq!(module.norm.running_mean.value().device(), Device::flex(), "statistics too");
        drop(module);
        let kept = values.values().find(|data| data.as_bytes().as_ptr() == before).unwrap();
        assert_eq!(kept.iter::<f32>().collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "it outlives the module");
    }

    #[test]
    fn a_module_on_an_autodiff_device_arrives_too() {
        let module = mixed(&Device::flex().autodiff());
        assert_eq!(captured(&module).values.len(), 10);
        assert!(module.weight.val().is_require_grad());
    }
}
