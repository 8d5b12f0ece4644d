//! `gnet diff`: exit codes and documents.

use gnet::graph::Tensor;
use gnet::onnx;

use super::shell::{CHECK, INPUT, Shell};

/// `model.onnx` with its first weight moved and its first node renamed, as `other.onnx`.
fn shell() -> Shell {
    let shell = Shell::with_model();
    let mut model = onnx::read_file(&shell.path("model.onnx")).unwrap();
    let (id, tensor) = model.graph.initializers().find(|(_, t)| t.to_f32().is_some()).unwrap();
    let mut values = tensor.to_f32().unwrap();
    values[0] += 0.5;
    let moved = Tensor::from_f32(tensor.shape().to_vec(), &values).unwrap();
    model.graph.set_initializer(id, moved);
    model.graph.nodes[0].name = "renamed".into();
    shell.write("other.onnx", onnx::write(&model).unwrap());
    shell
}

#[test]
fn equal_files_are_told_so_with_0() {
    let shell = shell();
    shell.write("copy.onnx", shell.read("model.onnx"));
    let out = shell.ok("diff model.onnx copy.onnx");
    assert!(out.ends_with("\nequal\n"), "{out}");
    let json = shell.json("diff model.onnx copy.onnx");
    assert_eq!((&json["schema_version"], &json["equal"]), (&1.into(), &true.into()));
}

#[test]
fn different_files_are_told_apart_with_1() {
    let shell = shell();
    let ran = shell.gnet("diff model.onnx other.onnx --format json");
    assert_eq!(ran.code, Some(CHECK), "{ran}");
    assert_eq!(ran.error(), "error: other.onnx: differs from model.onnx: 1 in nodes, 1 in weights\n", "{ran}");
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    for key in ["equal", "tolerance", "a", "b", "model", "interface", "nodes", "weights", "unstated_shapes"] {
        assert!(keys.contains(&key), "{key} in {keys:?}");
    }
    assert_eq!((&json["nodes"][0]["kind"], &json["nodes"][0]["b"]), (&"renamed".into(), &"renamed".into()));
    let weight = &json["weights"][0];
    assert_eq!((&weight["kind"], &weight["different"]), (&"changed".into(), &1.into()));
    assert!((weight["max_abs"].as_f64().unwrap() - 0.5).abs() < 1e-6);
    // Within the tolerance only the name is left.
    let ran = shell.gnet("diff model.onnx other.onnx --tolerance 1");
    assert_eq!(ran.code, Some(CHECK), "{ran}");
    assert!(ran.error().contains(": 1 in nodes\n"), "{ran}");
    for format in ["table", "csv", "markdown"] {
        let ran = shell.gnet(&format!("diff model.onnx other.onnx --format {format}"));
        assert!(ran.code == Some(CHECK) && ran.out.contains("renamed"), "{ran}");
    }
}

#[test]
fn a_table_begins_with_the_kinds_and_ends_where_the_limit_is() {
    let shell = shell();
    let mut model = onnx::read_file(&shell.path("other.onnx")).unwrap();
    model.graph.nodes.iter_mut().for_each(|node| node.name = format!("renamed/{}", node.name));
    shell.write("other.onnx", onnx::write(&model).unwrap());
    let renamed = model.graph.nodes.len();
    let shown = |more: &str| shell.gnet(&format!("diff model.onnx other.onnx {more}")).out;
    let text = shown("");
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0] == "model.onnx (a) and other.onnx (b)" && lines[1].starts_with(" differences  changed "),
        "{text}"
    );
    assert!(lines[3].split_whitespace().eq(["nodes", "-", "-", "-", "-", &renamed.to_string()]), "{text}");
    assert!(lines[4].split_whitespace().eq(["weights", "1", "-", "-", "-", "-"]), "{text}");
    assert!(text.contains(&format!("\n20 of {renamed} are shown; --limit all shows the rest\n")), "{text}");
    assert_eq!((text.matches("  renamed  ").count(), shown("--limit 3").matches("  renamed  ").count()), (20, 3));
    assert!(!shown("--limit all").contains("are shown") && !shown("--format csv").contains("are shown"));
    assert_eq!(shown("--format csv").matches(",renamed,name,").count(), renamed);
    let json: serde_json::Value = serde_json::from_str(&shown("--limit 1 --format json")).unwrap();
    assert_eq!(json["nodes"].as_array().unwrap().len(), renamed);
    shell.refuses("diff model.onnx other.onnx --limit some", INPUT, &["'some' for '--limit <N|all>'"]);
}

#[test]
fn trouble_is_2() {
    let shell = shell();
    shell.write("text.onnx", "hello there");
    for (line, says) in [
        ("diff model.onnx", "<B.onnx>"),
        ("diff model.onnx missing.onnx", "missing.onnx: there is no such file"),
        ("diff text.onnx model.onnx", "text.onnx: is no ONNX model"),
        ("diff model.onnx other.onnx --tolerance x", "invalid value 'x'"),
        ("diff model.onnx other.onnx --tolerance -1", "--tolerance -1: is not a number of at least 0"),
        ("diff model.onnx other.onnx --tolerance nan", "is not a number of at least 0"),
    ] {
        shell.refuses(line, INPUT, &[says]);
    }
}
