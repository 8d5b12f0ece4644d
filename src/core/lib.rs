//! The pure core of gnet: ONNX files read and written, shapes inferred, graphs rewritten, counted, compared and drawn.
//!
//! It depends neither on Burn nor on a runtime. Users of the library take it through the crate `gnet`, which has the
//! same modules.

#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit)]

pub mod check;
pub mod cost;
pub mod diff;
pub mod draw;
mod error;
pub mod files;
pub mod graph;
pub mod infer;
pub mod metadata;
pub mod onnx;
pub mod onnx_file;
pub mod passes;
pub mod process;
pub mod program;
pub mod reference;
pub mod report;
pub mod stats;
pub mod words;

pub use error::{Error, ErrorKind, Result};
pub use onnx_file::OnnxFile;
