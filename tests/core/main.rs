//! The core from outside, without Python, the program or an engine: `scripts/core` runs it, unoptimised and with overflow
//! checks, in seconds. Of the many cases it takes the first few; `tests/many/main.rs` takes the others.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

/// Files made to break the reader: each is an error that names what and where, or a model that everything else survives.
///
/// Every file runs in a thread of its own with a small stack, whose memory is counted: a panic, an overflow of the stack,
/// an endless loop and a disproportionate allocation all fail. The bytes are made by a small encoder of our own
/// (`wire`), so that anything can be planted, also what no library would write.
#[path = "../hostile"]
mod hostile {
    mod allocator;
    mod damage;
    mod exercise;
    mod external;
    mod lies;
    mod many;
    mod nesting;
    mod regressions;
    mod samples;
    mod tensors;
    mod trial;
    mod wire;
}

/// Shape inference: rules against naive loops, the chains exporters leave, control flow, statements of the file and of the
/// caller, hostile input.
#[path = "../infer"]
mod infer {
    mod again;
    mod anything;
    mod arithmetic;
    mod build;
    mod chains;
    mod control;
    mod files;
    mod foreign;
    mod opsets;
    mod stated;
}

/// A pass never changes results.
#[path = "../passes"]
mod passes {
    mod foreign;
    pub mod generate;
    mod judge;
    mod many;
    pub mod nested;
    mod wide;
}

use std::ops::Range;
use std::path::Path;

/// The folder of the tests' files.
fn tests() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests"))
}

/// The cases of this program among all: a tenth, of which each costs ten times what it does optimised.
fn cases(all: u64) -> Range<u64> {
    0..all / 10
}

/// The length of what may be as long as one likes: an eighth, at which vectors that double are as full as at the whole.
fn length(full: usize) -> usize {
    full / 8
}
