//! `gnet gate`: one file of rules, one verdict.

use gnet::graph::{Node, Tensor};
use gnet::onnx;
use serde_json::Value;

use super::shell::{CHECK, DONE, INPUT, Ran, Shell, UNAVAILABLE, UNDECIDED};

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

/// A repository whose gate asks for the latency, and the stored comparisons.
fn timed(rules: &str) -> Shell {
    let shell = repository(rules);
    for name in ["same", "slower", "loaded"] {
        let name = format!("comparison_{name}.json");
        shell.write(&name, fixture(&name));
    }
    shell
}

/// Runs the gate on stored samples.
fn replayed(shell: &Shell, stored: &str) -> Ran {
    gate(shell, &["--replay", &format!("comparison_{stored}.json")])
}

#[test]
fn a_slower_configuration_fails_the_same_one_passes_and_a_loaded_machine_cannot_tell() {
    let shell = timed("[latency]\nbaseline = \"../models/old.onnx\"\nmax_regression = \"5%\"\n");
    let ran = replayed(&shell, "same");
    assert_eq!(ran.code, Some(DONE), "{ran}");
    assert!(ran.out.contains("every rule holds: 1 rule"), "{ran}");
    let ran = replayed(&shell, "slower");
    assert_eq!(ran.code, Some(CHECK), "{ran}");
    assert!(
        ran.error().contains("1 failed: latency.max_regression (tract against ci/../models/old.onnx) 5%: "),
        "{ran}"
    );
    assert!(ran.error().contains(" slower (90 % interval "), "{ran}");
    let ran = replayed(&shell, "loaded");
    assert_eq!(ran.code, Some(UNDECIDED), "{ran}");
    assert!(ran.error().contains("1 is undecided: latency.max_regression ") && ran.out.contains("undecided"), "{ran}");
    // A failure outranks it, and so does what was not run.
    shell.write("ci/gate.toml", [&shell.read("ci/gate.toml")[..], b"[placement]\nprovider = \"cuda\"\n"].concat());
    let ran = replayed(&shell, "loaded");
    assert_eq!(ran.code, Some(UNAVAILABLE), "{ran}");
    assert!(
        ran.error().contains("1 was not run: placement.min") && ran.error().contains("; 1 is undecided: latency"),
        "{ran}"
    );
    shell.write("ci/gate.toml", [&shell.read("ci/gate.toml")[..], b"[budget]\nmax_params = 1\n"].concat());
    let ran = replayed(&shell, "loaded");
    assert_eq!(ran.code, Some(CHECK), "{ran}");
    assert!(ran.error().contains("of 3 rules, 1 failed: budget.max_params 1: is 169"), "{ran}");
}

#[test]
fn a_limit_of_the_median_is_undecided_where_it_lies_within_the_scatter() {
    let stored: Value = serde_json::from_slice(&fixture("comparison_same.json")).unwrap();
    let samples = stored["samples"].as_array().unwrap().iter().filter(|sample| sample["arm"] == "B");
    let mut medians: Vec<f64> = samples.map(|sample| sample["p50_ms"].as_f64().unwrap()).collect();
    medians.sort_by(f64::total_cmp);
    let (low, middle, high) = (medians[0], medians[medians.len() / 2], medians[medians.len() - 1]);
    for (limit, code) in [(1.01 * high, DONE), (middle, UNDECIDED)] {
        let shell = timed(&format!("[latency]\nmax_p50 = \"{limit}ms\"\n"));
        let ran = replayed(&shell, "same");
        assert_eq!(ran.code, Some(code), "{limit} ms: {ran}");
    }
    // Eight processes cannot show that a limit is passed, and this record holds no more: twelve can.
    let longer = vec![stored["samples"].as_array().unwrap().clone(); 3].concat();
    let longer = serde_json::json!({"a": stored["a"], "b": stored["b"], "samples": longer});
    let shell = timed(&format!("[latency]\nmax_p50 = \"{}ms\"\n", 0.99 * low));
    shell.write("comparison_same.json", longer.to_string());
    let ran = replayed(&shell, "same");
    assert_eq!(ran.code, Some(CHECK), "{ran}");
    assert!(ran.error().contains("failed: latency.max_p50 (tract) ") && ran.error().contains(" is allowed"), "{ran}");
}

