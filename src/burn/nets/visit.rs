//! Traversals of a module's parameters: counting the learned ones, and drawing the random ones.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

use super::random;

/// Returns the number of learned parameters: weights, biases, scales and shifts of batch normalisation.
///
/// Running statistics are not learned and not counted; `Module::num_params` counts them too.
pub fn learned_params<M: Module>(module: &M) -> usize {
    let mut counter = Counter::default();
    module.visit(&mut counter);
    counter.elements
}

/// Returns `true` if the field `name` of `container` is a running statistic of batch normalisation.
fn is_statistic(name: &str, container: &str) -> bool {
    container == "Struct:BatchNorm" && name.starts_with("running_")
}

#[derive(Default)]
struct Counter {
    elements: usize,
    inside_statistic: bool,
}

impl ModuleVisitor for Counter {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.inside_statistic = is_statistic(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.inside_statistic = false;
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.inside_statistic {
            self.elements += param.lazy_shape().num_elements();
        }
    }
}

/// Redraws every kernel and matrix, Xavier uniform, from its own generator in the order of the fields.
///
/// Biases, scales and shifts are constants and stay.
pub(super) fn draw_weights<M: Module>(module: M, seed: u64) -> M {
    module.map(&mut Xavier(random::generator(seed, random::Purpose::Weights, 0)))
}

struct Xavier(ChaCha8Rng);

impl ModuleMapper for Xavier {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape().dims::<D>();
        let Some(bound) = xavier_bound(&shape) else { return param };
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| bound * (2.0 * random::unit(&mut self.0) - 1.0)).collect();
        let tensor = Tensor::from_data(TensorData::new(values, shape), &param.lazy_device());
        let id = param.id;
        param.transform_for_load(tensor, id)
    }
}

/// Sets every kernel and matrix to 0, which costs neither time nor, until it is read, memory: for uses that depend on
/// the shapes alone.
pub(super) fn blank_weights<M: Module>(module: M) -> M {
    module.map(&mut Blank)
}

struct Blank;

impl ModuleMapper for Blank {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape().dims::<D>();
        if xavier_bound(&shape).is_none() {
            return param;
        }
        // Memory from the system is 0 until it is written to; `Tensor::zeros` would write to it.
        let zeros = TensorData::new(vec![0_f32; shape.iter().product()], shape);
        let (tensor, id) = (Tensor::from_data(zeros, &param.lazy_device()), param.id);
        param.transform_for_load(tensor, id)
    }
}

/// Returns the bound `sqrt(6 / (fan_in + fan_out))` of Glorot & Bengio (2010) for a kernel `[out, in, height, width]`
/// or a matrix `[in, out]`; `None` for a vector.
fn xavier_bound(shape: &[usize]) -> Option<f32> {
    let fans = match shape {
        [inputs, outputs] => inputs + outputs,
        [outputs, inputs, height, width] => (inputs + outputs) * height * width,
        _ => return None,
    };
    Some((6.0 / fans as f64).sqrt() as f32)
}
