//! Inputs of a command still exist when it has ended: no output replaces an input, under any name.

use std::fs;

use super::shell::{INPUT, Shell};

/// Other names of the file `m`, which all lead to it.
fn names(shell: &Shell) -> Vec<String> {
    let mut names = vec!["m".to_owned(), "./m".to_owned(), "data/../m".to_owned()];
    names.push(shell.path("m").display().to_string());
    fs::hard_link(shell.path("m"), shell.path("hard")).unwrap();
    names.push("hard".to_owned());
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink("m", shell.path("link")).unwrap();
        symlink("link", shell.path("chain")).unwrap();
        symlink("hard", shell.path("to-hard")).unwrap();
        symlink(".", shell.path("folder")).unwrap();
        names.extend(["link", "chain", "to-hard", "folder/m"].map(str::to_owned));
    }
    names
}

/// The files of the folder that hold the constants of `m`.
fn data_beside(shell: &Shell) -> String {
    let is_data = |name: &String| name.starts_with("m.") && name.ends_with(".data");
    let mut names: Vec<_> =
        shell.listing().into_keys().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.retain(is_data);
    assert_eq!(names.len(), 1, "{names:?}");
    names.remove(0)
}

#[test]
fn no_output_takes_the_place_of_a_model_under_any_of_its_names() {
    let shell = Shell::with_run();
    shell.ok("optimize model.onnx -o m --external-data always");
    let data = data_beside(&shell);
    let says = ["an input", "help: give another file to write"];
    for name in names(&shell) {
        shell.refuses(&format!("draw m -o {name}"), INPUT, &says);
        shell.refuses(&format!("draw {name} -o m"), INPUT, &says);
        shell.refuses(&format!("optimize m -o {name}"), INPUT, &says);
        shell.refuses(&format!("optimize {name} -o m --external-data always"), INPUT, &says);
        shell.refuses(&format!("bench m --profile {name} --samples 1 --min-time 0"), INPUT, &says);
        shell.refuses(&format!("bench {name} --profile m --batch 2 --samples 1 --min-time 0"), INPUT, &says);
    }
    for command in ["optimize m -o", "bench m --samples 1 --min-time 0 --profile"] {
        shell.refuses(&format!("{command} {data}"), INPUT, &says);
    }
    fs::hard_link(shell.path(&data), shell.path("weights")).unwrap();
    shell.refuses("draw m -o weights", INPUT, &says);
    shell.refuses("optimize m -o weights", INPUT, &says);
    // It was not worn by all that.
    shell.ok("optimize m -o again.onnx");
    shell.ok("diff again.onnx model.onnx --tolerance 0");
}

#[test]
fn no_output_takes_the_place_of_what_else_was_read() {
    let shell = Shell::with_model();
    let operators = serde_json::json!([{ "layer": "x", "op": "Conv", "mean_ms": 0.5 }]);
    let times = serde_json::json!({ "schema_version": 1, "runs": [{ "profile": { "operators": operators } }] });
    shell.write("times.svg", times.to_string());
    shell.refuses("draw model.onnx --times times.svg -o times.svg", INPUT, &["times.svg: is an input"]);
    fs::hard_link(shell.path("times.svg"), shell.path("same.svg")).unwrap();
    shell.refuses("draw model.onnx --times times.svg -o same.svg", INPUT, &["same.svg: is the same file as times.svg"]);
}

#[test]
fn no_output_goes_into_a_checkpoint() {
    let shell = Shell::with_run();
    fs::hard_link(shell.path("run/best/model.bpk"), shell.path("weights.bpk")).unwrap();
    for (place, says) in [
        ("run/best/model.bpk", "run/best/model.bpk: is an input"),
        ("run/best/checkpoint.json", "run/best/checkpoint.json: is an input"),
        ("weights.bpk", "weights.bpk: is the same file as run/best/model.bpk"),
        ("run/best/new.onnx", "run/best/new.onnx: lies inside the checkpoint best"),
        ("run/last/optimizer.bpk", "run/last/optimizer.bpk: lies inside the checkpoint last"),
        ("run/metrics.jsonl", "run/metrics.jsonl: is the record of a run"),
    ] {
        for line in [format!("export run -o {place}"), format!("export run/best -o {place} --no-verify")] {
            shell.refuses(&line, INPUT, &[says]);
        }
    }
    let inside = "lies inside the checkpoint";
    for line in [
        "export --preset d2l --image-size 16 --no-verify -o run/best/x.onnx",
        "optimize model.onnx -o run/last/x.onnx",
        "draw model.onnx -o run/last/x.svg",
        "bench model.onnx --samples 1 --min-time 0 --profile run/best/trace.json",
        "bench model.onnx --samples 1 --min-time 0 --save-outputs run/best/y.npz",
        "train --data data --image-size 16 --epochs 1 --out run/best/inner",
        "reproduce --quick --out run/last",
    ] {
        shell.refuses(line, INPUT, &[inside]);
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("run/best", shell.path("favourite")).unwrap();
        shell.refuses("draw model.onnx -o favourite/x.svg", INPUT, &[inside]);
    }
    shell.ok("export run -o run/model.onnx");
}

#[test]
fn a_picture_is_what_its_name_says() {
    let shell = Shell::with_model();
    for name in ["x.png", "x.PNG", "x.jpg", "x.pdf", "x.onnx", "x.svgz", "model.onnx"] {
        let says = [&*format!("{name}: a picture is drawn as SVG"), "help: give a name that ends in .svg"];
        shell.refuses(&format!("draw model.onnx -o {name}"), INPUT, &says);
    }
    for name in ["x.svg", "x.SVG", "x", "v1.2.svg"] {
        shell.ok(&format!("draw model.onnx -o {name}"));
        assert!(shell.read(name).starts_with(b"<svg "));
    }
}
