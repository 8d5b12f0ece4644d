//! Files made to break the reader: each is an error that names what and where, or a model that everything else survives.
//!
//! Every file runs in a thread of its own with a small stack, whose memory is counted: a panic, an overflow of the stack,
//! an endless loop and a disproportionate allocation all fail. The bytes are made by a small encoder of our own
//! (`wire`), so that anything can be planted, also what no library would write.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "hostile/allocator.rs"]
mod allocator;
#[path = "hostile/damage.rs"]
mod damage;
#[path = "hostile/exercise.rs"]
mod exercise;
#[path = "hostile/external.rs"]
mod external;
#[path = "hostile/lies.rs"]
mod lies;
#[path = "hostile/nesting.rs"]
mod nesting;
#[path = "hostile/regressions.rs"]
mod regressions;
#[path = "hostile/samples.rs"]
mod samples;
#[path = "hostile/tensors.rs"]
mod tensors;
#[path = "hostile/trial.rs"]
mod trial;
#[path = "hostile/wire.rs"]
mod wire;
