//! Where the program writes: data to stdout, everything else to stderr, and one readable form for errors.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use gnet::{Error, Result};

use super::suggestions;

/// Writes `text` to stdout. A reader that went away (`gnet summary .. | head`) is no error.
pub fn data(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::input("stdout", e)),
        _ => Ok(()),
    }
}

/// Writes one line of progress or advice to stderr.
pub fn note(line: impl std::fmt::Display) {
    // A stderr that cannot be written to leaves no place to say so.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints an error and returns its exit code.
pub fn failure(error: &Error) -> ExitCode {
    note(format_args!("error: {}", one_line(&error.to_string())));
    if let Some(remedy) = error.remedy_text() {
        note(format_args!("  help: {}", one_line(remedy)));
    }
    ExitCode::from(error.kind().exit_code())
}

/// A reason may quote what another library said in several lines.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Prints clap's message: help and version are data and succeed, the rest is bad usage.
pub fn usage(mut error: clap::Error) -> ExitCode {
    suggestions::correct(&mut error);
    match error.print() {
        Err(e) if !error.use_stderr() && e.kind() != io::ErrorKind::BrokenPipe => failure(&Error::input("stdout", e)),
        _ => ExitCode::from(if error.use_stderr() { 2 } else { 0 }),
    }
}

/// Writes a shell's completion script to stdout.
pub fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut without_hidden(&super::Cli::command()), "gnet", &mut script);
    data(&String::from_utf8_lossy(&script))
}

/// The program without its hidden commands, which some shells' scripts would offer all the same.
fn without_hidden(program: &Command) -> Command {
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    Command::new("gnet").version(env!("CARGO_PKG_VERSION")).subcommands(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line() {
        assert_eq!(one_line("a: b\n\n  caused by: c\n"), "a: b caused by: c");
    }
}
