//! GoogLeNet: the stem, nine Inception blocks, a linear classifier and, for training, two auxiliary heads.

use burn::module::Module;
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, MaxPool2d};
use burn::nn::{Linear, LocalResponseNorm, LocalResponseNormConfig};
use burn::tensor::{Device, Tensor};

use super::aux_head::{self, AuxHead};
use super::config::{GoogLeNetConfig, StageSides};
use super::conv_unit::ConvUnit;
use super::dropout::Dropout;
use super::inception::Inception;
use super::visit;
use super::widths::{INCEPTION, InceptionWidths};
use gnet_core::Result;

/// Dropout probability before the classifier, as in the paper.
const DROPOUT: f64 = 0.4;

/// Output of a GoogLeNet: one row of class scores per image, before softmax. Each is `[images, classes]`.
#[derive(Debug, Clone)]
pub struct Logits {
    /// Scores of the final classifier.
    pub main: Tensor<2>,
    /// Scores of the auxiliary head after 4a, if the network has heads.
    pub aux1: Option<Tensor<2>>,
    /// Scores of the auxiliary head after 4d, if the network has heads.
    pub aux2: Option<Tensor<2>>,
}

/// GoogLeNet. Create one with [`GoogLeNetConfig::init`] or [`GoogLeNetConfig::init_seeded`].
#[derive(Module, Debug)]
pub struct GoogLeNet {
    /// 7x7, stride 2, to 64 channels.
    pub conv1: ConvUnit,
    /// 3x3, stride 2.
    pub pool1: MaxPool2d,
    /// Local response normalisation after the first pool.
    pub lrn1: Option<LocalResponseNorm>,
    /// 1x1 to 64 channels.
    pub conv2: ConvUnit,
    /// 3x3 to 192 channels.
    pub conv3: ConvUnit,
    /// Local response normalisation before the second pool.
    pub lrn2: Option<LocalResponseNorm>,
    /// 3x3, stride 2.
    pub pool2: MaxPool2d,
    /// 192 to 256 channels.
    pub inception3a: Inception,
    /// 256 to 480 channels.
    pub inception3b: Inception,
    /// 3x3, stride 2.
    pub pool3: MaxPool2d,
    /// 480 to 512 channels.
    pub inception4a: Inception,
    /// 512 to 512 channels.
    pub inception4b: Inception,
    /// 512 to 512 channels.
    pub inception4c: Inception,
    /// 512 to 528 channels.
    pub inception4d: Inception,
    /// 528 to 832 channels.
    pub inception4e: Inception,
    /// The auxiliary head after 4a.
    pub aux1: Option<AuxHead>,
    /// The auxiliary head after 4d.
    pub aux2: Option<AuxHead>,
    /// 3x3, stride 2.
    pub pool4: MaxPool2d,
    /// 832 to 832 channels.
    pub inception5a: Inception,
    /// 832 to 1024 channels.
    pub inception5b: Inception,
    /// Mean of each feature map.
    pub avgpool: AdaptiveAvgPool2d,
    /// Dropout with probability 0.4.
    pub dropout: Dropout,
    /// 1024 to the classes.
    pub fc: Linear,
}

impl GoogLeNet {
    /// Builds the network for feature maps whose sides are known to fit.
    pub(super) fn new(config: &GoogLeNetConfig, sides: &StageSides, device: &Device) -> Self {
        let [w3a, w3b, w4a, w4b, w4c, w4d, w4e, w5a, w5b] = &INCEPTION;
        let block = |widths: &InceptionWidths| Inception::new(widths, config.batch_norm, device);
        let head = |widths: &InceptionWidths| {
            let new = || AuxHead::new(widths.output(), sides.inception4, config.classes, config.batch_norm, device);
            config.aux_heads.then(new)
        };
        let [conv1, conv2, conv3] = config.stem();
        let pool = || config.pooling.layer();
        Self {
            conv1: conv1.init(device),
            pool1: pool(),
            lrn1: config.lrn.then(local_response_norm),
            conv2: conv2.init(device),
            conv3: conv3.init(device),
            lrn2: config.lrn.then(local_response_norm),
            pool2: pool(),
            inception3a: block(w3a),
            inception3b: block(w3b),
            pool3: pool(),
            inception4a: block(w4a),
            inception4b: block(w4b),
            inception4c: block(w4c),
            inception4d: block(w4d),
            inception4e: block(w4e),
            aux1: head(w4a),
            aux2: head(w4d),
            pool4: pool(),
            inception5a: block(w5a),
            inception5b: block(w5b),
            avgpool: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            dropout: Dropout::new(DROPOUT),
            fc: aux_head::linear(w5b.output(), config.classes, device),
        }
    }

