//! ONNX Runtime, loaded when it is first asked for, with its CPU, CUDA, TensorRT and OpenVINO providers.
//!
//! The library is one for the whole process: [`library`] finds and loads it. A session asks for exactly one provider and
//! fails when it cannot be had: ONNX Runtime's own silent fallback to the CPU is never used. What became of each node is
//! read back after loading ([`Session::assignment`]).

mod elf;
mod explain;
mod library;
mod log;
mod openvino;
mod providers;
mod raw;
mod session;
mod shape;
mod tensorrt;

#[cfg(test)]
mod tests;

use ::ort::ErrorCode;

pub use library::{Library, Step, library};
pub(super) use session::OrtSession;

use super::{
    Array, AssignedNode, Assignment, EngineOptions, GraphOptimization, Input, Provider, RunOptions, Session, Settings,
    check_inputs,
};
use crate::Error;

/// What ONNX Runtime said about a failure, in one line.
fn failed<R>(error: &::ort::Error<R>) -> Error {
    let reason = first_line(error.message());
    match error.code() {
        ErrorCode::NotImplemented => Error::input("ONNX Runtime", reason)
            .remedy("a provider or an operation of the file is not in this ONNX Runtime"),
        _ => Error::input("ONNX Runtime", reason),
    }
}

/// The first line that says something, cut to a readable length.
fn first_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
    line.chars().take(LONGEST).collect()
}
