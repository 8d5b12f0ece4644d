//! Every format of every command: JSON with its documented keys, CSV that a reader takes, Markdown, tables.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shell::Shell;
use super::trained::{SIDE, TEST, pixels, training};

/// One quick row.
const BENCH: &str = "bench model.onnx --samples 2 --min-time 0 --warmup 1";

/// Checks that an object has exactly these keys.
#[track_caller]
fn has_keys(value: &Value, expected: &str) {
    let found: BTreeSet<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(found, expected.split_whitespace().collect());
}

/// The document of a command, its `schema_version` first.
#[track_caller]
fn document(shell: &Shell, line: &str, expected: &str) -> Value {
    let text = shell.ok(&format!("{line} --format json"));
    assert!(text.starts_with("{\n  \"schema_version\": 1,\n"), "{text}");
    assert!(text.ends_with("}\n"), "{text}");
    let value: Value = serde_json::from_str(&text).unwrap();
    has_keys(&value, &format!("schema_version {expected}"));
    value
}

#[test]
fn json_of_compare() {
    let value = document(&Shell::new(), "compare --check", "blocks measured absent");
    let blocks = value["blocks"].as_array().unwrap();
    let keys = "name weights params macs flops printed_params printed_flops nodes products channels moved_bytes \
                moved_without_macs_bytes";
    blocks.iter().for_each(|block| has_keys(block, keys));
    let printed: Vec<_> = blocks
        .iter()
        .map(|b| [&b["name"], &b["printed_params"], &b["printed_flops"]].map(|v| v.as_str().unwrap()).join(" "))
        .collect();
    assert_eq!(printed, ["inception 0.16M 128M", "conv3x3 0.44M 346M", "conv5x5 1.22M 963M"]);
    for (block, [weights, params, macs]) in blocks.iter().zip([
        [163_328, 163_696, 128_049_152_u64],
        [442_368, 442_624, 346_816_512],
        [1_228_800, 1_229_056, 963_379_200],
    ]) {
        assert_eq!([&block["weights"], &block["params"], &block["macs"]], [weights, params, macs]);
        assert_eq!(block["flops"], 2 * macs);
    }
    assert_eq!((&value["measured"], &value["absent"]), (&Value::from([0; 0]), &Value::from([0; 0])), "not asked for");
}

#[cfg(feature = "tract")]
#[test]
fn json_of_compare_measured() {
    let value = document(&Shell::new(), "compare --measure --provider tract --pairs 1", "blocks measured absent");
    let [tract] = &value["measured"].as_array().unwrap()[..] else { panic!("{value}") };
    has_keys(tract, "provider statistic times savings");
    let names = |list: &Value, key: &str| {
        list.as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&tract["times"], "name"), ["inception", "conv3x3", "conv5x5"]);
    assert_eq!(names(&tract["savings"], "over"), ["conv3x3", "conv5x5"]);
    for time in tract["times"].as_array().unwrap() {
        has_keys(time, "name p50_ms min_ms gmacs_per_s");
        assert!(time["p50_ms"].as_f64().unwrap() >= time["min_ms"].as_f64().unwrap(), "{time}");
    }
    for saving in tract["savings"].as_array().unwrap() {
        has_keys(saving, "over in_macs in_time interval confidence pairs disturbed");
        assert!(saving["interval"].is_null(), "one pair has none");
    }
}

#[test]
fn json_of_the_papers_table() {
    let value = document(&Shell::new(), "compare --paper", "rows weights macs");
    let rows = value["rows"].as_array().unwrap();
    rows.iter().for_each(|row| has_keys(row, "name paper_params weights paper_ops macs"));
    let row = rows.iter().find(|row| row["name"].as_str().unwrap().contains("3a")).unwrap();
    assert_eq!([&row["weights"], &row["macs"]], [163_328, 128_049_152]);
}

#[test]
fn json_of_summary() {
    let shell = Shell::with_model();
    let keys = "subject convention batch batch_axis params weights macs flops memory read_bytes written_bytes intensity layers heads \
                uncounted";
    for line in ["summary model.onnx", "summary --preset d2l", "summary --preset bn-aux --image-size 28 --depth 1"] {
        let value = document(&shell, line, keys);
        let layers = value["layers"].as_array().unwrap();
        let columns = "name op inside output_shape params weights macs flops live_bytes read_bytes written_bytes intensity \
                       uncounted";
        layers.iter().for_each(|layer| has_keys(layer, columns));
        has_keys(&value["memory"], "peak_bytes peak_at constant_bytes");
        assert_eq!(value["uncounted"], serde_json::json!([]), "gnet counts what it exports");
        for what in ["params", "weights", "macs"] {
            let sum: u64 = layers.iter().map(|layer| layer[what].as_u64().unwrap()).sum();
            assert_eq!(sum, value[what], "{what} of the layers of `{line}` add up to the total");
        }
        assert_eq!(value["flops"], 2 * value["macs"].as_u64().unwrap());
    }
    let file = shell.json("summary model.onnx");
    assert_eq!((&file["params"], &file["heads"]), (&Value::from(5_977_530), &Value::Null), "folded and pruned");
    let trained = shell.json("summary --preset bn-aux --image-size 224 --channels 3 --classes 1000");
    assert_eq!(trained["params"], 13_385_816);
    assert_eq!(trained["heads"]["params"], 13_385_816 - 7_005_832);
    has_keys(&trained["heads"], "params weights macs");
}

