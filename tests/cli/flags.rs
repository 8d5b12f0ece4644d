//! Flags that cannot be: refused before anything is read or written, with the flag, the reason and the choices.

#[cfg(not(feature = "ort"))]
use super::shell::UNAVAILABLE;
use super::shell::{INPUT, Shell};

/// Each line is refused as bad usage and says all of the rest.
fn bad_usage(shell: &Shell, lines: &[(&str, &[&str])]) {
    for (line, says) in lines {
        shell.refuses(line, INPUT, says);
    }
}

#[test]
fn of_train() {
    let train = |flags: &str| format!("train --data data --out new {flags}");
    let shell = Shell::with_data();
    for (flags, says) in [
        ("--epochs 0", "--epochs 0: must be at least 1"),
        ("--epochs x", "invalid value 'x' for '--epochs <N>': is not a whole number"),
        ("--epochs -2", "invalid value '-2' for '--epochs <N>': must not be negative"),
        ("--batch-size 0", "--batch-size 0: must be at least 2"),
        ("--batch-size 1", "--batch-size 1: must be at least 2"),
        ("--preset d2l --batch-size 0", "--batch-size 0: must be at least 1"),
        ("--lr nan", "--lr NaN: must be a number above 0"),
        ("--lr -0.1", "--lr -0.1: must be a number above 0"),
        ("--lr 0", "--lr 0: must be a number above 0"),
        ("--lr inf", "--lr inf: must be a number above 0"),
        ("--lr fast", "invalid value 'fast' for '--lr <LR>': is not a number"),
        ("--momentum 1", "--momentum 1: must be at least 0 and below 1"),
        ("--weight-decay -1", "--weight-decay -1: must be a number of at least 0"),
        ("--warmup-steps 0.5", "invalid value '0.5' for '--warmup-steps <STEPS>': is not a whole number"),
        ("--image-size 0", "image size 0: the smallest with pad pooling is 1"),
        ("--image-size 100000", "image size 100000: the largest is 2048"),
        ("--image-size 99999999999999999999", "is too large"),
        ("--image-size wide", "invalid value 'wide' for '--image-size <PIXELS>'"),
        ("--pooling ceil", "image size 28: the smallest with ceil pooling is 31"),
        ("--channels 2", "--channels 2: must be 1 (grey) or 3 (RGB)"),
        ("--seed -1", "invalid value '-1' for '--seed <N>': must not be negative"),
        ("--preset vgg", "[possible values: d2l, bn-aux]"),
        ("--pooling same", "[possible values: pad, ceil]"),
        ("--schedule step", "[possible values: cosine, constant]"),
        ("--format yaml", "[possible values: table, json, csv, markdown]"),
        ("--epoch 3", "a similar argument exists: '--epochs'"),
    ] {
        shell.refuses(&train(flags), INPUT, &[says]);
    }
    shell.refuses("train --data data", INPUT, &["--out <DIR>"]);
    shell.refuses_with(&[], &["train", "--out", "new", "--data", ""], INPUT, &["data: is empty; give fashion-mnist"]);
}

#[test]
fn of_export() {
    let shell = Shell::with_run();
    bad_usage(
        &shell,
        &[
            ("export run", &["--output <FILE>"]),
            ("export -o x.onnx", &["<CHECKPOINT|--preset <PRESET>>"]),
            ("export run --preset d2l -o x.onnx", &["cannot be used with '--preset"]),
            ("export run --seed 4 -o x.onnx", &["cannot be used with '--seed <N>'"]),
            ("export run --image-size 32 -o x.onnx", &["cannot be used with '--image-size <PIXELS>'"]),
            ("export run --lrn -o x.onnx", &["cannot be used with '--lrn'"]),
            ("export run -o x.onnx --opset 3", &["opset 3: gnet writes opsets 17 to "]),
            ("export run -o x.onnx --opset 16", &["opset 16: "]),
            ("export run -o x.onnx --opset -1", &["opset -1: "]),
            ("export run -o x.onnx --opset new", &["is not a whole number"]),
            ("export run -o x.onnx --batch 0", &["batch 0: a fixed batch holds 1 to 4096 items"]),
            ("export run -o x.onnx --batch 1000000000", &["batch 1000000000: a fixed batch holds 1 to 4096 items"]),
            ("export run -o x.onnx --batch -1", &["must not be negative"]),
        ],
    );
}

#[test]
fn of_a_preset() {
    let shell = Shell::new();
    for command in ["summary", "export -o x.onnx"] {
        for (flags, says) in [
            ("--preset vgg", "[possible values: d2l, bn-aux]"),
            ("--preset d2l --image-size 0", "image size 0: the smallest"),
            ("--preset d2l --image-size 3000", "image size 3000: the largest is 2048"),
            ("--preset d2l --image-size big", "is not a whole number"),
            ("--preset d2l --pooling ceil --image-size 28", "the smallest with ceil pooling is 31"),
            ("--preset d2l --channels 0", "channels 0: must be 1 to 1024"),
            ("--preset d2l --classes 0", "classes 0: must be 1 to 100000"),
            ("--preset d2l --image-size 2048 --channels 1024", "more than the 1 GiB"),
            ("--image-size 28", "--preset <PRESET>"),
        ] {
            shell.refuses(&format!("{command} {flags}"), INPUT, &[says]);
        }
    }
}

