//! Child processes of gnet: an engine that dies is one sentence, and nothing continues when gnet is gone.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gnet::process::WORKER_COMMAND;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::shell::{INPUT, Shell, gnet};

/// A bound that only a process that never ends reaches.
const PATIENCE: Duration = Duration::from_secs(60);

fn foreign(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign").join(name).display().to_string()
}

#[test]
fn an_engine_that_dies_is_one_sentence_in_every_command() {
    let shell = Shell::new();
    // A pad of 2^60 elements, and a shape that doubles forty times.
    for name in ["huge_pad.onnx", "shape_double_40.onnx"] {
        let file = foreign(name);
        for words in [&["verify", &file, "--against", &file][..], &["bench", &file]] {
            let says = [name, "tract", "the worker died: signal: 6 (SIGABRT)", "memory allocation of", "help: "];
            shell.refuses_with(&[], words, INPUT, &says);
        }
    }
}

#[test]
fn a_missing_temporary_folder_is_named() {
    let shell = Shell::with_model();
    for line in ["verify model.onnx --against model.onnx", "bench model.onnx"] {
        let says = ["no worker can be started: the temporary folder /no/such/folder is not there", "with TMPDIR"];
        let words: Vec<&str> = line.split_whitespace().collect();
        shell.refuses_with(&[("TMPDIR", "/no/such/folder")], &words, INPUT, &says);
    }
}

/// The processes whose environment has this variable.
fn marked(mark: &str) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has_mark = |number: &i32| {
        let environment = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    numbers.filter(has_mark).map(Pid::from_raw).collect()
}

/// Waits until no process has the mark. A process that has been ended and is not reaped has no environment.
#[track_caller]
fn all_gone(mark: &str) {
    let start = Instant::now();
    while let left @ [_, ..] = marked(mark).as_slice() {
        assert!(start.elapsed() < PATIENCE, "{left:?} go on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A gnet of its own group, with a mark that everything it starts inherits.
fn start(shell: &Shell, mark: &str, words: &[&str]) -> Child {
    let (name, value) = mark.split_once('=').unwrap();
    let mut command = gnet(&shell.path("."));
    command.args(words).env(name, value).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Ended with a signal that it cannot see, at any moment of its life, a gnet leaves nothing behind. The moments are spread
/// over the first of it, whatever happens in them; how many processes there are then does not matter.
#[test]
fn nothing_outlives_a_gnet_that_is_killed() {
    let shell = Shell::with_model();
    let endless =
        ["bench model.onnx --min-time 3600 --max-time 3600", "verify model.onnx --against model.onnx --samples 60000"];
    for moment in 0..80 {
        for (which, line) in endless.iter().enumerate() {
            let mark = format!("GNET_TEST_MARK=killed-{}-{which}-{moment}", std::process::id());
            let mut child = start(&shell, &mark, &line.split_whitespace().collect::<Vec<_>>());
            std::thread::sleep(Duration::from_micros(700 * moment));
            child.kill().unwrap();
            child.wait().unwrap();
            all_gone(&mark);
        }
    }
}

/// As in the test before, but in the one moment that matters most: the parent is gone before the child's first instruction.
#[test]
fn a_worker_that_is_born_an_orphan_ends() {
    let shell = Shell::new();
    let mark = format!("GNET_TEST_MARK=orphan-{}", std::process::id());
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    drop(ours);
    let (name, value) = mark.split_once('=').unwrap();
    let mut worker = gnet(&shell.path("."));
    worker.arg(WORKER_COMMAND).env(name, value).stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
    let mut child = worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    drop(worker);
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < PATIENCE, "it goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
    all_gone(&mark);
}

/// A keeper, with a shell that ignores what can be ignored and a grandchild.
fn kept(mark: &str, script: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let (name, value) = mark.split_once('=').unwrap();
    let mut keeper = Command::new(env!("CARGO_BIN_EXE_gnet"));
    keeper.args(["keeper", "--", "sh", "-c", script]).env(name, value).process_group(0);
    let mut child = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    (child, said)
}

#[test]
fn a_keeper_ends_what_it_keeps_and_what_that_started() {
    let mark = format!("GNET_TEST_MARK=kept-{}", std::process::id());
    let (mut keeper, mut said) = kept(&mark, "trap '' TERM INT; sleep 1000 & echo begun; while :; do sleep 1; done");
    said.read_line(&mut String::new()).unwrap();
    // Ctrl-C on the terminal is not for it: whoever holds its stdin decides.
    killpg(Pid::from_raw(i32::try_from(keeper.id()).unwrap()), Signal::SIGINT).unwrap();
    assert!(marked(&mark).len() >= 3);
    drop(keeper.stdin.take());
    keeper.wait().unwrap();
    all_gone(&mark);
}

#[test]
fn a_keeper_ends_as_its_program_does_and_leaves_no_grandchild() {
    let mark = format!("GNET_TEST_MARK=ended-{}", std::process::id());
    for (script, code) in [("exit 0", Some(0)), ("sleep 1000 & exit 7", Some(7)), ("kill -KILL $$", None)] {
        let (mut keeper, _) = kept(&mark, script);
        let line = keeper.stdin.take();
        assert_eq!(keeper.wait().unwrap().code(), code, "{script}");
        drop(line);
        all_gone(&mark);
    }
}
