use serde_json::{Value, json};

use super::*;

fn run(provider: &str, batch: u64, ms: f64, settings: &Value) -> Value {
    json!({"provider": provider, "batch": batch, "threads": 1, "latency_ms": {"p50": ms}, "settings": settings})
}

fn bench(model: &str, runs: &[Value]) -> Value {
    json!({"environment": {"model": model, "model_bytes": 9, "cpu": "A processor", "gnet": "0.1.0"}, "runs": runs})
}

/// Puts documents into a folder of their own and reads them in the order of their names.
fn documents(all: &[(&str, Value)]) -> (tempfile::TempDir, Vec<Document>) {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = all.iter().map(|(name, _)| dir.path().join(name)).collect();
    for (path, (_, document)) in paths.iter().zip(all) {
        std::fs::write(path, document.to_string()).unwrap();
    }
    let read = read(&paths).unwrap();
    (dir, read)
}

fn page(all: &[(&str, Value)]) -> Page {
    let (dir, read) = documents(all);
    let place = dir.path().join("p.md");
    let page = compose(&read, &PageOptions::default(), &place).unwrap();
    assert_eq!(
        page,
        compose(&read, &PageOptions::default(), &place).unwrap(),
        "the same documents give the same bytes"
    );
    page
}

fn text(page: &Page) -> &str {
    &page.files.last().unwrap().1
}

/// Lines of the tables, without what aligns them.
fn rows(page: &Page) -> Vec<&str> {
    text(page).lines().filter(|line| line.starts_with("| ")).collect()
}

#[test]
fn settings_are_named_by_what_tells_them_apart_and_set_beside_another_program() {
    let plain = json!({"cuda_tf32": "off", "cuda_conv_search": "exhaustive", "arena": "on"});
    let fast = json!({"cuda_tf32": "on", "cuda_conv_search": "heuristic", "arena": "on"});
    let series = json!({"source": "PyTorch 2", "statistic": "mean", "date": "2026-11-27",
        "series": [{"label": "eager", "model": "g.onnx", "points": [{"batch": 1, "ms": 4.0}, {"batch": 8, "ms": 6.0}]}]});
    let page = page(&[
        ("a.json", bench("g.onnx", &[run("cuda", 1, 2.0, &plain), run("cuda", 8, 2.5, &plain)])),
        ("b.json", bench("g.onnx", &[run("cuda", 8, 1.5, &fast)])),
        ("c.json", series),
    ]);
    let expected = [
        "| setting | batch | time (ms) | which is | images/s | document |",
        "| cuda, conv search exhaustive | 1 | 2.00 | p50 | 500 | 1 |",
        "| cuda, conv search exhaustive | 8 | 2.50 | p50 | 3,200 | 1 |",
        "| cuda, conv search heuristic, tf32 | 8 | 1.50 | p50 | 5,333 | 2 |",
        "| eager | 1 | 4.00 | mean | 250 | 3 |",
        "| eager | 8 | 6.00 | mean | 1,333 | 3 |",
    ];
    assert_eq!(rows(&page), expected, "{}", text(&page));
    for part in [
        "# A processor\n",
        "## g.onnx\n\nThe file has 9 B.\n\nDashed lines were measured by other programs.\n",
        "](p-latency-1.svg)",
        "](p-throughput-1.svg)",
        "cuda: arena on, A processor, threads 1",
        "1. [a.json](a.json): gnet bench, 2 rows, gnet 0.1.0\n",
        "3. [c.json](c.json): 2 rows of another program: PyTorch 2; 2026-11-27\n",
    ] {
        assert!(text(&page).contains(part), "{part} in\n{}", text(&page));
    }
    let names: Vec<_> = page.files.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["p-latency-1.svg", "p-throughput-1.svg", "p.md"]);
    assert_eq!(page.files[0].1.matches("stroke-dasharray").count(), 2, "the line of the other program, and its sample");
}

