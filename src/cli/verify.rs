//! `gnet verify`: the same inputs through two sides, and a verdict on the difference.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use gnet::data::Source;
use gnet::metadata::Metadata;
use gnet::runtime::{Provider, RunOptions};
use gnet::verify::{self, Bisect, Distribution, FileSide, InputSet, Plan, Precision, Side, Tolerance, VerifyOptions};
use gnet::{Error, OnnxFile, Result};

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
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = values::whole::<usize>)]
    samples: usize,
    /// Seed of the inputs.
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = values::whole::<u64>)]
    seed: u64,
    /// Kinds of random inputs; a comma-separated list [default: all that suit the precision]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = values::one_of::<Distribution>(Distribution::ALL.map(Distribution::name)))]
    inputs: Vec<Distribution>,
    /// Source of real images: fashion-mnist, embedded, or a folder [default: embedded, for a file of gnet's]
    #[arg(long, value_name = "SOURCE", value_parser = values::source)]
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
    let (mut reference, mut others) = args.sides()?;
    let signatures: Vec<_> = others.iter().map(FileSide::signature).chain([reference.signature()]).collect();
    let plan = Plan::new(args.samples, &signatures)?;
    let tolerance = args.tolerance(reference.as_ref(), &others)?;
    let sets = args.input_sets(reference.as_ref(), &others, &plan, tolerance.precision)?;
    let options = VerifyOptions::new(tolerance).bisect(args.bisect.into()).seed(args.seed);
    let say = &mut |what: &str| output::progress(what);
    let mut verification = verify::verify(reference.as_mut(), &mut others, &sets, &options, say)?;
    verification.dims = args.feed.sizes().dims().iter().cloned().collect();
    args.format.write(&verification)?;
    verification.check()
}

impl VerifyArgs {
    /// Returns the reference and the sides compared with it.
    fn sides(&self) -> Result<(Box<dyn Side>, Vec<FileSide>)> {
        let file = Arc::new(OnnxFile::open_whole(&self.file)?);
        let open = |provider: &Provider| self.side(&file, *provider);
        match &self.against {
            None => {
                let mut sides = self.provider.iter().map(open).collect::<Result<Vec<_>>>()?;
                if sides.len() < 2 {
                    return Err(Error::input("verify", "there is nothing to compare the file with")
                        .remedy("give two providers (--provider tract,cpu), or --against a file or a checkpoint"));
                }
                self.check_sizes(&sides.iter().collect::<Vec<_>>())?;
                Ok((Box::new(sides.remove(0)), sides))
            }
            Some(path) => {
                let others = self.provider.iter().map(open).collect::<Result<Vec<_>>>()?;
                let first = others.first().ok_or_else(|| Error::input("--provider", "names none"))?;
                if path.is_dir() {
                    self.check_sizes(&others.iter().collect::<Vec<_>>())?;
                    return Ok((checkpoint(path, first)?, others));
                }
                let reference = self.side(&Arc::new(OnnxFile::open_whole(path)?), first.provider())?;
                self.check_sizes(&others.iter().chain([&reference]).collect::<Vec<_>>())?;
                Ok((Box::new(reference), others))
            }
        }
    }

    /// Checks that each size applies to some file: one of two may have fixed it itself.
    fn check_sizes(&self, files: &[&FileSide]) -> Result<()> {
        self.feed.sizes().ensure_used(&files.iter().map(|file| &file.model().graph).collect::<Vec<_>>())
    }

    fn side(&self, file: &Arc<OnnxFile>, provider: Provider) -> Result<FileSide> {
        let (engine, sizes) = (self.engine.options(&[]), self.feed.sizes());
        let options = RunOptions::new(self.threads, 1).engine(engine).sizes(sizes);
        FileSide::of_file(file, provider, &options)
    }

    fn tolerance(&self, reference: &dyn Side, others: &[FileSide]) -> Result<Tolerance> {
        let coarsest = others.iter().map(Side::precision).fold(reference.precision(), Ord::max);
        let tolerance = self.precision.unwrap_or(coarsest).tolerance();
        self.tolerance.map_or(Ok(tolerance), |relative| tolerance.with_relative(relative))
    }

    /// Returns random samples of every kind, and real images if the file states their preprocessing.
    fn input_sets(
        &self,
        reference: &dyn Side,
        others: &[FileSide],
        plan: &Plan,
        precision: Precision,
    ) -> Result<Vec<InputSet>> {
        let other_signatures: Vec<_> = others.iter().map(FileSide::signature).collect();
        let signature = &reference.signature().fed_as(&other_signatures, &self.feed.ranges()?)?;
        let images = self.images(others, reference, plan)?;
        let kinds = match &self.inputs[..] {
            [] => Distribution::for_precision(precision),
            given => given,
        };
        let sets = kinds.iter().map(|kind| InputSet::random(*kind, signature, plan, self.seed));
        sets.chain(images.map(Ok)).collect()
    }

    fn images(&self, others: &[FileSide], reference: &dyn Side, plan: &Plan) -> Result<Option<InputSet>> {
        let metadata = match others.first() {
            Some(side) => Metadata::from_props(&side.model().metadata).map_err(|e| Error::file(&self.file, e))?,
            None => None,
        };
        let (source, metadata) = match (&self.data, metadata) {
            (None, None) => return Ok(None),
            (Some(_), None) => {
                return Err(Error::file(&self.file, "does not say how its images are prepared (no gnet metadata)")
                    .remedy("leave --data out: random inputs need no preparation"));
            }
            (source, Some(metadata)) => (source.clone().unwrap_or(Source::Embedded), metadata),
        };
        let split = source.load()?.test;
        InputSet::images(&metadata.preprocessing, &split, reference.signature(), plan, self.seed).map(Some)
    }
}

/// Opens a checkpoint's own forward, with its export available for the search.
#[cfg(feature = "burn")]
fn checkpoint(path: &Path, file: &FileSide) -> Result<Box<dyn Side>> {
    let checkpoint = gnet::train::checkpoint::load(path)?;
    Ok(Box::new(gnet::export::checkpoint_side(&checkpoint, file)?))
}

#[cfg(not(feature = "burn"))]
fn checkpoint(path: &Path, _: &FileSide) -> Result<Box<dyn Side>> {
    Err(Error::unavailable(path.display(), "this build reads no checkpoints (feature burn)"))
}