#[test]
fn a_summary_shows_the_largest_rows_and_their_share() {
    let shell = Shell::with_model();
    let rows = |more: &str| {
        let text = shell.ok(&format!("summary model.onnx --format csv {more}"));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let column = |name: &str| reader.headers().unwrap().iter().position(|its| its == name).unwrap();
        let columns = ["layer", "params", "macs", "share_percent", "live_bytes", "bytes_moved"].map(column);
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        rows.into_iter().map(|row| columns.map(|place| row[place].to_owned())).collect::<Vec<_>>()
    };
    let number = |row: &[String; 6], place: usize| row[place].parse::<f64>().unwrap();
    let all = rows("");
    let shares: f64 = all.iter().map(|row| number(row, 3)).sum();
    assert!((shares - 100.0).abs() < 1e-9, "{shares}");
    for (key, place) in [("params", 1), ("macs", 2), ("memory", 4), ("moved", 5)] {
        let sorted = rows(&format!("--sort {key}"));
        assert_eq!(sorted.len(), all.len());
        assert!(sorted.is_sorted_by(|a, b| number(a, place) >= number(b, place)), "{key}");
        assert_eq!(rows(&format!("--sort {key} --top 3")), sorted[..3], "{key}");
    }
    let sum: f64 = rows("--sort params").iter().map(|row| number(row, 3)).sum();
    assert!((sum - 100.0).abs() < 1e-9, "the share is of what is sorted by: {sum}");
    assert_eq!(rows("--top 4"), rows("--sort macs")[..4]);
    assert_eq!(shell.json("summary model.onnx --top 1")["layers"], shell.json("summary model.onnx")["layers"]);
    let text = shell.ok("summary model.onnx --top 2");
    assert!(text.contains(&format!("\n2 of {} rows, by MACs, with ", all.len())), "{text}");
    shell.refuses("summary model.onnx --tree --top 2", super::shell::INPUT, &["cannot be used with"]);
}

#[test]
fn json_of_bench() {
    let shell = Shell::with_model();
    let value = document(&shell, &format!("{BENCH} --batch 1,3 --threads 1,2"), "environment not_run runs sweep");
    let runs = value["runs"].as_array().unwrap();
    for run in runs {
        has_keys(&run["latency_ms"], "min mean p25 p50 p75 p90 p99");
        assert!(run["latency_ms"]["p90"].is_null(), "2 samples do not support a p90: {run}");
        assert_eq!((&run["provider"], &run["samples"]), (&Value::from("tract"), &Value::from(2)));
        assert!(run["gmacs_per_s"].as_f64().unwrap() > 0.0 && run["load_ms"].as_f64().unwrap() > 0.0);
    }
    let rows: Vec<_> = runs.iter().map(|run| (run["batch"].as_u64(), run["threads"].as_u64())).collect();
    assert_eq!(rows, [(1, 1), (1, 2), (3, 1), (3, 2)].map(|(batch, threads)| (Some(batch), Some(threads))));
    let note = runs[1]["notes"][0].as_str().unwrap();
    assert!(note.starts_with("uses 1 of 2 threads: "), "{note}");
}

#[test]
fn json_of_train_and_export() {
    let ran = training();
    assert!(ran.out.starts_with("{\n  \"schema_version\": 1,\n"), "{ran}");
    let outcome: Value = serde_json::from_str(&ran.out).unwrap();
    has_keys(&outcome, "schema_version test_accuracy validation_accuracy epochs images_per_s checkpoint");
    assert_eq!((&outcome["epochs"], &outcome["checkpoint"]), (&Value::from(2), &Value::from("run/best")));
    let lines: Vec<_> = ran.err.lines().collect();
    assert!(lines[0].starts_with("data: data, 30 training and 10 validation images; network: "), "{ran}");
    assert_eq!(lines[3..], ["next: gnet export run -o model.onnx"], "{ran}");
    assert!(lines[1].starts_with("epoch 1/2  ") && lines[2].starts_with("epoch 2/2  "), "{ran}");

    let shell = Shell::with_run();
    let keys = "path bytes nodes params pruned_params max_abs_diff redrawn opset pruned_outputs steps refused";
    let value = document(&shell, "export run -o x.onnx", keys);
    value["steps"].as_array().unwrap().iter().for_each(|step| has_keys(step, "step nodes params bytes"));
    assert_eq!([&value["params"], &value["pruned_params"]], [5_977_530, 418_324]);
    assert_eq!(value["bytes"], shell.read("x.onnx").len());
    assert_eq!(value["pruned_outputs"], serde_json::json!(["aux1", "aux2"]));
    assert!(value["max_abs_diff"].as_f64().unwrap() >= 0.0);
    assert!(document(&shell, "export run -o x.onnx --no-verify", keys)["max_abs_diff"].is_null());
}

