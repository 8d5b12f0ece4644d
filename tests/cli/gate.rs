//! `gnet gate`: one file of rules, one verdict.

use gnet::graph::{Node, Tensor};
use gnet::onnx;
use serde_json::Value;

use super::shell::{CHECK, DONE, INPUT, Ran, Shell, UNAVAILABLE};

/// No library of ONNX Runtime, whatever this machine has.
const NO_LIBRARY: (&str, &str) = ("GNET_ORT_LIB", "/no/such/library.so");

/// Two rules that `dynamic.onnx` and `fixed.onnx` keep.
const BUDGET: &str = "[budget]\nmax_params = 1000\nopset_max = 18\n";

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A repository with a model, its predecessor, and `ci/gate.toml` with these rules.
fn repository(rules: &str) -> Shell {
    let shell = Shell::new();
    for folder in ["models", "ci"] {
        std::fs::create_dir(shell.path(folder)).unwrap();
    }
    shell.write("models/net.onnx", fixture("dynamic.onnx")).write("models/old.onnx", fixture("dynamic.onnx"));
    shell.write("ci/gate.toml", format!("model = \"../models/net.onnx\"\n{rules}"));
    shell
}

fn gate(shell: &Shell, words: &[&str]) -> Ran {
    shell.gnet_with(&[NO_LIBRARY], &[&["gate", "ci/gate.toml"], words].concat())
}

/// Runs the gate, which must end with `code`; its document.
#[track_caller]
fn document(shell: &Shell, code: i32) -> Value {
    let ran = gate(shell, &["--format", "json"]);
    assert_eq!(ran.code, Some(code), "{ran}");
    let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"));
    let verdict = [(DONE, "held"), (CHECK, "failed"), (UNAVAILABLE, "not_run")].into_iter().find(|(c, _)| *c == code);
    assert_eq!(value["verdict"], verdict.unwrap().1, "{ran}");
    value
}

fn statuses(document: &Value) -> Vec<String> {
    let rules = document["rules"].as_array().unwrap().iter();
    rules.map(|rule| ["section", "rule", "status"].map(|key| rule[key].as_str().unwrap()).join(" ")).collect()
}

#[test]
fn the_same_model_passes_and_a_larger_one_is_told_every_reason() {
    let shell = repository(BUDGET);
    let ops = shell.json("summary models/net.onnx")["layers"].as_array().unwrap().clone();
    let mut ops: Vec<_> = ops.iter().map(|layer| format!("\"{}\"", layer["op"].as_str().unwrap())).collect();
    ops.dedup();
    let params = shell.json("summary models/net.onnx")["params"].as_u64().unwrap();
    let rules = format!(
        "[budget]\nmax_params = {params}\nops_allowed = [{}]\n[agreement]\nreference = \"../models/old.onnx\"\n",
        ops.join(", ")
    );
    shell.write("ci/gate.toml", format!("model = \"../models/net.onnx\"\n{rules}"));
    let before = shell.listing();
    let held = document(&shell, DONE);
    assert_eq!(shell.listing(), before);
    let names = ["budget max_params", "budget ops_allowed", "agreement reference"];
    assert_eq!(statuses(&held), names.map(|name| format!("{name} held")));
    assert_eq!((&held["rules"][0]["found"], &held["interrupted"]), (&params.into(), &false.into()));
    let ran = gate(&shell, &[]);
    assert!(ran.code == Some(DONE) && ran.out.contains("every rule holds: 3 rules"), "{ran}");

    // One layer more, with weights of its own: the file computes something else.
    let mut model = onnx::read_file(&shell.path("models/net.onnx")).unwrap();
    let output = model.graph.outputs[0];
    let known = model.graph.value(output).clone();
    model.graph.value_mut(output).name = "unscaled".to_owned();
    let factor = model.graph.add_initializer("factor", Tensor::from_f32(vec![1], &[1.5]).unwrap());
    let scaled = model.graph.add_value(known.name, known.dtype, known.shape);
    model.graph.nodes.push(Node::new("scale", "Mul", vec![output, factor], vec![scaled]));
    model.graph.outputs[0] = scaled;
    shell.write("models/net.onnx", onnx::write(&model).unwrap());
    let failed = document(&shell, CHECK);
    assert_eq!(statuses(&failed), names.map(|name| format!("{name} failed")), "{failed:#}");
    let ran = gate(&shell, &[]);
    let error = ran.error();
    for reason in ["of 3 rules, 3 failed: budget.max_params", "not allowed: 1 Mul", "; they part at y (Gemm)"] {
        assert!(error.contains(reason), "'{reason}' in {ran}");
    }
}

