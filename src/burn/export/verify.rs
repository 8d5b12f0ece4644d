//! Verification: runs the exported bytes in a second runtime and compares the outputs with Burn's.

use std::collections::HashMap;

use burn::module::Module;
use schemars::JsonSchema;
use serde::Serialize;

use super::{ExportOptions, Exported, export};
use crate::side::BurnSide;
use crate::trace::{Axis, Inputs, NamedOutputs, Symbol};
use gnet_core::graph::{DType, Dim, Model};
use gnet_core::{Error, OnnxFile, Result};
use gnet_engine::runtime::{Array, Provider, ValueRange};
use gnet_engine::verify::{
    self, Bisect, Comparison, Distribution, FileSide, InputSet, Plan, Port, Precision, Row, Side, Signature, Verdict,
    VerifyOptions,
};

/// Sizes of the open axes in two runs, by their order among the symbols: one image, which broadcasting could treat
/// differently, and sizes that were not traced.
const SIZES: [[usize; 2]; 4] = [[1, 4], [6, 5], [4, 6], [6, 4]];

/// Number of runs of a file whose batch is fixed at one: several images are needed to tell outputs apart.
const RUNS_OF_ONE: usize = 3;

/// Seed of the images.
const SEED: u64 = 1;

/// Proof that a file computes the same as its module.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Verified {
    /// Largest difference of an output value over all images and outputs.
    pub max_abs_diff: f64,
    /// Largest difference that was accepted for any value, in the same unit.
    pub tolerance: f64,
    /// Number of images compared.
    pub images: usize,
    /// Batch sizes run.
    pub batches: Vec<usize>,
    /// Distance between the outputs of the two closest images.
    pub spread: f64,
    /// Whether the proof was made on a copy with redrawn weights, because the module's own outputs hardly depend on its
    /// inputs.
    pub redrawn: bool,
}

/// Compares the exported bytes in tract with `forward` in Burn on fresh inputs, for each kept output.
///
/// `options` are those of the export. Float inputs are [patterns](Distribution::Pattern) that differ from one another
/// and from the traced inputs; integers and booleans are drawn from the values that the file accepts. The verdict is that
/// of [`gnet_engine::verify`] at the tolerance of [`Precision::F32`], with Burn as the reference.
///
/// A network whose outputs hardly depend on its inputs, as is common for freshly initialised deep ones, is verified on
/// a copy of the module with redrawn weights, whose export must have the same nodes.
///
/// # Errors
/// Fails if a difference exceeds the tolerance, if the outputs, including those of the copy, are too similar for the
/// comparison to be meaningful ([`ErrorKind::Check`](gnet_core::ErrorKind::Check)), or if tract cannot run the file.
pub fn verify<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    options: &ExportOptions,
    exported: &Exported,
    forward: impl Fn(&M, I) -> O,
) -> Result<Verified> {
    let signature = signature(options, exported)?;
    let again = |module: &M| Ok(export(module, options, &forward)?.model);
    let mut module =
        BurnSide::new("the module in Burn", module, signature, &forward, again).exported_as(&exported.model);
    proved(&mut module, options, exported)
}

fn signature(options: &ExportOptions, exported: &Exported) -> Result<Signature> {
    // If all outputs are kept, none was pruned.
    let (outputs, pruned) = (exported.model.graph.outputs.len(), exported.pruned.outputs.len());
    if options.keep.as_ref().map_or(outputs + pruned, Vec::len) != outputs {
        return Err(Error::check("verification", "the file has another number of outputs than the module"));
    }
    Signature::open(&exported.model.graph)
}

fn proved(module: &mut dyn Side, options: &ExportOptions, exported: &Exported) -> Result<Verified> {
    let file = OnnxFile::of_bytes(exported.bytes.clone());
    let file = FileSide::at_any_size("the file in tract", file, Provider::Tract)?;
    let runs = (0..).zip(runs(options)).map(|(number, sizes)| inputs(&exported.model, options, &sizes, number));
    let runs = runs.collect::<Result<Vec<_>>>()?;
    let batches = runs.iter().map(|run| run.first().map_or(1, Array::batch)).collect();
    let sets = [InputSet::new(Distribution::Pattern.name(), runs, module.signature())];
    let how = VerifyOptions::new(Precision::F32.tolerance()).bisect(Bisect::Never).seed(SEED);
    let record = verify::verify(module, &mut [file], &sets, &how, &mut |_| ())?;
    let Some(comparison) = record.comparisons.into_iter().next() else {
        return Err(Error::check("verification", "nothing was compared"));
    };
    verified(comparison, module, batches)
}

