//! `gnet optimize`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gnet::graph::Model;
use gnet::onnx::ExternalData;
use gnet::passes::{self, DEAD_CODE, DEFAULT, OptimizeRecord, PRUNE, Pass, PassList, PassOptions, Proof};
use gnet::runtime::{self, RunOptions};
use gnet::{Error, Result, files, onnx, verify};

use super::engine::LibraryArgs;
use super::format::FormatArgs;
use super::sizes::SizesArgs;
use super::{output, values};

#[derive(Debug, Args)]
pub struct OptimizeArgs {
    /// The ONNX file to rewrite.
    #[arg(value_name = "FILE.onnx", required_unless_present = "list")]
    file: Option<PathBuf>,
    /// The ONNX file to write.
    #[arg(short, long, value_name = "FILE", required_unless_present = "list", value_parser = values::file_to_write())]
    output: Option<PathBuf>,
    /// The passes to run, in this order; what no output needs goes before the first and after each.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    passes: Vec<String>,
    /// Keep only these outputs; runs the pass `prune` first unless --passes has it.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    outputs: Vec<String>,
    /// Bytes that one folded constant may add to the file.
    #[arg(long, value_name = "BYTES", default_value_t = PassOptions::default().growth)]
    max_growth: u64,
    /// Place of constants of 1 KiB and more: inside the file while it fits in 2 GiB, or beside it, in a file whose name ends in its hash and .data.
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = ExternalChoice::Auto)]
    external_data: ExternalChoice,
    /// Write without comparing the model with what it was first.
    #[arg(long)]
    no_verify: bool,
    /// Show every pass and what it does.
    #[arg(long, conflicts_with_all = ["file", "output", "passes", "outputs"])]
    list: bool,
    #[command(
        flatten,
        next_help_heading = "Sizes at which the file is compared with what it was; they are not written into it"
    )]
    sizes: SizesArgs,
    #[command(flatten)]
    library: LibraryArgs,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExternalChoice {
    /// Inside while it fits.
    Auto,
    /// Inside.
    Never,
    /// Beside.
    Always,
}

impl From<ExternalChoice> for ExternalData {
    fn from(choice: ExternalChoice) -> Self {
        match choice {
            ExternalChoice::Auto => Self::Auto,
            ExternalChoice::Never => Self::Never,
            ExternalChoice::Always => Self::Always,
        }
    }
}

pub fn run(args: &OptimizeArgs) -> Result<()> {
    let (Some(file), Some(output)) = (&args.file, &args.output) else {
        return args.format.write(&PassList::new());
    };
    let passes = chosen(args)?;
    let before = super::file::open_whole(file)?;
    let mut model = Model::clone(before.model()?);
    files::check_place(output)?;
    let bytes_before = before.own_size()?;
    let mut options = PassOptions::default();
    (options.outputs, options.growth) = (args.outputs.clone(), args.max_growth);
    let passes = passes::run(&mut model, &passes, &options).map_err(|e| e.in_file(file))?;
    let verified = verify(args, before.model()?, &model).map_err(|e| runtime::in_file(file, e))?;
    drop(before);
    let written = onnx::write_file(&model, output, args.external_data.into())?;
    args.format.write(&OptimizeRecord {
        input: file.display().to_string(),
        output: output.display().to_string(),
        bytes_before,
        bytes: written.model,
        data_bytes: written.data.as_ref().map(|data| data.bytes),
        data_file: written.data.map(|data| data.name),
        nodes_before: passes.first().map_or(0, |pass| pass.nodes_before),
        nodes: passes.last().map_or(0, |pass| pass.nodes),
        opset: model.opset,
        passes,
        verified,
    })
}

/// Compares the model with the original before it replaces anything, in an engine that runs it.
fn verify(args: &OptimizeArgs, before: &Model, after: &Model) -> Result<Proof> {
    let sizes = args.sizes.sizes();
    if args.no_verify {
        return match sizes.is_empty() {
            true => Ok(Proof::none("--no-verify")),
            false => Err(Error::input(sizes, "is for the comparison, which --no-verify leaves out")),
        };
    }
    let options = RunOptions::new(1, 1).engine(args.library.options()).sizes(sizes);
    let proof = verify::rewritten(before, after, &options, &mut |what| output::note(what))?;
    if proof.reason.is_some() {
        output::note(proof.to_string());
    }
    Ok(proof)
}

/// Returns the passes in order. `dead-code` comes first, so that its line reports what the file did not need.
fn chosen(args: &OptimizeArgs) -> Result<Vec<Pass>> {
    let mut passes = match args.passes.as_slice() {
        [] => DEFAULT.to_vec(),
        names => names.iter().map(|name| passes::find(name.trim())).collect::<Result<Vec<_>>>()?,
    };
    let has = |passes: &[Pass], wanted: Pass| passes.iter().any(|pass| pass.name == wanted.name);
    match (has(&passes, PRUNE), args.outputs.is_empty()) {
        (false, false) => passes.insert(0, PRUNE),
        (true, true) => {
            return Err(Error::input("--passes prune", "no output is named").remedy("name them with --outputs NAME,.."));
        }
        _ => {}
    }
    if !has(&passes, DEAD_CODE) {
        // Pruning may ask for a value that no output needed so far.
        passes.insert(usize::from(passes[0].name == PRUNE.name), DEAD_CODE);
    }
    Ok(passes)
}
