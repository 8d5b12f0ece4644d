//! ONNX Runtime, loaded when first needed, with its CPU, CUDA, TensorRT and OpenVINO providers.
//!
//! There is one library for the whole process: [`library()`](super::library) finds and loads it. A session asks for
//! exactly one provider and fails if it is unavailable: ONNX Runtime's own silent fallback to the CPU is never used.
//! The assignment of nodes is read back after loading ([`Session::assignment`]).

mod explain;
mod library;
mod log;
mod nvidia;
mod openvino;
mod providers;
mod raw;
mod session;
mod settings;
mod shape;
mod tensor;
mod tensorrt;
mod toolkit;

#[cfg(test)]
mod tests;

pub(super) use library::library;
pub(super) use openvino::plugin as openvino_plugin;
pub(super) use session::OrtSession;
pub(super) use toolkit::supplied;

use super::{
    Array, AssignedNode, Assignment, EngineOptions, GraphOptimization, Input, Provider, RunOptions, Session, Settings,
    check_inputs, element,
    ports::{self, Declared},
    prepare,
};
use gnet_core::Error;

/// Returns ONNX Runtime's message about a failure, on one line.
fn failed<R>(error: &::ort::Error<R>) -> Error {
    Error::input("ONNX Runtime", said_plainly(error.message())).with_remedy(remedy(error.message()))
}

/// Returns a remedy for a file that is newer than the library, or that needs something no library has.
fn remedy(message: &str) -> Option<&'static str> {
    const REMEDIES: [(&str, &str); 3] = [
        (
            "Unsupported model IR version",
            "take a newer ONNX Runtime (--ort-lib points at it), or export the file with an older IR version",
        ),
        (
            "only *guarantees* support for models stamped with official released onnx opset versions",
            "take a newer ONNX Runtime (--ort-lib points at it), or export the file for an older opset",
        ),
        (
            "is not a registered function/op",
            "gnet loads no libraries of custom operations; if the operation is ONNX's own, take a newer ONNX Runtime \
             (--ort-lib points at it)",
        ),
    ];
    REMEDIES.iter().find(|(sign, _)| message.contains(sign)).map(|(_, remedy)| *remedy)
}

/// Strips the source location from a message: `FILE.cc:LINE SIGNATURE [ONNXRuntimeError] : NUMBER : CODE : MESSAGE`,
/// where the part in brackets may be missing.
fn said_plainly(message: &str) -> String {
    let thrown = message.split_once("[ONNXRuntimeError] : ").map(|(_, rest)| rest.splitn(3, " : "));
    if let Some(said) = thrown.and_then(|parts| parts.last()) {
        return first_line(said);
    }
    let line = |word: &str| [".cc:", ".h:"].iter().find_map(|ending| Some(word.split_once(ending)?.1.to_owned()));
    let is_place = |word: &str| line(word).is_some_and(|line| line.parse::<u32>().is_ok());
    match message.split_once(' ') {
        Some((place, rest)) if is_place(place) => first_line(after_signature(rest).unwrap_or(rest)),
        _ => first_line(message),
    }
}

/// Returns the text after the parameters of a C++ function, a `const`, and the types of a template.
fn after_signature(text: &str) -> Option<&str> {
    let mut depth = 0_i32;
    let end = text.char_indices().find_map(|(at, c)| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        (c == ')' && depth == 0).then_some(at + 1)
    })?;
    let rest = text[end..].trim_start();
    let rest = rest.strip_prefix("const ").unwrap_or(rest);
    let types = rest.strip_prefix("[with ").and_then(|types| types.split_once("] "));
    Some(types.map_or(rest, |(_, rest)| rest))
}

/// Returns the first informative line, cut to a readable length.
fn first_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
    line.chars().take(LONGEST).collect()
}
