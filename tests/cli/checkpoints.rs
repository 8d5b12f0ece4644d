//! Checkpoints that are missing, damaged, edited or someone else's, and runs that cannot be begun or gone on with.

use std::fs;

use serde_json::{Value, json};

use super::shell::{INPUT, Shell};
use super::trained::TRAINING;

/// Everything that loads a checkpoint refuses `run`, and nothing is written.
fn refused(shell: &Shell, says: &str) {
    for line in ["export run -o x.onnx", "eval run", "train --resume --out run"] {
        shell.refuses(line, INPUT, &[says]);
    }
}

/// Replaces a file of both checkpoints.
fn replace(shell: &Shell, name: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    for checkpoint in ["best", "last"] {
        let name = format!("run/{checkpoint}/{name}");
        shell.write(&name, change(shell.read(&name)));
    }
}

/// Changes `checkpoint.json` of both.
fn edit(shell: &Shell, change: impl Fn(&mut Value)) {
    replace(shell, "checkpoint.json", |bytes| {
        let mut record = serde_json::from_slice(&bytes).unwrap();
        change(&mut record);
        serde_json::to_vec(&record).unwrap()
    });
}

#[test]
fn what_is_no_checkpoint_is_told_where_one_would_be() {
    let shell = Shell::with_run();
    fs::create_dir(shell.path("empty")).unwrap();
    let help = "help: give the --out folder of `gnet train`";
    for (place, says) in [
        ("nowhere", "nowhere: there is no such folder"),
        ("empty", "empty: is no checkpoint: it holds neither checkpoint.json nor best/"),
        ("data", "data: is no checkpoint"),
        ("model.onnx", "model.onnx: is a file; a checkpoint is a folder"),
    ] {
        shell.refuses(&format!("export {place} -o x.onnx"), INPUT, &[says, help]);
    }
    shell.refuses("eval nowhere", INPUT, &["nowhere: there is no such checkpoint or file"]);
    shell.refuses("eval empty", INPUT, &["empty: is no checkpoint", help]);
}

#[test]
fn weights_that_are_missing_or_damaged_are_noticed() {
    let shell = Shell::with_run();
    replace(&shell, "model.bpk", |bytes| bytes[..1000].to_vec());
    refused(&shell, "model.bpk: is damaged: 1000 bytes where checkpoint.json says ");
    for checkpoint in ["best", "last"] {
        fs::remove_file(shell.path(&format!("run/{checkpoint}/model.bpk"))).unwrap();
    }
    refused(&shell, "model.bpk: there is no such file");
    let shell = Shell::with_run();
    replace(&shell, "model.bpk", |mut bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    });
    refused(&shell, "model.bpk: is damaged: its checksum is not the one in checkpoint.json");
}

#[test]
fn a_record_that_cannot_be_read_is_named() {
    let shell = Shell::with_run();
    replace(&shell, "checkpoint.json", |bytes| bytes[..bytes.len() / 2].to_vec());
    refused(&shell, "checkpoint.json: is no checkpoint of gnet: ");
    replace(&shell, "checkpoint.json", |_| b"{}".to_vec());
    refused(&shell, "checkpoint.json: is no checkpoint of gnet: missing field `schema_version`");
    replace(&shell, "checkpoint.json", |_| b"[1, 2]".to_vec());
    refused(&shell, "checkpoint.json: is no checkpoint of gnet: ");
    replace(&shell, "checkpoint.json", |_| b"{\"schema_version\": 99}".to_vec());
    refused(&shell, "checkpoint.json: has schema version 99, this gnet reads 1");
}

#[test]
fn a_record_that_was_edited_into_a_contradiction_is_refused() {
    type Change = fn(&mut Value);
    let edits: [(&str, Change); 10] = [
        ("missing field `config`", |r| drop(r.as_object_mut().unwrap().remove("config"))),
        ("the network is not for the images it describes", |r| r["config"]["image_size"] = json!(32)),
        ("image size 0", |r| r["config"]["image_size"] = json!(0)),
        ("channels 5000: must be 1 to 1024", |r| r["config"]["channels"] = json!(5000)),
        ("its mean and deviation", |r| r["metadata"]["preprocessing"]["std"] = json!([0.0])),
        ("its mean and deviation", |r| r["metadata"]["preprocessing"]["mean"] = json!([])),
        ("as many classes as the network has", |r| r["metadata"]["classes"] = json!(["one"])),
        ("its epochs are not those of one run", |r| r["best_epoch"] = json!(77)),
        ("its epochs are not those of one run", |r| r["best_epoch"] = json!(0)),
        ("its epochs are not those of one run", |r| r["epoch"] = json!(0)),
    ];
    for (says, change) in edits {
        let shell = Shell::with_run();
        edit(&shell, change);
        refused(&shell, says);
    }
}

