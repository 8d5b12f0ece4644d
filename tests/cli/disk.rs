//! A disk without room: what is written is whole or not there, and says why.
//!
//! The room is a limit on the size of a file (`ulimit -f`), under which a write fails as on a full disk.

use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use super::interrupt::{INTERRUPTED, Running};
use super::shell::{DONE, INPUT, Ran, Shell};
use super::trained::TRAINING;

/// Runs `gnet` where no file may grow beyond so many blocks of 512 or 1024 bytes; stdout goes to `out`, if it is given.
pub fn limited(shell: &Shell, blocks: usize, line: &str, out: Option<&str>) -> Ran {
    let redirect = out.map_or(String::new(), |out| format!(" > {out}"));
    // The signal would end the program before it can say anything.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"{redirect}");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_gnet")]).args(line.split_whitespace());
    let output = command.current_dir(shell.path("")).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran =
        Ran { line: line.to_owned(), code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    ran.check_manners();
    ran
}

#[test]
fn a_file_for_which_there_is_no_room_leaves_the_one_that_was_there() {
    let shell = Shell::with_run();
    shell.write("old.onnx", "old");
    let before = shell.listing();
    for line in ["export run -o old.onnx", "export run -o new.onnx", "export --preset d2l --no-verify -o new.onnx"] {
        let ran = limited(&shell, 64, line, None);
        assert_eq!((ran.code, ran.out.as_str()), (Some(INPUT), ""), "{ran}");
        assert!(ran.error().contains(".onnx: cannot be written: File too large"), "{ran}");
        assert_eq!(shell.listing(), before, "{ran}");
    }
}

/// The data of a model fits and the model itself does not, then neither: what was there is there, with its own weights.
#[test]
fn a_model_with_data_beside_it_for_which_there_is_no_room_leaves_the_one_that_was_there() {
    use super::guards::samples::{changed, floats, node_of};
    let shell = Shell::new();
    // Constants of 1,000 bytes stay inside, those of 4,000 go beside: more of the one, then of the other.
    let model = |inside: usize, beside: usize| {
        changed(|parts| {
            let sizes = std::iter::repeat_n(250, inside).chain(std::iter::repeat_n(1000, beside));
            for (at, size) in sizes.enumerate() {
                parts.initializers.push(floats(&format!("c{at}"), &[size]));
                parts.nodes.push(node_of(&format!("n{at}"), "Identity", &[&format!("c{at}")], &[&format!("v{at}")]));
                parts.outputs.push(super::guards::wire::Message::new().text(1, &format!("v{at}")));
            }
        })
    };
    shell.write("old.onnx", model(2, 1)).write("model.onnx", model(300, 1)).write("data.onnx", model(2, 100));
    let optimize = |from: &str| format!("optimize {from} -o new.onnx --external-data always --passes dead-code");
    shell.ok(&optimize("old.onnx"));
    for from in ["model.onnx", "data.onnx"] {
        let before = shell.listing();
        let ran = limited(&shell, 64, &optimize(from), None);
        assert_eq!((ran.code, ran.out.as_str()), (Some(INPUT), ""), "{ran}");
        assert!(ran.error().contains("new.onnx: cannot be written: File too large"), "{ran}");
        assert_eq!(shell.listing(), before, "{ran}");
        shell.ok("diff old.onnx new.onnx");
        shell.ok(&optimize(from));
        shell.ok(&format!("diff {from} new.onnx"));
        shell.ok(&optimize("old.onnx"));
        assert_eq!(shell.listing().len(), before.len(), "the data of the model before is gone");
        shell.ok("diff old.onnx new.onnx");
    }
}

#[test]
fn a_checkpoint_for_which_there_is_no_room_leaves_the_run_as_it_was() {
    let shell = Shell::with_data();
    let training = |out: &str| format!("train --out {out} {} --epochs 1000", TRAINING.replace("--epochs 2", ""));
    let begun = Running::start(&shell, &training("run")).says("epoch 1/1000").signal(Signal::SIGINT).end();
    assert_eq!(begun.code, Some(INTERRUPTED), "{begun}");
    let before = shell.listing();
    let ran = limited(&shell, 64, &format!("{} --resume", training("run")), None);
    assert_eq!((ran.code, ran.out.as_str()), (Some(INPUT), ""), "{ran}");
    assert!(ran.error().contains("cannot be written: File too large"), "{ran}");
    assert_eq!(shell.listing(), before, "{ran}");
    shell.ok("eval run --data data");
    let fresh = limited(&shell, 64, &training("fresh"), None);
    assert_eq!(fresh.code, Some(INPUT), "{fresh}");
    assert!(!shell.exists("fresh"), "{fresh}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_an_error_and_a_full_stderr_is_none() {
    let shell = Shell::with_model();
    for line in [
        "bench model.onnx --samples 1 --min-time 0 --warmup 0 --format json",
        "summary model.onnx",
        "summary model.onnx --format csv",
        "verify model.onnx --against model.onnx --samples 2",
        "eval model.onnx --data data --format json",
        "completions bash",
        "doctor --timeout 60",
        "--help",
        "--version",
    ] {
        let ran = limited(&shell, 100_000, line, Some("/dev/full"));
        assert_eq!(ran.code, Some(INPUT), "{ran}");
        assert!(ran.error().starts_with("error: stdout: No space left on device"), "{ran}");
        let ran = limited(&shell, 100_000, line, Some("/dev/null 2> /dev/full"));
        assert_eq!(ran.code, Some(DONE), "{ran}");
    }
}

/// A row's result crosses from its process in a file, the profile in another.
#[cfg(feature = "ort")]
#[test]
fn a_trace_for_which_there_is_no_room_is_not_half_written() {
    let Some(ort) = super::runtimes::ort() else { return };
    let shell = Shell::with_model();
    shell.write("trace.json", "old");
    let before = shell.listing();
    let ort = ort.display();
    let line = format!("bench model.onnx --provider cpu --ort-lib {ort} --samples 2 --min-time 0 --profile trace.json");
    let ran = limited(&shell, 32, &line, None);
    assert_eq!((ran.code, ran.out.as_str()), (Some(INPUT), ""), "{ran}");
    assert_eq!(shell.listing(), before, "{ran}");
    shell.ok(&line);
    assert!(serde_json::from_slice::<Vec<serde_json::Value>>(&shell.read("trace.json")).is_ok());
}
