//! Ctrl-C with a real signal: what is kept, what is printed, what is left behind.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::shell::{DONE, INPUT, Ran, Shell, gnet};
use super::trained::TRAINING;

/// Documented: stopped before it was done.
pub const INTERRUPTED: i32 = 130;

/// The last line of a command that had nothing to keep.
const ENDED: &str = "interrupted; no file is half-written: run the same command again\n";

/// A bound that only a hanging program reaches.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two rows that take seconds each, so that the second cannot end before the signal comes.
const ROWS: &str = "bench model.onnx --batch 1,2 --samples 1 --min-time 3";

/// A program that runs, in a process group of its own as a shell would give it.
pub struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    line: String,
    said: String,
}

/// The same command under `env`, which lets it hear the signals that this process may have been started to ignore: in a
/// shell's background, or by `nohup`.
pub fn heeding(command: &Command) -> Command {
    // By its path: the command may have been given another PATH.
    let mut env = Command::new("/usr/bin/env");
    env.arg("--default-signal=INT,TERM,HUP").arg(command.get_program()).args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        env.current_dir(dir);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => env.env(name, value),
            None => env.env_remove(name),
        };
    }
    env
}

impl Running {
    pub fn start(shell: &Shell, line: &str) -> Self {
        let mut command = heeding(&gnet(&shell.path("")));
        command.args(line.split_whitespace()).process_group(0);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, line: line.to_owned(), said: String::new() }
    }

    /// Waits until it has said something on stderr.
    #[track_caller]
    pub fn says(mut self, what: &str) -> Self {
        while !self.said.contains(what) {
            let read = self.stderr.read_line(&mut self.said).unwrap();
            assert!(read > 0, "gnet {} ended without saying '{what}':\n{}", self.line, self.said);
        }
        self
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    pub fn signal(self, signal: Signal) -> Self {
        kill(self.pid(), signal).unwrap();
        self
    }

    /// As the terminal does it: everything in the foreground gets the signal.
    fn ctrl_c(self) -> Self {
        kill(Pid::from_raw(-self.pid().as_raw()), Signal::SIGINT).unwrap();
        self
    }

    pub fn end(mut self) -> Ran {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if start.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("gnet {} goes on:\n{}", self.line, self.said);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.stderr.read_to_string(&mut self.said).unwrap();
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        let ran = Ran { line: self.line, code: self.child.wait().unwrap().code(), out, err: self.said };
        // What is ended before it listens ends as any program does.
        if ran.code.is_some() {
            ran.check_manners();
        }
        ran
    }

    /// Waits until it listens to signals.
    fn listens(self) -> Self {
        let start = Instant::now();
        // The mask of the signals that are caught; SIGINT is the second.
        let caught = |status: &str| {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
            u64::from_str_radix(mask.trim(), 16).ok().map(|mask| mask & 2 != 0)
        };
        let status = format!("/proc/{}/status", self.child.id());
        while cfg!(target_os = "linux") && !fs::read_to_string(&status).is_ok_and(|text| caught(&text) == Some(true)) {
            assert!(start.elapsed() < PATIENCE, "gnet {} does not listen", self.line);
        }
        self
    }

    /// The one process that it has started.
    #[cfg(target_os = "linux")]
    fn worker(&self) -> Pid {
        let is_child = |stat: &str| {
            stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)) == Some(&self.pid().to_string())
        };
        let start = Instant::now();
        loop {
            let numbers =
                fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
            let found = numbers
                .map(Pid::from_raw)
                .find(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| is_child(&stat)));
            if let Some(found) = found {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "gnet {} starts no worker", self.line);
        }
    }
}

/// Waits until a process is gone; one that nobody has reaped is.
#[cfg(target_os = "linux")]
fn is_gone(pid: Pid) -> bool {
    let start = Instant::now();
    loop {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if stat.rsplit(") ").next().is_none_or(|state| state.is_empty() || state.starts_with('Z')) {
            return true;
        }
        if start.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns everything that is written under another name first and then renamed.
fn leftovers(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            names.extend(leftovers(&entry.path()));
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            names.push(name);
        }
    }
    names
}

