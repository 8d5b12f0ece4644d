//! A transformer encoder that reads token ids and knows which of them are padding, with batch and length left open.
//!
//!     cargo run --release --example transformer_encoder -- encoder.onnx

use burn::module::Module;
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig, PositionalEncoding, PositionalEncodingConfig};
use burn::tensor::{Bool, Device, Int, Tensor};
use gnet::axes;
use gnet::export::{ExportOptions, export, verify};
use gnet::trace::Input;

const WORDS: usize = 1000;
const LONGEST: usize = 512;
const WIDTH: usize = 64;
const HEADS: usize = 4;
const LAYERS: usize = 2;
const CLASSES: usize = 5;

/// Token ids to classes (Vaswani et al. 2017, the encoder; the mean over the words that are not padding is classified).
#[derive(Module, Debug)]
pub struct TextClassifier {
    words: Embedding,
    places: PositionalEncoding,
    encoder: TransformerEncoder,
    head: Linear,
}

impl TextClassifier {
    /// A freshly initialised network.
    pub fn new(device: &Device) -> Self {
        Self {
            words: EmbeddingConfig::new(WORDS, WIDTH).init(device),
            places: PositionalEncodingConfig::new(WIDTH).with_max_sequence_size(LONGEST).init(device),
            encoder: TransformerEncoderConfig::new(WIDTH, 4 * WIDTH, HEADS, LAYERS).with_norm_first(true).init(device),
            head: LinearConfig::new(WIDTH, CLASSES).init(device),
        }
    }

    /// `[batch, length]` token ids and what of them is padding; features `[batch, length, WIDTH]` and logits
    /// `[batch, CLASSES]`.
    pub fn forward(&self, tokens: Tensor<2, Int>, padding: Tensor<2, Bool>) -> (Tensor<3>, Tensor<2>) {
        let words = self.places.forward(self.words.forward(tokens));
        let features = self.encoder.forward(TransformerEncoderInput::new(words).mask_pad(padding.clone()));
        let counts = padding.bool_not().float().unsqueeze_dim::<3>(2);
        let sum = (features.clone() * counts.clone()).sum_dim(1);
        // A text of padding alone has no mean; it gets zeros.
        let mean = sum / counts.sum_dim(1).clamp_min(1.0);
        (features, self.head.forward(mean.squeeze_dim::<2>(1)))
    }
}

/// Returns the inputs of the forward: token ids and a mask, both of any batch and length.
pub fn options() -> ExportOptions {
    ExportOptions::for_inputs([Input::new("tokens", axes!["N", "T"]), Input::new("padding", axes!["N", "T"])])
}

/// The forward as it is exported, its outputs named.
pub fn forward(
    network: &TextClassifier,
    (tokens, padding): (Tensor<2, Int>, Tensor<2, Bool>),
) -> ((&'static str, Tensor<3>), (&'static str, Tensor<2>)) {
    let (features, logits) = network.forward(tokens, padding);
    (("features", features), ("logits", logits))
}

fn main() -> gnet::Result<()> {
    let path = std::env::args_os().nth(1).unwrap_or_else(|| "transformer_encoder.onnx".into());
    let network = TextClassifier::new(&Device::flex());
    let exported = export(&network, &options(), forward)?;
    let verified = verify(&network, &options(), &exported, forward)?;
    gnet::files::write(path.as_ref(), &exported.bytes)?;
    println!("{}: {} bytes, within {:.1e} of Burn", path.display(), exported.bytes.len(), verified.max_abs_diff);
    Ok(())
}
