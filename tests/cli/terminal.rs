//! On a terminal, wide and narrow: no line is longer than it, no number and no shape is broken, colour is where it is welcome.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use gnet::graph::Tensor;
use gnet::onnx;
use nix::pty::{Winsize, openpty};
use unicode_width::UnicodeWidthStr;

use super::shell::{CHECK, DONE, Shell, gnet};

const WIDTHS: [u16; 4] = [60, 80, 120, 200];

/// Runs a command with stdout and stderr on a terminal of so many columns; its exit code and everything that it wrote.
fn on_terminal(mut command: Command, columns: u16) -> (Option<i32>, String) {
    let size = Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).unwrap();
    command.stdin(Stdio::null()).stdout(terminal.slave.try_clone().unwrap()).stderr(terminal.slave);
    let mut child = command.spawn().unwrap();
    // What holds the terminal open here would keep its end from being seen.
    drop(command);
    let (mut master, mut text) = (File::from(terminal.master), Vec::new());
    let mut part = [0; 4096];
    // The end of a terminal is an error: EIO.
    while let Ok(read @ 1..) = master.read(&mut part) {
        text.extend_from_slice(&part[..read]);
    }
    (child.wait().unwrap().code(), String::from_utf8(text).unwrap())
}

fn said(shell: &Shell, columns: u16, line: &str) -> (Option<i32>, String) {
    let mut command = gnet(&shell.path(""));
    command.args(line.split_whitespace()).env("XDG_DATA_HOME", shell.path("home"));
    on_terminal(command, columns)
}

/// The text as it stands on the screen: without colours, and of a line written over only what was written last.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, code)) = rest.split_once('\u{1b}') {
        out += before;
        let end = code.find(|c: char| c.is_ascii_alphabetic()).expect("the end of an escape sequence");
        rest = &code[end + 1..];
    }
    (out + rest).replace("\r\n", "\n")
}

/// Every line, those of a bar included, which begin at the left edge again and again.
fn lines(text: &str) -> Vec<String> {
    plain(text).split(['\n', '\r']).map(str::to_owned).collect()
}

/// The words that are numbers.
fn numbers(text: &str) -> BTreeSet<String> {
    let trimmed = |word: &str| word.trim_matches(|c: char| "(),;:.%[]".contains(c)).to_owned();
    let numeric = |word: &String| {
        word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(|c| "0123456789,.".contains(c))
    };
    text.split_whitespace().map(trimmed).filter(numeric).collect()
}

/// A folder with a network, one that differs from it in names, shapes and weights, and an installed runtime.
fn shell() -> Shell {
    let shell = Shell::with_model();
    let mut model = onnx::read_file(&shell.path("model.onnx")).unwrap();
    let constants: Vec<_> = model.graph.initializers().map(|(id, tensor)| (id, tensor.clone())).collect();
    for (id, tensor) in constants.into_iter().take(30) {
        if let Some(values) = tensor.to_f32() {
            let moved: Vec<_> = values.iter().map(|value| value + 0.5).collect();
            model.graph.set_initializer(id, Tensor::from_f32(tensor.shape().to_vec(), &moved).unwrap());
        }
    }
    model.graph.nodes.iter_mut().step_by(7).for_each(|node| node.name = format!("renamed/{}", node.name));
    model
        .metadata
        .insert("a key of some length".into(), "and a value that is much longer than any terminal ".repeat(9));
    shell.write("other.onnx", onnx::write(&model).unwrap());
    // A small one to be run, whose output has a long name.
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dynamic.onnx");
    let mut small = onnx::read_file(&small).unwrap();
    let output = small.graph.outputs[0];
    small.graph.value_mut(output).name = "classifier/of/a/network/with/a/long/path/to/its/Output".into();
    shell.write("small.onnx", onnx::write(&small).unwrap());
    let (id, weights) = small.graph.initializers().find(|(_, tensor)| tensor.to_f32().is_some()).unwrap();
    let moved: Vec<_> = weights.to_f32().unwrap().iter().map(|value| value + 0.5).collect();
    let moved = Tensor::from_f32(weights.shape().to_vec(), &moved).unwrap();
    small.graph.set_initializer(id, moved);
    shell.write("small-other.onnx", onnx::write(&small).unwrap());
    let rules = "max_params = 7\nmax_macs = \"1.5G\"\nops_allowed = [\"Conv\", \"Gemm\", \"MaxPool\", \"Relu\", \"Reshape\", \"Softmax\", \"Concat\"]";
    shell.write(
        "gate.toml",
        format!("model = \"small.onnx\"\n[budget]\n{rules}\n[agreement]\nreference = \"small-other.onnx\"\n"),
    );
    let runtime = shell.path("home/gnet/runtime/cpu-1.31.1");
    std::fs::create_dir_all(&runtime).unwrap();
    shell
}

/// Commands whose output is the same every time.
const SAME: [(&str, i32); 13] = [
    ("summary model.onnx", DONE),
    ("summary model.onnx --tree", DONE),
    ("summary model.onnx --top 5 --sort params", DONE),
    ("summary model.onnx --depth 1 --count flops", DONE),
    ("verify small.onnx --against small.onnx --samples 2", DONE),
    ("verify small.onnx --against small-other.onnx --samples 2", CHECK),
    ("diff model.onnx other.onnx", CHECK),
    ("diff model.onnx other.onnx --limit 500", CHECK),
    (
        "check model.onnx --max-params 1M --max-macs 1k --ops-allowed Conv,Relu --expect-params 1234567 --opset-max 17",
        CHECK,
    ),
    ("gate gate.toml", CHECK),
    ("optimize small.onnx -o o.onnx", DONE),
    ("optimize --list", DONE),
    ("compare", DONE),
];