#[test]
fn a_bench_keeps_its_finished_rows_and_names_the_others() {
    let shell = Shell::with_model();
    for everything in [true, false] {
        let running = Running::start(&shell, &format!("{ROWS} --format json")).says("[2/2] tract, batch 2, 1 thread");
        #[cfg(target_os = "linux")]
        let worker = running.worker();
        let ran = if everything { running.ctrl_c() } else { running.signal(Signal::SIGINT) }.end();
        assert_eq!(ran.code, Some(INTERRUPTED), "{ran}");
        assert_eq!(
            ran.error().trim_end(),
            "error: bench: interrupted; not run: tract, batch 2, 1 thread\n  help: run the same command for these"
        );
        let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"));
        let [run] = document["runs"].as_array().unwrap().as_slice() else { panic!("{ran}") };
        assert_eq!((&run["batch"], run["samples"].as_u64().is_some_and(|n| n > 0)), (&1.into(), true));
        assert_eq!(document["not_run"], serde_json::json!(["tract, batch 2, 1 thread"]));
        #[cfg(target_os = "linux")]
        assert!(is_gone(worker), "the worker goes on after {ran}");
    }
    let ran = Running::start(&shell, ROWS).says("[2/2]").signal(Signal::SIGTERM).end();
    assert_eq!(ran.code, Some(INTERRUPTED), "{ran}");
    assert!(ran.out.contains("interrupted; not run: tract, batch 2, 1 thread"), "{ran}");
}

#[test]
fn a_comparison_keeps_the_pairs_that_it_has() {
    let shell = Shell::with_model();
    // Two processes of a second each in the pair that the signal meets, and six more pairs before anything could be told.
    let line = "ab model.onnx --min-time 1 --samples 1 --format json";
    for everything in [true, false] {
        let running = Running::start(&shell, &format!("{line} --save log.jsonl")).says("pair 1: ");
        #[cfg(target_os = "linux")]
        let worker = running.worker();
        let ran = if everything { running.ctrl_c() } else { running.signal(Signal::SIGTERM) }.end();
        assert_eq!(ran.code, Some(INTERRUPTED), "{ran}");
        assert!(ran.error().contains("interrupted after 1 ") || ran.error().contains("interrupted after 0 "), "{ran}");
        let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"));
        let samples = document["samples"].as_array().unwrap().len();
        assert_eq!((&document["interrupted"], &document["tried"], samples), (&true.into(), &1.into(), 2), "{ran}");
        assert_eq!(gnet::bench::log::read(&shell.path("log.jsonl")).unwrap().pairs.len(), 2);
        #[cfg(target_os = "linux")]
        assert!(is_gone(worker), "the worker goes on after {ran}");
    }
}

#[test]
fn a_gate_tells_what_it_has_found_so_far() {
    let shell = Shell::with_model();
    fs::copy(shell.path("model.onnx"), shell.path("last.onnx")).unwrap();
    // Sixteen processes of a third of a second each are left when the first pair is done.
    let rules =
        "[budget]\nmax_params = \"1G\"\n[latency]\nbaseline = \"last.onnx\"\n[memory]\nmax_peak_rss = \"1TiB\"\n";
    shell.write("gate.toml", format!("model = \"model.onnx\"\n{rules}"));
    for everything in [true, false] {
        let running = Running::start(&shell, "gate gate.toml --format json --junit j.xml").says("pair 1,");
        let ran = if everything { running.ctrl_c() } else { running.signal(Signal::SIGTERM) }.end();
        assert_eq!(ran.code, Some(INTERRUPTED), "{ran}");
        assert!(
            ran.error().starts_with("error: gate.toml: was interrupted: of 3 rules, 1 was not run: latency."),
            "{ran}"
        );
        let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"));
        let rules = document["rules"].as_array().unwrap().iter();
        let told: Vec<_> = rules.map(|rule| (rule["section"].clone(), rule["status"].clone())).collect();
        let expected = [("budget", "held"), ("memory", "held"), ("latency", "not_run")];
        assert!(document["interrupted"] == true && told.len() == 3, "{ran}");
        for (section, status) in expected {
            assert!(told.contains(&(section.into(), status.into())), "{section} {status}: {ran}");
        }
        assert!(shell.exists("j.xml"));
    }
}

