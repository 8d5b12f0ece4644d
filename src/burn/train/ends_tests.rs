//! A run whose process ends, as by SIGKILL, before each of the calls that create, move or remove a name in its folder.

use std::fs;
use std::path::Path;

use super::*;
use crate::nets::Preset;
use crate::train::Silent;
use crate::train::run::tests::{few, last_bits, options};
use gnet_core::files::steps::before_each;

#[path = "../../core/files/steps/ending.rs"]
mod ending;

const RUN: &str = "train::run::ends_tests::whatever_a_killed_run_leaves_is_gone_on_with_or_begun_anew";
const AGAIN: &str = "train::run::ends_tests::a_run_that_is_killed_again_and_again_comes_to_its_end";

/// Two epochs, of which the second replaces the checkpoints of the first.
fn training(out: &Path) -> TrainOptions {
    options(Preset::D2l, out)
}

/// Resumes the run in the folder or starts one: exactly one of the two is possible.
fn go_on(out: &Path) -> bool {
    let data = few(8);
    let resumed = run_on(&TrainOptions { resume: true, ..training(out) }, &data, &mut Silent);
    match resumed {
        Ok(_) => true,
        Err(error) => {
            assert!(error.to_string().ends_with("holds no run to resume"), "{error}");
            run_on(&training(out), &data, &mut Silent).unwrap();
            false
        }
    }
}

/// Checks that the folder holds the files of a finished run and nothing else.
fn is_tidy(out: &Path) {
    let names = |folder: &Path| {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(out), ["best", "last", "metrics.jsonl"]);
    assert_eq!(names(&out.join("best")), ["checkpoint.json", "model.bpk"]);
    assert_eq!(names(&out.join("last")), ["checkpoint.json", "model.bpk", "optimizer.bpk"]);
}

#[test]
fn whatever_a_killed_run_leaves_is_gone_on_with_or_begun_anew() {
    if let Some(folder) = ending::folder() {
        return drop(run_on(&training(&folder.join("run")), &few(8), &mut Silent).unwrap());
    }
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    let outcome = run_on(&training(&whole), &few(8), &mut Silent).unwrap();
    let (last, best) = (last_bits(&whole), checkpoint::load(&whole).unwrap());
    let (mut begun, mut resumed) = (0, 0);
    for step in 0.. {
        let folder = tempfile::tempdir_in(dir.path()).unwrap();
        let out = folder.path().join("run");
        if !ending::ends(RUN, folder.path(), step) {
            break;
        }
        // Whatever can be read is complete; a run that can be resumed cannot be started, and vice versa.
        let holds_run = checkpoint::load(&out).is_ok();
        assert_eq!(folder::check_free(&out).is_err(), holds_run, "before step {step}");
        match go_on(&out) {
            true => resumed += 1,
            false => begun += 1,
        }
        assert_eq!(last_bits(&out), last, "ended before step {step}");
        let found = checkpoint::load(&out).unwrap();
        assert_eq!((found.path, found.record.epoch), (out.join(BEST), best.record.epoch), "ended before step {step}");
        assert_eq!(found.metadata.test_accuracy, Some(outcome.test_accuracy), "ended before step {step}");
        let epochs = |out: &Path| metrics::read(out, 2).unwrap().iter().map(|m| m.train_loss).collect::<Vec<_>>();
        assert_eq!(epochs(&out), epochs(&whole), "ended before step {step}");
        is_tidy(&out);
    }
    assert!(begun > 5 && resumed > 20, "{begun} were begun anew and {resumed} gone on with");
}

#[test]
fn a_run_that_is_killed_again_and_again_comes_to_its_end() {
    if let Some(folder) = ending::folder() {
        go_on(&folder.join("run"));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (whole, out) = (dir.path().join("whole"), dir.path().join("run"));
    run_on(&training(&whole), &few(8), &mut Silent).unwrap();
    // Each attempt gets one step further than the one before, from wherever that one stopped.
    let ends = (0..).find(|step| !ending::ends(AGAIN, dir.path(), *step)).unwrap();
    assert!(ends > 5, "{ends}");
    assert_eq!(last_bits(&out), last_bits(&whole));
    is_tidy(&out);
}
