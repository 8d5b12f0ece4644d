//! A verification as somebody asks for it: the two sides' engine, the inputs, and what is accepted.

use std::path::PathBuf;
use std::sync::Arc;

use super::{
    Bisect, Distribution, FileSide, InputSet, Plan, Precision, Side, Ties, Tolerance, Verification, VerifyOptions,
    verify,
};
use crate::arrays::{self, Given};
use crate::data::Source;
use crate::runtime::{Provider, Ranges, RunOptions};
use gnet_core::graph::Tensor;
use gnet_core::metadata::Metadata;
use gnet_core::{Error, OnnxFile, Result, files};

/// A verification in the terms of a command line or a file of rules: [`verify`](Self::verify)
/// chooses the tolerance and the inputs by it and compares the sides.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// Smallest number of samples of each kind of inputs.
    pub samples: usize,
    /// Seed of the inputs.
    pub seed: u64,
    /// Kinds of random inputs; all that suit the precision if there are none.
    pub inputs: Vec<Distribution>,
    /// Source of real images; `None` for the embedded ones, for a file that states their preparation.
    pub data: Option<Source>,
    /// Precision whose tolerance is accepted; `None` for the coarsest that files and engines compute in.
    pub precision: Option<Precision>,
    /// Largest accepted difference, relative to the output's largest value; `None` for that of the precision.
    pub tolerance: Option<f64>,
    /// Condition for the search of the layer in which the sides part.
    pub bisect: Bisect,
    /// Ranges of whole numbers for the inputs.
    pub ranges: Ranges,
    /// Options of the engines: threads, and the sizes that the files leave open.
    pub options: RunOptions,
    /// A user's arrays in place of drawn inputs and images; [`feed`](Self::feed) sets them.
    pub(crate) given: Option<Given>,
    /// Path for the outputs of every side on the user's arrays, as a `.npz`: `reference/NAME` has those of the reference,
    /// `other/NAME`, `other2/NAME` and so on those of the others in their order.
    pub outputs: Option<PathBuf>,
}

impl Request {
    /// Default of [`samples`](Self::samples).
    pub const SAMPLES: usize = 8;
}

impl Default for Request {
    /// Returns eight samples of every kind from the seed 0, and the tolerance of the coarsest precision involved.
    fn default() -> Self {
        Self {
            samples: Self::SAMPLES,
            seed: 0,
            inputs: Vec::new(),
            data: None,
            precision: None,
            tolerance: None,
            bisect: Bisect::default(),
            ranges: Ranges::default(),
            options: RunOptions::default(),
            given: None,
            outputs: None,
        }
    }
}

impl Request {
    /// Returns a file in an engine as a side.
    ///
    /// # Errors
    /// Those of [`FileSide::of_file`].
    pub fn side(&self, file: &Arc<OnnxFile>, provider: Provider) -> Result<FileSide> {
        FileSide::of_file(file, provider, &self.options)
    }

    /// Feeds a user's arrays, named as the inputs of `file` are, in place of everything else: one run of them. The sides are
    /// created after that, since the arrays state the sizes that the files leave open.
    ///
    /// # Errors
    /// Those of [`Given::fit`]; also fails if the file is not a model.
    pub fn feed(&mut self, given: Given, file: &OnnxFile) -> Result<()> {
        let model = file.model().map_err(|e| file.named(e))?;
        let (sizes, _) = given.fit(&model.graph.stated_inputs(), &self.options.sizes)?;
        (self.options.sizes, self.given) = (sizes, Some(given));
        Ok(())
    }

    /// Refuses sizes that apply to none of the files: one of two may have fixed one itself.
    ///
    /// # Errors
    /// Those of [`Sizes::ensure_used`](gnet_core::graph::Sizes::ensure_used).
    pub fn check_sizes(&self, files: &[&FileSide]) -> Result<()> {
        let graphs: Vec<_> = files.iter().map(|file| &file.model().graph).collect();
        self.options.sizes.ensure_used(&graphs)
    }

