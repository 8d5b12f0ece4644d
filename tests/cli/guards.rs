//! Refusals shared by all commands that take an ONNX file, in the same words: something other than a file, and an
//! invalid model.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use super::shell::{DONE, INPUT, Shell};

#[path = "../hostile/samples.rs"]
#[allow(dead_code)]
pub mod samples;
#[path = "../hostile/wire.rs"]
#[allow(dead_code)]
pub mod wire;

use samples::*;
use wire::Message;

/// Every command that takes a model, with FILE in its place.
const COMMANDS: [&str; 12] = [
    "summary FILE",
    "check FILE --max-params 1",
    "check FILE --max-bytes 1",
    "draw FILE -o new.svg",
    "diff FILE model.onnx",
    "diff model.onnx FILE",
    "optimize FILE -o new.onnx",
    "bench FILE --samples 1 --min-time 0",
    "verify FILE --samples 2",
    "verify model.onnx --against FILE --samples 2",
    "eval FILE --data data",
    "predict FILE good.png",
];

fn shell() -> Shell {
    let shell = Shell::with_model();
    image::GrayImage::new(4, 4).save(shell.path("good.png")).unwrap();
    shell
}

/// Asks every command; each must refuse `file` in the words of the first. Those words.
#[track_caller]
fn refused_by_all(shell: &Shell, file: &str, says: &[&str]) {
    let words: BTreeSet<String> = COMMANDS
        .iter()
        .map(|command| shell.refuses(&command.replace("FILE", file), INPUT, says).error().to_owned())
        .collect();
    assert_eq!(words.len(), 1, "one text for {file}: {words:#?}");
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let shell = shell();
    nix::unistd::mkfifo(&shell.path("pipe.onnx"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(shell.path("socket.onnx")).unwrap();
    symlink("pipe.onnx", shell.path("to-pipe.onnx")).unwrap();
    symlink("/dev/zero", shell.path("zero.onnx")).unwrap();
    symlink("zero.onnx", shell.path("chain.onnx")).unwrap();
    symlink("nothing", shell.path("dangling.onnx")).unwrap();
    fs::create_dir(shell.path("folder.onnx")).unwrap();
    for (file, says) in [
        ("pipe.onnx", "pipe.onnx: is a pipe where a file is expected"),
        ("to-pipe.onnx", "to-pipe.onnx: is a pipe where a file is expected"),
        ("socket.onnx", "socket.onnx: is a socket where a file is expected"),
        ("zero.onnx", "zero.onnx: is a device where a file is expected"),
        ("chain.onnx", "chain.onnx: is a device where a file is expected"),
    ] {
        refused_by_all(&shell, file, &[says, "help: write its content to a file first"]);
    }
    refused_by_all(&shell, "dangling.onnx", &["dangling.onnx: is a link to nothing"]);
    #[cfg(target_os = "linux")]
    refused_by_all(&shell, "/proc/self/maps", &["/proc/self/maps: holds more than the 0 bytes"]);
    // A folder is a checkpoint to `eval` and to `verify --against`.
    for command in COMMANDS.iter().filter(|command| !command.starts_with("eval") && !command.contains("--against")) {
        let says = ["folder.onnx: is a folder where an ONNX file is expected", "help: write a checkpoint's file with"];
        shell.refuses(&command.replace("FILE", "folder.onnx"), INPUT, &says);
    }
}

#[test]
fn other_inputs_are_guarded_as_models_are() {
    let shell = shell();
    nix::unistd::mkfifo(&shell.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("/dev/zero", shell.path("zero")).unwrap();
    for (name, what) in [("pipe", "a pipe"), ("zero", "a device")] {
        let says = format!("{name}: is {what} where a file is expected");
        shell.refuses(&format!("predict model.onnx {name}"), INPUT, &[&says]);
        shell.refuses(&format!("draw model.onnx -o new.svg --times {name}"), INPUT, &[&says]);
        shell.refuses(&format!("page {name} -o new.md"), INPUT, &[&says]);
        fs::create_dir(shell.path("other")).unwrap();
        for file in ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"] {
            symlink(format!("../{name}"), shell.path(&format!("other/{file}"))).unwrap();
        }
        let says = format!("is {what} where a file is expected");
        shell.refuses("eval model.onnx --data other", INPUT, &["other/", &says]);
        shell.refuses("train --data other --image-size 16 --out new", INPUT, &["other/", &says]);
        fs::remove_dir_all(shell.path("other")).unwrap();
        fs::create_dir_all(shell.path("other/best")).unwrap();
        symlink(format!("../../{name}"), shell.path("other/best/checkpoint.json")).unwrap();
        shell.refuses("eval other", INPUT, &["other"]);
        fs::remove_dir_all(shell.path("other")).unwrap();
    }
}

#[test]
fn what_is_no_valid_model_is_refused_before_an_engine_sees_it() {
    let shell = shell();
    let alpha = attribute("alpha", kind::FLOAT, |m, field| m.float(field, 1.0));
    let twice = tensor_of("w", FLOAT, &[3, 2]).bytes(tensor::RAW, &[0; 24]).raw(&floats_field(6).0);
    for (name, says, bytes) in [
        ("outputs.onnx", "twin", changed(|p| p.nodes.push(node_of("split", "Split", &["x"], &["twin", "twin"])))),
        ("again.onnx", "h", changed(|p| p.nodes.push(node_of("again", "Relu", &["x"], &["h"])))),
        ("alpha.onnx", "alpha", changed(|p| p.nodes[1] = p.nodes[1].clone().message(node::ATTRIBUTE, &alpha))),
        ("data.onnx", "w", changed(|p| p.initializers[0] = twice)),
        ("opset.onnx", "operator set", Message::new().int(1, 8).message(model::GRAPH, &Parts::small().graph()).0),
        ("order.onnx", "product", changed(|p| p.nodes.swap(0, 1))),
        ("jpeg.onnx", "is no ONNX model: it is a JPEG picture", b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec()),
        ("empty.onnx", "is no ONNX model: it is empty", Vec::new()),
    ] {
        shell.write(name, bytes);
        refused_by_all(&shell, name, &[&format!("error: {name}: "), says]);
    }
    shell.write("sound.onnx", Parts::small().bytes());
    assert_eq!(shell.gnet("bench sound.onnx --samples 1 --min-time 0").code, Some(DONE));
}

/// So many floats in the typed field.
fn floats_field(count: usize) -> Message {
    (0..count).fold(Message::new(), |all, _| all.float(tensor::FLOATS, 0.5))
}

/// The cache of a model hub: names in `snapshots`, contents in `blobs`.
#[test]
fn a_hubs_cache_is_read_through_its_links() {
    let shell = Shell::with_model();
    shell.ok("optimize model.onnx -o m.onnx --external-data always");
    let is_data = |name: &String| name.starts_with("m.onnx.") && name.ends_with(".data");
    let mut all = shell.listing().into_keys().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let data = all.find(is_data).unwrap();
    fs::create_dir_all(shell.path("hub/blobs")).unwrap();
    fs::create_dir_all(shell.path("hub/snapshots/main/onnx")).unwrap();
    for (name, blob) in [("m.onnx", "0a"), (&data, "0b")] {
        fs::rename(shell.path(name), shell.path(&format!("hub/blobs/{blob}"))).unwrap();
        symlink(format!("../../../blobs/{blob}"), shell.path(&format!("hub/snapshots/main/onnx/{name}"))).unwrap();
    }
    symlink("hub/snapshots/main/onnx/m.onnx", shell.path("mine.onnx")).unwrap();
    for file in ["hub/snapshots/main/onnx/m.onnx", "mine.onnx"] {
        shell.ok(&format!("diff model.onnx {file}"));
        shell.ok(&format!("bench {file} --samples 1 --min-time 0"));
        shell.refuses(&format!("optimize model.onnx -o {file} --passes nonsense"), INPUT, &["nonsense"]);
        shell.refuses(&format!("optimize {file} -o hub/blobs/0a"), INPUT, &["which is an input"]);
        shell.refuses(&format!("optimize {file} -o hub/blobs/0b"), INPUT, &["which is an input"]);
    }
    // Without its data it says what is missing, and that the two belong together.
    fs::remove_file(shell.path(&format!("hub/snapshots/main/onnx/{data}"))).unwrap();
    let says = ["and there is no such file", "help: the two belong together: copy m.onnx."];
    shell.refuses("summary hub/snapshots/main/onnx/m.onnx", INPUT, &says);
    // In place of the data, what Git LFS leaves.
    shell.write("hub/blobs/0b", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n");
    symlink("../../../blobs/0b", shell.path(&format!("hub/snapshots/main/onnx/{data}"))).unwrap();
    shell.refuses(
        "summary mine.onnx",
        INPUT,
        &["is a pointer of Git LFS", "help: fetch the file itself with `git lfs"],
    );
}