#[test]
fn a_bench_that_has_no_row_yet_prints_none() {
    let shell = Shell::with_model();
    let before = shell.listing();
    let ran = Running::start(&shell, ROWS).says("[1/2]").signal(Signal::SIGINT).end();
    assert_eq!((ran.code, ran.out.as_str()), (Some(INTERRUPTED), ""), "{ran}");
    assert!(ran.error().contains("not run: tract, batch 1, 1 thread; tract, batch 2, 1 thread"), "{ran}");
    let twice = Running::start(&shell, ROWS).says("[1/2]").signal(Signal::SIGINT);
    // The first may have ended it already.
    let _ = kill(twice.pid(), Signal::SIGINT);
    assert_eq!(twice.end().code, Some(INTERRUPTED));
    assert_eq!(shell.listing(), before);
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_ends_with_a_bench_that_was_killed() {
    let running = Running::start(&Shell::with_model(), ROWS).says("[1/2]");
    let worker = running.worker();
    let mut child = running.signal(Signal::SIGKILL).child;
    child.wait().unwrap();
    assert!(is_gone(worker));
}

/// As under `nohup`, or in the background of a shell script.
#[test]
fn a_signal_that_was_to_be_ignored_is() {
    let shell = Shell::with_model();
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_gnet");
    let line = "trap '' INT; kill -INT $$; exec \"$0\" bench model.onnx --samples 1 --min-time 0 --warmup 0";
    let mut child = command
        .args(["-c", line, program])
        .current_dir(shell.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    // It may have ended already.
    let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT);
    stderr.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(DONE));
}

#[test]
fn training_stops_between_checkpoints_and_can_be_resumed() {
    let shell = Shell::with_data();
    let training = |epochs| format!("train --out run {} --epochs {epochs}", TRAINING.replace("--epochs 2", ""));
    let ran = Running::start(&shell, &training(1000)).says("epoch 2/1000").signal(Signal::SIGINT).end();
    assert_eq!((ran.code, ran.out.as_str()), (Some(INTERRUPTED), ""), "{ran}");
    // What it says is what is there: an epoch may have been saved between the line that was waited for and the signal.
    let saved = |shell: &Shell| {
        let record: serde_json::Value = serde_json::from_slice(&shell.read("run/last/checkpoint.json")).unwrap();
        let epoch = record["epoch"].as_u64().unwrap();
        format!("interrupted; epoch {epoch} of 1000 is saved; `gnet train --resume --out run` goes on after it\n")
    };
    assert!(ran.err.ends_with(&saved(&shell)), "{ran}");
    for round in 3..9 {
        let line = format!("{} --resume", training(1000));
        let running = Running::start(&shell, &line).says("resuming after epoch").says(" validation: ");
        // Wherever it is in its epoch or its writing.
        std::thread::sleep(Duration::from_millis(17 * round));
        let ran = running.signal(Signal::SIGINT).end();
        assert_eq!(ran.code, Some(INTERRUPTED), "{ran}");
        assert!(ran.err.ends_with(&saved(&shell)), "{ran}");
        let left = leftovers(&shell.path("run"));
        assert!(left.iter().all(|name| name.ends_with(".old")), "{left:?}");
        shell.ok("eval run --data data");
    }
}

