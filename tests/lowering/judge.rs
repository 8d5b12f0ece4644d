//! Runs every case once: exported for each opset, computed by tract, and again for random shapes.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use bytes::Bytes;
use gnet::OnnxFile;
use gnet::export::DEFAULT_OPSET;
use gnet::graph::{Dim, Sizes};
use gnet::onnx::{self, OPSETS};
use gnet::runtime::agreement::Agreement;
use gnet::runtime::{self, Array, EngineOptions, Provider, RunOptions};
use gnet::trace::Lowering;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestRng, TestRunner};

use super::case::{Case, Engine, TOLERANCE};
use super::cases;
use crate::session;

/// Batches that are run; none of them is traced.
const BATCHES: [usize; 2] = [1, 3];
/// Random shapes a case is tried with.
const SHAPES: u32 = 3;

/// Result of a case.
pub struct Outcome {
    pub case: Case,
    /// The oldest opset that it is exported to, and what the one before said.
    pub oldest: i64,
    pub refusal: Option<String>,
    /// Lowering of Burn's operations.
    pub log: Vec<Lowering>,
    /// Files by opset.
    pub files: BTreeMap<i64, Bytes>,
    /// Inputs, and what Burn makes of them.
    pub runs: Vec<(Array, Array)>,
}

/// The outcome of each case, or what is wrong with it. Computed once.
pub fn outcomes() -> &'static [Result<Outcome, String>] {
    static OUTCOMES: OnceLock<Vec<Result<Outcome, String>>> = OnceLock::new();
    OUTCOMES.get_or_init(|| side_by_side(cases::all(), outcome))
}

/// A refused form, and its error.
pub type Refusal = (String, String);

/// Returns the error of each form that is refused, or the fault.
pub fn refusals() -> &'static [Result<Refusal, String>] {
    static REFUSALS: OnceLock<Vec<Result<Refusal, String>>> = OnceLock::new();
    let refusal = |(case, part): (Case, &'static str)| {
        let name = case.name.clone();
        match catch_unwind(AssertUnwindSafe(|| case.export(&case.item, *OPSETS.end()))) {
            Ok(Err(error)) if error.to_string().contains(part) => Ok((name, error.to_string())),
            Ok(Err(error)) => Err(format!("{name}: {error}")),
            Ok(Ok(_)) => Err(format!("{name}: is lowered")),
            Err(_) => Err(format!("{name}: panics")),
        }
    };
    REFUSALS.get_or_init(|| cases::refusals::cases().into_iter().map(refusal).collect())
}

/// Does the same with each of many things, on as many threads as there are processors; the results have the things' order.
pub fn side_by_side<T: Send, R: Send>(things: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let things: Vec<Mutex<Option<T>>> = things.into_iter().map(|thing| Mutex::new(Some(thing))).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(at) else { return done };
            done.extend(thing.lock().unwrap().take().map(|thing| (at, work(thing))));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The outcomes that are good; a test that needs all of them fails elsewhere.
pub fn good() -> impl Iterator<Item = &'static Outcome> {
    outcomes().iter().flatten()
}

fn outcome(case: Case) -> Result<Outcome, String> {
    let name = case.name.clone();
    let result = catch_unwind(AssertUnwindSafe(|| tried(case)));
    let result = result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!("panic: {}", text.or(panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default()))
    });
    result.map_err(|reason| format!("{name}: {reason}"))
}

fn tried(case: Case) -> Result<Outcome, String> {
    let mut refusal = None;
    let mut exports = BTreeMap::new();
    for opset in OPSETS {
        match case.export(&case.item, opset) {
            Ok(exported) => drop(exports.insert(opset, exported)),
            Err(error) if exports.is_empty() => refusal = Some(error.to_string()),
            Err(error) => return Err(format!("opset {opset}, and not an older one: {error}")),
        }
    }
    let Some(oldest) = exports.keys().next().copied() else {
        return Err(refusal.unwrap_or_default());
    };
    let usual = oldest.max(DEFAULT_OPSET);
    let run = |batch: &usize| {
        let x = case.input(*batch, &case.longer(&case.item, 2 * batch), 7);
        let y = (case.burn)(&x);
        (x, y)
    };
    let runs: Vec<_> = BATCHES.iter().map(run).collect();
    if runs.iter().any(|(_, y)| spread(y) == 0.0) {
        return Err("the result is the same everywhere: it would show nothing".to_owned());
    }
    for (x, _) in &runs {
        (case.replay)(x).map_err(|error| error.to_string())?;
    }
    let log = exports[&usual].log.clone();
    let chosen = [oldest, usual, *OPSETS.end()];
    let files: BTreeMap<i64, Bytes> =
        exports.into_iter().filter(|(opset, _)| chosen.contains(opset)).map(|(o, e)| (o, e.bytes)).collect();
    for (opset, bytes) in &files {
        for (x, y) in &runs {
            judged(&case, bytes, x, y).map_err(|reason| format!("opset {opset}, batch {}: {reason}", x.shape[0]))?;
        }
    }
    random_shapes(&case, usual)?;
    Ok(Outcome { case, oldest, refusal, log, files, runs })
}