#[test]
fn rows_of_one_setting_in_two_documents_are_named_after_them() {
    let none = json!({});
    let page = page(&[
        ("old.json", bench("g.onnx", &[run("tract", 1, 2.0, &none)])),
        ("new.json", bench("g.onnx", &[run("tract", 1, 1.0, &none), run("tract", 2, 1.9, &none)])),
        ("other.json", bench("h.onnx", &[run("tract", 1, 3.0, &none), run("cpu", 1, 1.0, &none)])),
    ]);
    let named: Vec<_> = rows(&page).iter().map(|row| row.split(" | ").next().unwrap().to_owned()).collect();
    let expected = ["| setting", "| tract (old)", "| tract (new)", "| tract (new)", "| setting", "| tract", "| cpu"];
    assert_eq!(named, expected);
    // A single batch is shown by bars.
    let (path, bars) = &page.files[2];
    assert!(path.ends_with("p-latency-2.svg") && bars.find(">cpu</text>") < bars.find(">tract</text>"), "{bars}");
    assert_eq!(page.files.len(), 4);
}

#[test]
fn a_profile_stands_apart_from_the_same_row_without_one() {
    let none = json!({});
    let mut profiled = run("cuda", 8, 2.6, &none);
    let operator = |layer: &str, op: &str, share: f64| {
        json!({"layer": layer, "op": op, "provider": "CUDA", "output_shape": [8], "calls": 20, "mean_ms": 2.0 * share,
            "share": share, "macs": null, "gmacs_per_s": null})
    };
    let operators =
        [operator("a.x/Conv", "Conv", 0.5), operator("b.y/Conv", "Conv", 0.25), operator("a.z/Relu", "Relu", 0.25)];
    profiled["profile"] = json!({"kernels_ms": 40.0, "operators": operators});
    let page = page(&[
        ("a.json", bench("g.onnx", &[run("cuda", 8, 2.5, &none), run("cuda", 1, 1.0, &none)])),
        ("b.json", bench("g.onnx", std::slice::from_ref(&profiled))),
    ]);
    let text = text(&page);
    assert!(text.contains("| cuda | 8 | 2.50 |") && !text.contains("| cuda | 8 | 2.60 |"), "{text}");
    assert!(text.contains("## Where the time goes: g.onnx, cuda, batch 8\n"), "{text}");
    assert!(
        text.contains("In the profile all kernels of a run took 2.00 ms; without it a run took 2.60 ms."),
        "{text}"
    );
    let picture = |name: &str| {
        let found = page.files.iter().find(|(path, _)| path.ends_with(name));
        &found.unwrap_or_else(|| panic!("{name}")).1
    };
    for part in [">a</text>", ">75.0 %, 1.50 ms</text>", ">b</text>", ">25.0 %, 0.500 ms</text>"] {
        assert!(picture("p-modules-1.svg").contains(part), "{part} in {}", picture("p-modules-1.svg"));
    }
    assert!(picture("p-operations-1.svg").contains(">Conv</text>"));
    // A row that was measured with its profile alone stands in the table.
    profiled["copies"] = json!({"with_copies_ms": {"p50": 3.0}});
    let alone = self::page(&[("b.json", bench("g.onnx", &[profiled]))]);
    assert!(self::text(&alone).contains("| cuda | 8 | 2.60 |"));
    // A device computes while the processor goes on.
    assert!(
        self::text(&alone).contains("took to start each kernel on the device")
            && !text.contains("to start each kernel")
    );
}