#[track_caller]
fn fits(text: &str, columns: u16, line: &str) {
    for shown in lines(text) {
        let width = shown.width();
        assert!(width <= columns.into(), "{width} of {columns} columns: {shown:?}\n{line}\n{}", plain(text));
    }
}

#[test]
fn no_line_is_longer_than_the_terminal_and_no_number_is_broken() {
    let shell = shell();
    for (line, code) in SAME {
        let whole = shell.gnet(line);
        let known = numbers(&whole.out).into_iter().chain(numbers(&whole.err)).collect::<BTreeSet<_>>();
        for columns in WIDTHS {
            let (ended, text) = said(&shell, columns, line);
            assert_eq!(ended, Some(code), "{line}\n{text}");
            fits(&text, columns, line);
            let text = plain(&text);
            let broken: Vec<_> = numbers(&text).difference(&known).cloned().collect();
            assert!(broken.is_empty(), "{broken:?} at {columns}: {line}\n{text}");
        }
        let (_, wide) = said(&shell, WIDTHS[0], &format!("{line} --wide"));
        let head = |text: &str| text.lines().find(|line| line.contains('─')).map(str::to_owned);
        assert_eq!(head(&plain(&wide)), head(&whole.out), "--wide is what a pipe gets: {line}");
    }
}

#[test]
fn what_is_measured_fits_too() {
    let shell = shell();
    let mut measured = vec![
        "bench model.onnx --batch 1,8 --threads 1,2 --samples 2 --min-time 0 --warmup 1".to_owned(),
        "doctor --timeout 60".to_owned(),
        "runtime list".to_owned(),
    ];
    #[cfg(feature = "ort")]
    if let Some(ort) = super::runtimes::ort() {
        let profile = "--samples 2 --min-time 0 --warmup 1 --profile trace.json";
        measured.push(format!("bench model.onnx --provider cpu {profile} --ort-lib {}", ort.display()));
    }
    for line in &measured {
        for columns in WIDTHS {
            let (ended, text) = said(&shell, columns, line);
            assert_eq!(ended, Some(DONE), "{line}\n{text}");
            fits(&text, columns, line);
            for number in numbers(&plain(&text)) {
                let groups: Vec<_> = number.split('.').next().unwrap_or_default().split(',').collect();
                let whole = groups.len() == 1 || groups[1..].iter().all(|group| group.len() == 3);
                assert!(whole && !number.ends_with(','), "{number} at {columns}: {line}\n{text}");
            }
        }
    }
}

#[test]
fn bars_and_lines_of_progress_never_wrap() {
    let shell = Shell::with_data();
    let flags = "--data data --image-size 16 --batch-size 2 --lr 0.005 --warmup-steps 0 --epochs 1";
    for columns in [30, 60, 100] {
        let (ended, text) = said(&shell, columns, &format!("train --out run{columns} {flags}"));
        assert_eq!(ended, Some(DONE), "{text}");
        fits(&text, columns, "train");
        assert!(plain(&text).contains("epoch 1/1"), "{text}");
        assert!(plain(&text).contains("next: gnet export"), "{text}");
    }
}

#[test]
fn colour_is_where_it_is_welcome() {
    let shell = shell();
    let line = "verify small.onnx --against small-other.onnx --samples 2";
    let with = |variables: &[(&str, &str)], more: &str| {
        let mut command = gnet(&shell.path(""));
        command.args(format!("{line} {more}").split_whitespace()).envs(variables.iter().copied());
        on_terminal(command, 100).1
    };
    let text = with(&[], "");
    for shown in ["\u{1b}[31mdisagree", "\u{1b}[31merror\u{1b}[0m: ", "\u{1b}[1m"] {
        assert!(text.contains(shown), "{shown:?} in {text:?}");
    }
    for (variables, more) in [
        (&[("NO_COLOR", "1")][..], ""),
        (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], ""),
        (&[("TERM", "dumb")], ""),
        (&[("CLICOLOR_FORCE", "1")], "--color never"),
    ] {
        let text = with(variables, more);
        assert!(!text.contains('\u{1b}'), "{variables:?} {more} {text:?}");
    }
    // In a pipe only where it is asked for.
    let piped = |variables: &[(&str, &str)], words: &str| {
        let mut command = gnet(&shell.path(""));
        command.args(words.split_whitespace()).envs(variables.iter().copied()).stdin(Stdio::null());
        let output = command.output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(!piped(&[], line).contains('\u{1b}'));
    for (variables, words) in [
        (&[][..], format!("{line} --color always")),
        (&[], format!("--color always {line}")),
        (&[("CLICOLOR_FORCE", "1")], line.to_owned()),
        (&[], "sumary --color=always".to_owned()),
    ] {
        let text = piped(variables, &words);
        assert!(text.contains("error") && text.contains("\u{1b}["), "{words}: {text:?}");
    }
    assert!(!piped(&[], &format!("{line} --color always --format json")).starts_with('\u{1b}'));
}
