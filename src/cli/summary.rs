//! `gnet summary`.

use std::path::PathBuf;

use clap::Args;
use gnet::cost::{Compute, Show, Sort, Summary, View};
use gnet::{Error, Result};

use super::counted::CountArgs;
use super::format::FormatArgs;
use super::values;

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
    /// Show the module tree, each module with the sums of all its layers.
    #[arg(long)]
    tree: bool,
    /// Unit of the compute column; a FLOP is half a MAC.
    #[arg(long, value_name = "UNIT", default_value_t, value_parser = values::one_of::<Compute>(Compute::ALL.map(Compute::name)))]
    count: Compute,
    /// Key that the rows of the table are sorted by, the largest first [default: the order of the network].
    #[arg(long, value_name = "KEY", value_parser = values::one_of::<Sort>(Sort::ALL.map(Sort::name)), conflicts_with = "tree")]
    sort: Option<Sort>,
    /// Show so many rows of the table, the largest by --sort, else by MACs. JSON holds all in the order of the network.
    #[arg(long, value_name = "N", value_parser = values::whole::<usize>, conflicts_with = "tree")]
    top: Option<usize>,
    #[command(flatten)]
    counted: CountArgs,
    #[command(flatten)]
    format: FormatArgs,
}

pub fn run(args: &SummaryArgs) -> Result<()> {
    let mut show = Show::default();
    (show.compute, show.sort, show.top) = (args.count, args.sort, args.top);
    args.format.write(&summary(args)?.shown(show))
}

fn summary(args: &SummaryArgs) -> Result<Summary> {
    let view = match (args.tree, args.depth.map(usize::from)) {
        (true, depth) => View::Tree(depth),
        (false, Some(depth)) => View::Modules(depth),
        (false, None) => View::Layers,
    };
    #[cfg(feature = "burn")]
    if let Some(preset) = args.preset.preset {
        let fresh = args.preset.options.fresh(preset);
        let size = fresh.config.image_size;
        let subject = format!("{preset} at {size} x {size}, as trained");
        let graph = fresh.graph()?;
        let main = gnet::cost::count(&graph.main)?;
        return Ok(Summary::new(subject, args.counted.graph(&graph.whole)?, view).without_heads(&main));
    }
    let file = args.file.as_ref().ok_or_else(|| Error::input("summary", "give a file or --preset"))?;
    let (_, analysis) = args.counted.file(file)?;
    Ok(Summary::new(file.display().to_string(), analysis, view))
}
