//! Verification: runs the exported bytes in a second runtime and compares the outputs with Burn's.

use burn::module::Module;
use burn::tensor::Device;
use serde::Serialize;

use super::{ExportOptions, Exported};
use crate::side::{moved, redrawn};
use crate::trace::{Axis, Fed, Feed, Inputs, NamedOutputs, Symbol, named};
use gnet_core::graph::{DType, Dim, Model, Sizes};
use gnet_core::{Error, OnnxFile, Result};
use gnet_engine::runtime::{self, Array, Provider, RunOptions, ValueRange};
use gnet_engine::verify::{
    Distribution, Draw, InputSet, Judgement, Plan, Port, Precision, Rule, Signature, Trial, Verdict, per_sample,
    settle, unit,
};

/// Sizes of the open axes in two runs, by their order among the symbols: one image, which broadcasting could treat
/// differently, and sizes that were not traced.
const SIZES: [[usize; 2]; 4] = [[1, 4], [6, 5], [4, 6], [6, 4]];

/// Number of runs of a file whose batch is fixed at one: several images are needed to tell outputs apart.
const RUNS_OF_ONE: usize = 3;

/// Seed of the images.
const SEED: u64 = 1;

/// Proof that a file computes the same as its module.
#[derive(Debug, Clone, Serialize)]
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
/// and from the traced inputs; integers and booleans are drawn from the values that the file accepts. The tolerance is
/// that of [`Precision::F32`], where the noise is the change of Burn's outputs when parameters and inputs are moved by
/// a unit in the last place.
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
    let found = compared(module, options, exported, &forward)?;
    let weak = |(judged, _): &(Vec<Judged>, Vec<usize>)| {
        let verdicts: Vec<Verdict> = judged.iter().map(Judged::verdict).collect();
        verdicts.contains(&Verdict::Weak) && !verdicts.contains(&Verdict::Disagree)
    };
    if !weak(&found) {
        return judge(found);
    }
    let copy = redrawn(module);
    let of_copy = super::export(&copy, options, &forward)?;
    if !same_structure(&exported.model, &of_copy.model) {
        return judge(found);
    }
    let proof = compared(&copy, options, &of_copy, &forward)?;
    // A copy that is as weak proves nothing: the verdict is then on the module itself.
    judge(if weak(&proof) { found } else { proof }).map(|verified| Verified { redrawn: true, ..verified })
}

/// Returns `true` if two models are the same except for the numbers in their constants.
fn same_structure(a: &Model, b: &Model) -> bool {
    let constants = |model: &Model| {
        let all = model.graph.initializers();
        all.map(|(id, tensor)| (id, tensor.dtype(), tensor.shape().to_vec())).collect::<Vec<_>>()
    };
    a.graph.nodes == b.graph.nodes && constants(a) == constants(b)
}

/// Compares every output in every shape, and returns the verdicts with the batches of the runs.
fn compared<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    options: &ExportOptions,
    exported: &Exported,
    forward: &impl Fn(&M, I) -> O,
) -> Result<(Vec<Judged>, Vec<usize>)> {
    let module = module.valid();
    let graph = &exported.model.graph;
    let mut fed = Vec::new();
    let (mut expected, mut found) = (Joined::default(), Joined::default());
    for run in runs(options) {
        let inputs = inputs(&exported.model, options, &run)?;
        let batch = inputs.first().map_or(1, Array::batch);
        let of_burn = in_burn(&module, options, &inputs, forward)?;
        let wanted = options.keep.as_ref().map_or(of_burn.len(), Vec::len);
        let of_burn = kept(of_burn, &exported.model)?;
        let of_tract = in_tract(exported, &run, &inputs)?;
        if wanted != of_tract.len() {
            return Err(Error::check("verification", "the file has another number of outputs than the module"));
        }
        same_shapes(&of_burn, &of_tract)?;
        expected.add(of_burn, batch);
        found.add(of_tract, batch);
        fed.push(inputs);
    }
    let outputs: Vec<usize> = expected.0.iter().map(|(output, _)| *output).collect();
    let mut trials = Vec::new();
    for (place, ((output, expected), (_, found))) in expected.0.into_iter().zip(found.0).enumerate() {
        let tolerance = Precision::F32.tolerance();
        let rule = Rule { tolerance, unit: unit(graph, graph.outputs[output]), images: false };
        trials.push(Trial::new(place, expected, found, rule)?);
    }
    let ports: Vec<Port> =
        options.inputs.iter().zip(&graph.inputs).map(|(input, id)| port(input, graph, *id)).collect();
    // Burn has one order of summation.
    let draws = Draw::all(SEED, Precision::F32.bits()).filter(|draw| *draw != Draw::Reordered);
    settle(&mut trials.iter_mut().collect::<Vec<_>>(), draws, |draw, _| {
        let moved = moved(&module, draw);
        let mut answers = Joined::default();
        for (number, inputs) in fed.iter().enumerate() {
            let of_burn = in_burn(&moved, options, &draw.inputs(inputs, &ports, number), forward)?;
            answers.add(kept(of_burn, &exported.model)?, inputs.first().map_or(1, Array::batch));
        }
        Ok(answers.0.into_iter().map(|(_, array)| array).enumerate().collect())
    })?;
    let discrete = |output: usize| graph.value(graph.outputs[output]).dtype.is_some_and(|dtype| !dtype.is_float());
    let judged = outputs.into_iter().zip(trials).map(|(output, trial)| Judged {
        output,
        discrete: discrete(output),
        judgement: trial.judgement,
    });
    Ok((judged.collect(), fed.iter().map(|inputs| inputs.first().map_or(1, Array::batch)).collect()))
}

