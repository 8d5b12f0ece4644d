//! Models whose inputs a command cannot feed, and numbers that no run can have.

use std::fs;
use std::path::Path;

use gnet::graph::Dim;
use gnet::onnx;

use super::shell::{INPUT, Shell};

/// A folder with `model.onnx`, `data` and all small files.
fn shell() -> Shell {
    let shell = Shell::with_model();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name.ends_with(".onnx") {
            shell.write(&name, fs::read(entry.path()).unwrap());
        }
    }
    shell
}

const BENCH: &str = "--samples 1 --min-time 0 --warmup 0";

#[test]
fn a_bench_names_the_input_it_cannot_fill() {
    let shell = shell();
    for (name, says) in [
        ("no_shape", "input 'x': has no shape"),
        ("strings", "input 'x': is of type string where real numbers, whole numbers or booleans are expected"),
        ("sequence", "input 'x': is no tensor but a sequence, a map or optional"),
        ("optional", "input 'x': is no tensor but a sequence, a map or optional"),
        (
            "bad_axis",
            "input 'x': axis 2 is dynamic; only the first, the batch, may be\n  help: fix its size with --dim H=SIZE",
        ),
        ("empty_axis", "input 'x': axis 1 has no positive length"),
        ("no_input", "model: its graph has no input"),
        ("huge_axis", "input 'x': array of shape [1, 1099511627776]: takes 4.0 TiB, and there is no room for it"),
        (
            "overflow",
            "input 'x': array of shape [1, 1099511627776, 1099511627776]: takes more bytes than can be counted, and there is no room for it",
        ),
    ] {
        let line = format!("bench {name}.onnx {BENCH}");
        shell.refuses(&line, INPUT, &[&format!("error: {name}.onnx: {says}")]);
    }
}

#[test]
fn a_batch_that_the_file_forbids_is_refused_and_the_others_run() {
    let shell = shell();
    let says = ["error: fixed.onnx: batch 3: the file's batch is fixed at 2", "help: use batch 2"];
    shell.refuses(&format!("bench fixed.onnx --batch 3 {BENCH}"), INPUT, &says);
    let ran = shell.gnet(&format!("bench fixed.onnx --batch 3,2,1 {BENCH} --format json"));
    assert_eq!(ran.code, Some(INPUT), "{ran}");
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&document["runs"][0]["batch"], document["runs"].as_array().unwrap().len()), (&2.into(), 1));
    assert!(ran.err.contains("2 of 3 rows failed:") && ran.error().contains("batch 3: "), "{ran}");
}

#[test]
fn verify_names_the_input_it_cannot_fill() {
    let shell = shell();
    for (name, says) in [
        ("no_shape", "no_shape.onnx: input 'x': has no shape\n  help: say it with --input x="),
        ("sequence", "sequence.onnx: input 'x': is of the type sequence where a tensor is expected"),
        ("optional", "optional.onnx: input 'x': is of the type optional where a tensor is expected"),
        (
            "bad_axis",
            "bad_axis.onnx: input 'x': axis 2 is dynamic; only the first, the batch, may be\n  help: fix its size with --dim H=SIZE",
        ),
        ("strings", "input 'x': is of type string where real numbers, whole numbers or booleans are expected"),
        ("empty_axis", "input 'x': axis 1 has no positive length"),
        ("no_input", "no_input.onnx: the graph: needs an input and an output to be compared"),
        ("huge_axis", "input 'x': 2 runs of the shape [1, 1099511627776] are too large to hold"),
        ("overflow", "are too large to hold"),
    ] {
        shell.refuses(&format!("verify {name}.onnx --against {name}.onnx --samples 2"), INPUT, &[says]);
    }
    for (flags, says) in [
        ("", "verify: there is nothing to compare the file with"),
        ("--against model.onnx --samples 1", "samples 1: "),
        ("--against model.onnx --samples 99999999999", "samples 99999999999: are more than 1048576"),
        ("--against model.onnx --samples 1048576", "are too large to hold"),
        ("--against model.onnx --threads 0", "threads 0: a run needs at least one"),
        ("--against model.onnx --threads 100000", "threads 100000: is more than 1024"),
        ("--against model.onnx --tolerance nan", "tolerance"),
        ("--against model.onnx --tolerance -1", "tolerance"),
        ("--against model.onnx --input y=1x2", "input"),
        ("--against model.onnx --input image=1x2x", "--input"),
    ] {
        shell.refuses(&format!("verify model.onnx {flags}"), INPUT, &[says]);
    }
}

#[test]
fn eval_refuses_a_file_whose_input_is_not_what_its_metadata_says() {
    let shell = shell();
    let edited = |name: &str, shape: Option<Vec<Dim>>| {
        let mut model = onnx::read_file(&shell.path("model.onnx")).unwrap();
        let input = model.graph.inputs[0];
        model.graph.value_mut(input).shape = shape;
        shell.write(name, onnx::write(&model).unwrap());
    };
    edited("open.onnx", None);
    edited("wide.onnx", Some(vec![Dim::symbol("N"), Dim::Known(1), Dim::Known(32), Dim::Known(32)]));
    edited("any.onnx", Some(vec![Dim::symbol("N"), Dim::Known(1), Dim::symbol("H"), Dim::symbol("W")]));
    for (name, says) in [
        ("open", "input 'input': has no shape"),
        ("wide", "its metadata says"),
        ("any", "axis 2 is dynamic; only the first, the batch, may be"),
    ] {
        shell.refuses(&format!("eval {name}.onnx --data data"), INPUT, &[&format!("error: {name}.onnx: "), says]);
    }
}

/// A file that nobody may read, not even a user with all rights: the system has one that is not a regular file.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_read_says_so() {
    use std::os::unix::fs::PermissionsExt;

    let shell = shell();
    let commands = |file: &str| {
        [
            format!("bench {file} {BENCH}"),
            format!("verify {file} --against model.onnx"),
            format!("eval {file} --data data"),
            format!("summary {file}"),
        ]
    };
    for line in commands("/proc/self/mem") {
        shell.refuses(&line, INPUT, &["error: /proc/self/mem: cannot be read: "]);
    }
    shell.write("locked.onnx", shell.read("model.onnx"));
    fs::set_permissions(shell.path("locked.onnx"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(shell.path("locked.onnx")).is_ok() {
        eprintln!("not tested: this user may read every file");
        return;
    }
    for line in commands("locked.onnx") {
        shell.refuses(&line, INPUT, &["error: locked.onnx: cannot be read: Permission denied"]);
    }
}
