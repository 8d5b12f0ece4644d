//! gnet takes a network from training to a deployed ONNX file: train in Burn, export, prove that runtimes agree, measure.
//!
//! The pure core ([`graph`], [`onnx`], [`infer`], [`mod@reference`], [`passes`], [`cost`], [`stats`], [`report`]) knows no
//! Burn and no runtime; it is the crate `gnet-core`. ARCHITECTURE.md in the repository is the map.
//!
//! The library never prints and never exits: it returns records and [`Error`]s, and the program `gnet` shows them.

#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit)]

#[cfg(feature = "burn")]
pub mod reproduce;

#[cfg(feature = "burn")]
#[doc(inline)]
pub use gnet_burn::{axes, card, compare, export, nets, trace, train};
#[doc(inline)]
pub use gnet_core::{
    Error, ErrorKind, Result, check, cost, diff, draw, files, graph, infer, metadata, onnx, passes, process, reference,
    report, stats,
};
#[cfg(feature = "ort")]
#[doc(inline)]
pub use gnet_engine::install;
#[doc(inline)]
pub use gnet_engine::{bench, classify, data, doctor, evaluation, runtime};

/// Proof that two computations are the same: equal inputs through both, and what follows from the difference.
pub mod verify {
    #[cfg(feature = "burn")]
    #[doc(inline)]
    pub use gnet_burn::side::BurnSide;
    #[doc(inline)]
    pub use gnet_engine::verify::*;
}
