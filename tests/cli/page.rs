//! `gnet page`: from the documents that commands write to a page, what it refuses, and the pages of this repository.

use std::path::Path;

use serde_json::{Value, json};

use super::shell::{CHECK, DONE, INPUT, Shell};

const QUICK: &str = "--samples 2 --min-time 0 --warmup 1";

#[test]
fn a_page_is_made_of_what_the_commands_write() {
    let shell = Shell::with_model();
    let document = |line: &str, file: &str| _ = shell.write(file, shell.ok(&format!("{line} --format json")));
    document(&format!("bench model.onnx --batch 1,2 {QUICK}"), "bench.json");
    document("doctor", "doctor.json");
    document("verify model.onnx --against model.onnx --samples 2", "verify.json");
    shell.ok(&format!("bench model.onnx --threads 2 {QUICK} --save log.jsonl"));
    let line = "page doctor.json bench.json verify.json log.jsonl -o page.md --title Mine --note Today.";
    let ran = shell.gnet(line);
    assert_eq!((ran.code, ran.out.as_str()), (Some(DONE), ""), "{ran}");
    assert_eq!(ran.err, "page.md and 2 pictures of 4 documents\n");
    let page = String::from_utf8(shell.read("page.md")).unwrap();
    for part in [
        "# Mine\n\nToday.\n\nMeasured: 20",
        ".\n\n## The machine: ",
        "## model.onnx\n",
        "](page-latency-1.svg)",
        "| tract, threads 1 | 1 | ",
        "| tract, threads 2 | 1 | ",
        "## Agreement\n",
        "4. [log.jsonl](log.jsonl): gnet bench --save, 1 row, gnet ",
        "model.onnx has the SHA-256 ",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    let svg = String::from_utf8(shell.read("page-latency-1.svg")).unwrap();
    roxmltree::Document::parse(&svg).unwrap();
    shell.ok(&format!("{line} --check"));
    shell.write("page-latency-1.svg", svg.replace("<title", "<title "));
    let says = ["page.md: is not what these documents give: page-latency-1.svg differs or is missing", "--check"];
    shell.refuses(&format!("{line} --check"), CHECK, &says);
    shell.ok(line);
    assert_eq!(shell.read("page-latency-1.svg"), svg.as_bytes(), "the same documents give the same bytes");
}

#[test]
fn what_is_no_document_of_a_page_is_refused_by_name() {
    let shell = Shell::new();
    let environment = json!({"model": "g.onnx", "model_bytes": 9, "cpu": "A", "gnet": "0.1.0"});
    let run = |ms: f64| json!({"provider": "cpu", "batch": 1, "threads": 1, "latency_ms": {"p50": ms}});
    let bench = |ms: f64| json!({"environment": environment, "runs": [run(ms)]}).to_string();
    shell.write("good.json", bench(1.0)).write("wrong.json", bench(-1.0));
    shell
        .write("summary.json", "{\"subject\": \"g.onnx\", \"macs\": 1}")
        .write("text.json", "hello")
        .write("empty.json", "");
    for (documents, says) in [
        ("text.json", "text.json: is no JSON: expected value at line 1 column 1"),
        ("empty.json", "empty.json: is empty"),
        (
            "good.json summary.json",
            "summary.json: is none of the documents that a page shows: it has the keys macs, subject",
        ),
        (
            "wrong.json",
            "wrong.json: is not what `gnet bench` prints: runs[0]: latency_ms.p50: is not a number above 0: -1",
        ),
        ("good.json ./good.json", "./good.json: is the same document as good.json"),
        ("missing.json", "missing.json: there is no such file"),
    ] {
        shell.refuses(&format!("page {documents} -o page.md"), INPUT, &[says]);
    }
    shell.refuses("page -o page.md", INPUT, &["<DOCUMENT>"]);
    shell.refuses("page good.json", INPUT, &["--output <PAGE.md>"]);
    shell.refuses("page good.json -o page.html", INPUT, &["page.html: a page is Markdown, not .html"]);
    shell.refuses("page good.json -o no/page.md", INPUT, &["there is no folder no"]);
    // A document is not replaced, whatever it is called, nor is anything written beside it.
    std::fs::rename(shell.path("good.json"), shell.path("good.md")).unwrap();
    shell.refuses("page good.md -o good.md", INPUT, &["good.md: is an input, and no input is replaced"]);
    std::fs::rename(shell.path("good.md"), shell.path("page-latency-1.svg")).unwrap();
    shell.refuses("page page-latency-1.svg -o page.md", INPUT, &["page-latency-1.svg: is an input"]);
}

/// Calls of `gnet page` in a page, continued lines as one.
#[cfg(unix)]
fn calls(page: &str) -> Vec<String> {
    let joined = page.replace("\\\n", " ");
    joined.lines().filter_map(|line| line.strip_prefix("    gnet page ")).map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn the_pages_of_this_repository_are_what_their_documents_give() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let calls = calls(&std::fs::read_to_string(root.join("reports/gpu/README.md")).unwrap());
    assert!(!calls.is_empty());
    let bless = std::env::var_os("GNET_BLESS").is_some_and(|value| value == "1");
    for call in calls {
        let check = if bless { "" } else { "--check" };
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(format!("\"$0\" page {call} {check}")).arg(env!("CARGO_BIN_EXE_gnet")).current_dir(root);
        let ran = shell.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(
            ran.status.success(),
            "{said}`GNET_BLESS=1 cargo test --release --test cli the_pages_of_this_repository` writes them anew"
        );
    }
}

/// The series of a page are the numbers that PyTorch's script printed, and all of them.
#[test]
fn the_series_of_pytorch_are_what_was_measured() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/gpu/h100");
    let read = |name: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
    let (raw, page) = (read("pytorch-same-machine.json"), read("pytorch.json"));
    let mut measured = Vec::new();
    for row in raw["inference"].as_array().unwrap() {
        let model = if row["side"] == 224 { "g224.onnx" } else { "googlenet28.onnx" };
        let precision = row["precision"].as_str().unwrap().replace("tf32", "TF32");
        for (key, how) in [("eager_ms", ""), ("cuda_graph_ms", ", CUDA graph")] {
            measured.push(format!("PyTorch {precision}{how} {model} {} {}", row["batch"], row[key]));
        }
    }
    let mut shown = Vec::new();
    for series in page["series"].as_array().unwrap() {
        let (label, model) = (series["label"].as_str().unwrap(), series["model"].as_str().unwrap());
        let points = series["points"].as_array().unwrap();
        shown.extend(points.iter().map(|point| format!("{label} {model} {} {}", point["batch"], point["ms"])));
    }
    measured.sort();
    shown.sort();
    assert_eq!(measured, shown);
    assert_eq!((&page["date"], measured.len()), (&raw["date"], 40));
}