/// Returns the sizes of the symbols in each run.
fn runs(options: &ExportOptions) -> Vec<HashMap<String, usize>> {
    let symbols = options.symbols();
    if symbols.is_empty() {
        let first = options.inputs.first().and_then(|input| input.axes.first());
        return vec![HashMap::new(); if first == Some(&Axis::Fixed(1)) { RUNS_OF_ONE } else { 1 }];
    }
    let size = |(symbol, sizes): (&Symbol, &[usize; 2]), run: usize| (symbol.name().to_owned(), symbol.nth(sizes[run]));
    let run = |run: usize| symbols.iter().zip(&SIZES).map(|pair| size(pair, run)).collect();
    (0..2).map(run).collect()
}

/// Returns the inputs of a run, as numbers that those of another `number` do not have.
fn inputs(model: &Model, options: &ExportOptions, sizes: &HashMap<String, usize>, number: u64) -> Result<Vec<Array>> {
    let array = |(place, input): (usize, &crate::trace::Input)| {
        let size = |axis: &Axis| match axis {
            Axis::Fixed(size) => *size,
            Axis::Symbol(symbol) => sizes.get(symbol.name()).copied().unwrap_or(1),
        };
        let shape: Vec<usize> = input.axes.iter().map(size).collect();
        let seed = SEED + 100 * place as u64 + number;
        let id = model.graph.inputs[place];
        match (model.graph.value(id).dtype, ValueRange::of(&model.graph, id)) {
            (Some(DType::Bool), _) => Ok(mask(shape, seed)),
            (_, Some(range)) => Ok(Array::whole(shape, range, seed)),
            _ => pattern(&input.name, &shape, seed),
        }
    };
    options.inputs.iter().enumerate().map(array).collect()
}

/// Draws booleans, the first along the last axis false: a mask that covers everything leaves nothing to compute.
fn mask(shape: Vec<usize>, seed: u64) -> Array {
    let last = shape.last().copied().unwrap_or(1).max(1);
    let mut array = Array::whole(shape, ValueRange::BITS, seed);
    array.data.iter_mut().step_by(last).for_each(|value| *value = 0.0);
    array
}

fn pattern(name: &str, shape: &[usize], seed: u64) -> Result<Array> {
    let port = Port::new(name, Dim::fixed(shape));
    let signature = Signature { inputs: vec![port], outputs: Vec::new() };
    let plan = Plan { batch: shape.first().copied().unwrap_or(1), runs: 1 };
    let set = InputSet::random(Distribution::Pattern, &signature, &plan, seed)?;
    let array = set.runs.into_iter().flatten().next();
    array.ok_or_else(|| Error::input(format!("input '{name}'"), "has no values"))
}

/// Turns a verdict into the record of an export, or into its error.
fn verified(comparison: Comparison, module: &dyn Side, batches: Vec<usize>) -> Result<Verified> {
    let Comparison { verdict, reason, rows, redrawn, .. } = comparison;
    // Copies that are as weak prove nothing: the verdict is then on the module itself.
    let redrawn = redrawn.filter(|copies| copies.verdict != Verdict::Weak);
    let mut result = Verified {
        max_abs_diff: 0.0,
        tolerance: 0.0,
        images: 0,
        batches,
        spread: f64::INFINITY,
        redrawn: redrawn.is_some(),
    };
    let rows = redrawn.map_or(rows, |copies| copies.rows);
    let said = rows.iter().find(|row| row.judgement.verdict == verdict).and_then(|row| row.judgement.reason.clone());
    let reason = said.or(reason).unwrap_or_default();
    match verdict {
        Verdict::Agree => {}
        Verdict::Disagree => {
            return Err(Error::check("verification", format!("Burn and tract disagree: {reason}"))
                .remedy("the file was not written; please report this"));
        }
        Verdict::Weak => {
            return Err(Error::check("verification", format!("{reason} for agreement to mean anything"))
                .remedy("train the network first, or use --no-verify"));
        }
    }
    let outputs = &module.signature().outputs;
    for Row { output, judgement, .. } in &rows {
        let place = outputs.iter().position(|name| name == output).unwrap_or_default();
        if !module.counts(place) {
            result.spread = result.spread.min(judgement.spread.map_or(f64::INFINITY, |spread| spread.min));
        }
        result.max_abs_diff = result.max_abs_diff.max(judgement.agreement.max_abs_diff);
        result.tolerance = result.tolerance.max(judgement.most_accepted);
        if place == 0 {
            result.images += judgement.agreement.images;
        }
    }
    Ok(result)
}
