//! Each lowering against Burn's own result: an operation is traced, exported with a dynamic batch to several opsets, and run
//! in tract and ONNX Runtime at batches that were not traced, with numbers and lengths of axes that would show a swap.
//!
//! A case is one or two lines in `lowering/cases`. What the cases lower is held against `src/trace/operations.md`.

#![cfg(all(feature = "burn", feature = "tract"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "lowering/case.rs"]
mod case;
#[path = "lowering/cases/mod.rs"]
mod cases;
mod common;
#[path = "lowering/judge.rs"]
mod judge;

#[test]
fn every_lowering_agrees_with_burn_in_tract() {
    let wrong: Vec<&String> = judge::outcomes().iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    let (all, list) = (judge::outcomes().len(), wrong.iter().map(|w| format!("- {w}\n")).collect::<String>());
    assert!(wrong.is_empty(), "{} of {all} cases are wrong:\n{list}", wrong.len());
}
