//! `gnet bench --save` and `--log`: what stands in the file after each row, whatever ends the program, and what is no log.

use std::fs;

use gnet::bench::log::{Line, read};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::disk::limited;
use super::interrupt::Running;
use super::shell::{DONE, INPUT, Shell, gnet};

const QUICK: &str = "--samples 3 --min-time 0 --warmup 1";

fn lines(shell: &Shell, name: &str) -> Vec<Line> {
    let found = read(&shell.path(name)).unwrap();
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    found.lines
}

#[test]
fn a_line_holds_all_that_is_known_of_its_row() {
    let shell = Shell::with_model();
    let shown = shell.json(&format!("bench model.onnx --batch 1,2 --threads 2 {QUICK} --save log.jsonl"));
    let lines = lines(&shell, "log.jsonl");
    assert_eq!(lines.len(), 2);
    for (index, line) in lines.iter().enumerate() {
        assert_eq!((line.index, line.order, line.seed), (index, index, None));
        assert_eq!((line.run.samples_ns.len(), line.run.samples), (3, 3));
        assert_eq!((line.spec.batch, line.spec.threads), (index + 1, 2));
        let mut run = serde_json::to_value(&line.run).unwrap();
        assert!(run.get("samples_ns").is_none(), "a document has no samples");
        // The document has whole numbers where a float has no fraction.
        assert_eq!(run["latency_ms"]["p50"].as_f64(), shown["runs"][index]["latency_ms"]["p50"].as_f64());
        run["latency_ms"].take();
        assert_eq!(line.run.started, shown["runs"][index]["started"].as_str().unwrap());
    }
    assert_eq!(lines[0].call, lines[1].call);
    let model = &lines[0].model;
    assert_eq!((model.path.to_str(), model.files.len()), (Some("model.onnx"), 1));
    assert_eq!(model.files[0].sha256, sha256(&shell, "model.onnx"));
    assert_eq!(model.files[0].bytes, shell.read("model.onnx").len() as u64);
    let summary = shell.json("summary model.onnx");
    assert_eq!(model.params, summary["params"].as_u64());
    assert_eq!(model.macs, summary["macs"].as_u64());
    assert_eq!(
        (&model.weight_types, &model.value_types),
        (&vec!["f32".to_owned(), "i64".to_owned()], &vec!["f32".to_owned()])
    );
    assert_eq!(lines[0].gnet.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(lines[0].gnet.commit.as_deref(), option_env!("GNET_COMMIT"));
    assert!(lines[0].machine.limits.usable_cores >= 1);
    // Each line is a document by itself, and begins as all do.
    for text in String::from_utf8(shell.read("log.jsonl")).unwrap().lines() {
        assert!(text.starts_with(r#"{"schema_version":1,"kind":"row","#), "{text}");
        assert_eq!(serde_json::from_str::<Value>(text).unwrap()["run"]["samples_ns"].as_array().unwrap().len(), 3);
    }
}

/// Computed by a program that is not ours.
fn sha256(shell: &Shell, name: &str) -> String {
    let output = std::process::Command::new("sha256sum").arg(shell.path(name)).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn save_begins_anew_and_log_goes_on() {
    let shell = Shell::with_model();
    let bench = |flag: &str| shell.ok(&format!("bench model.onnx {QUICK} {flag} log.jsonl"));
    for (flag, count) in [("--log", 1), ("--log", 2), ("--save", 1), ("--log", 2), ("--save", 1)] {
        bench(flag);
        assert_eq!(lines(&shell, "log.jsonl").len(), count, "{flag}");
    }
    // Data beside a model is a part of it.
    shell.ok("optimize model.onnx -o o.onnx --external-data always");
    shell.ok(&format!("bench o.onnx {QUICK} --log log.jsonl"));
    let lines = lines(&shell, "log.jsonl");
    let [own, data] = &lines[1].model.files[..] else { panic!("{:?}", lines[1].model.files) };
    assert_eq!((own.name.as_str(), &data.sha256), ("o.onnx", &sha256(&shell, &data.name)));
    assert_eq!(lines[0].machine.cpu, lines[1].machine.cpu);
}

#[test]
fn what_is_no_log_is_refused_before_anything_is_measured() {
    let shell = Shell::with_model();
    super::formats::picture(&shell, "a.png");
    shell.ok("optimize model.onnx -o other.onnx");
    fs::write(shell.path("theirs.json"), shell.ok(&format!("bench model.onnx {QUICK} --format json"))).unwrap();
    shell.write("theirs.jsonl", "{\"name\": \"x\"}\n").write("notes.txt", "do not lose me\n");
    shell.ok(&format!("bench model.onnx {QUICK} --log good.jsonl"));
    let good = String::from_utf8(shell.read("good.jsonl")).unwrap();
    shell.write("mixed.jsonl", format!("{good}x\n{good}"));
    shell.write("newer.jsonl", good.replacen("\"schema_version\":1", "\"schema_version\":7", 1));
    fs::create_dir(shell.path("folder")).unwrap();
    for flag in ["--save", "--log"] {
        let refuses = |name: &str, says: &[&str]| {
            let ran = shell.refuses(&format!("bench model.onnx {QUICK} {flag} {name}"), INPUT, says);
            assert!(!ran.err.contains("[1/1]"), "nothing is measured: {ran}");
        };
        for name in ["a.png", "other.onnx", "theirs.jsonl", "notes.txt"] {
            refuses(name, &[&format!("{name}: line 1 is no line of a log of gnet: "), "help: only a log of gnet is"]);
        }
        refuses("theirs.json", &["theirs.json: line 2 is no line of a log of gnet: it is no object in JSON"]);
        refuses("mixed.jsonl", &["mixed.jsonl: line 2 is no line of a log of gnet: "]);
        refuses("newer.jsonl", &["newer.jsonl: line 1 is of version 7, and this gnet knows 1"]);
        refuses("model.onnx", &["model.onnx: is an input, and no input is replaced"]);
        refuses("folder", &["folder: is a folder where a file is expected"]);
        refuses("none/log.jsonl", &["there is no folder none"]);
        refuses("-", &["standard output holds the report; give a file"]);
    }
    shell.refuses("bench model.onnx --profile a --log a", INPUT, &["--profile: names the file of the log"]);
    shell.refuses("bench model.onnx --save a --log b", INPUT, &["cannot be used with"]);
}

#[test]
fn a_torn_line_is_closed_and_passed_over() {
    let shell = Shell::with_model();
    let bench = format!("bench model.onnx {QUICK} --log log.jsonl");
    shell.ok(&bench);
    let whole = shell.read("log.jsonl");
    for cut in [1, 20, whole.len() / 2, whole.len() - 2] {
        shell.write("log.jsonl", [&whole, &whole[..cut]].concat());
        shell.ok(&bench);
        let found = read(&shell.path("log.jsonl")).unwrap();
        assert_eq!((found.lines.len(), found.notes), (2, vec!["line 2 is cut off and was passed over".to_owned()]));
    }
    // A line without its newline is whole.
    shell.write("log.jsonl", &whole[..whole.len() - 1]);
    shell.ok(&bench);
    assert_eq!(lines(&shell, "log.jsonl").len(), 2);
}

#[test]
fn a_program_that_is_killed_between_rows_leaves_the_rows_before() {
    for signal in [Signal::SIGKILL, Signal::SIGINT] {
        for flag in ["--save", "--log"] {
            let shell = Shell::with_model();
            let line = format!("bench model.onnx --batch 1,2,4 {QUICK} {flag} log.jsonl");
            Running::start(&shell, &line).says("[2/3]").signal(signal).end();
            let lines = lines(&shell, "log.jsonl");
            assert!(!lines.is_empty() && lines.len() <= 3, "{}", lines.len());
            assert_eq!((lines[0].spec.batch, lines[0].run.samples_ns.len()), (1, 3));
        }
    }
}

#[test]
fn two_at_once_do_not_mix_their_lines() {
    let shell = Shell::with_model();
    let line = format!("bench model.onnx --batch 1,2,4,1,2,4 {QUICK} --log log.jsonl");
    let start = || {
        let mut command = gnet(&shell.path(""));
        command.args(line.split_whitespace()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    let mut both = [start(), start()];
    assert!(both.iter_mut().all(|child| child.wait().unwrap().code() == Some(DONE)));
    let lines = lines(&shell, "log.jsonl");
    assert_eq!(lines.len(), 12);
    let first = &lines[0].call;
    let (ours, theirs): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.call == *first);
    for call in [ours, theirs] {
        assert_eq!(call.iter().map(|line| line.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    }
}

#[test]
fn a_disk_without_room_is_one_error_and_the_rows_are_shown() {
    let shell = Shell::with_model();
    for flag in ["--log", "--save"] {
        shell.ok(&format!("bench model.onnx {QUICK} --save log.jsonl"));
        let before = shell.read("log.jsonl");
        // No line is as short as a block.
        let line = format!("bench model.onnx --batch 1,2 {QUICK} {flag} log.jsonl --format json");
        let ran = limited(&shell, 1, &line, None);
        assert_eq!(ran.code, Some(INPUT), "{ran}");
        assert!(ran.error().contains("log.jsonl: cannot be written: File too large"), "{ran}");
        let shown: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"));
        assert_eq!(shown["runs"].as_array().unwrap().len(), 2, "{ran}");
        assert_eq!(shell.read("log.jsonl"), before, "no half line is left: {ran}");
    }
    assert_eq!(shell.listing().len(), Shell::with_model().listing().len() + 1, "nothing lies beside it");
}

#[test]
fn a_hostile_name_stays_in_its_string() {
    let shell = Shell::with_model();
    let name = "a\n{\"schema_version\":1}\u{1b}[31m\u{202e}##[error]\u{2028}.onnx";
    fs::copy(shell.path("model.onnx"), shell.path(name)).unwrap();
    let words = ["bench", name, "--samples", "1", "--min-time", "0", "--log", "log.jsonl"];
    assert_eq!(shell.gnet_with(&[], &words).code, Some(DONE));
    let lines = lines(&shell, "log.jsonl");
    assert_eq!(
        (lines.len(), lines[0].model.path.to_str(), lines[0].model.files[0].name.as_str()),
        (1, Some(name), name)
    );
    let text = String::from_utf8(shell.read("log.jsonl")).unwrap();
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{2028}']) && !text.contains("##"), "{text}");
    assert_eq!(text.lines().count(), 1);
}