#[test]
fn json_of_eval_and_predict() {
    let shell = Shell::with_run();
    let keys = "subject data split images top1 loss per_class predictions";
    for subject in ["run", "model.onnx"] {
        let value = document(&shell, &format!("eval {subject} --data data"), keys);
        assert_eq!((&value["split"], &value["images"]), (&Value::from("test"), &Value::from(TEST)));
        value["per_class"].as_array().unwrap().iter().for_each(|row| has_keys(row, "class images correct accuracy"));
        assert_eq!(value["predictions"].as_array().unwrap().len(), TEST);
        let correct: u64 = value["per_class"].as_array().unwrap().iter().map(|r| r["correct"].as_u64().unwrap()).sum();
        assert!((correct as f64 / TEST as f64 - value["top1"].as_f64().unwrap()).abs() < 1e-12);
    }
    picture(&shell, "a.png");
    let value = document(&shell, "predict model.onnx a.png --top 10", "predictions");
    let prediction = &value["predictions"][0];
    has_keys(prediction, "image class probability top");
    let top = prediction["top"].as_array().unwrap();
    top.iter().for_each(|class| has_keys(class, "index class probability"));
    assert_eq!((&top[0]["class"], top.len()), (&prediction["class"], 10));
    let sum: f64 = top.iter().map(|class| class["probability"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
}

/// Writes a picture.
pub fn picture(shell: &Shell, name: &str) {
    let image = image::GrayImage::from_raw(SIDE as u32, SIDE as u32, pixels(1, SIDE, 7)).unwrap();
    image.save(shell.path(name)).unwrap();
}

/// Every command that reports, quick.
fn reports() -> (Shell, Vec<String>) {
    let shell = Shell::with_run();
    picture(&shell, "a.png");
    let lines = [
        "summary model.onnx",
        "summary --preset bn-aux --depth 1",
        "summary model.onnx --tree",
        "compare",
        "compare --paper",
        BENCH,
    ]
    .into_iter()
    .chain(["eval model.onnx --data data", "predict model.onnx a.png", "export run -o x.onnx --no-verify"])
    .chain(["train --resume --out run"]);
    (shell, lines.map(str::to_owned).collect())
}

#[test]
fn csv_is_a_header_and_rows_of_as_many_fields() {
    let (shell, lines) = reports();
    for line in lines {
        let text = shell.ok(&format!("{line} --format csv"));
        // An empty line is between two tables.
        for table in text.split("\n\n") {
            let mut reader = csv::Reader::from_reader(table.as_bytes());
            let header = reader.headers().unwrap().clone();
            let plain = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            assert!(header.iter().all(|name| !name.is_empty() && plain(name)), "{line}: {header:?}");
            assert_eq!(header.iter().collect::<BTreeSet<_>>().len(), header.len(), "{line}: a name twice: {header:?}");
            let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
            assert!(!rows.is_empty(), "{line}");
            for row in rows {
                assert!(!row[0].is_empty(), "{line}: each row says what it is about: {row:?}");
            }
        }
    }
    assert!(shell.ok("eval run --format csv").starts_with("class,images,correct,accuracy_percent\n"));
}

#[test]
fn markdown_has_a_header_row_and_a_ruler() {
    let (shell, lines) = reports();
    for line in lines {
        let text = shell.ok(&format!("{line} --format markdown"));
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert!(rows.len() >= 3, "{line}: {text}");
        let cells = |row: &str| row.replace("\\|", "").matches('|').count();
        assert!(rows[1].chars().all(|c| matches!(c, '|' | ':' | '-')), "{line}: {}", rows[1]);
        assert!(rows.iter().all(|row| cells(row) == cells(rows[0])), "{line}: {text}");
    }
}

#[test]
fn a_table_is_for_people_and_is_the_default() {
    let (shell, lines) = reports();
    for line in lines {
        let ran = shell.gnet(&line);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(ran.out.contains("────"), "a ruler: {ran}");
        assert!(!ran.out.contains('{') && !ran.out.contains("\":"), "no JSON: {ran}");
        assert!(!ran.out.contains("schema_version") && !ran.out.contains('|'), "{ran}");
    }
    assert_eq!(shell.ok("compare"), shell.ok("compare --format table"));
}

#[test]
fn no_color_is_heeded() {
    let shell = Shell::new();
    for words in [["compare", "--check"], ["compare", "--chekc"]] {
        let ran = shell.gnet_with(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], &words);
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{ran}");
    }
}
