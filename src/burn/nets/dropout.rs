//! Dropout with its own generator of masks.

use std::sync::{Arc, Mutex, PoisonError};

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

use super::random;

/// Inverted dropout (Srivastava et al. 2014): in training each value is zeroed with probability `prob` and the others
/// are scaled by `1 / (1 - prob)`; outside the autodiff device the input passes unchanged and no operation is recorded.
///
/// Burn's own dropout draws from a generator shared by the whole process, so that a run would not be reproducible while
/// anything else draws. This one has its own, set by [`Dropout::seed`].
#[derive(Module, Debug)]
pub struct Dropout {
    /// Probability that a value is zeroed, in `0..1`.
    pub prob: f64,
    #[module(skip)]
    masks: Arc<Mutex<ChaCha8Rng>>,
}

impl Dropout {
    /// Creates dropout with probability `prob`, with its generator at seed 0.
    pub fn new(prob: f64) -> Self {
        Self { prob, masks: Arc::new(Mutex::new(random::generator(0, random::Purpose::Dropout, 0))) }
    }

    /// Restarts the generator: the masks that follow depend on `seed` and `stream` only. Clones share the generator.
    pub fn seed(&self, seed: u64, stream: u64) {
        *self.masks.lock().unwrap_or_else(PoisonError::into_inner) =
            random::generator(seed, random::Purpose::Dropout, stream);
    }

    /// Maps `[images, features]` to the same shape.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let device = x.device();
        if !device.is_autodiff() || self.prob == 0.0 {
            return x;
        }
        let shape = x.dims();
        let kept = (1.0 / (1.0 - self.prob)) as f32;
        let mut masks = self.masks.lock().unwrap_or_else(PoisonError::into_inner);
        let mask: Vec<f32> = (0..shape[0] * shape[1])
            .map(|_| if f64::from(random::unit(&mut masks)) < self.prob { 0.0 } else { kept })
            .collect();
        x * Tensor::from_data(TensorData::new(mask, shape), &device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn masked(dropout: &Dropout, device: &Device) -> Vec<f32> {
        dropout.forward(Tensor::ones([8, 1000], device)).into_data().try_to_vec().unwrap()
    }

    #[test]
    fn training_zeroes_the_stated_share_and_keeps_the_mean() {
        let dropout = Dropout::new(0.7);
        let values = masked(&dropout, &Device::flex().autodiff());
        let zeros = values.iter().filter(|v| **v == 0.0).count() as f64 / values.len() as f64;
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64;
        assert!((zeros - 0.7).abs() < 0.02, "{zeros}");
        assert!((mean - 1.0).abs() < 0.06, "{mean}");
    }

    #[test]
    fn masks_follow_the_seed_and_the_stream() {
        let (dropout, device) = (Dropout::new(0.4), Device::flex().autodiff());
        let draw = |seed, stream| {
            dropout.seed(seed, stream);
            masked(&dropout, &device)
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn inference_passes_the_input_unchanged() {
        assert!(masked(&Dropout::new(0.7), &Device::flex()).iter().all(|v| *v == 1.0));
    }
}
