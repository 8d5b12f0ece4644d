//! A pass never changes results: random networks, computed before and after by the reference evaluator, and by tract.
//!
//! Each pass by itself and the whole list, which must find nothing to do the second time; the same with networks inside branches
//! and loops (`nested`), and with graphs of every rank that broadcast both ways, at two sizes of their open axes (`wide`).
//! tract computes the plain ones too, ONNX Runtime all but the nested ones (`oracle`); passes with planted faults must be
//! caught (`faults`).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "passes/cli.rs"]
mod cli;
#[path = "passes/faults.rs"]
mod faults;
#[path = "passes/foreign.rs"]
mod foreign;
#[path = "passes/generate.rs"]
mod generate;
#[path = "passes/nested.rs"]
mod nested;
#[path = "passes/oracle.rs"]
mod oracle;
#[path = "oracle/python.rs"]
mod python;
#[cfg(feature = "tract")]
#[path = "passes/tract.rs"]
mod tract;
#[cfg(feature = "tract")]
#[path = "passes/verified.rs"]
mod verified;
#[path = "passes/wide.rs"]
mod wide;

use std::cell::RefCell;
use std::collections::BTreeMap;

use generate::{Sample, network, steps};
use gnet::graph::{Model, Tensor};
use gnet::passes::{self, ALL, DEAD_CODE, DEFAULT, FREEZE_DEFAULTS, PRUNE, Pass, PassOptions, Rewrites};
use gnet::{onnx, reference};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

/// Distance by which a pass that is not exact may move a result, relative to the largest number in it.
const TOLERANCE: f32 = 1e-4;

fn computed(model: &Model, input: &Tensor) -> Vec<Tensor> {
    reference::run(model, std::slice::from_ref(input)).unwrap()
}

/// As [`computed`], of a model that a pass may have broken.
fn rewritten(model: &Model, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
    reference::run(model, inputs).map_err(|e| e.to_string())
}

/// Describes the difference between the results, if any: in a bit, or by more than rounding.
fn difference(before: &[Tensor], after: &[Tensor], exact: bool) -> Option<String> {
    if before.len() != after.len() {
        return Some(format!("{} results became {}", before.len(), after.len()));
    }
    before.iter().zip(after).enumerate().find_map(|(i, (a, b))| {
        if a.shape() != b.shape() || a.dtype() != b.dtype() {
            return Some(format!("result {i}: {a:?} became {b:?}"));
        }
        if exact {
            return (a != b).then(|| format!("result {i} differs in a bit"));
        }
        let (a, b) = (a.to_f32()?, b.to_f32()?);
        let scale = a.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
        // A NaN is not close to anything.
        let close = |(a, b): &(&f32, &f32)| (*a - *b).abs() <= TOLERANCE * scale;
        let far = a.iter().zip(&b).find(|pair| !close(pair));
        far.map(|(a, b)| format!("result {i}: {a} became {b}"))
    })
}

/// Runs passes on a copy, and says what differs afterwards.
fn violation(sample: &Sample, passes: &[Pass], exact: bool) -> Result<(Model, Vec<Rewrites>), String> {
    let before = computed(&sample.model, &sample.input);
    let mut model = sample.model.clone();
    let log = passes::run(&mut model, passes, &PassOptions::default()).map_err(|e| e.to_string())?;
    match difference(&before, &rewritten(&model, std::slice::from_ref(&sample.input))?, exact) {
        Some(difference) => Err(difference),
        None => Ok((model, log)),
    }
}

/// Every pass that needs no words of its own.
fn each() -> impl Iterator<Item = Pass> {
    ALL.into_iter().filter(|pass| ![PRUNE.name, FREEZE_DEFAULTS.name].contains(&pass.name))
}

/// `PROPTEST_CASES` asks for more.
fn runner(cases: u32) -> TestRunner {
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { cases };
    // The same graphs in each run; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` ask for others.
    let rng_seed = match Config::default().rng_seed {
        RngSeed::Random => RngSeed::Fixed(9),
        given => given,
    };
    TestRunner::new(Config { cases, rng_seed, failure_persistence: None, ..Config::default() })
}

#[test]
fn no_pass_changes_a_result() {
    let applied = RefCell::new(BTreeMap::<&str, usize>::new());
    let run = |steps: Vec<generate::Step>| {
        let sample = network(&steps);
        for pass in each() {
            let failed = |reason| TestCaseError::fail(format!("{}: {reason}", pass.name));
            let (_, log) = violation(&sample, &[pass], pass.exact).map_err(failed)?;
            *applied.borrow_mut().entry(pass.name).or_default() += usize::from(!log[0].applied.is_empty());
        }
        Ok(())
    };
    runner(400).run(&steps(), run).unwrap();
    // A pass that never met what it looks for would have proved nothing.
    for pass in each() {
        let times = applied.borrow()[pass.name];
        assert!(times >= 10, "{} rewrote {times} of 400 networks: {applied:?}", pass.name);
    }
}