/// Describes an input for the draws: the kind of numbers it accepts.
fn port(input: &crate::trace::Input, graph: &gnet_core::graph::Graph, id: gnet_core::graph::ValueId) -> Port {
    let dtype = graph.value(id).dtype.unwrap_or(DType::F32);
    Port { dtype, range: ValueRange::of(graph, id), ..Port::new(&input.name, Vec::new()) }
}

fn same_shapes(expected: &[Array], found: &[Array]) -> Result<()> {
    match expected.iter().zip(found).find(|(expected, found)| expected.shape != found.shape) {
        None => Ok(()),
        Some((expected, found)) => {
            let reason = format!("an output has the shape {:?} in Burn and {:?} in tract", expected.shape, found.shape);
            Err(Error::check("verification", reason))
        }
    }
}

/// One run: the size of each symbol, and a number that makes its inputs unique.
struct Run {
    sizes: Vec<(String, usize)>,
    number: u64,
}

fn runs(options: &ExportOptions) -> Vec<Run> {
    let symbols = options.symbols();
    if symbols.is_empty() {
        let first = options.inputs.first().and_then(|input| input.axes.first());
        let count = if first == Some(&Axis::Fixed(1)) { RUNS_OF_ONE } else { 1 };
        return (0..count as u64).map(|number| Run { sizes: Vec::new(), number }).collect();
    }
    let size = |(symbol, sizes): (&Symbol, &[usize; 2]), run: usize| (symbol.name().to_owned(), symbol.nth(sizes[run]));
    let run = |run: usize| symbols.iter().zip(&SIZES).map(|pair| size(pair, run)).collect();
    (0..2).map(|number| Run { sizes: run(number), number: number as u64 }).collect()
}

/// Returns the inputs of a run, as numbers.
fn inputs(model: &Model, options: &ExportOptions, run: &Run) -> Result<Vec<Array>> {
    let array = |(place, input): (usize, &crate::trace::Input)| {
        let size = |axis: &Axis| match axis {
            Axis::Fixed(size) => *size,
            Axis::Symbol(symbol) => {
                run.sizes.iter().find(|(name, _)| name == symbol.name()).map_or(1, |(_, size)| *size)
            }
        };
        let shape: Vec<usize> = input.axes.iter().map(size).collect();
        let seed = SEED + 100 * place as u64 + run.number;
        let id = model.graph.inputs[place];
        match (model.graph.value(id).dtype, ValueRange::of(&model.graph, id)) {
            (Some(DType::Bool), _) => Ok(mask(shape, seed)),
            (_, Some(range)) => Ok(whole(shape, seed, range)),
            _ => pattern(&input.name, &shape, seed),
        }
    };
    options.inputs.iter().enumerate().map(array).collect()
}

/// Draws booleans, the first along the last axis false: a mask that covers everything leaves nothing to compute.
fn mask(shape: Vec<usize>, seed: u64) -> Array {
    let last = shape.last().copied().unwrap_or(1).max(1);
    let mut array = whole(shape, seed, ValueRange::BITS);
    array.data.iter_mut().step_by(last).for_each(|value| *value = 0.0);
    array
}

/// Draws whole numbers from a range.
fn whole(shape: Vec<usize>, seed: u64, range: ValueRange) -> Array {
    let mut array = Array::uniform(shape, seed);
    let number = |share: f32| (f64::from(share) * range.count() as f64).floor() as f32 + range.low() as f32;
    array.data.iter_mut().for_each(|value| *value = number(*value));
    array
}

