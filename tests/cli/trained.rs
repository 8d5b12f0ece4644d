//! A tiny data set, and one network that was trained on it once.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::shell::{Ran, Shell, gnet};

/// The four files of a data set.
pub const FILES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

/// Side of the images.
pub const SIDE: usize = 28;
/// Images to train with; ten of them are held out for validation.
pub const TRAIN: usize = 40;
/// Images to test with.
pub const TEST: usize = 20;

/// The flags of the shared training. Every step counts, so there is no warm-up.
pub const TRAINING: &str = "--data data --image-size 16 --batch-size 2 --lr 0.005 --warmup-steps 0 --epochs 2";

/// Files that are made once: `data`, `run`, and `model.onnx`, its export.
struct Trained {
    folder: PathBuf,
    /// `gnet train --format json`.
    training: Ran,
}

fn trained() -> &'static Trained {
    static TRAINED: OnceLock<Trained> = OnceLock::new();
    TRAINED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-trained");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("data")).unwrap();
        write_data(&folder.join("data"), SIDE);
        let run = |line: &str| {
            let output = gnet(&folder).args(line.split_whitespace()).output().unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (out, err) = (text(&output.stdout), text(&output.stderr));
            let ran = Ran { line: format!("gnet {line}"), code: output.status.code(), out, err };
            assert_eq!(ran.code, Some(0), "{ran}");
            ran
        };
        let training = run(&format!("train --out run {TRAINING} --format json"));
        run("export run --output model.onnx");
        Trained { folder, training }
    })
}

/// Returns the output of the shared training.
pub fn training() -> &'static Ran {
    &trained().training
}

impl Shell {
    /// A folder with `data`, ten classes on 28 pixels.
    pub fn with_data() -> Self {
        let shell = Self::new();
        fs::create_dir(shell.path("data")).unwrap();
        write_data(&shell.path("data"), SIDE);
        shell
    }

    /// A folder with `data`, a `run` on it and its `model.onnx`. The large files are links to shared ones: they are
    /// replaced by [`Shell::write`] and never changed in place.
    pub fn with_run() -> Self {
        let (shell, trained) = (Self::new(), trained());
        for name in ["data", "run", "model.onnx"] {
            link(&trained.folder.join(name), &shell.path(name));
        }
        shell
    }

    /// A folder with `data` and `model.onnx`.
    pub fn with_model() -> Self {
        let shell = Self::with_run();
        fs::remove_dir_all(shell.path("run")).unwrap();
        shell
    }
}

/// A tree of the same files under another name: small ones copied, large ones linked.
fn link(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            link(&entry.path(), &to.join(entry.file_name()));
        }
    } else if fs::metadata(from).unwrap().len() < 1 << 20 {
        fs::copy(from, to).unwrap();
    } else {
        fs::hard_link(from, to).unwrap();
    }
}

/// Writes the four files: `side` pixels, ten classes in turn, each with a bar at a height of its own in noise.
pub fn write_data(folder: &Path, side: usize) {
    for (part, count, salt) in [("train", TRAIN, 1), ("t10k", TEST, 2)] {
        write_part(folder, part, side, &pixels(count, side, salt), &labels(count));
    }
}

/// Writes the images and labels of one part.
pub fn write_part(folder: &Path, part: &str, side: usize, pixels: &[u8], labels: &[u8]) {
    let count = (pixels.len() / (side * side)) as u32;
    let images = idx(2051, &[count, side as u32, side as u32], pixels);
    fs::write(folder.join(format!("{part}-images-idx3-ubyte.gz")), images).unwrap();
    let labels = idx(2049, &[labels.len() as u32], labels);
    fs::write(folder.join(format!("{part}-labels-idx1-ubyte.gz")), labels).unwrap();
}

/// An idx file: magic number, dimensions, bytes; compressed.
pub fn idx(magic: u32, dimensions: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for word in std::iter::once(&magic).chain(dimensions) {
        encoder.write_all(&word.to_be_bytes()).unwrap();
    }
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Image `i` is of class `i % 10`.
pub fn labels(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i % 10) as u8).collect()
}

/// The pixels of `count` images.
pub fn pixels(count: usize, side: usize, salt: u32) -> Vec<u8> {
    // Knuth's multiplicative generator: the same noise everywhere.
    let mut state = salt;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 26) as u8
    };
    let mut pixels = Vec::with_capacity(count * side * side);
    for image in 0..count {
        for place in 0..side * side {
            let on_bar = place / side * 10 / side == image % 10;
            pixels.push(noise() + if on_bar { 180 } else { 0 });
        }
    }
    pixels
}
