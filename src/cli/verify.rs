//! `gnet verify`: the same inputs through two sides, and a verdict on the difference.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use gnet::data::Source;
use gnet::runtime::{Provider, RunOptions};
use gnet::verify::{Bisect, Distribution, FileSide, Precision, Request, Side};
use gnet::{Error, OnnxFile, Result};

use super::arrays::ArraysArgs;
use super::engine::EngineArgs;
use super::feed::FeedArgs;
use super::format::FormatArgs;
use super::{output, values};

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The ONNX file to verify.
    #[arg(value_name = "FILE.onnx")]
    file: PathBuf,
    /// The other side: another file, or a checkpoint in Burn [default: the file itself in the first provider]
    #[arg(long, value_name = "FILE2|CHECKPOINT")]
    against: Option<PathBuf>,
    /// Provider that runs the file; a comma-separated list. FILE2 runs in the first.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "tract", value_parser = values::provider())]
    provider: Vec<Provider>,
    /// Samples of each kind of inputs, at least; 2 or more.
    #[arg(long, value_name = "N", conflicts_with = "inputs_from", default_value_t = Request::SAMPLES, value_parser = values::whole::<usize>)]
    samples: usize,
    /// Seed of the inputs.
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = values::whole::<u64>)]
    seed: u64,
    /// Kinds of random inputs; a comma-separated list [default: all that suit the precision]
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with = "inputs_from", value_parser = values::one_of::<Distribution>(Distribution::ALL.map(Distribution::name)))]
    inputs: Vec<Distribution>,
    /// Source of real images: fashion-mnist, embedded, or a folder [default: embedded, for a file of gnet's]
    #[arg(long, value_name = "SOURCE", conflicts_with = "inputs_from", value_parser = values::source)]
    data: Option<Source>,
    /// The precision whose tolerance is accepted [default: the coarsest that files and engines calculate in]
    #[arg(long, value_name = "PRECISION", value_parser = values::one_of::<Precision>(Precision::ALL.map(Precision::name)))]
    precision: Option<Precision>,
    /// Largest accepted difference, as a share of the output's largest value [default: by precision]
    #[arg(long, value_name = "SHARE")]
    tolerance: Option<f64>,
    /// Look for the layer in which the sides part.
    #[arg(long, value_name = "WHEN", default_value = "failure", default_missing_value = "always", num_args = 0..=1, require_equals = true)]
    bisect: When,
    /// Threads an engine may use.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = values::whole::<usize>)]
    threads: usize,
    #[command(flatten)]
    feed: FeedArgs,
    #[command(flatten)]
    arrays: ArraysArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum When {
    /// If they disagree.
    Failure,
    /// Also when the outputs agree.
    Always,
    /// Not at all.
    Never,
}

impl From<When> for Bisect {
    fn from(when: When) -> Self {
        match when {
            When::Failure => Self::OnFailure,
            When::Always => Self::Always,
            When::Never => Self::Never,
        }
    }
}

/// Verifies, writes the record whatever the result, and fails if a side does not agree.
pub fn run(args: &VerifyArgs) -> Result<()> {
    let mut request = args.request()?;
    let file = Arc::new(OnnxFile::open_whole(&args.file)?);
    if let Some(given) = args.arrays.given()? {
        request.feed(given, &file)?;
    }
    let (mut reference, mut others) = args.sides(&file, &request)?;
    let verification = request.verify(reference.as_mut(), &mut others, &mut |what| output::progress(what))?;
    args.format.write(&verification)?;
    verification.check()
}

impl VerifyArgs {
    fn request(&self) -> Result<Request> {
        let mut request = Request::default();
        (request.samples, request.seed, request.bisect) = (self.samples, self.seed, self.bisect.into());
        (request.inputs, request.data) = (self.inputs.clone(), self.data.clone());
        (request.precision, request.tolerance) = (self.precision, self.tolerance);
        (request.ranges, request.outputs) = (self.feed.ranges()?, self.arrays.outputs());
        request.options = RunOptions::new(self.threads, 1).engine(self.engine.options(&[])).sizes(self.feed.sizes());
        Ok(request)
    }

    /// Returns the reference and the sides compared with it.
    fn sides(&self, file: &Arc<OnnxFile>, request: &Request) -> Result<(Box<dyn Side>, Vec<FileSide>)> {
        let mut others = self.provider.iter().map(|p| request.side(file, *p)).collect::<Result<Vec<_>>>()?;
        let Some(path) = &self.against else {
            if others.len() < 2 {
                return Err(Error::input("verify", "there is nothing to compare the file with")
                    .remedy("give two providers (--provider tract,cpu), or --against a file or a checkpoint"));
            }
            request.check_sizes(&others.iter().collect::<Vec<_>>())?;
            return Ok((Box::new(others.remove(0)), others));
        };
        let first = others.first().ok_or_else(|| Error::input("--provider", "names none"))?;
        if path.is_dir() {
            request.check_sizes(&others.iter().collect::<Vec<_>>())?;
            return Ok((checkpoint(path, first)?, others));
        }
        let reference = request.side(&Arc::new(OnnxFile::open_whole(path)?), first.provider())?;
        request.check_sizes(&others.iter().chain([&reference]).collect::<Vec<_>>())?;
        Ok((Box::new(reference), others))
    }
}

/// Opens a checkpoint's own forward, with its export available for the search.
#[cfg(feature = "burn")]
pub fn checkpoint(path: &Path, file: &FileSide) -> Result<Box<dyn Side>> {
    let checkpoint = gnet::train::checkpoint::load(path)?;
    Ok(Box::new(gnet::export::checkpoint_side(&checkpoint, file)?))
}

#[cfg(not(feature = "burn"))]
pub fn checkpoint(path: &Path, _: &FileSide) -> Result<Box<dyn Side>> {
    Err(Error::unavailable(path.display(), "this build reads no checkpoints (feature burn)"))
}
