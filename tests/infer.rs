//! Shape inference from outside: rules against naive loops, the chains exporters leave, control flow, statements of the file
//! and of the caller, hostile input.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "infer/again.rs"]
mod again;
#[path = "infer/arithmetic.rs"]
mod arithmetic;
#[path = "infer/build.rs"]
mod build;
#[path = "infer/chains.rs"]
mod chains;
#[path = "infer/control.rs"]
mod control;
#[path = "infer/foreign.rs"]
mod foreign;
#[path = "infer/hostile.rs"]
mod hostile;
#[path = "infer/opsets.rs"]
mod opsets;
#[path = "infer/stated.rs"]
mod stated;
