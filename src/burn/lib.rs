//! Everything in gnet that depends on Burn: the networks, their training, tracing and export.
//!
//! Users of the library take it through the crate `gnet`, which has the same modules.

#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit)]

pub mod card;
pub mod compare;
pub mod export;
pub mod nets;
pub mod side;
pub mod trace;
pub mod train;
