//! Benchmarks in the formats of two programs that keep them over time.
//!
//! * Bencher: [Bencher Metric Format](https://bencher.dev/docs/reference/bencher-metric-format), an object of benchmarks, each
//!   an object of measures with a `value` and, where it has bounds, a `lower_value` and an `upper_value`; names of benchmarks
//!   have at most 1,024 characters. Its own measures are `latency` in nanoseconds, `throughput` in operations per second
//!   ([custom benchmarks](https://bencher.dev/docs/how-to/track-custom-benchmarks)) and `file-size` in bytes
//!   ([file size](https://bencher.dev/docs/how-to/track-file-size)); it makes others when they first come.
//! * [github-action-benchmark](https://github.com/benchmark-action/github-action-benchmark) with `tool:
//!   customSmallerIsBetter`: a list of objects with `name`, `unit` and `value`, and optional texts `range`, of the form
//!   `± 0.5`, and `extra`.
//!
//! Both know a benchmark by its name alone, so that a name holds what makes two rows two: the file, the provider, the batch,
//! the threads and the sizes that were given, and nothing that changes from run to run.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use gnet_core::Result;
use gnet_core::report::{json, number, visible};
use gnet_core::words::counted;

use super::{Measurement, Run};

/// A program that keeps benchmarks over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tracker {
    /// Bencher, in its metric format.
    Bencher,
    /// The GitHub action github-action-benchmark, as `customSmallerIsBetter`.
    GithubBenchmark,
}

gnet_core::named!(Tracker, "tracker", [Bencher = "bencher", GithubBenchmark = "github-benchmark"]);

impl Tracker {
    /// Returns the rows of a measurement as the tracker reads them: JSON that ends with a newline. A latency is the median of
    /// a row's runs, its bounds are the quartiles.
    ///
    /// # Errors
    /// Fails if the JSON cannot be written.
    pub fn export(self, measurement: &Measurement) -> Result<String> {
        match self {
            Self::Bencher => json::text(&bencher(measurement)),
            Self::GithubBenchmark => json::text(&github(measurement)),
        }
    }
}

/// Largest number of characters in a name, by Bencher's documentation.
const LONGEST: usize = 1024;

/// Returns the name of the file, which leaves room for what a row adds to it.
fn file(measurement: &Measurement) -> String {
    cut(&visible(&measurement.environment.model), LONGEST / 2)
}

/// Returns a name for each row, no two the same and none that of the file.
fn names(measurement: &Measurement) -> Vec<String> {
    let mut taken = BTreeSet::from([file(measurement)]);
    let name = |run: &Run| {
        let sizes = run.dims.iter().map(|(symbol, size)| format!(", {symbol} = {size}"));
        let whole = format!("{}, {}{}", file(measurement), run.label(), visible(&sizes.collect::<String>()));
        // A row that was asked for twice stands there twice.
        let numbered = (1..).map(|n| if n == 1 { String::new() } else { format!(", {n}") });
        let mut fresh = numbered.map(|end| cut(&whole, LONGEST - end.len()) + &end);
        fresh.find(|name| taken.insert(name.clone())).unwrap_or_default()
    };
    measurement.runs.iter().map(name).collect()
}

fn cut(name: &str, longest: usize) -> String {
    if name.chars().count() <= longest {
        return name.to_owned();
    }
    name.chars().take(longest - 1).chain(['…']).collect()
}

/// A measure of Bencher's.
#[derive(Debug, Serialize)]
struct Metric {
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper_value: Option<f64>,
}

type Measures = BTreeMap<&'static str, Metric>;

fn bencher(measurement: &Measurement) -> BTreeMap<String, Measures> {
    let plain = |value| Metric { value, lower_value: None, upper_value: None };
    let nanos = |ms: f64| (ms * 1e6).round();
    let measures = |run: &Run| {
        let latency = &run.latency_ms;
        let bounds = (Some(nanos(latency.p25)), Some(nanos(latency.p75)));
        let median = Metric { value: nanos(latency.p50), lower_value: bounds.0, upper_value: bounds.1 };
        let copied = run.copies.as_ref().map(|copies| plain(nanos(copies.with_copies_ms.p50)));
        [
            ("latency", Some(median)),
            ("fastest-run", Some(plain(nanos(latency.min)))),
            ("latency-with-copies", copied),
            ("throughput", run.images_per_s.map(plain)),
            ("peak-memory", run.peak_rss_bytes.map(|bytes| plain(bytes as f64))),
        ]
        .into_iter()
        .filter_map(|(name, metric)| Some((name, metric?)))
        .collect()
    };
    let size = Measures::from([("file-size", plain(measurement.environment.model_bytes as f64))]);
    let rows = names(measurement).into_iter().zip(measurement.runs.iter().map(measures));
    rows.chain([(file(measurement), size)]).collect()
}

/// An entry of github-action-benchmark's.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    unit: &'static str,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra: Option<String>,
}

fn github(measurement: &Measurement) -> Vec<Entry> {
    let plain = |name, unit, value| Entry { name, unit, value, range: None, extra: None };
    let mut entries = vec![plain(file(measurement), "bytes", measurement.environment.model_bytes as f64)];
    for (name, run) in names(measurement).into_iter().zip(&measurement.runs) {
        let latency = &run.latency_ms;
        entries.push(Entry {
            name: name.clone(),
            unit: "ms",
            value: latency.p50,
            range: Some(format!("± {:.6}", (latency.p75 - latency.p25) / 2.0)),
            extra: Some(extra(measurement, run)),
        });
        if let Some(bytes) = run.peak_rss_bytes {
            entries.push(plain(name + ": peak memory", "bytes", bytes as f64));
        }
    }
    entries
}

