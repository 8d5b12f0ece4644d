//! Burn modules, from trace to file: what is lowered and exported, what computes it and what is proved of it.
//!
//! One program, for each is linked with all of Burn and tract.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;
mod examples;
mod export;
mod exported;
mod exporter;
mod figures;
mod lowering;
mod oracle;
#[path = "common/programs.rs"]
mod programs;
#[path = "oracle/python.rs"]
mod python;
mod recurrent;
mod repeat;
mod replay;
#[path = "repeat/session.rs"]
mod session;
mod tracing;
mod verify;