/// Checks that tract agrees with Burn, or fails if the case says that it must.
fn judged(case: &Case, bytes: &[u8], x: &Array, y: &Array) -> Result<(), String> {
    match (agrees(bytes, x, y), case.excuse(Engine::Tract)) {
        (result, None) => result,
        (Err(_), Some(_)) => Ok(()),
        (Ok(()), Some(reason)) => Err(format!("tract agrees, which it cannot: {reason}")),
    }
}

/// Runs a file in tract and compares.
pub fn agrees(bytes: &[u8], x: &Array, expected: &Array) -> Result<(), String> {
    let sizes = lengths(bytes, x).map_err(|e| e.to_string())?;
    let options = RunOptions { sizes, ..RunOptions::new(1, x.shape[0]) };
    let mut session = runtime::load(Provider::Tract, &OnnxFile::of_bytes(bytes.to_vec()), &options)
        .map_err(|e| format!("tract: {e}"))?;
    let got = runtime::run(session.as_mut(), x).map_err(|e| format!("tract: {e}"))?.remove(0);
    let agreement = Agreement::of(expected, &got).map_err(|e| e.to_string())?;
    match agreement.not_finite == 0 && agreement.rel_error <= TOLERANCE {
        true => Ok(()),
        false => Err(format!("{agreement:?}\n{expected:?}\n{got:?}")),
    }
}

/// Returns the differences of a second run, or of one after other inputs, from the first one in an engine.
pub fn changes_from_run_to_run(
    outcome: &Outcome,
    (provider, options): &(Provider, EngineOptions),
) -> Result<(), String> {
    let engine = if *provider == Provider::Tract { Engine::Tract } else { Engine::OnnxRuntime };
    if outcome.case.excuse(engine).is_some() {
        return Ok(());
    }
    for (x, _) in &outcome.runs {
        let other = outcome.case.input(x.shape[0], &x.shape[1..], 8);
        for (opset, bytes) in &outcome.files {
            let named = |text: String| format!("{}, opset {opset}, {provider}: {text}", outcome.case.name);
            let found = lengths(bytes, x).and_then(|sizes| {
                let options = RunOptions { engine: options.clone(), sizes, ..RunOptions::new(2, x.shape[0]) };
                let mut session = runtime::load(*provider, &OnnxFile::of_bytes(bytes.clone()), &options)?;
                session::differs(session.as_mut(), std::slice::from_ref(x), std::slice::from_ref(&other))
            });
            if let Some(text) = found.map_err(|error| named(error.to_string()))? {
                return Err(named(text));
            }
        }
    }
    Ok(())
}

/// The lengths of an input for the symbols beside the batch's.
fn lengths(bytes: &[u8], x: &Array) -> gnet::Result<Sizes> {
    let model = onnx::read(Bytes::copy_from_slice(bytes))?;
    let dims = model.graph.value(model.graph.inputs[0]).shape.clone().unwrap_or_default();
    let mut sizes = Sizes::none();
    for (dim, len) in dims.into_iter().zip(&x.shape) {
        match dim {
            Dim::Symbolic { symbol, .. } if symbol != "N" => sizes.extend(Sizes::dim(symbol, *len)),
            _ => {}
        }
    }
    Ok(sizes)
}

/// The case again with axes of random lengths, all different, and other numbers.
fn random_shapes(case: &Case, opset: i64) -> Result<(), String> {
    if case.open.is_empty() && case.symbols.is_empty() {
        return Ok(());
    }
    let longest = |(axis, len): (usize, &usize)| if case.open.contains(&axis) { len + 4 } else { *len };
    let ranges: Vec<_> = case.item.iter().enumerate().map(|entry| *entry.1..=longest(entry)).collect();
    let apart = |item: &Vec<usize>| (1..item.len()).all(|i| !item[..i].contains(&item[i]));
    let config =
        ProptestConfig { cases: SHAPES, failure_persistence: None, max_shrink_iters: 40, ..Default::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let any_lengths = ranges.prop_filter("two axes of one length", move |item| case.item.len() > 3 || apart(item));
    let result = runner.run(&(any_lengths, any::<u64>(), 2..6_usize), |(item, seed, batch)| {
        let exported = case.export(&item, opset).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let x = case.input(batch, &case.longer(&item, batch), seed);
        judged(case, &exported.bytes, &x, &(case.burn)(&x)).map_err(TestCaseError::fail)
    });
    result.map_err(|error| format!("random shapes: {error}"))
}

/// The distance between the least and the greatest number.
fn spread(array: &Array) -> f32 {
    let (least, most) = array.data.iter().fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
    most - least
}
