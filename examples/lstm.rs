//! An LSTM that reads a sequence of measurements, with batch and length left open.
//!
//!     cargo run --release --example lstm -- lstm.onnx

use burn::module::Module;
use burn::nn::{Linear, LinearConfig, Lstm, LstmConfig};
use burn::tensor::{Device, Tensor};
use gnet::axes;
use gnet::export::{ExportOptions, export, verify};
use gnet::trace::Input;

const FEATURES: usize = 6;
const HIDDEN: usize = 16;

/// Predicts the next measurement after each one.
#[derive(Module, Debug)]
pub struct Forecast {
    memory: Lstm,
    head: Linear,
}

impl Forecast {
    /// A freshly initialised network.
    pub fn new(device: &Device) -> Self {
        Self {
            memory: LstmConfig::new(FEATURES, HIDDEN, true).init(device),
            head: LinearConfig::new(HIDDEN, FEATURES).init(device),
        }
    }

    /// `[batch, length, FEATURES]` measurements; the prediction after each, of the same shape, and the state
    /// `[batch, HIDDEN]` that the sequence leaves behind.
    pub fn forward(&self, series: Tensor<3>) -> (Tensor<3>, Tensor<2>) {
        let (seen, state) = self.memory.forward(series, None);
        (self.head.forward(seen), state.hidden)
    }
}

/// Returns the inputs of the forward: series of any number and length.
pub fn options() -> ExportOptions {
    ExportOptions::for_inputs([Input::new("series", axes!["N", "T", FEATURES])])
}

/// The forward as it is exported, its outputs named.
pub fn forward(network: &Forecast, series: Tensor<3>) -> ((&'static str, Tensor<3>), (&'static str, Tensor<2>)) {
    let (next, state) = network.forward(series);
    (("next", next), ("state", state))
}

fn main() -> gnet::Result<()> {
    let path = std::env::args_os().nth(1).unwrap_or_else(|| "lstm.onnx".into());
    let network = Forecast::new(&Device::flex());
    let exported = export(&network, &options(), forward)?;
    let verified = verify(&network, &options(), &exported, forward)?;
    gnet::files::write(path.as_ref(), &exported.bytes)?;
    println!("{}: {} bytes, within {:.1e} of Burn", path.display(), exported.bytes.len(), verified.max_abs_diff);
    Ok(())
}
