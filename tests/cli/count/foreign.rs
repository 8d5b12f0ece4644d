//! Files that others made, whose counts were once too low without a word.

use std::path::Path;

use serde_json::Value;

use crate::shell::{CHECK, DONE, INPUT, Shell};

/// A shell with the files.
fn shell() -> Shell {
    let shell = Shell::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign");
    for name in ["count_matmulnbits_ms", "odd_linear", "count_two_inputs_state_first", "count_gemm_transA"] {
        let name = format!("{name}.onnx");
        shell.write(&name, std::fs::read(folder.join(&name)).unwrap());
    }
    shell
}

fn summary(shell: &Shell, arguments: &str) -> Value {
    let ran = shell.gnet(&format!("summary {arguments} --format json"));
    assert_eq!(ran.code, Some(DONE), "{ran}");
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn packed_weights_and_attributes_are_counted() {
    let shell = shell();
    let packed = summary(&shell, "count_matmulnbits_ms.onnx");
    assert_eq!([&packed["params"], &packed["weights"], &packed["macs"]], [256, 256, 1024]);
    let linear = summary(&shell, "odd_linear.onnx");
    assert_eq!([&linear["params"], &linear["weights"]], [4, 3]);
    for (rule, code) in [("100", CHECK), ("256", DONE)] {
        let ran = shell.gnet(&format!("check count_matmulnbits_ms.onnx --max-params {rule}"));
        assert_eq!(ran.code, Some(code), "{ran}");
    }
}

#[test]
fn the_batch_is_said_and_settled() {
    let shell = shell();
    for (file, input, whole, one) in [("count_two_inputs_state_first", "h", 12, 6), ("count_gemm_transA", "x", 60, 20)]
    {
        let guessed = summary(&shell, &format!("{file}.onnx"));
        assert_eq!(guessed["macs"], whole);
        let doubt = guessed["batch_axis"]["doubt"].as_str().unwrap();
        assert!(doubt.contains(&format!("axis 0 of {input}")) && doubt.contains("--batch-axis"), "{doubt}");
        let given = summary(&shell, &format!("{file}.onnx --batch-axis {input}=0"));
        assert_eq!([&given["macs"], &given["batch_axis"]["axis"]], [one, 0]);
        let none = summary(&shell, &format!("{file}.onnx --batch-axis none"));
        assert_eq!((&none["macs"], none["batch_axis"]["input"].is_null()), (&Value::from(whole), true));
        // The same rule holds or not, as the axis says; the table names it.
        let limit = one + 1;
        let ran = shell.gnet(&format!("check {file}.onnx --max-macs {limit}"));
        assert!(ran.code == Some(CHECK) && ran.out.contains("batch: none"), "{ran}");
        let ran = shell.gnet(&format!("check {file}.onnx --max-macs {limit} --batch-axis {input}=0"));
        assert!(ran.code == Some(DONE) && ran.out.contains(&format!("batch: axis 0 of {input}")), "{ran}");
        let ran = shell.gnet(&format!("summary {file}.onnx --batch-axis {input}=9"));
        assert!(ran.code == Some(INPUT), "{ran}");
    }
}
