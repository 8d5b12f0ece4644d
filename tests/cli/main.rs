//! The program from outside, as a shell sees it: what it prints where, with which exit code, and what it leaves behind.
//!
//! Each test works in a folder of its own. One small network, trained once, is shared by all that need one.

#![allow(clippy::unwrap_used)]

mod ab;
mod arrays;
mod checkpoints;
mod count;
mod counts;
mod data;
mod diff;
#[cfg(unix)]
mod disk;
mod doctor;
mod draw;
mod files;
mod flags;
mod formats;
mod gate;
#[cfg(unix)]
mod guards;
mod help;
mod inputs;
#[cfg(feature = "ort")]
mod install;
#[cfg(unix)]
mod interrupt;
mod json;
mod kept;
mod kinds;
#[cfg(unix)]
mod log;
mod names;
mod optimize;
mod page;
#[cfg(unix)]
mod readme;
#[cfg(feature = "ort")]
mod runtimes;
mod schemas;
mod shell;
mod sizes;
#[cfg(unix)]
mod terminal;
mod trained;
#[cfg(target_os = "linux")]
mod workers;
mod workflow;
