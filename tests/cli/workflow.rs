//! The way a user goes: train, evaluate, export, predict, measure; stop and go on.

use serde_json::Value;

use super::shell::{DONE, INPUT, Shell};
use super::trained::{SIDE, TEST, pixels};

fn predictions(evaluation: &Value) -> Vec<u64> {
    evaluation["predictions"].as_array().unwrap().iter().map(|class| class.as_u64().unwrap()).collect()
}

#[test]
fn a_checkpoint_and_its_exports_agree_image_by_image() {
    let shell = Shell::with_run();
    let best = shell.json("eval run --data data");
    let classes = predictions(&best);
    assert!(classes.iter().any(|class| *class != classes[0]), "a network that says one thing proves nothing: {best}");
    for (flags, eval) in
        [("", ""), ("--no-fold", ""), ("--keep-aux --opset 17", ""), ("--batch 8 --opset 21", ""), ("", "--threads 2")]
    {
        shell.ok(&format!("export run -o x.onnx {flags}"));
        let file = shell.json(&format!("eval x.onnx --data data {eval}"));
        assert_eq!(predictions(&file), classes, "export {flags}, eval {eval}");
        assert_eq!((&file["top1"], &file["per_class"]), (&best["top1"], &best["per_class"]));
        assert!((file["loss"].as_f64().unwrap() / best["loss"].as_f64().unwrap() - 1.0).abs() < 1e-4);
    }
    // The folder of a run stands for its best checkpoint, and a checkpoint knows its data.
    assert_eq!(shell.json("eval run/best")["predictions"], best["predictions"]);
    shell.ok("eval run/last");
    let train = shell.json("eval run --split train");
    assert_eq!((train["split"].as_str(), train["images"].as_u64()), (Some("train"), Some(30)));
}

#[test]
fn two_exports_are_the_same_bytes() {
    let shell = Shell::with_run();
    shell.ok("export run -o a.onnx");
    shell.ok("export run/best -o b.onnx");
    assert!(shell.read("a.onnx") == shell.read("b.onnx") && shell.read("a.onnx") == shell.read("model.onnx"));
    for seed in ["1", "1", "2"] {
        shell.ok(&format!("export --preset bn-aux --image-size 28 --seed {seed} --no-verify -o {seed}.onnx"));
    }
    assert!(shell.read("1.onnx") != shell.read("2.onnx"), "the seed matters");
    let first = shell.read("1.onnx");
    shell.ok("export --preset bn-aux --image-size 28 --seed 1 -o 1.onnx");
    assert!(shell.read("1.onnx") == first, "it is all that matters");
}

#[test]
fn a_picture_of_a_test_image_gets_the_class_that_eval_gives_it() {
    let shell = Shell::with_model();
    let classes = predictions(&shell.json("eval model.onnx --data data"));
    let names: Vec<String> = (0..TEST).map(|image| format!("{image}.png")).collect();
    for (name, image) in names.iter().zip(pixels(TEST, SIDE, 2).chunks(SIDE * SIDE)) {
        image::GrayImage::from_raw(SIDE as u32, SIDE as u32, image.to_vec()).unwrap().save(shell.path(name)).unwrap();
    }
    let predicted = shell.json(&format!("predict model.onnx {}", names.join(" ")));
    let predicted: Vec<_> =
        predicted["predictions"].as_array().unwrap().iter().map(|p| &p["top"][0]["index"]).collect();
    assert_eq!(predicted, classes);
}

#[test]
fn a_failed_export_leaves_the_file_that_was_there() {
    let shell = Shell::with_run();
    shell.refuses("export nowhere -o model.onnx", INPUT, &["nowhere: "]);
    shell.refuses("export run --opset 5 -o model.onnx", INPUT, &["opset 5: "]);
    // Weights that have decayed to nothing answer every image alike, which proves nothing: a copy with other weights does.
    let decay = "--lr 0.005 --weight-decay 190 --momentum 0 --warmup-steps 0 --schedule constant";
    shell.ok(&format!("train --preset d2l --data data --image-size 16 --batch-size 10 --epochs 1 {decay} --out dead"));
    assert_eq!(shell.json("export run -o alive.onnx")["redrawn"], false);
    // One that succeeds replaces the file whole.
    let before = shell.read("model.onnx");
    assert_eq!(shell.json("export dead -o model.onnx")["redrawn"], true);
    assert!(shell.read("model.onnx") != before);
    shell.ok("summary model.onnx");
}

#[test]
fn a_run_that_was_stopped_ends_as_one_that_was_not() {
    let shell = Shell::with_data();
    let train = "train --data data --image-size 16 --batch-size 10 --lr 0.01 --warmup-steps 2 --schedule constant";
    shell.ok(&format!("{train} --epochs 3 --out whole"));
    shell.ok(&format!("{train} --epochs 1 --out parts"));
    let ran = shell.gnet("train --resume --epochs 3 --out parts");
    assert_eq!(ran.code, Some(DONE), "{ran}");
    assert!(ran.err.contains("resuming after epoch 1\n") && ran.err.contains("epoch 3/3  "), "{ran}");
    let metrics = |run: &str| -> Vec<Value> {
        let text = String::from_utf8(shell.read(&format!("{run}/metrics.jsonl"))).unwrap();
        let line = |line: &str| {
            let mut metrics: Value = serde_json::from_str(line).unwrap();
            // Clock times differ; everything else is the same to the bit.
            for time in ["images_per_s", "seconds"] {
                assert!(metrics.as_object_mut().unwrap().remove(time).is_some());
            }
            metrics
        };
        text.lines().map(line).collect()
    };
    assert_eq!(metrics("parts"), metrics("whole"));
    assert_eq!(metrics("whole").len(), 3);
    // A checkpoint numbers its tensors at random; an export holds nothing but the weights.
    for checkpoint in ["last", "best"] {
        for run in ["parts", "whole"] {
            shell.ok(&format!("export {run}/{checkpoint} --keep-aux --no-fold --no-verify -o {run}.onnx"));
        }
        assert!(shell.read("parts.onnx") == shell.read("whole.onnx"), "{checkpoint}");
    }
    // A run that is over is judged again and nothing is trained.
    let again = shell.gnet("train --resume --out whole");
    assert!(again.code == Some(DONE) && !again.err.contains("epoch 3/3"), "{again}");
}

#[test]
fn a_benchmark_shows_the_rows_it_has_when_one_fails() {
    let shell = Shell::with_run();
    shell.ok("export run --batch 2 --no-verify -o fixed.onnx");
    let ran = shell.gnet("bench fixed.onnx --batch 3,2 --samples 2 --min-time 0 --warmup 1 --format json");
    assert_eq!(ran.code, Some(INPUT), "{ran}");
    assert!(ran.error().contains("fixed.onnx: batch 3: the file's batch is fixed at 2"), "{ran}");
    assert!(ran.err.contains("1 of 2 rows failed:"), "{ran}");
    let measured: Value = serde_json::from_str(&ran.out).unwrap();
    let batches: Vec<_> = measured["runs"].as_array().unwrap().iter().map(|run| run["batch"].as_u64()).collect();
    assert_eq!(batches, [Some(2)]);
}