    /// Computes class scores of images `[images, channels, side, side]`. The heads are computed whenever the network
    /// has them.
    pub fn forward(&self, x: Tensor<4>) -> Logits {
        let x = self.stage3(self.stage2(self.stage1(x)));
        let (x, aux1, aux2) = self.stage4(x);
        let main = self.fc.forward(self.dropout.forward(self.stage5(x)));
        Logits { main, aux1, aux2 }
    }

    /// Restarts the masks of every dropout layer: the next forward in training depends on `seed` and `step` only.
    pub fn seed_dropout(&self, seed: u64, step: u64) {
        let heads = [&self.aux1, &self.aux2].into_iter().flatten().map(|head| &head.dropout);
        // Streams are `step * 4 + layer`, so that no two layers of a run share one.
        for (layer, dropout) in std::iter::once(&self.dropout).chain(heads).enumerate() {
            dropout.seed(seed, step.wrapping_mul(4).wrapping_add(layer as u64));
        }
    }

    /// Applies 7x7 and pool: a quarter of the side, 64 channels.
    fn stage1(&self, x: Tensor<4>) -> Tensor<4> {
        normalise(&self.lrn1, self.pool1.forward(self.conv1.forward(x)))
    }

    /// Applies 1x1, 3x3 and pool: an eighth of the side, 192 channels.
    fn stage2(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.conv3.forward(self.conv2.forward(x));
        self.pool2.forward(normalise(&self.lrn2, x))
    }

    /// Applies 3a, 3b and pool: a sixteenth of the side, 480 channels.
    fn stage3(&self, x: Tensor<4>) -> Tensor<4> {
        self.pool3.forward(self.inception3b.forward(self.inception3a.forward(x)))
    }

    /// Applies 4a to 4e and pool: a thirty-second of the side, 832 channels; and the heads after 4a and 4d.
    fn stage4(&self, x: Tensor<4>) -> (Tensor<4>, Option<Tensor<2>>, Option<Tensor<2>>) {
        let x = self.inception4a.forward(x);
        let aux1 = self.aux1.as_ref().map(|head| head.forward(x.clone()));
        let x = self.inception4d.forward(self.inception4c.forward(self.inception4b.forward(x)));
        let aux2 = self.aux2.as_ref().map(|head| head.forward(x.clone()));
        (self.pool4.forward(self.inception4e.forward(x)), aux1, aux2)
    }

    /// Applies 5a, 5b and the mean of each feature map: 1024 features.
    fn stage5(&self, x: Tensor<4>) -> Tensor<2> {
        self.avgpool.forward(self.inception5b.forward(self.inception5a.forward(x))).flatten(1, 3)
    }
}

/// Creates LRN over 5 channels with alpha 1e-4, beta 0.75 and k 1: `x / (k + alpha / 5 * sum(x^2))^beta`.
///
/// The paper gives no numbers; these are those of the BVLC GoogLeNet for Caffe. Caffe, ONNX and Burn divide alpha by
/// the window, whereas the AlexNet paper does not (and has k 2).
fn local_response_norm() -> LocalResponseNorm {
    LocalResponseNormConfig::new(5).with_alpha(1e-4).with_beta(0.75).with_k(1.0).init()
}

fn normalise(lrn: &Option<LocalResponseNorm>, x: Tensor<4>) -> Tensor<4> {
    match lrn {
        Some(lrn) => lrn.forward(x),
        None => x,
    }
}

impl GoogLeNetConfig {
    /// Creates the network on a device, its weights drawn on first use from the generator shared by the process.
    ///
    /// # Errors
    /// Those of [`Self::check`].
    pub fn init(&self, device: &Device) -> Result<GoogLeNet> {
        let sides = self.check()?;
        Ok(GoogLeNet::new(self, &sides, device))
    }

    /// Creates the network with weights that depend on `seed` only: the same on every machine, whatever else the
    /// process draws.
    ///
    /// # Errors
    /// Those of [`Self::check`].
    pub fn init_seeded(&self, seed: u64, device: &Device) -> Result<GoogLeNet> {
        Ok(visit::draw_weights(self.init(device)?, seed))
    }

    /// Creates the network with weights of 0, for counting: drawing half a billion takes most of a minute.
    ///
    /// # Errors
    /// Those of [`Self::check`].
    pub(crate) fn init_blank(&self, device: &Device) -> Result<GoogLeNet> {
        Ok(visit::blank_weights(self.init(device)?))
    }
}

#[cfg(test)]
#[path = "googlenet_tests.rs"]
mod tests;
