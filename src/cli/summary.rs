//! `gnet summary`.

use std::path::PathBuf;

use clap::Args;
use gnet::cost::{self, Summary};
use gnet::{Error, Result, onnx};

use super::format::FormatArgs;

/// Arguments of `gnet summary`.
#[derive(Debug, Args)]
#[cfg_attr(feature = "burn", command(group(clap::ArgGroup::new("network").args(["file", "preset"]).required(true))))]
pub struct SummaryArgs {
    /// The ONNX file to count.
    #[cfg_attr(feature = "burn", arg(value_name = "FILE.onnx", conflicts_with_all = super::network::PRESET_OPTIONS))]
    #[cfg_attr(not(feature = "burn"), arg(value_name = "FILE.onnx", required = true))]
    file: Option<PathBuf>,
    #[cfg(feature = "burn")]
    #[command(flatten)]
    preset: super::network::PresetArgs,
    /// Sum layers up to this depth of the module tree.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    depth: Option<u16>,
    #[command(flatten)]
    format: FormatArgs,
}

/// Runs `gnet summary`.
pub fn run(args: &SummaryArgs) -> Result<()> {
    args.format.write(&summary(args)?)
}

fn summary(args: &SummaryArgs) -> Result<Summary> {
    let depth = args.depth.map(usize::from);
    #[cfg(feature = "burn")]
    if let Some(preset) = args.preset.preset {
        let fresh = args.preset.options.fresh(preset);
        let size = fresh.config.image_size;
        let subject = format!("{preset} at {size} x {size}, as trained");
        let cost = fresh.cost()?;
        return Ok(Summary::new(subject, cost.whole, depth).without_heads(&cost.main));
    }
    let file = args.file.as_ref().ok_or_else(|| Error::input("summary", "give a file or --preset"))?;
    let model = onnx::read_file(file)?;
    let cost = cost::count(&model.graph).map_err(|e| e.in_file(file))?;
    Ok(Summary::new(file.display().to_string(), cost, depth))
}
