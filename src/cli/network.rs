//! Choice of the network that a command applies to: a checkpoint, or a freshly initialised preset.

use clap::Args;
use gnet::export::Fresh;
use gnet::nets::{GoogLeNetConfig, Pooling, Preset};

use super::values;

/// Options that conflict with an existing network: an option that would be ignored is refused.
pub const PRESET_OPTIONS: [&str; 6] = ["image_size", "channels", "classes", "pooling", "lrn", "seed"];

#[derive(Debug, Args)]
pub struct PresetArgs {
    /// A freshly initialised network of this preset.
    #[arg(long, value_parser = values::one_of::<Preset>(Preset::ALL.map(Preset::name)))]
    pub preset: Option<Preset>,
    #[command(flatten)]
    pub options: PresetOptions,
}

const HEADING: &str = "With --preset";

/// Options of a preset; each keeps the preset's own value if omitted.
#[derive(Debug, Args)]
pub struct PresetOptions {
    /// Side of the square input in pixels.
    #[arg(long, value_name = "PIXELS", value_parser = values::whole::<usize>, help_heading = HEADING)]
    pub image_size: Option<usize>,
    /// Input channels.
    #[arg(long, value_name = "N", value_parser = values::whole::<usize>, help_heading = HEADING)]
    pub channels: Option<usize>,
    /// Number of classes.
    #[arg(long, value_name = "N", value_parser = values::whole::<usize>, help_heading = HEADING)]
    pub classes: Option<usize>,
    /// Border treatment of the pools of stride 2.
    #[arg(long, value_parser = values::one_of::<Pooling>(Pooling::ALL.map(Pooling::name)), help_heading = HEADING)]
    pub pooling: Option<Pooling>,
    /// Local response normalisation after the first pool and before the second.
    #[arg(long, help_heading = HEADING)]
    pub lrn: bool,
    /// Seed of the weights.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = values::whole::<u64>, help_heading = HEADING)]
    pub seed: u64,
}

impl PresetOptions {
    /// Returns the network of a preset with these options.
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