    /// Compares each of `others` with `reference`. `say` is called with the current activity.
    ///
    /// # Errors
    /// Those of [`verify()`]; also fails on fewer than two samples, a tolerance that means nothing, ranges that do not
    /// fit, images for a file that does not say how they are prepared, arrays that the inputs do not take, or outputs that
    /// cannot be written.
    pub fn verify(
        &self,
        reference: &mut dyn Side,
        others: &mut [FileSide],
        say: &mut dyn FnMut(&str),
    ) -> Result<Verification> {
        let tolerance = self.accepted(reference, others)?;
        if let Some(path) = &self.outputs {
            files::check_place(path)?;
        }
        let sets = match &self.given {
            Some(given) => vec![given_set(given, reference, others)?],
            None if self.outputs.is_some() => {
                return Err(Error::input("outputs", "are saved for arrays of one's own, and none are given")
                    .remedy("give them with --inputs-from FILE.npz"));
            }
            None => self.input_sets(reference, others, tolerance.precision)?,
        };
        let options = VerifyOptions::new(tolerance).bisect(self.bisect).seed(self.seed);
        let mut verification = verify(reference, others, &sets, &options, say)?;
        verification.dims = self.options.sizes.dims().iter().cloned().collect();
        verification.arrays = self.given.as_ref().map(|given| given.file().clone());
        if let (Some(path), [set]) = (&self.outputs, &sets[..]) {
            arrays::write(path, &outputs(reference, others, set)?)?;
        }
        Ok(verification)
    }

    fn accepted(&self, reference: &dyn Side, others: &[FileSide]) -> Result<Tolerance> {
        let coarsest = others.iter().map(Side::precision).fold(reference.precision(), Ord::max);
        let tolerance = self.precision.unwrap_or(coarsest).tolerance();
        self.tolerance.map_or(Ok(tolerance), |relative| tolerance.with_relative(relative))
    }

    /// Returns random samples of every kind, and real images if the file states their preprocessing.
    fn input_sets(&self, reference: &dyn Side, others: &[FileSide], precision: Precision) -> Result<Vec<InputSet>> {
        let signatures: Vec<_> = others.iter().map(FileSide::signature).chain([reference.signature()]).collect();
        let plan = &Plan::new(self.samples, &signatures)?;
        let other_signatures: Vec<_> = others.iter().map(FileSide::signature).collect();
        let signature = &reference.signature().fed_as(&other_signatures, &self.ranges)?;
        let images = self.images(others, reference, plan)?;
        let kinds = match &self.inputs[..] {
            [] => Distribution::for_precision(precision),
            given => given,
        };
        let sets = kinds.iter().map(|kind| InputSet::random(*kind, signature, plan, self.seed));
        sets.chain(images.map(Ok)).collect()
    }

    fn images(&self, others: &[FileSide], reference: &dyn Side, plan: &Plan) -> Result<Option<InputSet>> {
        let Some(first) = others.first() else { return Ok(None) };
        let metadata = Metadata::from_props(&first.model().metadata).map_err(|e| first.file().named(e))?;
        let (source, metadata) = match (&self.data, metadata) {
            (None, None) => return Ok(None),
            (Some(_), None) => {
                let reason = "does not say how its images are prepared (no gnet metadata)";
                return Err(first
                    .file()
                    .named(Error::input(Error::THE_FILE, reason))
                    .remedy("leave --data out: random inputs need no preparation"));
            }
            (source, Some(metadata)) => (source.clone().unwrap_or(Source::Embedded), metadata),
        };
        let split = source.load()?.test;
        InputSet::images(&metadata.preprocessing, &split, reference.signature(), plan, self.seed).map(Some)
    }
}

/// Reads a user's arrays, named as the inputs of the first of `others` are, in the order of the reference's inputs.
fn given_set(given: &Given, reference: &dyn Side, others: &[FileSide]) -> Result<InputSet> {
    let Some(first) = others.first() else { return Err(Error::input("verify", "needs a second side and inputs")) };
    let inputs: Vec<_> = first.signature().inputs.iter().map(|port| (port.name.as_str(), port.dtype)).collect();
    let arrays = given.arrays(&inputs)?;
    let places = reference.signature().match_inputs(first.signature())?;
    Ok(InputSet::given(places.into_iter().map(|place| arrays[place].clone()).collect()))
}

/// Runs each side once more and returns its outputs by the side's name and theirs.
fn outputs(reference: &mut dyn Side, others: &mut [FileSide], set: &InputSet) -> Result<Vec<(String, Tensor)>> {
    let mut named = Vec::new();
    let mut add = |side: &str, names: &[String], outputs: Vec<Tensor>| {
        named.extend(names.iter().zip(outputs).map(|(name, output)| (format!("{side}/{name}"), output)));
    };
    for run in &set.runs {
        let outputs = reference.tensors(run)?;
        add("reference", &reference.signature().outputs, outputs);
        for (other, number) in others.iter_mut().zip(1..) {
            let side = if number == 1 { "other".to_owned() } else { format!("other{number}") };
            let outputs = other.tensors(&Ties::of(reference.signature(), other.signature())?.inputs_of(run))?;
            add(&side, &other.signature().outputs, outputs);
        }
    }
    Ok(named)
}
