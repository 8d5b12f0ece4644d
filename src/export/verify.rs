//! Runs the bytes that are about to be shipped in a second runtime and compares with Burn.

use burn::module::Module;
use burn::tensor::Tensor;
use serde::Serialize;

use super::Exported;
use crate::graph::Dim;
use crate::runtime::{self, Array, Provider, RunOptions};
use crate::trace::Batch;
use crate::verify::{
    Distribution, InputSet, Judgement, Plan, Port, Precision, Signature, Verdict, from_burn, join, to_burn,
};
use crate::{Error, Result};

/// Images in the two batches of a dynamic file: one, which broadcasting could treat apart, and a size that was not traced.
const BATCHES: [usize; 2] = [1, 4];

/// Runs of a file whose batch is fixed at one: it takes several images to tell apart.
const RUNS_OF_ONE: usize = 3;

/// Seed of the images.
const SEED: u64 = 1;

/// Proof that a file computes what the module computes.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    /// Largest difference of an output value over all images and outputs.
    pub max_abs_diff: f64,
    /// What was accepted, in the same unit.
    pub tolerance: f64,
    /// Images compared.
    pub images: usize,
    /// Batch sizes run.
    pub batches: Vec<usize>,
    /// Distance of the two closest images' outputs.
    pub spread: f64,
}

/// Compares the exported bytes in tract with `forward` in Burn on fresh inputs, for each kept output.
///
/// The inputs are [patterns](Distribution::Pattern), unlike one another and unlike what was traced; what is accepted is
/// [`Precision::F32`]'s tolerance.
///
/// # Errors
/// A difference beyond the tolerance, or outputs too alike for the comparison to mean anything
/// ([`ErrorKind::Check`](crate::ErrorKind::Check)); a file that tract cannot run.
pub fn verify<M: Module>(
    module: &M,
    exported: &Exported,
    item_shape: &[usize; 3],
    batch: Batch,
    forward: impl Fn(&M, Tensor<4>) -> Vec<Tensor<2>>,
) -> Result<Verified> {
    let module = module.valid();
    let batches = match batch {
        Batch::Dynamic => BATCHES.to_vec(),
        Batch::Fixed(1) => vec![1; RUNS_OF_ONE],
        Batch::Fixed(size) => vec![size],
    };
    let (mut references, mut outputs) = (Vec::new(), Vec::new());
    for input in images(item_shape, &batches)? {
        let reference = forward(&module, to_burn(&input)).iter().map(from_burn).collect::<Result<Vec<_>>>()?;
        let output = tract_outputs(&exported.bytes, &input)?;
        if output.len() != reference.len() {
            return Err(Error::check("verification", "the file has another number of outputs than the module"));
        }
        join(&mut references, reference, input.batch())?;
        join(&mut outputs, output, input.batch())?;
    }
    judge(&references, &outputs, batches)
}

/// As many images as all batches take, dealt to them.
fn images(item_shape: &[usize; 3], batches: &[usize]) -> Result<Vec<Array>> {
    let shape = std::iter::once(Dim::symbol("N")).chain(item_shape.iter().map(|side| Dim::Known(*side)));
    let port = Port { name: "images".to_owned(), shape: shape.collect() };
    let signature = Signature { inputs: vec![port], outputs: Vec::new() };
    let plan = Plan { batch: batches.iter().sum(), runs: 1 };
    let set = InputSet::random(Distribution::Pattern, &signature, &plan, SEED)?;
    let mut rows = set.runs.iter().flatten().flat_map(Array::rows);
    let deal = |size: &usize| {
        let data: Vec<f32> = rows.by_ref().take(*size).flatten().copied().collect();
        Array::new([&[*size], &item_shape[..]].concat(), data)
    };
    batches.iter().map(deal).collect()
}

fn tract_outputs(bytes: &[u8], input: &Array) -> Result<Vec<Array>> {
    let options = RunOptions::new(1, input.batch());
    let mut session = runtime::load(Provider::Tract, bytes, &options)?;
    runtime::infer(session.as_mut(), input)
}

fn judge(references: &[Array], outputs: &[Array], batches: Vec<usize>) -> Result<Verified> {
    let mut result = Verified { max_abs_diff: 0.0, tolerance: 0.0, images: 0, batches, spread: f64::INFINITY };
    for (reference, output) in references.iter().zip(outputs) {
        let judgement = Judgement::of(reference, output, &Precision::F32.tolerance(), false)?;
        let reason = judgement.reason.clone().unwrap_or_default();
        match judgement.verdict {
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
        result.max_abs_diff = result.max_abs_diff.max(judgement.agreement.max_abs_diff);
        result.tolerance = result.tolerance.max(judgement.accepted);
        result.spread = result.spread.min(judgement.spread.map_or(0.0, |spread| spread.min));
        result.images = judgement.agreement.images;
    }
    Ok(result)
}