#[test]
fn a_baseline_with_another_interface_is_not_run_and_a_stored_comparison_that_is_none_is_refused() {
    let shell = timed("[latency]\nbaseline = \"../models/old.onnx\"\n");
    shell.write("models/old.onnx", fixture("lstm.onnx"));
    let ran = gate(&shell, &[]);
    assert_eq!(ran.code, Some(UNAVAILABLE), "{ran}");
    assert!(ran.error().contains("1 was not run: latency.max_regression"), "{ran}");
    shell.write("comparison_same.json", "{}");
    shell.refuses("gate ci/gate.toml --replay comparison_same.json", INPUT, &["comparison_same.json: is no record"]);
}

#[test]
fn the_page_of_a_run_on_github_gets_the_table() {
    let shell = repository(BUDGET);
    let run = |path: &str| {
        shell.gnet_with(&[("GITHUB_STEP_SUMMARY", shell.path(path).to_str().unwrap())], &["gate", "ci/gate.toml"])
    };
    shell.write("summary.md", "## before\n");
    for _ in 0..2 {
        let ran = run("summary.md");
        assert_eq!(ran.code, Some(DONE), "{ran}");
        assert!(!ran.err.contains("warning"), "{ran}");
    }
    let text = String::from_utf8(shell.read("summary.md")).unwrap();
    assert!(text.starts_with("## before\n### ci/gate.toml for "), "{text}");
    assert_eq!(text.matches("| budget.max_params |").count(), 2, "{text}");
    for path in ["none/summary.md", "ci", "models/net.onnx"] {
        let ran = run(path);
        assert_eq!(ran.code, Some(DONE), "the verdict stays: {ran}");
        assert!(ran.err.contains("warning: GITHUB_STEP_SUMMARY: "), "{ran}");
    }
    let ran = shell.gnet_with(&[("GITHUB_STEP_SUMMARY", "")], &["gate", "ci/gate.toml"]);
    assert!(ran.code == Some(DONE) && !ran.err.contains("warning"), "{ran}");
}

#[test]
fn a_first_gate_holds_at_once_and_replaces_nothing() {
    let shell = Shell::with_model();
    std::fs::create_dir(shell.path("ci")).unwrap();
    shell.ok("export --preset bn-aux --image-size 28 --seed 1 --no-verify -o preset.onnx");
    shell.ok("export --preset d2l --image-size 28 --seed 1 --no-verify -o d2l.onnx");
    for name in ["dynamic", "fixed", "two_inputs", "tokens", "lstm", "strings", "bad_operation", "no_input"] {
        let name = format!("{name}.onnx");
        shell.write(&name, fixture(&name));
    }
    for (at, (model, flags, says)) in [
        ("model.onnx", "", "# min_top1 = \"90%\"\n"),
        ("preset.onnx", "", "max_params = "),
        ("d2l.onnx", "", "max_params = 6_580_000 # 5,977,530 today\n"),
        ("dynamic.onnx", "", "max_params = 186 # 169 today\n"),
        ("fixed.onnx", "", "opset_max = "),
        ("two_inputs.onnx", "", "# [agreement]\n"),
        (
            "tokens.onnx",
            "--dim T=3 --range tokens=0..2",
            "[feed]\ndims = { \"T\" = 3 }\nranges = { \"tokens\" = \"0..2\" }\n",
        ),
        ("lstm.onnx", "", "ops_allowed = [\"LSTM\""),
        ("strings.onnx", "", "opset_max = "),
        ("bad_operation.onnx", "", "# max_macs: 1 node cannot be counted; odd (Frobnicate): "),
        ("no_input.onnx", "", "opset_max = "),
    ]
    .into_iter()
    .enumerate()
    {
        let (toml, init) = (format!("ci/{at}.toml"), format!("gate --init {model} -o ci/{at}.toml {flags}"));
        let run = |line: &str| shell.gnet_with(&[NO_LIBRARY], &line.split_whitespace().collect::<Vec<_>>());
        let ran = run(&init);
        assert_eq!((ran.code, ran.out.as_str()), (Some(DONE), ""), "{ran}");
        let text = String::from_utf8(shell.read(&toml)).unwrap();
        assert!(text.contains(&format!("\nmodel = \"../{model}\"\n")), "{text}");
        assert!(text.contains(says) && text.contains("# baseline = "), "'{says}' in {text}");
        let ran = run(&format!("gate {toml}"));
        assert_eq!(ran.code, Some(DONE), "{model}: {ran}\n{text}");
        shell.refuses(&init, INPUT, &["is there already, and is not replaced", "-o"]);
    }
    shell.refuses("gate --init none.onnx", INPUT, &["none.onnx: "]);
    shell.refuses("gate --init dynamic.onnx -o none/gate.toml", INPUT, &["there is no folder none"]);
    shell.refuses("gate ci/0.toml --dim T=3", INPUT, &["are for --init", "[feed]"]);
    shell.refuses("gate", INPUT, &["FILE.toml"]);
}

