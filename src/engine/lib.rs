//! ONNX files in tract and ONNX Runtime: running, benchmarking, verifying, and classifying images.
//!
//! Users of the library take it through the crate `gnet`, which has the same modules.

#![cfg_attr(not(all(feature = "tract", feature = "ort")), allow(dead_code, reason = "what one engine alone needs"))]
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit)]

pub mod ab;
pub mod arrays;
pub mod bench;
pub mod classify;
pub mod data;
pub mod doctor;
pub mod evaluation;
pub mod gate;
pub mod host;
#[cfg(feature = "ort")]
pub mod install;
pub mod page;
pub mod runtime;
pub mod verify;
pub mod worker;
