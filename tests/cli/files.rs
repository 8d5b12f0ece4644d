//! ONNX files that are none, and places that cannot be written to.

use std::fs;
use std::path::Path;

use gnet::onnx;

use super::shell::{INPUT, Shell};

/// Commands that read an ONNX file; the folder has `data` and `good.png`.
const READERS: [&str; 5] = [
    "summary",
    "bench --samples 1 --min-time 0",
    "eval --data data",
    "predict good.png",
    "verify --against model.onnx",
];

/// The command with the file as its first argument, whatever else it takes.
fn reading(reader: &str, file: &str) -> String {
    match reader.split_once(' ') {
        Some((command, rest)) => format!("{command} {file} {rest}"),
        None => format!("{reader} {file}"),
    }
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

#[test]
fn what_is_no_onnx_file_is_refused_by_every_reader() {
    let shell = Shell::with_model();
    image::GrayImage::new(4, 4).save(shell.path("good.png")).unwrap();
    let whole = shell.read("model.onnx");
    for (name, part) in [("tenth.onnx", whole.len() / 10), ("nearly.onnx", whole.len() - 3)] {
        shell.write(name, &whole[..part]);
    }
    shell.write("text.onnx", "hello there").write("empty.onnx", "").write("picture.onnx", shell.read("good.png"));
    fs::create_dir(shell.path("folder.onnx")).unwrap();
    for reader in READERS {
        for name in ["tenth.onnx", "nearly.onnx", "text.onnx", "empty.onnx", "picture.onnx"] {
            shell.refuses(&reading(reader, name), INPUT, &[&format!("error: {name}: is no ONNX model")]);
        }
        shell.refuses(&reading(reader, "missing.onnx"), INPUT, &["error: missing.onnx: there is no such"]);
        shell.refuses(&reading(reader, "folder.onnx"), INPUT, &["error: folder.onnx: is "]);
    }
}

#[test]
fn a_file_of_someone_else_runs_but_cannot_be_fed_images() {
    let shell = Shell::with_model();
    image::GrayImage::new(4, 4).save(shell.path("good.png")).unwrap();
    shell.write("foreign.onnx", fixture("dynamic.onnx"));
    let runs = &shell.json("bench foreign.onnx --samples 2 --min-time 0 --warmup 1")["runs"];
    assert!(runs[0]["gmacs_per_s"].as_f64() > Some(0.0), "its MACs are counted by the shapes that follow: {runs}");
    for line in ["eval foreign.onnx --data data", "predict foreign.onnx good.png"] {
        let says = ["foreign.onnx: does not say how its images are prepared", "help: export it with `gnet export`"];
        shell.refuses(line, INPUT, &says);
    }
    assert_eq!(shell.json("summary foreign.onnx")["macs"], 1458, "its shapes are inferred");
    shell.write("odd.onnx", fixture("bad_operation.onnx"));
    shell.refuses("bench odd.onnx", INPUT, &["odd.onnx: ", "Frobnicate"]);
}

#[test]
fn metadata_that_was_edited_is_refused_by_key() {
    let shell = Shell::with_model();
    image::GrayImage::new(4, 4).save(shell.path("good.png")).unwrap();
    for (key, value, says) in [
        ("gnet.image_size", Some("wide"), "metadata gnet.image_size: 'wide' is not a number"),
        ("gnet.image_size", Some("32"), "its metadata says"),
        ("gnet.std", Some("0"), "gnet.std"),
        ("gnet.std", Some("nan"), "gnet.std"),
        ("gnet.classes", Some("shirt,bag"), "metadata gnet.classes: is no JSON list of names"),
        ("gnet.mean", None, "metadata gnet.mean: is missing"),
        ("gnet.channels", Some("3"), "for each of 3 channels"),
    ] {
        let mut model = onnx::read_file(&shell.path("model.onnx")).unwrap();
        match value {
            Some(value) => model.metadata.insert(key.into(), value.into()),
            None => model.metadata.remove(key),
        };
        shell.write("edited.onnx", onnx::write(&model).unwrap());
        for line in ["eval edited.onnx --data data", "predict edited.onnx good.png"] {
            shell.refuses(line, INPUT, &["error: edited.onnx: ", says]);
        }
    }
}

#[test]
fn a_file_whose_data_is_in_an_unknown_folder_asks_for_it() {
    let shell = Shell::with_model();
    let says = ["model.onnx: was trained on a folder called data", "help: give --data FOLDER"];
    shell.refuses("eval model.onnx", INPUT, &says);
    shell.ok("export --preset d2l --image-size 16 --no-verify -o fresh.onnx");
    shell.refuses("eval fresh.onnx", INPUT, &["fresh.onnx: was not trained on any data", "help: give --data"]);
}

#[test]
fn an_export_goes_to_a_file_in_a_folder_that_is_there() {
    let shell = Shell::with_run();
    fs::create_dir(shell.path("folder")).unwrap();
    shell.write("file", "kept");
    for (place, says) in [
        ("missing/x.onnx", "missing/x.onnx: there is no folder missing"),
        ("folder", "folder: is a folder where a file is expected"),
        ("run", "run: is a folder where a file is expected"),
        ("file/x.onnx", "file/x.onnx: file is a file, not a folder"),
    ] {
        let ran = shell.refuses(&format!("export run -o {place}"), INPUT, &[says]);
        assert!(ran.err.starts_with("error: "), "refused before the work, not after: {ran}");
    }
    assert_eq!(fs::read_dir(shell.path("folder")).unwrap().count(), 0);
    shell.refuses_with(&[], &["export", "run", "-o", ""], INPUT, &["--output <FILE>"]);
}

#[test]
fn a_dash_is_not_taken_for_the_name_of_a_file() {
    let shell = Shell::new();
    for command in ["export run", "optimize model.onnx"] {
        shell.refuses(&format!("{command} -o -"), INPUT, &["standard output holds the report; give a file"]);
    }
    assert!(!shell.path("-").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn an_export_or_a_run_that_cannot_be_written_says_so() {
    let shell = Shell::with_run();
    let ran = shell.refuses("export run -o /proc/x.onnx", INPUT, &["/proc/x.onnx: cannot be written: "]);
    assert!(!ran.err.contains(".gnet-"), "the temporary file's name means nothing to a reader: {ran}");
    let line = "train --data data --out /proc/run --epochs 1 --image-size 16";
    shell.refuses(line, INPUT, &["/proc/run: the folder cannot be made: "]);
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_replaced() {
    let shell = Shell::with_run();
    let socket = shell.path("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    shell.refuses("export run -o socket", INPUT, &["socket: is no regular file"]);
    assert!(socket.exists() && !socket.is_file());

    // A link keeps pointing to the file, which is the one that is replaced.
    shell.write("real.onnx", "old");
    std::os::unix::fs::symlink("real.onnx", shell.path("latest.onnx")).unwrap();
    shell.ok("export run -o latest.onnx");
    assert!(shell.path("latest.onnx").is_symlink());
    assert_eq!(shell.read("real.onnx"), shell.read("model.onnx"));
}

#[test]
fn a_report_cannot_take_the_place_of_a_file() {
    let shell = Shell::new();
    shell.write("file", "kept");
    shell.refuses("reproduce --quick --out file", INPUT, &["file: is a file where a folder is expected"]);
    shell.refuses("reproduce --quick --out file/reports", INPUT, &["file/reports: would lie inside a file"]);
}
