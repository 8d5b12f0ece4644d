//! `gnet check`.

use serde_json::{Value, json};

use super::shell;
use crate::shell::{CHECK, DONE, INPUT, Shell};

/// Runs a check, which must end with `code`; its JSON document.
#[track_caller]
fn check(shell: &Shell, rules: &str, code: i32) -> Value {
    let ran = shell.gnet(&format!("check block.onnx {rules} --format json"));
    assert_eq!(ran.code, Some(code), "{ran}");
    assert_eq!(ran.err.is_empty(), code == DONE, "{ran}");
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(value["passed"], code == DONE, "{ran}");
    value
}

#[test]
fn a_ci_pins_the_figures_of_the_table() {
    let shell = shell();
    // The table prints 0.44M weights and 346 "MFLOPS", both cut off; exactly it is 442,368 and 346,816,512 MACs.
    check(&shell, "--expect-weights 0.44M --expect-macs 346M --max-params 0.45M", DONE);
    check(&shell, "--expect-weights 442368 --expect-params 442624 --expect-macs 346816512 --max-flops 693633024", DONE);
    for rules in ["--expect-weights 0.16M", "--expect-weights 1.22M", "--expect-weights 442369", "--max-weights 0.44M"]
    {
        check(&shell, rules, CHECK);
    }
}

#[test]
fn every_broken_rule_is_told_with_by_how_much() {
    let shell = shell();
    let rules = "--max-params 442k --max-macs 1G --max-bytes 1MiB --ops-allowed Conv --opset-max 13";
    let value = check(&shell, rules, CHECK);
    let size = shell.read("block.onnx").len() as u64;
    let row = |rule: &str| value["rules"].as_array().unwrap().iter().find(|r| r["rule"] == rule).unwrap().clone();
    assert_eq!(
        row("max-params"),
        json!({
            "rule": "max-params", "limit": "442k", "found": 442_624, "at_least": false, "off_by": 624, "passed": false,
            "reason": null,
        })
    );
    assert_eq!((&row("max-macs")["passed"], &row("max-macs")["off_by"]), (&Value::from(true), &Value::from(0)));
    assert_eq!([&row("max-bytes")["found"], &row("max-bytes")["off_by"]], [size, size - (1 << 20)]);
    assert_eq!(row("ops-allowed")["reason"], "not allowed: 1 Relu");
    assert_eq!(row("opset-max")["found"], 17);
    let ran = shell.gnet(&format!("check block.onnx {rules}"));
    let error = ran.error();
    assert!(
        error
            .starts_with("error: block.onnx: 4 of 5 rules do not hold: max-params 442k but is 442,624, 624 too many; ")
    );
    for rule in ["max-bytes 1MiB", "ops-allowed Conv: not allowed: 1 Relu", "opset-max 13 but is 17, 4 too many"] {
        assert!(error.contains(rule), "{ran}");
    }
    assert!(ran.out.contains(" holds ") && ran.out.contains(" does not hold "), "{ran}");
}

#[test]
fn memory_is_checked_at_the_batch() {
    let shell = shell();
    let peak = 2 * 256 * 28 * 28 * 4;
    check(&shell, &format!("--max-peak-memory {peak}"), DONE);
    check(&shell, "--max-peak-memory 1.6MiB --max-moved-bytes 5MB", DONE);
    let value = check(&shell, "--max-peak-memory 1.6MiB --batch 2", CHECK);
    assert_eq!((&value["batch"], &value["rules"][0]["found"]), (&Value::from(2), &Value::from(2 * peak)));
}

#[test]
fn what_cannot_be_counted_fails_and_is_not_passed_over() {
    let shell = shell();
    for rules in ["--max-macs 1T", "--expect-macs 0", "--max-flops 1T"] {
        let ran = shell.gnet(&format!("check bad_operation.onnx {rules}"));
        assert_eq!(ran.code, Some(CHECK), "{ran}");
        assert!(ran.error().contains("MACs of odd (Frobnicate) cannot be counted: gnet has no rule"), "{ran}");
        assert!(ran.out.contains("cannot be counted"), "{ran}");
    }
    let ran = shell.gnet("check bad_axis.onnx --max-peak-memory 1TB");
    assert!(ran.code == Some(CHECK) && ran.error().contains("the dimension H of x"), "{ran}");
    assert_eq!(shell.gnet("check bad_axis.onnx --max-peak-memory 1kB --input x=1,3,4,4").code, Some(DONE));
    assert_eq!(shell.gnet("check bad_operation.onnx --max-params 0 --ops-allowed Frobnicate").code, Some(DONE));
}

#[test]
fn a_check_needs_rules_and_numbers() {
    let shell = shell();
    for (line, says) in [
        ("check block.onnx", "the following required arguments were not provided"),
        ("check --max-params 1", "<FILE.onnx>"),
        ("check block.onnx --max-params 1.5", "is not a whole number; write a number such as 163328, 128k or 1.5M"),
        ("check block.onnx --max-params -1", "is not a number"),
        ("check block.onnx --max-params 24MB", "is not a number"),
        ("check block.onnx --max-bytes 24M", "24MB or 24MiB"),
        ("check block.onnx --expect-params many", "is not a number"),
        ("check block.onnx --opset-max new", "is not a whole number"),
        ("check missing.onnx --max-params 1", "missing.onnx: there is no such file"),
        ("check block.onnx --max-params 1 --format xml", "[possible values: table, json, csv, markdown]"),
    ] {
        shell.refuses(line, INPUT, &[says]);
    }
}
