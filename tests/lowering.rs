//! Each lowering against Burn's own result: an operation is traced, exported with a dynamic batch to several opsets, and run
//! in tract and ONNX Runtime at batches that were not traced, with numbers and lengths of axes that would show a swap.
//!
//! A case is one or two lines in `lowering/cases`. What the cases lower is held against `src/burn/trace/operations.md`.

mod case;
mod cases;
mod faults;
mod judge;
mod oracle;
mod table;

use std::collections::BTreeMap;

use faults::Mistake;

use crate::{python, session};

#[test]
fn every_lowering_agrees_with_burn_in_tract() {
    let wrong: Vec<&String> = judge::outcomes().iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    let (all, list) = (judge::outcomes().len(), wrong.iter().map(|w| format!("- {w}\n")).collect::<String>());
    assert!(wrong.is_empty(), "{} of {all} cases are wrong:\n{list}", wrong.len());
}

#[test]
fn no_run_depends_on_the_ones_before() {
    let engines = session::engines();
    let wrong: Vec<String> = judge::side_by_side(judge::good().collect(), |outcome| {
        engines.iter().filter_map(|engine| judge::changes_from_run_to_run(outcome, engine).err()).collect::<Vec<_>>()
    })
    .concat();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_not_lowered_is_refused_with_a_reason() {
    for refusal in judge::refusals() {
        refusal.as_ref().unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

#[test]
fn the_oracle_agrees_with_every_export() {
    let Some(python) = python::interpreter() else { return };
    let outcomes: Vec<_> = judge::good().collect();
    let files: Vec<_> = outcomes.iter().map(|outcome| (*outcome, &outcome.files)).collect();
    let wrong = oracle::complaints(&outcomes, &oracle::ask(&python, &files));
    let list: String = wrong.iter().map(|w| format!("- {w}\n")).collect();
    assert!(wrong.is_empty(), "{} complaints:\n{list}", wrong.len());
}

#[test]
fn the_table_of_operations_is_current() {
    let text = table::table(judge::good(), judge::refusals().iter().flatten())
        .unwrap_or_else(|wrong| panic!("{}", wrong.join("\n")));
    if std::env::var_os("GNET_BLESS").is_some_and(|value| value == "1") {
        assert!(judge::outcomes().iter().all(Result::is_ok), "a case is wrong: no table is written from it");
        std::fs::write(table::FILE, &text).unwrap();
    }
    table::compare(&text).unwrap_or_else(|stale| panic!("{stale}"));
}

#[test]
fn a_mistake_of_any_kind_is_noticed() {
    let outcomes = judge::good().filter(|outcome| outcome.case.excuse(case::Engine::Tract).is_none());
    let mut kinds: BTreeMap<String, Vec<Mistake>> = BTreeMap::new();
    for mistake in outcomes.flat_map(faults::mistakes) {
        kinds.entry(mistake.kind.clone()).or_default().push(mistake);
    }
    let count = kinds.len();
    let unnoticed = |(kind, mistakes): (String, Vec<Mistake>)| {
        (!mistakes.iter().any(Mistake::is_noticed)).then(|| (kind, mistakes[0].name.clone()))
    };
    let alive = judge::side_by_side(kinds.into_iter().collect(), unnoticed).into_iter().flatten();
    let (excused, alive): (BTreeMap<_, _>, BTreeMap<_, _>) =
        alive.partition(|(kind, _)| faults::excuse(kind).is_some());
    assert!(alive.is_empty(), "mistakes of {} of {count} kinds pass: {alive:#?}", alive.len());
    let used: Vec<_> = excused.keys().filter_map(|kind| faults::excuse(kind)).collect();
    let known = faults::UNNOTICED.iter().map(|(_, mistake, reason)| (mistake, reason));
    for (mistake, reason) in known.chain(faults::IGNORED.iter().map(|(mistake, reason)| (mistake, reason))) {
        assert!(used.contains(mistake), "a mistake is noticed that cannot be: {mistake} ({reason})");
    }
}