fn pattern(name: &str, shape: &[usize], seed: u64) -> Result<Array> {
    let port = Port::new(name, shape.iter().map(|size| Dim::Known(*size)).collect());
    let signature = Signature { inputs: vec![port], outputs: Vec::new() };
    let plan = Plan { batch: shape.first().copied().unwrap_or(1), runs: 1 };
    let set = InputSet::random(Distribution::Pattern, &signature, &plan, seed)?;
    let array = set.runs.into_iter().flatten().next();
    array.ok_or_else(|| Error::input(format!("input '{name}'"), "has no values"))
}

/// Returns Burn's outputs by name.
fn in_burn<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    options: &ExportOptions,
    inputs: &[Array],
    forward: &impl Fn(&M, I) -> O,
) -> Result<Vec<(String, Array)>> {
    let device = Device::flex();
    let fed = |(input, array): (&crate::trace::Input, &Array)| Fed {
        name: input.name.clone(),
        shape: array.shape.clone(),
        values: Some(array.data.clone()),
    };
    let mut feed = Feed::new(&device, options.inputs.iter().zip(inputs).map(fed).collect());
    let outputs = named(&forward(module, I::take(&mut feed)?));
    outputs.into_iter().map(|output| Ok((output.name.clone(), output.values()?))).collect()
}

/// Returns the outputs that the file also has, in its order.
fn kept(mut answers: Vec<(String, Array)>, model: &Model) -> Result<Vec<Array>> {
    let graph = &model.graph;
    let missing =
        |name: &str| Error::check("verification", format!("the module has no output '{name}', which the file has"));
    let of = |name: &str| answers.iter().position(|(known, _)| known == name).ok_or_else(|| missing(name));
    let places = graph.outputs.iter().map(|id| of(&graph.value(*id).name)).collect::<Result<Vec<_>>>()?;
    Ok(places
        .into_iter()
        .map(|place| std::mem::replace(&mut answers[place].1, Array { shape: vec![], data: vec![] }))
        .collect())
}

/// Returns the outputs of the bytes themselves, fed at the sizes of the run.
fn in_tract(exported: &Exported, run: &Run, inputs: &[Array]) -> Result<Vec<Array>> {
    let batch = inputs.first().map_or(1, Array::batch);
    let sizes = Sizes::of_dims(&run.sizes).fitting(&exported.model.graph.stated_inputs());
    let mut session = runtime::load(
        Provider::Tract,
        &OnnxFile::of_bytes(exported.bytes.clone()),
        &RunOptions { sizes, ..RunOptions::new(1, batch) },
    )?;
    session.bind(inputs)?;
    session.run()?;
    session.outputs()
}

/// Outputs of all runs by their index in the file, joined if their shapes agree except for the batch.
#[derive(Default)]
struct Joined(Vec<(usize, Array)>);

impl Joined {
    /// Adds the outputs of a run of `batch` images.
    fn add(&mut self, outputs: Vec<Array>, batch: usize) {
        for (output, new) in outputs.into_iter().map(|output| per_sample(output, batch)).enumerate() {
            let alike = |(place, array): &&mut (usize, Array)| *place == output && array.shape[1..] == new.shape[1..];
            match self.0.iter_mut().find(alike) {
                Some((_, whole)) => {
                    whole.shape[0] += new.shape[0];
                    whole.data.extend(new.data);
                }
                None => self.0.push((output, new)),
            }
        }
    }
}

/// Verdict on one output in one shape.
struct Judged {
    /// Index among the file's outputs.
    output: usize,
    /// Whether it is a count or a decision, which may be the same for several inputs.
    discrete: bool,
    judgement: Judgement,
}

impl Judged {
    fn verdict(&self) -> Verdict {
        let differ = self.judgement.spread.as_ref().is_none_or(|spread| spread.max > 0.0);
        match self.judgement.verdict {
            Verdict::Weak if self.discrete && differ => Verdict::Agree,
            verdict => verdict,
        }
    }
}

fn judge((judged, batches): (Vec<Judged>, Vec<usize>)) -> Result<Verified> {
    let mut result =
        Verified { max_abs_diff: 0.0, tolerance: 0.0, images: 0, batches, spread: f64::INFINITY, redrawn: false };
    for judged in judged {
        let judgement = &judged.judgement;
        let reason = judgement.reason.clone().unwrap_or_else(|| "outputs are too alike".to_owned());
        match judged.verdict() {
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
        if !judged.discrete {
            result.spread = result.spread.min(judgement.spread.map_or(f64::INFINITY, |spread| spread.min));
        }
        result.max_abs_diff = result.max_abs_diff.max(judgement.agreement.max_abs_diff);
        result.tolerance = result.tolerance.max(judgement.most_accepted);
        if judged.output == 0 {
            result.images += judgement.agreement.images;
        }
    }
    Ok(result)
}