#[test]
fn what_was_not_run_never_counts_as_held_and_a_failure_outranks_it() {
    let agreement = "[agreement]\nproviders = [\"tract\", \"cpu\"]\n";
    let shell = repository(&format!("{BUDGET}{agreement}"));
    let value = document(&shell, UNAVAILABLE);
    assert_eq!(
        statuses(&value),
        ["budget max_params held", "budget opset_max held", "agreement providers not_run"],
        "the others are tried all the same"
    );
    assert!(value["rules"][2]["remedy"].is_string(), "{value:#}");
    let ran = gate(&shell, &[]);
    assert!(
        ran.error().contains("of 3 rules, 1 was not run: agreement.providers (cpu against tract) within rounding: ")
    );
    assert!(ran.error().contains("/no/such/library.so") && ran.out.contains(" not run "), "{ran}");

    let shell = repository(&format!("[budget]\nmax_params = 1\n{agreement}"));
    assert_eq!(statuses(&document(&shell, CHECK)), ["budget max_params failed", "agreement providers not_run"]);
    assert!(gate(&shell, &[]).error().contains("1 failed: budget.max_params 1: is "), "{}", gate(&shell, &[]));

    // A reference or images that are not there, and a model that does not say how images are prepared.
    for (rules, says) in [
        ("[agreement]\nreference = \"none.onnx\"\n", "ci/none.onnx"),
        ("[accuracy]\nmin_top1 = 0\ndata = \"none\"\n", "no gnet metadata"),
        ("[placement]\nprovider = \"cuda\"\n", "/no/such/library.so"),
        ("[memory]\nmax_peak_rss = \"1GiB\"\nprovider = \"cpu\"\n", "/no/such/library.so"),
        ("[memory]\nmax_peak_rss = \"1GiB\"\nbatch = 0\n", "batch 0: a run needs at least one"),
    ] {
        let shell = repository(rules);
        document(&shell, UNAVAILABLE);
        let ran = gate(&shell, &[]);
        assert!(ran.error().contains(says), "'{says}' in {ran}");
    }
}

#[test]
fn accuracy_and_memory_are_held_against_their_limits() {
    let shell = Shell::with_model();
    let top1 = shell.json("eval model.onnx --data data")["top1"].as_f64().unwrap();
    let rules = |least: f64, most: &str| {
        format!(
            "model = \"model.onnx\"\n[accuracy]\nmin_top1 = {least}\ndata = \"data\"\n[memory]\nmax_peak_rss = \"{most}\"\n"
        )
    };
    shell.write("gate.toml", rules(top1, "16GiB"));
    let value = shell.json("gate gate.toml");
    assert_eq!(statuses(&value), ["accuracy min_top1 held", "memory max_peak_rss held"]);
    assert_eq!(value["rules"][0]["found"], top1);
    assert!(value["rules"][1]["found"].as_u64().unwrap() > 1 << 20, "{value:#}");
    shell.write("gate.toml", rules(top1, "16GiB").replace("data = \"data\"", "data = \"data\"\ncount = 1"));
    let one = shell.gnet("gate gate.toml --format json");
    let one: Value = serde_json::from_str(&one.out).unwrap();
    assert!([0.0, 1.0].contains(&one["rules"][0]["found"].as_f64().unwrap()), "{one:#}");
    shell.write("gate.toml", rules((top1 + 1.0) / 2.0, "1MiB"));
    let ran = shell.gnet("gate gate.toml");
    assert_eq!(ran.code, Some(CHECK), "{ran}");
    assert!(
        ran.error().contains("of 2 rules, 2 failed: accuracy.min_top1 (tract) ")
            && ran.error().contains("more than 1MiB")
    );
    shell.write("gate.toml", rules(top1, "16GiB").replace("data = \"data\"", "count = 1000000\ndata = \"data\""));
    shell.gnet("gate gate.toml").error();
    assert!(shell.gnet("gate gate.toml").error().contains("accuracy.count 1000000: the data holds "));
}

