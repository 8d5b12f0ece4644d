//! gnet takes a network from training to a deployed ONNX file: train in Burn, export, prove that runtimes agree, measure.
//!
//! The pure core ([`graph`], [`onnx`], [`passes`], [`cost`], [`stats`], [`report`]) knows no Burn and no runtime and
//! builds alone with `--no-default-features`. ARCHITECTURE.md in the repository is the map.
//!
//! The library never prints and never exits: it returns records and [`Error`]s, and the program `gnet` shows them.

#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit)]

pub mod card;
#[cfg(feature = "data")]
pub mod data;
mod error;
pub mod files;
pub mod metadata;
#[cfg(feature = "burn")]
pub mod nets;
#[cfg(feature = "burn")]
pub mod train;

pub use error::{Error, ErrorKind, Result};
