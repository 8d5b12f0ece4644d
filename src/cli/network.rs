//! Which network a command is about: a checkpoint, or a preset freshly initialised.

use clap::Args;
use gnet::export::Fresh;
use gnet::nets::{GoogLeNetConfig, Pooling, Preset};

/// A preset and the options that change it.
#[derive(Debug, Args)]
pub struct PresetArgs {
    /// A freshly initialised network of this preset: d2l or bn-aux.
    #[arg(long)]
    pub preset: Option<Preset>,
    #[command(flatten)]
    pub options: PresetOptions,
}

/// Options of a preset; each keeps the preset's own value when left out.
#[derive(Debug, Args)]
#[group(id = "preset_options")]
pub struct PresetOptions {
    /// Side of the square input in pixels.
    #[arg(long, value_name = "PIXELS", requires = "preset")]
    pub image_size: Option<usize>,
    /// Input channels.
    #[arg(long, value_name = "N", requires = "preset")]
    pub channels: Option<usize>,
    /// Number of classes.
    #[arg(long, value_name = "N", requires = "preset")]
    pub classes: Option<usize>,
    /// How the pools of stride 2 treat the border: pad or ceil.
    #[arg(long, requires = "preset")]
    pub pooling: Option<Pooling>,
    /// Local response normalisation after the first pool and before the second.
    #[arg(long, requires = "preset")]
    pub lrn: bool,
    /// Seed of the weights.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

impl PresetOptions {
    /// The network that a preset stands for with these options.
    pub fn fresh(&self, preset: Preset) -> Fresh {
        let base = preset.config();
        let config = GoogLeNetConfig {
            image_size: self.image_size.unwrap_or(base.image_size),
            channels: self.channels.unwrap_or(base.channels),
            classes: self.classes.unwrap_or(base.classes),
            pooling: self.pooling.unwrap_or(base.pooling),
            lrn: self.lrn || base.lrn,
            ..base
        };
        Fresh { preset, config, seed: self.seed }
    }
}