#[test]
fn weights_of_another_network_are_refused_briefly() {
    let shell = Shell::with_run();
    edit(&shell, |record| {
        for config in ["/config", "/options/config"] {
            record.pointer_mut(config).unwrap()["batch_norm"] = json!(false);
        }
    });
    let ran = shell.refuses("export run -o x.onnx", INPUT, &["model.bpk: is not of the network that checkpoint.json"]);
    assert!(ran.err.len() < 400, "not a list of every tensor: {ran}");
}

#[test]
fn a_run_that_lacks_a_part_is_not_gone_on_with() {
    let resume = "train --resume --out run";
    let shell = Shell::with_run();
    edit(&shell, |record| record["best_epoch"] = json!(1));
    fs::remove_dir_all(shell.path("run/best")).unwrap();
    shell.refuses(resume, INPUT, &["run/best: the run's best checkpoint is missing", "help: train into another --out"]);
    let shell = Shell::with_run();
    fs::remove_file(shell.path("run/last/optimizer.bpk")).unwrap();
    shell.refuses(resume, INPUT, &["run/last/optimizer.bpk: there is no such file"]);
    let shell = Shell::with_run();
    shell.write("run/metrics.jsonl", "{}\n");
    shell.refuses(resume, INPUT, &["run/metrics.jsonl: line 1 is no record of an epoch"]);
    fs::remove_file(shell.path("run/metrics.jsonl")).unwrap();
    shell.refuses(resume, INPUT, &["run/metrics.jsonl: there is no such file"]);
}

/// A folder holds a run or it does not, whoever asks.
#[test]
fn a_run_without_its_last_checkpoint_is_neither_gone_on_with_nor_overwritten() {
    let shell = Shell::with_run();
    fs::remove_dir_all(shell.path("run/last")).unwrap();
    for name in ["best", "metrics.jsonl"] {
        let missing = format!("run: holds {name} of a run whose last is missing");
        shell.refuses("train --resume --out run", INPUT, &[&missing, "help: train into another --out"]);
        let help = format!("help: give another folder, or move {name} out of this one");
        shell.refuses("train --data data --out run", INPUT, &[&format!("--out {missing}"), &help]);
        shell.gnet("eval run --data data");
        if name == "best" {
            shell.ok("export run -o x.onnx --no-verify");
            fs::remove_dir_all(shell.path("run/best")).unwrap();
        }
    }
}

#[test]
fn a_run_is_neither_overwritten_nor_mixed_with_another() {
    let shell = Shell::with_run();
    shell.refuses("train --data data --out run", INPUT, &["--out run: holds a run already", "help: ", "--resume"]);
    shell.refuses("train --data data --out new --resume", INPUT, &["new: holds no run to resume"]);
    shell.refuses("train --resume --out run --lr 0.5", INPUT, &["--resume: --lr is 0.5, the run has 0.005"]);
    shell.refuses("train --resume --out run --epochs 9", INPUT, &["--resume: --epochs is 9, the run has 2"]);
    let line = "train --resume --out run --seed 7 --preset d2l";
    shell.refuses(line, INPUT, &["--seed is 7, the run has 1", "--preset is d2l, the run has bn-aux"]);
    shell.write("file", "kept");
    shell.refuses("train --data data --out file", INPUT, &["file: is a file where a folder is expected"]);
    shell.refuses("train --data data --out file/run", INPUT, &["file/run: would lie inside a file"]);
}

#[test]
fn images_that_changed_under_a_run_are_noticed() {
    let shell = Shell::with_run();
    let other = super::trained::pixels(super::trained::TRAIN, super::trained::SIDE, 99);
    let count = super::trained::TRAIN as u32;
    let side = super::trained::SIDE as u32;
    shell.write("data/train-images-idx3-ubyte.gz", super::trained::idx(2051, &[count, side, side], &other));
    shell.refuses("train --resume --out run", INPUT, &["--data data: holds other images than the run in run"]);
}

#[test]
fn training_that_diverges_ends_without_a_folder() {
    let shell = Shell::with_data();
    let line = format!("train --out new {TRAINING}").replace("--lr 0.005", "--lr 1e30");
    let says = ["--lr 1e30: training diverged: the loss is no number", "help: train with a lower learning rate"];
    shell.refuses(&line, INPUT, &says);
    assert!(!shell.exists("new"));
}