#[test]
fn names_are_data_in_the_page_and_in_its_pictures() {
    let name = "a|b](x)<script>&\"\u{1b}[31m\u{202e}\n::error ::x `c` ".repeat(20);
    let settings = json!({name.clone(): name, "t": "on"});
    let mut one = run(&name, 1, 1.0, &settings);
    one["notes"] = json!([name]);
    one["profile"] = json!({"kernels_ms": 1.0, "operators": [{"layer": name, "op": name, "provider": name,
        "output_shape": [], "calls": 1, "mean_ms": 1.0, "share": 1.0, "macs": null, "gmacs_per_s": null}]});
    let mut document = bench(&name, &[one, run(&name, 2, 1e-30, &json!({})), run("cpu", 2, 1e30, &json!({}))]);
    document["not_run"] = json!([name]);
    document["environment"]["cpu"] = name.clone().into();
    let row = json!({"output": name, "inputs": name, "images": 1, "largest": 1.0, "max_abs_diff": 0.0, "accepted": 1.0,
        "verdict": "disagree"});
    let verify = json!({"passed": false, "reference": name, "tolerance": {"precision": name}, "comparisons": [
        {"subject": name, "verdict": "disagree", "reason": name, "rows": [row]}]});
    let doctor = json!({"cpu": {"name": name}, "limits": {}, "gpus": {"driver": name, "devices": [{"name": name}]},
        "onnxruntime": {"reason": name}, "providers": [{"provider": name, "usable": false, "reason": name}]});
    let series = json!({"source": name, "statistic": name, "device": name,
        "series": [{"label": name, "model": name, "points": [{"batch": u64::MAX, "ms": 1e300}]}]});
    let (dir, read) = documents(&[("a.json", document), ("b.json", verify), ("c.json", doctor), ("d.json", series)]);
    let options = PageOptions { notes: vec![name.clone(), " \n".into()], ..PageOptions::default() };
    for place in ["p.md", "a b)<c>.md"] {
        let page = compose(&read, &options, &dir.path().join(place)).unwrap();
        for (path, text) in &page.files {
            assert!(!text.contains("<script"), "{text}");
            assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text}");
            assert!(!text.lines().any(|line| line.starts_with("::")), "{text}");
            if path.extension().is_some_and(|end| end == "svg") {
                roxmltree::Document::parse(text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            }
        }
        let text = text(&page);
        let bare = text.replace("\\\\", "").replace("\\|", "").replace("\\]", "").replace("\\[", "");
        let links = bare.matches("](").count();
        assert_eq!(links, page.files.len() - 1 + read.len(), "a link for each picture and each document: {text}");
        for table in bare.split("\n\n").filter(|part| part.starts_with("| ")) {
            let cells: std::collections::BTreeSet<_> = table.lines().map(|line| line.matches('|').count()).collect();
            assert_eq!(cells.len(), 1, "{table}");
        }
        assert!(!text.contains("](a b)"), "a target is encoded: {text}");
    }
}

#[test]
fn what_was_written_is_what_is_checked_and_no_input_is_replaced() {
    let (dir, read) = documents(&[("a.json", bench("g.onnx", &[run("cpu", 1, 2.0, &json!({}))]))]);
    let page = compose(&read, &PageOptions::default(), &dir.path().join("p.md")).unwrap();
    let error = page.check().unwrap_err();
    assert!(
        error.to_string().contains("p-latency-1.svg") && error.to_string().ends_with("differ or are missing"),
        "{error}"
    );
    page.write().unwrap();
    page.check().unwrap();
    std::fs::write(dir.path().join("p-latency-1.svg"), "other").unwrap();
    let error = page.check().unwrap_err();
    assert_eq!(error.kind(), gnet_core::ErrorKind::Check);
    assert!(error.to_string().ends_with("p-latency-1.svg differs or is missing"), "{error}");
    page.write().unwrap();
    page.check().unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
}

#[test]
fn a_document_given_twice_and_no_document_are_refused() {
    let (dir, _) = documents(&[("a.json", bench("g.onnx", &[run("cpu", 1, 2.0, &json!({}))]))]);
    let path = dir.path().join("a.json");
    let again = dir.path().join("./a.json");
    let error = read(&[path.clone(), again]).unwrap_err().to_string();
    assert!(error.ends_with(&format!("a.json: is the same document as {}", path.display())), "{error}");
    let error = compose(&[], &PageOptions::default(), &dir.path().join("p.md")).unwrap_err();
    assert!(error.to_string().ends_with("there is no document to make it of"), "{error}");
    // Two verifications may well have found the same, digit by digit.
    let copy = dir.path().join("b.json");
    std::fs::copy(&path, &copy).unwrap();
    let read = read(&[path, copy]).unwrap();
    assert!(compose(&read, &PageOptions::default(), Path::new("..")).is_err());
}
