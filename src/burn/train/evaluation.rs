//! Evaluation of a network in training on labelled images.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};

use crate::nets::GoogLeNet;
use gnet_core::metadata::Preprocessing;
use gnet_core::{Error, Result};
use gnet_engine::data::{Prepared, Split};
use gnet_engine::evaluation::Evaluation;

/// Pixels per batch (one channel): 256 images of 28x28 pixels, 21 of 96x96. Bounds the memory of the first feature
/// maps.
const BATCH_PIXELS: usize = 200_704;

/// Evaluates a network on a split in inference mode: running statistics, no dropout.
///
/// # Errors
/// Fails on images that the network does not accept, labels beyond its classes, or scores that are not finite.
pub fn evaluate(model: &GoogLeNet, preprocessing: &Preprocessing, split: &Split) -> Result<Evaluation> {
    evaluate_prepared(model, &Prepared::new(preprocessing, split)?)
}

/// Does the same as [`evaluate`] on a split that is already prepared.
pub(super) fn evaluate_prepared(model: &GoogLeNet, images: &Prepared) -> Result<Evaluation> {
    let model = model.valid();
    let [_, classes] = model.fc.weight.dims();
    let device = model.fc.weight.device();
    let [_, _, side, _] = images.shape(1);
    let size = (BATCH_PIXELS / (side * side)).max(1);
    let all: Vec<usize> = (0..images.len()).collect();
    let mut logits = Vec::with_capacity(images.len() * classes);
    for indices in all.chunks(size) {
        let batch = TensorData::new(images.batch(indices)?, images.shape(indices.len()));
        let scores = model.forward(Tensor::from_data(batch, &device)).main;
        logits.extend(scores.try_into_vec_as::<f32>().map_err(|e| Error::input("the network's scores", e))?);
    }
    Evaluation::of(&logits, images.labels(), classes)
}
