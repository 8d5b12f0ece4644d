//! `gnet draw`: the file it writes, what it refuses, and what it leaves alone.

use super::shell::{INPUT, Shell};

#[test]
fn a_picture_goes_to_a_file_or_to_stdout() {
    let shell = Shell::with_model();
    let ran = shell.gnet("draw model.onnx -o graph.svg");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{ran}");
    assert!(ran.err.starts_with("graph.svg: ") && ran.err.contains(" nodes in "), "{ran}");
    let svg = String::from_utf8(shell.read("graph.svg")).unwrap();
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(svg.contains("model.onnx") && svg.contains("inception3a") && svg.contains("MACs for one item"));
    let ran = shell.gnet("draw model.onnx -o -");
    assert_eq!((ran.out, ran.err.as_str()), (svg.clone(), ""), "the same picture, and nothing else");
    assert!(!shell.exists("-"));
    // An existing file is replaced.
    shell.write("graph.svg", "old");
    shell.ok("draw model.onnx -o graph.svg");
    assert_eq!(shell.read("graph.svg"), svg.as_bytes());
}

#[test]
fn modules_and_nodes_are_boxes_when_asked_for() {
    let shell = Shell::with_model();
    let boxes = |flags: &str| shell.ok(&format!("draw model.onnx -o - {flags}")).matches("class=\"b\" x=").count();
    let (modules, layers, nodes) = (boxes("--depth 1"), boxes(""), boxes("--every-node"));
    assert!(modules < layers && layers < nodes, "{modules} {layers} {nodes}");
    // The second was this flag's name before every command had one of its own.
    for flag in ["--color-by", "--color"] {
        assert!(shell.ok(&format!("draw model.onnx -o - {flag} params")).contains("learned parameters"));
        assert!(!shell.ok(&format!("draw model.onnx -o - {flag} none")).contains("linearGradient"));
    }
    assert!(shell.ok("draw model.onnx -o - --color never --color-by params").contains("learned parameters"));
}

#[test]
fn times_are_taken_from_a_bench() {
    let shell = Shell::with_model();
    let layer = shell.json("summary model.onnx")["layers"][0]["name"].as_str().unwrap().to_owned();
    let operator = serde_json::json!({ "layer": layer, "op": "Conv", "mean_ms": 0.5 });
    let bench = |operators: &serde_json::Value| {
        serde_json::json!({ "schema_version": 1, "runs": [{ "profile": { "operators": [operators] } }] }).to_string()
    };
    shell.write("times.json", bench(&operator));
    let svg = shell.ok("draw model.onnx -o - --times times.json");
    assert!(svg.contains("mean time of one run") && svg.contains("500 µs"), "{svg}");
    shell.write("other.json", bench(&serde_json::json!({ "layer": "elsewhere", "mean_ms": 0.5 })));
    shell.write("empty.json", "{\"runs\": []}").write("text.json", "hello");
    for (flags, says) in [
        ("--times other.json", "--times: none of its layers is in this file"),
        ("--times empty.json", "empty.json: holds no profile"),
        ("--times text.json", "text.json: is no document of `gnet bench`"),
        ("--times missing.json", "missing.json: there is no such file"),
        ("--color time", "--color-by time: there are no times"),
    ] {
        shell.refuses(&format!("draw model.onnx -o graph.svg {flags}"), INPUT, &[says]);
    }
}

#[test]
fn bad_input_is_told_and_nothing_is_written() {
    let shell = Shell::with_model();
    shell.write("text.onnx", "hello there");
    for (flags, says) in [
        ("", "<FILE.onnx>"),
        ("model.onnx", "--output <GRAPH.svg>"),
        ("text.onnx -o graph.svg", "text.onnx: is no ONNX model"),
        ("missing.onnx -o graph.svg", "missing.onnx: there is no such file"),
        ("model.onnx -o missing/graph.svg", "there is no folder missing"),
        ("model.onnx -o .", "is a folder"),
        ("model.onnx -o graph.svg --color-by red", "[possible values: macs, params, time, none]"),
        ("model.onnx -o graph.svg --color red", "[possible values: auto, always, never]"),
        ("model.onnx -o graph.svg --depth 0", "--depth <N>"),
        ("model.onnx -o graph.svg --depth 1 --every-node", "cannot be used with"),
        ("model.onnx -o graph.svg --max-nodes 3", "more than 3"),
    ] {
        shell.refuses(&format!("draw {flags}"), INPUT, &[says]);
    }
}