#[test]
fn no_pass_changes_a_result_inside_branches_and_loops() {
    let mut applied = BTreeMap::<&str, usize>::new();
    let cases = u64::from(runner(40).config().cases);
    for number in 0..cases {
        let sample = nested::fixed(number);
        for pass in each() {
            let checked = violation(&sample, &[pass], pass.exact);
            let (model, log) = checked.unwrap_or_else(|reason| panic!("network {number}: {}: {reason}", pass.name));
            let inside = log[0].applied.iter().any(|name| name.contains("_branch/") || name.contains(".body/"));
            *applied.entry(pass.name).or_default() += usize::from(inside);
            onnx::read(onnx::write(&model).unwrap().into()).unwrap();
        }
        let (mut model, _) = violation(&sample, &DEFAULT, false).unwrap_or_else(|e| panic!("network {number}: {e}"));
        let log = passes::run(&mut model, &DEFAULT, &PassOptions::default()).unwrap();
        for pass in log {
            assert!(pass.applied.is_empty(), "network {number}: {} still found {:?}", pass.pass, pass.applied);
        }
    }
    for pass in each() {
        assert!(applied[pass.name] >= 2, "rewrote too few of {cases} networks inside: {applied:?}");
    }
}

#[test]
fn no_pass_changes_a_result_at_either_size_of_an_open_axis() {
    let mut applied = BTreeMap::<&str, usize>::new();
    let cases = u64::from(runner(400).config().cases);
    for number in 0..cases {
        let wide = wide::wide(number);
        let lists = each().map(|pass| (vec![pass], pass.exact)).chain([(DEFAULT.to_vec(), false)]);
        for (list, exact) in lists {
            let failed = |reason: String| -> ! { panic!("graph {number}, {list:?}: {reason}") };
            let mut model = wide.model.clone();
            let log = passes::run(&mut model, &list, &PassOptions::default()).unwrap_or_else(|e| failed(e.to_string()));
            for (inputs, expected) in wide.inputs.iter().zip(&wide.outputs) {
                let found = rewritten(&model, inputs).unwrap_or_else(|e| failed(e));
                if let Some(difference) = difference(expected, &found, exact) {
                    failed(difference);
                }
            }
            for pass in &log {
                *applied.entry(pass.pass).or_default() += usize::from(!pass.applied.is_empty());
            }
            onnx::read(onnx::write(&model).unwrap().into()).unwrap();
            if list.len() > 1 {
                let log = passes::run(&mut model, &list, &PassOptions::default()).unwrap();
                for pass in log {
                    assert!(pass.applied.is_empty(), "graph {number}: {} still found {:?}", pass.pass, pass.applied);
                }
            }
        }
    }
    eprintln!("{applied:?}");
    for pass in [passes::DROP_IDENTITY, passes::FOLD_CONSTANTS, passes::RESTORE_GEMM, passes::FOLD_BATCH_NORM] {
        assert!(applied[pass.name] >= 10, "{} rewrote too few of {cases} graphs: {applied:?}", pass.name);
    }
}

#[test]
fn the_whole_list_changes_no_result_and_nothing_the_second_time() {
    let run = |steps: Vec<generate::Step>| {
        let (mut model, _) = violation(&network(&steps), &DEFAULT, false).map_err(TestCaseError::fail)?;
        let bytes = onnx::write(&model).unwrap();
        let log = passes::run(&mut model, &DEFAULT, &PassOptions::default()).unwrap();
        if let Some(pass) = log.iter().find(|pass| !pass.applied.is_empty()) {
            return Err(TestCaseError::fail(format!("{} still found {:?}", pass.pass, pass.applied)));
        }
        assert_eq!(onnx::write(&model).unwrap(), bytes);
        Ok(())
    };
    runner(400).run(&steps(), run).unwrap();
}

#[test]
fn each_output_alone_is_what_it_was_among_others() {
    let run = |steps: Vec<generate::Step>| {
        let sample = network(&steps);
        let whole = computed(&sample.model, &sample.input);
        for (i, id) in sample.model.graph.outputs.iter().enumerate() {
            let mut model = sample.model.clone();
            let outputs = vec![model.graph.value(*id).name.clone()];
            passes::run(&mut model, &[PRUNE], &PassOptions { outputs, ..PassOptions::default() }).unwrap();
            let alone = computed(&model, &sample.input);
            if let Some(difference) = difference(&whole[i..=i], &alone, true) {
                return Err(TestCaseError::fail(difference));
            }
            onnx::write(&model).unwrap();
        }
        Ok(())
    };
    runner(100).run(&steps(), run).unwrap();
}

#[test]
fn a_file_is_smaller_afterwards_and_reads_back() {
    let (mut before, mut after) = (0, 0);
    for number in 0..60 {
        let mut sample = network(&generate::series(number));
        passes::run(&mut sample.model, &[DEAD_CODE], &PassOptions::default()).unwrap();
        before += onnx::write(&sample.model).unwrap().len();
        let (model, _) = violation(&sample, &DEFAULT, false).unwrap();
        let bytes = onnx::write(&model).unwrap();
        after += bytes.len();
        let back = onnx::read(bytes.into()).unwrap();
        let [written, read] = [&model, &back].map(|model| computed(model, &sample.input));
        assert_eq!(difference(&written, &read, false), None);
    }
    assert!(after < before * 9 / 10, "{before} bytes became {after}");
}