/// The lines of the README, as they stand there.
#[test]
fn the_gate_of_the_readme_holds() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, after) = page.split_once("\n```toml\n").unwrap();
    let (rules, _) = after.split_once("\n```\n").unwrap();
    assert_eq!(rules.lines().count(), 10, "{rules}");
    let shell = Shell::with_model();
    for name in ["googlenet.onnx", "last.onnx"] {
        std::fs::copy(shell.path("model.onnx"), shell.path(name)).unwrap();
    }
    shell.write("gate.toml", rules).write("stored.json", fixture("comparison_same.json"));
    #[cfg(feature = "ort")]
    let library = super::runtimes::ort();
    #[cfg(not(feature = "ort"))]
    let library: Option<std::path::PathBuf> = None;
    let named = library.as_deref().map_or(NO_LIBRARY.1, |path| path.to_str().unwrap());
    let words = ["gate", "gate.toml", "--replay", "stored.json", "--format", "json"];
    let ran = shell.gnet_with(&[("GNET_ORT_LIB", named)], &words);
    assert_eq!(ran.code, Some(if library.is_some() { DONE } else { UNAVAILABLE }), "{ran}");
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let names =
        ["budget max_params", "budget max_macs", "budget max_bytes", "agreement providers", "latency max_regression"];
    let without = if library.is_some() { "held" } else { "not_run" };
    let expected = names.map(|name| format!("{name} {}", if name.starts_with("agreement") { without } else { "held" }));
    assert_eq!(statuses(&document), expected);
}

#[test]
fn hostile_names_stay_data() {
    let shell = Shell::new();
    let model = "a\n::error ::b\u{1b}[31m<b>|`.onnx";
    shell.write(model, fixture("dynamic.onnx"));
    let words = ["gate", "--init", model, "-o", "gate.toml"];
    let ran = shell.gnet_with(&[NO_LIBRARY], &words);
    assert_eq!(ran.code, Some(DONE), "{ran}");
    let text = String::from_utf8(shell.read("gate.toml")).unwrap();
    assert!(!text.contains('\u{1b}') && !text.lines().any(|line| line.starts_with("::")), "{text}");
    let ran = shell.gnet_with(&[NO_LIBRARY], &["gate", "gate.toml", "--junit", "j.xml", "--markdown", "m.md"]);
    assert_eq!(ran.code, Some(DONE), "{ran}");
    let (xml, markdown) =
        (String::from_utf8(shell.read("j.xml")).unwrap(), String::from_utf8(shell.read("m.md")).unwrap());
    roxmltree::Document::parse(&xml).unwrap();
    for text in [&ran.out, &ran.err, &xml, &markdown] {
        assert!(!text.contains('\u{1b}') && !text.lines().any(|line| line.starts_with("::")), "{text}");
    }
    shell.write("gate.toml", text.replace("max_params", "\"max\\n::error ::params\""));
    let ran = shell.gnet_with(&[NO_LIBRARY], &["gate", "gate.toml"]);
    assert_eq!(ran.code, Some(INPUT), "{ran}");
    assert!(!ran.err.lines().any(|line| line.starts_with("::")), "{ran}");
}
