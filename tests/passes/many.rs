//! A pass never changes results: random networks, computed before and after by the reference evaluator.
//!
//! Each pass by itself and the whole list, which must find nothing to do the second time; the same with networks inside branches
//! and loops (`nested`), and with graphs of every rank that broadcast both ways, at two sizes of their open axes (`wide`). In
//! `tests/many` tract computes the plain ones too, ONNX Runtime all but the nested ones (`oracle`), and passes with planted
//! faults must be caught (`faults`).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use gnet_core::onnx;
use gnet_core::passes::{self, DEAD_CODE, DEFAULT, PRUNE, PassOptions};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

use super::generate::{self, network, steps};
use super::judge::{computed, difference, each, rewritten, violation};
use super::{nested, wide};

/// The cases of this program; `PROPTEST_CASES` asks for another number of them in all.
fn cases(all: u64) -> Range<u64> {
    crate::cases(std::env::var("PROPTEST_CASES").map_or(all, |asked| asked.parse().unwrap()))
}

fn runner(all: u64) -> TestRunner {
    let cases = cases(all);
    // The same graphs in each run, others in each program; `PROPTEST_RNG_SEED` asks for others.
    let rng_seed = match Config::default().rng_seed {
        RngSeed::Random => RngSeed::Fixed(9 + cases.start),
        given => given,
    };
    let cases = (cases.end - cases.start) as u32;
    TestRunner::new(Config { cases, rng_seed, failure_persistence: None, ..Config::default() })
}

/// How many of the cases a pass has to have rewritten, when of all it is `least`: a pass that never met what it looks for
/// would have proved nothing.
fn share(least: u64, all: u64) -> u64 {
    let cases = cases(all);
    least * (cases.end - cases.start) / all
}

#[test]
fn no_pass_changes_a_result() {
    let applied = RefCell::new(BTreeMap::<&str, u64>::new());
    let run = |steps: Vec<generate::Step>| {
        let sample = network(&steps);
        for pass in each() {
            let failed = |reason| TestCaseError::fail(format!("{}: {reason}", pass.name));
            let (_, log) = violation(&sample, &[pass], pass.exact).map_err(failed)?;
            *applied.borrow_mut().entry(pass.name).or_default() += u64::from(!log[0].applied.is_empty());
        }
        Ok(())
    };
    runner(400).run(&steps(), run).unwrap();
    for pass in each() {
        assert!(applied.borrow()[pass.name] >= share(10, 400), "{} rewrote too few networks: {applied:?}", pass.name);
    }
}

#[test]
fn no_pass_changes_a_result_inside_branches_and_loops() {
    let mut applied = BTreeMap::<&str, u64>::new();
    for number in cases(40) {
        let sample = nested::fixed(number);
        for pass in each() {
            let checked = violation(&sample, &[pass], pass.exact);
            let (model, log) = checked.unwrap_or_else(|reason| panic!("network {number}: {}: {reason}", pass.name));
            let inside = log[0].applied.iter().any(|name| name.contains("_branch/") || name.contains(".body/"));
            *applied.entry(pass.name).or_default() += u64::from(inside);
            onnx::read(onnx::write(&model).unwrap().into()).unwrap();
        }
        let (mut model, _) = violation(&sample, &DEFAULT, false).unwrap_or_else(|e| panic!("network {number}: {e}"));
        let log = passes::run(&mut model, &DEFAULT, &PassOptions::default()).unwrap();
        for pass in log {
            assert!(pass.applied.is_empty(), "network {number}: {} still found {:?}", pass.pass, pass.applied);
        }
    }
    for pass in each() {
        assert!(applied[pass.name] >= share(2, 40), "{} rewrote too few networks inside: {applied:?}", pass.name);
    }
}

#[test]
fn no_pass_changes_a_result_at_either_size_of_an_open_axis() {
    let mut applied = BTreeMap::<&str, u64>::new();
    for number in cases(400) {
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
                *applied.entry(pass.pass).or_default() += u64::from(!pass.applied.is_empty());
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
    for pass in [passes::DROP_IDENTITY, passes::FOLD_CONSTANTS, passes::RESTORE_GEMM, passes::FOLD_BATCH_NORM] {
        assert!(applied[pass.name] >= share(10, 400), "{} rewrote too few graphs: {applied:?}", pass.name);
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
    for number in cases(60) {
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
