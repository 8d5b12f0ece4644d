//! `gnet export`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use gnet::export::{self, ExportOptions, ExportRecord, Exported, Verified};
use gnet::metadata::Metadata;
use gnet::nets::{GoogLeNet, GoogLeNetConfig};
use gnet::train::checkpoint::{self, Checkpoint};
use gnet::{Error, Result, files, onnx};

use super::format::FormatArgs;
use super::network::{PRESET_OPTIONS, PresetArgs};
use super::{output, values};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("network").args(["checkpoint", "preset"]).required(true)))]
pub struct ExportArgs {
    /// A checkpoint folder (its `best`), or one of the two inside it.
    #[arg(conflicts_with_all = PRESET_OPTIONS)]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    preset: PresetArgs,
    /// The ONNX file to write.
    #[arg(short, long, value_name = "FILE", value_parser = values::file_to_write())]
    output: PathBuf,
    /// Keep the auxiliary heads as outputs aux1 and aux2.
    #[arg(long)]
    keep_aux: bool,
    /// Leave BatchNormalization as it is.
    #[arg(long)]
    no_fold: bool,
    /// Fix the batch dimension; it is dynamic otherwise.
    #[arg(long, value_name = "N", value_parser = values::whole::<usize>)]
    batch: Option<usize>,
    #[arg(long, value_name = "N", default_value_t = export::DEFAULT_OPSET, value_parser = values::whole::<i64>, help = opset_help())]
    opset: i64,
    /// Write without comparing the file with Burn first.
    #[arg(long)]
    no_verify: bool,
    #[command(flatten)]
    format: FormatArgs,
}

fn opset_help() -> String {
    format!("Version of ONNX's operator set, {} to {}", onnx::OPSETS.start(), onnx::OPSETS.end())
}

const MAX_BATCH: usize = 4096;

struct Subject {
    network: GoogLeNet,
    config: GoogLeNetConfig,
    metadata: Metadata,
}

pub fn run(args: &ExportArgs) -> Result<()> {
    let subject = subject(args)?;
    files::check_place(&args.output)?;
    let options = options(args, &subject)?;
    let exported = export::googlenet(&subject.network, &options)?;
    let verified = if args.no_verify { None } else { Some(verify(&subject, &options, &exported)?) };
    onnx::write_bytes(&exported.bytes, &args.output)?;
    args.format.write(&ExportRecord::new(&args.output, &exported, verified.as_ref())?)?;
    output::next(&["gnet", "bench", &args.output.display().to_string()]);
    Ok(())
}

fn options(args: &ExportArgs, subject: &Subject) -> Result<ExportOptions> {
    let options = export::googlenet_options(&subject.config, &subject.metadata, args.keep_aux)
        .folding(!args.no_fold)
        .opset(args.opset);
    match args.batch {
        None => Ok(options),
        Some(size) if (1..=MAX_BATCH).contains(&size) => Ok(options.fix(export::BATCH, size)),
        Some(size) => Err(Error::input(format!("batch {size}"), format!("a fixed batch holds 1 to {MAX_BATCH} items"))),
    }
}

fn subject(args: &ExportArgs) -> Result<Subject> {
    match (&args.checkpoint, args.preset.preset) {
        (_, Some(preset)) => {
            let fresh = args.preset.options.fresh(preset);
            Ok(Subject { network: fresh.network()?, metadata: fresh.metadata(), config: fresh.config })
        }
        (Some(path), None) => {
            let Checkpoint { model, config, metadata, .. } = checkpoint::load(path)?;
            Ok(Subject { network: model, config, metadata })
        }
        (None, None) => Err(Error::input("export", "give a checkpoint or --preset")),
    }
}

fn verify(subject: &Subject, options: &ExportOptions, exported: &Exported) -> Result<Verified> {
    output::progress("comparing Burn with the file in tract");
    export::verify_googlenet(&subject.network, options, exported)
}
