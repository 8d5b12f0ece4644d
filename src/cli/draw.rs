//! `gnet draw`.

use gnet::report::number::counted;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use gnet::cost::BatchChoice;
use gnet::draw::{self, DrawOptions, Metric, Times};
use gnet::graph::Model;
use gnet::{Error, Result, files};

use super::sizes::SizesArgs;
use super::{file, output, terminal, values};

#[derive(Debug, Args)]
pub struct DrawArgs {
    /// The ONNX file to draw.
    #[arg(value_name = "FILE.onnx")]
    file: PathBuf,
    /// The SVG file to write; `-` for stdout.
    #[arg(short, long, value_name = "GRAPH.svg")]
    output: PathBuf,
    /// Quantity that the colours show [default: time with --times, else MACs where shapes are known, else parameters]
    #[arg(long, value_name = "WHAT", value_parser = values::one_of::<Metric>(Metric::ALL.map(Metric::name)))]
    color_by: Option<Metric>,
    /// Use of colour in messages; NO_COLOR and CLICOLOR_FORCE are heeded. Takes the values of --color-by too, as it once did.
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = color())]
    color: String,
    /// Times of the layers: what `gnet bench FILE --profile .. --format json` printed.
    #[arg(long, value_name = "FILE.json")]
    times: Option<PathBuf>,
    /// One box for each module, to this depth of the module tree.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "every_node")]
    depth: Option<u16>,
    /// A box for each node: activations and normalisations do not become strips in the box of the layer before.
    #[arg(long)]
    every_node: bool,
    #[command(flatten)]
    sizes: SizesArgs,
    /// Boxes a picture may have.
    #[arg(long, value_name = "N", default_value_t = DrawOptions::MAX_BOXES, value_parser = values::whole::<usize>)]
    max_nodes: usize,
}

/// Parses `--color` of this command, which had its own such flag before there was a global one.
fn color() -> PossibleValuesParser {
    let values = terminal::NAMES.map(PossibleValue::new).into_iter();
    PossibleValuesParser::new(values.chain(Metric::ALL.map(|metric| PossibleValue::new(metric.name()).hide(true))))
}

pub fn run(args: &DrawArgs) -> Result<()> {
    let to_stdout = args.output == Path::new("-");
    if !to_stdout {
        check_format(&args.output)?;
    }
    let times = args.times.as_deref().map(times).transpose()?;
    let model = args.model()?;
    if !to_stdout {
        files::check_place(&args.output)?;
    }
    let mut options = DrawOptions::default();
    options.title = args.file.file_name().unwrap_or(args.file.as_os_str()).to_string_lossy().into_owned();
    options.metric = args.color_by.or_else(|| args.color.parse().ok());
    options.depth = args.depth.map(usize::from);
    options.every_node = args.every_node;
    options.times = times;
    options.max_boxes = args.max_nodes;
    let picture = draw::draw(&model.graph, &options).map_err(|e| e.in_file(&args.file))?;
    if to_stdout {
        return output::data(&picture.svg);
    }
    files::write(&args.output, picture.svg.as_bytes())?;
    output::note(format_args!(
        "{}: {} in {}, {} x {} pixels",
        args.output.display(),
        counted(picture.nodes, "node"),
        counted(picture.boxes, "box"),
        picture.width,
        picture.height
    ));
    Ok(())
}

impl DrawArgs {
    /// Reads the file, with every shape that can be inferred. An inconsistent file can still be drawn unchanged.
    fn model(&self) -> Result<Arc<Model>> {
        let sizes = self.sizes.sizes();
        let file = file::open(&self.file)?;
        match file.shaped(&sizes, &BatchChoice::Guess) {
            Ok(model) => Ok(model),
            Err(e) if sizes.is_empty() => {
                output::note(format_args!("{}: {e}; drawn with the shapes that it states", self.file.display()));
                file.model().cloned()
            }
            Err(e) => Err(e.in_file(&self.file)),
        }
    }
}

/// Refuses a file name with an extension other than SVG, which no program would open.
fn check_format(path: &Path) -> Result<()> {
    match path.extension().and_then(|ending| ending.to_str()) {
        None => Ok(()),
        Some(ending) if ending.eq_ignore_ascii_case("svg") => Ok(()),
        Some(ending) => Err(Error::file(path, format!("a picture is drawn as SVG, not as .{ending}")).remedy(
            "give a name that ends in .svg; a browser prints it, and rsvg-convert or Inkscape make a PNG of it",
        )),
    }
}

fn times(path: &Path) -> Result<Times> {
    let bytes = files::read(path)?;
    let text = String::from_utf8(bytes).map_err(|_| Error::file(path, "is no text"))?;
    Times::parse(&text).map_err(|e| e.in_file(path))
}
