//! `gnet summary`.

use serde_json::{Value, json};

use super::shell;
use crate::shell::{INPUT, Shell};

#[test]
fn a_file_without_stated_shapes_is_counted() {
    let value = shell().json("summary block.onnx");
    let expected = json!({ "params": 442_624, "weights": 442_368, "macs": 346_816_512, "flops": 693_633_024 });
    for (key, count) in expected.as_object().unwrap() {
        assert_eq!(&value[key], count, "{key}");
    }
    let map = 28 * 28 * 4;
    assert_eq!(value["memory"]["peak_bytes"], 2 * 256 * map);
    assert_eq!(value["memory"]["peak_at"], "body/Relu");
    assert_eq!(value["memory"]["constant_bytes"], 4 * 442_624);
    assert_eq!(value["read_bytes"], (192 + 256) * map + 4 * 442_624);
    assert_eq!(value["written_bytes"], 2 * 256 * map);
    let moved = ((192 + 3 * 256) * map + 4 * 442_624) as f64;
    assert!((value["intensity"].as_f64().unwrap() - 693_633_024.0 / moved).abs() < 1e-9);
    assert_eq!((&value["uncounted"], &value["batch"]), (&json!([]), &Value::from(1)));
    assert_eq!(value["layers"][0]["output_shape"], json!(["N", 256, 28, 28]), "inferred");
}

#[test]
fn a_batch_is_for_memory_and_not_for_macs() {
    let shell = shell();
    let (one, eight) = (shell.json("summary block.onnx"), shell.json("summary block.onnx --batch 8"));
    assert_eq!((&one["macs"], &one["params"]), (&eight["macs"], &eight["params"]));
    let peak = |value: &Value| value["memory"]["peak_bytes"].as_u64().unwrap();
    assert_eq!((peak(&eight), &eight["batch"]), (8 * peak(&one), &Value::from(8)));
    assert!(eight["intensity"].as_f64() > one["intensity"].as_f64(), "the weights are read once");
    let given = shell.json("summary block.onnx --input x=8,192,28,28");
    assert_eq!((peak(&given), &given["macs"]), (peak(&eight), &one["macs"]), "a fixed batch counts for one item too");
    shell.refuses(
        "summary fixed.onnx --batch 8",
        INPUT,
        &["fixed.onnx: batch 8: the file is fixed to a batch of 2", "--input"],
    );
    shell.refuses("summary block.onnx --batch 0", INPUT, &["batch 0: a batch holds at least one item"]);
}

#[test]
fn what_the_file_leaves_open_can_be_given() {
    let shell = shell();
    let open = shell.json("summary bad_axis.onnx");
    let entry = &open["uncounted"][0];
    assert_eq!([&entry["name"], &entry["op"], &entry["what"]], ["x", "input", "bytes"]);
    assert_eq!(entry["reason"], "the dimension H of x (N x 3 x H x W) is open");
    let ran = shell.gnet("summary bad_axis.onnx");
    assert!(ran.out.contains("not counted: bytes of x (input): the dimension H"), "{ran}");
    assert!(ran.err.contains("--input x=N,3,H,W"), "how to give it: {ran}");
    let closed = shell.json("summary bad_axis.onnx --input x=N,3,8,9");
    assert_eq!((&closed["uncounted"], &closed["memory"]["peak_bytes"]), (&json!([]), &Value::from(2 * 3 * 72 * 4)));
    assert_eq!(shell.json("summary bad_axis.onnx --input N,3,8,9"), closed, "the only input needs no name");
    for (flags, says) in [
        ("--input y=1,3,8,8", "input y"),
        ("--input x=1,3", "the file says"),
        ("--input x=1,a-b,c,d", "is no list of sizes"),
        ("--input 1,3,8,8 --input x=1,3,8,8", "twice"),
    ] {
        shell.refuses(&format!("summary bad_axis.onnx {flags}"), INPUT, &[says]);
    }
}

#[test]
fn an_operation_without_a_rule_is_named_and_not_counted_as_nothing() {
    let shell = shell();
    let value = shell.json("summary bad_operation.onnx");
    assert!(value["layers"][0]["macs"].is_null() && value["intensity"].is_null(), "{value}");
    assert_eq!(value["uncounted"][0]["what"], "macs");
    let out = shell.ok("summary bad_operation.onnx");
    assert!(out.contains("at least 0 MACs"), "{out}");
    assert!(out.contains("not counted: MACs of odd (Frobnicate): gnet has no rule"), "{out}");
}

#[test]
fn a_tree_and_its_levels() {
    let shell = shell();
    let value = shell.json("summary block.onnx --tree");
    let rows: Vec<_> =
        value["layers"].as_array().unwrap().iter().map(|r| (&r["name"], &r["depth"], &r["macs"])).collect();
    let (body, conv) = (Value::from("body"), Value::from("body.conv"));
    let macs = Value::from(346_816_512);
    assert_eq!(rows, [(&body, &Value::from(0), &macs), (&conv, &Value::from(1), &macs)]);
    let out = shell.ok("summary block.onnx --tree");
    assert!(out.contains("\n body    2 nodes ") && out.contains("\n   conv  Conv "), "{out}");
    assert_eq!(shell.json("summary block.onnx --tree --depth 1")["layers"].as_array().unwrap().len(), 1);
    assert!(shell.json("summary block.onnx")["layers"][0].get("depth").is_none());
}

#[test]
fn the_compute_column_counts_macs_or_flops() {
    let shell = shell();
    let header = |line: &str| shell.ok(line).lines().next().unwrap().to_owned();
    let rest = "share_percent,live_bytes,bytes_moved,flops_byte";
    assert_eq!(header("summary block.onnx --format csv"), format!("layer,op,output_shape,params,macs,{rest}"));
    assert_eq!(
        header("summary block.onnx --format csv --count flops"),
        format!("layer,op,output_shape,params,flops,{rest}")
    );
    let row = |line: &str| shell.ok(line).lines().nth(1).unwrap().to_owned();
    assert!(row("summary block.onnx --format csv --count flops").contains(",693633024,"));
    shell.refuses("summary block.onnx --count ops", INPUT, &["[possible values: macs, flops]"]);
    for format in ["table", "markdown"] {
        let out = shell.ok(&format!("summary block.onnx --format {format}"));
        assert!(out.contains("MACs of convolutions and matrix products for one item of the batch"), "{out}");
    }
}

#[test]
fn a_tree_of_a_file_without_nodes_is_empty() {
    let shell = Shell::new();
    let mut model = super::block();
    model.graph.nodes.clear();
    model.graph.outputs = model.graph.inputs.clone();
    model.graph.retain_initializers(|_| false);
    shell.write("none.onnx", gnet::onnx::write(&model).unwrap());
    for flags in ["", "--tree", "--depth 3"] {
        let value = shell.json(&format!("summary none.onnx {flags}"));
        assert_eq!(
            (&value["layers"], &value["macs"], &value["intensity"]),
            (&json!([]), &Value::from(0), &Value::Null)
        );
    }
}
