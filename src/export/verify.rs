//! Runs the bytes that are about to be shipped in a second runtime and compares with Burn.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use serde::Serialize;

use super::Exported;
use crate::runtime::compare::{Agreement, Spread};
use crate::runtime::{self, Array, Provider, RunOptions};
use crate::trace::Batch;
use crate::{Error, Result};

/// Largest accepted difference, as a share of the largest logit.
///
/// The two runtimes sum the same products in another order. A sum of n products in f32 errs by about sqrt(n) * 2^-24 of
/// its terms (Higham, *Accuracy and Stability of Numerical Algorithms*, section 4.2, random rounding); with sums of up to
/// 2,400 terms in 22 layers that is a few 1e-6, and 3e-6 is the most that was seen. A swapped branch, a wrong epsilon or
/// one weight of a small layer off by 1 % shows above it (`tests/oracle.rs` plants them).
const RELATIVE_TOLERANCE: f64 = 1e-5;

/// Images in the two batches of a dynamic file: one, which broadcasting could treat apart, and a size that was not traced.
const BATCHES: [usize; 2] = [1, 4];

/// Runs of a file whose batch is fixed at one: it takes several images to tell apart.
const RUNS_OF_ONE: usize = 3;

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
    let mut pairs: Vec<(Array, Array)> = Vec::new();
    for (run, size) in batches.iter().enumerate() {
        let input = images(*size, item_shape, run);
        let reference = burn_outputs(&forward(&module, tensor(&input)))?;
        let outputs = tract_outputs(&exported.bytes, &input)?;
        if outputs.len() != reference.len() {
            return Err(Error::check("verification", "the file has another number of outputs than the module"));
        }
        append(&mut pairs, reference, outputs)?;
    }
    judge(&pairs, batches)
}

/// Images unlike one another: noise over a pattern of its own for each, and of growing contrast.
fn images(count: usize, item_shape: &[usize; 3], run: usize) -> Array {
    let [_, height, width] = *item_shape;
    let shape = vec![count, item_shape[0], height, width];
    let mut array = Array::noise(shape, 1 + run as u64);
    let item = item_shape.iter().product::<usize>().max(1);
    for (i, value) in array.data.iter_mut().enumerate() {
        let (image, pixel) = (i / item + 11 * run, i % (height * width));
        let (y, x) = ((pixel / width) as f32 / height as f32, (pixel % width) as f32 / width as f32);
        let angle = 0.7 * image as f32;
        let wave = (6.0 * (x * angle.cos() + y * angle.sin()) * (1 + image % 4) as f32 + angle).sin();
        *value = 0.5 * *value + 1.5 * wave + 0.2 * (image % 5) as f32;
    }
    array
}

fn tensor(array: &Array) -> Tensor<4> {
    Tensor::from_data(TensorData::new(array.data.clone(), array.shape.clone()), &Device::flex())
}

fn burn_outputs(outputs: &[Tensor<2>]) -> Result<Vec<Array>> {
    let array = |tensor: &Tensor<2>| {
        let data = tensor.to_data();
        let shape = data.shape().to_vec();
        let values = data.try_to_vec::<f32>().map_err(|e| Error::input("Burn's output", format!("{e:?}")))?;
        Array::new(shape, values)
    };
    outputs.iter().map(array).collect()
}

fn tract_outputs(bytes: &[u8], input: &Array) -> Result<Vec<Array>> {
    let options = RunOptions::new(1, input.batch());
    let mut session = runtime::load(Provider::Tract, bytes, &options)?;
    runtime::infer(session.as_mut(), input)
}

/// Joins the images of several runs, output by output.
fn append(pairs: &mut Vec<(Array, Array)>, reference: Vec<Array>, outputs: Vec<Array>) -> Result<()> {
    let join = |a: &Array, b: Array| -> Result<Array> {
        let shape = std::iter::once(a.batch() + b.batch()).chain(b.shape[1..].iter().copied()).collect();
        Array::new(shape, [a.data.clone(), b.data].concat())
    };
    if pairs.is_empty() {
        pairs.extend(reference.into_iter().zip(outputs));
        return Ok(());
    }
    for (pair, (reference, output)) in pairs.iter_mut().zip(reference.into_iter().zip(outputs)) {
        *pair = (join(&pair.0, reference)?, join(&pair.1, output)?);
    }
    Ok(())
}

fn judge(pairs: &[(Array, Array)], batches: Vec<usize>) -> Result<Verified> {
    let mut result = Verified { max_abs_diff: 0.0, tolerance: 0.0, images: 0, batches, spread: f64::INFINITY };
    for (reference, output) in pairs {
        let agreement = Agreement::of(reference, output)?;
        let largest = reference.data.iter().fold(0f64, |largest, v| largest.max(f64::from(v.abs())));
        let tolerance = RELATIVE_TOLERANCE * largest;
        let spread = Spread::of(reference)?;
        if !agreement.within(tolerance) {
            let reason = format!(
                "Burn and tract disagree: largest difference {:.2e}, accepted {tolerance:.2e}",
                agreement.max_abs_diff
            );
            return Err(Error::check("verification", reason).remedy("the file was not written; please report this"));
        }
        if !spread.supports(tolerance) {
            let reason = format!(
                "different images give outputs only {:.2e} apart, too close for a tolerance of {tolerance:.2e} to prove anything",
                spread.min
            );
            return Err(Error::check("verification", reason).remedy("train the network first, or use --no-verify"));
        }
        result.max_abs_diff = result.max_abs_diff.max(agreement.max_abs_diff);
        result.tolerance = result.tolerance.max(tolerance);
        result.spread = result.spread.min(spread.min);
        result.images = agreement.images;
    }
    Ok(result)
}
