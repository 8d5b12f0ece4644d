//! Weights in files beside the model: only regular files inside the model's folder, only bytes that are there.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::samples::{FLOAT, tensor, tensor_of, with_tensor};
use super::trial::{try_bytes, try_file};
use super::wire::Message;

/// A folder with a model's folder in it, and beside that something that is nobody's business.
struct Place {
    root: TempDir,
}

/// Content of the files: 64 bytes each.
const INSIDE: [u8; 64] = [1; 64];
const SECRET: [u8; 64] = [7; 64];

impl Place {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let model = root.path().join("model");
        fs::create_dir_all(model.join("sub")).unwrap();
        fs::write(root.path().join("secret.bin"), SECRET).unwrap();
        fs::write(model.join("weights.bin"), INSIDE).unwrap();
        fs::write(model.join("sub/weights.bin"), INSIDE).unwrap();
        fs::write(model.join("empty.bin"), []).unwrap();
        Self { root }
    }

    fn model(&self) -> PathBuf {
        self.root.path().join("model")
    }

    /// Reads a model whose initializer `odd`, four floats, has these entries of external data.
    fn try_entries(&self, name: &str, entries: &[(&str, &str)]) -> Result<(), String> {
        let path = self.model().join("model.onnx");
        fs::write(&path, with_tensor(&external(entries), "odd")).unwrap();
        let before = listing(self.root.path());
        let answer = try_file(name, &path);
        assert_eq!(listing(self.root.path()), before, "{name}: reading writes nothing");
        answer
    }

    fn each_is_refused(&self, cases: &[(&str, &[(&str, &str)])]) {
        let mut wrong = Vec::new();
        for (name, entries) in cases {
            match self.try_entries(name, entries) {
                Ok(()) => wrong.push(format!("{name}: accepted")),
                Err(reason) if !(reason.contains("odd") && reason.contains("model.onnx")) => {
                    wrong.push(format!("{name}: names neither tensor nor file: {reason}"));
                }
                Err(_) => {}
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

fn external(entries: &[(&str, &str)]) -> Message {
    let entries: Vec<_> = entries.iter().map(|(key, value)| Message::new().text(1, key).text(2, value)).collect();
    tensor_of("odd", FLOAT, &[4]).messages(tensor::EXTERNAL, &entries).int(tensor::LOCATION, 1)
}

/// Every file below a folder with its content.
fn listing(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(listing(&entry.path()));
        } else {
            let content = if kind.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
            found.push((entry.path(), content));
        }
    }
    found.sort();
    found
}

#[test]
fn data_inside_the_folder_is_read() {
    let place = Place::new();
    for entries in [
        &[("location", "weights.bin"), ("length", "16")][..],
        &[("location", "weights.bin"), ("offset", "48"), ("length", "16")],
        &[("location", "weights.bin"), ("offset", "48")],
        &[("location", "sub/weights.bin"), ("offset", "0"), ("length", "16")],
        &[("location", "./weights.bin"), ("length", "16"), ("checksum", "not looked at")],
    ] {
        assert_eq!(place.try_entries("inside", entries), Ok(()), "{entries:?}");
    }
}

#[test]
fn data_outside_the_folder_is_not_touched() {
    let place = Place::new();
    let secret = place.root.path().join("secret.bin").display().to_string();
    let model = place.model().join("weights.bin").display().to_string();
    let length = ("length", "16");
    place.each_is_refused(&[
        ("a way up", &[("location", "../secret.bin"), length]),
        ("a way down and up", &[("location", "sub/../../secret.bin"), length]),
        ("a way up that comes back", &[("location", "../model/weights.bin"), length]),
        ("a way through the weights", &[("location", "weights.bin/../../secret.bin"), length]),
        ("an absolute path", &[("location", &secret), length]),
        ("an absolute path to the inside", &[("location", &model), length]),
        ("the folder above", &[("location", ".."), length]),
        ("a scheme", &[("location", "file:///etc/hostname"), length]),
        ("an endless device", &[("location", "/dev/zero"), length]),
    ]);
}

#[test]
#[cfg(unix)]
fn links_and_what_is_no_regular_file_are_not_followed() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    let model = place.model();
    symlink(place.root.path().join("secret.bin"), model.join("link.bin")).unwrap();
    symlink("../secret.bin", model.join("relative.bin")).unwrap();
    symlink("link.bin", model.join("chain.bin")).unwrap();
    symlink(place.root.path(), model.join("above")).unwrap();
    symlink("/dev/zero", model.join("zeros.bin")).unwrap();
    symlink("loop.bin", model.join("loop.bin")).unwrap();
    nix::unistd::mkfifo(&model.join("pipe.bin"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let length = ("length", "16");
    place.each_is_refused(&[
        ("a link out", &[("location", "link.bin"), length]),
        ("a relative link out", &[("location", "relative.bin"), length]),
        ("a link to a link out", &[("location", "chain.bin"), length]),
        ("a folder that is a link out", &[("location", "above/secret.bin"), length]),
        ("a link to an endless device", &[("location", "zeros.bin"), length]),
        ("a link to itself", &[("location", "loop.bin"), length]),
        // Who opens it to read waits for ever.
        ("a pipe", &[("location", "pipe.bin"), length]),
        ("a folder", &[("location", "sub"), length]),
    ]);
}

/// Names in one folder, contents in another, as model hubs keep them.
#[test]
#[cfg(unix)]
fn links_are_followed_to_where_the_models_own_links_lead_and_no_further() {
    use std::os::unix::fs::symlink;
    let root = TempDir::new().unwrap();
    let (blobs, snapshot) = (root.path().join("blobs"), root.path().join("snapshots/main"));
    for folder in [&blobs, &snapshot, &blobs.join("deep"), &root.path().join("elsewhere")] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(root.path().join("secret.bin"), SECRET).unwrap();
    for name in ["blobs/weights", "blobs/deep/weights", "elsewhere/weights", "blobs/only-there"] {
        fs::write(root.path().join(name), INSIDE).unwrap();
    }
    nix::unistd::mkfifo(&blobs.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("/dev/zero", blobs.join("zero")).unwrap();
    symlink("../secret.bin", blobs.join("secret")).unwrap();
    for (link, target) in [
        ("model.onnx", "../../blobs/model"),
        ("again.onnx", "model.onnx"),
        ("weights", "../../blobs/weights"),
        ("chained", "weights"),
        ("deep", "../../blobs/deep/weights"),
        ("elsewhere", "../../elsewhere/weights"),
        ("secret", "../../secret.bin"),
        ("two-steps", "../../blobs/secret"),
        ("passwd", "/etc/passwd"),
        ("pipe", "../../blobs/pipe"),
        ("zero", "../../blobs/zero"),
        ("blobs", "../../blobs"),
        ("up", "../.."),
    ] {
        symlink(target, snapshot.join(link)).unwrap();
    }
    for model in ["model.onnx", "again.onnx"] {
        let try_location = |location: &str| {
            fs::write(blobs.join("model"), with_tensor(&external(&[("location", location), ("length", "16")]), "odd"))
                .unwrap();
            try_file(location, &snapshot.join(model))
        };
        // `blobs/weights` goes through a link to the folder; the last two lie beside the content, not beside the name.
        for location in ["weights", "chained", "blobs/weights", "up/blobs/weights", "only-there", "deep/weights"] {
            assert_eq!(try_location(location), Ok(()), "{location}");
        }
        for location in [
            "deep",
            "elsewhere",
            "secret",
            "two-steps",
            "passwd",
            "pipe",
            "zero",
            "up/secret.bin",
            "../../blobs/weights",
        ] {
            let reason = try_location(location).unwrap_err();
            assert!(reason.contains("odd") && reason.contains(model), "{location}: {reason}");
        }
    }
    // Asked for by the content's own name, only what lies with the content is there.
    fs::write(blobs.join("model"), with_tensor(&external(&[("location", "chained"), ("length", "16")]), "odd"))
        .unwrap();
    assert!(try_file("its own name", &blobs.join("model")).is_err());
}

#[test]
fn bytes_that_are_not_there_are_refused() {
    let place = Place::new();
    let at = ("location", "weights.bin");
    place.each_is_refused(&[
        ("no file", &[("location", "missing.bin"), ("length", "16")]),
        ("no location", &[("offset", "0"), ("length", "16")]),
        ("no entries", &[]),
        ("an empty location", &[("location", ""), ("length", "16")]),
        ("the folder itself", &[("location", "."), ("length", "16")]),
        ("a zero in the name", &[("location", "weights.bin\0"), ("length", "16")]),
        ("a name beyond any limit", &[("location", &"x".repeat(10_000)), ("length", "16")]),
        ("two locations", &[at, ("location", "sub/weights.bin"), ("length", "16")]),
        ("an empty file", &[("location", "empty.bin"), ("length", "16")]),
        ("an offset beyond the file", &[at, ("offset", "65"), ("length", "16")]),
        ("an end beyond the file", &[at, ("offset", "56"), ("length", "16")]),
        ("a rest that is too short", &[at, ("offset", "56")]),
        ("a length beyond the file", &[at, ("length", "1000")]),
        ("a length that is not the tensor's", &[at, ("length", "12")]),
        ("a length of nothing", &[at, ("length", "0")]),
        ("numbers that wrap", &[at, ("offset", "18446744073709551600"), ("length", "16")]),
        ("a length of 2^64 - 1", &[at, ("length", "18446744073709551615")]),
        ("a number beyond 64 bits", &[at, ("offset", "99999999999999999999999"), ("length", "16")]),
        ("a negative offset", &[at, ("offset", "-16"), ("length", "16")]),
        ("an offset that is no number", &[at, ("offset", "zero"), ("length", "16")]),
        ("a length that is no number", &[at, ("length", "0x10")]),
    ]);
}

#[test]
fn gigantic_claims_about_small_files_are_refused() {
    let place = Place::new();
    let path = place.model().join("model.onnx");
    for dims in [&[1i64 << 40][..], &[1 << 62], &[1 << 32, 1 << 32], &[-4]] {
        let entry = |key: &str, value: &str| Message::new().text(1, key).text(2, value);
        let tensor = tensor_of("odd", FLOAT, dims)
            .message(tensor::EXTERNAL, &entry("location", "weights.bin"))
            .int(tensor::LOCATION, 1);
        fs::write(&path, with_tensor(&tensor, "odd")).unwrap();
        let reason = try_file(&format!("{dims:?} elements"), &path).unwrap_err();
        assert!(reason.contains("odd"), "{reason}");
    }
}

#[test]
fn bytes_without_a_folder_have_no_external_data() {
    let reason = try_bytes("no folder", with_tensor(&external(&[("location", "weights.bin")]), "odd")).unwrap_err();
    assert!(reason.contains("odd"), "{reason}");
    let both = external(&[("location", "weights.bin")]).bytes(tensor::RAW, &[0; 16]);
    let reason = try_bytes("both", with_tensor(&both, "odd")).unwrap_err();
    assert!(reason.contains("odd"), "{reason}");
}
