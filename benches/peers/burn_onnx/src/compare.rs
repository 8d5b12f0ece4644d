//! One module through both exporters, and what their files answer.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use burn_onnx::export::{AxisSpec, InputSpec, OnnxExporter};
use gnet::OnnxFile;
use gnet::export::{ExportOptions, export};
use gnet::onnx;
use gnet::runtime::{self, Array, Provider, RunOptions};
use gnet::verify::{Judgement, Precision};
use serde::Serialize;

/// Items that the files are run on.
const BATCH: usize = 3;

/// Exports of each side, of which the middle one's time counts.
const ROUNDS: usize = 7;

/// Accepted of the largest value: two dozen layers of untrained weights carry rounding further than trained ones, where gnet's
/// own check asks for a tenth of this.
const ACCEPTED: f64 = 1e-4;

/// Seed of the inputs.
const SEED: u64 = 11;

/// One module.
#[derive(Debug, Serialize)]
pub struct Comparison {
    pub module: &'static str,
    pub gnet: Side,
    pub burn_onnx: Side,
}

/// Result of an exporter.
#[derive(Debug, Default, Serialize)]
pub struct Side {
    /// Whether the batch is dynamic; with a fixed one `why_fixed` says why.
    pub dynamic: bool,
    pub why_fixed: Option<String>,
    /// From a module in memory to the bytes of a file.
    pub ms: Option<f64>,
    pub bytes: Option<usize>,
    pub nodes: Option<usize>,
    /// Constants that no node reads.
    pub dead_initializers: Option<usize>,
    /// Whether a second export gives the same bytes.
    pub repeatable: Option<bool>,
    /// Against Burn's own answer, in tract: `agree`, `weak` or `disagree`.
    pub verdict: Option<&'static str>,
    pub max_abs_diff: Option<f64>,
    /// Why there is no file, or none that runs.
    pub failed: Option<String>,
}

/// Exports `forward` of `module` for items of `shape` (without the batch) in both ways and runs what comes out.
pub fn compare<M: Module, const D: usize, const E: usize>(
    name: &'static str,
    module: &M,
    shape: &[usize],
    forward: impl Fn(&M, Tensor<D>) -> Tensor<E>,
) -> Comparison {
    let input = Array::noise([&[BATCH], shape].concat(), SEED);
    let data = TensorData::new(input.data.clone(), input.shape.clone());
    let reference = forward(&module.valid(), Tensor::from_data(data, &Device::flex()));
    let values = reference.clone().into_data().try_to_vec::<f32>().map_err(|e| format!("{e:?}"));
    let reference = values.and_then(|v| Array::new(reference.dims().to_vec(), v).map_err(text));
    let judge = |side: Side, bytes: &[u8]| judged(side, bytes, &input, reference.as_ref());
    let gnet = || export(module, &ExportOptions::new(shape), &forward).map(|file| file.bytes.to_vec());
    let gnet = match attempt(gnet) {
        Ok(bytes) => judge(Side { dynamic: true, ..measured(gnet, &bytes) }, &bytes),
        Err(reason) => Side { failed: Some(reason), ..Side::default() },
    };
    Comparison { module: name, gnet, burn_onnx: burn_onnx(module, shape, &forward, judge) }
}

/// burn-onnx with a dynamic batch, or where it refuses with a fixed one.
fn burn_onnx<M: Module, const D: usize, const E: usize>(
    module: &M,
    shape: &[usize],
    forward: &impl Fn(&M, Tensor<D>) -> Tensor<E>,
    judge: impl Fn(Side, &[u8]) -> Side,
) -> Side {
    // It moves its own copy of the module, and of the running statistics that a copy shares: `valid` gives it others.
    let zeros = |batch: usize| Tensor::<D>::zeros([&[batch], shape].concat(), &Device::flex());
    let axes = std::iter::once(AxisSpec::dynamic("N")).chain(shape.iter().map(|_| AxisSpec::Static));
    let specs = [InputSpec::new(axes.collect::<Vec<_>>())];
    let exporter = OnnxExporter::new();
    let dynamic = || {
        let made = exporter.export_dynamic(&module.valid(), zeros(2), zeros(5), &specs, forward);
        made.map(|model| model.into_bytes())
    };
    let fixed = || exporter.export(&module.valid(), zeros(BATCH), forward).map(|model| model.into_bytes());
    let why_fixed = match attempt(dynamic) {
        Ok(bytes) => return judge(Side { dynamic: true, ..measured(dynamic, &bytes) }, &bytes),
        Err(reason) => Some(reason),
    };
    match attempt(fixed) {
        Ok(bytes) => judge(Side { why_fixed, ..measured(fixed, &bytes) }, &bytes),
        Err(reason) => Side { failed: Some(reason), ..Side::default() },
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// The bytes, or the reason, also of a panic.
fn attempt<E: Display>(export: impl Fn() -> Result<Vec<u8>, E>) -> Result<Vec<u8>, String> {
    match catch_unwind(AssertUnwindSafe(export)) {
        Ok(made) => made.map_err(text),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            Err(format!("panics: {}", said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no message")))
        }
    }
}

/// Time, size and structure of an export that works.
fn measured<E: Display>(export: impl Fn() -> Result<Vec<u8>, E>, bytes: &[u8]) -> Side {
    let mut side = Side { bytes: Some(bytes.len()), ..Side::default() };
    let mut times = Vec::new();
    let mut repeatable = true;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let again = attempt(&export);
        times.push(start.elapsed().as_secs_f64() * 1e3);
        repeatable &= again.is_ok_and(|again| again == bytes);
    }
    times.sort_by(f64::total_cmp);
    (side.ms, side.repeatable) = (Some(times[ROUNDS / 2]), Some(repeatable));
    match onnx::read(bytes.to_vec().into()) {
        Ok(model) => {
            let uses = model.graph.uses();
            let dead = model.graph.initializers().filter(|(id, _)| !uses.contains_key(id)).count();
            (side.nodes, side.dead_initializers) = (Some(model.graph.nodes.len()), Some(dead));
        }
        Err(error) => side.failed = Some(format!("its file cannot be read: {error}")),
    }
    side
}

/// Runs a file in tract and holds the answer against Burn's.
fn judged(mut side: Side, bytes: &[u8], input: &Array, reference: Result<&Array, &String>) -> Side {
    let run = || -> Result<Judgement, String> {
        let reference = reference.map_err(Clone::clone)?;
        let file = OnnxFile::of_bytes(bytes.to_vec());
        let mut session = runtime::load(Provider::Tract, &file, &RunOptions::new(1, BATCH)).map_err(text)?;
        let outputs = runtime::run(session.as_mut(), input).map_err(text)?;
        let output = outputs.first().ok_or("the file has no output")?;
        let tolerance = Precision::F32.tolerance().with_relative(ACCEPTED).map_err(text)?;
        Judgement::of(reference, output, &tolerance, false).map_err(text)
    };
    match run() {
        Ok(judgement) => {
            side.verdict = Some(judgement.verdict.name());
            side.max_abs_diff = Some(judgement.agreement.max_abs_diff);
        }
        Err(reason) => side.failed = Some(reason),
    }
    side
}