/// Returns what a tooltip says of a row.
fn extra(measurement: &Measurement, run: &Run) -> String {
    let (environment, latency) = (&measurement.environment, &run.latency_ms);
    let runs = counted(number::thousands(run.samples as i128), "run");
    [
        format!("median of {runs}, half of the distance between the quartiles as the range"),
        format!("fastest {:.6} ms, mean {:.6} ms", latency.min, latency.mean),
        format!("{}, gnet {}", environment.cpu, environment.gnet),
    ]
    .iter()
    .chain(&run.notes)
    .map(|line| visible(line).into_owned())
    .collect::<Vec<_>>()
    .join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::record::sample;
    use super::super::{Copies, Latency};
    use super::*;

    fn exported(tracker: Tracker, measurement: &Measurement) -> Value {
        serde_json::from_str(&tracker.export(measurement).unwrap()).unwrap()
    }

    #[test]
    fn bencher_gets_nanoseconds_with_their_quartiles() {
        let mut measurement = sample();
        assert_eq!(
            exported(Tracker::Bencher, &measurement),
            json!({
                "net.onnx": {"file-size": {"value": 24_000_000.0}},
                "net.onnx, tract, batch 8, 2 threads": {
                    "fastest-run": {"value": 9_500_000.0},
                    "latency": {"value": 9_876_000.0, "lower_value": 9_700_000.0, "upper_value": 10_100_000.0},
                    "peak-memory": {"value": 67_108_864.0},
                    "throughput": {"value": 800.0},
                },
            })
        );
        let of = |p50: f64| Latency { min: p50, mean: p50, p25: p50, p50, p75: p50, p90: None, p99: None };
        let run = &mut measurement.runs[0];
        (run.images_per_s, run.peak_rss_bytes) = (None, None);
        run.copies = Some(Copies {
            to_device_ms: of(0.25),
            from_device_ms: of(0.25),
            with_copies_ms: of(10.5),
            images_per_s: None,
        });
        let row = &exported(Tracker::Bencher, &measurement)["net.onnx, tract, batch 8, 2 threads"];
        assert_eq!(row["latency-with-copies"], json!({"value": 10_500_000.0}));
        assert_eq!(row.as_object().unwrap().len(), 3, "what is unknown is left out: {row}");
    }

    #[test]
    fn the_action_gets_milliseconds_and_bytes() {
        let got = exported(Tracker::GithubBenchmark, &sample());
        let row = "net.onnx, tract, batch 8, 2 threads";
        assert_eq!(got[0], json!({"name": "net.onnx", "unit": "bytes", "value": 24_000_000.0}));
        assert_eq!(got[1]["name"], row);
        assert_eq!((&got[1]["unit"], &got[1]["value"]), (&json!("ms"), &json!(9.876)));
        assert_eq!(got[1]["range"], "± 0.200000");
        let extra = got[1]["extra"].as_str().unwrap();
        assert!(
            extra.starts_with("median of 64 runs, ") && extra.ends_with("\nA processor, gnet 0.1.0\na note"),
            "{extra}"
        );
        assert_eq!(got[2], json!({"name": format!("{row}: peak memory"), "unit": "bytes", "value": 67_108_864.0}));
        assert_eq!(got.as_array().unwrap().len(), 3);
    }

    #[test]
    fn a_name_says_what_makes_two_rows_two_and_no_two_are_the_same() {
        let mut measurement = sample();
        let row = measurement.runs[0].clone();
        let mut other = row.clone();
        other.dims.insert("T".into(), 128);
        measurement.runs.extend([other, row.clone(), row]);
        let name = "net.onnx, tract, batch 8, 2 threads";
        let expected = [name.to_owned(), format!("{name}, T = 128"), format!("{name}, 2"), format!("{name}, 3")];
        assert_eq!(names(&measurement), expected);
        assert_eq!(exported(Tracker::Bencher, &measurement).as_object().unwrap().len(), 5);
        // Whatever differs from run to run.
        let before = names(&measurement);
        for run in &mut measurement.runs {
            (run.started, run.latency_ms.p50, run.samples) = (String::new(), 1.0, 1);
            run.settings.clear();
        }
        assert_eq!(names(&measurement), before);
    }

    #[test]
    fn a_name_forges_nothing_and_is_no_longer_than_bencher_takes() {
        let mut measurement = sample();
        measurement.environment.model = "a\n##[error]\u{1b}[31m\u{202e}.onnx".into();
        measurement.environment.cpu = "c\u{7}pu\n::error ::x".into();
        for tracker in Tracker::ALL {
            let text = tracker.export(&measurement).unwrap();
            assert!(text.contains(r"a\\n#\\u{23}[error]\\u{1b}[31m\\u{202e}.onnx, tract"), "{text}");
            assert!(!text.chars().any(|c| c.is_control() && c != '\n') && !text.contains("##"), "{text}");
        }
        measurement.environment.model = "é\u{1b}".repeat(400);
        let mut long = measurement.runs[0].clone();
        long.dims.insert("T".repeat(2000), 1);
        measurement.runs.extend([long.clone(), long]);
        let names = names(&measurement);
        assert!(names[0].ends_with("…, tract, batch 8, 2 threads"), "{names:?}");
        assert!(names[1].ends_with("TT…") && names[2].ends_with("T…, 2"), "{names:?}");
        assert!(names.iter().all(|name| name.chars().count() <= LONGEST), "{names:?}");
    }
}
