//! Help, version, completions, and where they go.

use std::process::Stdio;

use super::shell::{DONE, INPUT, Shell, gnet};

/// Every command a user sees.
pub const COMMANDS: [&str; 20] = [
    "reproduce",
    "train",
    "eval",
    "predict",
    "export",
    "optimize",
    "summary",
    "draw",
    "diff",
    "check",
    "gate",
    "compare",
    "verify",
    "bench",
    "ab",
    "page",
    "runtime",
    "doctor",
    "schema",
    "completions",
];

#[test]
fn the_help_lists_every_command_and_no_other() {
    let help = Shell::new().ok("--help");
    let (_, list) = help.split_once("\nCommands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let named: Vec<_> = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).collect();
    let named: Vec<_> = named.iter().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(named, [COMMANDS.as_slice(), &["help"]].concat());
}

#[test]
fn the_help_of_every_command_is_on_stdout_and_narrow() {
    let shell = Shell::new();
    for command in COMMANDS.iter().chain(&["", "engine-worker", "keeper"]) {
        for flag in ["--help", "-h"] {
            let ran = shell.gnet(&format!("{command} {flag}"));
            assert_eq!((ran.code, ran.err.as_str()), (Some(DONE), ""), "{ran}");
            assert!(ran.out.contains("Usage: gnet"), "{ran}");
            let widest = ran.out.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(110), "{widest:?} columns: {ran}");
        }
        assert!(shell.ok(&format!("help {command}")).contains("Usage: gnet"));
    }
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(Shell::new().ok("--version"), format!("gnet {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_a_command_the_help_goes_to_stderr() {
    let ran = Shell::new().gnet("");
    assert_eq!((ran.code, ran.out.as_str()), (Some(INPUT), ""), "{ran}");
    assert!(ran.err.contains("Usage: gnet [OPTIONS] <COMMAND>"), "{ran}");
}

#[test]
fn a_command_that_is_misspelt_is_told_the_nearest() {
    Shell::new().refuses("sumary", INPUT, &["unrecognized subcommand 'sumary'", "'summary'"]);
}

#[test]
fn completions_offer_every_command_and_no_hidden_one() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = shell.ok(&format!("completions {name}"));
        for command in COMMANDS {
            assert!(script.contains(command), "{name} does not offer {command}");
        }
        assert!(script.contains("batch-size"), "{name} does not offer --batch-size");
        assert!(!script.contains("engine-worker"), "{name} offers the hidden command");
    }
    shell.refuses("completions tcsh", INPUT, &["invalid value 'tcsh'", "bash"]);
    shell.refuses("completions", INPUT, &["<SHELL>"]);
}

/// `gnet summary .. | head -1`: the reader goes away before everything is written.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let shell = Shell::new();
    for line in ["summary --preset d2l", "summary --preset d2l --format json", "compare", "completions zsh", "--help"] {
        let mut child = gnet(&shell.path("."))
            .args(line.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), err.as_ref()), (Some(DONE), ""), "gnet {line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stdout_that_is_full_is_an_error() {
    let shell = Shell::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = gnet(&shell.path(".")).args(["summary", "--preset", "d2l"]).stdout(full).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(INPUT), "{err}");
    assert!(err.starts_with("error: stdout: "), "{err}");
}

#[test]
fn the_hidden_worker_explains_itself() {
    let shell = Shell::new();
    shell.refuses(
        "engine-worker",
        INPUT,
        &["engine-worker: its stdin is no channel", "help: use `gnet bench`, `gnet verify`"],
    );
}