#[test]
fn of_summary_and_compare() {
    let shell = Shell::with_model();
    bad_usage(
        &shell,
        &[
            ("summary", &["<FILE.onnx|--preset <PRESET>>"]),
            ("summary model.onnx --preset d2l", &["cannot be used with '--preset"]),
            ("summary model.onnx --classes 3", &["cannot be used with '--classes <N>'"]),
            ("summary model.onnx --depth 0", &["--depth <N>"]),
            ("summary model.onnx --batch 0", &["batch 0: a batch holds at least one item"]),
            ("summary model.onnx --input y=1", &["model.onnx: input y: "]),
            ("summary --preset d2l --input x=1", &["--input x=1: is for ONNX files"]),
            ("summary model.onnx --format xml", &["[possible values: table, json, csv, markdown]"]),
            ("compare --paper --check", &["cannot be used with '--check'"]),
            ("compare --paper --measure", &["cannot be used with '--measure'"]),
            ("compare --provider tract", &["--measure"]),
            ("compare --pairs 12", &["--measure"]),
            ("compare --ort-lib x.so", &["--ort-lib: nothing runs without --measure"]),
            ("compare --measure --pairs 0", &["pairs 0: is not between 1 and 48"]),
            ("compare 3x3", &["unexpected argument '3x3'"]),
        ],
    );
}

#[test]
fn of_bench() {
    let shell = Shell::with_model();
    for (flags, says) in [
        ("--batch 0", "batch 0: a run needs at least one"),
        ("--batch 1,0", "batch 0: a run needs at least one"),
        ("--batch x", "invalid value 'x' for '--batch <LIST>': is not a whole number"),
        ("--batch 1,,2", "invalid value '' for '--batch <LIST>'"),
        ("--batch -1", "invalid value '-1' for '--batch <LIST>': must not be negative"),
        ("--batch 99999999", "batch 99999999: is more than 65536"),
        ("--relative-width 0", "relative width 0: is not a share above 0 and up to 1"),
        ("--relative-width 150%", "relative width 1.5: is not a share above 0 and up to 1"),
        ("--relative-width x", "invalid value 'x' for '--relative-width <PERCENT|FRACTION>': is not a number"),
        ("--threads 0", "threads 0: a run needs at least one"),
        ("--threads 100000", "threads 100000: is more than 1024"),
        ("--samples 0", "samples 0: a measurement needs at least one"),
        ("--min-time nan", "is not between 0 and 86400 seconds"),
        ("--max-time -1", "is not between 0 and 86400 seconds"),
        ("--min-time 40", "minimum time 40s: is above the maximum of 30s"),
        ("--provider gpu", "[possible values: tract, cpu, cuda, tensorrt, openvino]"),
    ] {
        shell.refuses(&format!("bench model.onnx {flags}"), INPUT, &[says]);
    }
}

#[test]
fn of_eval_and_predict() {
    let shell = Shell::with_run();
    shell.write("x.png", "no picture");
    bad_usage(
        &shell,
        &[
            ("eval", &["<CHECKPOINT|FILE.onnx>"]),
            ("eval model.onnx --data data --threads 0", &["threads 0: a run needs at least one"]),
            ("eval model.onnx --data data --threads 5000", &["threads 5000: is more than 1024"]),
            ("eval model.onnx --data data --split val", &["[possible values: train, validation, test]"]),
            ("eval model.onnx --data data --provider gpu", &["[possible values: tract, "]),
            ("eval run --provider tract", &["--provider tract: is for ONNX files", "help: "]),
            ("eval run --ort-lib x.so", &["--ort-lib: is for ONNX files", "help: "]),
            ("eval run --threads 2", &["--threads 2: is for ONNX files", "help: "]),
            ("predict model.onnx", &["<IMAGE>..."]),
            ("predict model.onnx x.png --top 0", &["--top <K>"]),
            ("predict run x.png", &["run: is a folder", "help: write a checkpoint's file with `gnet export"]),
        ],
    );
}

#[cfg(not(feature = "ort"))]
#[test]
fn a_provider_that_this_build_lacks_is_unavailable_and_names_the_remedy() {
    let shell = Shell::with_model();
    shell.write("x.png", "no picture");
    for provider in ["cpu", "cuda", "tensorrt", "openvino"] {
        for command in ["bench model.onnx", "eval model.onnx --data data", "predict model.onnx x.png"] {
            let says = format!("provider {provider}: this build has no ONNX Runtime");
            let line = format!("{command} --provider {provider}");
            shell.refuses(&line, UNAVAILABLE, &[&says, "or use --provider tract"]);
        }
    }
    // Nothing is measured when one of several is not there.
    shell.refuses("bench model.onnx --provider tract,cuda", UNAVAILABLE, &["provider cuda: "]);
}
