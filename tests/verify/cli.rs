//! `gnet verify` as a user runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gnet::graph::Model;
use gnet::onnx;
use tempfile::TempDir;

use super::{FOLDED, changed, scale_all, scale_weight};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, model: &Model) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, onnx::write(model).unwrap()).unwrap();
        path
    }

    /// Runs `gnet verify` with the words of `line` in this folder.
    fn verify(&self, line: &str) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gnet"));
        let Output { status, stdout, stderr } =
            command.arg("verify").args(line.split_whitespace()).current_dir(self.0.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    fn json(&self, line: &str, code: i32) -> serde_json::Value {
        let (found, out, err) = self.verify(&format!("{line} --format json"));
        assert_eq!(found, code, "{line}: {out}{err}");
        serde_json::from_str(&out).unwrap()
    }
}

/// The keys of an object, in order.
fn keys(value: &serde_json::Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_file_agrees_with_itself_on_random_inputs_and_real_images() {
    let folder = Folder::new();
    folder.write("a.onnx", &FOLDED);
    let document = folder.json("a.onnx --provider tract,tract --samples 4 --seed 7", 0);
    let mut top = keys(&document);
    top.sort_unstable();
    assert_eq!(
        top,
        ["arrays", "comparisons", "dims", "inputs", "passed", "reference", "schema_version", "seed", "tolerance"]
    );
    assert_eq!((&document["passed"], &document["seed"]), (&true.into(), &7.into()));
    let rows = document["comparisons"][0]["rows"].as_array().unwrap();
    let kinds: Vec<_> = rows.iter().map(|row| row["inputs"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["normal", "uniform", "constant", "sparse", "large", "pattern", "images"]);
    let mut row = keys(&rows[0]);
    row.sort_unstable();
    let expected = [
        "accepted",
        "cosine",
        "draws",
        "floor",
        "images",
        "inputs",
        "largest",
        "max_abs_diff",
        "max_rel_diff",
        "max_ulp",
        "mean_abs_diff",
        "noise",
        "not_finite",
        "not_finite_apart",
        "output",
        "reason",
        "rel_error",
        "spread",
        "top1_agreement",
        "top5_agreement",
        "used",
        "values",
        "verdict",
    ];
    assert_eq!(row, expected);
    assert_eq!(rows[0]["images"], 4);
    assert_eq!(document, folder.json("a.onnx --provider tract,tract --samples 4 --seed 7", 0), "it repeats to the bit");
    assert_ne!(
        rows[0]["largest"],
        folder.json("a.onnx --provider tract,tract --samples 4 --seed 8", 0)["comparisons"][0]["rows"][0]["largest"]
    );
}

#[test]
fn a_planted_fault_fails_and_its_layer_is_named() {
    let folder = Folder::new();
    folder.write("good.onnx", &FOLDED);
    folder.write("bad.onnx", &changed(&FOLDED, |g| scale_weight(g, "inception4c.b5x5_reduce.conv.weight", 1.5)));
    let (code, out, err) = folder.verify("bad.onnx --against good.onnx --samples 4 --inputs normal");
    assert_eq!(code, 1, "{err}");
    assert!(out.contains("The sides part at inception4c.b5x5_reduce.conv/Conv (Conv)"), "{out}");
    assert!(out.contains("1 of 12288 values differs"), "{out}");
    let last = err.lines().find(|line| line.starts_with("error: ")).unwrap();
    assert!(last.starts_with("error: bad.onnx in tract against good.onnx in tract: output 'logits'"), "{last}");
    assert!(last.ends_with("they part at inception4c.b5x5_reduce.conv/Conv (Conv)"), "{last}");
    let document = folder.json("bad.onnx --against good.onnx --samples 4 --inputs normal", 1);
    let culprit = &document["comparisons"][0]["search"]["culprit"];
    let mut found = keys(culprit);
    found.sort_unstable();
    let expected =
        ["confirmed", "differences", "error_after", "error_before", "inputs", "node", "op", "remark", "unpaired"];
    assert_eq!(found, expected);
    let (code, out, _) = folder.verify("bad.onnx --against good.onnx --samples 4 --inputs normal --bisect=never");
    assert_eq!((code, out.contains("part at")), (1, false));
}

#[test]
fn a_slight_difference_is_within_a_coarser_precision() {
    let folder = Folder::new();
    folder.write("good.onnx", &FOLDED);
    folder.write("slight.onnx", &changed(&FOLDED, |g| scale_weight(g, "inception4c.b5x5_reduce.conv.weight", 1.01)));
    let line = "slight.onnx --against good.onnx --samples 4 --inputs normal --bisect=never";
    for (precision, code) in [("", 1), (" --precision tf32", 0), (" --precision fp16", 0), (" --tolerance 0.001", 0)] {
        let (found, out, err) = folder.verify(&format!("{line}{precision}"));
        assert_eq!(found, code, "{precision}: {out}{err}");
    }
}

#[test]
fn bad_usage_is_refused_before_anything_runs() {
    let folder = Folder::new();
    folder.write("a.onnx", &FOLDED);
    folder.write("foreign.onnx", &Model { metadata: Default::default(), ..FOLDED.clone() });
    fs::write(folder.0.path().join("text.onnx"), "not a model").unwrap();
    for (line, code, says) in [
        ("a.onnx", 2, "there is nothing to compare the file with"),
        ("a.onnx --provider tract,tract --samples 1", 2, "it takes two to tell outputs apart"),
        ("a.onnx --provider tract,tract --tolerance 2", 2, "tolerance 2: is not a share between 0 and 1"),
        ("a.onnx --provider tract,gpu", 2, "gpu"),
        ("a.onnx --provider tract,tract --precision f64", 2, "f64"),
        ("a.onnx --provider tract,tract --inputs gauss", 2, "gauss"),
        ("a.onnx --provider tract,tract --input x", 2, "give as many sizes as the file has"),
        ("a.onnx --provider tract,tract --input input=Nx", 2, "give as many sizes as the file has"),
        ("a.onnx --provider tract,tract --input input=N,,28,28", 2, "NAME=SIZE,SIZE"),
        ("a.onnx --provider tract,tract --input y=Nx1x28x28", 2, "the inputs are input"),
        ("a.onnx --against missing.onnx", 2, "missing.onnx: "),
        ("a.onnx --against text.onnx", 2, "text.onnx: "),
        ("a.onnx --against .", 2, "is no checkpoint"),
        ("foreign.onnx --provider tract,tract --data embedded", 2, "does not say how its images are prepared"),
        ("missing.onnx --provider tract,tract", 2, "missing.onnx: "),
    ] {
        let (found, out, err) = folder.verify(line);
        assert_eq!((found, out.as_str()), (code, ""), "{line}: {err}");
        assert!(err.contains("error: ") && err.contains(says), "{line}: {err}");
    }
    let random = folder.json("foreign.onnx --provider tract,tract --samples 2", 0);
    assert_eq!(random["comparisons"][0]["rows"].as_array().unwrap().len(), 6, "no images without metadata");
}

#[test]
fn a_checkpoint_is_the_reference_of_its_export() {
    let folder = Folder::new();
    let run = trained(folder.0.path());
    let checkpoint = gnet::train::checkpoint::load(&run).unwrap();
    let export = |fold| {
        let options = gnet::export::googlenet_options(&checkpoint.config, &checkpoint.metadata, true).folding(fold);
        gnet::export::googlenet(&checkpoint.model, &options).unwrap().model
    };
    folder.write("a.onnx", &export(true));
    let line = "a.onnx --against run --samples 4 --inputs pattern,normal";
    let document = folder.json(line, 0);
    assert_eq!(document["reference"], "run/best in Burn");
    let rows = document["comparisons"][0]["rows"].as_array().unwrap();
    let outputs: Vec<_> = rows.iter().map(|row| row["output"].as_str().unwrap()).collect();
    assert_eq!(outputs, ["logits", "aux1", "aux2"].repeat(3));
    for fold in [true, false] {
        let weight = "inception4b.b3x3.conv.weight";
        folder.write("bad.onnx", &changed(&export(fold), |g| scale_all(g, weight, 1.1)));
        let document = folder.json("bad.onnx --against run --samples 4 --inputs pattern", 1);
        let search = &document["comparisons"][0]["search"];
        assert_eq!(search["culprit"]["node"], "inception4b.b3x3.conv/Conv", "{search:#}");
        assert_eq!(search["culprit"]["confirmed"], true);
    }
}

/// A run of one epoch on a few real images.
fn trained(folder: &Path) -> PathBuf {
    use gnet::data::Source;
    use gnet::nets::Preset;
    let out = folder.join("run");
    let data = folder.join("data");
    super::data::write(&data);
    let mut options = gnet::train::TrainOptions::new(Preset::BnAux, Source::Dir(data), out.clone());
    options.config.image_size = 28;
    (options.epochs, options.batch_size) = (1, 8);
    gnet::train::run(&options, &mut gnet::train::Silent).unwrap();
    out
}
