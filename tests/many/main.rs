//! What proves by many cases: files damaged at random, any operation with any inputs, random networks through every pass;
//! and the passes before other judges, tract, ONNX Runtime and planted faults; the measuring loop of the benchmark. Optimised. The first cases of each series are
//! those of `tests/core/main.rs`, which runs them without optimisation.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod measuring;

#[path = "../hostile"]
mod hostile {
    pub mod allocator;
    mod exercise;
    mod many;
    #[allow(dead_code, reason = "the tests of the core use the rest")]
    mod samples;
    #[allow(dead_code, reason = "the tests of the core use the rest")]
    mod trial;
    #[allow(dead_code, reason = "the tests of the core use the rest")]
    mod wire;
}

#[path = "../infer"]
mod infer {
    mod again;
    mod anything;
    #[allow(dead_code, reason = "the tests of the core use the rest")]
    mod build;
}

#[path = "../passes"]
mod passes {
    mod faults;
    pub mod generate;
    mod judge;
    mod many;
    pub mod nested;
    mod oracle;
    #[path = "../oracle/python.rs"]
    mod python;
    mod tract;
    mod verified;
    mod wide;
}

use std::ops::Range;

/// The cases of this program among all.
fn cases(all: u64) -> Range<u64> {
    all / 10..all
}

/// The length of what may be as long as one likes.
fn length(full: usize) -> usize {
    full
}
