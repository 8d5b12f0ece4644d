//! One epoch: every training image once, one SGD step per batch.

use std::time::Instant;

use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::{BatchDone, Observer, TrainOptions, shuffle};
use crate::nets::{GoogLeNet, Logits};
use gnet_core::{Error, Result};
use gnet_engine::data::Prepared;
use gnet_engine::evaluation::{argmax, cross_entropy};

/// Weight of each auxiliary head's loss in the total, as in the paper.
const AUX_WEIGHT: f64 = 0.3;

/// Creates the SGD optimiser that the options describe. Burn's momentum dampens gradients by 0.1 by default.
pub(super) fn optimizer(options: &TrainOptions) -> ModuleOptimizer {
    let mut sgd = SgdConfig::new();
    if options.momentum > 0.0 {
        sgd = sgd.with_momentum(Some(MomentumConfig::new().with_momentum(options.momentum).with_dampening(0.0)));
    }
    if options.weight_decay > 0.0 {
        sgd = sgd.with_weight_decay(Some(WeightDecayConfig::new(options.weight_decay as f32)));
    }
    sgd.init()
}

pub(super) struct Epoch<'a> {
    pub options: &'a TrainOptions,
    pub images: &'a Prepared,
    pub device: &'a Device,
    /// Number of the epoch, counted from 1.
    pub epoch: usize,
}

impl Epoch<'_> {
    /// Trains the network for one epoch. Returns it with the last step's learning rate and the means over the epoch.
    ///
    /// # Errors
    /// Fails if the loss is no longer a number.
    pub fn train(
        &self,
        mut model: GoogLeNet,
        optimizer: &mut ModuleOptimizer,
        observer: &mut dyn Observer,
    ) -> Result<(GoogLeNet, f64, BatchDone)> {
        let options = self.options;
        let order = shuffle::order(options.seed, self.epoch, self.images.len());
        let batches = shuffle::batches(order.len(), options.batch_size);
        let loss_of = CrossEntropyLossConfig::new().init(self.device);
        let (start, mut running, mut lr) = (Instant::now(), Running::default(), 0.0);
        for (index, batch) in batches.iter().enumerate() {
            let step = (self.epoch - 1) * batches.len() + index;
            lr = options.lr_at(step, options.epochs * batches.len());
            model.seed_dropout(options.seed, step as u64);
            let (loss, sums) = self.forward(&model, &loss_of, &order[batch.clone()])?;
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            model = optimizer.step(lr, model, gradients);
            running.add(&sums);
            observer.batch_done(&running.event(index + 1, batches.len(), start));
        }
        Ok((model, lr, running.event(batches.len(), batches.len(), start)))
    }

    /// Returns the loss of a batch and the predictions of the main classifier.
    fn forward(&self, model: &GoogLeNet, loss: &CrossEntropyLoss, indices: &[usize]) -> Result<(Tensor<1>, Running)> {
        let labels: Vec<u8> = indices.iter().map(|index| self.images.labels()[*index]).collect();
        let pixels = TensorData::new(self.images.batch(indices)?, self.images.shape(indices.len()));
        let logits = model.forward(Tensor::from_data(pixels, self.device));
        let sums = Running::of(&logits.main, &labels)?;
        if !sums.loss.is_finite() {
            return Err(Error::input(
                format!("--lr {:?}", self.options.lr),
                "training diverged: the loss is no number",
            )
            .remedy("train with a lower learning rate"));
        }
        let labels: Vec<i64> = labels.into_iter().map(i64::from).collect();
        let labels = Tensor::from_data(TensorData::new(labels, [indices.len()]), self.device);
        Ok((total_loss(loss, logits, labels), sums))
    }
}

/// Computes `main + 0.3 * aux1 + 0.3 * aux2`, with as many heads as there are.
fn total_loss(loss: &CrossEntropyLoss, logits: Logits, labels: Tensor<1, Int>) -> Tensor<1> {
    let main = loss.forward(logits.main, labels.clone());
    [logits.aux1, logits.aux2]
        .into_iter()
        .flatten()
        .fold(main, |total, head| total + loss.forward(head, labels.clone()) * AUX_WEIGHT)
}

#[derive(Default)]
struct Running {
    images: usize,
    correct: usize,
    loss: f64,
}

impl Running {
    fn of(logits: &Tensor<2>, labels: &[u8]) -> Result<Self> {
        let [images, classes] = logits.dims();
        let scores = logits.clone().try_into_vec_as::<f32>().map_err(|e| Error::input("the network's scores", e))?;
        let mut sums = Self { images, ..Self::default() };
        for (row, label) in scores.chunks_exact(classes).zip(labels) {
            let label = usize::from(*label);
            sums.correct += usize::from(argmax(row) == label);
            sums.loss += cross_entropy(row, label);
        }
        Ok(sums)
    }

    fn add(&mut self, batch: &Self) {
        self.images += batch.images;
        self.correct += batch.correct;
        self.loss += batch.loss;
    }

    fn event(&self, batch: usize, batches: usize, start: Instant) -> BatchDone {
        let images = self.images.max(1) as f64;
        BatchDone {
            batch,
            batches,
            loss: self.loss / images,
            accuracy: self.correct as f64 / images,
            images_per_s: self.images as f64 / start.elapsed().as_secs_f64().max(1e-9),
        }
    }
}
