//! The program `gnet`.

#![cfg_attr(
    not(all(feature = "burn", feature = "ort")),
    allow(dead_code, reason = "what commands of one feature alone need")
)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
