//! Rows that another program measured, in a format that is easily written by hand or by a script: `gnet page` in the README shows it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::row::{Network, Row, batch, day, positive};

/// The format. A key that is misspelt is refused, since nothing else would tell.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    series: Vec<Series>,
    source: String,
    statistic: Option<String>,
    device: Option<String>,
    date: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Series {
    label: String,
    model: String,
    points: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    batch: u64,
    ms: f64,
}

/// Reads a document of series: its rows, and where they are from.
pub fn document(document: &Map<String, Value>) -> Result<(Vec<Row>, String), String> {
    let document: Document = serde_json::from_value(Value::Object(document.clone())).map_err(|e| e.to_string())?;
    let date = document.date.as_deref().map(|date| day("date", date)).transpose()?;
    let mut rows = Vec::new();
    for (place, series) in document.series.into_iter().enumerate() {
        if series.points.is_empty() {
            return Err(format!("series[{place}]: has no point"));
        }
        for (point, Point { batch: items, ms }) in series.points.into_iter().enumerate() {
            let named = |reason| format!("series[{place}].points[{point}]: {reason}");
            rows.push(Row {
                document: 0,
                network: Network { name: series.model.clone(), bytes: None },
                name: series.label.clone(),
                own: false,
                facts: BTreeMap::new(),
                batch: batch(items).map_err(named)?,
                ms: positive("ms", ms).map_err(named)?,
                statistic: document.statistic.clone().unwrap_or_else(|| "-".to_owned()),
                p90_ms: None,
                with_copies_ms: None,
                images_per_s: None,
                gmacs_per_s: None,
                placement: None,
                notes: Vec::new(),
                profile: None,
                device: document.device.clone(),
                day: date.clone(),
            });
        }
    }
    Ok((rows, document.source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<Row>, String), String> {
        document(serde_json::from_str::<Value>(text).unwrap().as_object().unwrap())
    }

    const SMALL: &str = r#"{"source": "PyTorch", "statistic": "mean", "date": "2026-11-27",
        "series": [{"label": "eager", "model": "g.onnx", "points": [{"batch": 1, "ms": 2.0}, {"batch": 8, "ms": 4}]}]}"#;

    #[test]
    fn each_point_is_a_row() {
        let (rows, source) = read(SMALL).unwrap();
        assert_eq!((rows.len(), source.as_str()), (2, "PyTorch"));
        assert_eq!((rows[1].batch, rows[1].ms, rows[1].rate(), rows[1].own), (8, 4.0, 2000.0, false));
        assert_eq!((rows[0].statistic.as_str(), rows[0].day.as_deref()), ("mean", Some("2026-11-27")));
    }

    #[test]
    fn what_is_misspelt_or_no_time_is_refused_by_its_place() {
        for (from, to, says) in [
            ("\"statistic\"", "\"stastistic\"", "unknown field `stastistic`"),
            ("\"source\": \"PyTorch\", ", "", "missing field `source`"),
            ("2026-11-27", "27.11.2026", "date: is not a date"),
            ("\"batch\": 8", "\"batch\": 0", "series[0].points[1]: batch: must be at least 1"),
            ("\"ms\": 2.0", "\"ms\": -2.0", "series[0].points[0]: ms: is not a number above 0: -2"),
            ("[{\"batch\": 1, \"ms\": 2.0}, {\"batch\": 8, \"ms\": 4}]", "[]", "series[0]: has no point"),
        ] {
            let text = SMALL.replace(from, to);
            assert_ne!(text, SMALL);
            let reason = read(&text).unwrap_err();
            assert!(reason.contains(says), "{says}: {reason}");
        }
    }
}