/// The check of a GPU with the processor in its place, as a script by itself in a folder: it leaves documents of all that ran, and
/// a page of them.
#[cfg(all(target_os = "linux", feature = "ort"))]
#[test]
fn the_gpu_check_leaves_documents_and_a_page_wherever_it_lies() {
    let Some(library) = super::runtimes::ort() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shell = Shell::new();
    let mut script = std::fs::read_to_string(root.join("scripts/gpu-check")).unwrap();
    for (from, to) in [
        ("/dev/nvidia[0-9]*", "/dev/null"),
        ("--require cuda", "--require cpu"),
        ("--provider cpu,cuda", "--provider tract,cpu"),
        ("--provider cuda --batch", "--provider cpu --samples 2 --min-time 0 --warmup 1 --batch"),
        ("--cuda-tf32", "--no-arena"),
    ] {
        assert!(script.contains(from), "{from}");
        script = script.replace(from, to);
    }
    shell.write("check", script).write("net.onnx", std::fs::read(root.join("tests/fixtures/dynamic.onnx")).unwrap());
    let mut bash = std::process::Command::new("bash");
    bash.args(["check", "--gnet", env!("CARGO_BIN_EXE_gnet"), "--model", "net.onnx", "--out", "found/", "--ort-lib"]);
    let ran = bash.arg(library).current_dir(shell.path("")).env("TMPDIR", shell.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(DONE), "{said}");
    assert!(ran.stdout.is_empty(), "{}", String::from_utf8_lossy(&ran.stdout));
    let mut left: Vec<_> =
        std::fs::read_dir(shell.path("found")).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    let expected = [
        "bench-net-f32.jsonl",
        "bench-net-tf32.jsonl",
        "doctor.json",
        "page-latency-1.svg",
        "page-modules-1.svg",
        "page-operations-1.svg",
        "page-throughput-1.svg",
        "page.md",
        "profile-net.jsonl",
        "verify-f32.json",
        "verify-tf32.json",
    ];
    assert_eq!(left, expected, "{said}");
    let page = String::from_utf8(shell.read("found/page.md")).unwrap();
    for part in ["## The machine: ", "## net.onnx\n", "## Where the time goes: net.onnx, cpu", "## Agreement\n"] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    let beside = std::fs::read_dir(shell.path("")).unwrap().map(|file| file.unwrap().file_name());
    let beside: Vec<_> = beside.filter(|name| name.to_string_lossy().starts_with("tmp.")).collect();
    assert!(beside.is_empty(), "its temporary folder is left: {beside:?}");
}