#[test]
fn a_bad_file_is_bad_input_and_nothing_is_tried() {
    let refused = |rules: &str, says: &[&str]| {
        let shell = repository(rules);
        shell.refuses("gate ci/gate.toml", INPUT, says);
    };
    refused(
        "[budget]\nmax_parms = 7\n",
        &[
            "error: ci/gate.toml, line 3, budget.max_parms: there is no key 'max_parms' here",
            "help: write 'max_params'; ",
        ],
    );
    refused("[budget]\nmax_bytes = \"24M\"\n", &["line 3, budget.max_bytes: 24M: is not a number", "24MiB"]);
    refused("", &["ci/gate.toml: gate: there is no rule in it", "[budget]"]);
    refused("[budget\n", &["ci/gate.toml, line 2"]);
    let shell = repository(BUDGET);
    shell.write("ci/gate.toml", b"\xff\xfe");
    shell.refuses("gate ci/gate.toml", INPUT, &["ci/gate.toml: is no text"]);
    shell.write("ci/gate.toml", "model = \"none.onnx\"\n[budget]\nmax_params = 1\n");
    shell.refuses("gate ci/gate.toml", INPUT, &["ci/none.onnx: "]);
    shell.write("ci/gate.toml", "model = \"gate.toml\"\n[budget]\nmax_params = 1\n");
    shell.refuses("gate ci/gate.toml", INPUT, &["ci/gate.toml: "]);
    shell.refuses("gate ci/none.toml", INPUT, &["ci/none.toml: "]);
    shell.refuses("gate ci", INPUT, &["is a folder where a file is expected"]);
}

#[test]
fn the_result_is_written_for_a_ci_and_over_no_input() {
    let shell = repository(&format!("{BUDGET}[agreement]\nproviders = [\"tract\", \"cpu\"]\n"));
    let ran = gate(&shell, &["--junit", "junit.xml", "--markdown", "gate.md"]);
    assert_eq!(ran.code, Some(UNAVAILABLE), "the verdict stays: {ran}");
    let text = String::from_utf8(shell.read("junit.xml")).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let suites = document.root_element();
    let counts = ["tests", "failures", "errors"].map(|name| suites.attribute(name).unwrap());
    assert_eq!((suites.tag_name().name(), counts), ("testsuites", ["3", "0", "1"]));
    let cases: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    assert_eq!(cases[0].attribute("classname"), Some("gate.budget"));
    assert!(cases[2].first_element_child().unwrap().attribute("message").unwrap().contains("/no/such/library.so"));
    let markdown = String::from_utf8(shell.read("gate.md")).unwrap();
    assert!(markdown.contains("| agreement.providers | cpu against tract |"), "{markdown}");
    for file in ["ci/gate.toml", "models/net.onnx"] {
        for flag in ["--junit", "--markdown"] {
            shell.refuses(&format!("gate ci/gate.toml {flag} {file}"), INPUT, &[file]);
        }
    }
    shell.refuses("gate ci/gate.toml --junit none/junit.xml", INPUT, &["there is no folder none"]);
    shell.refuses("gate ci/gate.toml --junit -", INPUT, &["standard output holds the report"]);
}
