//! gnet takes a network from training to a deployed ONNX file: train in Burn, export, prove that runtimes agree, measure.
//!
//! The pure core ([`graph`], [`onnx`], [`infer`], [`mod@reference`], [`passes`], [`cost`], [`stats`], [`report`]) knows no
//! Burn and no runtime and builds alone with `--no-default-features`. ARCHITECTURE.md in the repository is the map.
//!
//! The library never prints and never exits: it returns records and [`Error`]s, and the program `gnet` shows them.

#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit)]

pub mod bench;
pub mod card;
pub mod check;
#[cfg(feature = "data")]
pub mod classify;
#[cfg(feature = "burn")]
pub mod compare;
pub mod cost;
#[cfg(feature = "data")]
pub mod data;
pub mod diff;
pub mod doctor;
pub mod draw;
mod error;
pub mod evaluation;
#[cfg(feature = "burn")]
pub mod export;
pub mod files;
pub mod graph;
pub mod infer;
#[cfg(feature = "ort")]
pub mod install;
pub mod metadata;
#[cfg(feature = "burn")]
pub mod nets;
pub mod onnx;
pub mod operators;
pub mod passes;
pub mod process;
mod program;
pub mod reference;
pub mod report;
#[cfg(all(feature = "burn", feature = "tract"))]
pub mod reproduce;
pub mod runtime;
pub mod stats;
#[cfg(feature = "burn")]
pub mod trace;
#[cfg(feature = "burn")]
pub mod train;
pub mod verify;
mod words;

pub use error::{Error, ErrorKind, Result};