#[test]
fn training_that_is_stopped_in_its_first_epoch_says_that_nothing_is_saved() {
    let shell = Shell::with_data();
    // An epoch of many steps.
    let line = TRAINING.replace("--image-size 16", "--image-size 128");
    let ran = Running::start(&shell, &format!("train --out run {line}")).says("data: ").signal(Signal::SIGINT).end();
    assert_eq!((ran.code, ran.out.as_str()), (Some(INTERRUPTED), ""), "{ran}");
    assert!(ran.err.ends_with("interrupted; no epoch was finished, so that nothing is saved\n"), "{ran}");
    assert_eq!(leftovers(&shell.path("")), [""; 0], "{ran}");
}

/// As a cluster does it that starts a job twice.
#[test]
fn two_trainings_do_not_share_a_folder() {
    let shell = Shell::with_data();
    let training = |epochs| format!("train --out run {} --epochs {epochs}", TRAINING.replace("--epochs 2", ""));
    let first = Running::start(&shell, &training(1000)).says("epoch 1/1000");
    for line in [format!("{} --resume", training(1000)), "train --resume --out run".to_owned()] {
        let second = shell.gnet(&line);
        assert_eq!(second.code, Some(INPUT), "{second}");
        assert!(second.error().starts_with("error: --out run: another gnet is training in this folder"), "{second}");
    }
    // Killed, so that it cannot let go of the folder itself.
    let mut child = first.signal(Signal::SIGKILL).child;
    child.wait().unwrap();
    let ran =
        Running::start(&shell, "train --resume --out run").says("resuming after epoch").signal(Signal::SIGINT).end();
    assert_eq!(ran.code, Some(INTERRUPTED), "{ran}");
}

/// Readers while every epoch replaces what they read.
#[test]
fn a_run_that_is_under_way_is_read_whole() {
    let shell = Shell::with_data();
    let training = TRAINING.replace("--epochs 2", "--epochs 100000");
    let running = Running::start(&shell, &format!("train --out run {training}")).says("epoch 1/");
    for round in 0..6 {
        shell.ok(["eval run --data data", "eval run/last --data data", "export run -o x.onnx --no-verify"][round % 3]);
    }
    let ran = running.signal(Signal::SIGINT).end();
    assert_eq!(ran.code, Some(INTERRUPTED), "{ran}");
}

#[test]
fn a_file_is_whole_or_as_it_was_wherever_its_writing_is_interrupted() {
    let shell = Shell::with_run();
    let new = shell.read("model.onnx");
    for round in 0..12 {
        shell.write("file.onnx", "old");
        let running = Running::start(&shell, "export run -o file.onnx --no-verify");
        std::thread::sleep(Duration::from_millis(40 * round));
        // It may be done.
        let _ = kill(running.pid(), Signal::SIGINT);
        let ran = running.end();
        let found = shell.read("file.onnx");
        match ran.code {
            Some(DONE) => assert_eq!(found, new),
            _ => assert!(found == b"old" || found == new, "{} bytes: {ran}", found.len()),
        }
        assert_eq!(leftovers(&shell.path("")), [""; 0], "{ran}");
    }
}

#[test]
fn what_has_nothing_to_keep_ends_at_once() {
    let shell = Shell::with_model();
    let before = shell.listing();
    for line in [
        "verify model.onnx --against model.onnx --samples 60000",
        "verify model.onnx --provider tract --against model.onnx --samples 60000 --inputs normal --format json",
    ] {
        let running = Running::start(&shell, line).listens();
        std::thread::sleep(Duration::from_millis(200));
        let ran = running.signal(Signal::SIGINT).end();
        assert_eq!((ran.code, ran.out.as_str()), (Some(INTERRUPTED), ""), "{ran}");
        // How far it came is the machine's affair: before the last line there may be progress, and nothing else.
        let said = ran.err.strip_suffix(ENDED).unwrap_or_else(|| panic!("{ran}"));
        assert!(said.lines().all(|line| line.starts_with("comparing on ")), "{ran}");
    }
    assert_eq!(shell.listing(), before);
}
